from __future__ import annotations

import pytest

from paymentoptions_async.errors import ConfigurationError, InvalidValue, WebhookRejected
from paymentoptions_async.redirects import (
    RETURN_LIFETIME,
    Purpose,
    Signer,
    check_base,
    fill_urls,
    make_urls,
    split_secrets,
)
from paymentoptions_async.values import ReturnUrls

REF = "POVX3H3UM6I7FYDRVZB7JKQOQHL33FBFI3"
NOW = 1_700_000_000.0
OLD, NEW = "an old secret of 24 bytes", "a new secret of 24 bytes"


def signer(*secrets: str, merchant_id: str = "JP00000001", environment: str = "live") -> Signer:
    return Signer(secrets or (NEW,), merchant_id, environment)


def test_a_token_is_good_for_its_own_reference_and_purpose():
    token = signer().token(REF, Purpose.WEBHOOK)
    signer().verify(REF, Purpose.WEBHOOK, token, now=NOW)


@pytest.mark.parametrize(
    ("by", "ref", "purpose"),
    [
        (signer(), "POOTHER", Purpose.WEBHOOK),
        (signer(), REF, Purpose.SUCCESS),
        (signer(merchant_id="JP00000002"), REF, Purpose.WEBHOOK),
        (signer(environment="staging"), REF, Purpose.WEBHOOK),
        (signer(OLD), REF, Purpose.WEBHOOK),
    ],
    ids=["reference", "purpose", "merchant", "environment", "secret"],
)
def test_a_token_is_good_for_nothing_else(by, ref, purpose):
    token = signer().token(REF, Purpose.WEBHOOK)
    with pytest.raises(WebhookRejected):
        by.verify(ref, purpose, token, now=NOW)


@pytest.mark.parametrize("token", ["", "x", "é" * 40, "\ud800" * 30, "A" * 500])
def test_nonsense_is_refused(token):
    with pytest.raises(WebhookRejected):
        signer().verify(REF, Purpose.WEBHOOK, token, now=NOW)


def test_every_changed_character_is_refused():
    token = signer().token(REF, Purpose.SUCCESS, expires=int(NOW) + 10)
    for place, letter in enumerate(token):
        changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        with pytest.raises(WebhookRejected):
            signer().verify(REF, Purpose.SUCCESS, changed, now=NOW)


def test_return_tokens_expire_and_webhook_tokens_do_not():
    token = signer().token(REF, Purpose.SUCCESS, expires=int(NOW) + 10)
    signer().verify(REF, Purpose.SUCCESS, token, now=NOW + 9)
    with pytest.raises(WebhookRejected, match="expired") as expired:
        signer().verify(REF, Purpose.SUCCESS, token, now=NOW + 10)
    assert expired.value.http_status == 410
    signer().verify(REF, Purpose.WEBHOOK, signer().token(REF, Purpose.WEBHOOK), now=NOW + 10**9)


def test_a_return_token_without_expiry_is_refused():
    with pytest.raises(WebhookRejected):
        signer().verify(REF, Purpose.SUCCESS, signer().token(REF, Purpose.SUCCESS), now=NOW)


def test_secrets_rotate():
    token = signer(OLD).token(REF, Purpose.WEBHOOK)
    signer(NEW, OLD).verify(REF, Purpose.WEBHOOK, token, now=NOW)
    assert signer(NEW, OLD).token(REF, Purpose.WEBHOOK) == signer(NEW).token(REF, Purpose.WEBHOOK)


def test_a_short_secret_is_refused_without_showing_it():
    with pytest.raises(ConfigurationError) as refused:
        signer("tooshort")
    assert "tooshort" not in str(refused.value)
    assert NEW not in repr(signer())


def test_urls_are_made_below_the_public_url():
    urls = make_urls("https://shop.example/pay/", REF, signer(), now=NOW, with_cancel=True)
    assert urls.webhook_url.startswith(f"https://shop.example/pay/webhook/{REF}/")
    for kind in ("success", "decline", "cancel"):
        url = getattr(urls, f"{kind}_url")
        assert url.startswith(f"https://shop.example/pay/return/{kind}/{REF}/")
        signer().verify(REF, Purpose(kind), url.rsplit("/", 1)[1], now=NOW + RETURN_LIFETIME - 1)


def test_the_longest_public_url_still_fits():
    base = "https://shop.example/" + "p" * (168 - 21)
    check_base(base)
    assert len(make_urls(base, REF, signer(), now=4e9).success_url) <= 255
    with pytest.raises(ConfigurationError, match="at most"):
        check_base(base + "p")


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "ftp://shop.example",
        "https://a:b@shop.example",
        "https://@shop.example",
        "https://shop.example?x=1",
        "https://shop.example?",
        "https://shop.example/pay#",
        "https://shop.example\n",
        " https://shop.example",
        "https://shop.example/pay here",
        "https://shop.example/p\u00e4y",
        "https://shop.example:99999",
        "https://[::1",
        "https://",
        "shop",
    ],
)
def test_a_public_url_that_is_no_good_is_refused(url):
    with pytest.raises(ConfigurationError):
        check_base(url)


def test_a_webhook_url_given_outright_carries_reference_and_token():
    urls = ReturnUrls(
        webhook_url="https://shop.example/{ref}?t={token}",
        success_url="https://shop.example/ok",
        decline_url="https://shop.example/no",
    )
    filled = fill_urls(urls, REF, signer(), now=NOW)
    token = filled.webhook_url.rsplit("=", 1)[1]
    signer().verify(REF, Purpose.WEBHOOK, token, now=NOW)
    assert filled.success_url == urls.success_url


def test_return_urls_given_outright_may_carry_them_too():
    urls = ReturnUrls(
        webhook_url="https://shop.example/{ref}?t={token}",
        success_url="https://shop.example/ok/{ref}/{token}",
        decline_url="https://shop.example/no/{ref}/{token}",
        cancel_url="https://shop.example/back?order={ref}",
    )
    filled = fill_urls(urls, REF, signer(), now=NOW)
    for url, purpose in ((filled.success_url, Purpose.SUCCESS), (filled.decline_url, Purpose.DECLINE)):
        *_, ref, token = url.split("/")
        assert ref == REF
        signer().verify(REF, purpose, token, now=NOW + RETURN_LIFETIME - 1)
        with pytest.raises(WebhookRejected):
            signer().verify(REF, purpose, token, now=NOW + RETURN_LIFETIME)
    assert filled.cancel_url == f"https://shop.example/back?order={REF}"


def test_a_template_that_has_no_room_for_its_token_is_refused():
    urls = ReturnUrls(
        webhook_url="https://shop.example/{ref}/{token}",
        success_url="https://shop.example/{token}" + "x" * 220,
        decline_url="https://shop.example/no",
    )
    with pytest.raises(InvalidValue, match="success_url"):
        fill_urls(urls, REF, signer(), now=NOW)


def test_a_webhook_url_without_them_is_refused():
    urls = ReturnUrls(
        webhook_url="https://shop.example/hook",
        success_url="https://shop.example/ok",
        decline_url="https://shop.example/no",
    )
    with pytest.raises(ConfigurationError, match=r"\{ref\} and \{token\}"):
        fill_urls(urls, REF, signer(), now=NOW)


def test_secrets_are_read_from_one_setting():
    assert split_secrets(" a , b,") == ("a", "b")
    assert split_secrets(None) == ()
    assert split_secrets(["a", "b"]) == ("a", "b")
