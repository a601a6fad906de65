import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paymentoptions_async.gateway_json import NotJson, excerpt, json_default, read_clear, read_masked

PAN = "4000002500003155"
MASKED = "400000******3155"
LINK = "https://checkout.example/integration/3ds?_token=eyJhbGciOiJIUzI1NiJ9.e30.abc"


def masked(value):
    return read_masked(json.dumps(value).encode())[0]


@pytest.mark.parametrize(
    "number", [PAN, "4000 0025 0000 3155", "4000.0025.0000.3155", int(PAN), "4000002500003156", 4000002500003156]
)
def test_card_numbers_are_masked_in_their_field_valid_or_not(number):
    assert masked({"card": {"number": number, "name": "J"}})["card"]["number"].replace("*" * 6, "") in {
        "4000003155",
        "4000003156",
    }


@pytest.mark.parametrize("number", ["400000******3155", "************3155", "<card_number>", "", None, "N/A"])
def test_what_is_masked_already_stays(number):
    assert masked({"number": number}) == {"number": number}


@pytest.mark.parametrize("first", ["", '"error": "\\/", ', '"error": "a=b", '], ids=["plain", "escape", "sign"])
@pytest.mark.parametrize(
    "members",
    [
        '"message": "4000002500003155"',
        '"message": ["x", ["4000002500003155"]]',
        '"message": [{"deep": "4000002500003155"}]',
        '"whatever": "card 4000 0025 0000 3155 declined"',
        '"whatever": 4000002500003155',
        '"whatever": -4000002500003155',
        '"amount": 4000002500003155.0',
        '"ref": 4.000002500003155e15',
        '"4000002500003155": 1',
        '"card 4000002500003155": null',
        '"message": "\\u0034000002500003155"',
    ],
)
def test_card_numbers_are_masked_wherever_they_stand(first, members):
    value, _ = read_masked(f"{{{first}{members}}}".encode())
    shown = json.dumps(value, default=json_default)
    assert "000002500003155" not in shown.replace(" ", "")
    assert MASKED in shown


@pytest.mark.parametrize("body", [b'["4000002500003155"]', b'"4000002500003155"', b"4000002500003155"])
def test_card_numbers_are_masked_where_there_is_no_object(body):
    assert MASKED in json.dumps(read_masked(body)[0])


@pytest.mark.parametrize(
    "name", ["cvc", "CVV", "cvv2", "card_cvc", "card-cvv", "securityCode", "security_code", "track2", "cvcNumber"]
)
def test_codes_are_removed(name):
    assert masked({name: "123", "card": {name: 123, "name": "J"}}) == {"card": {"name": "J"}}


@pytest.mark.parametrize(
    "name",
    [
        "stored_payment_method_id",
        "store_payment_method_id",
        "x-api-key",
        "Authorization",
        "_token",
        "accessToken",
        "password",
        "Cookie",
    ],
)
def test_keys_and_tokens_are_hidden(name):
    value = "094db781-fabc-4c6d-8fcd-18bee06a527a"
    assert masked({name: value}) == {name: "[redacted]"}
    assert masked({name: {"deep": value}}) == {name: "[redacted]"}
    assert masked({name: None}) == {name: None}
    assert masked({name: True}) == {name: True}


def test_links_keep_their_origin():
    assert masked({"url": LINK, "redirect_url": LINK, "success": True}) == {
        "url": "https://checkout.example/[redacted]",
        "redirect_url": "https://checkout.example/[redacted]",
        "success": True,
    }


def test_what_masking_took_out_can_be_read_by_who_needs_it():
    body = json.dumps({"redirect_url": LINK, "transaction_details": {"stored_payment_method_id": "s"}, "n": 1}).encode()
    assert read_clear(b"\xef\xbb\xbf" + body, "redirect_url") == LINK
    assert read_clear(body, "transaction_details", "stored_payment_method_id") == "s"
    assert read_clear(body, "transaction_details") is None
    assert read_clear(body, "redirect_url", "deeper") is None
    assert read_clear(body, "n") is None


def test_numbers_are_exact():
    value, _ = read_masked(b'{"amount": 10.10, "ref": 74811, "risk_score": 1E+2}')
    assert value == {"amount": Decimal("10.10"), "ref": 74811, "risk_score": Decimal("1E+2")}
    assert isinstance(value["amount"], Decimal)


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1" * 5_000, "1." + "1" * 5_000, "1e99999999999999999999", "9" * 60]
)
def test_absurd_numbers_become_texts(number):
    value, _ = read_masked(f'{{"amount": {number}}}'.encode())
    assert isinstance(value["amount"], str)


