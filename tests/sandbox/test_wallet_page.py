from __future__ import annotations

import json
from decimal import Decimal

import pytest

SUCCESS, DECLINE, CANCEL = (f"http://localhost:8000/{name}" for name in ("success", "decline", "cancel"))


@pytest.fixture
def make_wallet_link(make_link):
    async def make(kind="gcash", **changes):
        plain = {"amount": "1000", "currency": "PHP", "merchant_email": None, "billing_address": None}
        return await make_link(**{**plain, "payment_method": {"type": kind}, **changes})

    return make


async def test_approving_charges_tells_the_webhook_and_leads_to_the_shop(sandbox, make_wallet_link, inbox, ask):
    assert await sandbox.answer_wallet(await make_wallet_link()) == SUCCESS
    [charge] = sandbox.books.charges("qwe")
    assert (charge.order.operation, charge.order.wallet, charge.charged) == ("wallet", "gcash", 1000)
    await sandbox.flush()
    told = json.loads(inbox.got[0][1])
    assert told["success"] is True
    details = told["payment_details"]
    assert (details["payment_method"], details["scheme"], details["card"]) == ("gcash", "GCASH", None)
    assert details["additional_data"] == {"payment_data_source": {"type": "wallet"}}
    status = (await ask(charge.id)).json()
    assert (status["success"], status["payment_details"]["payment_method"]) == (True, "gcash")


async def test_declining_charges_nothing_and_may_be_thought_over(sandbox, client, make_wallet_link, inbox):
    url = await make_wallet_link()
    assert await sandbox.answer_wallet(url, "decline", pin="") == DECLINE
    assert "The payment was declined in the wallet." in (await client.get(url)).text
    assert await sandbox.answer_wallet(url) == SUCCESS
    await sandbox.flush()
    assert [json.loads(content)["success"] for _, content in inbox.got] == [False, True]
    assert len(sandbox.books.charges()) == 1


async def test_cancelling_makes_no_transaction(sandbox, make_wallet_link, inbox):
    assert await sandbox.answer_wallet(await make_wallet_link(), "cancel") == CANCEL
    await sandbox.flush()
    assert (sandbox.books.transactions, inbox.got) == ([], [])


async def test_a_second_answer_changes_nothing(sandbox, client, make_wallet_link):
    url = await make_wallet_link()
    for answer in ("approve", "approve", "decline"):
        reply = await client.post(url, data={"attempt": "0", "answer": answer, "pin": "1234"})
        assert reply.headers["location"] == SUCCESS
    assert "Already paid" in (await client.get(url)).text
    assert len(sandbox.books.transactions) == 1


@pytest.mark.parametrize("form", [{"pin": ""}, {"pin": "12345"}, {"pin": "12a4"}, {"answer": "other", "pin": "1234"}])
async def test_an_answer_that_is_none_changes_nothing(sandbox, client, make_wallet_link, form):
    url = await make_wallet_link()
    page = await client.post(url, data={"attempt": "0", "answer": "approve", **form})
    assert page.status_code == 400
    assert sandbox.books.transactions == []


async def test_the_buyer_types_the_amount_where_it_was_left_open(sandbox, client, make_wallet_link):
    url = await make_wallet_link(amount="")
    page = await client.post(url, data={"attempt": "0", "answer": "approve", "pin": "1234"})
    assert "Enter an amount above zero." in page.text
    assert await sandbox.answer_wallet(url, amount="12.50") == SUCCESS
    assert sandbox.books.total_charged() == Decimal("12.50")


@pytest.mark.parametrize(("kind", "name"), [("gcash", "GCash"), ("paypay", "PayPay"), ("somenewpay", "somenewpay")])
async def test_wallets_are_open_to_new_ones(client, make_wallet_link, kind, name):
    page = (await client.get(await make_wallet_link(kind))).text
    assert f"<title>Pay with {name} " in page
    assert "1,000.00 PHP" in page


async def test_the_page_speaks_japanese(client, make_wallet_link):
    page = (await client.get(await make_wallet_link(), headers={"accept-language": "ja"})).text
    assert '<html lang="ja">' in page
    assert "GCashでお支払い" in page


async def test_a_wallet_payment_can_be_refunded(sandbox, client, make_wallet_link):
    await sandbox.answer_wallet(await make_wallet_link())
    [charge] = sandbox.books.charges()
    body = {"transactionId": charge.id, "amount": 400, "merchant_id": charge.order.merchant_id}
    reply = (await client.post("/api/v1/server-to-server-interface/refund", json=body)).json()
    assert (reply["success"], reply["transaction_type"]) == (True, "REFUND")
    assert (reply["payment_details"]["payment_method"], reply["payment_details"]["card"]) == ("gcash", None)
