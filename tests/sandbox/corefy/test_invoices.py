from __future__ import annotations

import base64
import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest

from paymentoptions_async.sandbox import COREFY_ACCOUNT_ID, COREFY_API_KEY

TOKENIZE = {"cardgate": {"tokenize": True}}


def problems(reply):
    assert reply.headers["content-type"] == "application/json"
    return [(error["source"] and error["source"]["pointer"], error["detail"]) for error in reply.json()["errors"]]


async def test_a_new_invoice_is_the_one_of_the_sample(shop, clock):
    reply = await shop.post_invoice(description=None, customer={"reference_id": "my_customer_1"})
    assert reply.status_code == 201
    data = reply.json()["data"]
    assert re.fullmatch("cpi_[A-Za-z0-9]{16}", data["id"])
    assert data["links"] == {"self": f"/api/payment-invoices/{data['id']}"}
    now = int(clock.now().timestamp())
    expected = {
        "serial_number": data["id"][4:],
        "status": "process_pending",
        "resolution": "ok",
        "moderation_required": False,
        "amount": 10,
        "payment_amount": 10,
        "currency": "USD",
        "service_currency": "USD",
        "reference_id": "order-1",
        "test_mode": True,
        "fee": 0,
        "deposit": 10,
        "processed": None,
        "processed_amount": None,
        "refunded_amount": None,
        "processed_fee": None,
        "processed_deposit": None,
        "metadata": [],
        "flow": "hpp",
        "payment_flow": "charge",
        "created": now,
        "updated": now,
        "payload": None,
        "description": None,
        "original_data": None,
        "rrn": None,
        "approval_code": None,
    }
    assert {name: data["attributes"][name] for name in expected} == expected
    assert data["relationships"]["payment-service"]["data"] == {
        "type": "payment-services",
        "id": "payment_card_usd_hpp",
    }
    assert data["relationships"]["customer"]["data"]["id"].startswith("cus_")
    assert shop.corefy.books.charges() == []


async def test_flow_data_leads_to_the_checkout_and_hands_over_a_bearer_for_an_hour(shop, clock):
    flow = (await shop.invoice())["attributes"]["flow_data"]
    session = flow["metadata"]["sid"]
    assert (flow["method"], flow["params"]) == ("GET", [])
    assert flow["action"] == f"{shop.cardgate}/hpp/{session}"
    header, claims, _ = (part + "=" * (-len(part) % 4) for part in flow["metadata"]["token"].split("."))
    assert json.loads(base64.urlsafe_b64decode(header))["typ"] == "JWT"
    assert json.loads(base64.urlsafe_b64decode(claims)) == {
        "sid": session,
        "expires": None,
        "exp": int(clock.now().timestamp()) + 3600,
    }


async def test_answers_are_written_as_php_does(shop):
    reply = await shop.post_invoice(metadata={"site": "https://shop.example/"})
    assert rb'"site":"https:\/\/shop.example\/"' in reply.content
    assert b"//" not in reply.content


@pytest.mark.parametrize(
    ("sent", "came_back"), [("3.33", "3.33"), ("100.10", "100.1"), ("1e2", "100"), ("9007199254740993.01", None)]
)
async def test_amounts_are_exact_json_numbers(shop, sent, came_back):
    body = json.dumps({"data": {"type": "payment-invoices", "attributes": shop.attributes(amount="here")}})
    reply = await shop.client.post(
        f"{shop.api}/payment-invoices",
        content=body.replace('"here"', sent),
        headers={"content-type": "application/vnd.api+json"},
    )
    if came_back is None:
        assert reply.status_code == 422
    else:
        assert f'"amount":{came_back},"payment_amount":{came_back},'.encode() in reply.content


async def test_a_reference_is_taken_once_and_refused_rather_than_answered_again(shop, shop_with):
    first = await shop.invoice(reference_id="same")
    again = await shop.post_invoice(reference_id="same")
    assert (again.status_code, problems(again)) == (
        422,
        [("/data/attributes/reference_id", "An invoice with this reference_id exists.")],
    )
    assert [one.id for one in shop.corefy.books.invoices] == [first["id"]]
    other = shop_with(duplicate_status=429)
    await other.invoice(reference_id="same")
    assert (await other.post_invoice(reference_id="same")).status_code == 429


