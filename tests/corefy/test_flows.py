"""The three flows of the vendor's page, and a sale with a card: in process and over HTTP."""

from __future__ import annotations

from decimal import Decimal

import pytest

from paymentoptions_async import InvalidRequest, Money, NotAllowed, PaymentStatus
from paymentoptions_async.payment import Operation, Source
from tests.corefy.conftest import BUYER, TEN, Merchant


async def test_a_card_is_paid_with_put_on_file_and_written_off_with_nobody_there(merchant: Merchant):
    first = await merchant.corefy.checkout(TEN, customer=BUYER, tokenize=True, idempotency_key="1:1", order="1")
    assert first.status is PaymentStatus.ACTION_REQUIRED
    assert first.redirect_url is not None
    await merchant.pay_page(first)
    await merchant.settle()
    paid = await merchant.corefy.payment(first.ref)
    assert (paid.status, paid.approved_amount, str(paid.card)) == (PaymentStatus.APPROVED, TEN, "551928******0000")
    token = paid.stored_payment_method_id
    assert token is not None

    predefined = await merchant.corefy.checkout(TEN, customer=BUYER, token=token, idempotency_key="2:1")
    assert predefined.status is PaymentStatus.ACTION_REQUIRED

    charged = await merchant.write_off(token, Money("12.34", "USD"), key="3:1", metadata={"cart": "7"})
    assert (charged.status, charged.approved_amount) == (PaymentStatus.APPROVED, Money("12.34", "USD"))
    assert charged.operation is Operation.PURCHASE_WITH_TOKEN
    invoice = merchant.invoice(charged)
    assert (invoice.terms.instant, invoice.terms.token, invoice.terms.metadata) == (True, token, {"cart": "7"})
    assert merchant.charged() == Decimal("22.34")


async def test_the_token_is_read_from_the_invoice_where_no_callback_comes(merchant: Merchant):
    merchant.bank.faults.add("corefy_callback", "missing")
    page = await merchant.corefy.checkout(TEN, customer=BUYER, tokenize=True, idempotency_key="1:1")
    await merchant.pay_page(page)
    assert (await merchant.corefy.payment(page.ref)).stored_payment_method_id is None
    paid = await merchant.corefy.wait(page.ref, timeout=10)
    assert paid.stored_payment_method_id is not None
    assert merchant.bank.corefy.books.stored_card(paid.stored_payment_method_id) is not None
    assert merchant.told == []


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("reply", ["flat", "resource"])
@pytest.mark.parametrize(("answer", "status"), [("confirm", "approved"), ("decline", "declined")])
async def test_a_buyer_is_handed_over_to_the_bank_and_back(open_merchant, version, reply, answer, status):
    merchant = await open_merchant(settings={"three_d_secure": version, "sale_reply": reply})
    started = await merchant.sale("processed_3ds")
    assert started.status is PaymentStatus.ACTION_REQUIRED
    assert merchant.charged() == 0
    handed = {"action": started.redirect_url, "method": "POST", "params": dict(started.redirect_form)}
    assert set(handed["params"]) == ({"PaReq", "MD", "TermUrl"} if version == 1 else {"creq"})
    await merchant.settle()  # that it is pending is told, and takes nothing away
    again = await merchant.sale("processed_3ds")
    assert (again.redirect_url, again.redirect_form) == (started.redirect_url, started.redirect_form)
    assert (await merchant.corefy.resolve(started.ref)).status is PaymentStatus.ACTION_REQUIRED

    await merchant.bank.corefy.answer_challenge(handed, answer)
    await merchant.settle()
    final = await merchant.corefy.payment(started.ref)
    assert (final.status, final.source) == (status, Source.STATUS)
    assert merchant.charged() == (10 if answer == "confirm" else 0)
    assert merchant.requests("corefy_sale") == 1


async def test_a_buyer_who_never_comes_back_lets_the_invoice_expire(nearby: Merchant):
    started = await nearby.sale("processed_3ds")
    await nearby.bank.advance(86_400)
    await nearby.corefy.drain()
    assert (await nearby.corefy.payment(started.ref)).status is PaymentStatus.EXPIRED
    assert nearby.charged() == 0


@pytest.mark.parametrize(
    ("expiry", "reason", "may_help"),
    [((5, 2029), "insufficient_funds", True), ((10, 2034), "lost_or_stolen_card", False)],
)
async def test_a_decline_is_an_answer_with_the_gateways_own_reason(nearby: Merchant, expiry, reason, may_help):
    declined = await nearby.sale("failed", expiry=expiry)
    assert declined.status is PaymentStatus.DECLINED
    assert (declined.decline.reason, declined.decline.new_attempt_may_help) == (reason, may_help)
    assert nearby.charged() == 0


