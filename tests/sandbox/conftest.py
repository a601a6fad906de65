from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from paymentoptions_async.sandbox import API_KEY, CARDS, MERCHANT_ID, X_API_KEY, Clock, Sandbox

PREFIX = "/api/v1/server-to-server-interface"
HEADERS = {
    "authorization": "Basic " + base64.b64encode(f"{API_KEY}:".encode()).decode(),
    "x-api-key": X_API_KEY,
}


class Inbox:
    """Where webhooks go: keeps them, and answers what the test says (an exception is raised)."""

    def __init__(self) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.answers: list[int | Exception] = []

    async def __call__(self, url: str, body: bytes) -> int:
        self.got.append((url, body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


def body_for(card: str = "approved", /, **changes: Any) -> dict[str, Any]:
    number = next((one.number for one in CARDS if one.name == card), card)
    body = {
        "amount": "1000",
        "currency": "JPY",
        "card": {"cvc": "100", "expiry_month": "12", "expiry_year": "29", "name": "John Doe", "number": number},
        "merchant_txn_ref": "qwe",
        "customer_ip": "127.0.0.1",
        "merchant_id": MERCHANT_ID,
        "return_url": {
            "webhook_url": "http://127.0.0.1:8000/hook",
            "success_url": "http://localhost:8000/success",
            "decline_url": "http://localhost:8000/decline",
        },
        "billing_address": {
            "country": "JP",
            "email": "billing@example.com",
            "phone_number": "8112345678",
            "address1": "1-2-3 Shinjuku",
            "city": "Shinjuku-ku",
            "state": "Tokyo",
            "postal_code": "1600022",
        },
        "time_zone": "Asia/Tokyo",
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    return body_for


def hosted_body_for(**changes: Any) -> dict[str, Any]:
    address = body_for()["billing_address"]
    body = {
        "return_url": {
            "webhook_url": "http://127.0.0.1:8000/hook",
            "success_url": "http://localhost:8000/success",
            "decline_url": "http://localhost:8000/decline",
            "cancel_url": "http://localhost:8000/cancel",
        },
        "amount": 1000,
        "currency": "JPY",
        "merchant_id": MERCHANT_ID,
        "merchant_email": "merchant@example.com",
        "merchant_txn_ref": "qwe",
        "payment_method": {"type": "scheme", "store_payment_method": True},
        "billing_address": address,
        "shipping_address": address,
    }
    return {name: value for name, value in (body | changes).items() if value is not None}


@pytest.fixture
def hosted_body() -> Callable[..., dict[str, Any]]:
    return hosted_body_for


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def sandbox(clock: Clock, inbox: Inbox) -> Sandbox:
    return Sandbox(seed=1, clock=clock, deliver=inbox)


@pytest.fixture
async def client(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        transport=sandbox.transport(), base_url="http://127.0.0.1:8480", headers=HEADERS
    ) as client:
        yield client


Pay = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def pay(client: httpx.AsyncClient) -> Pay:
    async def pay(card: str = "approved", /, version: int = 2, **changes: Any) -> httpx.Response:
        path = "paymentv2" if version == 2 else "payment"
        return await client.post(f"{PREFIX}/{path}", json=body_for(card, **changes))

    return pay


@pytest.fixture
def authorize(client: httpx.AsyncClient) -> Pay:
    async def authorize(card: str = "approved", /, version: int = 2, **changes: Any) -> httpx.Response:
        path = "authorizationv2" if version == 2 else "authorization"
        return await client.post(f"{PREFIX}/{path}", json=body_for(card, **changes))

    return authorize


Operate = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def operate(client: httpx.AsyncClient) -> Operate:
    """Send a capture, void or refund; an amount in text goes out as exactly that JSON number."""

    async def operate(
        operation: str, parent: str | httpx.Response, amount: int | str | None = None, **changes: Any
    ) -> httpx.Response:
        parent_id = parent if isinstance(parent, str) else parent.json()["transaction_details"]["id"]
        body = {"transactionId": parent_id, "merchant_id": MERCHANT_ID} | changes
        text = json.dumps(body)
        if amount is not None:
            text = f'{text[:-1]}, "amount": {amount}}}'
        return await client.post(f"{PREFIX}/{operation}", content=text, headers={"content-type": "application/json"})

    return operate


@pytest.fixture
def ask(client: httpx.AsyncClient) -> Callable[[str], Awaitable[httpx.Response]]:
    async def ask(transaction_id: str) -> httpx.Response:
        return await client.get(f"{PREFIX}/transaction/status/{transaction_id}")

    return ask


@pytest.fixture
def keys() -> dict[str, str]:
    return dict(HEADERS)


@pytest.fixture
def link_reply(client: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.Response]]:
    async def link_reply(**changes: Any) -> httpx.Response:
        return await client.post(f"{PREFIX}/hpp/generate/link", json=hosted_body_for(**changes))

    return link_reply


@pytest.fixture
def make_link(link_reply: Callable[..., Awaitable[httpx.Response]]) -> Callable[..., Awaitable[str]]:
    async def make_link(**changes: Any) -> str:
        url: str = (await link_reply(**changes)).json()["url"]
        return url

    return make_link
