"""A first look at an answer."""

from __future__ import annotations

from decimal import Decimal

import pytest

from paymentoptions_async.payment import PaymentStatus, Reading
from paymentoptions_async.reconcile.glance import Look, Question, look
from paymentoptions_async.values import Money

TEN = Money("10", "USD")


def asked(status: str | None = "approved", amount: str = "10.0000", currency: str = "USD") -> Question:
    return Question(0, "", status, None if status is None else Decimal(amount), None if status is None else currency)


@pytest.mark.parametrize(
    ("question", "status", "approved", "expected"),
    [
        (asked(), PaymentStatus.APPROVED, TEN, Look.MATCHED),
        (asked(amount="10.01"), PaymentStatus.APPROVED, TEN, Look.DIFFERENT),
        (asked(currency="EUR"), PaymentStatus.APPROVED, TEN, Look.DIFFERENT),
        (asked(), PaymentStatus.PARTIALLY_APPROVED, TEN, Look.DIFFERENT),
        (asked(), PaymentStatus.DECLINED, None, Look.DIFFERENT),
        (asked("declined"), PaymentStatus.DECLINED, None, Look.MATCHED),
        (asked("declined"), PaymentStatus.APPROVED, TEN, Look.DIFFERENT),
        (asked(), PaymentStatus.PENDING, None, Look.PENDING),
        (asked(), PaymentStatus.ACTION_REQUIRED, None, Look.PENDING),
        (asked("pending"), PaymentStatus.PENDING, None, Look.MATCHED),
        (asked(), PaymentStatus.UNKNOWN, None, Look.UNKNOWN),
        (asked(None), PaymentStatus.APPROVED, TEN, Look.DIFFERENT),
        (asked(None), PaymentStatus.DECLINED, None, Look.MATCHED),
        (asked(None), PaymentStatus.PENDING, None, Look.PENDING),
    ],
)
def test_what_an_answer_seems_to_come_to(
    question: Question, status: PaymentStatus, approved: Money | None, expected: Look
) -> None:
    assert look(question, Reading(status=status, approved_amount=approved)) is expected


def test_another_merchants_is_unknown() -> None:
    assert look(asked(), Reading(status=PaymentStatus.APPROVED, foreign="of merchant 2")) is Look.UNKNOWN
