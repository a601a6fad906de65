"""Where a process of a shop goes out and is reached: its clients of the bank, and its receiver for webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from paymentoptions_async import Payment, PaymentEvent, PaymentOptions
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.sandbox import COREFY_ACCOUNT_ID, MERCHANT_ID
from paymentoptions_async.web.aiohttp import routes
from tests.chaos.marks import (
    API_KEY,
    COREFY_API_KEY,
    COREFY_PUBLIC_URL,
    COREFY_TEST_SECRET,
    NOWHERE,
    PUBLIC_URL,
    SIGNING_SECRET,
    X_API_KEY,
)

Handling = Callable[[PaymentEvent], Awaitable[None]]


def client(journal: str, bank: str, handler: Handling | None = None) -> PaymentOptions:
    """A client as every process of a shop opens it: the same keys, the same secrets, the same journal."""
    return PaymentOptions(
        api_key=API_KEY,
        x_api_key=X_API_KEY,
        merchant_id=MERCHANT_ID,
        environment="sandbox",
        sandbox_url=bank,
        journal=journal,
        public_url=PUBLIC_URL,
        signing_secrets=SIGNING_SECRET,
        on_payment=handler,
    )


def corefy_client(journal: str, bank: str, handler: Handling) -> Corefy:
    """A client of the second gateway, on the same journal."""
    return Corefy(
        account_id=COREFY_ACCOUNT_ID,
        api_key=COREFY_API_KEY,
        private_url=f"{bank}/corefy/api",
        cardgate_url=f"{bank}/corefy/cardgate",
        test_mode=True,
        callback_secrets=COREFY_TEST_SECRET,
        journal=journal,
        public_url=COREFY_PUBLIC_URL,
        signing_secrets=SIGNING_SECRET,
        on_payment=handler,
    )


@asynccontextmanager
async def receiver(served: Mapping[str, PaymentOptions | Corefy]) -> AsyncIterator[int]:
    """Take in webhooks and callbacks on a port of its own; ``served`` has the client for each public URL."""

    async def thanks(_: web.Request, payment: Payment) -> web.Response:
        return web.Response(text=payment.status)

    app = web.Application()
    for url, client_there in served.items():
        below = web.Application()
        below.add_routes(routes(client_there, on_return=thanks))
        app.add_subapp(url.removeprefix(NOWHERE), below)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
