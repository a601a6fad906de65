"""What a faulty, slow or hostile world does to a payment: whatever comes in whatever order, nothing wrong happens.

Each test ends with the bank's books held against the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from paymentoptions_async import (
    Card,
    Money,
    NotAllowed,
    OutcomeUnknown,
    Payment,
    PaymentEvent,
    PaymentStatus,
)
from paymentoptions_async.intent import NoticeState
from paymentoptions_async.redirects import Purpose
from paymentoptions_async.sandbox import Clock, Sandbox
from tests.facade.conftest import ADDRESS, NUMBERS, PUBLIC_URL, Merchant, client

OTHER = "9e9255f5-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
LATER = 120.0


@dataclass
class World(Merchant):
    """A merchant in one process with its bank, whose clock stands still, and what its application heard."""

    heard: list[PaymentEvent] = field(default_factory=list)

    async def settle(self) -> None:
        await self.bank.flush()
        await self.gateway.drain()

    async def status(self, ref: str) -> PaymentStatus:
        return (await self.gateway.payment(ref)).status

    async def states(self, ref: str) -> list[NoticeState]:
        return [notice.state for notice in await self.gateway._journal.notices(ref)]

    async def events(self, ref: str) -> list[str]:
        return [entry.event for entry in await self.gateway.history(ref)]

    async def send(self, payment: Payment, body: bytes, **headers: str) -> None:
        """Deliver a webhook of one's own making, with the good token of the payment."""
        [url] = {
            delivery.url for delivery in self.bank.webhooks.deliveries if delivery.merchant_txn_ref == payment.ref
        } or {f"{PUBLIC_URL}/webhook/{payment.ref}/{await self._token(payment)}"}
        ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
        await self.gateway.webhooks.receive(ref, token, headers=headers, body=body)
        await self.gateway.drain()

    async def _token(self, payment: Payment) -> str:
        [order] = [c.order for c in self.bank.books.challenges if c.order.merchant_txn_ref == payment.ref]
        return order.urls["webhook_url"].rpartition("/")[2]

    async def check(self) -> None:
        """Hold the books against the journal: each charge is known by its reference, and none is doubled or made up."""
        records = await self.gateway._journal.records(self.gateway._scope)
        for record in records:
            payment = record.payment
            known = {payment.transaction_id, *payment.duplicate_charges, *payment.renewals}
            charged: dict[str | None, Decimal] = {
                t.id: t.moved for t in self.bank.books.payments if t.merchant_txn_ref == payment.ref and t.moved
            }
            assert not payment.is_final or known.issuperset(charged), payment
            if payment.status.took_money and not payment.operation.follows:
                assert payment.approved_amount is not None
                assert charged[payment.transaction_id] == payment.approved_amount.amount
            assert len(await self.gateway.history(record.ref)) == record.version
        asked = [r.merchant_txn_ref for r in self.bank.requests if r.endpoint == "paymentv2" and r.status < 400]
        assert len(asked) == len(set(asked)), "one reference was sent twice"
        assert len({event.id for event in self.heard}) == len(self.heard), "an event was told twice"


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async def deliver(url: str, body: bytes) -> int:
        ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
        await gateway.webhooks.receive(ref, token, headers={}, body=body)
        return 200

    async def hear(event: PaymentEvent) -> None:
        world.heard.append(event)

    bank = Sandbox(clock=Clock(datetime(2026, 1, 5, 9, tzinfo=UTC)), deliver=deliver)
    options: dict[str, Any] = {"clock": lambda: bank.clock.now().timestamp(), "on_payment": hear}
    async with client("http://127.0.0.1", transport=bank.transport(), **options) as gateway:
        world = World(gateway, bank, [])
        yield world
        await world.settle()
        await world.check()


async def started(world: World, answer: str | None = "confirm", **more: Any) -> Payment:
    """A 3-D Secure purchase whose buyer has answered; the webhook is not delivered yet."""
    payment = await world.pay("challenge", **more)
    if answer is not None:
        assert payment.redirect_url is not None
        await world.bank.answer_challenge(payment.redirect_url, answer)  # type: ignore[arg-type]
    return payment


