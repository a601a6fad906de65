from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest


@pytest.fixture
def start(pay):
    async def start(card="challenge", **changes):
        return (await pay(card, **changes)).json()["redirect_url"]

    return start


async def test_a_challenge_starts_with_a_link_and_nothing_else(sandbox, pay):
    reply = await pay("challenge")
    data = reply.json()
    assert reply.status_code == 200
    assert data == {"url": data["url"], "statusCode": 200, "success": True, "redirect_url": data["url"]}
    query = parse_qs(urlsplit(data["url"]).query)
    assert data["url"].startswith("http://127.0.0.1:8480/integration/3ds?_token=")
    assert query["_c"] == ["400000"]
    assert sandbox.books.transactions == []


@pytest.mark.parametrize("urls", [None, {"webhook_url": "http://127.0.0.1/hook"}])
async def test_a_challenge_needs_return_urls(sandbox, pay, urls):
    reply = await pay("challenge", return_url=urls)
    assert reply.status_code == 400
    assert sandbox.books.challenges == []


async def test_approving_charges_once_tells_the_webhook_and_leads_back(sandbox, client, start, ask, inbox):
    url = await start()
    reply = await client.post(url, data={"answer": "confirm", "code": "123456"})
    assert (reply.status_code, reply.headers["location"]) == (303, "http://localhost:8000/success")
    assert reply.headers["referrer-policy"] == "no-referrer"
    [charge] = sandbox.books.charges("qwe")
    await sandbox.flush()
    [(hook, content)] = inbox.got
    told = json.loads(content)
    assert hook == "http://127.0.0.1:8000/hook"
    assert (told["success"], told["status_code"]) == (True, 200)
    assert told["transaction_details"]["id"] == charge.id
    assert told["transaction_details"]["merchant_txn_ref"] == "qwe"
    assert (told["payment_details"]["auth_code"], told["payment_details"]["payment_method"]) == (None, "")
    assert told["risk-details"] == {}
    assert (await ask(charge.id)).json()["success"] is True


async def test_declining_charges_nothing_tells_the_webhook_and_leads_back(sandbox, client, start, inbox):
    url = await start()
    reply = await client.post(url, data={"answer": "decline"})
    assert (reply.status_code, reply.headers["location"]) == (303, "http://localhost:8000/decline")
    await sandbox.flush()
    assert json.loads(inbox.got[0][1])["success"] is False
    assert sandbox.books.charges() == []


@pytest.mark.parametrize(
    ("card", "path", "charged"),
    [
        ("challenge_then_declined", "decline", 0),
        ("challenge_then_pending", "success", 0),
        ("challenge_then_timeout", "success", 1000),
    ],
)
async def test_the_bank_may_still_say_something_else_after_the_challenge(sandbox, start, card, path, charged):
    target = await sandbox.answer_challenge(await start(card))
    assert target == f"http://localhost:8000/{path}"
    assert sandbox.books.total_charged() == charged


async def test_leaving_does_nothing(sandbox, client, start, inbox):
    url = await start()
    page = await client.get(url)
    [link] = re.findall(r'href="([^"]*left=1[^"]*)"', page.text)
    left = await client.get(link.replace("&amp;", "&"))
    await sandbox.advance(10)
    assert left.status_code == 200
    assert "You left without answering" in left.text
    assert inbox.got == []
    assert sandbox.books.transactions == []
    assert sandbox.books.challenges[0].state == "open"


@pytest.mark.parametrize("second", ["confirm", "decline"])
async def test_a_second_answer_shows_the_first_ones_result_and_charges_nothing(sandbox, client, start, second):
    url = await start()
    await client.post(url, data={"answer": "confirm", "code": "123456"})
    again = await client.post(url, data={"answer": second, "code": "123456"})
    assert again.status_code == 200
    assert "Payment confirmed" in again.text
    assert "answered already" in again.text
    assert "Payment confirmed" in (await client.get(url)).text
    assert len(sandbox.books.transactions) == 1


async def test_the_page_expires_after_30_minutes(sandbox, client, start):
    url = await start()
    await sandbox.advance(1799)
    assert (await client.get(url)).status_code == 200
    await sandbox.advance(1)
    shown = await client.get(url)
    answered = await client.post(url, data={"answer": "confirm", "code": "123456"})
    assert (shown.status_code, answered.status_code) == (410, 410)
    assert "expired" in shown.text
    assert sandbox.books.transactions == []


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６"])  # noqa: RUF001
async def test_a_wrong_code_is_said_at_its_field(sandbox, client, start, code):
    page = await client.post(await start(), data={"answer": "confirm", "code": code})
    assert page.status_code == 400
    assert 'aria-invalid="true"' in page.text
    assert 'role="alert"' in page.text
    assert sandbox.books.transactions == []


@pytest.mark.parametrize("form", [{}, {"answer": "other", "code": "123456"}, {"answer": "x" * 5000}])
async def test_an_answer_that_is_none_changes_nothing(sandbox, client, start, form):
    assert (await client.post(await start(), data=form)).status_code == 400
    assert sandbox.books.transactions == []


async def test_an_unknown_token_has_no_page(client):
    shown = await client.get("/integration/3ds?_token=nope")
    answered = await client.post("/integration/3ds", data={"answer": "confirm", "code": "123456"})
    assert (shown.status_code, answered.status_code) == (404, 404)


async def test_the_page_shows_what_is_paid_and_nothing_more_of_the_card(client, start):
    page = (await client.get(await start(amount="1234567", merchant_txn_ref="<script>"))).text
    assert "Sandbox Coffee" in page
    assert "1,234,567 JPY" in page
    assert "3155" in page
    assert "4000002500003155" not in page
    assert "<script" not in page
    assert '<label for="code">' in page


@pytest.mark.parametrize(
    ("accept", "query", "lang", "title"),
    [
        ("ja,en;q=0.5", "", "ja", "お支払いの確認"),
        ("en;q=0.4, ja-JP;q=0.9", "", "ja", "お支払いの確認"),
        ("fr", "", "en", "Confirm your payment"),
        ("ja;q=x", "", "en", "Confirm your payment"),
        ("en", "&lang=ja", "ja", "お支払いの確認"),
        ("ja", "&lang=xx", "ja", "お支払いの確認"),
    ],
)
async def test_the_page_speaks_english_and_japanese(  # noqa: PLR0917
    client, start, accept, query, lang, title
):
    page = await client.get(await start() + query, headers={"accept-language": accept})
    assert f'<html lang="{lang}">' in page.text
    assert f"<h1>{title}</h1>" in page.text


async def test_the_page_is_closed_to_scripts_frames_referrers_and_caches(client, start):
    page = await client.get(await start())
    policy = dict(part.strip().partition(" ")[::2] for part in page.headers["content-security-policy"].split(";"))
    [nonce] = re.findall(r'<style nonce="([^"]+)">', page.text)
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'nonce-{nonce}'",
        # Browsers hold the redirect after a form to this list, so the shop must be in it.
        "form-action": "'self' http://localhost:8000",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(r"(src=|@import|url\()", page.text)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "/success", "http://", "http://[::1", "http://a..b/", "http://a;b/"]
)
async def test_the_buyer_is_never_sent_to_what_is_no_web_address(sandbox, client, start, url):
    link = await start(return_url={"success_url": url, "decline_url": url})
    assert (await client.get(link)).status_code == 200
    answered = await client.post(link, data={"answer": "confirm", "code": "123456"})
    assert answered.status_code == 200
    assert "Payment confirmed" in answered.text
    assert "alert(1)" not in answered.text
    assert len(sandbox.books.charges()) == 1
