from __future__ import annotations

import json
import re
from decimal import Decimal

import httpx
import pytest

from paymentoptions_async.sandbox import CARDS, Sandbox, Settings

SUCCESS, DECLINE, CANCEL = (f"http://localhost:8000/{name}" for name in ("success", "decline", "cancel"))
NUMBERS = {card.name: card.number for card in CARDS}
FORM = {"answer": "pay", "expiry": "12 / 29", "cvc": "987", "name": "John Doe"}


def told(inbox):
    return [json.loads(content) for _, content in inbox.got]


async def test_paying_charges_once_tells_the_webhook_and_leads_to_the_shop(sandbox, make_link, inbox, ask):
    url = await make_link()
    assert await sandbox.pay_hosted_page(url) == SUCCESS
    [charge] = sandbox.books.charges("qwe")
    assert (charge.order.operation, charge.order.billing_address["city"]) == ("hosted_page", "Shinjuku-ku")
    await sandbox.flush()
    [hook] = told(inbox)
    assert hook["success"] is True
    assert hook["transaction_details"]["id"] == charge.id
    assert hook["transaction_details"]["merchant_txn_ref"] == "qwe"
    assert hook["payment_details"]["card"]["number"] == "520000******1005"
    assert (await ask(charge.id)).json()["success"] is True


async def test_a_refused_card_may_be_followed_by_another(sandbox, client, make_link, inbox):
    url = await make_link()
    assert await sandbox.pay_hosted_page(url, "insufficient_funds") == url
    page = (await client.get(url)).text
    assert "Your payment was refused" in page
    assert "The card has insufficient funds." in page
    assert DECLINE in page
    assert await sandbox.pay_hosted_page(url, "stolen_card") == url
    assert "The bank refused card ending in 0432." in (await client.get(url)).text
    assert await sandbox.pay_hosted_page(url) == SUCCESS
    await sandbox.flush()
    assert [(hook["success"], hook["payment_details"]["response_code"]) for hook in told(inbox)] == [
        (False, 51),
        (False, 43),
        (True, 0),
    ]
    assert {hook["merchant_details"]["merchant_txn_ref"] for hook in told(inbox)} == {"qwe"}
    assert len({hook["transaction_details"]["id"] for hook in told(inbox)}) == 3
    assert len(sandbox.books.charges("qwe")) == 1


async def test_a_form_sent_twice_charges_once_and_leads_to_the_same_place(sandbox, client, make_link):
    url = await make_link()
    form = {**FORM, "attempt": "0", "number": NUMBERS["approved"]}
    replies = [await client.post(url, data=form) for _ in range(3)]
    assert {(reply.status_code, reply.headers["location"]) for reply in replies} == {(303, SUCCESS)}
    assert len(sandbox.books.transactions) == 1


async def test_a_refused_form_sent_twice_is_one_attempt(sandbox, client, make_link):
    url = await make_link()
    form = {**FORM, "attempt": "0", "number": NUMBERS["declined"]}
    assert [(await client.post(url, data=form)).headers["location"] for _ in range(2)] == [url, url]
    assert len(sandbox.books.transactions) == 1


async def test_after_paying_the_page_says_so_and_takes_no_more(sandbox, client, make_link):
    url = await make_link()
    await sandbox.pay_hosted_page(url)
    page = await client.get(url)
    assert "Already paid" in page.text
    assert SUCCESS in page.text
    assert "<form" not in page.text
    again = await client.post(url, data={**FORM, "attempt": "1", "number": NUMBERS["approved_visa"]})
    assert "Already paid" in again.text
    assert "Already paid" in (await client.get(f"{url}?left=1")).text
    assert len(sandbox.books.transactions) == 1


@pytest.mark.parametrize("attempt", [None, "", "1", "-1", "x", "99999"])
async def test_a_form_of_another_time_charges_nothing(sandbox, client, make_link, attempt):
    url = await make_link()
    form = {**FORM, "number": NUMBERS["approved"], "attempt": attempt}
    reply = await client.post(url, data={name: value for name, value in form.items() if value is not None})
    assert reply.status_code == 400
    assert "out of date" in reply.text
    assert sandbox.books.transactions == []


async def test_a_setting_lets_a_link_be_paid_twice(clock, inbox, hosted_body, keys):
    sandbox = Sandbox(clock=clock, deliver=inbox, settings=Settings(pay_hosted_page_twice=True))
    async with httpx.AsyncClient(
        transport=sandbox.transport(), base_url="http://127.0.0.1:8480", headers=keys
    ) as client:
        made = await client.post("/api/v1/server-to-server-interface/hpp/generate/link", json=hosted_body())
        url = made.json()["url"]
        form = {**FORM, "attempt": "0", "number": NUMBERS["approved"]}
        for _ in range(2):  # the same form is one payment all the same
            await client.post(url, data=form)
        assert len(sandbox.books.charges("qwe")) == 1
        await sandbox.pay_hosted_page(url)
    assert len(sandbox.books.charges("qwe")) == 2


