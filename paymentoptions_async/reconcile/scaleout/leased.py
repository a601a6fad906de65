"""The pace of a worker: requests leave at the instants of its leases, or hardly later, or not at all."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Awaitable
from typing import Final, Protocol

from paymentoptions_async.reconcile.pace.controller import Outcome
from paymentoptions_async.reconcile.pace.pacers import SHORT_PAUSE, outcome_of, told_to_wait
from paymentoptions_async.reconcile.scaleout.desk import SLOT, Lease
from paymentoptions_async.wire.exchange import Reply

log = logging.getLogger("paymentoptions_async")

GRACE: Final = 0.014
"""Seconds by which a request may leave later than its instant; then it is void. A second may so have 1.4 % too many."""
_LEAST_WAIT: Final = 0.002
"""Seconds between two leases: clocks that differ by a rounding error must not keep asking."""
_GROWTH: Final = 1.25
"""A worker asks for more than it used lately, or it could never use more."""
_DRIFT: Final = 2e-4
"""Seconds by which two clocks may part in one."""


class Borrow(Protocol):
    """Asks the desk, wherever it is. ``pause`` is how long the gateway wants to be left alone; mostly 0."""

    def __call__(self, wanted: float, pause: float, /) -> Awaitable[Lease]:
        """Ask for a lease. Raises OSError if the desk can't be reached."""
        ...


class LeasedPace:
    """See `Pacer`. ``concurrency`` is how many questions may be in flight. For one event loop; `run` keeps it going."""

    rate = None

    def __init__(self, borrow: Borrow, *, concurrency: int) -> None:
        self.concurrency = concurrency
        self.retries = 0
        self.ending = asyncio.Event()
        """Set when nothing more is to be asked."""
        self._borrow = borrow
        self._clock = DeskClock()
        self._due: deque[float] = deque()
        self._taken_until = -math.inf
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_reached = True
        self._is_unlimited = False
        self._paused_until = -math.inf
        self._tell_pause = False
        self._hurry = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._used, self._usual, self._counted_at = 0, 0.0, asyncio.get_running_loop().time()

    @property
    def allowed(self) -> float | None:
        """Not known here: the desk has it."""
        return None

    async def permit(self, *, again: bool = False) -> None:
        """Return when the next request may leave."""
        self.retries += again
        loop = asyncio.get_running_loop()
        if self._is_unlimited and self._paused_until <= loop.time():
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        self._hand_out()
        await turn

    def saw(self, reply: Reply) -> None:
        """Let nobody ask while the gateway wants to be left alone, here at once, and soon everywhere."""
        if outcome_of(reply) is not Outcome.REFUSED:
            return
        wait = told_to_wait(reply)
        now = asyncio.get_running_loop().time()
        until = now + (SHORT_PAUSE if wait is None else wait)
        if until > self._paused_until:
            if self._paused_until <= now:
                self._hurry.set()
            self._paused_until, self._tell_pause = until, True

    async def run(self) -> None:
        """Borrow slot by slot, until cancelled. A desk that can't be reached gives nothing."""
        loop = asyncio.get_running_loop()
        while True:
            self._hurry.clear()
            again_at = max(await self._borrow_next(), loop.time() + _LEAST_WAIT)
            try:
                async with asyncio.timeout_at(again_at):
                    await self._hurry.wait()
            except TimeoutError:
                pass

    async def _borrow_next(self) -> float:
        """Take in one lease; return when to ask for the next."""
        loop = asyncio.get_running_loop()
        asked_at = loop.time()
        telling, self._tell_pause = self._tell_pause, False
        try:
            lease = await self._borrow(self._wanted(), max(0.0, self._paused_until - asked_at) if telling else 0.0)
        except OSError as error:
            if self._is_reached:
                log.warning("no lease, so nothing is asked: %s", error)
            self._is_reached = False
            self._tell_pause |= telling
            return loop.time() + SLOT
        self._is_reached = True
        self._clock.heard(lease.now, asked_at, loop.time())
        self._take_in(lease)
        self._hand_out()
        return self._clock.here(lease.again_at)

    def _wanted(self) -> float:
        """How many requests could leave in a slot: as many as did lately and some more, and those that wait."""
        now = asyncio.get_running_loop().time()
        elapsed = now - self._counted_at
        if elapsed >= SLOT / 2:
            self._usual = self._used * SLOT / elapsed
            self._used, self._counted_at = 0, now
        return self._usual * _GROWTH + sum(not turn.done() for turn in self._waiting)

    def _take_in(self, lease: Lease) -> None:
        if lease.ending:
            self.ending.set()
        self._is_unlimited = lease.instants is None
        self._paused_until = max(self._paused_until, self._clock.here(lease.paused_until))
        for instant in lease.instants or ():
            due = self._clock.here(instant)
            if due > self._taken_until:  # else the clock was set back, and it would be one too many
                self._due.append(due)
                self._taken_until = due

    def _hand_out(self) -> None:
        """Let those go whose instant has come, and wake up for the next one."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        while self._due and self._due[0] < max(now - GRACE, self._paused_until):
            self._due.popleft()  # to leave later would be a burst
        is_free = self._is_unlimited and self._paused_until <= now
        while self._waiting and (is_free or (self._due and self._due[0] <= now)):
            turn = self._waiting.popleft()
            if turn.done():
                continue
            if not is_free:
                self._due.popleft()
            self._used += 1
            turn.set_result(None)
        if self._waiting and self._timer is None:
            if self._is_unlimited:
                self._timer = loop.call_at(self._paused_until, self._wake)
            elif self._due:
                self._timer = loop.call_at(self._due[0], self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._hand_out()


class DeskClock:
    """What the desk's clock shows here: its answers came between asking and getting them.

    Each answer narrows down how far the clocks are apart. What is assumed moves as little as that allows, so that
    instants keep their distances.
    """

    def __init__(self) -> None:
        self._apart = math.nan
        self._least, self._most = -math.inf, math.inf
        self._heard_at = -math.inf

    def heard(self, shown: float, asked_at: float, got_at: float) -> None:
        """The desk's clock showed this, between two instants of one's own."""
        slack = 0.0 if math.isinf(self._heard_at) else (got_at - self._heard_at) * _DRIFT
        least, most = max(self._least - slack, asked_at - shown), min(self._most + slack, got_at - shown)
        if least > most:  # one of the clocks was stopped: what was known of them holds no more
            least, most = asked_at - shown, got_at - shown
        self._least, self._most, self._heard_at = least, most, got_at
        now = self._apart
        self._apart = (least + most) / 2 if math.isnan(now) else min(max(now, least), most)

    def here(self, shown: float) -> float:
        """When the desk's clock shows this, in seconds of one's own."""
        return shown + self._apart
