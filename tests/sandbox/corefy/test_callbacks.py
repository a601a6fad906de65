from __future__ import annotations

import base64
import hashlib
import json
from decimal import Decimal

import pytest

from paymentoptions_async.sandbox import COREFY_LIVE_SECRET, COREFY_TEST_SECRET, Sandbox, to_asgi
from paymentoptions_async.sandbox.corefy.callbacks import signature


def states(shop):
    return [delivery.state for delivery in shop.corefy.callbacks.deliveries]


def is_signed_with(secret, body, headers):
    digest = hashlib.sha1(secret.encode() + body + secret.encode(), usedforsecurity=False).digest()
    return headers["x-signature"] == base64.b64encode(digest).decode()


def test_the_signature_is_that_of_the_synthetic_vector():
    body = b'{"data":{"type":"payment-invoices","id":"cpi_test","attributes":{"status":"processed","resolution":"ok"}}}'
    assert signature("sk_test_example", body) == "RVerC+ikcJFfYqz8q2jJj8gpWlY="


async def test_every_change_is_told_with_the_whole_invoice_signed(shop, inbox):
    invoice = await shop.paid()
    await shop.refund(invoice, 4)
    await shop.refund(invoice, 6)
    assert await shop.told(inbox) == ["process_pending", "processed", "partially_refunded", "refunded"]
    for url, body, headers in inbox.got:
        assert url == "http://127.0.0.1:8000/callback"
        assert json.loads(body)["data"]["id"] == invoice["id"]
        assert rb"http:\/\/127.0.0.1" in body
        assert is_signed_with(COREFY_TEST_SECRET, body, headers)
        assert not is_signed_with(COREFY_LIVE_SECRET, body, headers)
        assert headers["content-type"] == "application/json"


async def test_the_last_one_is_what_a_question_answers(shop, inbox):
    invoice = await shop.paid()
    await shop.sandbox.flush()
    reply = await shop.client.get(f"{shop.api}/payment-invoices/{invoice['id']}")
    assert inbox.got[-1][1] == reply.content


async def test_without_an_address_nobody_is_told(shop):
    await shop.paid(callback_url=None)
    assert states(shop) == []


async def test_only_200_counts_and_the_pauses_grow_by_a_minute(shop, inbox, clock):
    inbox.answers = [204, 500, ConnectionError(), 302, 200]
    began = clock.now()
    await shop.invoice()
    await shop.sandbox.advance(3600)
    [delivery] = shop.corefy.callbacks.deliveries
    assert [attempt.status for attempt in delivery.attempts] == [204, 500, None, 302, 200]
    waited = [round((attempt.at - began).total_seconds()) for attempt in delivery.attempts]
    assert waited == [0, 60, 180, 360, 600]
    assert delivery.state == "delivered"


async def test_after_a_hundred_attempts_it_gives_up(shop, inbox):
    inbox.answers = [500] * 200
    await shop.invoice(expires=4_000_000_000)
    await shop.sandbox.advance(60 * 100 * 100)
    assert (states(shop), len(inbox.got)) == (["given up"], 100)


@pytest.mark.parametrize("url", ["https://shop.example/callback", "ftp://127.0.0.1/", "http://10.0.0.1/"])
async def test_only_loopback_is_called(shop, inbox, url):
    await shop.invoice(callback_url=url)
    await shop.sandbox.advance(7200)
    assert (states(shop), inbox.got) == (["refused"], [])


