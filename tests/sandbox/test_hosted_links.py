from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest


async def test_a_link_repeats_the_request_and_charges_nothing(sandbox, link_reply, hosted_body):
    reply = await link_reply()
    data = reply.json()
    assert reply.status_code == 200
    assert re.fullmatch(r"[0-9a-f-]{36}", data.pop("id"))
    assert re.fullmatch(r"http://127\.0\.0\.1:8480/HostedPaymentPage/[A-Za-z0-9]{8}", data.pop("url"))
    wanted = hosted_body()
    del wanted["payment_method"]  # the sample repeats all but this
    assert data == wanted
    assert sandbox.books.transactions == []


async def test_the_amount_is_answered_as_the_exact_number_it_is(link_reply):
    reply = await link_reply(amount=10.5, currency="USD")
    assert json.loads(reply.text, parse_float=Decimal)["amount"] == Decimal("10.5")
    assert (await link_reply(amount=None)).json()["amount"] is None
    assert (await link_reply(amount="")).json()["amount"] is None


async def test_a_wallet_link_needs_no_merchant_email_and_no_address(sandbox, link_reply):
    reply = await link_reply(
        payment_method={"type": "gcash"}, amount="1000", currency="PHP", merchant_email=None, billing_address=None
    )
    assert reply.status_code == 200
    assert reply.json()["amount"] == 1000
    assert sandbox.links.all[0].terms.wallet == "gcash"
    assert sandbox.links.all[0].terms.amount == Decimal(1000)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"merchant_email": None}, "merchant_email is missing"),
        ({"billing_address": None}, "billing_address is missing"),
        ({"return_url": None}, "return_url is missing"),
        ({"currency": "XXX1"}, "currency"),
        ({"currency": "QQQ"}, "currency is not an ISO 4217 code"),
        ({"currency": "QQQ", "amount": None}, "currency is not an ISO 4217 code"),
        ({"amount": "1000"}, "amount must be a number"),
        ({"amount": 1000, "payment_method": {"type": "gcash"}}, "amount must be a string"),
        ({"amount": 0}, "amount must be"),
        ({"amount": 10.5}, "amount has more than 0 decimals"),
        ({"merchant_id": "JP99999999"}, "merchant_id"),
        ({"payment_method": {"type": "<b>"}}, "payment_method.type"),
        ({"merchant_email": "x" * 46}, "merchant_email is longer than 45"),
    ],
)
async def test_a_bad_request_makes_no_link(sandbox, link_reply, changes, said):
    reply = await link_reply(**changes)
    assert reply.status_code == 400
    assert said in reply.json()["message"]
    assert sandbox.links.all == []


async def test_the_links_id_is_no_transaction(link_reply, ask):
    assert (await ask((await link_reply()).json()["id"])).status_code == 404


async def test_faults_strike_links_and_the_log_names_no_page(sandbox, link_reply):
    sandbox.faults.add("link", "error", when="after", status=502, nth=2)
    assert (await link_reply()).status_code == 200
    assert (await link_reply()).status_code == 502
    assert [(line.endpoint, line.message) for line in sandbox.requests] == [("link", "link made")] * 2


async def test_links_are_listed(sandbox, client, make_link):
    url = await make_link()
    await sandbox.pay_hosted_page(url, "declined")
    [row] = (await client.get("/_sandbox/links.json")).json()
    assert (row["state"], row["attempts"], row["method"], row["amount"]) == ("open", ["refused"], "scheme", 1000)
    overview = await client.get("/_sandbox/")
    assert row["url"] in overview.text


async def test_a_reset_forgets_links(sandbox, client, make_link):
    url = await make_link()
    sandbox.reset()
    assert (await client.get(url)).status_code == 404
    with pytest.raises(ValueError, match="no such link"):
        await sandbox.pay_hosted_page(url)
