"""A first look at an answer, so that a run can tell what it finds while it asks. The join decides. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from paymentoptions_async.payment import PaymentStatus, Reading


class Look(StrEnum):
    """What an answer seems to come to."""

    MATCHED = "matched"
    DIFFERENT = "different"
    PENDING = "pending"
    MISSING = "missing"
    UNKNOWN = "unknown"
    UNCHECKED = "unchecked"


@dataclass(slots=True, repr=False)
class Question:
    """One transaction to ask for, as `schemas.WORK` has it, with what the ledger expects. Nobody changes one."""

    n: int
    transaction_id: str
    status: str | None
    amount: Decimal | None
    currency: str | None


_OPEN = (PaymentStatus.PENDING, PaymentStatus.ACTION_REQUIRED)


def look(question: Question, reading: Reading) -> Look:
    """Hold what was answered against what the ledger expects."""
    status = reading.status
    if reading.foreign is not None or status is PaymentStatus.UNKNOWN:
        return Look.UNKNOWN
    if question.status is None:  # the ledger has it not: that it took money is the difference
        if status in _OPEN:
            return Look.PENDING
        return Look.DIFFERENT if status.took_money else Look.MATCHED
    if question.status != status:
        return Look.PENDING if status in _OPEN else Look.DIFFERENT
    approved = reading.approved_amount
    if approved is not None and (approved.amount != question.amount or approved.currency != question.currency):
        return Look.DIFFERENT
    return Look.MATCHED
