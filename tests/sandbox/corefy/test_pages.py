from __future__ import annotations

import asyncio
import re

import pytest

FORM = {"attempt": "0", "answer": "pay", "number": "5519283812030000", "expiry": "12/29", "cvc": "100", "name": "J"}


def page_of(invoice):
    return invoice["attributes"]["flow_data"]["action"]


@pytest.mark.parametrize("link", ["action", "hpp_url", "short"])
async def test_every_link_leads_to_the_page_and_paying_to_the_shop(shop, link, inbox):
    invoice = await shop.invoice()
    attributes = invoice["attributes"]
    url = {
        "action": page_of(invoice),
        "hpp_url": attributes["hpp_url"],
        "short": f"{shop.api}/hpp/?cpi={invoice['id']}",
    }[link]
    seen = await shop.client.get(url, follow_redirects=True)
    assert (seen.status_code, str(seen.url)) == (200, page_of(invoice))
    for text in ("10.00 USD", "Sandbox Coffee", "order-1", "Two coffees"):
        assert text in seen.text
    assert await shop.corefy.pay_page(url) == shop.urls["success"]
    assert [charge.source for charge in shop.corefy.books.charges("order-1")] == ["page"]
    assert await shop.told(inbox) == ["process_pending", "processed"]


async def test_a_refused_card_may_be_followed_by_another_up_to_the_limit(shop, inbox):
    invoice = await shop.invoice()
    for tried in range(4):
        assert (await shop.corefy.pay_page(page_of(invoice), "failed", expiry="05/29")).startswith(page_of(invoice))
        page = (await shop.client.get(page_of(invoice))).text
        assert "Your payment was refused" in page
        assert "The card has insufficient funds." in page
        assert len(shop.corefy.books.find(invoice["id"]).attempts) == tried + 1
    assert (await shop.show(invoice))["status"] == "process_pending"
    assert await shop.corefy.pay_page(page_of(invoice), "failed") == shop.urls["fail"]
    assert (await shop.show(invoice))["resolution"] == "general_fatal_error"
    assert "Payment not made" in (await shop.client.get(page_of(invoice))).text
    assert await shop.corefy.pay_page(page_of(invoice)) is None
    assert await shop.told(inbox) == ["process_pending", "process_failed"]
    assert shop.corefy.books.charges() == []


async def test_an_invoice_may_have_its_own_limit(shop):
    invoice = await shop.invoice(gateway_options={"cardgate": {"retry_limit": 1}})
    assert await shop.corefy.pay_page(page_of(invoice), "failed") == shop.urls["fail"]


async def test_a_decline_and_then_another_card(shop):
    invoice = await shop.invoice(gateway_options={"cardgate": {"tokenize": True}})
    assert "Your card will be kept" in (await shop.client.get(page_of(invoice))).text
    await shop.corefy.pay_page(page_of(invoice), "failed")
    assert await shop.corefy.pay_page(page_of(invoice)) == shop.urls["success"]
    shown = await shop.show(invoice)
    assert (shown["status"], shown["payload"]["payment_card"]["last"]) == ("processed", "0000")
    assert shown["payload"]["token"]


async def test_a_form_sent_twice_charges_once_and_leads_to_the_same_place(shop):
    invoice = await shop.invoice()
    replies = [await shop.client.post(page_of(invoice), data=FORM) for _ in range(3)]
    assert {(reply.status_code, reply.headers["location"]) for reply in replies} == {(303, shop.urls["success"])}
    assert len(shop.corefy.books.charges()) == 1


async def test_a_form_out_of_date_charges_nothing(shop):
    invoice = await shop.invoice()
    reply = await shop.client.post(page_of(invoice), data={**FORM, "attempt": "1"})
    assert (reply.status_code, "out of date" in reply.text) == (400, True)
    assert (await shop.client.post(page_of(invoice), data={**FORM, "answer": "x"})).status_code == 400
    assert shop.corefy.books.charges() == []


async def test_paying_on_the_page_and_by_a_sale_charges_once(shop):
    invoice = await shop.invoice()
    await asyncio.gather(shop.corefy.pay_page(page_of(invoice)), shop.sell(invoice))
    assert len(shop.corefy.books.charges()) == 1


async def test_cancelling_ends_the_invoice(shop, inbox):
    invoice = await shop.invoice()
    assert await shop.corefy.pay_page(page_of(invoice), answer="cancel") == shop.urls["fail"]
    assert (await shop.show(invoice))["status"] == "terminated"
    assert "Payment cancelled" in (await shop.client.get(page_of(invoice))).text
    assert await shop.corefy.pay_page(page_of(invoice)) is None
    assert await shop.told(inbox) == ["process_pending", "terminated"]


async def test_a_paid_invoice_can_not_be_cancelled(shop):
    invoice = await shop.paid()
    await shop.corefy.pay_page(invoice["attributes"]["hpp_url"], answer="cancel")
    assert (await shop.show(invoice))["status"] == "processed"


async def test_an_expired_page_says_so(shop):
    invoice = await shop.invoice()
    await shop.sandbox.advance(86_400)
    reply = await shop.client.get(page_of(invoice))
    assert (reply.status_code, "This link has expired" in reply.text) == (410, True)


async def test_pages_see_that_an_invoice_has_expired_before_anyone_settles_it(shop, clock):
    paid, asked = await shop.invoice(), await shop.invoice()
    bank = await shop.corefy.pay_page(page_of(asked), "processed_3ds")
    clock.advance(86_400)
    assert await shop.corefy.pay_page(page_of(paid)) is None
    await shop.corefy.answer_challenge(bank)
    assert [one.status for one in shop.corefy.books.invoices] == ["expired", "expired"]
    assert shop.corefy.books.charges() == []


