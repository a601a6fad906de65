from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from paymentoptions_async import Address, Card, Money, Payment, PaymentOptions
from paymentoptions_async.sandbox import API_KEY, CARDS, MERCHANT_ID, X_API_KEY, Sandbox, serve

PUBLIC_URL = "http://127.0.0.1:9/pay"
SECRET = "a signing secret of the tests"
NUMBERS = {card.name: card.number for card in CARDS}
ADDRESS = Address(country="JP", email="buyer@example.com", city="Tokyo", postal_code="1600022")


@dataclass
class Merchant:
    """A client bound to a sandbox, and the bank's own view of it."""

    gateway: PaymentOptions
    bank: Sandbox
    inbox: list[tuple[str, str]]

    async def pay(self, card: str = "approved", amount: str = "1000", key: str = "1042:1", **more: Any) -> Payment:
        return await self.gateway.purchase(
            Money(amount, more.pop("currency", "JPY")),
            card=Card(number=NUMBERS[card], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
            billing_address=ADDRESS,
            customer_ip="203.0.113.7",
            idempotency_key=key,
            **more,
        )

    async def settle(self) -> None:
        """Deliver what the bank has to say, and let the inbox confirm it."""
        await self.bank.flush()
        await self.gateway._flow.drain()


def client(url: str, **more: Any) -> PaymentOptions:
    return PaymentOptions(
        api_key=API_KEY,
        x_api_key=X_API_KEY,
        merchant_id=MERCHANT_ID,
        environment="sandbox",
        sandbox_url=url,
        **{"public_url": PUBLIC_URL, "signing_secrets": SECRET, **more},
    )


@pytest.fixture(params=["in process", "over HTTP"])
async def merchant(request: pytest.FixtureRequest) -> AsyncIterator[Merchant]:
    """The same tests through the adapter for httpx transports, and through the default wire over real HTTP."""
    delivered: list[tuple[str, str]] = []

    async def deliver(url: str, body: bytes) -> int:
        ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
        delivered.append((ref, token))
        await gateway.webhooks.receive(ref, token, headers={}, body=body)
        return 200

    bank = Sandbox(deliver=deliver)
    async with AsyncExitStack() as stack:
        if request.param == "in process":
            transport: httpx.AsyncBaseTransport = bank.transport()
            gateway = await stack.enter_async_context(client("http://127.0.0.1", transport=transport))
        else:
            url = await stack.enter_async_context(serve(bank))
            gateway = await stack.enter_async_context(client(url))
        yield Merchant(gateway, bank, delivered)
