from __future__ import annotations

from decimal import Decimal

import pytest

from paymentoptions_async.sandbox import COREFY_CARDS
from paymentoptions_async.sandbox.corefy.cards import RESOLUTIONS

INSTANT = {"cardgate": {"instant": True}}
TOKENIZE = {"cardgate": {"tokenize": True}}


async def test_a_sale_charges_the_card_once(shop):
    invoice = await shop.invoice(amount=12.34)
    reply = await shop.sell(invoice)
    assert (reply.status_code, reply.json()) == (201, {"status": "processed", "resolution": "ok"})
    [charge] = shop.corefy.books.charges("order-1")
    assert (charge.charged, charge.source, charge.card.masked) == (Decimal("12.34"), "sale", "551928******0000")
    payload = (await shop.show(invoice))["payload"]
    assert payload["token"] is None
    assert payload["payment_card"] | {"card_id": "card_"} == {
        "first": "551928",
        "last": "0000",
        "mask": "551928******0000",
        "brand": None,
        "network": "mastercard",
        "type": "debit",
        "holder": "JOHN DOE",
        "expiry_month": "10",
        "expiry_year": "31",
        "issuer_name": "FIRST DATA CORPORATION",
        "issuer_country": "US",
        "card_id": "card_",
        "verification": [],
    }


@pytest.mark.parametrize(("first", "second"), [("processed", "processed"), ("failed", "processed")])
async def test_an_invoice_that_is_final_takes_no_other_sale(shop, first, second):
    invoice = await shop.invoice()
    await shop.sell(invoice, first)
    again = await shop.sell(invoice, second)
    assert again.status_code == 422
    assert len(shop.corefy.books.find(invoice["id"]).attempts) == 1


@pytest.mark.parametrize(("card", "expiry"), [("processed", "0777"), ("processed_3ds", "1031")])
async def test_an_invoice_that_is_being_paid_takes_no_other_sale(shop, card, expiry):
    invoice = await shop.invoice()
    assert (await shop.sell(invoice, card, expiry)).json()["status"] == "process_pending"
    assert (await shop.sell(invoice)).status_code == 422
    assert shop.corefy.books.charges() == []


async def test_a_sale_may_follow_a_bank_page_that_nobody_answered(shop):
    invoice = await shop.invoice()
    handed = (await shop.sell(invoice, "processed_3ds")).json()["auth_payload"]
    await shop.sandbox.advance(1800)
    assert (await shop.sell(invoice)).json()["status"] == "processed"
    await shop.corefy.answer_challenge(handed)
    assert len(shop.corefy.books.charges()) == 1


@pytest.mark.parametrize("month_year", [*RESOLUTIONS, ("10", "31")], ids="".join)
async def test_the_expiry_of_a_failing_card_selects_the_resolution(shop, month_year, inbox):
    invoice = await shop.invoice()
    reply = await shop.sell(invoice, "failed", "".join(month_year))
    expected = RESOLUTIONS.get(month_year, "general_fatal_error")
    assert (reply.status_code, reply.json()) == (201, {"status": "process_failed", "resolution": expected})
    shown = await shop.show(invoice)
    assert (shown["status"], shown["resolution"], shown["processed_amount"]) == ("process_failed", expected, None)
    assert shown["failed"] == shown["updated"]
    assert await shop.told(inbox) == ["process_pending", "process_failed"]
    assert shop.corefy.books.charges() == []


async def test_a_success_card_with_expiry_0777_stays_pending(shop):
    invoice = await shop.invoice()
    assert (await shop.sell(invoice, expiry="0777")).json() == {"status": "process_pending", "resolution": "ok"}
    await shop.sandbox.advance(3600)
    shown = await shop.show(invoice)
    assert (shown["status"], shown["resolution"]) == ("process_pending", "ok")


async def test_a_3ds_card_with_expiry_0777_stays_pending_after_the_buyer_has_answered(shop):
    invoice = await shop.invoice()
    handed = (await shop.sell(invoice, "processed_3ds", "0777")).json()["auth_payload"]
    assert await shop.corefy.answer_challenge(handed) == shop.urls["pending"]
    shown = await shop.show(invoice)
    assert (shown["status"], shown["resolution"]) == ("process_pending", "auth_3ds_required")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"card_number": "4111111111111111"}, "card_number"),
        ({"card_number": "5519 2838 1203 0000"}, "card_number"),
        ({"card_number": None}, "card_number"),
        ({"cvv": "12"}, "cvv"),
        ({"cvv": None}, "cvv"),
        ({"exp_month": "13"}, "exp_month"),
        ({"exp_month": "1"}, "exp_month"),
        ({"exp_year": "2031"}, "exp_year"),
        ({"google_pay": {"apiVersion": 2}}, "google_pay"),
        ({"exp_year": 31}, "exp_year"),
    ],
)
async def test_only_whole_test_cards_are_taken_and_no_number_is_repeated(shop, changes, field):
    invoice = await shop.invoice()
    reply = await shop.sell(invoice, **changes)
    assert reply.status_code == 422
    assert [error["source"]["pointer"] for error in reply.json()["errors"]] == [f"/data/attributes/{field}"]
    assert str(changes[field]) not in reply.text
    assert shop.corefy.books.find(invoice["id"]).attempts == []


