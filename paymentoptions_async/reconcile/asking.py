"""Ask very many questions, several at once, and hand over what is answered in pieces that can be kept.

Knows no files: where questions come from, and where answers go, is given. However it ends, what has come in is handed
over first.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from paymentoptions_async.errors import (
    AuthenticationFailed,
    GatewayUnavailable,
    InvalidRequest,
    InvalidValue,
    PaymentOptionsError,
    RateLimited,
)
from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.payment import Refusal
from paymentoptions_async.reconcile.answers import Row, answered, failed
from paymentoptions_async.reconcile.glance import Look, Question, look
from paymentoptions_async.reconcile.pace import Pacer
from paymentoptions_async.reconcile.workspace import now
from paymentoptions_async.wire.exchange import Reply

CHUNK = 8192
"""Questions that have left and whose answers are not kept yet, at most: what is asked again after a crash."""
SAVE_EVERY = 30.0
"""Seconds after which what is there is kept, however little."""
GIVE_UP_AFTER = 300.0
"""Seconds of failures alone after which nobody is asked any more."""


class GatewayGaveUp(GatewayUnavailable):
    """The gateway refused the keys, or answered no question for minutes. What was answered before is saved."""


class Observe(Protocol):
    """How one transaction is asked for: `PaymentOptions.observe`, or its like."""

    async def __call__(self, transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        """Ask."""
        ...


class Asking:
    """Asks with up to ``concurrency`` questions in flight, as many as the pace allows. For one event loop.

    ``save`` is given some rows of `schemas.ANSWER` at a time, in the order of their arrival, and returns when they are
    kept. No more than ``chunk`` questions have left whose answers are not. ``clock`` gives seconds.
    """

    def __init__(
        self,
        observe: Observe,
        save: Callable[[Sequence[Row]], Awaitable[None]],
        *,
        pace: Pacer,
        concurrency: int,
        clock: Callable[[], float],
        chunk: int = CHUNK,
        wall_clock: Callable[[], datetime] = now,
    ) -> None:
        self.done = 0
        self.failed = 0
        self.findings: Counter[Look] = Counter()
        self._observe, self._save, self._pace = observe, save, pace
        self._concurrency, self._chunk, self._part = concurrency, chunk, max(1, chunk // 2)
        self._clock, self._wall_clock = clock, wall_clock
        self._questions: AsyncIterator[Sequence[Question]]
        self._next: deque[Question] = deque()
        self._fetching = asyncio.Lock()
        self._exhausted = self._closing = self._ended = False
        self._turns: dict[asyncio.Task[None], _Turn] = {}
        self._idle = asyncio.Event()
        self._rows: list[Row] = []
        self._unsaved = 0
        self._enough, self._room = asyncio.Event(), asyncio.Event()
        self._failing_since: float | None = None
        self._error: Exception | None = None

    @property
    def in_flight(self) -> int:
        """How many questions have left and are not answered."""
        return sum(turn.asked for turn in self._turns.values())

    async def ask(self, questions: AsyncIterator[Sequence[Question]]) -> None:
        """Ask all of them, and return when every answer is kept.

        Cancelled, or after an error, nothing more is asked; what is in flight comes in, bounded by its own time-outs,
        and is kept. A second cancellation does not wait for what is in flight.

        Raises:
            GatewayGaveUp: The gateway refused the keys, or there were `GIVE_UP_AFTER` seconds of failures alone.
            PaymentOptionsError: Whatever else than "not answered" a question raises: the journal's, above all.
        """
        self._questions = questions
        saver = asyncio.ensure_future(self._save_rows())
        self._fill()
        try:
            await self._idle.wait()
        finally:
            self._close()
            try:
                await self._idle.wait()
            finally:
                await self._let_go()
                self._ended = True
                self._enough.set()
                await saver
        if self._error is not None:
            raise self._error

    # Who asks -------------------------------------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Let as many ask as the pace allows. False: there are more than that already."""
        allowed = max(1, min(self._concurrency, self._pace.concurrency))
        while len(self._turns) < allowed and not self._closing and not self._exhausted:
            turn = _Turn(self._pace, self._clock, self._wall_clock)
            task = asyncio.ensure_future(self._ask_on(turn))
            self._turns[task] = turn
            task.add_done_callback(self._left)
        return len(self._turns) <= allowed

    def _left(self, task: asyncio.Task[None]) -> None:
        del self._turns[task]
        self._fill()  # of too many, more may have left at once than had to
        if not self._turns:
            self._idle.set()

    async def _ask_on(self, turn: _Turn) -> None:
        try:
            while self._fill() and (question := await self._take()) is not None:
                await self._ask_for(question, turn)
        except Exception as error:  # noqa: BLE001  whatever it is, the others come in first
            self._fail(error)

    async def _take(self) -> Question | None:
        while not self._closing:
            if self._unsaved >= self._chunk:
                self._room.clear()
                await self._room.wait()
            elif self._next:
                self._unsaved += 1
                return self._next.popleft()
            elif self._exhausted:
                return None
            else:
                await self._refill()
        return None

    async def _refill(self) -> None:
        async with self._fetching:
            if self._next or self._exhausted or self._closing:
                return
            try:
                self._next.extend(await anext(self._questions))
            except StopAsyncIteration:
                self._exhausted = True

    async def _ask_for(self, question: Question, turn: _Turn) -> None:
        try:
            seen = await self._observe(question.transaction_id, pace=turn)
        except (GatewayUnavailable, RateLimited, InvalidRequest, InvalidValue) as error:
            self._keep_failure(question, turn, error)
            self._give_up_if_it_lasts(error)
        except AuthenticationFailed as error:
            raise GatewayGaveUp(f"nobody is asked any more: {error}", evidence=error.evidence) from error
        else:
            self._keep(question, turn, seen)
        finally:
            turn.asked = False

    # What comes in --------------------------------------------------------------------------------------------------

    def _keep(self, question: Question, turn: _Turn, seen: Observation) -> None:
        self._failing_since = None
        missing = seen.reading.refusal is Refusal.NOT_FOUND
        self.findings[Look.MISSING if missing else look(question, seen.reading)] += 1
        seconds = self._clock() - turn.left_at
        self._add(answered(question.n, question.transaction_id, seen, seconds=seconds, asked_at=turn.asked_at))

    def _keep_failure(self, question: Question, turn: _Turn, error: PaymentOptionsError) -> None:
        self.failed += 1
        self.findings[Look.UNCHECKED] += 1
        if not turn.asked:
            turn.begin()  # it never left
        status = None if error.evidence is None else error.evidence.http_status
        seconds = self._clock() - turn.left_at
        self._add(failed(question.n, question.transaction_id, error, status, seconds=seconds, asked_at=turn.asked_at))

    def _add(self, row: Row) -> None:
        self.done += 1
        self._rows.append(row)
        if len(self._rows) >= self._part:
            self._enough.set()

    def _give_up_if_it_lasts(self, error: PaymentOptionsError) -> None:
        if isinstance(error, InvalidValue):
            return  # nobody was asked
        if self._failing_since is None:
            self._failing_since = self._clock()
        lasted = self._clock() - self._failing_since
        if lasted >= GIVE_UP_AFTER:
            raise GatewayGaveUp(
                f"no question was answered for {lasted:.0f} s; lately: {error}", evidence=error.evidence
            ) from error

    async def _save_rows(self) -> None:
        try:
            while self._rows or not self._ended:
                await self._wait_for_enough()
                rows, self._rows = self._rows, []
                if rows:
                    await self._save(rows)
                    self._unsaved -= len(rows)
                    self._room.set()
        except Exception as error:  # noqa: BLE001  whatever it is, nobody is asked for what can't be kept
            self._fail(error)

    async def _wait_for_enough(self) -> None:
        if self._ended or len(self._rows) >= self._part:
            return
        self._enough.clear()
        try:
            async with asyncio.timeout(SAVE_EVERY):
                await self._enough.wait()
        except TimeoutError:
            pass

    # The end --------------------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._close()

    def _close(self) -> None:
        """Hand out nothing more, and let go of those that wait for a permit: nothing of theirs is in flight."""
        self._closing = True
        self._room.set()
        for task, turn in self._turns.items():
            turn.closed = True
            if turn.waits:
                task.cancel()

    async def _let_go(self) -> None:
        """Wait for nothing that is still in flight."""
        for task in self._turns:
            task.cancel()
        if self._turns:
            await asyncio.wait(set(self._turns))


class _Turn:
    """The pace of one question after the other; it notes when the question left."""

    __slots__ = ("_clock", "_pace", "_wall_clock", "asked", "asked_at", "closed", "left_at", "waits")

    def __init__(self, pace: Pacer, clock: Callable[[], float], wall_clock: Callable[[], datetime]) -> None:
        self._pace, self._clock, self._wall_clock = pace, clock, wall_clock
        self.asked = self.waits = self.closed = False
        self.begin()

    def begin(self) -> None:
        self.left_at, self.asked_at = self._clock(), self._wall_clock()

    async def permit(self, *, again: bool = False) -> None:
        if self.closed:
            raise asyncio.CancelledError
        self.waits, self.asked = True, again
        try:
            await self._pace.permit(again=again)
        finally:
            self.waits = False
        self.asked = True
        if not again:
            self.begin()

    def saw(self, reply: Reply) -> None:
        self._pace.saw(reply)