async def test_an_undecided_sale_is_waited_for(nearby: Merchant):
    pending = await nearby.sale("processed", expiry=(7, 2077))
    assert pending.status is PaymentStatus.PENDING
    nearby.bank.corefy.process(nearby.invoice(pending).id)
    assert (await nearby.corefy.wait(pending.ref, timeout=5)).status is PaymentStatus.APPROVED


async def test_less_than_was_asked_is_told_and_the_rest_may_still_come(nearby: Merchant):
    pending = await nearby.sale("processed", expiry=(7, 2077))
    nearby.bank.corefy.process(nearby.invoice(pending).id, Decimal(4))
    await nearby.settle()
    partial = await nearby.corefy.payment(pending.ref)
    assert partial.status is PaymentStatus.PARTIALLY_APPROVED
    assert partial.approved_amount == Money("4.00", "USD")
    assert (await nearby.corefy.balance(partial.ref)).refundable == Money("4.00", "USD")

    nearby.bank.faults.add(
        "corefy_show", "change", set={"data.attributes.status": "processed", "data.attributes.processed_amount": 10}
    )
    whole = await nearby.corefy.resolve(partial.ref)
    assert (whole.status, whole.approved_amount) == (PaymentStatus.APPROVED, TEN)


async def test_what_a_moderator_must_look_at_is_never_final(nearby: Merchant):
    pending = await nearby.sale("processed", expiry=(7, 2077))
    nearby.bank.corefy.require_moderation(nearby.invoice(pending).id)
    nearby.bank.faults.add("corefy_show", "change", times=1, set={"data.attributes.status": "processed"})
    assert (await nearby.corefy.resolve(pending.ref)).status is PaymentStatus.PENDING
    nearby.bank.corefy.moderate(nearby.invoice(pending).id, accept=False)
    assert (await nearby.corefy.resolve(pending.ref)).status is PaymentStatus.CANCELLED


async def test_a_buyer_at_the_bank_is_waited_for_no_more_while_a_moderator_looks(nearby: Merchant):
    started = await nearby.sale("processed_3ds")
    nearby.bank.corefy.require_moderation(nearby.invoice(started).id)
    assert (await nearby.corefy.resolve(started.ref)).status is PaymentStatus.PENDING


async def test_the_same_key_again_sends_nothing(merchant: Merchant):
    first = await merchant.sale()
    before = len(merchant.bank.requests)
    assert await merchant.sale() == first
    assert len(merchant.bank.requests) == before


async def test_invoices_are_read_and_listed(merchant: Merchant):
    paid = await merchant.sale()
    page = await merchant.corefy.checkout(Money("5.00", "USD"), idempotency_key="2:1")
    assert (await merchant.corefy.invoice(merchant.invoice(paid).id)).status is PaymentStatus.APPROVED
    listed = {one.ref: one for one in await merchant.corefy.invoices()}
    assert {ref: (one.status, one.amount) for ref, one in listed.items()} == {
        paid.ref: (PaymentStatus.APPROVED, TEN),
        page.ref: (PaymentStatus.PENDING, Money("5.00", "USD")),
    }


async def test_what_the_gateway_said_is_kept_without_pages_and_tokens(nearby: Merchant):
    page = await nearby.corefy.checkout(TEN, customer=BUYER, tokenize=True, idempotency_key="1:1")
    invoice = nearby.invoice(page)
    assert page.model().data.attributes.status == "process_pending"
    await nearby.pay_page(page)
    await nearby.settle()
    paid = await nearby.corefy.payment(page.ref)
    refund = await nearby.corefy.refund(page.ref)
    assert paid.model().data.attributes.processed_amount == 10
    assert refund.model() is not None
    secrets = {invoice.bearer, invoice.session, invoice.issued_token, invoice.terms.callback_url}
    secrets |= set(invoice.terms.return_urls.values())
    notices = await nearby.corefy._journal.notices(page.ref)
    [listed] = await nearby.corefy.invoices()
    kept = [page.raw, paid.raw, refund.raw, listed.raw, *(notice.body for notice in notices)]
    assert {secret for secret in secrets if secret is None or secret in str(kept)} == set()


async def test_an_order_is_paid_once(nearby: Merchant):
    await nearby.sale(order="1")
    with pytest.raises(NotAllowed, match="the order is paid"):
        await nearby.sale(order="1", key="1:2")


async def test_a_token_belongs_to_its_customer(nearby: Merchant):
    token = await nearby.token()
    stranger = type(BUYER)(reference_id="customer-2")
    with pytest.raises(InvalidRequest):
        await nearby.corefy.write_off(TEN, token=token, customer=stranger, idempotency_key="2:1")
    assert nearby.charged() == 10


async def test_a_token_that_the_bank_declines_is_declined(nearby: Merchant):
    token = await nearby.token()
    nearby.bank.corefy.decide_token(token, "process_failed", "card_expired")
    declined = await nearby.write_off(token)
    assert declined.decline.reason == "card_expired"
