"""A round over open invoices and refunds."""

from __future__ import annotations

from paymentoptions_async import PaymentStatus, Round
from tests.corefy.conftest import Merchant, of


async def test_a_round_asks_for_invoices_and_finds_their_refunds_there(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_refund", "reset", times=1)
    lost = await of(nearby.corefy.refund(paid.ref))
    assert lost.status is PaymentStatus.UNKNOWN
    assert await nearby.corefy.resolve_open(older_than=0.0) == Round(settled=1)
    assert (await nearby.corefy.payment(lost.ref)).status is PaymentStatus.APPROVED


async def test_a_refund_that_its_invoice_does_not_have_stays_open(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_refund", "error", when="before", times=1)
    lost = await of(nearby.corefy.refund(paid.ref))
    assert await nearby.corefy.resolve_open(older_than=0.0) == Round(still_open=1)
    assert (await nearby.corefy.payment(lost.ref)).status is PaymentStatus.UNKNOWN
