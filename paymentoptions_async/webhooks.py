"""The inbox: a webhook is a hint. Checked, recorded, confirmed by a status query, and only then believed."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random

from paymentoptions_async import policy
from paymentoptions_async.discreet import discreet
from paymentoptions_async.errors import (
    Contradiction,
    GatewayUnavailable,
    InvalidRequest,
    PaymentOptionsError,
    WebhookRejected,
)
from paymentoptions_async.flow import Confirmation, Flow
from paymentoptions_async.intent import Notice, NoticeState, Record
from paymentoptions_async.notices import MAX_BODY, read_notice
from paymentoptions_async.redirects import Purpose, Signer
from paymentoptions_async.wire.guard import LoopGuard

log = logging.getLogger("paymentoptions_async")

MAX_NOTICES = 20
"""Different webhooks under one reference that are confirmed at once in `PERIOD`; more are recorded, and wait."""
PERIOD = 3600.0
"""Seconds. A cap for good would leave a subscription's later renewals, or the truth after a flood, unconfirmed."""

MAX_AT_ONCE = 32
"""Webhooks that are confirmed at once. With 8, and a quarter of a second for each, 30 payments a second pile up."""

TAKEN_UP_AT_ONCE = 8
"""Of those that waited, once the gateway answers the first: the rest of the places is for what comes just now."""
_PAGE = 100

AFTER_A_FLOOD = 60.0
"""Seconds, about, until what waits behind `MAX_NOTICES` is asked about: as many again, and so on."""

APPEARS_WITHIN = 600.0
"""Seconds for which a transaction that a webhook names, and the gateway does not know, is asked for again (inferred).

A webhook may be quicker than what answers status queries, and may be all that tells of a charge."""
MAX_NOT_FOUND = 4
"""Webhooks under one reference that may wait for such a transaction; of a flood, the ids are made up."""


