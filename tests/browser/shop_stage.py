"""The example shop and a sandbox behind it, over HTTP, and what a buyer and the staff do on its pages."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, expect
from starlette.types import Message, Receive, Scope, Send

from examples.shop.app import make_app
from examples.shop.shop import Shop
from examples.shop.store import Store
from paymentoptions_async import PaymentOptions
from paymentoptions_async.sandbox import API_KEY, CARDS, MERCHANT_ID, X_API_KEY, Sandbox, Settings, serve

NUMBERS = {card.name: card.number for card in CARDS}
PASSWORD = "staff-password"
ADDRESS = {
    "recipient": "Mari Sato",
    "email": "mari@example.com",
    "phone_number": "0263000000",
    "address1": "1-2-3 Josei",
    "city": "Matsumoto",
    "state": "Nagano",
    "postal_code": "390-0875",
    "country": "JP",
}
CONFIRM = "button[value=confirm]"


@dataclass
class Stage:
    """One shop, its bank, and a browser to visit it with."""

    sandbox: Sandbox
    url: str
    app: FastAPI
    browser: Browser

    @property
    def shop(self) -> Shop:
        shop: Shop = self.app.state.shop
        return shop

    @property
    def gateway(self) -> PaymentOptions:
        return self.shop.gateway

    @contextlib.asynccontextmanager
    async def visitor(self, **settings: Any) -> AsyncIterator[BrowserContext]:
        """A browser window of its own, with its own cookies."""
        window = await self.browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", **settings)
        window.set_default_timeout(30_000)
        broken: list[str] = []
        window.on("weberror", lambda error: broken.append(str(error.error)))
        window.on("console", lambda said: broken.append(said.text) if "Content Security Policy" in said.text else None)
        try:
            yield window
        finally:
            await window.close()
        assert broken == [], "the pages keep to their own policy, and their scripts don't fail"

    def staff(self) -> contextlib.AbstractAsyncContextManager[BrowserContext]:
        return self.visitor(http_credentials={"username": "mari", "password": PASSWORD})

    async def order(self, window: BrowserContext, *, sku: str = "cup") -> Page:
        """Order a good, without a look at the pages before; return the page on which to pay."""
        await window.request.post(f"{self.url}/cart", form={"sku": sku})
        buyer = self.shop.store.buyer(next(one["value"] for one in await window.cookies()))
        assert buyer is not None
        placed = await window.request.post(f"{self.url}/checkout", form={"cart": str(buyer.cart), **ADDRESS})
        page = await window.new_page()
        await page.goto(placed.url)
        return page

    def charged(self) -> list[str]:
        """What the bank took from cards, each with its currency."""
        return [f"{charge.charged} {charge.order.currency}" for charge in self.sandbox.books.charges()]

    def asked(self) -> int:
        """How many requests to charge reached the bank."""
        return sum(line.method == "POST" and "/payment" in line.path for line in self.sandbox.requests)

    def hurry_webhooks(self) -> None:
        """Let the shop have taken in the webhook before the bank's page sends the buyer back."""
        bank = self.sandbox._app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def send_later(message: Message) -> None:
                if scope["method"] == "POST" and message["type"] == "http.response.start":
                    await self.settle_down()
                await send(message)

            await bank(scope, receive, send_later)

        self.sandbox._app = app

    async def settle_down(self) -> None:
        """Let the bank deliver what is due, and the shop take it in."""
        await self.sandbox.flush()
        await self.gateway.drain()


async def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        await page.fill(f"#{name}", value)


async def pay(page: Page, card: str = "approved", **fields: str) -> None:
    await type_card(page, card, **fields)
    await page.locator("form[data-browser] button").click()


async def type_card(page: Page, card: str = "approved", **fields: str) -> None:
    await fill(page, **{"number": NUMBERS[card], "expiry": "12/29", "cvc": "100", "name": "Mari Sato", **fields})


async def says(page: Page, heading: str) -> None:
    await expect(page.get_by_role("heading", level=1, name=heading)).to_be_visible()


@contextlib.asynccontextmanager
async def open_stage(browser: Browser, directory: Path) -> AsyncIterator[Stage]:
    """Serve both, each on a port that the system picks."""
    sandbox = Sandbox(seed=1, settings=Settings(merchant_name="Komorebi"))
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with serve(sandbox) as bank_url:
        app = make_app(
            Store(str(directory / "shop.db")),
            admin_password=PASSWORD,
            test_cards=(("5200000000001005", "approved"),),
            environment="sandbox",
            sandbox_url=bank_url,
            api_key=API_KEY,
            x_api_key=X_API_KEY,
            merchant_id=MERCHANT_ID,
            public_url=url,
            signing_secrets="sixteen-bytes-or-more",
            journal=str(directory / "payments.db"),
        )
        server = uvicorn.Server(uvicorn.Config(app, lifespan="on", log_config=None, access_log=False, ws="none"))
        serving = asyncio.create_task(server._serve(sockets=[listener]))
        try:
            async with asyncio.timeout(30):
                while not hasattr(app.state, "shop"):  # noqa: ASYNC110  the server has no event for it
                    await asyncio.sleep(0)
            yield Stage(sandbox, url, app, browser)
        finally:
            server.should_exit = True
            await serving
            listener.close()
