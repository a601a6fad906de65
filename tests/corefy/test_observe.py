"""Asking for one invoice and being told what it says, whatever that is: what a reconciliation does for each row."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from paymentoptions_async import Contradiction, GatewayUnavailable, InvalidRequest, InvalidValue, Money, PaymentStatus
from paymentoptions_async.flow import Observation
from paymentoptions_async.payment import Refusal
from paymentoptions_async.wire.exchange import Reply
from tests.corefy.conftest import TEN, Merchant, client, encoded, invoice_document, of

THREE, NOTHING = Money("3.00", "USD"), Money("0.00", "USD")
INVOICE = "cpi_ADzwZTG99f3q3utQ"


class Counted:
    """A pace that lets everything go and remembers what it was asked and told."""

    def __init__(self) -> None:
        self.permits = 0
        self.seen: list[int | None] = []

    async def permit(self, *, again: bool = False) -> None:
        self.permits += 1

    def saw(self, reply: Reply) -> None:
        self.seen.append(reply.status)


async def observed(attributes: dict[str, Any]) -> Observation:
    """What an answer of the gateway's is observed as, by a client whose journal knows nothing."""
    body = encoded(invoice_document("theirs", id=INVOICE, **attributes))
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with client("http://127.0.0.1:9", transport=transport) as corefy:
        return await corefy.observe(INVOICE)


async def test_what_the_invoice_says_stands_beside_what_the_journal_has(nearby: Merchant):
    paid = await nearby.sale()
    assert paid.transaction_id is not None
    seen = await nearby.corefy.observe(paid.transaction_id)
    assert (seen.reading.status, seen.reading.approved_amount) == (PaymentStatus.APPROVED, TEN)
    assert (seen.reading.transaction_id, seen.reading.merchant_txn_ref) == (paid.transaction_id, paid.ref)
    assert seen.record is not None
    assert seen.record.payment == await nearby.corefy.payment(paid.ref)
    assert not seen.contradicts


async def test_what_it_says_is_taken_in(nearby: Merchant):
    page = await nearby.corefy.checkout(TEN, idempotency_key="1:1")
    await nearby.pay_page(page)
    seen = await nearby.corefy.observe(nearby.invoice(page).id)
    assert seen.record is not None
    assert seen.record.payment.status is PaymentStatus.APPROVED
    assert (await nearby.corefy.payment(page.ref)).status is PaymentStatus.APPROVED


@pytest.mark.usefixtures("impatient")
async def test_a_payment_whose_invoice_has_no_name_yet_is_found_by_its_reference(nearby: Merchant):
    """The invoice was made, its answer was lost, and its id stands in a ledger."""
    nearby.bank.faults.add("corefy_create", "error", when="after", times=1)
    nearby.bank.faults.add("corefy_list", "error", times=9)
    with pytest.raises(InvalidRequest, match="was not answered") as refused:
        await nearby.corefy.checkout(TEN, idempotency_key="1:1")
    lost = refused.value.payment
    assert lost is not None
    assert lost.transaction_id is None
    invoice = nearby.invoice(lost)
    paid = {"data.attributes.status": "processed", "data.attributes.processed_amount": 10}
    nearby.bank.faults.add("corefy_show", "change", set=paid)
    seen = await nearby.corefy.observe(invoice.id)
    assert seen.record is not None
    assert (seen.record.ref, seen.record.payment.status) == (lost.ref, PaymentStatus.APPROVED)
    assert (await nearby.corefy.payment(lost.ref)).transaction_id == invoice.id


async def test_what_was_given_back_and_taken_back_is_told_and_taken_in(nearby: Merchant):
    paid = await nearby.sale()
    invoice = nearby.invoice(paid)
    first = await nearby.corefy.observe(invoice.id)
    assert (first.reading.refunded, first.reading.charged_back) == (NOTHING, None)
    nearby.bank.corefy.books.give_back(invoice, "in the portal", THREE.amount, None)
    seen = await nearby.corefy.observe(invoice.id)
    assert (seen.reading.status, seen.reading.approved_amount) == (PaymentStatus.APPROVED, TEN)
    assert seen.reading.refunded == THREE
    nearby.bank.corefy.charge_back(invoice.id)
    seen = await nearby.corefy.observe(invoice.id)
    assert seen.reading.charged_back is not None
    assert seen.record is not None
    assert seen.record.payment.charged_back == seen.reading.charged_back


