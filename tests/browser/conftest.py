"""Real Chromium against the sandbox over HTTP, with a shop of our own beside it.

Everything runs in one event loop for the session, because the browser lives in it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    COREFY_CARDS,
    MERCHANT_ID,
    X_API_KEY,
    Sandbox,
    serve,
)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PREFIX = "/api/v1/server-to-server-interface"
HEADERS = {
    "authorization": "Basic " + base64.b64encode(f"{API_KEY}:".encode()).decode(),
    "x-api-key": X_API_KEY,
}
COREFY_BASIC = "Basic " + base64.b64encode(f"{COREFY_ACCOUNT_ID}:{COREFY_API_KEY}".encode()).decode()
ADDRESS = {
    "country": "JP",
    "email": "billing@example.com",
    "phone_number": "8112345678",
    "address1": "1-2-3 Shinjuku",
    "city": "Shinjuku-ku",
    "state": "Tokyo",
    "postal_code": "1600022",
}
NUMBERS = {card.name: card.number for card in CARDS}

PATIENCE_MS = 30_000  # for a busy machine; nothing waits longer than it must

_session = pytest_asyncio.fixture(scope="session", loop_scope="session")
_each = pytest_asyncio.fixture(loop_scope="session")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Held:
    """An ASGI application whose answers to POST wait for `release`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answered = 0
        self._more = asyncio.Condition()
        self._released = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hold(message: Message) -> None:
            if scope["method"] == "POST" and message["type"] == "http.response.start":
                async with self._more:
                    self._answered += 1
                    self._more.notify_all()
                await self._released.wait()
            await send(message)

        await self._app(scope, receive, hold)

    async def has_answered(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_MS / 1000), self._more:
            await self._more.wait_for(lambda: self._answered >= count)

    def release(self) -> None:
        self._released.set()


@dataclass
class Stage:
    """The sandbox and the shop of one test."""

    sandbox: Sandbox
    url: str
    shop: str
    client: httpx.AsyncClient
    webhooks: list[dict[str, Any]] = field(default_factory=list)

    async def hosted_page(self, **changes: Any) -> str:
        body = {
            "amount": 1000,
            "currency": "JPY",
            "merchant_email": "merchant@example.com",
            "billing_address": ADDRESS,
            "shipping_address": ADDRESS,
            "payment_method": {"type": "scheme", "store_payment_method": True},
        }
        return await self._start("hpp/generate/link", "url", {**body, **changes})

    async def wallet(self, **changes: Any) -> str:
        body = {"amount": "1000", "currency": "PHP", "payment_method": {"type": "gcash"}}
        return await self._start("hpp/generate/link", "url", {**body, **changes})

    async def challenge(self, card: str = "challenge", **changes: Any) -> str:
        details = {"number": NUMBERS[card], "cvc": "100", "expiry_month": "12", "expiry_year": "29", "name": "John Doe"}
        body = {
            "amount": "1000",
            "currency": "JPY",
            "card": details,
            "customer_ip": "127.0.0.1",
            "billing_address": ADDRESS,
        }
        return await self._start("paymentv2", "redirect_url", {**body, **changes})

    async def invoice(self, **attributes: Any) -> dict[str, Any]:
        """Return a new invoice of Corefy."""
        common = {
            "test_mode": True,
            "reference_id": f"order-{len(self.sandbox.corefy.books.invoices) + 1}",
            "description": "Two bags of coffee",
            "amount": 12.5,
            "currency": "USD",
            "service": "payment_card_usd_hpp",
            "customer": {"reference_id": "customer-1"},
            "return_urls": {name: f"{self.shop}/{name}" for name in ("success", "pending", "fail")},
        }
        data = {"type": "payment-invoices", "attributes": {**common, **attributes}}
        answer = await self._corefy("api/payment-invoices", data, COREFY_BASIC)
        invoice: dict[str, Any] = answer["data"]
        return invoice

    async def checkout(self, **attributes: Any) -> str:
        """Return the URL of the page of a new invoice."""
        url: str = (await self.invoice(**attributes))["attributes"]["flow_data"]["action"]
        return url

    async def sell(self, invoice: dict[str, Any], card: str) -> dict[str, Any]:
        """Charge a card of Corefy's, and return the answer."""
        number = next(one.number for one in COREFY_CARDS if one.name == card)
        attributes = {"card_number": number, "cvv": "123", "exp_month": "12", "exp_year": "29"}
        bearer = invoice["attributes"]["flow_data"]["metadata"]["token"]
        data = {"type": "sale-operation", "attributes": attributes}
        return await self._corefy("cardgate/payment/sale", data, f"Bearer {bearer}")

    async def token(self) -> str:
        """Return the token of a stored card of customer-1."""
        invoice = await self.invoice(gateway_options={"cardgate": {"tokenize": True}})
        await self.sell(invoice, "processed")
        token = self.sandbox.corefy.books.invoices[-1].issued_token
        assert token is not None
        return token

    async def told(self) -> list[bool]:
        """Return the `success` of every webhook that the shop has got by now."""
        await self.sandbox.flush()
        return [webhook["success"] for webhook in self.webhooks]

    def charges(self) -> int:
        return len(self.sandbox.books.charges("order-1"))

    def is_shop(self, page: Page, path: str) -> bool:
        return page.url == f"{self.shop}/{path}"

    def hold_answers(self) -> Held:
        """Let the sandbox do what it is asked by POST, and keep its answers back."""
        held = self.sandbox._app = Held(self.sandbox._app)
        return held

    async def _corefy(self, path: str, data: dict[str, Any], authorization: str) -> dict[str, Any]:
        headers = {"authorization": authorization}
        reply = await self.client.post(f"/corefy/{path}", json={"data": data}, headers=headers)
        answer: dict[str, Any] = reply.raise_for_status().json()
        return answer

    async def _start(self, path: str, wanted: str, body: dict[str, Any]) -> str:
        urls = {f"{name}_url": f"{self.shop}/{name}" for name in ("success", "decline", "cancel")}
        urls["webhook_url"] = f"http://127.0.0.1:{urlsplit(self.shop).port}/webhook"
        if path == "paymentv2":
            del urls["cancel_url"]
        common = {"merchant_id": MERCHANT_ID, "merchant_txn_ref": "order-1", "return_url": urls}
        reply = await self.client.post(f"{PREFIX}/{path}", json={**common, **body})
        url: str = reply.raise_for_status().json()[wanted]
        return url


