"""Authorise, capture, void, refund: chains of states, held against the bank's books, through both wires."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from paymentoptions_async import (
    Card,
    IdempotencyConflict,
    InvalidValue,
    Money,
    NotAllowed,
    OutcomeUnknown,
    PaymentStatus,
)
from tests.facade.conftest import ADDRESS, NUMBERS, client
from tests.facade.test_closing import PURCHASE
from tests.support.scripted import OTHER_TRANSACTION, TRANSACTION, envelope


def yen(amount: int) -> Money:
    return Money(amount, "JPY")


async def authorize(merchant, card: str = "approved", amount: str = "1000", key: str = "a:1", **more: Any):
    return await merchant.gateway.authorize(
        Money(amount, more.pop("currency", "JPY")),
        card=Card(number=NUMBERS[card], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
        billing_address=ADDRESS,
        customer_ip="203.0.113.7",
        idempotency_key=key,
        **more,
    )


@pytest.mark.parametrize("version", [1, 2])
async def test_an_authorisation_holds_and_its_capture_takes(merchant, version):
    held = await authorize(merchant, version=version)
    assert held.status is PaymentStatus.AUTHORIZED
    taken = await merchant.gateway.capture(held.ref)
    assert taken.status is PaymentStatus.APPROVED
    assert taken.transaction_id not in (None, held.transaction_id)
    assert taken.parent == held.ref
    balance = await merchant.gateway.balance(held.ref)
    assert (balance.captured, balance.capturable) == (yen(1000), yen(0))


async def test_a_full_capture_asked_for_twice_happens_once(merchant):
    held = await authorize(merchant)
    first, second = await merchant.gateway.capture(held.ref), await merchant.gateway.capture(held.ref)
    assert first == second
    assert len([t for t in merchant.bank.books.transactions if t.transaction_type == "CAPTURE"]) == 1


async def test_several_partial_captures_and_the_rest(merchant):
    held = await authorize(merchant, amount="10.50", currency="USD")
    await merchant.gateway.capture(held.ref, Money("3.20", "USD"), idempotency_key="c:1")
    rest = await merchant.gateway.capture(held.ref)
    assert rest.amount == Money("7.30", "USD")


async def test_more_than_was_authorised_is_refused_before_sending(merchant):
    held = await authorize(merchant)
    asked = len(merchant.bank.requests)
    with pytest.raises(NotAllowed, match=r"1001 JPY is more than the 1000 JPY left of 1000 JPY authorised"):
        await merchant.gateway.capture(held.ref, yen(1001), idempotency_key="c:1")
    assert len(merchant.bank.requests) == asked


async def test_the_caller_may_insist_and_the_bank_decides(merchant):
    held = await authorize(merchant)
    over = await merchant.gateway.capture(held.ref, yen(1001), idempotency_key="c:1", insist=True)
    assert over.status is PaymentStatus.DECLINED
    assert over.decline.reason == "amount_over_preauthorisation"


async def test_nobody_may_insist_on_another_currency(merchant):
    held = await authorize(merchant)
    with pytest.raises(NotAllowed, match="its currency is JPY"):
        await merchant.gateway.capture(held.ref, Money("1", "USD"), idempotency_key="c:1", insist=True)


async def test_nobody_may_insist_past_an_unknown_one(merchant):
    held = await authorize(merchant, "capture_timeout")
    with pytest.raises(OutcomeUnknown):
        await merchant.gateway.capture(held.ref, yen(600), idempotency_key="c:1")
    for insist in (False, True):
        with pytest.raises(NotAllowed, match="must be resolved first"):
            await merchant.gateway.capture(held.ref, yen(600), idempotency_key="c:2", insist=insist)
    balance = await merchant.gateway.balance(held.ref)
    assert (balance.captured, balance.capturing, balance.capturable) == (yen(0), yen(600), yen(400))


async def test_a_lost_capture_counts_as_if_it_had_happened(merchant):
    held = await authorize(merchant)
    merchant.bank.faults.add("capture", "reset", when="after", times=1)
    with pytest.raises(OutcomeUnknown):
        await merchant.gateway.capture(held.ref, yen(600), idempotency_key="c:1")
    with pytest.raises(NotAllowed):
        await merchant.gateway.capture(held.ref, yen(600), idempotency_key="c:2")
    with pytest.raises(OutcomeUnknown):
        await merchant.gateway.capture(held.ref, yen(600), idempotency_key="c:1")
    assert len([t for t in merchant.bank.books.transactions if t.transaction_type == "CAPTURE"]) == 1


async def test_a_void_lets_go_and_nothing_can_be_captured_after(merchant):
    held = await authorize(merchant)
    assert (await merchant.gateway.void(held.ref)).status is PaymentStatus.APPROVED
    assert (await merchant.gateway.balance(held.ref)).voided
    with pytest.raises(NotAllowed, match="voided"):
        await merchant.gateway.capture(held.ref, yen(1), idempotency_key="c:1")
    with pytest.raises(NotAllowed, match="voided already"):
        await merchant.gateway.void(held.ref, idempotency_key="v:2")


async def test_a_captured_authorisation_is_refunded_not_voided(merchant):
    held = await authorize(merchant)
    taken = await merchant.gateway.capture(held.ref)
    with pytest.raises(NotAllowed, match="refund that instead"):
        await merchant.gateway.void(held.ref)
    with pytest.raises(NotAllowed, match=taken.ref):
        await merchant.gateway.refund(held.ref, yen(1), idempotency_key="r:1")
    assert (await merchant.gateway.refund(taken.ref)).status is PaymentStatus.APPROVED
    assert (await merchant.gateway.balance(held.ref)).refunded == yen(1000)


async def test_partial_refunds_until_nothing_is_left(merchant):
    paid = await merchant.pay()
    await merchant.gateway.refund(paid.ref, yen(300), idempotency_key="r:1", notes="one shoe")
    await merchant.gateway.refund(paid.ref, yen(300), idempotency_key="r:2")
    with pytest.raises(NotAllowed, match="more than the 400 JPY left"):
        await merchant.gateway.refund(paid.ref, yen(401), idempotency_key="r:3")
    assert (await merchant.gateway.refund(paid.ref)).amount == yen(400)
    with pytest.raises(NotAllowed, match=r"nothing is left|more than"):
        await merchant.gateway.refund(paid.ref, yen(1), idempotency_key="r:4")


async def test_a_refund_tells_the_portal_our_reference_after_the_callers_notes(merchant):
    paid = await merchant.pay()
    back = await merchant.gateway.refund(paid.ref, yen(300), idempotency_key="r:1", notes="one shoe")
    [refund] = [t for t in merchant.bank.books.transactions if t.transaction_type == "REFUND"]
    assert refund.order.notes == f"one shoe {back.ref}"


async def test_a_pending_refund_counts_and_settles_by_its_status(merchant):
    paid = await merchant.pay("refund_pending")
    back = await merchant.gateway.refund(paid.ref, yen(600), idempotency_key="r:1")
    assert back.status is PaymentStatus.PENDING
    assert (await merchant.gateway.balance(paid.ref)).refunding == yen(600)
    await merchant.bank.advance(120)
    assert (await merchant.gateway.resolve(back.ref)).status is PaymentStatus.APPROVED


async def test_the_same_key_for_another_amount_or_parent_is_a_conflict(merchant):
    one, two = await merchant.pay(key="1"), await merchant.pay(key="2")
    await merchant.gateway.refund(one.ref, yen(300), idempotency_key="r:1")
    with pytest.raises(IdempotencyConflict) as conflict:
        await merchant.gateway.refund(one.ref, yen(301), idempotency_key="r:1")
    assert conflict.value.fields == ("amount",)
    with pytest.raises(IdempotencyConflict) as conflict:
        await merchant.gateway.refund(two.ref, yen(300), idempotency_key="r:1")
    assert conflict.value.fields == ("parent",)


async def test_a_payment_of_before_this_journal_is_followed_by_its_transaction_id(merchant):
    paid = await merchant.pay()
    merchant.gateway._journal._transactions.clear()
    merchant.gateway._journal._records.clear()
    with pytest.raises(InvalidValue, match="amount: needed"):
        await merchant.gateway.refund(paid.transaction_id)
    back = await merchant.gateway.refund(paid.transaction_id, yen(300), idempotency_key="r:1")
    assert back.status is PaymentStatus.APPROVED


async def test_an_amount_without_a_key_is_refused_because_it_could_be_meant_twice(merchant):
    paid = await merchant.pay()
    with pytest.raises(InvalidValue, match="idempotency_key"):
        await merchant.gateway.refund(paid.ref, yen(300))


async def test_an_unfinished_payment_cannot_be_followed(merchant):
    started = await merchant.pay("challenge")
    with pytest.raises(NotAllowed, match="no transaction yet"):
        await merchant.gateway.refund(started.ref)


async def test_an_authorisation_with_3d_secure_is_settled_as_one(merchant):
    started = await authorize(merchant, "challenge")
    assert started.status is PaymentStatus.ACTION_REQUIRED
    await merchant.bank.answer_challenge(started.redirect_url)
    await merchant.settle()
    held = await merchant.gateway.wait(started.ref, timeout=5)
    assert held.status is PaymentStatus.AUTHORIZED
    assert (await merchant.gateway.capture(held.ref)).status is PaymentStatus.APPROVED


async def test_a_webhook_about_a_refund_does_not_touch_the_charge(merchant):
    paid = await merchant.pay()
    await merchant.gateway.refund(paid.ref)
    await merchant.settle()
    assert await merchant.gateway.payment(paid.ref) == paid


async def test_all_that_is_left_asked_for_by_two_at_once_is_one_capture_for_both(merchant, monkeypatch):
    held = await authorize(merchant)
    journal = merchant.gateway.journal
    followers = journal.followers
    first: list[Any] = []

    async def meanwhile_captured(ref: str):  # after the second has seen that nothing stands under its key
        monkeypatch.setattr(journal, "followers", followers)
        first.append(await merchant.gateway.capture(held.ref))
        return await followers(ref)

    monkeypatch.setattr(journal, "followers", meanwhile_captured)
    assert await merchant.gateway.capture(held.ref) == first[0]
    assert len([t for t in merchant.bank.books.transactions if t.transaction_type == "CAPTURE"]) == 1


async def test_a_transaction_id_in_capitals_names_the_same_payment():
    class Bank:
        refunds = 0

        def __call__(self, request: httpx.Request) -> httpx.Response:
            if not request.url.path.endswith("/refund"):
                sent = json.loads(request.content)
                self.ref = sent["merchant_txn_ref"]
                return httpx.Response(201, json=envelope(self.ref, transaction_id=TRANSACTION.upper()))
            self.refunds += 1
            return httpx.Response(201, json=envelope(self.ref, kind="REFUND", transaction_id=OTHER_TRANSACTION))

    bank = Bank()
    async with client("http://127.0.0.1", transport=httpx.MockTransport(bank)) as gateway:
        paid = await gateway.purchase(yen(1000), **PURCHASE)
        assert paid.transaction_id == TRANSACTION
        await gateway.refund(TRANSACTION, yen(1000), idempotency_key="1 back")
        with pytest.raises(NotAllowed):
            await gateway.refund(TRANSACTION.upper(), yen(1000), idempotency_key="2 back")
        assert (await gateway.balance(paid.ref)).refunded == yen(1000)
    assert bank.refunds == 1
