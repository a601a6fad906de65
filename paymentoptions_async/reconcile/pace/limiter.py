"""Permits at a rate, in the order in which they were asked for. aiolimiter's leaky buckets count them."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import Final

from aiolimiter import AsyncLimiter

TOLERANCE: Final = 0.02
"""No half-open second has more than this part above the rate, or above the next whole number."""
_AIM: Final = 0.99
"""Of the rate: what is given as long as nothing is late."""
_MOST: Final = 0.995
"""Of the rate: what is given to make up for what was late. The rest is room for requests that arrive unevenly."""
_MADE_UP: Final = 0.1
"""Seconds that the loop may stall without losing anything."""


class Limiter:
    """Permits at ``rate`` a second; ``inf``: at once. For one event loop.

    Permits that come late, because the loop was busy, are made up for by a short burst within the tolerance.
    """

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._meter = None if math.isinf(rate) else _Meter(rate)
        self._waiting: deque[asyncio.Future[_Permit]] = deque()
        self._feeding: asyncio.Task[None] | None = None
        self._paused_until = -math.inf

    def set_rate(self, rate: float) -> None:
        """Give permits at another rate from the next one on, without a burst."""
        self.rate = rate
        self._meter = None if math.isinf(rate) else _Meter(rate, at_once=False)

    def pause(self, seconds: float) -> None:
        """Give no permit for so many seconds."""
        self._paused_until = max(self._paused_until, asyncio.get_running_loop().time() + seconds)

    async def permit(self) -> None:
        """Return when the next request may leave."""
        loop = asyncio.get_running_loop()
        if self._meter is None and not self._waiting and self._paused_until <= loop.time():
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        if self._feeding is None or self._feeding.done():
            self._feeding = loop.create_task(self._feed())
        try:
            permit = await turn
        except asyncio.CancelledError:
            self._left()
            raise
        loop.call_soon(permit.leave, loop)  # next, after whoever has it now has sent

    async def _feed(self) -> None:
        """Hand out permits as long as anybody waits: one task for all, so that a late one wakes many at once."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            if (left := self._paused_until - loop.time()) > 0:
                await asyncio.sleep(left)
                continue
            permit = _Permit(loop.time()) if self._meter is None else await self._meter.count()
            if self._paused_until <= loop.time():
                self._hand_out(permit)

    def _hand_out(self, permit: _Permit) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(permit)
                return

    def _left(self) -> None:
        """Somebody waits no more; after the last one nothing is left to do."""
        if self._feeding is not None and all(turn.done() for turn in self._waiting):
            self._waiting.clear()
            self._feeding.cancel()
            self._feeding = None


class _Permit:
    """When the request had left that it was given to; until then, when it was given."""

    __slots__ = ("used_at",)

    def __init__(self, given_at: float) -> None:
        self.used_at = given_at

    def leave(self, loop: asyncio.AbstractEventLoop) -> None:
        self.used_at = loop.time()


class _Meter:
    """Counts permits of one rate. ``at_once``: the first one need not wait.

    A leaky bucket spreads them evenly, and makes up for late ones. What it gives after an idle time would be above the
    tolerance. So none is given either before the span is over since that one had left from which on as many left as a
    second may have. The span is longer than a second, so that those that are under way for longer than others don't
    arrive too many in a second either: by 15 to 25 ms, or by 5 ms where the tolerance is less than one request.
    """

    def __init__(self, rate: float, *, at_once: bool = True) -> None:
        most = max(math.floor(rate * (1 + TOLERANCE)), math.ceil(rate))
        self._span = most / (rate * _MOST)
        self._given: deque[_Permit] = deque(maxlen=most)
        self._capacity = 1.5 + rate * _MADE_UP
        self._bucket = AsyncLimiter(self._capacity, self._capacity / (rate * _AIM))
        self._not_yet = self._capacity - at_once

    async def count(self) -> _Permit:
        """Return the next permit when it may be given."""
        if self._not_yet:
            not_yet, self._not_yet = self._not_yet, 0.0
            await self._bucket.acquire(not_yet)
        await self._bucket.acquire()
        loop = asyncio.get_running_loop()
        if len(self._given) == self._given.maxlen and (early := self._given[0].used_at + self._span - loop.time()) > 0:
            await asyncio.sleep(early)
        permit = _Permit(loop.time())
        self._given.append(permit)
        return permit
