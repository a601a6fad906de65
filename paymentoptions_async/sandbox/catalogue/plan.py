"""What is planted in a catalogue: how often a ledger and the gateway differ, and what each difference is to be called.

The verdicts are plain words here, because the sandbox shares nothing with whoever is tested against it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, fields
from itertools import accumulate

DRAWS = 1 << 48
"""A draw is a whole number below it."""

MATCHED = "matched"
WITHIN_TOLERANCE = "within_tolerance"
REPEATED = "repeated"

VERDICTS = {
    "": MATCHED,
    "amount": "amount_mismatch",
    WITHIN_TOLERANCE: "amount_within_tolerance",
    "currency": "currency_mismatch",
    "status": "status_mismatch",
    "kind": "status_mismatch",
    "refund": "refund_mismatch",
    "missing_at_gateway": "missing_at_gateway",
    "missing_in_ledger": "missing_in_ledger",
    "twice_in_ledger": MATCHED,  # its first row
    REPEATED: "duplicate_in_ledger",  # its second
    "twice_at_gateway": "duplicate_at_gateway",
    "pending": "timing_pending",
    "stale": "stale_pending",
    "unclear": "unknown",
    "foreign": "unknown",
    "unanswered": "unchecked",
    "no_id": "unchecked",
    "unreadable": "invalid_row",
}
"""What is planted, and the verdict on its row."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of each is planted: shares of the transactions, from 0 to 1, and together at most 1.

    What does not suit a transaction is left out there: what was declined has no other amount, and what belongs to a
    refund or capture that tells of it stays as it is. So the real share of most is somewhat less.

    `amount`, `currency`, `status`, `kind` and `refund` are false in the ledger; `within_tolerance` is an amount that is
    off by the smallest unit of its currency. `missing_at_gateway` answers 404. `missing_in_ledger` has no row: whoever
    wants it to be found tells a journal of it (see `unlisted`). `twice_in_ledger` has two rows; `twice_at_gateway` is a
    second charge under the reference of the one before. `pending` is open since less than a day at the catalogue's
    end, `stale` for at least 10 days. `unclear` has a code that says nothing sure, `foreign` is another merchant's,
    `unanswered` gets 500 whenever it is asked for, `no_id` has none in the ledger, `unreadable` rows break a rule.
    """

    amount: float = 0.0
    within_tolerance: float = 0.0
    currency: float = 0.0
    status: float = 0.0
    kind: float = 0.0
    refund: float = 0.0
    missing_at_gateway: float = 0.0
    missing_in_ledger: float = 0.0
    twice_in_ledger: float = 0.0
    twice_at_gateway: float = 0.0
    pending: float = 0.0
    stale: float = 0.0
    unclear: float = 0.0
    foreign: float = 0.0
    unanswered: float = 0.0
    no_id: float = 0.0
    unreadable: float = 0.0

    def __post_init__(self) -> None:
        rates = self.rates()
        if any(not 0 <= rate <= 1 for rate in rates.values()) or math.fsum(rates.values()) > 1 + 1e-9:
            raise ValueError("a plan's shares lie between 0 and 1, together as well")

    @classmethod
    def even(cls, share: float) -> Plan:
        """Plant the same amount of everything, `share` of the transactions in all."""
        names = [one.name for one in fields(cls)]
        return cls(**dict.fromkeys(names, share / len(names)))

    def rates(self) -> dict[str, float]:
        """Return the share of each."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


class Dice:
    """Decide by a draw what is planted."""

    def __init__(self, plan: Plan) -> None:
        rates = {name: rate for name, rate in plan.rates().items() if rate}
        self._names = tuple(rates)
        self._bounds = [min(DRAWS, round(bound * DRAWS)) for bound in accumulate(rates.values())]
        self.bound = self._bounds[-1] if rates else 0

    def read(self, draw: int) -> str:
        """Return what a draw below `bound` plants."""
        return self._names[bisect_right(self._bounds, draw)]


assert set(VERDICTS) == {"", REPEATED, *(one.name for one in fields(Plan))}
