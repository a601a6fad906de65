from __future__ import annotations

import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from paymentoptions_async.sandbox import Sandbox, is_loopback, to_asgi


def states(sandbox):
    return [delivery.state for delivery in sandbox.webhooks.deliveries]


@pytest.mark.parametrize(("card", "success"), [("approved", True), ("declined", False)])
async def test_every_final_payment_is_told_once(sandbox, pay, inbox, card, success):
    await pay(card)
    assert inbox.got == []
    await sandbox.flush()
    await sandbox.advance(7200)
    [(_, content)] = inbox.got
    assert json.loads(content)["success"] is success
    assert states(sandbox) == ["delivered"]


async def test_no_address_no_webhook(sandbox, pay):
    await pay(return_url=None)
    assert sandbox.webhooks.deliveries == []


async def test_a_failed_delivery_is_tried_again_after_longer_and_longer_pauses(sandbox, pay, inbox, clock):
    inbox.answers = [500, ConnectionError(), 302, 204]
    began = clock.now()
    await pay()
    await sandbox.advance(3600)
    [delivery] = sandbox.webhooks.deliveries
    assert [(attempt.status, attempt.error) for attempt in delivery.attempts] == [
        (500, None),
        (None, "ConnectionError"),
        (302, None),
        (204, None),
    ]
    waited = [round((attempt.at - began).total_seconds()) for attempt in delivery.attempts]
    assert waited == [0, 5, 35, 155]
    assert delivery.state == "delivered"
    assert len({body for _, body in inbox.got}) == 1


async def test_at_last_it_gives_up(sandbox, pay, inbox):
    inbox.answers = [500] * 10
    await pay()
    await sandbox.advance(100_000)
    assert states(sandbox) == ["given up"]
    assert len(inbox.got) == 6


@pytest.mark.parametrize("url", ["http://example.com/hook", "< Webhook url >", "ftp://127.0.0.1/", "http://10.0.0.1/"])
async def test_only_loopback_is_called(sandbox, pay, inbox, url):
    await pay(return_url={"webhook_url": url})
    await sandbox.advance(7200)
    assert inbox.got == []
    assert states(sandbox) == ["refused"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1/x", True),
        ("https://localhost/x", True),
        ("http://[::1]:9/x", True),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1@example.com/", False),
        ("http://0x7f000001/", False),
        ("http://[::1/", False),
        ("http:///x", False),
        ("", False),
    ],
)
def test_what_counts_as_loopback(url, expected):
    assert is_loopback(url) is expected


async def test_an_application_in_this_process_can_receive(clock, keys, pay, sandbox):
    got = []

    async def hook(request):
        got.append((request.url.path, await request.json()))
        return Response(status_code=200)

    app = Starlette(routes=[Route("/hook", hook, methods=["POST"])])
    other = Sandbox(clock=clock, deliver=to_asgi(app))
    await pay("approved")
    other.webhooks.announce(sandbox.books.transactions[0])
    await other.flush()
    assert [path for path, _ in got] == ["/hook"]
    assert states(other) == ["delivered"]


async def test_faults_duplicate(sandbox, pay, inbox):
    sandbox.faults.add("webhook", "duplicate", copies=2)
    await pay()
    await sandbox.flush()
    assert len(inbox.got) == 3
    assert len({body for _, body in inbox.got}) == 1


async def test_faults_missing_and_late(sandbox, pay, inbox):
    sandbox.faults.add("webhook", "missing", nth=1)
    sandbox.faults.add("webhook", "late", seconds=90, nth=2)
    await pay(merchant_txn_ref="lost")
    await pay(merchant_txn_ref="late")
    await sandbox.advance(89)
    assert inbox.got == []
    await sandbox.advance(1)
    assert [json.loads(body)["merchant_details"]["merchant_txn_ref"] for _, body in inbox.got] == ["late"]
    assert states(sandbox) == ["dropped", "delivered"]


async def test_faults_reorder_holds_a_webhook_until_the_next_was_tried(sandbox, pay, inbox):
    sandbox.faults.add("webhook", "reorder", nth=1)
    await pay(merchant_txn_ref="first")
    await sandbox.flush()
    assert inbox.got == []
    await pay(merchant_txn_ref="second")
    await sandbox.flush()
    refs = [json.loads(body)["merchant_details"]["merchant_txn_ref"] for _, body in inbox.got]
    assert refs == ["second", "first"]


async def test_faults_reorder_lets_go_when_no_other_webhook_comes(sandbox, pay, inbox):
    sandbox.faults.add("webhook", "reorder", nth=[1, 2])
    await pay()
    await sandbox.advance(59)
    assert inbox.got == []
    await sandbox.advance(1)
    assert len(inbox.got) == 1
    await pay()
    await sandbox.advance(60)
    assert len(inbox.got) == 2


async def test_an_attempt_that_is_cut_short_is_made_again(sandbox, pay, inbox):
    async def hang(url, body):
        await asyncio.Event().wait()

    sandbox.webhooks._deliver = hang
    await pay()
    sandbox.webhooks.start_due()
    await asyncio.sleep(0)
    sandbox.webhooks.stop()
    sandbox.webhooks._deliver = inbox
    while states(sandbox) == ["sending"]:  # noqa: ASYNC110  a turn or two of the loop
        await asyncio.sleep(0)
    assert states(sandbox) == ["waiting"]
    await sandbox.flush()
    assert (states(sandbox), len(inbox.got)) == (["delivered"], 1)


async def test_faults_change_and_garbage(sandbox, pay, inbox):
    sandbox.faults.add("webhook", "change", set={"payment_details.amount": 1}, nth=1)
    sandbox.faults.add("webhook", "garbage", nth=2)
    await pay()
    await pay()
    await sandbox.flush()
    told = json.loads(inbox.got[0][1])
    assert told["payment_details"]["amount"] == 1
    assert told["payment_details"]["currency"] == "JPY"
    with pytest.raises(UnicodeDecodeError):
        json.loads(inbox.got[1][1])