@_session
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        await browser.close()


@_each
async def stage() -> AsyncIterator[Stage]:
    webhooks: list[dict[str, Any]] = []
    told_whence: list[str] = []

    async def webhook(request: Request) -> HTMLResponse:
        webhooks.append(json.loads(await request.body()))
        return HTMLResponse("")

    async def shop(request: Request) -> HTMLResponse:
        referer = request.headers.get("referer")
        if referer is not None and urlsplit(referer).netloc != request.url.netloc:
            told_whence.append(referer)
        return HTMLResponse(f"<!doctype html><title>Shop</title><h1>{request.url.path[1:]}</h1>")

    app = Starlette(routes=[Route("/webhook", webhook, methods=["POST"]), Route("/{path:path}", shop)])
    sandbox = Sandbox(seed=1)
    async with serve(sandbox) as url, _served(app) as port, httpx.AsyncClient(base_url=url, headers=HEADERS) as client:
        yield Stage(sandbox, url, f"http://localhost:{port}", client, webhooks)
    assert told_whence == [], "a page's address holds its key, and must not be told to the shop"


Open = Callable[..., Awaitable[Page]]


@_session
async def window_for(browser: Browser) -> AsyncIterator[Callable[[str], Awaitable[BrowserContext]]]:
    """Return the window of a locale; pages set no cookies, so that tests may share it."""
    windows: dict[str, BrowserContext] = {}

    async def window_for(locale: str) -> BrowserContext:
        if locale not in windows:
            windows[locale] = await browser.new_context(viewport={"width": 1280, "height": 800}, locale=locale)
            windows[locale].set_default_timeout(PATIENCE_MS)
        assert await windows[locale].cookies() == []
        return windows[locale]

    yield window_for
    for window in windows.values():
        await window.close()


@_each
async def open_page(window_for: Callable[[str], Awaitable[BrowserContext]]) -> AsyncIterator[Open]:
    """Open a URL in a tab of its own."""
    pages: list[Page] = []

    async def open_page(url: str, *, locale: str = "en-US") -> Page:
        window = await window_for(locale)
        pages.append(await window.new_page())
        await pages[-1].goto(url)
        return pages[-1]

    yield open_page
    for page in pages:
        await page.close()


@contextlib.asynccontextmanager
async def _served(app: Starlette) -> AsyncIterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, ws="none"))
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        await serving
        listener.close()
