"""What the gateway said of one transaction, as a row of `schemas.ANSWER`. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from paymentoptions_async.flow import Observation
from paymentoptions_async.journal.exact_json import write_decoded
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import PaymentStatus, Reading, Refusal
from paymentoptions_async.reconcile.schemas import WHOLE_DIGITS
from paymentoptions_async.values import Money

Row = tuple[Any, ...]
"""One row of `schemas.ANSWER`."""


class Outcome(StrEnum):
    """What asking came to."""

    ANSWERED = "answered"
    NOT_FOUND = "not_found"
    FOREIGN = "foreign"
    """Of another merchant or environment."""
    FAILED = "failed"
    """Not answered, or not readably. Asked again when the run is taken up again."""


class Origin(StrEnum):
    """Who said how a transaction stands."""

    GATEWAY = "gateway"
    """In this run."""
    EARLIER = "earlier"
    """In an earlier run."""
    JOURNAL = "journal"
    """To the application, whose journal kept it."""


def answered(n: int, transaction_id: str, seen: Observation, *, seconds: float, asked_at: datetime) -> Row:
    """The row of an answer."""
    reading = seen.reading
    status, amount, reason = reading.status.value, reading.approved_amount, _reason(reading)
    outcome = _outcome(reading)
    if amount is not None and amount.amount.adjusted() >= WHOLE_DIGITS:
        status, amount, reason = PaymentStatus.UNKNOWN.value, None, "its amount is too large to be one"
    return (
        n,
        transaction_id,
        outcome,
        status if outcome == _ANSWERED else None,
        reading.transaction_type,
        reading.gateway_code,
        reading.response_code,
        None if amount is None else amount.amount,
        None if amount is None else amount.currency,
        reading.merchant_txn_ref,
        _storable(reading.refunded),
        _storable(reading.charged_back),
        reading.gateway_time,
        reason,
        seen.contradicts,
        reading.http_status,
        seconds,
        asked_at,
        _written(reading),
    )


def failed(
    n: int, transaction_id: str, error: Exception, http_status: int | None, *, seconds: float, asked_at: datetime
) -> Row:
    """The row of a question that was not answered."""
    reason = mask_text(str(error))
    # Ten columns stay empty: whoever was not answered knows nothing.
    return (n, transaction_id, _FAILED, *[None] * 10, reason, False, http_status, seconds, asked_at, None)


_ANSWERED, _FAILED = Outcome.ANSWERED.value, Outcome.FAILED.value


def _outcome(reading: Reading) -> str:
    if reading.refusal is Refusal.NOT_FOUND:
        return Outcome.NOT_FOUND.value
    return _ANSWERED if reading.foreign is None else Outcome.FOREIGN.value


def _reason(reading: Reading) -> str | None:
    if reading.foreign is not None:
        return reading.foreign
    if reading.decline is not None:
        return reading.decline.reason
    return "; ".join(reading.doubts) or None


def _written(reading: Reading) -> str | None:
    if reading.raw_text is not None:
        return reading.raw_text
    return None if reading.raw is None else write_decoded(reading.raw)


def _storable(money: Money | None) -> Decimal | None:
    return None if money is None or money.amount.adjusted() >= WHOLE_DIGITS else money.amount