async def slowly(world: World, *faults: str, **more: Any) -> asyncio.Task[Payment]:
    """A purchase that the bank has charged, and answers only once its clock goes on; or loses the answer then."""
    world.bank.faults.add("paymentv2", "delay", when="after", seconds=LATER, times=1)
    for fault in faults:
        world.bank.faults.add("paymentv2", fault, when="after", times=1)
    paying = asyncio.create_task(world.pay(**more))
    async with asyncio.timeout(5):
        while not world.bank.books.charges():  # noqa: ASYNC110  the bank tells nobody
            await asyncio.sleep(0)
    return paying


# The order in which news comes ----------------------------------------------------------------------------------------


async def test_the_buyer_returns_before_the_webhook(world):
    payment = await started(world)
    token = world.gateway._settings.signer.token(
        payment.ref, Purpose.SUCCESS, expires=int(world.bank.clock.now().timestamp()) + 60
    )
    assert (await world.gateway.returned("success", payment.ref, token)).status is PaymentStatus.ACTION_REQUIRED
    await world.settle()
    assert (await world.gateway.returned("success", payment.ref, token)).status is PaymentStatus.APPROVED
    assert [event.event for event in world.heard] == ["confirmed"]


async def test_the_webhook_comes_before_the_direct_answer(world):
    paying = await slowly(world)
    await world.bank.flush()
    [record] = await world.gateway._journal.records(world.gateway._scope)
    async with asyncio.timeout(5):
        while not record.payment.is_final:
            record = await world.gateway._journal.changed(record.ref, after=record.version, timeout=5)
    assert record.payment.status is PaymentStatus.APPROVED  # confirmed while its answer is still under way
    world.bank.clock.advance(LATER)
    assert (await paying).status is PaymentStatus.APPROVED
    assert await world.events(record.ref) == ["opened", "confirmed"]
    assert await world.pay() == await paying


async def test_the_webhook_comes_before_a_direct_answer_that_is_lost(world):
    paying = await slowly(world, "reset")
    await world.bank.flush()
    world.bank.clock.advance(LATER)
    assert (await paying).status is PaymentStatus.APPROVED
    await world.settle()
    assert [event.event for event in world.heard] == ["confirmed"]


async def test_the_direct_answer_comes_before_a_webhook_that_repeats_it(world):
    payment = await world.pay()
    await world.settle()
    assert await world.states(payment.ref) == [NoticeState.CONFIRMED]
    assert await world.events(payment.ref) == ["opened", "answered"]
    assert [event.event for event in world.heard] == ["answered"]


async def test_news_of_a_pending_payment_comes_in_the_wrong_order(world):
    world.bank.faults.add("webhook", "reorder", times=1)
    payment = await world.pay("pending")
    await world.settle()
    await world.bank.advance(300)
    await world.settle()
    assert await world.status(payment.ref) is PaymentStatus.APPROVED
    assert [event.payment.status for event in world.heard] == [PaymentStatus.APPROVED]


@pytest.mark.parametrize(("fault", "options"), [("duplicate", {"copies": 9}), ("late", {"seconds": 900})])
async def test_webhooks_that_repeat_or_are_late_are_told_once(world, fault, options):
    world.bank.faults.add("webhook", fault, **options)
    payment = await started(world)
    await world.bank.advance(1800)
    await world.settle()
    assert await world.status(payment.ref) is PaymentStatus.APPROVED
    assert [event.event for event in world.heard] == ["confirmed"]
    assert len([r for r in world.bank.requests if r.endpoint == "status"]) == 1


async def test_a_webhook_comes_after_the_buyer_was_given_up(world):
    world.bank.faults.add("webhook", "late", seconds=7200)
    payment = await started(world)
    await world.bank.advance(3600)
    [closed] = await world.gateway.settle_abandoned(older_than=1800, by="Ann", note="nobody came back")
    assert (closed.ref, closed.status) == (payment.ref, PaymentStatus.EXPIRED)
    await world.bank.advance(7200)
    await world.settle()
    assert await world.status(payment.ref) is PaymentStatus.UNKNOWN
    assert [event.event for event in world.heard] == ["settled", "contradiction"]
    paid = await world.gateway.resolve(payment.ref)
    assert (paid.status, len(world.bank.books.charges(payment.ref))) == (PaymentStatus.APPROVED, 1)


