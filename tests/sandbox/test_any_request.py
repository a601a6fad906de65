from __future__ import annotations

import asyncio
import copy
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paymentoptions_async.sandbox import CARDS, Sandbox

PREFIX = "/api/v1/server-to-server-interface"
CARD_NUMBERS = {card.number for card in CARDS}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
    | st.sampled_from(["", "1", "1000", "0.01", "JPY", "USD", "XXX", "5200000000001005", "http://[", "4" * 16]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
places = st.sampled_from(
    [
        *[("card", name) for name in ("number", "cvc", "expiry_month", "expiry_year", "name", "other")],
        *[("return_url", name) for name in ("webhook_url", "success_url", "decline_url", "other")],
        ("billing_address", "country"),
        ("browser_info", "javaEnabled"),
        ("payment_method", "stored_payment_method_id"),
        *[(name,) for name in ("amount", "currency", "card", "merchant_id", "merchant_txn_ref", "customer_ip")],
        *[(name,) for name in ("return_url", "shipping_address", "payment_method", "time_zone", "other")],
    ]
)
changes = st.lists(st.tuples(places, values), min_size=1, max_size=3)


@pytest.mark.parametrize("path", ["payment", "paymentv2"])
@given(changes=changes, challenge=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_breaks_it_or_charges_without_saying_so(path, body, keys, changes, challenge):
    request: dict[str, Any] = copy.deepcopy(body("challenge" if challenge else "approved"))
    for place, value in changes:
        inner = request
        for name in place[:-1]:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[place[-1]] = value
    sandbox = Sandbox()

    async def send() -> tuple[httpx.Response, httpx.Response]:
        async with httpx.AsyncClient(
            transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys
        ) as client:
            reply = await client.post(f"{PREFIX}/{path}", json=request)
            for opened in sandbox.books.challenges:
                assert (await client.get(f"/integration/3ds?_token={opened.token}")).status_code == 200
                await client.post(f"/integration/3ds?_token={opened.token}", data={"answer": "decline"})
            return reply, await client.get("/_sandbox/")

    reply, overview = asyncio.run(send())
    assert reply.status_code in {200, 201, 400, 406}
    assert overview.status_code == 200
    assert bool(sandbox.books.charges()) is (reply.status_code == 201 and reply.json()["success"])
    assert not any(number in reply.text for number in CARD_NUMBERS - _elsewhere(request))


def _elsewhere(request: dict[str, Any]) -> set[str]:
    """Return the card numbers that the request wrote into fields that are not the card's number."""
    rest = copy.deepcopy(request)
    if isinstance(rest.get("card"), dict):
        rest["card"].pop("number", None)
    return {number for number in CARD_NUMBERS if number in repr(rest)}