@pytest.mark.parametrize(
    ("customer", "holder"), [({"reference_id": "1", "name": "Jane Roe"}, "Jane Roe"), (None, "CARD HOLDER")]
)
async def test_without_a_holder_the_customers_name_is_used(shop, customer, holder):
    invoice = await shop.invoice(customer=customer)
    await shop.sell(invoice, card_holder=None)
    assert (await shop.show(invoice))["payload"]["payment_card"]["holder"] == holder


async def test_the_bearer_is_good_for_an_hour_and_one_invoice(shop, clock):
    invoice, other = await shop.invoice(), await shop.invoice()
    clock.advance(3599)
    assert (await shop.sell(invoice)).status_code == 201
    clock.advance(1)
    late = await shop.sell(other)
    assert (late.status_code, late.json()["errors"][0]["title"]) == (401, "Unauthorized")
    assert len(shop.corefy.books.charges()) == 1
    assert (await shop.show(other))["status"] == "process_pending"


@pytest.mark.parametrize("damage", [lambda text: text[:-2] + "xx", lambda _: "", lambda _: "a.b"])
async def test_a_bearer_that_is_not_ours_opens_nothing(shop, damage):
    invoice = await shop.invoice()
    flow = invoice["attributes"]["flow_data"]["metadata"]
    flow["token"] = damage(flow["token"])
    assert (await shop.sell(invoice)).status_code == 401


async def test_the_accounts_key_opens_no_cardgate(shop):
    await shop.invoice()
    reply = await shop.client.post(f"{shop.cardgate}/payment/sale", json={"data": {"type": "sale-operation"}})
    assert reply.status_code == 401


async def test_an_answer_can_be_a_resource(shop_with):
    shop = shop_with(sale_reply="resource")
    invoice = await shop.invoice()
    data = (await shop.sell(invoice)).json()["data"]
    assert data["id"] == invoice["attributes"]["flow_data"]["metadata"]["sid"]
    assert (data["attributes"]["status"], data["attributes"]["form_data"]) == ("processed", [])
    challenged = (await shop.sell(await shop.invoice(), "processed_3ds")).json()["data"]["attributes"]
    assert challenged["active_payment"]["status"] == "authorize_required"
    assert await shop.corefy.answer_challenge(challenged["auth_payload"]) == shop.urls["success"]


# Tokens ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card", ["failed", "processed"])
async def test_a_token_is_made_only_by_a_successful_payment_that_asks_for_it(shop, card):
    invoice = await shop.invoice(gateway_options=TOKENIZE)
    assert (await shop.show(invoice))["payload"] == []
    await shop.sell(invoice, card)
    token = (await shop.show(invoice))["payload"]["token"]
    assert (token is not None) is (card == "processed")
    assert token is None or len(token) == 32
    plain = await shop.paid()
    assert (await shop.show(plain))["payload"]["token"] is None


@pytest.mark.parametrize("card", ["processed", "processed_3ds"])
async def test_a_write_off_by_token_asks_nobody(shop, card):
    token = await shop.token(card)
    invoice = await shop.invoice(token=token, gateway_options=INSTANT, amount=7)
    assert (await shop.sell(invoice, None)).json() == {"status": "processed", "resolution": "ok"}
    [charge] = shop.corefy.books.charges(invoice["attributes"]["reference_id"])
    assert (charge.charged, charge.source, charge.card.test_card) == (Decimal(7), "token", card)


@pytest.mark.parametrize("lacks", ["token", "instant"])
async def test_a_sale_without_a_card_needs_a_token_and_instant(shop, lacks):
    token = await shop.token()
    changes = {"token": token, "gateway_options": INSTANT}
    del changes["token" if lacks == "token" else "gateway_options"]
    invoice = await shop.invoice(**changes)
    assert (await shop.sell(invoice, None)).status_code == 422
    assert len(shop.corefy.books.charges()) == 1


@pytest.mark.parametrize(
    ("status", "resolution"), [("process_failed", "insufficient_funds"), ("process_pending", "ok")]
)
async def test_a_test_decides_what_the_bank_says_to_a_stored_card(shop, status, resolution):
    token = await shop.token()
    shop.corefy.decide_token(token, status, resolution)
    invoice = await shop.invoice(token=token, gateway_options=INSTANT)
    assert (await shop.sell(invoice, None)).json() == {"status": status, "resolution": resolution}
    with pytest.raises(ValueError, match="no such token"):
        shop.corefy.decide_token("unknown")


