from __future__ import annotations

import asyncio
import copy
from decimal import Decimal
from typing import Any

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paymentoptions_async.sandbox import COREFY_CARDS, Sandbox
from tests.sandbox.corefy.documented import undocumented

NUMBERS = {card.number for card in COREFY_CARDS}

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
    | st.sampled_from(["", "1", "USD", "JPY", "XXX", "5519283812030000", "http://[", "payment_card_jpy_hpp", "4" * 16]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    *("reference_id", "amount", "currency", "service", "flow", "test_mode", "description", "token", "customer"),
    *("gateway_options", "return_url", "return_urls", "callback_url", "metadata", "expires", "descriptor", "other"),
)
INVOICE_PLACES = st.sampled_from(
    [
        *[("attributes", name) for name in FIELDS],
        ("attributes", "customer", "reference_id"),
        ("attributes", "customer", "name"),
        *[("attributes", "gateway_options", "cardgate", name) for name in ("tokenize", "instant", "retry_limit")],
        *[("attributes", "return_urls", name) for name in ("success", "other")],
        ("attributes",),
        ("type",),
        ("callback_url",),
    ]
)
SALE_PLACES = st.sampled_from(
    [
        *[
            ("attributes", name)
            for name in ("card_number", "card_holder", "cvv", "exp_month", "exp_year", "google_pay")
        ],
        ("attributes", "browser_info"),
        ("attributes",),
        ("type",),
    ]
)
REFUND_PLACES = st.sampled_from(
    [
        *[("attributes", name) for name in ("amount", "reference_id", "description", "invoiceId")],
        ("attributes",),
        ("type",),
        ("id",),
    ]
)


def changed(data: dict[str, Any], changes: list[tuple[tuple[str, ...], Any]]) -> dict[str, Any]:
    data = copy.deepcopy(data)
    for place, value in changes:
        inner = data
        for name in place[:-1]:
            if not isinstance(inner.get(name), dict):
                inner[name] = {}
            inner = inner[name]
        inner[place[-1]] = value
    return data


def lists(places: st.SearchStrategy[tuple[str, ...]]) -> st.SearchStrategy[list[tuple[tuple[str, ...], Any]]]:
    return st.lists(st.tuples(places, values), max_size=2)


@given(of_invoice=lists(INVOICE_PLACES), of_sale=lists(SALE_PLACES), of_refund=lists(REFUND_PLACES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_breaks_it_or_moves_money_without_saying_so(shop, of_invoice, of_sale, of_refund):
    sandbox = Sandbox()
    invoice = {"type": "payment-invoices", "attributes": shop.attributes()}
    card = {"card_number": "5519283812030000", "cvv": "123", "exp_month": "12", "exp_year": "31"}
    sale = {"type": "sale-operation", "attributes": card}
    refund = {"type": "refund", "attributes": {"amount": 4, "reference_id": "refund-1"}}

    async def send() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=sandbox.transport(), headers=shop.client.headers) as client:

            async def post(path: str, data: dict[str, Any], **headers: str) -> httpx.Response:
                reply = await client.post(f"http://127.0.0.1/corefy/{path}", json={"data": data}, headers=headers)
                assert undocumented(reply) == []
                return reply

            made = [await post("api/payment-invoices", changed(invoice, of_invoice))]
            if made[0].status_code == 201:
                data = made[0].json()["data"]
                bearer = f"Bearer {data['attributes']['flow_data']['metadata']['token']}"
                made.append(await post("cardgate/payment/sale", changed(sale, of_sale), authorization=bearer))
                path = f"api/payment-invoices/{data['id']}/refund"
                made.append(await post(path, changed(refund, of_refund)))
                assert (await client.get(data["attributes"]["hpp_url"], follow_redirects=True)).status_code in {
                    200,
                    410,
                }
                assert (
                    undocumented(await client.get(f"http://127.0.0.1/corefy/api/payment-invoices/{data['id']}")) == []
                )
            assert (await client.get("http://127.0.0.1/_sandbox/")).status_code == 200
            await sandbox.flush()
            return made

    replies = asyncio.run(send())
    assert {reply.status_code for reply in replies} <= {200, 201, 422}
    books = sandbox.corefy.books
    sold = len(replies) > 1 and replies[1].status_code == 201
    assert bool(books.charges()) is (sold and replies[1].json()["status"] == "processed")
    assert bool(books.refunds()) is (len(replies) > 1 and replies[2].status_code == 200)
    for one in books.invoices:
        assert Decimal(0) <= one.refunded <= one.charged <= one.terms.amount
    sent = {str(value) for _, value in (*of_invoice, *of_sale, *of_refund)}
    assert not any(number in reply.text for number in NUMBERS - sent for reply in replies)
