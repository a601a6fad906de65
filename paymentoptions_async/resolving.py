"""The resolver: asks for all that is open in a journal, once each, beside any number of others that do the same.

Each payment is taken from the journal for a while before it is asked for, so that nobody else asks for it at the same
time; then it is put off, the longer the more often it was asked for in vain. What a killed process had taken is free
again when its lease is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from random import Random
from secrets import token_hex
from typing import Any

from paymentoptions_async import policy, polling
from paymentoptions_async.errors import (
    Contradiction,
    GatewayUnavailable,
    InvalidRequest,
    JournalUnavailable,
    RateLimited,
)
from paymentoptions_async.flow import Flow, Pace
from paymentoptions_async.intent import Place, Record, Visit

log = logging.getLogger("paymentoptions_async")

LEASE = 300.0
"""Seconds for which what was taken is nobody else's. What could not be asked for in time is left alone."""

IN_VAIN = 20
"""Questions in a row that nobody answers, or that come too fast, until the gateway is left alone for this round."""


@dataclass(slots=True, kw_only=True)
class Round:
    """What one round came to. Each payment that it visited is in one of the numbers.

    ``settled`` are final now. ``still_open`` were asked for and are not; ``not_askable`` have no transaction that
    anybody knows of, so that only a webhook or a person settles them; ``unanswered`` could not be asked for now.
    ``contradictions`` names payments whose answer contradicts what was settled: a person must look.

    ``is_complete`` is False where the round was ended before it came to all that was due: it was told to stop, or the
    gateway is away or wants to be left alone. The rest is left to others, and to the next round.
    """

    settled: int = 0
    still_open: int = 0
    not_askable: int = 0
    unanswered: int = 0
    contradictions: list[str] = field(default_factory=list)
    is_complete: bool = True

    @property
    def visited(self) -> int:
        """How many payments it was about."""
        return self.settled + self.still_open + self.not_askable + self.unanswered + len(self.contradictions)