class Inbox:
    """Takes in the webhooks of one merchant. Knows no web framework. ``clock`` gives Unix seconds."""

    def __init__(
        self,
        flow: Flow,
        signer: Signer,
        *,
        scope: str,
        clock: Callable[[], float],
        random: Random | None = None,
        guard: LoopGuard | None = None,
    ) -> None:
        self._flow = flow
        self._signer = signer
        self._scope = scope
        self._clock = clock
        self._random = random or Random()  # noqa: S311  jitter is no secret
        self._guard = guard or LoopGuard()
        self._confirming: set[tuple[str, str]] = set()
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._failures = 0
        self._alarm: asyncio.TimerHandle | None = None
        self._quiet_until = 0.0
        self._taking_up = False
        self._once_more = False
        self._closed = False
        self.refused = 0
        """How many were refused for a bad token or their size, since this client was made."""

    @discreet
    async def receive(self, ref: str, token: str, *, headers: Mapping[str, str], body: bytes) -> None:
        """Take in one webhook. When this returns it is recorded: answer 200.

        Raises `WebhookRejected` (answer its ``http_status``; nothing was kept) or `JournalUnavailable` (answer 503).
        The confirmation goes on in the background; ``drain`` waits for it.
        """
        self._check(ref, token, size=len(body))
        notice = read_notice(ref, body, content_type=header(headers, "content-type"))
        del token, headers, body  # this frame may be shown in a traceback
        await self._take_in(notice)

    async def _take_in(self, notice: Notice) -> None:
        """Record a webhook whose sender was checked, and have it confirmed.

        It is recorded even where the caller is cancelled: a sender that hangs up may believe that it has delivered.
        """
        self._guard.check()
        await asyncio.shield(self._flow.spawn(self._record(notice)))

    async def _record(self, notice: Notice) -> None:
        ref, journal = notice.ref, self._flow.journal
        record = await journal.get(ref)
        notice = replace(notice, scope=self._scope, known=record is not None, received_at=self._clock())
        is_new = await journal.note(notice)
        if not is_new and notice.digest not in {
            n.digest for n in await journal.notices(ref, state=NoticeState.WAITING)
        }:
            return  # a repetition, and what it names was asked for
        since = self._clock() - PERIOD
        lately = [noted for noted in await journal.notices(ref) if noted.received_at > since]
        if record is None:
            return
        if len(lately) > MAX_NOTICES:
            self._ask_again_later(at_least=AFTER_A_FLOOD)
        elif self._is_quiet:
            self._ask_again_later()
        else:
            self._confirm_behind(record, notice)

    async def take_up(self) -> int:
        """Confirm what an earlier process, or a gateway that was away, left waiting; return how many are begun with.

        Goes on in the background, a few at a time: the gateway has others to answer.
        """
        waiting = await self._flow.journal.waiting_notices(self._scope, limit=_PAGE)
        if self._taking_up:
            self._once_more = bool(waiting)
        elif waiting:
            self._taking_up = True
            self._flow.spawn(self._confirm_all(waiting))
        return len(waiting)

    def close(self) -> None:
        """Ask nothing again later. What waits is taken up by the next client on the journal."""
        self._closed = True
        if self._alarm is not None:
            self._alarm.cancel()

    async def confirm(self, record: Record, notice: Notice) -> bool:
        """Ask for the transactions that a webhook names and take in the answers; False if nobody could be asked.

        Then the webhook stays waiting and is asked about again later: in this process, by `wait` and `resolve`, and by
        the next client on the journal.
        """
        async with self._slots:
            try:
                await self._confirm(record, notice)
            except PaymentOptionsError as error:
                log.warning("webhook of %s not confirmed yet: %s", notice.ref, type(error).__name__)
                self._ask_again_later(retry_after=getattr(error, "retry_after", None))
                return False
        return True

    async def _confirm(self, record: Record, notice: Notice) -> None:
        if not notice.transaction_ids:
            await self._close(notice, NoticeState.REJECTED, "names no transaction")
            return
        came_of_it = await self._ask_all(record, notice)
        if Confirmation.NOT_NOW in came_of_it:
            self._ask_again_later()
        elif Confirmation.TOLD in came_of_it:
            self._failures = 0
            after = await self._flow.journal.get(notice.ref)
            status = after.payment.status if after is not None else "gone"
            await self._close(notice, NoticeState.CONFIRMED, f"payment is {status}")
        elif Confirmation.NOT_FOUND in came_of_it and await self._may_yet_appear(notice):
            self._ask_again_later()
        else:
            self._failures = 0
            await self._close(notice, NoticeState.REJECTED, "its transactions say nothing of this payment")

    async def _ask_all(self, record: Record, notice: Notice) -> set[Confirmation]:
        """Ask for every id. What is no transaction may never be answered, and holds up for good nothing that was told.

        A webhook may hold UUIDs of other things.
        """
        deadline = asyncio.get_running_loop().time() + policy.GET_TIMEOUT
        came_of_it: set[Confirmation] = set()
        for transaction_id in notice.transaction_ids:
            try:
                came_of_it.add(await self._ask(record, transaction_id, deadline))
            except (GatewayUnavailable, InvalidRequest):
                if Confirmation.TOLD not in came_of_it or self._is_recent(notice):
                    raise
        return came_of_it

    async def _ask(self, record: Record, transaction_id: str, deadline: float) -> Confirmation:
        try:
            return await self._flow.confirm(record, transaction_id, deadline)
        except Contradiction as found:
            log.error("%s", found)  # noqa: TRY400  no traceback: the message says it all
            return Confirmation.TOLD

    async def _may_yet_appear(self, notice: Notice) -> bool:
        """Is it worth asking again for what the gateway does not know? Not for each of many that somebody made up."""
        if not self._is_recent(notice):
            return False
        return len(await self._flow.journal.notices(notice.ref, state=NoticeState.WAITING)) <= MAX_NOT_FOUND

    def _is_recent(self, notice: Notice) -> bool:
        return self._clock() - notice.received_at <= APPEARS_WITHIN

    @property
    def _is_quiet(self) -> bool:
        """True while the gateway wants to be asked nothing."""
        return asyncio.get_running_loop().time() < self._quiet_until

    def _ask_again_later(self, *, at_least: float = 0.0, retry_after: float | None = None) -> None:
        """One alarm for all that waits: a gateway that is away must not meet a storm when it is back.

        ``at_least`` is in seconds, and gives way to an alarm that comes sooner; the gateway's own ``retry_after`` to
        none.
        """
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        self._quiet_until = max(self._quiet_until, loop.time() + (retry_after or 0.0))
        if self._alarm is None:
            when = loop.time() + max(policy.poll_delay(self._failures, self._random), at_least)
            self._failures += 1
        else:
            when = self._alarm.when()
            self._alarm.cancel()
        self._alarm = loop.call_at(max(when, self._quiet_until), self._ask_again)

    def _ask_again(self) -> None:
        self._alarm = None
        if not self._closed:
            self._flow.spawn(self._take_up_again())

    async def _take_up_again(self) -> None:
        try:
            await self.take_up()
        except PaymentOptionsError as error:
            log.warning("webhooks that wait could not be read: %s", error)
            self._ask_again_later()

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
            confirming = self._flow.spawn(self.confirm(record, notice))
            confirming.add_done_callback(lambda _: self._confirming.discard(name))

    async def _confirm_all(self, waiting: Sequence[Notice]) -> None:
        """Ask for one, and while there are answers for a few at once, until all were asked for once or nobody answers.

        In no order, so that one whose question the gateway never answers does not hold up those behind it for good;
        and behind however many whose transactions it does not know.
        """
        seen: set[tuple[str, str]] = set()
        taken: Counter[str] = Counter()
        at_once = 1
        try:
            while left := [notice for notice in waiting if (notice.ref, notice.digest) not in seen]:
                seen.update((notice.ref, notice.digest) for notice in left)
                self._random.shuffle(left)
                left = [notice for notice in left if self._is_within(notice, taken)]
                while left and not (self._closed or self._is_quiet):
                    some, left = left[:at_once], left[at_once:]
                    if not any(await asyncio.gather(*map(self._confirm_waiting, some))):
                        return
                    at_once = TAKEN_UP_AT_ONCE
                if left:
                    return
                waiting = await self._flow.journal.waiting_notices(self._scope, limit=_PAGE + len(seen))
        except PaymentOptionsError as error:
            log.warning("webhooks that wait could not be read: %s", error)
            self._ask_again_later()
        finally:
            self._taking_up = False
            if self._once_more:  # an alarm went off meanwhile, for what had been asked about by then
                self._once_more = False
                self._ask_again_later()

    def _is_within(self, notice: Notice, taken: Counter[str]) -> bool:
        """Count what is asked about one reference in one go; what is above the bound is asked about in the next."""
        taken[notice.ref] += 1
        if taken[notice.ref] <= MAX_NOTICES:
            return True
        self._ask_again_later(at_least=AFTER_A_FLOOD)
        return False

    async def _confirm_waiting(self, notice: Notice) -> bool:
        record = await self._flow.journal.get(notice.ref)
        name = (notice.ref, notice.digest)
        if record is None or name in self._confirming:
            return True
        self._confirming.add(name)
        try:
            return await self.confirm(record, notice)
        finally:
            self._confirming.discard(name)

    async def _close(self, notice: Notice, state: NoticeState, outcome: str) -> None:
        await self._flow.journal.close_notice(notice, state, outcome)


def header(headers: Mapping[str, str], name: str) -> str:
    """The value of a header, whatever the case of its name; empty where there is none."""
    return next((value for key, value in headers.items() if key.lower() == name), "")
