"""One rate for many workers: the desk gives each a part of the instants at which a request may leave. Pure.

The instants are as far from each other as the rate says, so no half-open second has more of them than the rate, however
they are divided. Time is cut into slots; each worker asks ahead for its part of the next one and says how many it could
use. An instant is given once. One that its worker does not use is void: nobody makes up for it with a burst.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SLOT = 0.1
"""Seconds. What a worker holds is lost with it, so it must not be much."""
AHEAD = 2
"""Slots that are given before they begin: a desk or a network that stalls for less than them costs nothing."""
SILENT_AFTER = 4
"""Slots without a word after which nothing is kept back for a worker."""
FORGOTTEN_AFTER = 100
"""Slots without a word after which a worker is taken for gone."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A request may leave at each of ``instants``, or not at all; None: there is no limit.

    All times are seconds of the desk's clock, which shows ``now``. The next lease can be had at ``again_at``. Nobody is
    to ask before ``paused_until``. ``ending`` says that nothing more is to be asked.
    """

    now: float
    again_at: float
    instants: tuple[float, ...] | None
    paused_until: float = -math.inf
    ending: bool = False


@dataclass(slots=True)
class _Worker:
    wanted: float
    heard_in: int
    served: int = -1
    """The last slot of which it has its part."""
    owed: float = 0.0
    """What rounding has kept from it, less than one."""


class Desk:
    """Gives out ``rate`` requests a second; ``inf`` where there is no limit. ``now`` is seconds of any steady clock."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._began = now
        self._workers: dict[str, _Worker] = {}
        self._left: dict[int, list[int]] = {}
        self._paused_until = -math.inf
        self._ending = False

    def lease(self, worker: str, wanted: float, now: float) -> Lease:
        """Give a worker its part of the next slot. ``wanted`` is how many requests it could send in one."""
        if self._ending or math.isinf(self.rate):
            return Lease(now, now + SLOT, () if self._ending else None, self._paused_until, self._ending)
        present = self._slot_at(now)
        self._forget(present)
        known = self._workers.setdefault(worker, _Worker(wanted, present))
        known.wanted, known.heard_in = wanted, present
        slot = max(present, known.served + 1)
        instants: tuple[float, ...] = ()
        if slot <= present + AHEAD:
            known.served = slot
            instants = self._give(known, slot, now)
        return Lease(now, self._begins(known.served + 1 - AHEAD), instants, self._paused_until)

    def pause(self, seconds: float, now: float) -> None:
        """Give nothing for so long: the gateway wants to be left alone."""
        self._paused_until = max(self._paused_until, now + seconds)

    def gone(self, worker: str) -> None:
        """A worker has died. What it held is void, and what comes is the others'."""
        self._workers.pop(worker, None)

    def end(self) -> None:
        """Give nothing more, and say so."""
        self._ending = True

    def _give(self, worker: _Worker, slot: int, now: float) -> tuple[float, ...]:
        """Take its part out of what is left of a slot, spread over all of it."""
        earliest = max(now, self._paused_until)
        left = [number for number in self._numbers_left(slot) if self._instant(number) >= earliest]
        count = self._share(worker, slot, len(left))
        given = [left[(2 * place + 1) * len(left) // (2 * count)] for place in range(count)]
        taken = set(given)
        self._left[slot] = [number for number in left if number not in taken]
        return tuple(map(self._instant, given))

    def _share(self, worker: _Worker, slot: int, left: int) -> int:
        """How many of those that are left, beside the workers who have not had theirs; the last one takes all."""
        present = worker.heard_in
        others = [
            one.wanted
            for one in self._workers.values()
            if one is not worker and one.served < slot and one.heard_in > present - SILENT_AFTER
        ]
        if not others:
            return left
        worker.owed += _fair(worker.wanted, others, left)
        count = min(left, math.floor(worker.owed + 1e-9))
        worker.owed = min(worker.owed - count, 1.0)
        return count

    def _numbers_left(self, slot: int) -> list[int]:
        if slot not in self._left:
            self._left[slot] = list(range(self._first(slot), self._first(slot + 1)))
        return self._left[slot]

    def _first(self, slot: int) -> int:
        """The number of the first instant in a slot. All instants are numbered through, so no rounding adds up."""
        return math.ceil(slot * SLOT * self.rate - 0.5)

    def _instant(self, number: int) -> float:
        return self._began + (number + 0.5) / self.rate

    def _slot_at(self, now: float) -> int:
        return max(0, math.floor((now - self._began) / SLOT))

    def _begins(self, slot: int) -> float:
        return self._began + slot * SLOT

    def _forget(self, present: int) -> None:
        for slot in [slot for slot in self._left if slot < present]:
            del self._left[slot]
        for name in [name for name, one in self._workers.items() if one.heard_in < present - FORGOTTEN_AFTER]:
            del self._workers[name]


def _fair(wanted: float, others: list[float], left: float) -> float:
    """An equal part of what is left, and of what those who want less than theirs leave over."""
    wants = sorted([*others, wanted])
    for place, want in enumerate(wants):
        share = left / (len(wants) - place)
        if want >= share:
            return min(share, wanted)
        left -= want
    return wanted
