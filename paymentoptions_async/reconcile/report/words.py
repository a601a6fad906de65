"""How a report says things: verdicts in a few words, groups of them, amounts, numbers and times. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import cache

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.reconcile.sampling import CONFIDENCE, Sample
from paymentoptions_async.reconcile.verdicts import Verdict
from paymentoptions_async.values import Money

LABELS: Mapping[Verdict, str] = {
    Verdict.INVALID_ROW: "Unreadable row",
    Verdict.UNCHECKED: "Not checked",
    Verdict.DUPLICATE_IN_LEDGER: "Twice in the ledger",
    Verdict.MISSING_AT_GATEWAY: "Missing at the gateway",
    Verdict.MISSING_IN_LEDGER: "Missing in the ledger",
    Verdict.UNKNOWN: "Answer unclear",
    Verdict.DUPLICATE_AT_GATEWAY: "Charged twice",
    Verdict.CURRENCY_MISMATCH: "Other currency",
    Verdict.AMOUNT_MISMATCH: "Other amount",
    Verdict.STATUS_MISMATCH: "Other outcome",
    Verdict.REFUND_MISMATCH: "Other refund",
    Verdict.STALE_PENDING: "Open too long",
    Verdict.TIMING_PENDING: "Still open",
    Verdict.AMOUNT_WITHIN_TOLERANCE: "Within tolerance",
    Verdict.MATCHED: "Matched",
}

MEANINGS: Mapping[Verdict, str] = {
    Verdict.INVALID_ROW: "A cell of the row breaks a rule, so nothing was compared. Correct it, and run again.",
    Verdict.UNCHECKED: "The gateway did not answer, or the row names no transaction. Nothing is known of it.",
    Verdict.DUPLICATE_IN_LEDGER: "An earlier row has the same transaction: it may be booked twice.",
    Verdict.MISSING_AT_GATEWAY: "The gateway knows no such transaction: the money was probably never taken.",
    Verdict.MISSING_IN_LEDGER: "The journal or a webhook knows a transaction that took money, and no row has it.",
    Verdict.UNKNOWN: "The answer says nothing sure, or is about another merchant or environment. Look into the portal.",
    Verdict.DUPLICATE_AT_GATEWAY: "The gateway charged more than once under one reference. Refund what is too much.",
    Verdict.CURRENCY_MISMATCH: "Ledger and gateway name different currencies.",
    Verdict.AMOUNT_MISMATCH: "Ledger and gateway name different amounts, by more than the tolerance.",
    Verdict.STATUS_MISMATCH: "It ended otherwise than the ledger says, or is of another kind.",
    Verdict.REFUND_MISMATCH: "More or less was given back than the ledger says.",
    Verdict.STALE_PENDING: "Still open at the gateway, for longer than anything should be. Ask the gateway.",
    Verdict.TIMING_PENDING: "Still open at the gateway, and young enough to be waited for.",
    Verdict.AMOUNT_WITHIN_TOLERANCE: "The amounts differ by no more than the tolerance.",
    Verdict.MATCHED: "Ledger and gateway agree.",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Verdicts that one looks at together. ``key`` names it in the style sheet and in the charts."""

    key: str
    label: str
    verdicts: tuple[Verdict, ...]


GROUPS = (
    Group("missing", "Missing", (Verdict.MISSING_AT_GATEWAY, Verdict.MISSING_IN_LEDGER)),
    Group("twice", "Twice", (Verdict.DUPLICATE_AT_GATEWAY, Verdict.DUPLICATE_IN_LEDGER)),
    Group("money", "Money differs", (Verdict.AMOUNT_MISMATCH, Verdict.CURRENCY_MISMATCH, Verdict.REFUND_MISMATCH)),
    Group("outcome", "Outcome differs", (Verdict.STATUS_MISMATCH, Verdict.UNKNOWN)),
    Group("open", "Open", (Verdict.STALE_PENDING, Verdict.TIMING_PENDING)),
    Group("skipped", "Not compared", (Verdict.UNCHECKED, Verdict.INVALID_ROW)),
    Group("agreed", "Agreed", (Verdict.MATCHED, Verdict.AMOUNT_WITHIN_TOLERANCE)),
)
GROUP_OF: Mapping[Verdict, Group] = {verdict: group for group in GROUPS for verdict in group.verdicts}

SHOWN: tuple[Verdict, ...] = tuple(
    sorted(GROUP_OF, key=lambda verdict: not verdict.is_difference)  # else as the groups have them
)
"""The verdicts in the order of the page: differences first, and among them those that are about money."""

NOT_COMPARED = (Verdict.INVALID_ROW, Verdict.UNCHECKED)
"""Nobody knows whether these rows differ."""
AGREED = (Verdict.MATCHED, Verdict.AMOUNT_WITHIN_TOLERANCE)

CANNOT_LIST = (
    "The gateway can be asked for a transaction only by its id; it can't list them. So a transaction that neither the "
    "ledger, nor the journal, nor a webhook knows can't be found by any run."
)


def of_sample(sample: Sample) -> str:
    """Say what the rows that were drawn tell of all."""
    said = (
        f"{sample.drawn:,} of {sample.rows:,} rows were drawn at random, and {sample.compared:,} of them compared: "
        f"{sample.differences:,} differ."
    )
    if sample.compared == sample.rows:
        return said
    return (
        f"{said} So, with {CONFIDENCE:.0%} confidence, at most {sample.at_most:.3%} of all rows do "
        f"({sample.rows_at_most:,}; Clopper and Pearson's bound). It holds for rows as they stand in the ledger, not "
        "for what the ledger lacks."
    )


USUAL_DECIMALS = 2


@cache
def decimals_of(currency: str | None) -> int:
    """How many decimals a currency has; 2 for what is none."""
    try:
        return Money.zero(currency or "").exponent
    except InvalidValue:
        return USUAL_DECIMALS


def exact(amount: Decimal, currency: str | None) -> str:
    """Write an amount with its currency's decimals, and with more where it has more."""
    whole, _, part = f"{amount:f}".partition(".")
    part = part.rstrip("0").ljust(decimals_of(currency), "0")
    return f"{whole}.{part}" if part else whole


def money(amount: Decimal, currency: str | None) -> str:
    """Write an amount for people: ``1,234.50``."""
    return f"{Decimal(exact(amount, currency)):,f}"


def counted(number: int, one: str, many: str) -> str:
    """Say how many there are: ``1 row``, ``1,200 rows``."""
    return f"{number:,} {one if number == 1 else many}"


def day(at: datetime | str) -> str:
    """Write a day, of an instant in UTC or of ISO 8601: ``3 Nov 2026``."""
    at = datetime.fromisoformat(at) if isinstance(at, str) else at.astimezone(UTC)
    return f"{at.day} {at:%b %Y}"


def moment(at: datetime) -> str:
    """Write an instant to the minute, in UTC, or the day alone at midnight: ``3 Nov 2026, 14:05 UTC``."""
    at = at.astimezone(UTC)
    return f"{day(at)}, {at:%H:%M} UTC" if at.time() != time.min else day(at)


def between(first: datetime, last: datetime) -> str:
    """Write a time from one instant to another: ``3 Nov 2026, 14:05 to 15:20 UTC``."""
    if day(first) != day(last):
        return f"{moment(first)} to {moment(last)}"
    return f"{day(first)}, {first.astimezone(UTC):%H:%M} to {last.astimezone(UTC):%H:%M} UTC"
