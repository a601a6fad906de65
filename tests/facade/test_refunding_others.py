"""What was charged beside a payment (a renewal, a duplicate) is refunded by its own transaction."""

from __future__ import annotations

import pytest

from paymentoptions_async import Card, InvalidValue, Money, PaymentStatus, SubscriptionPlan
from tests.facade.conftest import ADDRESS, NUMBERS


async def test_a_renewal_is_refunded_apart_from_the_first_charge(merchant):
    first = await merchant.gateway.subscribe(
        Money("1000", "JPY"),
        plan=SubscriptionPlan(
            name="Monthly box", cycle_interval=30, max_cycles=10, discount_percentage=50, discount_cycles=1
        ),
        card=Card(number=NUMBERS["approved"], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
        billing_address=ADDRESS,
        customer_ip="203.0.113.7",
        idempotency_key="s:1",
    )
    await merchant.bank.advance(31 * 24 * 3600)
    await merchant.settle()
    [renewal] = (await merchant.gateway.payment(first.ref)).renewals

    of_first = await merchant.gateway.refund(first.ref)
    of_renewal = await merchant.gateway.refund(renewal, Money("1000", "JPY"), idempotency_key="s:1 cycle 2")

    assert of_first.amount == Money("500", "JPY")
    assert of_renewal.status is PaymentStatus.APPROVED
    assert of_renewal.ref != of_first.ref
    assert (await merchant.gateway.balance(first.ref)).refunded == Money("500", "JPY")
    with pytest.raises(InvalidValue, match="amount: needed"):  # never the first charge's amount, nor its refund
        await merchant.gateway.refund(renewal)
