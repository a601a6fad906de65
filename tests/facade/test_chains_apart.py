"""Transactions under one reference are told apart: a capture is no second charge, a refund no payment."""

from __future__ import annotations

from typing import Any

import pytest

from paymentoptions_async import (
    Card,
    Money,
    NotAllowed,
    Operation,
    OutcomeUnknown,
    Payment,
    PaymentOptions,
    PaymentStatus,
)
from paymentoptions_async.sandbox import serve
from tests.facade.conftest import ADDRESS, NUMBERS, client


def yen(amount: int) -> Money:
    return Money(amount, "JPY")


async def authorize(gateway: PaymentOptions, key: str = "a:1", **more: Any) -> Payment:
    return await gateway.authorize(
        yen(1000),
        card=Card(number=NUMBERS["approved"], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
        billing_address=ADDRESS,
        customer_ip="203.0.113.7",
        idempotency_key=key,
        **more,
    )


@pytest.fixture
async def another(merchant):
    """A second client of the same bank, whose journal knows nothing of what the first one did."""
    async with serve(merchant.bank) as url, client(url) as gateway:
        yield gateway


async def test_a_capture_of_ours_is_no_duplicate_charge(merchant):
    held = await authorize(merchant.gateway)
    await merchant.gateway.capture(held.ref)
    await merchant.settle()
    assert (await merchant.gateway.payment(held.ref)).duplicate_charges == ()


async def test_a_capture_made_elsewhere_is_no_duplicate_charge(merchant, another):
    held = await authorize(merchant.gateway)
    taken = await another.capture(held.transaction_id, yen(1000), idempotency_key="c:1")
    asked = await merchant.gateway.status(taken.transaction_id)
    assert asked.transaction_id == taken.transaction_id
    assert (await merchant.gateway.payment(held.ref)).duplicate_charges == ()


async def test_a_lost_refund_that_is_asked_for_by_its_id_is_not_answered_with_the_payment(merchant):
    paid = await merchant.pay()
    merchant.bank.faults.add("refund", "reset", when="after", times=1)
    with pytest.raises(OutcomeUnknown):
        await merchant.gateway.refund(paid.ref, yen(300), idempotency_key="r:1")
    [refund] = [t for t in merchant.bank.books.transactions if t.transaction_type == "REFUND"]
    asked = await merchant.gateway.status(refund.id)
    assert (asked.operation, asked.transaction_id) == (Operation.REFUND, refund.id)
    assert (await merchant.gateway.payment(paid.ref)).transaction_id == paid.transaction_id


async def test_a_chain_whose_charge_is_not_known_here_is_followed_to_its_end(merchant, another):
    held = await authorize(merchant.gateway)
    taken = await another.capture(held.transaction_id, yen(1000), idempotency_key="c:1")
    back = await another.refund(taken.ref, yen(300), idempotency_key="r:1")
    assert back.status is PaymentStatus.APPROVED
    assert (await another.balance(taken.ref)).refunded == yen(300)


async def test_a_pending_refund_of_a_charge_that_is_not_known_here_is_settled(merchant, another):
    paid = await merchant.pay("refund_pending")
    back = await another.refund(paid.transaction_id, yen(300), idempotency_key="r:1")
    assert back.status is PaymentStatus.PENDING
    await merchant.bank.advance(120)
    assert (await another.resolve(back.ref)).status is PaymentStatus.APPROVED


async def test_a_refund_by_transaction_id_counts_once_its_payment_is_known(merchant):
    merchant.bank.faults.add("paymentv2", "reset", when="after", times=1)
    with pytest.raises(OutcomeUnknown) as unknown:
        await merchant.pay()
    ref = unknown.value.ref
    [charged] = merchant.bank.books.charges(ref)
    await merchant.gateway.refund(charged.id, yen(800), idempotency_key="r:1")
    await merchant.settle()
    assert (await merchant.gateway.balance(ref)).refunded == yen(800)
    with pytest.raises(NotAllowed, match="200 JPY left"):
        await merchant.gateway.refund(ref, yen(201), idempotency_key="r:2")
