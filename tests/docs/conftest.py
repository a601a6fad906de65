from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from paymentoptions_async import Address, Card, PaymentOptions
from paymentoptions_async.sandbox import API_KEY, MERCHANT_ID, X_API_KEY, Clock, Sandbox

SHOP = "http://127.0.0.1:8000"


@pytest.fixture
async def surroundings() -> AsyncIterator[dict[str, Any]]:
    """What the guides take from the quickstart: a client of a sandbox whose clock stands still, a card, an address."""

    async def deliver(url: str, body: bytes) -> int:
        ref, token = url.removeprefix(f"{SHOP}/webhook/").split("/")
        await gateway.webhooks.receive(ref, token, headers={}, body=body)
        return 200

    clock = Clock(datetime(2026, 1, 5, 9, tzinfo=UTC))
    sandbox = Sandbox(clock=clock, deliver=deliver)
    async with PaymentOptions(
        api_key=API_KEY,
        x_api_key=X_API_KEY,
        merchant_id=MERCHANT_ID,
        environment="sandbox",
        sandbox_url="http://127.0.0.1",
        transport=sandbox.transport(),
        public_url=SHOP,
        signing_secrets="sixteen-bytes-or-more",
        clock=lambda: clock.now().timestamp(),
        random=Random(1),
    ) as gateway:
        yield {
            "gateway": gateway,
            "sandbox": sandbox,
            "card": Card(number="5200000000001005", cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
            "address": Address(
                country="JP",
                email="buyer@example.com",
                phone_number="0312345678",
                address1="1-1 Chiyoda",
                city="Chiyoda",
                state="Tokyo",
                postal_code="100-0001",
            ),
        }