async def test_cancelling_charges_nothing_and_the_link_stays_open(sandbox, client, make_link, inbox):
    url = await make_link()
    reply = await client.post(url, data={"attempt": "0", "answer": "cancel"})
    assert (reply.status_code, reply.headers["location"]) == (303, CANCEL)
    assert reply.headers["referrer-policy"] == "no-referrer"
    await sandbox.flush()
    assert (sandbox.books.transactions, inbox.got) == ([], [])
    assert sandbox.links.all[0].cancelled == 1
    assert await sandbox.pay_hosted_page(url) == SUCCESS


async def test_without_urls_of_the_shop_the_pages_end_here(sandbox, client, make_link):
    url = await make_link(
        return_url={"webhook_url": "http://127.0.0.1:8000/hook", "success_url": "javascript:alert(1)"}
    )
    left = await client.post(url, data={"attempt": "0", "answer": "cancel"}, follow_redirects=True)
    assert "Payment cancelled" in left.text
    assert 'href="/HostedPaymentPage/' in left.text
    paid = await client.post(url, data={**FORM, "attempt": "0", "number": NUMBERS["approved"]}, follow_redirects=True)
    assert "Already paid" in paid.text
    assert "alert(1)" not in left.text + paid.text


async def test_a_link_expires_by_the_clock(sandbox, client, make_link):
    url = await make_link()
    await sandbox.advance(86_399)
    assert (await client.get(url)).status_code == 200
    await sandbox.advance(1)
    shown = await client.get(url)
    sent = await client.post(url, data={**FORM, "attempt": "0", "number": NUMBERS["approved"]})
    assert (shown.status_code, sent.status_code) == (410, 410)
    assert "This link has expired" in shown.text
    assert sandbox.books.transactions == []


async def test_a_challenged_card_goes_to_its_bank_and_on_to_the_shop(sandbox, client, make_link, inbox):
    url = await make_link(amount=2500)
    bank = await sandbox.pay_hosted_page(url, "challenge")
    assert bank is not None
    assert bank.startswith("http://127.0.0.1:8480/integration/3ds?_token=")
    assert sandbox.books.transactions == []
    assert "2,500 JPY" in (await client.get(bank)).text
    assert await sandbox.answer_challenge(bank) == SUCCESS
    await sandbox.flush()
    assert [hook["success"] for hook in told(inbox)] == [True]
    assert "Already paid" in (await client.get(url)).text


@pytest.mark.parametrize(("card", "answer"), [("challenge", "decline"), ("challenge_then_declined", "confirm")])
async def test_whom_the_bank_refuses_may_try_another_card(sandbox, client, make_link, card, answer):
    url = await make_link()
    assert await sandbox.answer_challenge(await sandbox.pay_hosted_page(url, card), answer) == url
    assert "Your payment was refused" in (await client.get(url)).text
    assert await sandbox.pay_hosted_page(url) == SUCCESS
    assert [one.outcome.success for one in sandbox.books.transactions] == [False, True]
    assert {one.merchant_txn_ref for one in sandbox.books.transactions} == {"qwe"}


async def test_two_bank_pages_of_one_link_make_one_charge(sandbox, make_link):
    url = await make_link()
    first = await sandbox.pay_hosted_page(url, "challenge")
    second = await sandbox.pay_hosted_page(url, "challenge")
    assert await sandbox.answer_challenge(second) == SUCCESS
    assert await sandbox.answer_challenge(first) is None
    assert len(sandbox.books.charges("qwe")) == 1


async def test_a_card_paid_beside_an_open_bank_page_closes_that_page(sandbox, make_link):
    url = await make_link()
    bank = await sandbox.pay_hosted_page(url, "challenge")
    assert await sandbox.pay_hosted_page(url) == SUCCESS
    assert await sandbox.answer_challenge(bank) is None
    assert len(sandbox.books.charges("qwe")) == 1


@pytest.mark.parametrize(
    ("card", "settled"), [("pending", "Already paid"), ("pending_then_declined", "Your payment was refused")]
)
async def test_while_the_bank_is_undecided_nothing_more_is_taken(  # noqa: PLR0917
    sandbox, client, make_link, inbox, card, settled
):
    url = await make_link()
    assert await sandbox.pay_hosted_page(url, card) == SUCCESS
    assert "Your payment is being processed" in (await client.get(url)).text
    await sandbox.pay_hosted_page(url)
    assert len(sandbox.books.transactions) == 1
    await sandbox.advance(61)
    assert settled in (await client.get(url)).text
    assert [hook["success"] for hook in told(inbox)] == [settled == "Already paid"]


