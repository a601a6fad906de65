from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from paymentoptions_async import Address, Card, PaymentOptions
from paymentoptions_async.sandbox import Sandbox


@pytest.fixture
def surroundings(
    paymentoptions_gateway: PaymentOptions,
    paymentoptions_sandbox: Sandbox,
    paymentoptions_card: Callable[..., Card],
) -> dict[str, Any]:
    """What the guides take from the quickstart: a client of a sandbox whose clock stands still, a card, an address."""
    return {
        "gateway": paymentoptions_gateway,
        "sandbox": paymentoptions_sandbox,
        "card": paymentoptions_card(),
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