class Resolver:
    """One round over a scope. ``concurrency`` bounds the questions in flight, ``pace`` how fast they leave.

    ``older_than`` leaves out what was opened within so many seconds: its own caller is likely to wait for it. Once
    ``stop`` is set, what is in flight comes in, and the rest is left to others.
    """

    def __init__(
        self,
        flow: Flow,
        scope: str,
        *,
        older_than: float,
        concurrency: int,
        pace: Pace | None,
        random: Random,
        stop: asyncio.Event | None = None,
    ) -> None:
        self._flow = flow
        self._scope = scope
        self._older_than = older_than
        self._concurrency = concurrency
        self._pace = pace
        self._random = random
        self._stop = stop or asyncio.Event()
        self._owner = token_hex(16)
        self._taken: deque[tuple[Visit, float]] = deque()
        self._next: Place | None = None
        self._is_last = False
        self._busy_until = 0.0
        self._in_vain = 0
        self._taking = asyncio.Lock()
        self._idle: set[asyncio.Task[None]] = set()
        self._round = Round()

    async def run(self) -> Round:
        """Go through all that is due. Raises `AuthenticationFailed` and `JournalUnavailable`; then others are free."""
        try:
            async with asyncio.TaskGroup() as group:
                workers = [group.create_task(self._work()) for _ in range(self._concurrency)]
                watching = group.create_task(self._watch())
                await asyncio.wait(workers)
                watching.cancel()
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            await self._let_go()
        return self._round

    async def _watch(self) -> None:
        await self._stop.wait()
        self._end()

    def _end(self) -> None:
        """Begin with no more questions, and let those come in that are in flight."""
        self._round.is_complete = False
        for waiting in self._idle:
            waiting.cancel()

    async def _work(self) -> None:
        while (taken := await self._take()) is not None:
            visit, until = taken
            again_in: float | None = 0.0
            try:
                again_in = await self._visit(visit, until)
            finally:
                await self._flow.journal.end_visit(visit.record.ref, owner=self._owner, again_in=again_in)

    async def _take(self) -> tuple[Visit, float] | None:
        """The next payment, and until when it is ours. As many are taken at once as are asked for at once."""
        async with self._taking:
            while self._round.is_complete and not self._taken and not self._is_last:
                until = self._now() + LEASE
                await _whole(self._claim(until))
            return self._taken.popleft() if self._taken and self._round.is_complete else None

    async def _claim(self, until: float) -> None:
        """Take as many payments as are asked for at once. What was taken is to be known here: `_let_go`."""
        page = await self._flow.journal.claim_open(
            self._scope,
            owner=self._owner,
            lease=LEASE,
            limit=self._concurrency,
            older_than=self._older_than,
            after=self._next,
        )
        self._taken.extend((visit, until) for visit in page.visits)
        self._next, self._is_last = page.next, page.next is None

    async def _visit(self, visit: Visit, until: float) -> float | None:
        """Ask for a payment; return in how many seconds to ask again, None where it is over.

        What webhooks name may be no transaction at all, so that one question in vain holds up none of the others.
        """
        ref, wait = visit.record.ref, policy.visit_delay(visit.attempt, self._random)
        questions = await polling.questions(self._flow, visit.record)
        answers = 0
        contradicted: str | None = None
        for about, transaction_id in questions:
            if not await self._is_our_turn(until):
                if not answers:
                    self._round.unanswered += 1
                    return 0.0
                break
            try:
                answers += await self._ask(ref, about, transaction_id, until)
            except Contradiction as error:
                log.warning("%s", error)
                contradicted = error.payment.ref
            except RateLimited as busy:
                told = busy.retry_after or 0.0
                wait = max(wait, told)
                self._leave_alone(told)
                break
        is_final = (await polling.known(self._flow, ref)).payment.is_final
        if contradicted is not None:
            self._round.contradictions.append(contradicted)
        elif is_final:
            self._round.settled += 1
        elif not questions:
            self._round.not_askable += 1
        elif answers:
            self._round.still_open += 1
        else:
            self._round.unanswered += 1
        return None if is_final else wait

    async def _ask(self, ref: str, about: Record, transaction_id: str, until: float) -> bool:
        """Ask one question; False where it was not answered. It is given up before others may ask it."""
        deadline = min(self._now() + policy.GET_TIMEOUT, until)
        try:
            async with asyncio.timeout_at(until):  # waiting for a pace does not count against the deadline
                await self._flow.confirm(about, transaction_id, deadline, self._pace)
        except InvalidRequest as error:
            log.info("asking for %s: %s", ref, error)
            return False
        except (GatewayUnavailable, TimeoutError) as error:
            log.info("asking for %s: %s", ref, error)
            self._went_in_vain()
            return False
        self._in_vain = 0
        return True

    async def _is_our_turn(self, until: float) -> bool:
        """Wait until a question may leave; False where it would not be answered while the payment is ours."""
        latest = until - policy.GET_TIMEOUT
        if self._busy_until >= latest:
            return False
        try:
            async with asyncio.timeout_at(latest):
                with self._idly():
                    await asyncio.sleep(max(0.0, self._busy_until - self._now()))
                    if self._pace is not None:
                        await self._pace.permit()
        except TimeoutError:
            return False
        return True

    @contextlib.contextmanager
    def _idly(self) -> Iterator[None]:
        """Who waits here has nothing in flight, and need not wait once the round is ended."""
        waiting = asyncio.current_task()
        assert waiting is not None
        if not self._round.is_complete:  # it was ended while this one did something else
            raise asyncio.CancelledError
        self._idle.add(waiting)
        try:
            yield
        finally:
            self._idle.discard(waiting)

    def _leave_alone(self, seconds: float) -> None:
        """The gateway is asked too fast."""
        self._busy_until = max(self._busy_until, self._now() + seconds)
        self._went_in_vain()
        if seconds >= LEASE - policy.GET_TIMEOUT:
            self._end()

    def _went_in_vain(self) -> None:
        self._in_vain += 1
        if self._in_vain >= IN_VAIN:
            self._end()

    async def _let_go(self) -> None:
        """Leave to others what was taken and not come to. Where that fails, its lease ends."""
        with contextlib.suppress(JournalUnavailable):
            while self._taken:
                visit, _ = self._taken.popleft()
                await self._flow.journal.end_visit(visit.record.ref, owner=self._owner, again_in=0.0)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


async def _whole(work: Coroutine[Any, Any, None]) -> None:
    """Await something that is done to its end, also where its caller is cancelled meanwhile."""
    doing = asyncio.ensure_future(work)
    try:
        await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        if not doing.cancelled():
            doing.exception()  # seen: the caller ends for another reason
        raise