async def test_no_webhook_ever_comes(world):
    world.bank.faults.add("webhook", "missing")
    payment = await started(world)
    await world.bank.advance(86_400)
    await world.settle()
    assert [left.ref for left in await world.gateway.unresolved()] == [payment.ref]
    [charge] = world.bank.books.charges(payment.ref)
    asked = await world.gateway.status(charge.id)  # somebody found it in the portal
    assert (asked.ref, asked.status) == (payment.ref, PaymentStatus.APPROVED)


# What a webhook claims ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claim",
    [
        {"payment_details.amount": 1},
        {"payment_details.currency": "USD"},
        {"payment_details.response_code": 5, "success": False},
        {"merchant_details.merchant_txn_ref": "SOMEBODYELSES"},
        {"merchant_details.mid": "JP99999999"},
        {"is_live": True},
        {"transaction_type": "REFUND"},
        {"transaction_details.ref": "../../void"},
    ],
    ids=str,
)
async def test_what_a_webhook_claims_is_not_believed(world, claim):
    world.bank.faults.add("webhook", "change", set=claim)
    payment = await started(world)
    await world.settle()
    assert await world.status(payment.ref) is PaymentStatus.APPROVED
    assert (await world.gateway.payment(payment.ref)).approved_amount == Money("1000", "JPY")


async def test_a_webhook_that_claims_an_approval_of_what_was_declined_changes_nothing(world):
    claim = {"success": True, "payment_details.response_code": 0}
    world.bank.faults.add("webhook", "change", set=claim)
    payment = await started(world, "decline")
    await world.settle()
    assert await world.status(payment.ref) is PaymentStatus.DECLINED


@pytest.mark.parametrize(
    ("claim", "status"),
    [
        ({"payment_details.amount": 1}, PaymentStatus.UNKNOWN),
        ({"payment_details.currency": "USD"}, PaymentStatus.UNKNOWN),
        ({"success": False}, PaymentStatus.UNKNOWN),
        ({"merchant_details.merchant_txn_ref": "SOMEBODYELSES"}, PaymentStatus.ACTION_REQUIRED),
        ({"merchant_details.mid": "JP99999999"}, PaymentStatus.ACTION_REQUIRED),
        ({"is_live": True}, PaymentStatus.ACTION_REQUIRED),
        ({"transaction_type": "REFUND"}, PaymentStatus.ACTION_REQUIRED),
        ({"transaction_type": "VOID"}, PaymentStatus.ACTION_REQUIRED),
        ({"transaction_details.id": OTHER}, PaymentStatus.UNKNOWN),
    ],
    ids=str,
)
async def test_a_status_answer_that_is_not_of_this_payment_approves_nothing(world, claim, status):
    world.bank.faults.add("status", "change", set=claim)
    payment = await started(world)
    await world.settle()
    assert await world.status(payment.ref) is status
    assert not [event for event in world.heard if event.payment.status.took_money]
    assert [left.ref for left in await world.gateway.unresolved()] == [payment.ref]
    world.bank.faults.clear()
    [charge] = world.bank.books.charges(payment.ref)
    assert (await world.gateway.status(charge.id)).status is PaymentStatus.APPROVED


@pytest.mark.parametrize(
    "made_up",
    ["../../void", "..%2f..%2fvoid", "a/b?c=d#e", "\r\nx-evil: 1", "' OR 1=1", "", 7, None, {}, "0" * 36],
    ids=repr,
)
async def test_an_id_that_is_no_uuid_is_asked_of_nobody(world, made_up):
    world.bank.faults.add("webhook", "change", set={"transaction_details.id": made_up})
    payment = await started(world)
    before = len(world.bank.requests)
    await world.settle()
    assert len(world.bank.requests) == before
    assert await world.status(payment.ref) is PaymentStatus.ACTION_REQUIRED
    assert await world.states(payment.ref) == [NoticeState.REJECTED]


