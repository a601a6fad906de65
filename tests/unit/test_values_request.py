import pickle

import pytest

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values import (
    Address,
    BrowserInfo,
    ReturnUrls,
    check_customer_ip,
    check_merchant_id,
    check_merchant_txn_ref,
    check_notes,
    check_text,
    check_time_zone,
)

ADDRESS = {
    "country": "JP",
    "email": "billing@testemail.com",
    "phone_number": "8112345678",
    "address1": "1-2-3\u3000Shinjuku",
    "city": "新宿区",
    "state": "Tokyo",
    "postal_code": "1600022",
}


def test_addresses_go_to_the_wire_as_they_are():
    assert Address(**ADDRESS).to_wire() == ADDRESS
    assert Address("JP").to_wire() == {"country": "JP"}


@pytest.mark.parametrize(
    ("field", "longest"),
    [("email", 45), ("phone_number", 20), ("address1", 199), ("city", 65), ("state", 65), ("postal_code", 45)],
)
def test_fields_of_addresses_have_the_vendors_lengths(field, longest):
    fitting = "é" * (longest - 4) + "@a.b"
    assert Address("JP", **{field: fitting}).to_wire()[field] == fitting
    with pytest.raises(InvalidValue) as raised:
        Address("JP", **{field: "é" + fitting})
    assert raised.value.field == f"address.{field}"
    assert f"{longest + 1} characters; the gateway takes at most {longest} (vendor's purchase page" in str(raised.value)
    assert "é" not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"country": "jp"},
        {"country": "JPN"},
        {"country": ""},
        {"country": None},
        {"country": "J\n"},
        {"email": "nobody"},
        {"email": "a b@c"},
        {"email": ""},
        {"city": "a\x00b"},
        {"city": "a\x85b"},
        {"city": "\ud83d"},
        {"state": 5},
    ],
)
def test_bad_addresses_are_refused(changes):
    with pytest.raises(InvalidValue) as raised:
        Address(**(ADDRESS | changes))
    assert raised.value.field == f"address.{next(iter(changes))}"


def test_addresses_show_their_country_only():
    assert repr(Address(**ADDRESS)) == "<Address JP>"


HEADERS = {
    "ACCEPT": "text/html,*/*",
    "Accept-Language": "ja-JP,ja;q=0.9,en;q=0.8",
    "user-agent": "Mozilla/5.0 (X11)",
}


def test_browser_info_is_filled_from_headers_in_any_case():
    info = BrowserInfo.from_headers(HEADERS, screen_width=1600, screen_height="1200", color_depth=24)
    assert info.to_wire() == {
        "acceptHeader": "text/html,*/*",
        "language": "ja-JP",
        "userAgent": "Mozilla/5.0 (X11)",
        "screenColorDepth": "24",
        "screenHeight": "1200",
        "screenWidth": "1600",
        "challengeWindow": "4",
        "javaEnabled": False,
    }


def test_headers_of_strangers_are_cut_and_cleaned_never_refused():
    info = BrowserInfo.from_headers(
        {"accept": "a" * 999, "user-agent": "x\x00\r\ny\ud800" + "z" * 999, "accept-language": "zh-Hant-TW-x-private"}
    ).to_wire()
    assert info["acceptHeader"] == "a" * 200
    assert info["userAgent"] == ("xy" + "z" * 999)[:500]
    assert info["language"] == "zh-Hant-TW"


@pytest.mark.parametrize("language", ["", "*", "x" * 50, "\x00", ";q=1", "en_US", "日本"])
def test_an_unreadable_language_is_left_out(language):
    assert "language" not in BrowserInfo.from_headers({"accept-language": language}).to_wire()


def test_without_headers_only_the_arguments_are_sent():
    assert BrowserInfo.from_headers({}, language="en").to_wire() == {
        "language": "en",
        "challengeWindow": "4",
        "javaEnabled": False,
    }


@pytest.mark.parametrize(
    "field",
    [
        {"accept_header": "a" * 201},
        {"user_agent": "a" * 501},
        {"language": "a" * 11},
        {"screen_height": 123456},
        {"screen_width": "12x"},
        {"screen_width": -1},
        {"screen_color_depth": 100},
        {"challenge_window": "123"},
        {"screen_height": True},
        {"java_enabled": "false"},
        {"user_agent": "a\nb"},
    ],
)
def test_bad_browser_info_is_refused(field):
    with pytest.raises(InvalidValue) as raised:
        BrowserInfo(**field)
    assert raised.value.field == f"browser_info.{next(iter(field))}"
    assert "vendor's purchase page" in str(raised.value) or "control" in str(raised.value)


