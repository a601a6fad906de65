"""Webhooks and returning buyers, the same in every framework, over each one's real server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from paymentoptions_async import PaymentStatus, WebhookRejected
from paymentoptions_async.notices import MAX_BODY
from paymentoptions_async.redirects import Purpose, Signer
from paymentoptions_async.sandbox import MERCHANT_ID
from tests.web.shops import REFUSALS, SECRET, Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN_REF = "POAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


def is_private(response: httpx.Response) -> bool:
    return (response.headers.get_list("cache-control"), response.headers.get_list("referrer-policy")) == (
        ["no-store"],
        ["no-referrer"],
    )


def escaped(url: str) -> str:
    """The same URL, with every character of its last two parts percent-encoded."""
    base, ref, token = url.rsplit("/", 2)
    return "/".join([base, *("".join(f"%{ord(character):02X}" for character in part) for part in (ref, token))])


async def notices(shop: Shop, url: str) -> list[Any]:
    return list(await shop.journal.notices(url.rsplit("/", 2)[1]))


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def post_head(url: str, *headers: str) -> bytes:
    parts = urlsplit(url)
    return "\r\n".join((f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *headers, "", "")).encode()


# The way of a payment.


async def test_a_3d_secure_payment_from_start_to_finish(shop, browser):
    payment = await shop.pay("1042")
    assert payment.status is PaymentStatus.ACTION_REQUIRED
    back = await shop.bank.answer_challenge(payment.redirect_url)
    await shop.bank.flush()
    assert shop.bank.webhooks.deliveries[-1].attempts[0].status == 200
    await shop.gateway.drain()
    assert [(event.payment.order, event.payment.status) for event in shop.events] == [("1042", PaymentStatus.APPROVED)]
    assert (await browser.get(back)).text == "Order 1042: approved"
    assert [charge.charged for charge in shop.bank.books.charges(payment.ref)] == [1000]


async def test_the_buyer_sees_what_the_journal_knows_not_what_the_url_says(shop, browser):
    _, success_url = await shop.urls("still open")
    assert (await browser.get(success_url)).text == "Order still open: action_required"
    [payment] = shop.shown
    assert payment == await shop.gateway.payment(payment.ref)


async def test_a_token_for_one_ending_is_not_good_for_another(shop, browser):
    _, success_url = await shop.urls("other ending")
    for ending in ("decline", "cancel", "webhook", "anything"):
        response = await browser.get(success_url.replace("/return/success/", f"/return/{ending}/"))
        assert (response.status_code, response.text, is_private(response)) == (404, "404 Not Found\n", True)
    assert shop.shown == []


async def test_an_expired_return_is_told_so_and_nothing_else(shop, browser):
    payment = await shop.pay("expired")
    token = Signer((SECRET,), MERCHANT_ID, "sandbox").token(payment.ref, Purpose.SUCCESS, expires=1)
    response = await browser.get(f"{shop.url}/return/success/{payment.ref}/{token}")
    assert (response.status_code, response.text, is_private(response)) == (410, "410 Gone\n", True)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_bank_may_send_the_buyer_back_by_post(shop, browser):
    _, success_url = await shop.urls("by post")
    response = await browser.post(success_url, data={"PaRes": "…"}, headers={"Origin": "https://bank.example"})
    assert (response.status_code, response.text) == (200, "Order by post: action_required")


async def test_whoever_probes_a_return_sets_nothing_off(shop, browser):
    _, success_url = await shop.urls("probed")
    response = await browser.head(success_url)
    assert (response.status_code, response.content, is_private(response)) == (200, b"", True)
    assert (await browser.head(success_url + "x")).status_code == 404
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        response = await browser.request(method, success_url)
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST")
        assert is_private(response)
    assert shop.shown == []


async def test_what_the_application_says_of_caches_and_referrers_is_overruled(shop, browser):
    _, success_url = await shop.urls("careless")
    assert is_private(await browser.get(success_url))


# Webhooks.


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_a_webhook_is_never_taken_for_delivered_by_another_method(shop, browser, method):
    webhook_url, _ = await shop.urls(f"probed by {method}")
    response = await browser.request(method, webhook_url)
    assert (response.status_code, response.content, response.headers["allow"]) == (405, b"", "POST")
    assert is_private(response)
    assert await notices(shop, webhook_url) == []


async def test_a_forged_webhook_is_not_kept(shop, browser):
    webhook_url, success_url = await shop.urls("forged")
    for url in (webhook_url + "x", f"{shop.url}/webhook/{success_url.rsplit('/', 2)[1]}/{success_url.rsplit('/')[-1]}"):
        response = await browser.post(url, content=b"{}")
        assert (response.status_code, response.content, is_private(response)) == (404, b"", True)
    assert await notices(shop, webhook_url) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\x00\xff{not json", "application/json"),
        (b"a=1&b=%E3%81%82&a=2", "application/x-www-form-urlencoded"),
        (b"--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b--\r\n", "multipart/form-data; boundary=b"),
        (b"", "text/plain"),
        (bytes(range(256)) * (MAX_BODY // 256), "application/octet-stream"),
    ],
)
async def test_a_body_arrives_as_it_was_sent(shop, browser, monkeypatch, body, content_type):
    received = []

    async def receive(ref: str, token: str, *, headers: Any, body: bytes) -> None:
        received.append((headers["content-type"], body))

    monkeypatch.setattr(shop.gateway.webhooks, "receive", receive)
    await browser.post(f"{shop.url}/webhook/ref/token", content=body, headers={"content-type": content_type})
    assert received == [(content_type, body)]


async def test_a_webhook_of_the_greatest_size_is_kept_and_a_greater_one_is_not(shop, browser):
    webhook_url, _ = await shop.urls("large")
    largest = json.dumps({"filler": "x" * (MAX_BODY - len('{"filler": ""}'))}).encode()
    assert len(largest) == MAX_BODY
    for more in (1, 3_000_000):  # and more than Django takes in unless it is told to
        response = await browser.post(webhook_url, content=largest + b" " * more)
        assert (response.status_code, response.content, is_private(response)) == (413, b"", True)
    assert await notices(shop, webhook_url) == []
    assert (await browser.post(webhook_url, content=largest)).status_code == 200
    assert len(await notices(shop, webhook_url)) == 1


async def test_a_large_webhook_that_does_not_tell_its_size_is_not_kept(shop, browser):
    async def body() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * (MAX_BODY // 8)

    webhook_url, _ = await shop.urls("large in chunks")
    assert (await browser.post(webhook_url, content=body())).status_code == 413
    assert await notices(shop, webhook_url) == []


async def test_a_body_without_end_is_answered_before_its_end(shop, kind):
    if kind == "django":
        return  # reads a whole body, into a file, before it calls any view
    webhook_url, _ = await shop.urls("endless")
    async with connected(webhook_url) as (reader, writer):
        writer.write(post_head(webhook_url, "Transfer-Encoding: chunked"))
        writer.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n" + b"c001\r\n" + b" " * 0xC001 + b"\r\n")
        assert (await reader.readline()).split()[1] == b"413"


async def test_a_webhook_that_breaks_off_is_not_kept(shop, caplog):
    webhook_url, _ = await shop.urls("broken off")
    async with connected(webhook_url) as (_, writer):
        writer.write(post_head(webhook_url, "Content-Length: 100") + b'{"half":')
        await writer.drain()
    await all_gone(shop)
    assert await notices(shop, webhook_url) == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_sender_that_hangs_up_has_still_delivered(shop):
    payment = await shop.pay("hung up")
    await shop.bank.answer_challenge(payment.redirect_url)
    delivery = shop.bank.webhooks.deliveries[-1]
    shop.journal.go_on.clear()
    shop.journal.entered.clear()
    async with connected(delivery.url) as (_, writer):
        writer.write(post_head(delivery.url, f"Content-Length: {len(delivery.body)}") + delivery.body)
        await shop.journal.entered.wait()
    await all_gone(shop)
    shop.journal.go_on.set()
    assert (await shop.gateway.wait(payment.ref, timeout=5)).status is PaymentStatus.APPROVED


async def all_gone(shop: Shop) -> None:
    """Wait until the server has seen that its clients hung up, and has told the application."""
    async with asyncio.timeout(5):
        while shop.connections():  # noqa: ASYNC110  no server tells of it
            await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_can_not_be_recorded_is_not_acknowledged(shop, browser, caplog):
    webhook_url, success_url = await shop.urls("journal down")
    shop.journal.down = True
    try:
        for response in (await browser.post(webhook_url, content=b"{}"), await browser.get(success_url)):
            assert (response.status_code, is_private(response)) == (503, True)
    finally:
        shop.journal.down = False
    assert "webhook not recorded: the disk is full" in caplog.messages
    assert (await browser.post(webhook_url, content=b"{}")).status_code == 200


# Proxies.


async def test_paths_may_end_with_a_slash(shop, browser):
    webhook_url, success_url = await shop.urls("slash")
    assert (await browser.post(webhook_url + "/", content=b"{}")).status_code == 200
    assert (await browser.get(success_url + "/")).status_code == 200


async def test_paths_may_be_percent_encoded(shop, browser):
    webhook_url, success_url = await shop.urls("encoded")
    assert (await browser.post(escaped(webhook_url), content=b"{}")).status_code == 200
    assert len(await notices(shop, webhook_url)) == 1
    assert (await browser.get(escaped(success_url))).text == "Order encoded: action_required"


@pytest.mark.parametrize(
    "path",
    [
        "%00/%00",
        "a%2Fb/c",
        "a/%2F",
        "%ff%fe/%80",
        "%F0%9F%92%A9/x",
        "%7Bref%7D/%7Btoken%7D",
        "a/b%0A",
        "a/b/c",
        "a%25/b%25",
    ],
)
@pytest.mark.parametrize("endpoint", ["webhook", "return/success"])
async def test_odd_paths_are_not_found(shop, kind, endpoint, path):
    method = "POST" if endpoint == "webhook" else "GET"
    base = urlsplit(shop.url)
    async with connected(shop.url) as (reader, writer):
        writer.write(f"{method} {base.path}/{endpoint}/{path} HTTP/1.1\r\nHost: {base.netloc}\r\n\r\n".encode())
        assert (await reader.readline()).split()[1] == b"404"


# What is the framework's.


async def test_what_on_return_raises_goes_the_frameworks_way(shop, browser, kind, caplog):
    def fail(*_: Any) -> Any:
        raise WebhookRejected("raised by the application", http_status=410)

    def refuse(*_: Any) -> Any:
        raise REFUSALS[kind]

    _, success_url = await shop.urls("failing")
    shop.show = fail
    assert (await browser.get(success_url)).status_code == 500
    shop.show = refuse
    response = await browser.get(success_url)
    assert response.status_code == 403
    if kind != "django":  # makes the answer outside of the view
        assert is_private(response)


# Secrets.


async def test_no_token_is_in_any_log(shop, browser, caplog, kind):
    caplog.set_level(logging.INFO)
    webhook_url, success_url = await shop.urls("logged")
    await browser.post(webhook_url, content=b"{}")
    for url in (success_url, success_url + "/", escaped(success_url), success_url + "?a=b"):
        await browser.get(url)
    shop.journal.down = True
    try:
        await browser.get(success_url)
    finally:
        shop.journal.down = False
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    for secret in (webhook_url.rsplit("/")[-1], success_url.rsplit("/")[-1], escaped(success_url).rsplit("/")[-1]):
        for record in ours:
            assert secret not in str({**vars(record), "request": None})  # Django's whole request, which is not printed
    access = [record.getMessage() for record in ours if record.name.endswith(".access")]
    assert len([line for line in access if "/***" in line]) == 6
    if kind == "django":
        assert f"Service Unavailable: {urlsplit(success_url).path.rpartition('/')[0]}/***" in caplog.messages
