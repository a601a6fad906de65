"""The inbox: a webhook is a hint. Checked, recorded, confirmed by a status query, and only then believed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from paymentoptions_async import policy
from paymentoptions_async.errors import Contradiction, PaymentOptionsError, WebhookRejected
from paymentoptions_async.flow import Flow
from paymentoptions_async.intent import Notice, NoticeState, Record
from paymentoptions_async.notices import MAX_BODY, read_notice
from paymentoptions_async.redirects import Purpose, Signer

log = logging.getLogger("paymentoptions_async")

MAX_NOTICES = 20
"""Different webhooks under one reference that are confirmed in `PERIOD`; more are recorded only."""
PERIOD = 3600.0
"""Seconds. A cap for good would leave a subscription's later renewals, or the truth after a flood, unconfirmed."""


class Inbox:
    """Takes in the webhooks of one gateway. Knows no web framework. ``clock`` gives Unix seconds."""

    def __init__(self, flow: Flow, signer: Signer, *, clock: Callable[[], float]) -> None:
        self._flow = flow
        self._signer = signer
        self._clock = clock
        self._confirming: set[tuple[str, str]] = set()

    async def receive(self, ref: str, token: str, *, headers: Mapping[str, str], body: bytes) -> None:
        """Take in one webhook. When this returns it is recorded: answer 200.

        Raises `WebhookRejected` (answer its ``http_status``; nothing was kept) or `JournalUnavailable` (answer 503).
        The confirmation goes on in the background; `Flow.drain` waits for it.
        """
        self._signer.verify(ref, Purpose.WEBHOOK, token, now=self._clock())
        if len(body) > MAX_BODY:
            raise WebhookRejected(f"a webhook of {len(body)} bytes; at most {MAX_BODY} are taken in", http_status=413)
        notice = read_notice(ref, body, content_type=_header(headers, "content-type"))
        journal = self._flow.journal
        record = await journal.get(ref)
        is_new = await journal.note(replace(notice, known=record is not None))
        if not is_new and notice.digest not in {
            n.digest for n in await journal.notices(ref, state=NoticeState.WAITING)
        }:
            return  # a repetition, and what it names was asked for
        since = self._clock() - PERIOD
        lately = [noted for noted in await journal.notices(ref) if noted.received_at > since]
        name = (ref, notice.digest)
        if record is not None and len(lately) <= MAX_NOTICES and name not in self._confirming:
            self._confirming.add(name)  # a flood of one webhook is asked about once at a time
            self._flow.spawn(self.confirm(record, notice)).add_done_callback(lambda _: self._confirming.discard(name))

    async def confirm(self, record: Record, notice: Notice) -> None:
        """Ask for the transactions that a webhook names and take in the answers.

        Where the gateway can't be asked now, the webhook stays waiting: `wait`, `resolve` and the next start ask again.
        """
        if not notice.transaction_ids:
            await self._close(notice, NoticeState.REJECTED, "names no transaction")
            return
        deadline = asyncio.get_running_loop().time() + policy.GET_TIMEOUT
        before = record.version
        for transaction_id in notice.transaction_ids:
            try:
                record = await self._flow.confirm(record, transaction_id, deadline)
            except Contradiction as found:
                log.error("%s", found)  # noqa: TRY400  no traceback: the message says it all
                await self._close(notice, NoticeState.CONFIRMED, "contradicts what was settled")
                return
            except PaymentOptionsError as error:
                log.warning("webhook of %s not confirmed yet: %s", notice.ref, type(error).__name__)
                return
        told = record.version > before or record.payment.transaction_id in notice.transaction_ids
        if told:
            await self._close(notice, NoticeState.CONFIRMED, f"payment is {record.payment.status}")
        else:
            await self._close(notice, NoticeState.REJECTED, "its transactions say nothing of this payment")

    async def _close(self, notice: Notice, state: NoticeState, outcome: str) -> None:
        await self._flow.journal.close_notice(notice, state, outcome)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")
