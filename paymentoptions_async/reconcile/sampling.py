"""What a random part of a ledger says of the rest. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Of ``rows`` that could be used, ``drawn`` were drawn at random, of which ``compared`` could be compared.

    ``differences`` is how many of those differ.
    """

    rows: int
    drawn: int
    compared: int
    differences: int

    @property
    def at_most(self) -> float:
        """The share of all rows of which, with `CONFIDENCE`, no more differ (Clopper and Pearson, one-sided)."""
        if not self.compared:
            return 1.0
        if self.compared == self.rows:
            return self.differences / self.rows
        return upper_bound(self.differences, self.compared)

    @property
    def rows_at_most(self) -> int:
        """How many rows that are at most, those that were found included."""
        return min(self.rows, max(self.differences, math.ceil(self.at_most * self.rows)))


def upper_bound(found: int, drawn: int, confidence: float = CONFIDENCE) -> float:
    """The largest share with which it is not too unlikely that no more than ``found`` of ``drawn`` have a property.

    That is for drawing from a population without end; from one that ends it is a little more than needed.
    """
    if found >= drawn:
        return 1.0
    low, high = found / drawn, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _at_most(found, drawn, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(found: int, drawn: int, share: float) -> float:
    """How likely it is that ``found`` or fewer of ``drawn`` have a property that this share of all has."""
    if share >= 1:
        return 0.0
    likely, unlikely = math.log(share), math.log1p(-share)
    ways = [math.lgamma(drawn + 1) - math.lgamma(k + 1) - math.lgamma(drawn - k + 1) for k in range(found + 1)]
    terms = [way + k * likely + (drawn - k) * unlikely for k, way in enumerate(ways)]
    largest = max(terms)
    return math.exp(largest) * math.fsum(math.exp(term - largest) for term in terms)
