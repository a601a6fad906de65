from __future__ import annotations

import base64

import httpx
import pytest

from paymentoptions_async.sandbox import API_KEY, Sandbox, Settings

PREFIX = "/api/v1/server-to-server-interface"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        "Basic " + _base64(f"{API_KEY}:"),
        "Basic " + _base64(API_KEY),
        "basic " + _base64(f"{API_KEY}:"),
        _base64(f"{API_KEY}:"),
        f"Basic {API_KEY}",
    ],
)
async def test_the_api_key_is_taken_in_every_encoding_that_vendor_texts_use(client, ask, value):
    client.headers["authorization"] = value
    assert (await ask("unknown")).status_code == 404


@pytest.mark.parametrize("value", ["", "Basic", "Basic !", "Bearer " + API_KEY, "Basic " + _base64("other:")])
async def test_another_api_key_is_unauthorized(client, pay, sandbox, value):
    client.headers["authorization"] = value
    reply = await pay()
    assert reply.status_code == reply.json()["statusCode"] == 401
    assert sandbox.books.transactions == []


@pytest.mark.parametrize("value", ["", "other"])
async def test_another_x_api_key_is_stopped_at_the_front_door(client, pay, value):
    client.headers["x-api-key"] = value
    reply = await pay()
    assert (reply.status_code, reply.json()) == (403, {"message": "Forbidden"})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"amount": 1000}, "amount must be string"),
        ({"merchant_txn_ref": None}, "merchant_txn_ref is missing"),
        ({"merchant_txn_ref": "x" * 46}, "merchant_txn_ref is longer than 45 characters"),
        ({"surprise": 1}, "the body has unknown fields: surprise"),
        ({"billing_address": {"country": "JPN"}}, "billing_address.country is longer than 2 characters"),
        ({"card": {"number": "5200000000001005" * 2}}, "card.number is longer than 16 characters"),
        ({"card": {"number": "5200000000001005"}}, "card.cvc is missing"),
        ({"amount": "-1"}, "amount must be a decimal number above 0"),
        ({"amount": "0"}, "amount must be a decimal number above 0"),
        ({"amount": "1e3"}, "amount must be a decimal number above 0"),
        ({"amount": "NaN"}, "amount must be a decimal number above 0"),
        ({"amount": "1000.5"}, "amount has more than 0 decimals"),
        ({"amount": "1.005", "currency": "USD"}, "amount has more than 2 decimals"),
        ({"currency": "XYZ"}, "currency is not an ISO 4217 code"),
        ({"merchant_id": "JP99999999"}, "merchant_id is not the merchant of these keys"),
    ],
)
async def test_a_bad_field_is_named_and_its_value_is_not_repeated(sandbox, pay, changes, complaint):
    reply = await pay(**changes)
    assert reply.status_code == 400
    data = reply.json()
    assert complaint in data["message"]
    assert data == {"statusCode": 400, "message": data["message"], "messageCode": "BAD_REQUEST", "success": False}
    assert "5200000000001005" not in reply.text
    assert sandbox.books.transactions == []


async def test_an_unknown_fields_name_is_repeated_without_digits(pay):
    reply = await pay(**{"5200000000001005": "x"})
    assert reply.status_code == 400
    assert "52000" not in reply.text


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'{"amount": NaN}', b"[]", b"null", b"[" * 20_000, b'{"a": "\\ud800"}']
)
async def test_a_body_that_is_no_json_object_is_refused(client, content):
    reply = await client.post(
        f"{PREFIX}/paymentv2", content=content, headers={"content-type": "application/json; charset=utf-8"}
    )
    assert reply.status_code == 400
    assert reply.json()["success"] is False


async def test_other_content_types_and_long_bodies_are_refused(client):
    text = await client.post(f"{PREFIX}/paymentv2", content=b"{}", headers={"content-type": "text/plain"})
    long = await client.post(f"{PREFIX}/paymentv2", content=b" " * 70_000, headers={"content-type": "application/json"})
    assert (text.status_code, long.status_code) == (415, 413)


async def test_refusals_can_take_the_envelopes_shape(clock, keys, body):
    sandbox = Sandbox(clock=clock, settings=Settings(error_shape="envelope"))
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys) as client:
        data = (await client.post(f"{PREFIX}/paymentv2", json=body(amount=1))).json()
    assert (data["success"], data["status_code"]) == (False, 400)
    assert "amount must be string" in data["gateway_response"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", f"{PREFIX}/payment3", 404),
        ("POST", "/api/v1/api/v1/server-to-server-interface/payment", 404),
        ("POST", f"{PREFIX}/payment/", 404),
        ("GET", f"{PREFIX}/paymentv2", 405),
        ("POST", f"{PREFIX}/transaction/status/x", 405),
    ],
)
async def test_what_is_not_documented_is_not_answered(client, method, path, status):
    reply = await client.request(method, path)
    assert reply.status_code == reply.json()["statusCode"] == status


@pytest.mark.parametrize("method", ["HEAD", "PUT", "OPTIONS", "TRACE", "DELETE"])
async def test_other_methods_are_not_allowed(client, method):
    reply = await client.request(method, f"{PREFIX}/paymentv2")
    assert (reply.status_code, reply.content) == (405, b"")
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (f"{PREFIX}/transaction/status/x", "GET"),
        (f"{PREFIX}/subscription/payment", "POST"),
        ("/integration/3ds", "GET, POST"),
        ("/_sandbox/reset", "POST"),
        ("/nothing", ""),
    ],
)
async def test_a_path_says_which_methods_it_takes(client, path, methods):
    assert (await client.request("DELETE", path)).headers["allow"] == methods


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example.com", "10.0.0.1", "", "localhost.evil", "[::"])
async def test_other_host_names_are_refused(client, host):
    reply = await client.get("/_sandbox/", headers={"host": host})
    assert reply.status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8480", "[::1]:8480", "127.8.9.1:1"])
async def test_loopback_host_names_are_served(client, host):
    assert (await client.get("/_sandbox/", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1:8480"}, 200),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "null"}, 403),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "https://example.com"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_changes_are_not_taken_from_other_origins(client, headers, status):
    reply = await client.post("/_sandbox/reset", headers={"accept": "application/json", **headers})
    assert reply.status_code == status