async def test_an_application_in_this_process_can_receive(clock):
    got = []

    async def app(scope, receive, send):
        got.append((scope["path"], dict(scope["headers"])[b"x-signature"], (await receive())["body"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sandbox = Sandbox(clock=clock, deliver_callback=to_asgi(app))
    sandbox.corefy.callbacks.post("http://127.0.0.1:1/x", "cpi_1", "order-1", {"a": 1})
    await sandbox.flush()
    assert [path for path, _, _ in got] == ["/x"]
    assert got[0][1].decode() == signature(COREFY_TEST_SECRET, got[0][2])


@pytest.mark.parametrize(
    ("fault", "signed_with"), [("forged", None), ("live_secret", COREFY_LIVE_SECRET), ("unsigned", None)]
)
async def test_faults_of_the_signature(shop, inbox, fault, signed_with):
    shop.sandbox.faults.add("corefy_callback", fault, nth=1)
    await shop.paid()
    await shop.sandbox.flush()
    (_, body, headers), (_, good_body, good_headers) = inbox.got
    assert ("x-signature" in headers) is (fault != "unsigned")
    if fault != "unsigned":
        assert not is_signed_with(COREFY_TEST_SECRET, body, headers)
    if signed_with:
        assert is_signed_with(signed_with, body, headers)
    assert is_signed_with(COREFY_TEST_SECRET, good_body, good_headers)


async def test_a_changed_body_and_garbage_are_signed_as_they_are(shop, inbox):
    shop.sandbox.faults.add("corefy_callback", "change", nth=1, set={"data.attributes.status": "processed"})
    shop.sandbox.faults.add("corefy_callback", "garbage", nth=2)
    invoice = await shop.invoice()
    shop.corefy.fail(invoice["id"])
    await shop.sandbox.flush()
    (_, changed, headers), (_, garbage, _) = inbox.got
    assert json.loads(changed)["data"]["attributes"]["status"] == "processed"
    assert is_signed_with(COREFY_TEST_SECRET, changed, headers)
    with pytest.raises(UnicodeDecodeError):
        garbage.decode()


async def test_faults_duplicate_missing_and_late(shop, inbox):
    shop.sandbox.faults.add("corefy_callback", "duplicate", nth=1)
    shop.sandbox.faults.add("corefy_callback", "missing", nth=2)
    shop.sandbox.faults.add("corefy_callback", "late", nth=3, seconds=30)
    invoice = await shop.paid()
    await shop.refund(invoice)
    assert await shop.told(inbox) == ["process_pending", "process_pending"]
    await shop.sandbox.advance(30)
    assert await shop.told(inbox) == ["process_pending", "process_pending", "refunded"]


async def test_faults_reorder(shop, inbox):
    shop.sandbox.faults.add("corefy_callback", "reorder", nth=1)
    await shop.paid()
    assert await shop.told(inbox) == ["processed", "process_pending"]


async def test_close_changes_may_be_merged(shop, inbox):
    shop.sandbox.faults.add("corefy_callback", "batch", nth=[1, 2])
    first = await shop.paid()
    other = await shop.invoice()
    assert await shop.told(inbox) == ["process_pending"]
    assert json.loads(inbox.got[0][1])["data"]["id"] == other["id"]
    await shop.refund(first)
    assert await shop.told(inbox) == ["process_pending", "refunded"]
    assert [(one.state, one.note) for one in shop.corefy.callbacks.deliveries[:2]] == [
        ("dropped", "merged into the next one")
    ] * 2


async def test_what_nothing_was_merged_into_goes_out_after_a_minute(shop, inbox):
    shop.sandbox.faults.add("corefy_callback", "batch")
    await shop.invoice()
    await shop.sandbox.advance(59)
    assert inbox.got == []
    await shop.sandbox.advance(1)
    assert await shop.told(inbox) == ["process_pending"]


async def test_webhook_rules_leave_callbacks_alone(shop, inbox):
    shop.sandbox.faults.add("webhook", "missing")
    shop.sandbox.faults.add("*", "delay", seconds=1, nth=1000)
    await shop.invoice()
    assert await shop.told(inbox) == ["process_pending"]


async def test_what_is_forced_is_told_too(shop, inbox):
    invoice = await shop.invoice()
    shop.corefy.process(invoice["id"], Decimal(6))
    shop.corefy.charge_back(invoice["id"])
    assert await shop.told(inbox) == ["process_pending", "partially_processed", "charged_back"]
