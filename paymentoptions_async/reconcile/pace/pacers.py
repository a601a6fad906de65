"""The paces of a run: steady, or adaptive. What to do is decided elsewhere; these do it."""

from __future__ import annotations

import asyncio
import math
from typing import Final

from paymentoptions_async import policy
from paymentoptions_async.reconcile.pace.controller import FIRST_CONCURRENCY, FIRST_RATE, Controller, Outcome
from paymentoptions_async.reconcile.pace.limiter import Limiter
from paymentoptions_async.wire.exchange import Reply

SHORT_PAUSE: Final = 1.0
"""Seconds that nobody asks after a 429 that says nothing of when to come back."""
_TOO_MANY = 429
_UNAVAILABLE = 503
_SERVER_ERROR = 500
_OURS = ("cancelled", "pool")


class Steady:
    """Exactly ``rate`` requests a second, or as many as will go where that is ``inf``; none while the gateway says so.

    ``concurrency`` is how many questions may be in flight. For one event loop.
    """

    def __init__(self, rate: float, concurrency: int) -> None:
        self.rate = None if math.isinf(rate) else rate
        self.concurrency = concurrency
        self.retries = 0
        self._limiter = Limiter(rate)

    @property
    def allowed(self) -> float | None:
        """Requests a second; None: as many as will go."""
        return self.rate

    async def permit(self, *, again: bool = False) -> None:
        """Return when the next request may leave."""
        self.retries += again
        await self._limiter.permit()

    def saw(self, reply: Reply) -> None:
        """Let nobody ask while the gateway wants to be left alone."""
        if outcome_of(reply) is Outcome.REFUSED:
            wait = told_to_wait(reply)
            self._limiter.pause(SHORT_PAUSE if wait is None else wait)


class Adaptive:
    """As fast as the gateway serves well, as `Controller` finds out; none while the gateway says so.

    ``most`` questions may be in flight at most. For one event loop.
    """

    def __init__(self, most: int) -> None:
        self.rate = None
        self.retries = 0
        self._most = most
        self._limiter = Limiter(FIRST_RATE)
        self._controller: Controller | None = None

    @property
    def allowed(self) -> float | None:
        """Requests a second."""
        return self._limiter.rate

    @property
    def concurrency(self) -> int:
        """How many questions may be in flight at present."""
        return min(self._most, FIRST_CONCURRENCY) if self._controller is None else self._controller.concurrency

    async def permit(self, *, again: bool = False) -> None:
        """Return when the next request may leave."""
        self.retries += again
        await self._limiter.permit()

    def saw(self, reply: Reply) -> None:
        """Learn from an answer, or from its absence."""
        now = asyncio.get_running_loop().time()
        if self._controller is None:
            self._controller = Controller(now, most=self._most)
        wait = told_to_wait(reply) or 0.0
        if wait:
            self._limiter.pause(wait)
        outcome = outcome_of(reply)
        if outcome is not None:
            self._controller.saw(now, outcome, reply.evidence.elapsed, wait=wait)
        if self._controller.rate != self._limiter.rate:
            self._limiter.set_rate(self._controller.rate)


def outcome_of(reply: Reply) -> Outcome | None:
    """What a reply tells of the gateway; None where it tells of this side alone."""
    if reply.status == _TOO_MANY or (reply.status == _UNAVAILABLE and told_to_wait(reply) is not None):
        return Outcome.REFUSED
    if reply.evidence.failure in _OURS:
        return None
    failed = reply.evidence.failure is not None or (reply.status or 0) >= _SERVER_ERROR
    return Outcome.FAILED if failed else Outcome.SERVED


def told_to_wait(reply: Reply) -> float | None:
    """Seconds that the gateway wants to be left alone, if it says so (RFC 9110, 10.2.3)."""
    return policy.retry_after(reply.headers) if reply.status in (_TOO_MANY, _UNAVAILABLE) else None