async def test_a_refund_whose_answer_was_lost_is_settled_by_it(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_refund", "error", when="after", times=1)
    lost = await of(nearby.corefy.refund(paid.ref, THREE, idempotency_key="1 back"))
    assert lost.status is PaymentStatus.UNKNOWN
    assert (await nearby.corefy.observe(nearby.invoice(paid).id)).reading.refunded == THREE
    assert (await nearby.corefy.payment(lost.ref)).status is PaymentStatus.APPROVED


@pytest.mark.parametrize(
    ("attributes", "refunded"),
    [
        ({"status": "processed"}, NOTHING),
        ({"status": "processed", "refunded_amount": 0}, NOTHING),
        ({"status": "partially_refunded", "refunded_amount": 3}, THREE),
        ({"status": "partially_refunded"}, None),
        ({"status": "refunded", "refunded_amount": 10}, TEN),
        ({"status": "refunded"}, TEN),
        ({"status": "process_failed", "processed_amount": None}, None),
        ({"status": "processed", "refunded_amount": "three"}, None),
    ],
)
async def test_what_was_given_back_is_said_or_unknown(attributes: dict[str, Any], refunded: Money | None):
    seen = await observed({"processed_amount": 10, **attributes})
    assert seen.reading.refunded == refunded
    assert seen.record is None


async def test_an_invoice_that_nobody_here_made_changes_nothing(nearby: Merchant):
    paid = await nearby.sale()
    async with client(nearby.url, transport=nearby.bank.transport()) as corefy:  # with a journal of its own
        seen = await corefy.observe(nearby.invoice(paid).id)
    assert (seen.record, seen.reading.status, seen.reading.approved_amount) == (None, PaymentStatus.APPROVED, TEN)


async def test_one_of_the_other_mode_is_told_as_foreign():
    seen = await observed({"status": "processed", "processed_amount": 10, "test_mode": False})
    assert (seen.reading.foreign, seen.record) == ("it is of the live mode", None)


async def test_one_of_the_other_mode_that_is_known_here_settles_nothing(nearby: Merchant):
    page = await nearby.corefy.checkout(TEN, idempotency_key="1:1")
    await nearby.pay_page(page)
    nearby.bank.faults.add("corefy_show", "change", set={"data.attributes.test_mode": False})
    invoice = nearby.invoice(page)
    seen = await nearby.corefy.observe(invoice.id)
    assert seen.reading.foreign is not None
    assert (await nearby.corefy.payment(page.ref)).status is PaymentStatus.ACTION_REQUIRED
    assert (await nearby.corefy.invoice(invoice.id)).status is PaymentStatus.ACTION_REQUIRED


async def test_an_answer_that_contradicts_what_was_settled_is_told_with_it(nearby: Merchant):
    paid = await nearby.sale()
    changed = {"data.attributes.status": "process_failed", "data.attributes.processed_amount": None}
    nearby.bank.faults.add("corefy_show", "change", set=changed)
    seen = await nearby.corefy.observe(nearby.invoice(paid).id)
    assert seen.contradicts
    assert seen.reading.status is PaymentStatus.DECLINED
    assert seen.record is not None
    assert (seen.record.ref, seen.record.payment.status) == (paid.ref, PaymentStatus.UNKNOWN)


async def test_asked_otherwise_a_contradiction_is_raised(nearby: Merchant):
    paid = await nearby.sale()
    changed = {"data.attributes.status": "process_failed", "data.attributes.processed_amount": None}
    nearby.bank.faults.add("corefy_show", "change", set=changed)
    with pytest.raises(Contradiction, match="was approved"):
        await nearby.corefy.invoice(nearby.invoice(paid).id)


async def test_what_the_gateway_does_not_know_settles_nothing(nearby: Merchant):
    paid = await nearby.sale()
    for invoice_id in ("cpi_Unheard0f", nearby.invoice(paid).id):
        nearby.bank.faults.add("corefy_show", "error", status=404, times=1)
        seen = await nearby.corefy.observe(invoice_id)
        assert seen.reading.refusal is Refusal.NOT_FOUND
        assert not seen.contradicts
    assert (await nearby.corefy.payment(paid.ref)).status is PaymentStatus.APPROVED


@pytest.mark.usefixtures("impatient")
async def test_no_answer_is_raised_and_changes_nothing(nearby: Merchant):
    paid = await nearby.sale()
    nearby.bank.faults.add("corefy_show", "error", status=503)
    with pytest.raises(GatewayUnavailable) as raised:
        await nearby.corefy.observe(nearby.invoice(paid).id)
    assert raised.value.ref == paid.ref
    assert (await nearby.corefy.payment(paid.ref)).status is PaymentStatus.APPROVED


@pytest.mark.usefixtures("impatient")
async def test_each_request_has_a_permit_and_each_answer_is_told(nearby: Merchant):
    paid = await nearby.sale()
    before = nearby.requests("corefy_show")
    nearby.bank.faults.add("corefy_show", "error", status=503, times=2)
    pace = Counted()
    await nearby.corefy.observe(nearby.invoice(paid).id, pace=pace)
    assert (pace.permits, pace.seen) == (3, [503, 503, 200])
    assert nearby.requests("corefy_show") - before == 3


@pytest.mark.parametrize("invoice_id", ["", "ab8444e7-fec0-40dd-994d-0ad813785f74", "cpi_../x"])
async def test_what_is_no_invoice_is_not_asked_for(nearby: Merchant, invoice_id: str):
    pace = Counted()
    with pytest.raises(InvalidValue):
        await nearby.corefy.observe(invoice_id, pace=pace)
    assert pace.permits == 0
