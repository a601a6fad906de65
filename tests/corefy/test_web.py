"""The endpoints of `paymentoptions_async.web` take Corefy's callbacks, and its buyers who come back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount

import paymentoptions_async.web.aiohttp as for_aiohttp
import paymentoptions_async.web.starlette as for_starlette
from paymentoptions_async import Payment, PaymentStatus
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.sandbox import Sandbox
from tests.corefy.conftest import BUYER, TEN, client


@dataclass
class Shop:
    """An application below ``/corefy``, the client that it was given, and the bank."""

    url: str
    browser: httpx.AsyncClient
    bank: Sandbox
    corefy: Corefy
    answers: list[int]

    async def paid(self) -> tuple[Payment, str]:
        """Pay on the page; return the payment as it stands then, and where the buyer is sent."""
        page = await self.corefy.checkout(TEN, customer=BUYER, idempotency_key="1:1")
        assert page.redirect_url is not None
        back = await self.bank.corefy.pay_page(page.redirect_url)
        assert back is not None
        await self.bank.flush()
        await self.corefy.drain()
        return await self.corefy.payment(page.ref), back


async def on_starlette(stack: AsyncExitStack, find: Callable[..., Corefy]) -> tuple[str, httpx.AsyncClient]:
    async def thank(request: object, payment: Payment) -> PlainTextResponse:
        return PlainTextResponse(f"It is {payment.status}.")

    app = Starlette(routes=[Mount("/corefy", routes=for_starlette.routes(find, on_return=thank))])
    browser = httpx.AsyncClient(transport=httpx.ASGITransport(app))
    return "http://127.0.0.1:8000", await stack.enter_async_context(browser)


async def on_aiohttp(stack: AsyncExitStack, find: Callable[..., Corefy]) -> tuple[str, httpx.AsyncClient]:
    async def thank(request: object, payment: Payment) -> web.Response:
        return web.Response(text=f"It is {payment.status}.")

    app, below = web.Application(), web.Application()
    below.add_routes(for_aiohttp.routes(find, on_return=thank))
    app.add_subapp("/corefy", below)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    browser = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
    return f"http://127.0.0.1:{runner.addresses[0][1]}", browser


Open = Callable[[AsyncExitStack, Callable[..., Corefy]], Awaitable[tuple[str, httpx.AsyncClient]]]


@pytest.fixture(params=[on_starlette, on_aiohttp])
async def shop(request: pytest.FixtureRequest) -> AsyncIterator[Shop]:
    answers: list[int] = []

    async def deliver(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        reply = await browser.post(url, content=body, headers=dict(headers))
        answers.append(reply.status_code)
        return reply.status_code

    bank = Sandbox(deliver_callback=deliver)
    opening: Open = request.param
    async with AsyncExitStack() as stack:
        url, browser = await opening(stack, lambda _: corefy)
        corefy = client("http://127.0.0.1:8480", public_url=f"{url}/corefy", transport=bank.transport())
        await stack.enter_async_context(corefy)
        yield Shop(url, browser, bank, corefy, answers)


async def test_a_callback_is_answered_with_200_and_settles_the_payment(shop: Shop):
    paid, _ = await shop.paid()
    assert paid.status is PaymentStatus.APPROVED
    assert set(shop.answers) == {200}


@pytest.mark.parametrize("fault", ["forged", "unsigned", "live_secret"])
async def test_a_callback_that_is_not_the_gateways_is_answered_with_401(shop: Shop, fault: str):
    shop.bank.faults.add("corefy_callback", fault)
    paid, _ = await shop.paid()
    assert paid.status is PaymentStatus.ACTION_REQUIRED
    assert set(shop.answers) == {401}


async def test_a_buyer_who_comes_back_sees_how_it_stands(shop: Shop):
    _, back = await shop.paid()
    assert back.startswith(f"{shop.url}/corefy/return/success/")
    shown = await shop.browser.get(back)
    assert (shown.status_code, shown.text) == (200, "It is approved.")
    assert (await shop.browser.get(back[:-1])).status_code == 404


async def test_a_buyer_who_is_sent_back_early_is_shown_no_success(shop: Shop):
    shop.bank.faults.add("corefy_callback", "missing")
    _, back = await shop.paid()
    assert (await shop.browser.get(back)).text == "It is action_required."