# 3-D Secure -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 2])
async def test_the_bank_asks_before_it_charges(shop_with, version, inbox):
    shop = shop_with(three_d_secure=version)
    invoice = await shop.invoice()
    reply = await shop.sell(invoice, "processed_3ds")
    handed = reply.json()["auth_payload"]
    assert (reply.status_code, reply.json()["status"]) == (201, "process_pending")
    assert (handed["action"], handed["method"]) == (f"{shop.cardgate}/acs", "POST")
    assert set(handed["params"]) == ({"PaReq", "MD", "TermUrl"} if version == 1 else {"creq"})
    assert shop.corefy.books.charges() == []
    assert await shop.corefy.answer_challenge(handed) == shop.urls["success"]
    shown = await shop.show(invoice)
    assert shown["status"] == "processed"
    assert shown["payload"]["payment_card"]["verification"][0]["type"] == "3ds"
    assert await shop.told(inbox) == ["process_pending", "processed"]


@pytest.mark.parametrize(
    ("card", "answer", "resolution"),
    [("processed_3ds", "decline", "client_auth_failed"), ("failed_3ds", "confirm", "insufficient_funds")],
)
async def test_a_buyer_or_a_bank_that_refuses_ends_the_sale(shop, card, answer, resolution):
    invoice = await shop.invoice()
    handed = (await shop.sell(invoice, card, "0529")).json()["auth_payload"]
    assert await shop.corefy.answer_challenge(handed, answer) == shop.urls["fail"]
    shown = await shop.show(invoice)
    assert (shown["status"], shown["resolution"]) == ("process_failed", resolution)
    assert shop.corefy.books.charges() == []


async def test_an_answer_counts_once(shop):
    invoice = await shop.invoice()
    handed = (await shop.sell(invoice, "processed_3ds")).json()["auth_payload"]
    await shop.corefy.answer_challenge(handed)
    await shop.corefy.answer_challenge(handed)
    await shop.corefy.answer_challenge(handed, "decline")
    assert len(shop.corefy.books.charges()) == 1
    assert (await shop.show(invoice))["status"] == "processed"


@pytest.mark.parametrize("version", [1, 2])
async def test_the_fields_must_be_sent_as_they_were_handed_out(shop_with, version):
    shop = shop_with(three_d_secure=version)
    handed = (await shop.sell(await shop.invoice(), "processed_3ds")).json()["auth_payload"]
    for name, value in handed["params"].items():
        for changed in ({name: value + "x"}, {name: ""}, {"more": "fields"}):
            reply = await shop.client.post(handed["action"], data={**handed["params"], **changed})
            assert reply.status_code == 404
    assert (await shop.client.post(handed["action"], data=handed["params"])).status_code == 303
    with pytest.raises(ValueError, match="as they were handed out"):
        await shop.corefy.answer_challenge({**handed, "params": {}})


async def test_any_shops_page_may_open_the_banks_and_none_may_answer_it(shop):
    handed = (await shop.sell(await shop.invoice(), "processed_3ds")).json()["auth_payload"]
    foreign = {"origin": "http://localhost:8000", "sec-fetch-site": "cross-site"}
    opened = await shop.client.post(handed["action"], data=handed["params"], headers=foreign)
    assert opened.status_code == 303
    answer = opened.headers["location"].replace("/acs?", "/complete-auth?")
    form = {"answer": "confirm", "code": "123456"}
    assert (await shop.client.post(answer, data=form, headers=foreign)).status_code == 403
    assert (await shop.client.get(opened.headers["location"])).status_code == 200
    assert shop.corefy.books.charges() == []


async def test_a_wrong_code_may_be_corrected(shop):
    handed = (await shop.sell(await shop.invoice(), "processed_3ds")).json()["auth_payload"]
    assert await shop.corefy.answer_challenge(handed, code="12") is None
    assert shop.corefy.books.charges() == []
    assert await shop.corefy.answer_challenge(handed) == shop.urls["success"]


async def test_nobody_is_asked_about_a_page_that_is_not_there(shop):
    plain = await shop.invoice()
    await shop.sell(plain)
    attempt = shop.corefy.books.find(plain["id"]).attempts[0]
    for pid in ("", "pay_unknown", attempt.id):
        assert (await shop.client.get(f"{shop.cardgate}/acs?pid={pid}")).status_code == 404
        assert (await shop.client.post(f"{shop.cardgate}/complete-auth?pid={pid}")).status_code == 404


def test_every_documented_card_is_there():
    assert {(card.number, card.challenge, card.succeeds) for card in COREFY_CARDS} == {
        ("5123817234060000", True, True),
        ("5519283812030000", False, True),
        ("4412397212080000", True, False),
        ("4302912837020000", False, False),
    }
