"""One table of what can happen to a purchase, held against the bank's books, through both wires."""

from __future__ import annotations

import pytest

from paymentoptions_async import (
    InvalidRequest,
    OutcomeUnknown,
    PaymentStatus,
)

DECIDED = [
    ("approved", PaymentStatus.APPROVED, None),
    ("approved_visa", PaymentStatus.APPROVED, None),
    ("approved_with_id", PaymentStatus.APPROVED, None),
    ("partial_approval", PaymentStatus.PARTIALLY_APPROVED, None),
    ("declined", PaymentStatus.DECLINED, "do_not_honour"),
    ("insufficient_funds", PaymentStatus.DECLINED, "insufficient_funds"),
    ("expired_card", PaymentStatus.DECLINED, "expired_card"),
    ("stolen_card", PaymentStatus.DECLINED, "stolen_card"),
    ("authentication_requested", PaymentStatus.DECLINED, "count_limit_or_authentication_requested"),
    ("issuer_inoperative", PaymentStatus.DECLINED, "issuer_inoperative"),
    ("security_code_incorrect", PaymentStatus.DECLINED, "security_code_incorrect"),
    ("invalid_card_number", PaymentStatus.DECLINED, "invalid_card_number"),
    ("risk_rule", PaymentStatus.DECLINED, "risk_rule"),
    ("unlisted_code", PaymentStatus.DECLINED, "unlisted"),
]
UNDECIDED = ["timeout_charged", "unclear_not_charged", "duplicate_transmission", "verification_only", "gateway_error"]


@pytest.mark.parametrize(("card", "status", "reason"), DECIDED)
async def test_what_the_bank_decides_is_returned(merchant, card, status, reason):
    payment = await merchant.pay(card)
    assert payment.status is status
    assert (payment.decline.reason if payment.decline else None) == reason
    charged = merchant.bank.books.charges(payment.ref)
    assert len(charged) == (1 if status.took_money else 0)
    if status.took_money:
        assert payment.approved_amount.amount == charged[0].charged
        assert payment.transaction_id == charged[0].id


@pytest.mark.parametrize("card", UNDECIDED)
async def test_what_the_bank_leaves_open_is_unknown(merchant, card):
    with pytest.raises(OutcomeUnknown) as unknown:
        await merchant.pay(card)
    assert unknown.value.payment.status is PaymentStatus.UNKNOWN
    assert len(merchant.bank.books.charges(unknown.value.ref)) <= 1


async def test_a_pending_payment_becomes_final_by_its_status(merchant):
    payment = await merchant.pay("pending")
    assert payment.status is PaymentStatus.PENDING
    await merchant.bank.advance(120)
    settled = await merchant.gateway.resolve(payment.ref)
    assert settled.status is PaymentStatus.APPROVED


async def test_an_unclear_charge_is_settled_by_asking(merchant):
    with pytest.raises(OutcomeUnknown) as unknown:
        await merchant.pay("timeout_charged")
    await merchant.bank.advance(120)
    assert (await merchant.gateway.resolve(unknown.value.ref)).status is PaymentStatus.APPROVED


@pytest.mark.parametrize(
    ("answer", "status"), [("confirm", PaymentStatus.APPROVED), ("decline", PaymentStatus.DECLINED)]
)
async def test_3d_secure_ends_with_what_the_buyer_did(merchant, answer, status):
    started = await merchant.pay("challenge")
    assert started.status is PaymentStatus.ACTION_REQUIRED
    await merchant.bank.answer_challenge(started.redirect_url, answer)
    await merchant.settle()
    final = await merchant.gateway.wait(started.ref, timeout=5)
    assert final.status is status
    assert final.source == "status"
    assert len(merchant.bank.books.charges(started.ref)) == (1 if status.took_money else 0)


async def test_an_abandoned_3d_secure_page_charges_nothing_and_stays_listed(merchant):
    started = await merchant.pay("challenge")
    await merchant.settle()
    [left] = await merchant.gateway.unresolved()
    assert left.ref == started.ref
    assert merchant.bank.books.charges() == []


@pytest.mark.parametrize("fault", ["error", "garbage", "html", "empty", "half_body", "redirect", "reset", "close"])
async def test_a_lost_answer_is_unknown_until_the_webhook_and_never_charged_twice(merchant, fault):
    merchant.bank.faults.add("paymentv2", fault, when="after", times=1)
    with pytest.raises(OutcomeUnknown) as unknown:
        await merchant.pay()
    await merchant.settle()
    assert (await merchant.pay()).status is PaymentStatus.APPROVED
    assert len(merchant.bank.books.charges(unknown.value.ref)) == 1


@pytest.mark.parametrize(("fault", "options"), [("duplicate", {}), ("late", {"seconds": 300}), ("reorder", {})])
async def test_webhooks_that_come_oddly_change_nothing_else(merchant, fault, options):
    merchant.bank.faults.add("webhook", fault, **options)
    started = await merchant.pay("challenge")
    await merchant.bank.answer_challenge(started.redirect_url)
    await merchant.bank.advance(600)
    await merchant.settle()
    assert (await merchant.gateway.payment(started.ref)).status is PaymentStatus.APPROVED
    assert [entry.event for entry in await merchant.gateway.history(started.ref)] == ["opened", "answered", "confirmed"]


async def test_the_gateway_says_the_same_when_asked_for_a_transaction(merchant):
    payment = await merchant.pay()
    asked = await merchant.gateway.status(payment.transaction_id)
    assert asked.status is PaymentStatus.APPROVED
    assert asked.ref == payment.ref


async def test_a_transaction_that_another_process_made_is_shown_as_the_gateway_tells_it(merchant):
    payment = await merchant.pay("approved", "10.50", currency="USD")
    merchant.gateway._journal._transactions.clear()
    merchant.gateway._journal._records.clear()
    asked = await merchant.gateway.status(payment.transaction_id)
    assert (asked.status, asked.ref, str(asked.amount)) == (PaymentStatus.APPROVED, payment.ref, "10.50 USD")


async def test_a_transaction_nobody_knows_is_unknown(merchant):
    asked = await merchant.gateway.status("00000000-0000-4000-8000-000000000000")
    assert asked.status is PaymentStatus.UNKNOWN
    assert asked.doubts


async def test_a_card_the_bank_does_not_take_is_an_invalid_request(merchant):
    from paymentoptions_async import Address, Card, Money

    with pytest.raises(InvalidRequest):
        await merchant.gateway.purchase(
            Money("1000", "JPY"),
            card=Card(number="4111111111111111", cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
            billing_address=Address(country="JP"),
            customer_ip="203.0.113.7",
            idempotency_key="1",
        )


@pytest.mark.parametrize(
    ("currency", "amount", "text"), [("JPY", "1000", "1000"), ("USD", "10.5", "10.50"), ("KWD", "1.234", "1.234")]
)
async def test_money_arrives_to_the_last_digit(merchant, currency, amount, text):
    payment = await merchant.pay("approved", amount, currency=currency)
    [charge] = merchant.bank.books.charges(payment.ref)
    assert f"{charge.charged:f}" == text
    assert payment.approved_amount == payment.amount
