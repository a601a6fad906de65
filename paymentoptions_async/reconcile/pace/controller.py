"""How many requests a second, and how many at once, a gateway serves well. Pure: told what came back and when.

The algorithm is CUBIC (RFC 9438) on a rate, as botocore's adaptive retry mode has it, because below a ceiling that was
met once it stays near for long, and looks far beyond seldom: few refusals, and yet a ceiling that was lifted is found.
Three things are taken from other congestion controls. What was really served just before is the ceiling (BBR), not what
was tried. A latency well above its own minimum is a reason to yield (Vegas, and Netflix's gradient), since a queue
comes before refusals. And a slow start finds the first ceiling. How many at once follows by Little's law.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum, auto
from typing import Final

FIRST_RATE: Final = 5.0
"""Requests a second to begin with."""
LEAST_RATE: Final = 1.0
MOST_RATE: Final = 10_000.0
"""Far above what one process can ask."""
FIRST_CONCURRENCY: Final = 8
"""Questions in flight, as long as nobody knows how long an answer takes."""
LEAST_CONCURRENCY: Final = 4

_GROWTH = 1.5
"""Of the rate, from round to round, in slow start."""
_REGROWTH = 2.0
"""The same, up to where it was well before."""
_YIELD = 0.8
"""What is left of what was served, after a sign that it was too much (CUBIC's beta)."""
_LEAST_YIELD = 0.5
"""What is left at least, whatever was served."""
_PATIENCE = 5.0
"""Seconds from yielding to the ceiling (CUBIC's K), for one that is new."""
_MOST_PATIENCE = 10.0
"""For one that was met again and again."""
_WORTH_WAITING = 15.0
"""Times the wait that meeting it costs, once that is known."""
_SAME = 0.15
"""Ceilings that differ by no more than this are the same."""
_BEYOND = 1.2
"""So far above its ceiling it has gone, and slow start looks for another."""
_USED = 0.7
"""A rate of which less than this was used says nothing of a higher one."""
_FAILING = 0.25
_FAILURES = 4
"""Part of the answers, and number, that may fail without being a sign: some gateways always err a little."""
_SLOW = 1.5
"""Times the usual latency: no more is asked."""
_TOO_SLOW = 2.0
"""Times the usual latency: less is asked."""
_FALLING = 0.9
"""A latency below this part of what it was is falling: the queue is draining."""
_NOISE = 0.02
"""Seconds by which a latency may differ without meaning anything: this side may have been busy."""
_IN_VAIN = 3
"""After yielding so often for a latency that did not fall, that is how the gateway is now."""
_REMEMBERED = 120.0
"""Seconds that the lowest latency is remembered for."""
_HEAD_ROOM = 2.5
"""Times what Little's law says is in flight: above where latency makes us yield, so that it is no limit before."""
_ROUND = 0.5
_LONGEST_ROUND = 2.0
"""Seconds of a round, from one judgement to the next."""
_ENOUGH = 20
"""Answers that a round needs, if it is not to last longest."""
_FEW = 2
_SPAN = 0.1
"""Answers, and seconds between the first and the last, that tell how many a second were served."""


class Outcome(Enum):
    """What came back."""

    SERVED = auto()
    REFUSED = auto()
    """The gateway says that it is too much."""
    FAILED = auto()
    """An error of the gateway, or no answer."""


class Controller:
    """Finds the rate by what `saw` is told. ``most`` questions may be in flight at most; ``now`` is in seconds.

    ``rate`` is in requests a second.
    """

    def __init__(self, now: float, *, most: int) -> None:
        self.rate = FIRST_RATE
        self._most = most
        self._ceiling = math.inf
        self._met = 0.0  # the ceiling before
        self._patience = _PATIENCE
        self._grown_for = 0.0
        self._yielded_at = -math.inf
        self._usual = _Lowest()
        self._slow_at = math.inf  # the latency that was yielded to, while it is too high
        self._in_vain = 0
        self._is_failing = False  # and has been since it yielded to that
        self._served = 0.0  # a second, in the round before
        self._round = _Round(now)

    @property
    def concurrency(self) -> int:
        """How many questions may be in flight."""
        usual = self._usual.value
        needed = FIRST_CONCURRENCY if usual is None else math.ceil(self.rate * (usual + _NOISE) * _HEAD_ROOM)
        return min(self._most, max(LEAST_CONCURRENCY, needed))

    def saw(self, now: float, outcome: Outcome, seconds: float, *, wait: float = 0.0) -> None:
        """Learn from an answer that came at ``now`` and took ``seconds``.

        Nobody asks for ``wait`` seconds from now on, because the gateway said so.
        """
        if now - seconds < self._yielded_at:
            return  # asked before the last change, it tells of the former rate
        self._round.add(now, outcome, seconds)
        if outcome is Outcome.REFUSED:
            self._yield(now, self._round.served_rate or self._served or self.rate, wait=wait)
        elif self._round.is_over(now):
            self._judge(now)

    def _judge(self, now: float) -> None:
        """What did this round say of the rate?"""
        over = self._round
        latency = over.latency
        if over.failed >= max(_FAILURES, _FAILING * over.seen):
            self._yield(now, 0.0 if self._is_failing else over.served_rate or 0.0)
            self._is_failing = True
            return
        self._served = over.served_rate or 0.0
        if latency is None:
            self._round = _Round(now)
            return
        at_least, at_most = latency
        self._round = _Round(now, at_most)
        usual = self._usual.add(now, at_most)
        if at_least > usual * _TOO_SLOW + _NOISE:
            self._too_slow(now, latency)
        elif at_least <= usual * _SLOW + _NOISE:
            self._slow_at, self._in_vain = math.inf, 0
            self._grow(now - over.began)

    def _too_slow(self, now: float, latency: tuple[float, float]) -> None:
        """Yield, unless the queue is draining already, or yielding has not helped."""
        at_least, at_most = latency
        was, self._slow_at = self._slow_at, at_least
        if self._in_vain and at_least < was * _FALLING:
            return
        if self._in_vain < _IN_VAIN:
            self._in_vain += 1
            self._yield(now, self._served or self.rate)
        else:
            self._in_vain = 0
            self._usual = _Lowest()
            self._usual.add(now, at_most)

    def _grow(self, seconds: float) -> None:
        if self._served < self.rate * _USED:
            return
        self._is_failing = False
        start = self._ceiling * _YIELD
        if self.rate < start:
            growth = _GROWTH if math.isinf(start) else _REGROWTH
            self.rate = min(self.rate * growth, start, MOST_RATE)
            return
        self._grown_for += seconds
        beyond = self._grown_for / self._patience - 1
        self.rate = min(max(self.rate, self._ceiling * (1 + (1 - _YIELD) * beyond**3)), MOST_RATE)
        if self.rate > self._ceiling * _BEYOND:
            self._ceiling, self._patience = math.inf, _PATIENCE

    def _yield(self, now: float, served: float, *, wait: float = 0.0) -> None:
        """Ask less: a part of what was ``served`` a second. Where that is very little, it is no ceiling to go by."""
        served = min(self.rate, served)
        if served >= self.rate * _LEAST_YIELD:
            self._meet(served, wait)
        elif math.isinf(self._ceiling):
            self._ceiling = self.rate
        self.rate = max(LEAST_RATE, self.rate * _LEAST_YIELD, served * _YIELD)
        self._grown_for = 0.0
        self._yielded_at = now
        self._round = _Round(now + wait, self._usual.value or 0.0)

    def _meet(self, ceiling: float, wait: float) -> None:
        """Take a ceiling down. The more often it is met, and the more that costs, the longer it is stayed below."""
        same = abs(ceiling - self._met) <= self._met * _SAME
        longer = max(min(self._patience * 2, _MOST_PATIENCE), wait * _WORTH_WAITING)
        self._patience = longer if same else _PATIENCE
        self._ceiling = self._met = ceiling


class _Round:
    """What came back since ``began``, until there is enough to judge by; for two ``latency`` at least."""

    def __init__(self, began: float, latency: float = 0.0) -> None:
        self.began = began
        self._lasts = max(_ROUND, 2 * latency)
        self.seen = 0
        self.failed = 0
        self._seconds: list[float] = []
        self._first = self._last = began

    def add(self, now: float, outcome: Outcome, seconds: float) -> None:
        self.seen += 1
        self.failed += outcome is Outcome.FAILED
        if outcome is Outcome.SERVED:
            if not self._seconds:
                self._first = now
            self._last = now
            self._seconds.append(seconds)

    def is_over(self, now: float) -> bool:
        return now - self.began >= (self._lasts if self.seen >= _ENOUGH else max(self._lasts, _LONGEST_ROUND))

    @property
    def latency(self) -> tuple[float, float] | None:
        """Seconds that the median answer takes at least, and at most, as sure as so few can make it."""
        if not self._seconds:
            return None
        ordered = sorted(self._seconds)
        last = len(ordered) - 1
        doubt = math.sqrt(len(ordered))  # two standard deviations of the rank
        return ordered[max(0, math.floor(last / 2 - doubt))], ordered[min(last, math.ceil(last / 2 + doubt))]

    @property
    def served_rate(self) -> float | None:
        """Answers a second, from the first to the last, if there is enough to tell."""
        span = self._last - self._first
        return (len(self._seconds) - 1) / span if span >= _SPAN and len(self._seconds) >= _FEW else None


class _Lowest:
    """The lowest latency of the last time."""

    def __init__(self) -> None:
        self._rising: deque[tuple[float, float]] = deque()

    @property
    def value(self) -> float | None:
        return self._rising[0][1] if self._rising else None

    def add(self, now: float, seconds: float) -> float:
        """Remember one, and return the lowest."""
        while self._rising and self._rising[-1][1] >= seconds:
            self._rising.pop()
        self._rising.append((now, seconds))
        while self._rising[0][0] < now - _REMEMBERED:
            self._rising.popleft()
        return self._rising[0][1]
