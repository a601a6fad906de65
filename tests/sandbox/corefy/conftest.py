from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

import httpx
import pytest

from paymentoptions_async.sandbox import (
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    COREFY_CARDS,
    Clock,
    Corefy,
    CorefySettings,
    Sandbox,
    Settings,
)
from tests.sandbox.corefy.documented import undocumented

ORIGIN = "http://127.0.0.1:8480"
API = f"{ORIGIN}/corefy/api"
CARDGATE = f"{ORIGIN}/corefy/cardgate"
BASIC = {"authorization": "Basic " + base64.b64encode(f"{COREFY_ACCOUNT_ID}:{COREFY_API_KEY}".encode()).decode()}
NUMBERS = {card.name: card.number for card in COREFY_CARDS}
BROWSER = {"browser_accept_header": "text/html", "browser_java_enabled": False, "device_channel": "02"}


class Inbox:
    """Where callbacks go: keeps them, and answers what the test says (an exception is raised)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.answers: list[int | Exception] = []

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.got.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


class Shop:
    """A merchant of the sandbox's Corefy, who sends what the samples send."""

    api, cardgate = API, CARDGATE
    urls: ClassVar = {name: f"http://localhost:8000/{name}" for name in ("success", "pending", "fail")}

    def __init__(self, sandbox: Sandbox, client: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.client = client
        self.made = 0

    @property
    def corefy(self) -> Corefy:
        return self.sandbox.corefy

    def attributes(self, **changes: Any) -> dict[str, Any]:
        self.made += 1
        attributes = {
            "test_mode": True,
            "reference_id": f"order-{self.made}",
            "description": "Two coffees",
            "currency": "USD",
            "amount": 10,
            "service": "payment_card_usd_hpp",
            "customer": {"reference_id": "customer-1", "name": "John Doe"},
            "callback_url": "http://127.0.0.1:8000/callback",
            "return_urls": self.urls,
        }
        return {name: value for name, value in (attributes | changes).items() if value is not None}

    async def post_invoice(self, **changes: Any) -> httpx.Response:
        data = {"type": "payment-invoices", "attributes": self.attributes(**changes)}
        return await self.client.post(f"{self.api}/payment-invoices", json={"data": data})

    async def invoice(self, **changes: Any) -> dict[str, Any]:
        reply = await self.post_invoice(**changes)
        assert reply.status_code == 201, reply.text
        data: dict[str, Any] = reply.json()["data"]
        return data

    async def show(self, invoice: dict[str, Any] | str) -> dict[str, Any]:
        invoice_id = invoice if isinstance(invoice, str) else invoice["id"]
        reply = await self.client.get(f"{self.api}/payment-invoices/{invoice_id}")
        assert reply.status_code == 200, reply.text
        attributes: dict[str, Any] = reply.json()["data"]["attributes"]
        return attributes

    async def sell(
        self, invoice: dict[str, Any], card: str | None = "processed", expiry: str = "1031", **changes: Any
    ) -> httpx.Response:
        """Charge a test card by its name, or without one the invoice's stored card."""
        attributes: dict[str, Any] = {}
        if card is not None:
            attributes = {
                "card_number": NUMBERS.get(card, card),
                "card_holder": "JOHN DOE",
                "cvv": "123",
                "exp_month": expiry[:2],
                "exp_year": expiry[2:],
                "browser_info": BROWSER,
            }
        attributes = {name: value for name, value in (attributes | changes).items() if value is not None}
        bearer = invoice["attributes"]["flow_data"]["metadata"]["token"]
        return await self.client.post(
            f"{self.cardgate}/payment/sale",
            json={"data": {"type": "sale-operation", "attributes": attributes}},
            headers={"authorization": f"Bearer {bearer}"},
        )

    async def paid(self, card: str = "processed", **changes: Any) -> dict[str, Any]:
        """Make an invoice and pay it at once."""
        invoice = await self.invoice(**changes)
        assert (await self.sell(invoice, card)).json()["status"] == "processed"
        return invoice

    async def token(self, card: str = "processed") -> str:
        """Return the token of a card that was tokenised for customer-1."""
        invoice = await self.invoice(gateway_options={"cardgate": {"tokenize": True}})
        handed = (await self.sell(invoice, card)).json().get("auth_payload")
        if handed:
            await self.corefy.answer_challenge(handed)
        token: str = (await self.show(invoice))["payload"]["token"]
        return token

    async def told(self, inbox: Inbox) -> list[str]:
        """Return the status of every callback that has come by now."""
        await self.sandbox.flush()
        return [json.loads(body)["data"]["attributes"]["status"] for _, body, _ in inbox.got]

    async def refund(self, invoice: dict[str, Any], amount: Any = 10, **changes: Any) -> httpx.Response:
        attributes = {"amount": amount, "reference_id": "refund-1", "description": "Sorry", **changes}
        data = {"type": "refund", "id": invoice["id"], "attributes": attributes}
        if attributes["reference_id"] is None:
            del attributes["reference_id"]
        return await self.client.post(f"{self.api}/payment-invoices/{invoice['id']}/refund", json={"data": data})


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


MakeShop = Callable[..., Shop]


@pytest.fixture
async def shop_with(clock: Clock, inbox: Inbox) -> AsyncIterator[MakeShop]:
    """Return a shop of a sandbox whose Corefy has the given settings."""
    clients: list[httpx.AsyncClient] = []

    def make(**settings: Any) -> Shop:
        sandbox = Sandbox(
            seed=1, clock=clock, settings=Settings(corefy=CorefySettings(**settings)), deliver_callback=inbox
        )
        shop = Shop(sandbox, httpx.AsyncClient(transport=sandbox.transport(), headers=BASIC))

        async def check(reply: httpx.Response) -> None:
            if not sandbox.faults.rules:
                await reply.aread()
                assert undocumented(reply) == []

        shop.client.event_hooks["response"].append(check)
        clients.append(shop.client)
        return shop

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def shop(shop_with: MakeShop) -> Shop:
    return shop_with()
