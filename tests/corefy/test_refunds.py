"""Giving back, in both documented models, and what the buyer's bank takes back by itself."""

from __future__ import annotations

import pytest

from paymentoptions_async import (
    IdempotencyConflict,
    InvalidRequest,
    InvalidValue,
    Money,
    NotAllowed,
    Payment,
    PaymentEvent,
    PaymentStatus,
)
from paymentoptions_async.corefy.callbacks import sign
from paymentoptions_async.sandbox import COREFY_TEST_SECRET
from tests.corefy.conftest import TEN, MakeMerchant, Merchant, client, encoded, invoice_document, of, outcome

THREE = Money("3.00", "USD")


@pytest.mark.parametrize("model", ["refund", "invoice"])
async def test_a_payment_is_given_back_in_parts_and_then_the_rest(open_merchant: MakeMerchant, model):
    merchant = await open_merchant(settings={"refund_reply": model})
    paid = await merchant.sale()
    part = await merchant.corefy.refund(paid.ref, THREE, idempotency_key="1 back", description="One cup broken")
    assert (part.status, part.approved_amount) == (PaymentStatus.APPROVED, THREE)
    assert (await merchant.corefy.refund(paid.ref, THREE, idempotency_key="1 back")).ref == part.ref
    rest = await merchant.corefy.refund(paid.ref)
    assert (rest.status, rest.amount) == (PaymentStatus.APPROVED, Money("7.00", "USD"))
    assert (await merchant.corefy.refund(paid.ref)).ref == rest.ref
    assert [(one.reference_id, one.amount) for one in merchant.bank.corefy.books.refunds()] == [
        (part.ref, 3),
        (rest.ref, 7),
    ]
    await merchant.settle()
    assert (await merchant.corefy.resolve(paid.ref)).status is PaymentStatus.APPROVED
    balance = await merchant.corefy.balance(paid.ref)
    assert (balance.refunded, balance.refundable) == (TEN, Money("0.00", "USD"))
    with pytest.raises(NotAllowed):
        await merchant.corefy.refund(paid.ref, THREE, idempotency_key="2 back")


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("model", ["refund", "invoice"])
@pytest.mark.parametrize("fault", ["error", "reset", "half_reply", "garbage", "hang"])
@pytest.mark.usefixtures("impatient")
async def test_a_refund_whose_answer_is_lost_is_found_on_its_invoice(open_merchant: MakeMerchant, fault, model, listed):
    merchant = await open_merchant(over_http=True, settings={"refund_reply": model})
    paid = await merchant.sale()
    await merchant.corefy.refund(paid.ref, THREE, idempotency_key="1 back")
    if not listed:  # older answers have no list
        merchant.bank.faults.add("corefy_show", "change", set={"data.attributes.refunds": None})
    merchant.bank.faults.add("corefy_refund", fault, times=1)
    lost = await of(merchant.corefy.refund(paid.ref, THREE, idempotency_key="2 back", timeout=0.5))
    await merchant.corefy.drain()
    found = await merchant.corefy.resolve(lost.ref)
    assert (found.status, found.approved_amount) == (PaymentStatus.APPROVED, THREE)
    assert len(merchant.bank.corefy.books.refunds()) == 2
    assert (await merchant.corefy.refund(paid.ref, THREE, idempotency_key="2 back")).ref == lost.ref
    assert merchant.requests("corefy_refund") == 2