async def test_what_was_refused_leaves_its_reference_free(shop):
    assert (await shop.post_invoice(reference_id="same", amount=0)).status_code == 422
    assert (await shop.post_invoice(reference_id="same")).status_code == 201


@pytest.mark.parametrize("name", ["reference_id", "amount", "currency", "service"])
async def test_a_required_field_is_named_when_it_is_missing(shop, name):
    reply = await shop.post_invoice(**{name: None})
    assert reply.status_code == 422
    assert problems(reply) == [(f"/data/attributes/{name}", f"data.attributes.{name} is missing")]
    assert reply.json()["errors"][0]["status"] == "422"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"test_mode": False}, "test_mode"),
        ({"test_mode": None}, "test_mode"),
        ({"reference_id": ""}, "reference_id"),
        ({"reference_id": "x" * 256}, "reference_id"),
        ({"amount": -1}, "amount"),
        ({"amount": "10"}, "amount"),
        ({"amount": 1.234}, "amount"),
        ({"currency": "JPY", "service": "payment_card_jpy_hpp", "amount": 1.5}, "amount"),
        ({"currency": "XYZ", "service": "payment_card_xyz_hpp"}, "currency"),
        ({"currency": "usd"}, "currency"),
        ({"service": "payment_card_eur_hpp"}, "service"),
        ({"service": "pix_usd_hpp"}, "service"),
        ({"flow": "verify"}, "flow"),
        ({"expires": 0}, "expires"),
        ({"expires": 10**30}, "expires"),
        ({"gateway_options": {"cardgate": {"recurrent": True}}}, "gateway_options/cardgate/recurrent"),
        ({"gateway_options": TOKENIZE, "customer": None}, "customer/reference_id"),
        ({"token": "x" * 32, "customer": None}, "customer/reference_id"),
        ({"token": "x" * 32}, "token"),
        ({"customer": {"name": "John Doe"}}, "customer/reference_id"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place(shop, changes, field):
    reply = await shop.post_invoice(**changes)
    assert reply.status_code == 422
    assert f"/data/attributes/{field}" in [pointer for pointer, _ in problems(reply)]
    assert shop.corefy.books.invoices == []


async def test_a_token_belongs_to_one_customer(shop):
    token = await shop.token()
    assert (await shop.post_invoice(token=token, customer={"reference_id": "somebody-else"})).status_code == 422
    assert (await shop.post_invoice(token=token)).status_code == 201


async def test_an_invoice_is_shown_as_it_stands_with_its_customer(shop, clock):
    invoice = await shop.invoice(metadata={"order": 7})
    clock.advance(60)
    await shop.sell(invoice)
    reply = await shop.client.get(f"{shop.api}/payment-invoices/{invoice['id']}")
    attributes = reply.json()["data"]["attributes"]
    assert (attributes["status"], attributes["processed_amount"], attributes["metadata"]) == (
        "processed",
        10,
        {"order": 7},
    )
    assert attributes["updated"] == attributes["processed"] == attributes["created"] + 60
    assert attributes["flow_data"] == []
    [customer] = reply.json()["included"]
    assert (customer["type"], customer["attributes"]["reference_id"]) == ("customers", "customer-1")


async def test_maps_without_anything_are_lists_or_null(shop):
    invoice = await shop.invoice()
    shown = await shop.show(invoice)
    assert (invoice["attributes"]["payload"], shown["payload"]) == (None, [])
    assert (invoice["attributes"]["original_data"], shown["original_data"], shown["metadata"]) == (None, [], [])


async def test_the_list_has_the_newest_first_page_by_page(shop):
    made = [(await shop.invoice())["id"] for _ in range(3)]
    whole = (await shop.client.get(f"{shop.api}/payment-invoices")).json()
    assert [one["id"] for one in whole["data"]] == made[::-1]
    assert (whole["meta"], whole["links"]["next"]) == ({"total": 3}, None)
    second = (await shop.client.get(f"{shop.api}/payment-invoices?page[number]=2&page[size]=2")).json()
    assert [one["id"] for one in second["data"]] == made[:1]
    assert second["links"]["prev"].endswith("page[number]=1&page[size]=2")


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 5000])
async def test_a_page_that_makes_no_sense_is_the_first(shop, number):
    await shop.invoice()
    reply = await shop.client.get(f"{shop.api}/payment-invoices", params={"page[number]": number})
    assert len(reply.json()["data"]) == 1


