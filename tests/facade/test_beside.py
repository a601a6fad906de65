"""Cards on file, hosted pages, wallets, subscriptions, and the check of units."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from paymentoptions_async import (
    Address,
    Card,
    GatewayUnavailable,
    InvalidValue,
    Money,
    NotAllowed,
    PaymentStatus,
    SubscriptionPlan,
    SubscriptionStatus,
)
from tests.facade.conftest import ADDRESS, NUMBERS

YEN = Money("1000", "JPY")
WHOLE_ADDRESS = Address(
    country="JP",
    email="buyer@example.com",
    phone_number="8112345678",
    address1="1-2-3 Shinjuku",
    city="Shinjuku-ku",
    state="Tokyo",
    postal_code="1600022",
)
PLAN = SubscriptionPlan(name="Monthly box", cycle_interval=30, max_cycles=10)


def card(name: str = "approved") -> Card:
    return Card(number=NUMBERS[name], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe")


async def subscribe(merchant, plan=PLAN, key="s:1", name="approved"):
    return await merchant.gateway.subscribe(
        Money("1000", "JPY"),
        plan=plan,
        card=card(name),
        billing_address=ADDRESS,
        customer_ip="203.0.113.7",
        idempotency_key=key,
    )


async def test_a_card_on_file_is_charged_by_its_token(merchant):
    first = await merchant.pay(store_card=True)
    assert first.stored_payment_method_id
    assert first.has_3d_secure is False
    assert first.stored_payment_method_id not in repr(first)
    again = await merchant.gateway.purchase_with_token(
        Money("500", "JPY"), token=first.stored_payment_method_id, billing_address=ADDRESS, idempotency_key="t:1"
    )
    assert again.status is PaymentStatus.APPROVED
    assert len(merchant.bank.books.charges(again.ref)) == 1


async def test_a_token_that_is_none_is_refused_without_being_shown(merchant):
    with pytest.raises(InvalidValue, match="token") as error:
        await merchant.gateway.purchase_with_token(
            Money("500", "JPY"), token="4000000000001091", billing_address=ADDRESS, idempotency_key="t:1"
        )
    assert "4000000000001091" not in str(error.value)


async def test_version_1_works_and_warns_once(merchant, monkeypatch):
    monkeypatch.setattr("paymentoptions_async.client.charging._warned", False)
    with pytest.warns(DeprecationWarning, match="deprecation"):
        first = await merchant.pay(version=1)
    assert first.status is PaymentStatus.APPROVED
    assert first.has_3d_secure is False
    await merchant.pay(version=1, key="again")  # warnings are errors here


async def test_amounts_are_checked_in_major_units(merchant):
    proven = await merchant.gateway.check_units(card=card(), billing_address=ADDRESS, customer_ip="203.0.113.7")
    assert proven.approved_amount == Money("10.50", "USD")
    with pytest.raises(NotAllowed, match="decimals"):
        await merchant.gateway.check_units(
            card=card(), billing_address=ADDRESS, customer_ip="203.0.113.7", amount=Money("10", "JPY")
        )


async def page(merchant, amount: Money | None = YEN, **more):
    asked = {"idempotency_key": "h:1", "merchant_email": "shop@example.com", "billing_address": WHOLE_ADDRESS}
    return await merchant.gateway.hosted_page(amount, **asked | more)


async def test_making_a_link_charges_nothing_and_the_same_key_gives_the_same_link(merchant):
    link = await page(merchant)
    assert link.status is PaymentStatus.ACTION_REQUIRED
    assert (await page(merchant)).redirect_url == link.redirect_url
    assert merchant.bank.books.charges() == []
    assert link.redirect_url not in repr(link)


async def test_a_hosted_page_is_paid_after_another_card_was_declined(merchant):
    link = await page(merchant, order="1042")
    await merchant.bank.pay_hosted_page(link.redirect_url, "insufficient_funds")
    await merchant.settle()
    waiting = await merchant.gateway.payment(link.ref)
    assert (waiting.status, waiting.decline.reason) == (PaymentStatus.ACTION_REQUIRED, "insufficient_funds")
    with pytest.raises(NotAllowed):
        await merchant.pay(order="1042")  # the page may still be paid
    await merchant.bank.pay_hosted_page(link.redirect_url, "approved")
    await merchant.settle()
    paid = await merchant.gateway.wait(link.ref, timeout=5)
    assert (paid.status, paid.approved_amount) == (PaymentStatus.APPROVED, YEN)
    assert (await merchant.gateway.refund(paid.ref)).status is PaymentStatus.APPROVED


async def test_a_card_stored_on_a_hosted_page_is_charged_by_its_token(merchant):
    link = await page(merchant, store_card=True)
    await merchant.bank.pay_hosted_page(link.redirect_url, "approved")
    await merchant.settle()
    paid = await merchant.gateway.payment(link.ref)
    again = await merchant.gateway.purchase_with_token(
        YEN, token=paid.stored_payment_method_id, billing_address=ADDRESS, idempotency_key="t:1"
    )
    assert again.status is PaymentStatus.APPROVED


async def test_the_buyer_may_type_the_amount(merchant):
    link = await page(merchant, None, currency="USD")
    await merchant.bank.pay_hosted_page(link.redirect_url, "approved", amount="12.34")
    await merchant.settle()
    paid = await merchant.gateway.payment(link.ref)
    assert (paid.status, paid.approved_amount) == (PaymentStatus.APPROVED, Money("12.34", "USD"))
    assert (await merchant.gateway.balance(link.ref)).refundable == Money("12.34", "USD")


async def test_a_hosted_page_paid_twice_is_told_as_a_duplicate_charge(merchant):
    merchant.bank.settings = replace(merchant.bank.settings, pay_hosted_page_twice=True)
    merchant.bank.reset()
    link = await page(merchant)
    for _ in range(2):
        await merchant.bank.pay_hosted_page(link.redirect_url, "approved")
        await merchant.settle()
    paid = await merchant.gateway.payment(link.ref)
    assert paid.status is PaymentStatus.APPROVED
    charged = {charge.id for charge in merchant.bank.books.charges(link.ref)}
    assert {paid.transaction_id, *paid.duplicate_charges} == charged
    assert len(charged) == 2


@pytest.mark.parametrize(
    ("answer", "status", "declined"),
    [("approve", PaymentStatus.APPROVED, False), ("decline", PaymentStatus.ACTION_REQUIRED, True)],
)
async def test_a_wallet_link_tells_what_the_buyer_did(merchant, answer, status, declined):
    link = await merchant.gateway.hosted_page(Money("1000", "PHP"), idempotency_key="w:1", method="gcash")
    await merchant.bank.answer_wallet(link.redirect_url, answer)
    await merchant.settle()
    payment = await merchant.gateway.payment(link.ref)
    assert payment.status is status
    assert bool(payment.decline) is declined


async def test_a_cancelled_page_stays_open(merchant):
    link = await merchant.gateway.hosted_page(Money("1000", "PHP"), idempotency_key="w:1", method="gcash")
    await merchant.bank.answer_wallet(link.redirect_url, "cancel")
    await merchant.settle()
    assert (await merchant.gateway.payment(link.ref)).status is PaymentStatus.ACTION_REQUIRED


async def test_a_link_whose_answer_was_lost_may_be_made_again(merchant):
    merchant.bank.faults.add("link", "garbage", times=1)
    asked = {"idempotency_key": "h:1", "method": "gcash"}
    with pytest.raises(GatewayUnavailable):
        await merchant.gateway.hosted_page(Money("1000", "PHP"), **asked)
    assert (await merchant.gateway.hosted_page(Money("1000", "PHP"), **asked)).redirect_url


async def test_an_order_with_an_open_hosted_page_takes_no_card_beside_it(merchant):
    link = await merchant.gateway.hosted_page(
        Money("1000", "JPY"),
        idempotency_key="h:1",
        merchant_email="shop@example.com",
        billing_address=ADDRESS,
        order="1042",
    )
    with pytest.raises(NotAllowed, match="waits for its buyer"):
        await merchant.pay(order="1042")
    assert (await merchant.pay(order="1042", supersedes=link.ref)).status is PaymentStatus.APPROVED


async def test_a_subscription_lives_from_start_to_end(merchant):
    first = await subscribe(merchant)
    assert first.status is PaymentStatus.APPROVED
    [listed] = await merchant.gateway.subscriptions()
    assert listed.id == first.subscription_id
    assert listed.plan_description.endswith(first.ref)
    assert (await merchant.gateway.pause_subscription(listed.id)).status is SubscriptionStatus.PAUSED
    assert (await merchant.gateway.resume_subscription(listed.id)).status is SubscriptionStatus.ACTIVE
    assert (await merchant.gateway.cancel_subscription(listed.id)).status is SubscriptionStatus.CANCELLED
    assert (await merchant.gateway.subscription(listed.id)).status is SubscriptionStatus.CANCELLED


async def test_a_renewal_is_told_and_is_no_duplicate(merchant):
    first = await subscribe(merchant)
    await merchant.bank.advance(31 * 24 * 3600)
    await merchant.settle()
    known = await merchant.gateway.payment(first.ref)
    assert len(known.renewals) == 1
    assert known.duplicate_charges == ()


@pytest.mark.parametrize("change", ["pause", "resume", "cancel"])
async def test_a_change_whose_answer_was_lost_is_learned_from_the_subscription(merchant, change):
    first = await subscribe(merchant)
    if change == "resume":
        await merchant.gateway.pause_subscription(first.subscription_id)
    merchant.bank.faults.add("*", "reset", when="after", times=1)
    meant = {"pause": "paused", "resume": "active", "cancel": "cancelled"}[change]
    changed = await getattr(merchant.gateway, f"{change}_subscription")(first.subscription_id)
    assert changed.status == meant


async def test_a_discounted_plan_is_charged_as_the_gateway_says(merchant):
    plan = SubscriptionPlan(
        name="Box", cycle_interval=2, max_cycles=10, discount_percentage=Decimal(10), discount_cycles=2
    )
    first = await subscribe(merchant, plan)
    assert (first.status, first.approved_amount) == (PaymentStatus.APPROVED, Money("900", "JPY"))


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"cycle_interval": 0}, "plan.cycle_interval"),
        ({"max_cycles": None}, "plan.max_cycles"),
        ({"discount_percentage": 10}, "plan.discount_percentage"),
        ({"discount_percentage": 101, "discount_cycles": 1}, "plan.discount_percentage"),
        ({"discount_percentage": 5, "discount_cycles": 11}, "plan.discount_cycles"),
        ({"cycle_type": "every day"}, "plan.cycle_type"),
        ({"name": ""}, "plan.name"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(about, says):
    with pytest.raises(InvalidValue, match=says):
        SubscriptionPlan(**{"name": "Box", "cycle_interval": 2, "max_cycles": 10} | about)