@pytest.mark.parametrize(
    "body", [b"", b"\x00\xff{not json", b"[[[[", b"{" * 10_000, b"null", b'"text"', b"a=b&a=c", b"\xef\xbb\xbf{}"]
)
async def test_a_webhook_that_can_not_be_read_is_kept_and_changes_nothing(world, body):
    payment = await started(world, None)
    await world.send(payment, body)
    assert await world.status(payment.ref) is PaymentStatus.ACTION_REQUIRED
    assert await world.states(payment.ref) == [NoticeState.REJECTED]


async def test_the_transaction_of_a_refund_confirms_no_purchase(world):
    paid = await world.pay()
    back = await world.gateway.refund(paid.ref)
    waiting = await started(world, None, key="1043:1")
    await world.send(waiting, f'{{"transaction_details": {{"id": "{back.transaction_id}"}}}}'.encode())
    assert await world.status(waiting.ref) is PaymentStatus.ACTION_REQUIRED
    assert await world.gateway.payment(back.ref) == back


async def test_the_transaction_of_another_payment_settles_that_one_alone(world):
    world.bank.faults.add("webhook", "missing")
    first, second = await started(world, key="1"), await started(world, None, key="2")
    [charge] = world.bank.books.charges(first.ref)
    await world.send(second, f'{{"transaction_details": {{"id": "{charge.id}"}}}}'.encode())
    assert await world.status(second.ref) is PaymentStatus.ACTION_REQUIRED
    assert (
        await world.status(first.ref) is PaymentStatus.ACTION_REQUIRED
    )  # nobody knew whose it was, so nobody was told
    assert (await world.gateway.status(charge.id)).ref == first.ref
    assert await world.status(first.ref) is PaymentStatus.APPROVED


async def test_the_same_transaction_under_two_references_is_one_payments(world):
    paid = await world.pay(key="1")
    waiting = await started(world, None, key="2")
    await world.send(waiting, f'{{"transaction_details": {{"id": "{paid.transaction_id}"}}}}'.encode())
    assert await world.status(waiting.ref) is PaymentStatus.ACTION_REQUIRED
    assert await world.gateway.payment(paid.ref) == paid


# Answers that are lost, and charges that are doubled ------------------------------------------------------------------


@pytest.mark.parametrize("webhook", ["garbage", "missing"])
async def test_a_lost_answer_without_a_readable_webhook_stays_unknown_and_is_never_sent_again(world, webhook):
    world.bank.faults.add("paymentv2", "reset", when="after", times=1)
    world.bank.faults.add("webhook", webhook)
    for _ in range(3):
        with pytest.raises(OutcomeUnknown) as unknown:
            await world.pay(order="1042")
        await world.settle()
    with pytest.raises(NotAllowed):
        await world.pay(order="1042", key="1042:2")
    assert len(world.bank.books.charges()) == 1
    [charge] = world.bank.books.charges()
    settled = await world.gateway.settle(
        unknown.value.ref, "happened", by="Ann", note="found in the portal", transaction_id=charge.id
    )
    assert (await world.gateway.resolve(settled.ref)).approved_amount == Money("1000", "JPY")
    assert [event.event for event in world.heard] == ["settled"]


async def test_what_a_person_takes_for_lost_and_was_charged_is_raised_and_told(world):
    world.bank.faults.add("paymentv2", "reset", when="after", times=1)
    world.bank.faults.add("webhook", "late", seconds=600)
    with pytest.raises(OutcomeUnknown) as unknown:
        await world.pay(order="1042")
    await world.gateway.settle(unknown.value.ref, "not_happened", by="Ann", note="not in the portal yet")
    second = await world.pay(order="1042", key="1042:2")
    await world.bank.advance(1200)
    await world.settle()
    assert [event.event for event in world.heard] == ["settled", "answered", "contradiction"]
    first = await world.gateway.resolve(unknown.value.ref)
    assert (first.status, first.duplicate_charges) == (PaymentStatus.APPROVED, (second.transaction_id,))
    await world.settle()
    assert world.heard[-1].event == "duplicate_charge"
    assert len(world.bank.books.charges()) == 2  # both are real, and neither is hidden