async def test_a_risk_rule_refuses_by_amount(sandbox, client, make_link):
    url = await make_link(amount=903001)
    assert await sandbox.pay_hosted_page(url) == url
    assert sandbox.books.transactions[0].outcome.gateway_code == "ERR3001"
    assert "The bank refused" in (await client.get(url)).text


async def test_the_card_is_stored_when_the_merchant_asked_for_it(sandbox, make_link, inbox, pay):
    await sandbox.pay_hosted_page(await make_link())
    await sandbox.flush()
    token = told(inbox)[0]["transaction_details"]["stored_payment_method_id"]
    again = await pay(version=1, card=None, payment_method={"type": "scheme", "stored_payment_method_id": token})
    assert again.json()["success"] is True


async def test_no_card_is_stored_unasked(sandbox, make_link, inbox):
    await sandbox.pay_hosted_page(await make_link(payment_method={"type": "scheme"}))
    await sandbox.flush()
    assert told(inbox)[0]["transaction_details"].get("stored_payment_method_id") is None
    assert "kept for later" not in (await _page(sandbox, await make_link(payment_method={"type": "scheme"})))


async def _page(sandbox, url):
    async with httpx.AsyncClient(transport=sandbox.transport()) as browser:
        return (await browser.get(url)).text


@pytest.mark.parametrize(
    ("currency", "typed", "taken"),
    [
        ("JPY", "1000", "1000"),
        ("JPY", "１，０００", "1000"),  # noqa: RUF001
        ("USD", "1,234.5", "1234.5"),
        ("KWD", "1.234", "1.234"),
    ],
)
async def test_the_buyer_types_the_amount_where_it_was_left_open(  # noqa: PLR0917
    sandbox, client, make_link, currency, typed, taken
):
    url = await make_link(amount=None, currency=currency)
    assert '<label for="amount">' in (await client.get(url)).text
    assert await sandbox.pay_hosted_page(url, amount=typed) == SUCCESS
    assert sandbox.books.total_charged() == Decimal(taken)


@pytest.mark.parametrize(
    ("currency", "typed", "said"),
    [
        ("JPY", "", "Enter an amount above zero."),
        ("JPY", "0", "Enter an amount above zero."),
        ("JPY", "10.5", "JPY has no decimals"),
        ("USD", "1.234", "USD has at most 2 decimals"),
        ("USD", "-1", "in digits"),
        ("USD", "1e3", "in digits"),
        ("USD", "1,00.00", "in digits"),
        ("USD", "NaN", "in digits"),
        ("JPY", "12345678901", "too high"),
    ],
)
async def test_a_typed_amount_must_fit_the_currency(  # noqa: PLR0917
    sandbox, client, make_link, currency, typed, said
):
    url = await make_link(amount=None, currency=currency)
    form = {**FORM, "attempt": "0", "number": NUMBERS["approved"], "amount": typed}
    page = await client.post(url, data=form)
    assert page.status_code == 400
    assert said in page.text
    assert '<a href="#amount">' in page.text
    assert sandbox.books.transactions == []


async def test_a_fixed_amount_is_not_the_buyers_to_change(sandbox, make_link):
    await sandbox.pay_hosted_page(await make_link(), amount="1")
    assert sandbox.books.total_charged("qwe") == 1000