@pytest.mark.parametrize(
    ("body", "repeats"),
    [
        (b'{"success": true, "success": false}', True),
        (b'{"success": false, "success": true}', True),
        (b'{"payment_details": {"response_code": 0, "response_code": 5}}', True),
        (b'{"a": [{"b": 1, "b": "1"}]}', True),
        (b'{"success": true, "success": 1}', True),
        (b'{"x": {"\\u0061": 1, "a": 2}}', True),
        (b'{"success": true, "success": true}', False),
        (b'{"success": true}', False),
    ],
)
def test_names_repeated_with_another_value_are_told(body, repeats):
    assert read_masked(body)[1] is repeats


def test_of_repeated_names_the_last_counts_and_is_masked_too():
    assert read_masked(f'{{"message": "a", "message": "{PAN}"}}'.encode()) == ({"message": MASKED}, True)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"<html>",
        b"{",
        b'{"a":',
        b'{"a": 1,}',
        b"\xff\xfe{}",
        '{"a": "é"}'.encode("latin-1"),
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"{}x",
    ],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_is_said_to_be_none(body):
    with pytest.raises(NotJson):
        read_masked(body)


def test_a_byte_order_mark_is_no_harm():
    assert read_masked(b'\xef\xbb\xbf{"success": true}') == ({"success": True}, False)


def test_what_databases_refuse_is_replaced():
    value, _ = read_masked(b'{"message": "a\\u0000b\\ud800c", "n\\udfff": ["\\ud83d\\ude00", "\\u0000"]}')
    assert value == {"message": "ab?c", "n?": ["😀", ""]}
    json.dumps(value, ensure_ascii=False).encode()


def test_excerpts_are_masked_and_short():
    page = f"<html>{PAN} Authorization: Basic dGVzdDp0ZXN0 cvc=123 {LINK}</html>" + "x" * 5_000
    shown = excerpt(page.encode())
    assert len(shown) == 500
    assert shown.startswith(
        f"<html>{MASKED} Authorization: [redacted] cvc=[redacted] https://checkout.example/[redacted]"
    )


def test_excerpts_do_not_cut_through_a_card_number():
    link = "https://h.example/" + "x" * (65_536 - 30)
    body = f"{link} {PAN}".encode()
    assert "40000025" not in excerpt(body, limit=100_000)


def test_excerpts_are_made_of_any_bytes():
    assert excerpt(b"\xff\x00a") == "\ufffda"


@pytest.mark.parametrize(
    ("number", "written"), [("10.5", "10.5"), ("0.1", "0.1"), ("1E+2", "100.0"), ("1E+9999", '"1E+9999"')]
)
def test_decimals_can_be_written_again(number, written):
    assert json.dumps(Decimal(number), default=json_default) == written


def test_only_decimals_are_written():
    with pytest.raises(TypeError):
        json.dumps({"a": object()}, default=json_default)


SECRETS = [
    PAN,
    "4000 0025 0000 3155",
    int(PAN),
    "cvc: 123",
    "x eyJhbGciOiJIUzI1NiJ9.e30",
    "Basic dGVzdDp0ZXN0YWJj",
    LINK,
    "a=b token=tttt",
]
NAMES = st.sampled_from(["message", "success", "number", "id", "card", "other", "timestamp"]) | st.text(max_size=5)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**11), 10**11)
    | st.text(max_size=12)
    | st.sampled_from([*SECRETS, "2024-11-25T08:24:36.000Z", "12:34:56", "fc565b43-26f5-4906-92ae-d849edc3c3a1"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.booleans())
@example({"number": "cvc: 123", "other": None}, False)
def test_no_secret_survives_anywhere_and_the_rest_stays(value, ascii_only):
    value = {"payment_details": value}
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")
    shown = json.dumps(read_masked(body)[0], default=json_default, ensure_ascii=False)
    for leaked in (PAN, "0025 0000", "cvc: 123", "eyJhb", "dGVzdDp0", "integration", "tttt"):
        assert leaked not in shown


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
    | st.text("0123456789:= -\"'\\/eyJ.BbasicCVv2", max_size=30)
)
def test_looking_once_at_the_body_finds_what_looking_at_each_text_finds(text):
    """The quick look at a body's bytes must never let pass what `mask_text` would change."""
    from paymentoptions_async.masking import mask_text

    for body in (json.dumps({"message": text}), json.dumps({"message": text}, ensure_ascii=False, indent=2)):
        assert read_masked(body.encode())[0] == {"message": mask_text(text)}
