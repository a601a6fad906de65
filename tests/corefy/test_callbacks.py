"""Callbacks: signed by their mode's secret, recorded once, and believed only where the invoice says the same."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from paymentoptions_async import (
    ConfigurationError,
    EnvironmentMismatch,
    MemoryJournal,
    PaymentStatus,
    WebhookRejected,
)
from paymentoptions_async.corefy.callbacks import Signatures, sign
from paymentoptions_async.intent import NoticeState
from paymentoptions_async.sandbox import COREFY_TEST_SECRET
from tests.corefy.conftest import TEN, MakeMerchant, Merchant, card, client, encoded, invoice_document, of

VECTOR = b'{"data":{"type":"payment-invoices","id":"cpi_test","attributes":{"status":"processed","resolution":"ok"}}}'


def signed(body: bytes, secret: str = COREFY_TEST_SECRET) -> dict[str, Any]:
    return {"headers": {"x-signature": sign(secret, body)}, "body": body}


async def paid_unheard(merchant: Merchant) -> Any:
    """A checkout that is paid, and whose callbacks have not come."""
    merchant.bank.faults.add("corefy_callback", "missing")
    page = await merchant.corefy.checkout(TEN, idempotency_key="1:1")
    await merchant.pay_page(page)
    return page


def told(payment: Any, **more: Any) -> bytes:
    return encoded(invoice_document(payment.ref, id=payment.transaction_id, status="processed", **more))


def test_the_signature_is_that_of_the_collected_vector():
    assert sign("sk_test_example", VECTOR) == "RVerC+ikcJFfYqz8q2jJj8gpWlY="


def test_every_secret_is_accepted_while_one_is_replaced():
    signatures = Signatures(["sk_test_new", "sk_test_example"])
    signatures.verify("RVerC+ikcJFfYqz8q2jJj8gpWlY=", VECTOR)
    for wrong in ("", "rverc+IKCJfFyQZ8Q2Jjj8GPwLy=", "RVerC+ikcJFfYqz8q2jJj8gpWlY", "é", "\ud800"):
        with pytest.raises(WebhookRejected) as refused:
            signatures.verify(wrong, VECTOR)
        assert refused.value.http_status == 401
    assert "sk_test" not in repr(signatures)


async def test_the_bytes_are_signed_and_not_what_they_say(nearby: Merchant):
    page = await paid_unheard(nearby)
    body = told(page, callback_url="https://shop.example/callback")
    assert b"\\/" in body
    same = json.dumps(json.loads(body)).encode()
    with pytest.raises(WebhookRejected):
        await nearby.corefy.webhooks.receive_signed(headers={"X-Signature": sign(COREFY_TEST_SECRET, body)}, body=same)
    await nearby.corefy.webhooks.receive_signed(headers={"X-SIGNATURE": sign(COREFY_TEST_SECRET, body)}, body=body)
    await nearby.corefy.drain()
    assert (await nearby.corefy.payment(page.ref)).status is PaymentStatus.APPROVED


@pytest.mark.parametrize("fault", ["forged", "live_secret", "unsigned"])
async def test_what_is_not_signed_by_its_mode_is_refused_and_asks_nothing(nearby: Merchant, fault):
    nearby.bank.faults.add("corefy_callback", fault)
    page = await nearby.corefy.checkout(TEN, idempotency_key="1:1")
    await nearby.pay_page(page)
    await asyncio.gather(nearby.bank.flush(), return_exceptions=True)
    await nearby.corefy.drain()
    assert nearby.corefy.webhooks.refused > 0
    assert await nearby.corefy._journal.notices(page.ref) == []
    assert nearby.requests("corefy_show") == 0
    assert (await nearby.corefy.payment(page.ref)).status is PaymentStatus.ACTION_REQUIRED


async def test_a_good_signature_over_a_lie_changes_nothing(nearby: Merchant):
    page = await nearby.corefy.checkout(TEN, idempotency_key="1:1")
    body = told(page, processed_amount=10)
    await nearby.corefy.webhooks.receive_signed(**signed(body))
    await nearby.corefy.drain()
    assert (await nearby.corefy.payment(page.ref)).status is PaymentStatus.ACTION_REQUIRED


async def test_a_callback_that_says_it_is_of_the_other_mode_is_refused(nearby: Merchant):
    page = await paid_unheard(nearby)
    with pytest.raises(WebhookRejected) as refused:
        await nearby.corefy.webhooks.receive_signed(**signed(told(page, test_mode=False)))
    assert refused.value.http_status == 403
    assert (await nearby.corefy.payment(page.ref)).status is PaymentStatus.ACTION_REQUIRED


class LiveGateway:
    """Answers as the gateway does in live mode. Test and live are the same URL, account and key."""

    def __init__(self) -> None:
        self.attributes: dict[str, Any] = {"id": "cpi_Live", "test_mode": False}
        self.ref = ""
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/refund"):
            return httpx.Response(502)
        if request.method == "POST":
            self.ref = json.loads(request.content)["data"]["attributes"]["reference_id"]
            return httpx.Response(201, content=encoded(invoice_document(self.ref, **self.attributes)))
        self.asked += 1
        return httpx.Response(200, content=encoded(invoice_document(self.ref, **self.attributes)))


async def test_a_test_secret_never_touches_a_live_payment(tmp_path: Path):
    gateway = LiveGateway()
    journal = tmp_path / "journal.db"
    url, transport = "https://gateway.example", httpx.MockTransport(gateway)
    live = client(url, test_mode=False, callback_secrets="sk_live_1", journal=journal, transport=transport)
    test = client(url, callback_secrets="sk_test_1", journal=journal, transport=transport)
    async with live, test:
        page = await live.checkout(TEN, idempotency_key="1:1")
        assert page.environment == "live"
        gateway.attributes |= {"status": "processed", "processed_amount": 10}
        for mode in (True, False, None):  # whatever it says of itself
            body = encoded(invoice_document(page.ref, id="cpi_Live", test_mode=mode, status="processed"))
            with pytest.raises(WebhookRejected):
                await test.webhooks.receive_signed(**signed(body, "sk_test_1"))
        assert gateway.asked == 0

        gateway.attributes = {"id": "cpi_Test", "test_mode": True}
        mine = await test.checkout(TEN, idempotency_key="1:1")
        gateway.attributes = {"id": "cpi_Live", "test_mode": False, "status": "processed", "processed_amount": 10}
        gateway.ref = page.ref
        body = encoded(invoice_document(mine.ref, id="cpi_Live", status="processed"))  # a live id, our reference
        await test.webhooks.receive_signed(**signed(body, "sk_test_1"))
        await test.drain()
        assert gateway.asked == 1
        for payment in (page, mine):
            assert (await live.payment(payment.ref)).status is PaymentStatus.ACTION_REQUIRED

        await live.webhooks.receive_signed(**signed(told(page, test_mode=False), "sk_live_1"))
        await live.drain()
        assert (await live.payment(page.ref)).status is PaymentStatus.APPROVED

        lost = await of(live.refund(page.ref))
        gateway.attributes |= {"status": "refunded", "refunded_amount": 10}
        body = encoded(invoice_document(mine.ref, id="cpi_Live", status="refunded"))
        await test.webhooks.receive_signed(**signed(body, "sk_test_1"))
        await test.drain()
        assert (await live.payment(lost.ref)).status is PaymentStatus.UNKNOWN
        assert (await live.resolve(lost.ref)).status is PaymentStatus.APPROVED
        with pytest.raises(EnvironmentMismatch):
            await test.invoice("cpi_Live")


async def test_one_callback_many_times_is_asked_about_once(nearby: Merchant):
    page = await paid_unheard(nearby)
    body = told(page)
    for _ in range(3):
        await nearby.corefy.webhooks.receive_signed(**signed(body))
        await nearby.corefy.drain()
    assert nearby.requests("corefy_show") == 1
    assert [n.state for n in await nearby.corefy._journal.notices(page.ref)] == [NoticeState.CONFIRMED]


@pytest.mark.parametrize("fault", ["duplicate", "reorder", "batch", "late"])
async def test_callbacks_twice_out_of_order_merged_or_late_lead_to_the_same_end(nearby: Merchant, fault):
    more = {"copies": 2} if fault == "duplicate" else {"seconds": 30.0} if fault == "late" else {}
    nearby.bank.faults.add("corefy_callback", fault, **more)
    paid = await nearby.sale()
    nearby.bank.corefy.charge_back(nearby.invoice(paid).id)
    for _ in range(4):
        await nearby.bank.advance(60)
        await nearby.corefy.drain()
    final = await nearby.corefy.payment(paid.ref)
    assert (final.status, final.charged_back) == (PaymentStatus.APPROVED, TEN)


async def test_a_batch_of_several_invoices_is_taken_apart(nearby: Merchant):
    nearby.bank.faults.add("corefy_callback", "missing")
    pages = [await nearby.corefy.checkout(TEN, idempotency_key=f"{n}:1") for n in range(3)]
    for page in pages:
        await nearby.pay_page(page)
    data = [invoice_document(page.ref, id=page.transaction_id)["data"] for page in pages]
    await nearby.corefy.webhooks.receive_signed(**signed(encoded({"data": data})))
    await nearby.corefy.drain()
    assert {(await nearby.corefy.payment(page.ref)).status for page in pages} == {PaymentStatus.APPROVED}


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\xff{", b"[]", b"null", b'{"data":null}', b'{"data":[1]}', b'{"data":{"id":["x"],"attributes":[]}}'],
)
async def test_whatever_is_signed_is_taken_in_and_harms_nothing(nearby: Merchant, body):
    page = await nearby.corefy.checkout(TEN, idempotency_key="1:1")
    await nearby.corefy.webhooks.receive_signed(**signed(body))
    token = nearby.invoice(page).terms.callback_url.rpartition("/")[2]
    await nearby.corefy.webhooks.receive(page.ref, token, **signed(body))
    await nearby.corefy.drain()
    assert (await nearby.corefy.payment(page.ref)).status is PaymentStatus.ACTION_REQUIRED


async def test_the_url_of_an_invoice_needs_its_token_besides_the_signature(nearby: Merchant):
    page = await paid_unheard(nearby)
    body = told(page)
    with pytest.raises(WebhookRejected) as refused:
        await nearby.corefy.webhooks.receive(page.ref, "guessed", **signed(body))
    assert refused.value.http_status == 404


async def test_a_callback_that_is_too_large_is_refused(nearby: Merchant):
    with pytest.raises(WebhookRejected) as refused:
        await nearby.corefy.webhooks.receive_signed(**signed(b" " * 70_000))
    assert refused.value.http_status == 413


async def test_callbacks_without_a_secret_say_what_to_set(open_merchant: MakeMerchant):
    merchant = await open_merchant(public_url=None, callback_secrets=None)
    with pytest.raises(ConfigurationError, match="COREFY_CALLBACK_SECRETS"):
        await merchant.corefy.webhooks.receive_signed(**signed(VECTOR))
    paid = await merchant.corefy.sale(TEN, card=card(), idempotency_key="1:1", without_webhook=True)
    assert paid.status is PaymentStatus.APPROVED


class HeldUp(MemoryJournal):
    """Waits at one of its steps."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.step, self.reached, self.go_on = "", asyncio.Event(), asyncio.Event()
        self._later = step

    def hold_up(self) -> None:
        self.step = self._later

    async def get(self, ref):
        await self._pass("get")
        return await super().get(ref)

    async def note(self, notice):
        await self._pass("note")
        return await super().note(notice)

    async def _pass(self, step: str) -> None:
        if step == self.step:
            self.reached.set()
            await self.go_on.wait()


@pytest.mark.parametrize("step", ["get", "note"])
async def test_all_of_a_batch_is_recorded_though_its_sender_hangs_up(open_merchant: MakeMerchant, step):
    merchant = await open_merchant(journal=(journal := HeldUp(step)))
    merchant.bank.faults.add("corefy_callback", "missing")
    pages = [await merchant.corefy.checkout(TEN, idempotency_key=f"{n}:1") for n in range(3)]
    for page in pages:
        await merchant.pay_page(page)
    data = [invoice_document(page.ref, id=page.transaction_id)["data"] for page in pages]
    journal.hold_up()
    receiving = asyncio.create_task(merchant.corefy.webhooks.receive_signed(**signed(encoded({"data": data}))))
    await journal.reached.wait()
    receiving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await receiving
    journal.go_on.set()
    await merchant.corefy.drain()
    assert {(await merchant.corefy.payment(page.ref)).status for page in pages} == {PaymentStatus.APPROVED}
