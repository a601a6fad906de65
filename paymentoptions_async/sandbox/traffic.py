"""What the gateway bears: how many requests before it refuses them, how long each takes, and when it is down."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from .clock import Clock

TOO_MANY, UNAVAILABLE = 429, 503


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Fix what one gateway of a sandbox bears, by the sandbox's clock. As it stands, everything.

    Above `limit_rate` requests a second it answers 429; after a pause, `limit_burst` may come at once (by default as
    many as in a second). `tell_retry_after` says in whole seconds when to come again.
    Each answer takes `latency` seconds. Of more than `capacity` a second, each waits until it is served, so that
    answers slow down as the load rises; nobody waits longer than `longest_wait`, but gets 503.
    Once in every `failing_every` seconds it answers everything with `failing_status` for `failing_for` seconds.
    """

    limit_rate: float | None = None
    limit_burst: float | None = None
    tell_retry_after: bool = True
    latency: float = 0.0
    capacity: float | None = None
    longest_wait: float = 30.0
    failing_every: float | None = None
    failing_for: float = 0.0
    failing_status: int = UNAVAILABLE

    def __post_init__(self) -> None:
        for name in ("limit_rate", "limit_burst", "capacity", "failing_every"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} lies above 0")
        if self.limit_burst is not None and self.limit_burst < 1:
            raise ValueError("limit_burst is 1 or more: nothing would ever pass")
        for name in ("latency", "longest_wait", "failing_for"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is 0 or more")
        if self.failing_for > (self.failing_every or 0):
            raise ValueError("failing_for lies within failing_every")
        if self.failing_status not in range(500, 600):
            raise ValueError("failing_status lies between 500 and 599")


@dataclass(frozen=True)
class Passage:
    """What is to become of a request: it waits, in seconds; then it is answered, or refused with `status`."""

    wait: float = 0.0
    status: int | None = None
    retry_after: int | None = None


class Gate:
    """Lets requests pass as a gateway's traffic says. `seed` fixes when it is down."""

    def __init__(self, traffic: Traffic, clock: Clock, *, seed: str) -> None:
        self._traffic, self._clock, self._seed = traffic, clock, seed
        self._began = self._now()
        self._tokens = self._burst
        self._filled = self._idle_from = self._began

    def pass_on(self) -> Passage:
        """Decide about a request that has just come."""
        now = self._now()
        if self._is_down(now):
            return Passage(self._traffic.latency, self._traffic.failing_status)
        if not self._take_token(now):
            return Passage(status=TOO_MANY, retry_after=self._seconds_to_token())
        wait = self._wait_in_line(now)
        if wait > self._traffic.longest_wait:
            return Passage(status=UNAVAILABLE)
        return Passage(wait + self._traffic.latency)

    @property
    def _burst(self) -> float:
        traffic = self._traffic
        return traffic.limit_burst if traffic.limit_burst is not None else max(1.0, traffic.limit_rate or 0.0)

    def _take_token(self, now: float) -> bool:
        rate = self._traffic.limit_rate
        if rate is None:
            return True
        self._tokens = min(self._burst, self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True

    def _seconds_to_token(self) -> int | None:
        rate = self._traffic.limit_rate
        return math.ceil((1 - self._tokens) / rate) if rate and self._traffic.tell_retry_after else None

    def _wait_in_line(self, now: float) -> float:
        """Take a place in the line, and return how long it takes to be served; those who would leave take none."""
        capacity = self._traffic.capacity
        if capacity is None:
            return 0.0
        served = max(now, self._idle_from) + 1 / capacity
        if served - now <= self._traffic.longest_wait:
            self._idle_from = served
        return served - now

    def _is_down(self, now: float) -> bool:
        every = self._traffic.failing_every
        if every is None:
            return False
        period, passed = divmod(now - self._began, every)
        begins = random.Random(f"{self._seed}:{period:.0f}").uniform(0, every - self._traffic.failing_for)  # noqa: S311
        return begins <= passed < begins + self._traffic.failing_for

    def _now(self) -> float:
        return self._clock.now().timestamp()