async def test_a_pending_payment_is_not_asked_for_again(shop):
    invoice = await shop.invoice()
    assert await shop.corefy.pay_page(page_of(invoice), expiry="07/77") == shop.urls["pending"]
    assert "Please do not pay again" in (await shop.client.get(page_of(invoice))).text


@pytest.mark.parametrize(
    ("card", "answer", "leads_to", "status"),
    [
        ("processed_3ds", "confirm", "success", "processed"),
        ("processed_3ds", "decline", None, "process_pending"),
        ("failed_3ds", "confirm", None, "process_pending"),
    ],
)
async def test_the_bank_asks_on_the_way(shop, card, answer, leads_to, status):
    invoice = await shop.invoice()
    bank = await shop.corefy.pay_page(page_of(invoice), card)
    assert bank.startswith(f"{shop.cardgate}/acs?pid=pay_")
    asked = await shop.client.get(bank)
    assert (asked.status_code, "10.00 USD" in asked.text) == (200, True)
    expected = page_of(invoice) if leads_to is None else shop.urls[leads_to]
    assert await shop.corefy.answer_challenge(bank, answer) == expected
    assert (await shop.show(invoice))["status"] == status


async def test_another_card_takes_the_place_of_an_open_bank_page(shop):
    invoice = await shop.invoice()
    bank = await shop.corefy.pay_page(page_of(invoice), "processed_3ds")
    assert await shop.corefy.pay_page(page_of(invoice)) == shop.urls["success"]
    assert (await shop.client.get(bank)).status_code == 410
    await shop.corefy.answer_challenge(bank)
    assert len(shop.corefy.books.charges()) == 1


async def test_a_bank_page_closes_with_its_time(shop):
    bank = await shop.corefy.pay_page(page_of(await shop.invoice()), "processed_3ds")
    await shop.sandbox.advance(1800)
    await shop.corefy.answer_challenge(bank)
    assert (await shop.client.get(bank)).status_code == 410
    assert shop.corefy.books.charges() == []


async def test_a_stored_card_is_filled_in_but_for_its_code(shop):
    token = await shop.token()
    invoice = await shop.invoice(token=token)
    page = (await shop.client.get(page_of(invoice))).text
    assert "Mastercard ···· 0000" in page
    assert 'name="number"' not in page
    wrong = await shop.client.post(page_of(invoice), data={"attempt": "0", "answer": "pay", "cvc": "1"})
    assert (wrong.status_code, "3 or 4 digits of the security code" in wrong.text) == (400, True)
    assert await shop.corefy.pay_page(page_of(invoice), "failed") == shop.urls["success"]
    assert [charge.card.test_card for charge in shop.corefy.books.charges("order-2")] == ["processed"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"number": "5519283812030001"}, "a digit is wrong or missing"),
        ({"number": "4111111111111111"}, "Only test cards work here"),
        ({"expiry": "13/29"}, "Enter the expiry date as on the card"),
        ({"cvc": ""}, "3 or 4 digits of the security code"),
        ({"name": ""}, "Enter the name on the card"),
    ],
)
async def test_mistakes_are_named_and_no_number_comes_back(shop, changes, said):
    reply = await shop.client.post(page_of(await shop.invoice()), data={**FORM, **changes})
    assert (reply.status_code, said in reply.text) == (400, True)
    assert {FORM["number"], changes.get("number", FORM["number"])}.isdisjoint(re.findall("[0-9]+", reply.text))
    assert shop.corefy.books.charges() == []


async def test_an_expiry_in_the_past_is_what_some_test_cards_need(shop):
    invoice = await shop.invoice()
    await shop.corefy.pay_page(page_of(invoice), "failed", expiry="01/25")
    assert shop.corefy.books.find(invoice["id"]).attempts[0].resolution == "invalid_credentials"


@pytest.mark.parametrize("urls", [{}, {"return_url": "http://localhost:8000/back"}, {"return_url": "javascript:x"}])
async def test_without_urls_of_the_shop_the_page_says_how_it_ended(shop, urls):
    invoice = await shop.invoice(return_urls=None, **urls)
    expected = urls.get("return_url") if "localhost" in str(urls) else f"{page_of(invoice)}?lang=en"
    assert await shop.corefy.pay_page(page_of(invoice)) == expected
    ended = (await shop.client.get(page_of(invoice))).text
    assert "Already paid" in ended
    assert "javascript:" not in ended


async def test_pages_speak_japanese_too(shop):
    invoice = await shop.invoice()
    japanese = await shop.client.get(page_of(invoice), headers={"accept-language": "ja"})
    assert 'lang="ja"' in japanese.text
    assert "お支払い手続き" in (await shop.client.get(f"{page_of(invoice)}?lang=ja")).text


@pytest.mark.parametrize("path", ["/cardgate/hpp/cgi_x", "/api/hpp/?cpi=x", "/api/redirect/hpp/", "/cardgate/acs"])
async def test_unknown_pages_are_not_found(shop, path):
    base = shop.api.removesuffix("/api")
    assert (await shop.client.get(base + path)).status_code == 404


async def test_what_the_shop_writes_is_escaped_and_the_policy_is_strict(shop):
    invoice = await shop.invoice(description="<script>alert(1)</script>", reference_id="<b>")
    reply = await shop.client.get(page_of(invoice))
    assert "<script" not in reply.text
    assert "<b>" not in reply.text
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8000" in policy


async def test_helpers_say_when_there_is_no_such_invoice(shop):
    with pytest.raises(ValueError, match="no such invoice"):
        await shop.corefy.pay_page("http://127.0.0.1/corefy/cardgate/hpp/cgi_x")
