from __future__ import annotations

import asyncio
import copy
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paymentoptions_async.sandbox import CARDS, Sandbox

LINK = "/api/v1/server-to-server-interface/hpp/generate/link"
NUMBERS = [card.number for card in CARDS]

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | st.sampled_from(["", "1", "JPY", "KWD", "XXX", "http://[", "http://a;b/", "{0.__class__}", "%s"])
    | st.dictionaries(texts, texts, max_size=2)
)
places = st.sampled_from(
    [
        *[("return_url", name) for name in ("webhook_url", "success_url", "decline_url", "cancel_url")],
        *[("billing_address", name) for name in ("country", "email", "city", "other")],
        *[("payment_method", name) for name in ("type", "store_payment_method", "stored_payment_method_id")],
        *[(name,) for name in ("amount", "currency", "merchant_email", "merchant_txn_ref", "customer_ip")],
        *[(name,) for name in ("return_url", "billing_address", "shipping_address", "payment_method", "other")],
    ]
)
fields = st.dictionaries(
    st.sampled_from(["attempt", "answer", "number", "expiry", "cvc", "name", "amount", "pin", "country", "email"]),
    texts | st.sampled_from(["0", "1", "pay", "approve", "decline", "cancel", "12/29", "1000", "1.5", *NUMBERS]),
)


@pytest.mark.parametrize("wallet", [False, True])
@given(changes=st.lists(st.tuples(places, values), max_size=3), form=fields, good=st.booleans())
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_link_and_no_form_breaks_it(  # noqa: PLR0917
    hosted_body, keys, wallet, changes, form, good
):
    asked: dict[str, Any] = copy.deepcopy(hosted_body())
    if wallet:
        asked |= {"payment_method": {"type": "gcash"}, "amount": "1000"}
    for place, value in changes:
        inner = asked
        for name in place[:-1]:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[place[-1]] = value
    right = {"attempt": "0", "answer": "approve" if wallet else "pay", "pin": "1234"}
    right |= {"number": NUMBERS[0], "expiry": "12/29", "cvc": "100", "name": "John Doe", "amount": "1000"}
    filled = {**(right if good else {}), **form}
    sandbox = Sandbox()

    async def act() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1") as browser:
            made = await browser.post(LINK, json=asked, headers=keys)
            assert made.status_code in {200, 400}, made.text
            replies = [await browser.get("/_sandbox/")]
            for link in sandbox.links.all:
                page = f"/HostedPaymentPage/{link.code}"
                replies += [await browser.get(page), await browser.get(f"/jp{page}?left=1")]
                replies += [await browser.post(page, data=filled) for _ in range(2)]
                replies += [await browser.get(page), await browser.get("/_sandbox/")]
            return replies

    for reply in asyncio.run(act()):
        assert reply.status_code in {200, 303, 400}
        assert not any(number in reply.text for number in set(NUMBERS) - set(_given(asked)))
    assert len(sandbox.books.transactions) + len(sandbox.books.challenges) <= 1


def _given(asked: dict[str, Any]) -> list[str]:
    return [number for number in NUMBERS if number in repr(asked)]
