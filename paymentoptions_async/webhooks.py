"""The inbox: a webhook is a hint. Checked, recorded, confirmed by a status query, and only then believed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from paymentoptions_async import policy
from paymentoptions_async.errors import Contradiction, PaymentOptionsError, WebhookRejected
from paymentoptions_async.flow import Confirmation, Flow
from paymentoptions_async.intent import Notice, NoticeState, Record
from paymentoptions_async.notices import MAX_BODY, read_notice
from paymentoptions_async.redirects import Purpose, Signer

log = logging.getLogger("paymentoptions_async")

MAX_NOTICES = 20
"""Different webhooks under one reference that are confirmed in `PERIOD`; more are recorded only."""
PERIOD = 3600.0
"""Seconds. A cap for good would leave a subscription's later renewals, or the truth after a flood, unconfirmed."""

MAX_AT_ONCE = 8
"""Webhooks that are confirmed at once."""


class Inbox:
    """Takes in the webhooks of one merchant. Knows no web framework. ``clock`` gives Unix seconds."""

    def __init__(
        self, flow: Flow, signer: Signer, *, scope: str, clock: Callable[[], float], random: Random | None = None
    ) -> None:
        self._flow = flow
        self._signer = signer
        self._scope = scope
        self._clock = clock
        self._random = random or Random()  # noqa: S311  jitter is no secret
        self._confirming: set[tuple[str, str]] = set()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._failures = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._closed = False
        self.refused = 0
        """How many were refused for a bad token or their size, since this client was made."""

    async def receive(self, ref: str, token: str, *, headers: Mapping[str, str], body: bytes) -> None:
        """Take in one webhook. When this returns it is recorded: answer 200.

        Raises `WebhookRejected` (answer its ``http_status``; nothing was kept) or `JournalUnavailable` (answer 503).
        The confirmation goes on in the background; ``drain`` waits for it.
        """
        self._check(ref, token, size=len(body))
        notice = read_notice(ref, body, content_type=_header(headers, "content-type"))
        journal = self._flow.journal
        record = await journal.get(ref)
        notice = replace(notice, scope=self._scope, known=record is not None)
        is_new = await journal.note(notice)
        if not is_new and notice.digest not in {
            n.digest for n in await journal.notices(ref, state=NoticeState.WAITING)
        }:
            return  # a repetition, and what it names was asked for
        since = self._clock() - PERIOD
        lately = [noted for noted in await journal.notices(ref) if noted.received_at > since]
        if record is not None and len(lately) <= MAX_NOTICES:
            self._confirm_behind(record, notice)

    async def take_up(self) -> int:
        """Confirm what an earlier process, or a gateway that was away, left waiting; return how many there are.

        Goes on in the background, a few at a time.
        """
        waiting = await self._flow.journal.waiting_notices(self._scope)
        if waiting:
            self._flow.spawn(self._confirm_all(waiting))
        return len(waiting)

    def close(self) -> None:
        """Ask nothing again later. What waits is taken up by the next client on the journal."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()

    async def confirm(self, record: Record, notice: Notice) -> None:
        """Ask for the transactions that a webhook names and take in the answers.

        Where the gateway can't be asked now, the webhook stays waiting and is asked about again later: in this
        process, by `wait` and `resolve`, and by the next client on the journal.
        """
        async with self._slots:
            await self._confirm(record, notice)

    async def _confirm(self, record: Record, notice: Notice) -> None:
        if not notice.transaction_ids:
            await self._close(notice, NoticeState.REJECTED, "names no transaction")
            return
        deadline = asyncio.get_running_loop().time() + policy.GET_TIMEOUT
        came_of_it = set()
        for transaction_id in notice.transaction_ids:
            try:
                came_of_it.add(await self._flow.confirm(record, transaction_id, deadline))
            except Contradiction as found:
                log.error("%s", found)  # noqa: TRY400  no traceback: the message says it all
                await self._close(notice, NoticeState.CONFIRMED, "contradicts what was settled")
                return
            except PaymentOptionsError as error:
                log.warning("webhook of %s not confirmed yet: %s", notice.ref, type(error).__name__)
                self._ask_again_later(getattr(error, "retry_after", None))
                return
        self._failures = 0
        if Confirmation.TOLD in came_of_it:
            after = await self._flow.journal.get(notice.ref)
            status = after.payment.status if after is not None else "gone"
            await self._close(notice, NoticeState.CONFIRMED, f"payment is {status}")
        elif Confirmation.NOT_NOW in came_of_it:
            self._ask_again_later()
        else:
            await self._close(notice, NoticeState.REJECTED, "its transactions say nothing of this payment")

    def _ask_again_later(self, retry_after: float | None = None) -> None:
        """One alarm for all that waits: a gateway that is away must not meet a storm when it is back."""
        if self._closed or self._alarm is not None:
            return
        delay = max(policy.poll_delay(self._failures, self._random), retry_after or 0.0)
        self._failures += 1
        self._alarm = asyncio.get_running_loop().call_later(delay, self._ask_again)

    def _ask_again(self) -> None:
        self._alarm = None
        if not self._closed:
            self._flow.spawn(self.take_up())

    def _check(self, ref: str, token: str, *, size: int) -> None:
        try:
            self._signer.verify(ref, Purpose.WEBHOOK, token, now=self._clock())
        except WebhookRejected:
            self.refused += 1
            raise
        if size > MAX_BODY:
            self.refused += 1
            raise WebhookRejected(f"a webhook of {size} bytes; at most {MAX_BODY} are taken in", http_status=413)

    def _confirm_behind(self, record: Record, notice: Notice) -> None:
        """Confirm in the background; a flood of one webhook is asked about once at a time."""
        name = (notice.ref, notice.digest)
        if name not in self._confirming:
            self._confirming.add(name)
            self._flow.spawn(self.confirm(record, notice)).add_done_callback(lambda _: self._confirming.discard(name))

    async def _confirm_all(self, waiting: Sequence[Notice]) -> None:
        """One after the other: nobody waits for these, and the gateway has others to answer."""
        for notice in waiting:
            record = await self._flow.journal.get(notice.ref)
            if record is not None and (notice.ref, notice.digest) not in self._confirming:
                await self.confirm(record, notice)

    async def _close(self, notice: Notice, state: NoticeState, outcome: str) -> None:
        await self._flow.journal.close_notice(notice, state, outcome)


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")