async def test_a_refund_that_never_came_is_unknown_and_holds_up_the_rest(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_refund", "error", when="before", times=1)
    lost = await of(nearby.corefy.refund(paid.ref))
    assert (await nearby.corefy.resolve(lost.ref)).status is PaymentStatus.UNKNOWN
    assert (await nearby.corefy.balance(paid.ref)).refunding == TEN
    with pytest.raises(NotAllowed, match="must be resolved first"):
        await nearby.corefy.refund(paid.ref, THREE, idempotency_key="another", insist=True)
    await nearby.corefy.settle(lost.ref, "not_happened", by="Ann", note="not in the portal")
    assert (await nearby.corefy.refund(paid.ref, idempotency_key="again")).status is PaymentStatus.APPROVED
    assert [refund.amount for refund in nearby.bank.corefy.books.refunds()] == [10]


async def test_two_open_refunds_of_one_amount_are_not_told_apart_by_the_total(nearby: Merchant):
    nearby.bank.faults.add("corefy_show", "change", set={"data.attributes.refunds": []})
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_refund", "error", when="before", nth=1)
    nearby.bank.faults.add("corefy_refund", "error", when="after", nth=2)
    lost = [await of(nearby.corefy.refund(paid.ref, THREE, idempotency_key=f"{n} back")) for n in (1, 2)]
    for refund in lost:
        assert (await nearby.corefy.resolve(refund.ref)).status is PaymentStatus.UNKNOWN


async def test_a_refund_reference_that_was_used_is_never_taken_for_refused(open_merchant: MakeMerchant):
    merchant = await open_merchant(settings={"unique_refund_references": True})
    paid = await merchant.sale()
    given = await merchant.corefy.refund(paid.ref, THREE, idempotency_key="1 back")
    async with client(merchant.url, transport=merchant.bank.transport()) as forgetful:
        again = await merchant.sale(corefy=forgetful)
        unknown = await of(forgetful.refund(again.ref, THREE, idempotency_key="1 back"))
        assert (unknown.ref, unknown.status) == (given.ref, PaymentStatus.UNKNOWN)
        assert (await forgetful.resolve(unknown.ref)).status is PaymentStatus.APPROVED
    assert len(merchant.bank.corefy.books.refunds()) == 1


async def test_what_can_not_be_given_back_is_refused_before_it_is_sent(nearby: Merchant):
    paid = await nearby.sale()
    declined = await nearby.sale("failed", key="2:1")
    for wrong in (
        nearby.corefy.refund(declined.ref),
        nearby.corefy.refund(paid.ref, Money("10.01", "USD"), idempotency_key="too much"),
        nearby.corefy.refund(paid.ref, Money("1", "JPY"), idempotency_key="another currency"),
    ):
        assert isinstance(await outcome(wrong), NotAllowed)
    for wrong in (nearby.corefy.refund(paid.ref, THREE), nearby.corefy.refund("PO unknown")):
        assert isinstance(await outcome(wrong), InvalidValue)
    assert nearby.requests("corefy_refund") == 0
    await nearby.corefy.refund(paid.ref, THREE, idempotency_key="1 back")
    with pytest.raises(IdempotencyConflict):
        await nearby.corefy.refund(paid.ref, Money("4.00", "USD"), idempotency_key="1 back")


async def test_a_refund_that_the_gateway_refuses_may_be_asked_for_again(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_refund", "error", when="before", status=422, times=1)
    with pytest.raises(InvalidRequest):
        await nearby.corefy.refund(paid.ref)
    assert (await nearby.corefy.refund(paid.ref)).status is PaymentStatus.APPROVED


@pytest.mark.parametrize("status", ["created", "process_pending"])
async def test_a_refund_that_takes_time_is_settled_by_its_invoice(nearby: Merchant, status):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_refund", "change", times=1, set={"data.attributes.status": status})
    pending = await nearby.corefy.refund(paid.ref)
    assert pending.status is PaymentStatus.PENDING
    assert (await nearby.corefy.wait(pending.ref, timeout=5)).status is PaymentStatus.APPROVED


async def test_a_charge_back_is_an_event_a_line_of_history_and_in_the_balance(open_merchant: MakeMerchant):
    heard: list[PaymentEvent] = []

    async def on_payment(event: PaymentEvent) -> None:
        heard.append(event)

    merchant = await open_merchant(on_payment=on_payment)
    paid = await merchant.sale()
    await merchant.settle()
    for amount, sum_of_all in ((4, "4.00"), (6, "10.00")):
        merchant.bank.corefy.charge_back(merchant.invoice(paid).id, amount)
        await merchant.settle()
        told: Payment = heard[-1].payment
        assert heard[-1].event == "charged_back"
        assert (told.status, told.charged_back) == (PaymentStatus.APPROVED, Money(sum_of_all, "USD"))
    balance = await merchant.corefy.balance(paid.ref)
    assert (balance.captured, balance.charged_back) == (TEN, TEN)
    assert not balance.refundable.is_positive
    with pytest.raises(NotAllowed, match=r"10.00 USD is charged back"):
        await merchant.corefy.refund(paid.ref, THREE, idempotency_key="1 back")
    events = [entry.event for entry in await merchant.corefy.history(paid.ref)]
    assert events.count("charged_back") == 2
    assert [event.event for event in heard].count("charged_back") == 2
    await merchant.corefy.resolve(paid.ref)
    assert (await merchant.corefy.history(paid.ref))[-1].event == "charged_back"  # told once


async def test_a_charge_back_that_is_heard_of_with_the_payment_itself_is_told(nearby: Merchant):
    nearby.bank.faults.add("corefy_callback", "missing")
    page = await nearby.corefy.checkout(TEN, idempotency_key="1:1")
    await nearby.pay_page(page)
    nearby.bank.corefy.charge_back(nearby.invoice(page).id)
    paid = await nearby.corefy.resolve(page.ref)
    assert (paid.status, paid.charged_back) == (PaymentStatus.APPROVED, TEN)
    assert (await nearby.corefy.history(page.ref))[-1].event == "charged_back"


async def test_a_charge_back_that_was_won_is_told_too(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.corefy.charge_back(nearby.invoice(paid).id)
    assert (await nearby.corefy.resolve(paid.ref)).charged_back == TEN
    won = {"data.attributes.status": "processed", "data.attributes.charged_back_amount": 0}
    nearby.bank.faults.add("corefy_show", "change", set=won)
    assert not (await nearby.corefy.resolve(paid.ref)).charged_back.is_positive
    assert (await nearby.corefy.balance(paid.ref)).refundable == TEN


async def test_a_callback_that_contradicts_the_charge_tells_of_its_refund_all_the_same(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_callback", "missing")
    nearby.bank.faults.add("corefy_refund", "error", times=1)
    lost = await of(nearby.corefy.refund(paid.ref, THREE, idempotency_key="1 back"))
    nearby.bank.faults.add("corefy_show", "change", set={"data.attributes.processed_amount": 9})
    body = encoded(invoice_document(paid.ref, id=paid.transaction_id))
    await nearby.corefy.webhooks.receive_signed(headers={"X-Signature": sign(COREFY_TEST_SECRET, body)}, body=body)
    await nearby.corefy.drain()
    assert (await nearby.corefy.payment(paid.ref)).contradicted
    assert (await nearby.corefy.payment(lost.ref)).status is PaymentStatus.APPROVED