URLS = {
    "webhook_url": "https://shop.example/hooks/s3cret?t=s3cret",
    "success_url": "https://shop.example/s3cret/ok#done",
    "decline_url": "https://shop.example/s3cret/no",
}


def test_return_urls_go_to_the_wire_with_cancel_only_where_given():
    assert ReturnUrls(**URLS).to_wire() == URLS
    with_cancel = URLS | {"cancel_url": "https://shop.example/c"}
    assert ReturnUrls(**with_cancel).to_wire() == with_cancel


def test_return_urls_hide_what_may_be_tokens():
    shown = repr(ReturnUrls(**URLS))
    assert "https://shop.example/…" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "127.9.9.9:1", "[::1]:80", "shop.localhost"])
def test_http_will_do_on_loopback(host):
    assert ReturnUrls(**(URLS | {"success_url": f"http://{host}/x"}))


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://shop.example/x", "needs https"),
        ("http://127.0.0.1.example/x", "needs https"),
        ("http://localhost.example/x", "needs https"),
        ("http://[::ffff:8.8.8.8]/x", "needs https"),
        ("//shop.example/x", "absolute"),
        ("/x", "absolute"),
        ("ftp://shop.example/x", "absolute"),
        ("javascript:alert(1)", "absolute"),
        ("https:///x", "absolute"),
        ("https://user:pw@shop.example/x", "without credentials"),
        ("https://user@shop.example/x", "without credentials"),
        ("https://shop.example:99999/x", "absolute"),
        ("https://[::1/x", "absolute"),
        ("https://shop.example\\@evil.example/x", "absolute"),
        ("https://shop.example/a b", "absolute"),
        ("https://shop.example/é", "percent-encoded"),
        ("https://shop.example/" + "x" * 235, "256 characters; the gateway takes at most 255"),
        ("https://shop.example/\n", "control"),
        ("", "empty"),
        (None, "needs a str"),
    ],
)
@pytest.mark.parametrize("field", ["webhook_url", "cancel_url"])
def test_bad_return_urls_are_refused(field, url, rule):
    if field == "cancel_url" and url is None:
        assert ReturnUrls(**URLS, cancel_url=None).cancel_url is None
        return
    with pytest.raises(InvalidValue) as raised:
        ReturnUrls(**(URLS | {field: url}))
    assert raised.value.field == f"return_urls.{field}"
    assert rule in str(raised.value)


@pytest.mark.parametrize("value", [Address(**ADDRESS), BrowserInfo.from_headers(HEADERS), ReturnUrls(**URLS)])
def test_values_without_secrets_survive_pickles(value):
    assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301  our own bytes


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (check_merchant_txn_ref, "r" * 45, ["r" * 46, "", "a\tb", "\udc00", 5, None]),
        (check_merchant_id, "JP12345678", ["m" * 129, "JP 12345678", "JP1\u3000", ""]),
        (check_notes, "n" * 128, ["n" * 129, " ", "a\u2028b"]),
        (
            check_customer_ip,
            "203.0.113.7",
            ["203.0.113.256", "203.0.113.7:80", "shop.example", "fe80::1%eth0", "07.1.1.1"],
        ),
        (check_customer_ip, "2001:db8::1", [""]),
        (
            check_time_zone,
            "Asia/Kuala_Lumpur",
            ["Asia/", "/Asia", "+09:00", "Asia/Kuala Lumpur", "../etc/passwd", "Z" * 129],
        ),
        (check_time_zone, "Etc/GMT+9", ["GMT/é"]),
    ],
)
def test_other_texts_of_requests(check, good, bad):
    assert check(good) == good
    for value in bad:
        with pytest.raises(InvalidValue) as raised:
            check(value)
        assert raised.value.field in str(raised.value)


def test_a_text_says_by_whose_rule_it_is_too_long():
    with pytest.raises(InvalidValue, match=r"^plan: 3 characters; the gateway takes at most 2 \(someone's page\)$"):
        check_text("plan", "abc", 2, "someone's page")