async def test_the_buyer_fills_in_the_address_that_the_merchant_left_out(sandbox, client, make_link):
    url = await make_link(billing_address={"country": "JP", "city": "Shinjuku-ku"})
    page = (await client.get(url)).text
    assert '<label for="country">' not in page
    assert '<label for="email">' in page
    given = {
        "email": "a@example.com",
        "phone_number": "03-1234-5678",
        "postal_code": "160-0022",
        "state": "東京都",
        "address1": "新宿1-2-3",
    }
    refused = await client.post(
        url, data={**FORM, "attempt": "0", "number": NUMBERS["approved"], **given, "email": "a"}
    )
    assert "Enter an e-mail address" in refused.text
    assert 'value="東京都"' in refused.text
    assert await sandbox.pay_hosted_page(url, **given) == SUCCESS
    assert sandbox.books.charges()[0].order.billing_address == {"country": "JP", "city": "Shinjuku-ku", **given}


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("number", "", "Enter the card number."),
        ("number", "5200000000001006", "Check the card number"),
        ("number", "4111111111111111", "Only test cards work here"),
        ("expiry", "", "Enter the expiry date."),
        ("expiry", "13/29", "as on the card"),
        ("expiry", "12/25", "This card has expired."),
        ("cvc", "", "digits of the security code"),
        ("cvc", "12a", "digits of the security code"),
        ("name", "", "Enter the name on the card."),
        ("name", "5200 0000 0000 1005", "as it stands on the card"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_above_the_form(  # noqa: PLR0917
    sandbox, client, make_link, field, typed, said
):
    url = await make_link()
    page = await client.post(url, data={**FORM, "attempt": "0", "number": NUMBERS["approved"], field: typed})
    assert page.status_code == 400
    assert page.text.count(said) == 2
    assert f'<a href="#{field}">' in page.text
    [tag] = re.findall(rf'<input[^>]* id="{field}"[^>]*>', page.text)
    assert 'aria-invalid="true"' in tag
    assert f"{field}-wrong" in tag
    assert "<title>Error: " in page.text
    assert sandbox.books.transactions == []


@pytest.mark.parametrize("expiry", ["12/29", "1 / 2029", "0129", "012029", "01-29", "１２／２９", "01/26"])  # noqa: RUF001
async def test_the_expiry_date_may_be_written_in_several_ways(sandbox, make_link, expiry):
    assert await sandbox.pay_hosted_page(await make_link(), expiry=expiry) == SUCCESS


@pytest.mark.parametrize("number", ["5200 0000 0000 1005", "5200-0000-0000-1005", "５２００００００００００１００５"])  # noqa: RUF001
async def test_the_card_number_may_be_typed_in_groups(sandbox, make_link, number):
    assert await sandbox.pay_hosted_page(await make_link(), number) == SUCCESS


async def test_card_number_and_code_are_in_no_page_log_or_book(sandbox, client, make_link, caplog):
    pan, cvc = NUMBERS["insufficient_funds"], "9876"
    url = await make_link(amount=None)
    wrong = {**FORM, "cvc": cvc, "attempt": "0", "number": pan, "amount": pan, "expiry": pan, "name": f"A {pan}"}
    texts = [(await client.post(url, data=wrong)).text]
    right = {**FORM, "cvc": cvc, "attempt": "0", "number": pan, "amount": "1000"}
    texts.append((await client.post(url, data=right)).text)
    texts.append((await client.get(url)).text)
    lists = ("transactions", "requests", "webhooks", "links")
    texts += [(await client.get(f"/_sandbox/{name}.json")).text for name in lists]
    texts += [caplog.text, repr(sandbox.links.all), repr(sandbox.books.transactions)]
    for text in texts:
        assert pan not in text
        assert not re.search(rf"\b{cvc}\b", text)


async def test_texts_of_the_merchant_are_escaped(client, make_link, hosted_body):
    address = {**hosted_body()["billing_address"], "city": "<script>1"}
    page = (await client.get(await make_link(merchant_txn_ref="<script>2", billing_address=address))).text
    assert "<script" not in page
    assert "&lt;script&gt;1" in page


@pytest.mark.parametrize(
    ("path", "accept", "lang", "title"),
    [
        ("", "ja", "ja", "お支払い手続き"),
        ("", "fr", "en", "Secure payment"),
        ("/jp", "en", "ja", "お支払い手続き"),
        ("/ja", "en", "ja", "お支払い手続き"),
        ("/en", "ja", "en", "Secure payment"),
    ],
)
async def test_the_page_speaks_the_paths_language_or_the_browsers(  # noqa: PLR0917
    client, make_link, path, accept, lang, title
):
    url = (await make_link()).replace("/HostedPaymentPage", f"{path}/HostedPaymentPage")
    page = await client.get(url, headers={"accept-language": accept})
    assert f'<html lang="{lang}">' in page.text
    assert f">{title}</h1>" in page.text


async def test_both_languages_have_the_same_words():
    from paymentoptions_async.sandbox.hosted_texts import HOSTED_TEXTS

    fields = {
        language: {name: sorted(re.findall(r"{\w+}", text)) for name, text in texts.items()}
        for language, texts in HOSTED_TEXTS.items()
    }
    assert fields["en"] == fields["ja"]


@pytest.mark.parametrize("path", ["/HostedPaymentPage/nope", "/fr/HostedPaymentPage/CODE"])
async def test_an_unknown_page_is_not_found(client, make_link, path):
    code = (await make_link()).rpartition("/")[2]
    path = path.replace("CODE", code)
    assert (await client.get(path)).status_code == 404
    assert (await client.post(path, data=FORM)).status_code == 404


async def test_the_page_is_closed_to_scripts_frames_referrers_and_caches(client, make_link):
    page = await client.get(await make_link())
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:8000 http://localhost:8000;" in policy
    assert "frame-ancestors 'none'" in policy
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
    assert "<script" not in page.text
