"""Buyers who come back: the URL proves nothing but that it is ours, and shows how the payment really stands."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from paymentoptions_async import Money, PaymentOptions, PaymentStatus, WebhookRejected
from paymentoptions_async.redirects import RETURN_LIFETIME, Purpose, Signer
from paymentoptions_async.sandbox import MERCHANT_ID, Sandbox
from tests.facade.conftest import PUBLIC_URL, SECRET, Merchant, client

PURPOSES = ["success", "decline", "cancel"]


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def shop():
    """A client on a clock of the test's, whose webhooks never come."""
    clock, bank = Clock(), Sandbox()
    async with client("http://127.0.0.1", clock=clock, transport=bank.transport()) as gateway:
        yield Merchant(gateway, bank, []), clock


async def page(gateway: PaymentOptions):
    return await gateway.hosted_page(Money("1000", "PHP"), idempotency_key="w:1", method="gcash")


def returned(url: str) -> tuple[str, str, str]:
    """Purpose, reference and token of a return URL."""
    purpose, ref, token = url.removeprefix(f"{PUBLIC_URL}/return/").split("/")
    return purpose, ref, token


async def urls_of(shop, ref):
    """The return URLs as the bank has them."""
    merchant, _ = shop
    [order] = [c.order for c in merchant.bank.books.challenges if c.order.merchant_txn_ref == ref]
    return order.urls


@pytest.mark.parametrize(("answer", "purpose"), [("confirm", "success"), ("decline", "decline")])
async def test_a_buyer_who_is_quicker_than_the_webhook_sees_that_nothing_is_known_yet(shop, answer, purpose):
    merchant, _ = shop
    started = await merchant.pay("challenge")
    sent_to = await merchant.bank.answer_challenge(started.redirect_url, answer)
    assert sent_to is not None
    assert returned(sent_to)[0] == purpose
    seen = await merchant.gateway.returned(*returned(sent_to))
    assert seen == started  # where the gateway sent the buyer settles nothing
    assert [entry.event for entry in await merchant.gateway.history(started.ref)] == ["opened", "answered"]


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_every_way_back_shows_the_payment_as_it_stands(shop, purpose):
    merchant, _ = shop
    paid = await merchant.pay()
    signer, now = merchant.gateway._settings.signer, merchant.gateway._clock()
    token = signer.token(paid.ref, Purpose(purpose), expires=int(now) + 10)
    assert (await merchant.gateway.returned(purpose, paid.ref, token)) == paid


async def test_the_urls_that_are_sent_are_those_that_are_taken_back(shop):
    merchant, _ = shop
    started = await merchant.pay("challenge")
    urls = await urls_of(shop, started.ref)
    for name in ("success", "decline"):
        assert (await merchant.gateway.returned(*returned(urls[f"{name}_url"]))).ref == started.ref
    link = await page(merchant.gateway)
    cancelled = await merchant.bank.answer_wallet(link.redirect_url, "cancel")
    assert returned(cancelled)[0] == "cancel"
    assert (await merchant.gateway.returned(*returned(cancelled))).status is PaymentStatus.ACTION_REQUIRED


async def test_a_return_url_expires_and_says_so(shop):
    merchant, clock = shop
    started = await merchant.pay("challenge")
    urls = await urls_of(shop, started.ref)
    clock.now += RETURN_LIFETIME - 1
    await merchant.gateway.returned(*returned(urls["success_url"]))
    clock.now += 1
    with pytest.raises(WebhookRejected, match="expired") as refused:
        await merchant.gateway.returned(*returned(urls["success_url"]))
    assert (refused.value.http_status, refused.value.ref) == (410, started.ref)


@pytest.mark.parametrize("place", ["ref", "token", "expiry", "end"])
async def test_a_return_url_that_was_changed_is_not_found(shop, place):
    merchant, _ = shop
    started = await merchant.pay("challenge")
    other = await merchant.pay("challenge", key="other")
    purpose, ref, token = returned((await urls_of(shop, started.ref))["success_url"])
    changed = {
        "ref": (other.ref, token),
        "token": (ref, ("A" if token[8] != "A" else "B").join((token[:8], token[9:]))),
        "expiry": (ref, token[:28] + "7fffffff"),
        "end": (ref, token + "0"),
    }[place]
    with pytest.raises(WebhookRejected) as refused:
        await merchant.gateway.returned(purpose, *changed)
    assert refused.value.http_status == 404


async def test_a_token_is_good_for_its_own_purpose_alone(shop):
    merchant, _ = shop
    started = await merchant.pay("challenge")
    urls = await urls_of(shop, started.ref)
    tokens = {name: returned(urls[f"{name}_url"])[2] for name in ("success", "decline")}
    tokens["webhook"] = urlsplit(urls["webhook_url"]).path.rpartition("/")[2]
    for purpose in (*PURPOSES, "webhook", "refund", "", "SUCCESS"):
        for name, token in tokens.items():
            if name != purpose or purpose == "webhook":
                with pytest.raises(WebhookRejected) as refused:
                    await merchant.gateway.returned(purpose, started.ref, token)
                assert refused.value.http_status == 404
    for token in (tokens["success"], tokens["decline"]):
        with pytest.raises(WebhookRejected):
            await merchant.gateway.webhooks.receive(started.ref, token, headers={}, body=b"{}")


@pytest.mark.parametrize(
    "foreign",
    [
        Signer((SECRET,), "JP99999999", "sandbox"),
        Signer((SECRET,), MERCHANT_ID, "live"),
        Signer(("another secret of the tests",), MERCHANT_ID, "sandbox"),
    ],
    ids=["merchant", "environment", "secret"],
)
async def test_a_token_of_somebody_else_is_not_found(shop, foreign):
    merchant, clock = shop
    started = await merchant.pay("challenge")
    token = foreign.token(started.ref, Purpose.SUCCESS, expires=int(clock.now) + 100)
    with pytest.raises(WebhookRejected) as refused:
        await merchant.gateway.returned("success", started.ref, token)
    assert refused.value.http_status == 404


async def test_a_payment_that_the_journal_does_not_know_is_not_found(shop):
    merchant, clock = shop
    token = merchant.gateway._settings.signer.token("PONONE", Purpose.SUCCESS, expires=int(clock.now) + 100)
    with pytest.raises(WebhookRejected) as refused:
        await merchant.gateway.returned("success", "PONONE", token)
    assert refused.value.http_status == 404


@pytest.mark.parametrize("strange", ["", "..", "a/b", "é" * 30, "\ud800", "x" * 5000, "%00"])
async def test_strange_parts_of_a_path_are_not_found(shop, strange):
    merchant, _ = shop
    started = await merchant.pay("challenge")
    _, ref, token = returned((await urls_of(shop, started.ref))["success_url"])
    for parts in ((strange, ref, token), ("success", strange, token), ("success", ref, strange)):
        with pytest.raises(WebhookRejected) as refused:
            await merchant.gateway.returned(*parts)
        assert refused.value.http_status == 404
        assert strange[:40] not in str(refused.value) or not strange