async def test_nobody_else_sees_an_invoice(shop):
    invoice = await shop.invoice()
    reply = await shop.client.get(f"{shop.api}/payment-invoices/{invoice['id'][:-1]}")
    assert (reply.status_code, problems(reply)) == (404, [([], "There is no such invoice.")])


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic",
        "Basic %%%",
        "Basic " + base64.b64encode(f"{COREFY_ACCOUNT_ID}:wrong".encode()).decode(),
        "Basic " + base64.b64encode(f"{COREFY_API_KEY}:".encode()).decode(),
        f"Bearer {COREFY_API_KEY}",
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
    ],
)
async def test_without_the_accounts_key_nothing_is_done(shop, authorization):
    shop.client.headers["authorization"] = authorization
    reply = await shop.post_invoice()
    assert reply.status_code == 401
    assert shop.corefy.books.invoices == []
    assert COREFY_API_KEY not in reply.text


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [(b"{", "application/json", 400), (b"{}", "text/plain", 415), (b"[]", "application/json", 422)],
)
async def test_what_can_not_be_read_is_refused_in_json_apis_form(shop, content, content_type, status):
    reply = await shop.client.post(
        f"{shop.api}/payment-invoices", content=content, headers={"content-type": content_type}
    )
    assert (reply.status_code, len(reply.json()["errors"])) == (status, 1)


@pytest.mark.parametrize("place", ["inside", "beside", "both"])
async def test_a_callback_url_is_taken_inside_the_attributes_or_beside_them(shop, place):
    attributes = shop.attributes(callback_url="http://127.0.0.1:1/inside" if place != "beside" else None)
    data = {"type": "payment-invoices", "attributes": attributes}
    if place != "inside":
        data["callback_url"] = "http://127.0.0.1:1/beside"
    reply = await shop.client.post(f"{shop.api}/payment-invoices", json={"data": data})
    chosen = "beside" if place == "beside" else "inside"
    assert reply.json()["data"]["attributes"]["callback_url"] == f"http://127.0.0.1:1/{chosen}"


async def test_an_invoice_expires_by_itself_or_when_it_said(shop, clock, inbox):
    left = await shop.invoice()
    soon = await shop.invoice(expires=int((clock.now() + timedelta(minutes=5)).timestamp()))
    await shop.sandbox.advance(299)
    assert (await shop.show(soon))["status"] == "process_pending"
    await shop.sandbox.advance(1)
    assert (await shop.show(soon))["status"] == "expired"
    assert (await shop.sell(soon)).status_code == 422
    await shop.sandbox.advance(86_400)
    assert (await shop.show(left))["status"] == "expired"
    assert (await shop.told(inbox)).count("expired") == 2


async def test_a_paid_invoice_does_not_expire(shop):
    invoice = await shop.paid()
    await shop.sandbox.advance(90_000)
    assert (await shop.show(invoice))["status"] == "processed"


async def test_what_the_bank_has_not_decided_does_not_expire(shop):
    invoice = await shop.invoice()
    await shop.sell(invoice, expiry="0777")
    await shop.sandbox.advance(90_000)
    assert (await shop.show(invoice))["status"] == "process_pending"
    shop.corefy.process(invoice["id"])
    assert shop.corefy.books.total_charged("order-1") == Decimal(10)
