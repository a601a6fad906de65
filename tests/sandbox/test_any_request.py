from __future__ import annotations

import asyncio
import copy
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paymentoptions_async.sandbox import CARDS, MERCHANT_ID, Clock, Sandbox

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


@pytest.mark.parametrize("path", ["payment", "paymentv2", "authorization", "authorizationv2"])
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
    approved = reply.status_code == 201 and reply.json()["success"]
    assert any(one.moved for one in sandbox.books.transactions) is approved
    assert bool(sandbox.books.charges()) is (approved and path.startswith("payment"))
    assert not any(number in reply.text for number in CARD_NUMBERS - _elsewhere(request))


terms = st.dictionaries(
    st.sampled_from(
        [
            *("plan_name", "plan_desc", "cycle_type", "subscription_end_type", "cycle_interval", "max_cycle_count"),
            *("has_trial_period", "trial_period_duration_type", "trial_period_duration"),
            *("has_discount", "discount_percentage", "discount_duration", "other"),
        ]
    ),
    values | st.sampled_from([1, 2, 12, 10**30, True, "DAYS", "MONTHS", "YEARS", "CYCLE", 0.5, 99.9999, 1e-300]),
    min_size=1,
    max_size=4,
)


@given(changes=terms)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_plan_breaks_it_or_charges_without_saying_so(body, keys, changes):
    plan = {"plan_name": "x", "cycle_type": "DAYS", "subscription_end_type": "CYCLE", "cycle_interval": 1}
    request = body("approved", subscription=plan | {"max_cycle_count": 2} | changes)

    async def send() -> tuple[Sandbox, httpx.Response, int]:
        sandbox = Sandbox(deliver=_nowhere, clock=Clock(datetime(2026, 1, 2, tzinfo=UTC)))
        async with httpx.AsyncClient(
            transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys
        ) as client:
            reply = await client.post(f"{PREFIX}/subscription/payment", json=request)
            await sandbox.advance(400 * 24 * 3600)
            return sandbox, reply, (await client.get("/_sandbox/")).status_code

    sandbox, reply, overview = asyncio.run(send())
    assert reply.status_code in {201, 400}
    assert overview == 200
    assert bool(sandbox.subscriptions.all) is (reply.status_code == 201)
    assert all(charge.charged > 0 for charge in sandbox.books.charges())


async def _nowhere(_: str, __: bytes) -> int:
    return 200


operation_values = values | st.sampled_from(["the purchase", "the authorisation", 1000, 0.1, 1e308, -0.0, 10**400])
operation_changes = st.dictionaries(
    st.sampled_from(["transactionId", "amount", "merchant_id", "notes", "other"]), operation_values, max_size=3
)


@pytest.mark.parametrize("path", ["capture", "void", "refund"])
@given(changes=operation_changes, parent=st.sampled_from(["the purchase", "the authorisation"]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_operation_breaks_it_or_moves_what_it_does_not_say(path, body, keys, changes, parent):
    async def send() -> tuple[Sandbox, httpx.Response]:
        sandbox = Sandbox()
        async with httpx.AsyncClient(
            transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys
        ) as client:
            for payment in ("paymentv2", "authorizationv2"):
                await client.post(f"{PREFIX}/{payment}", json=body())
            ids = dict(
                zip(("the purchase", "the authorisation"), (one.id for one in sandbox.books.transactions), strict=True)
            )
            request = {"transactionId": parent, "amount": 10, "merchant_id": MERCHANT_ID} | changes
            if path == "void" and "amount" not in changes:
                del request["amount"]
            known = request["transactionId"] if isinstance(request["transactionId"], str) else ""
            request["transactionId"] = ids.get(known, request["transactionId"])
            reply = await client.post(f"{PREFIX}/{path}", json=request)
            assert (await client.get("/_sandbox/")).status_code == 200
            return sandbox, reply

    sandbox, reply = asyncio.run(send())
    assert reply.status_code in {201, 400, 404, 412}
    moved = sum(one.moved for one in sandbox.books.transactions[2:])
    assert moved == (reply.json()["payment_details"]["amount"] if reply.json()["success"] else 0)
    assert moved <= 1000


def _elsewhere(request: dict[str, Any]) -> set[str]:
    """Return the card numbers that the request wrote into fields that are not the card's number."""
    rest = copy.deepcopy(request)
    if isinstance(rest.get("card"), dict):
        rest["card"].pop("number", None)
    return {number for number in CARD_NUMBERS if number in repr(rest)}
