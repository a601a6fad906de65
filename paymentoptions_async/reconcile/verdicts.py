"""What may be said of a row of the ledger, and which of it counts most. Pure.

Each row gets one verdict, the first of `Verdict` that is true of it, and keeps all others that are true as flags.
"""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a row comes to, in the order of precedence."""

    INVALID_ROW = "invalid_row"
    """The row can't be read: a cell breaks a rule, and the reason says which."""
    UNCHECKED = "unchecked"
    """Nobody knows: the question was not answered, or there is no transaction to ask for."""
    DUPLICATE_IN_LEDGER = "duplicate_in_ledger"
    """An earlier row of the ledger has the same transaction."""
    MISSING_AT_GATEWAY = "missing_at_gateway"
    """The gateway answered that it knows no such transaction."""
    MISSING_IN_LEDGER = "missing_in_ledger"
    """The journal, or a webhook, knows of a transaction that took money, and no row has it."""
    UNKNOWN = "unknown"
    """The gateway's answer says nothing sure, or is of another merchant or environment."""
    DUPLICATE_AT_GATEWAY = "duplicate_at_gateway"
    """The gateway charged more than once under one reference."""
    CURRENCY_MISMATCH = "currency_mismatch"
    AMOUNT_MISMATCH = "amount_mismatch"
    STATUS_MISMATCH = "status_mismatch"
    """It ended otherwise than the ledger says, or is of another kind."""
    REFUND_MISMATCH = "refund_mismatch"
    """More or less was given back than the ledger says."""
    STALE_PENDING = "stale_pending"
    """Still open at the gateway, and older than anything should be."""
    TIMING_PENDING = "timing_pending"
    """Still open at the gateway, and young enough to be waited for."""
    AMOUNT_WITHIN_TOLERANCE = "amount_within_tolerance"
    MATCHED = "matched"

    @property
    def is_difference(self) -> bool:
        """True for what somebody must look at."""
        return self not in (Verdict.MATCHED, Verdict.AMOUNT_WITHIN_TOLERANCE, Verdict.TIMING_PENDING)


PRECEDENCE = tuple(Verdict)
"""The first that is true of a row is its verdict."""