async def test_a_hosted_page_that_is_paid_twice_is_told_twice(world):
    world.bank.settings = replace(world.bank.settings, pay_hosted_page_twice=True)
    world.bank.reset()
    link = await world.gateway.hosted_page(Money("1000", "PHP"), idempotency_key="h:1", method="gcash")
    for _ in range(2):
        await world.bank.answer_wallet(link.redirect_url)
    await world.settle()
    assert [event.event for event in world.heard] == ["confirmed", "duplicate_charge"]
    [extra] = world.heard[-1].payment.duplicate_charges
    back = await world.gateway.refund(extra, Money("1000", "PHP"), idempotency_key="r:extra")
    assert back.status is PaymentStatus.APPROVED


async def test_a_superseded_page_that_is_paid_after_all_is_told(world):
    link = await world.gateway.hosted_page(Money("1000", "PHP"), idempotency_key="h:1", method="gcash", order="1042")
    second = await world.pay(order="1042", key="1042:2", supersedes=link.ref)
    await world.bank.answer_wallet(link.redirect_url)
    await world.settle()
    assert [event.event for event in world.heard] == ["answered", "duplicate_charge"]
    assert world.heard[-1].payment.duplicate_charges == (second.transaction_id,)


async def test_a_refund_whose_answer_was_lost_is_told_by_the_charges_webhook(world):
    paid = await world.pay()
    await world.settle()
    world.bank.faults.add("refund", "reset", when="after", times=1)
    with pytest.raises(OutcomeUnknown) as unknown:
        await world.gateway.refund(paid.ref, Money("300", "JPY"), idempotency_key="r:1")
    await world.settle()
    back = await world.gateway.payment(unknown.value.ref)
    [refund] = [t for t in world.bank.books.transactions if t.transaction_type == "REFUND"]
    assert (back.status, back.transaction_id) == (PaymentStatus.APPROVED, refund.id)
    assert (await world.gateway.balance(paid.ref)).refunded == Money("300", "JPY")
    assert [event.payment.ref for event in world.heard] == [paid.ref, back.ref]


async def test_a_refund_whose_webhook_came_to_nobody_is_resolved_later(world):
    """Two refunds of the same amount: whose webhook it is can be told once one of the two is known."""
    paid = await world.pay()
    world.bank.faults.add("refund", "reset", when="after", times=2)
    refs = []
    for key in ("r:1", "r:2"):
        with pytest.raises(OutcomeUnknown) as unknown:
            await world.gateway.refund(paid.ref, Money("300", "JPY"), idempotency_key=key)
        refs.append(unknown.value.ref)
    await world.settle()
    assert [await world.status(ref) for ref in refs] == [PaymentStatus.UNKNOWN] * 2
    first, second = [t.id for t in world.bank.books.transactions if t.transaction_type == "REFUND"]
    await world.gateway.settle(refs[0], "happened", by="Ann", note="by its notes", transaction_id=first)
    settled = await world.gateway.resolve(refs[1])
    assert (settled.status, settled.transaction_id) == (PaymentStatus.APPROVED, second)


async def test_an_event_handler_that_captures_is_heard_out(world):
    async def capture(event: PaymentEvent) -> None:
        world.heard.append(event)
        if event.payment.status is PaymentStatus.AUTHORIZED:
            await world.gateway.capture(event.payment.ref)

    world.gateway._handover._handler = capture
    held = await _authorize(world)
    await world.settle()
    assert [event.payment.operation.value for event in world.heard] == ["authorize", "capture"]
    assert (await world.gateway.balance(held.ref)).captured == Money("1000", "JPY")


async def _authorize(world: World) -> Payment:
    return await world.gateway.authorize(
        Money("1000", "JPY"),
        card=Card(number=NUMBERS["approved"], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
        billing_address=ADDRESS,
        customer_ip="203.0.113.7",
        idempotency_key="a:1",
    )
