import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paymentoptions_async.gateway_json import NotJson, excerpt, json_default, read_clear, read_masked, read_with_text
from paymentoptions_async.journal.exact_json import read_json
from paymentoptions_async.masking import looks_like_pan

PAN = "4000002500003155"
MASKED = "400000******3155"
LINK = "https://checkout.example/integration/3ds?_token=eyJhbGciOiJIUzI1NiJ9.e30.abc"

FULL_WIDTH = "".join(chr(ord("\uff10") + int(digit)) for digit in PAN)


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


def test_the_point_of_a_number_joins_no_groups():
    """Else one number in ten with so many digits would be taken for a card number."""
    assert looks_like_pan("87654321098766")
    assert masked_number("87.654321098766") == Decimal("87.654321098766")
    assert masked_number("4000.002500003155") == Decimal("4000.002500003155")


def masked_number(digits):
    return read_masked(f'{{"risk_score": {digits}}}'.encode())[0]["risk_score"]


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


@pytest.mark.parametrize(
    "said",
    [
        r"card\u00a04000002500003155",
        r"4000\u00a00025\u00a00000\u00a03155",
        r"\ud835\udfd2000002500003155",
        r"\u0664000002500003155",
    ],
)
def test_excerpts_of_json_that_was_cut_show_no_card_number_behind_an_escape(said):
    shown = excerpt(f'{{"message":"{said}","code":'.encode())
    assert "400000******3155" in shown
    assert "2500" not in shown


def test_excerpts_hold_nothing_that_databases_refuse_where_escapes_say_so():
    assert excerpt(rb'{"a":"\u0000\ud800b') == '{"a":"\ufffdb'


@pytest.mark.parametrize(
    "value", ['["s3cr3t-v4lue"]', '[\n "s3cr3t-v4lue"', '{"value":"s3cr3t-v4lue"}', '{"a":1,"b":"s3cr3t-v4lue']
)
@pytest.mark.parametrize("name", ["token", "x-api-key", "clientSecret", "stored_payment_method_id"])
def test_excerpts_of_json_that_was_cut_show_no_secret_in_brackets(name, value):
    shown = excerpt(f'{{"message":"ok","{name}":{value}'.encode())
    assert "s3cr3t" not in shown
    assert shown.startswith('{"message":"ok"')


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
    "4000.0025.0000.3155",
    "4000\u20070025\u20070000\u20073155",
    FULL_WIDTH,
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
    for leaked in (
        PAN,
        FULL_WIDTH,
        "0025 0000",
        "0025.0000",
        "0025\u20070000",
        "cvc: 123",
        "eyJhb",
        "dGVzdDp0",
        "integration",
        "tttt",
    ):
        assert leaked not in shown


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)
    | st.text("0123456789:= .\u2007\u200b\uff10\uff14\u0664é-\"'\\/eyJ.BbasicCVv2", max_size=30)
)
def test_looking_once_at_the_body_finds_what_looking_at_each_text_finds(text):
    """The quick look at a body's bytes must never let pass what `mask_text` would change."""
    from paymentoptions_async.masking import mask_text

    for body in (json.dumps({"message": text}), json.dumps({"message": text}, ensure_ascii=False, indent=2)):
        assert read_masked(body.encode())[0] == {"message": mask_text(text)}


ANSWER = {
    "success": True,
    "is_live": False,
    "merchant_details": {"legal_name": "アイベック株式会社", "mid": "JP12345678", "merchant_txn_ref": "PO" + "X" * 32},
    "payment_details": {"amount": 10.5, "card": {"name": "John Doe", "number": "520000******1005"}},
    "transaction_details": {"id": "fc565b43-26f5-4906-92ae-d849edc3c3a1", "timestamp": "2024-11-25T08:24:36.000Z"},
    "errors": [],
}


def test_the_text_of_an_answer_of_which_nothing_was_masked_is_kept():
    for text in (json.dumps(ANSWER, ensure_ascii=False), json.dumps(ANSWER | {"merchant_details": {}}, indent=2)):
        value, repeats, kept = read_with_text(b"\xef\xbb\xbf\r\n" + text.encode() + b" \n")
        assert (kept, repeats) == (text, False)
        assert json.loads(text, parse_float=Decimal) == value


def test_names_that_are_not_documented_do_not_keep_it_from_that():
    text = '{"retrieval_code": "x", "stored_payment_method_id": null, "card_number": "520000******1005"}'
    assert read_with_text(text.encode())[2] == text


@pytest.mark.parametrize(
    "text",
    [
        f'{{"message": "{PAN}"}}',
        f'{{"ref": {PAN}}}',
        '{"number": "4000 0025 000"}',
        '{"number": 40000025000}',
        '{"card_number": "40000025000"}',
        '{"cvc": null}',
        '{"stored_payment_method_id": "094db781"}',
        '{"x": {"token": {}}}',
        '{"x": [{"cvc": 1}]}',
        '{"message": "cvc:123"}',
        '{"message": ":"}',
        '{"message": "https://shop.example"}',
        '{"message": "a", "message": "a"}',
        '{"message": "a", "message": ":"}',
        '{"message": {"code": 1}, "message": {"code": 1}}',
        '{"message": "\\u0061"}',
        '{"message": "a\\tb"}',
        '{"amount": NaN}',
        '{"amount": -Infinity}',
        '{"amount": 1e999999999999999999999}',
        '{"amount": 1.00000000000000000000000000000000000000000000000000000000000000}',
        f'{{"amount": {PAN[0]}.{PAN[1:]}e15}}',
        '{"amount": 26e10}',
        '{"message": "Basic dGVzdDp0ZXN0"}',
        '{"message": "4000.0025.0000.3155"}',
        '{"message": "4000\u20070025\u20070000\u20073155"}',
        f'{{"message": "{FULL_WIDTH}"}}',
        f'{{"number": "{FULL_WIDTH}"}}',
        f'{{"number": "{FULL_WIDTH[:11]}"}}',
        '{"message": "a Bearer dGVzdDp0ZXN0"}',
        '{"message": "BASIC dGVzdDp0ZXN0"}',
        '{"message": "basic dGVzdDp0ZXN0"}',
        '{"message": "BEARER dGVzdDp0ZXN0"}',
        '{"message": "bearer dGVzdDp0ZXN0"}',
        '{"message": "eyJhbGciOiJIUzI1NiJ9"}',
        '{"message": "token=x"}',
        '{"message": "token>x"}',
        '{"errors": ' + "[" * 199 + "]" * 199 + "}",
        '{"error": ' * 200 + "{}" + "}" * 200,
        "[]",
        '"x"',
        "1",
    ],
)
def test_the_text_is_kept_of_no_other(text):
    value, _, kept = read_with_text(text.encode())
    assert kept is None
    assert value == read_masked(text.encode())[0]


def test_reading_what_is_broken_leaves_nothing_behind():
    for body in (b'{"cvc": 1, "message": ', b'{"a": 1} x', b'{"amount": NaN}'):
        with suppress(NotJson):
            read_with_text(body)
        assert read_with_text(b'{"message": "x"}') == ({"message": "x"}, False, '{"message": "x"}')


def test_threads_that_read_at_the_same_time_do_not_meet():
    bodies = [json.dumps(ANSWER | {"merchant_details": {name: 1}}).encode() for name in ("mid", "cvc", "number", "x")]
    alone = [read_with_text(body) for body in bodies]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(read_with_text, bodies * 200)) == alone * 200


PLANTED = [
    *SECRETS,
    "2024-11-25T08:24:36.000Z",
    "12:34:56",
    ":",
    "é:",
    "4" * 11,
    "400000******3155",
    "fc565b43-26f5-4906-92ae-d849edc3c3a1",
]
NUMBERS = [
    "0",
    "-1",
    "10.50",
    "1E+2",
    "-0.0",
    "1e400",
    "NaN",
    "-Infinity",
    "4" * 11,
    PAN,
    f"{PAN}.0",
    "4.000002500003155e15",
]
CODES = [
    "cvc",
    "token",
    "x-api-key",
    "card_number",
    "number",
    "stored_payment_method_id",
    "id",
    "message",
    "amount",
    PAN,
]
BLANKS = st.text(" \t\r\n", max_size=2)
LITERALS = (
    (st.text('aé:. -\u00a0\u200b4\uff17\\"/\ud83d', max_size=14) | st.sampled_from(PLANTED)).flatmap(
        lambda text: st.sampled_from([json.dumps(text), json.dumps(text, ensure_ascii=False)])
    )
    | st.sampled_from(NUMBERS)
    | st.sampled_from(["true", "false", "null"])
)


def _object(members):
    return "{" + ",".join(f"{a}{json.dumps(name)}{b}:{c}{value}" for name, value, (a, b, c) in members) + "}"


BODIES = st.recursive(
    LITERALS,
    lambda inner: (
        st.lists(st.tuples(st.sampled_from(CODES), inner, st.tuples(BLANKS, BLANKS, BLANKS)), max_size=5).map(_object)
        | st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
    ),
    max_leaves=10,
)


@given(
    st.lists(st.tuples(st.sampled_from(CODES), BODIES, st.tuples(BLANKS, BLANKS, BLANKS)), max_size=4).map(_object),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    BLANKS,
)
@settings(max_examples=400)
def test_a_text_that_is_kept_says_what_was_read_and_hides_nothing(text, mark, around):
    """Whatever is planted: cards, codes, keys, repeated names, escapes, blanks, numbers that are none."""
    body = mark + f"{around}{text}{around}".encode("utf-8", "surrogatepass")
    try:
        value, repeats, kept = read_with_text(body)
    except NotJson:
        return
    assert (value, repeats) == read_masked(body)
    if kept is None:
        return
    assert not repeats
    for again in (read_masked(kept.encode())[0], json.loads(kept, parse_float=Decimal), read_json(kept)):
        assert repr(again) == repr(value)
    assert repr(looked_at_closely(kept)) == repr(value)


def looked_at_closely(text):
    """What is read where every name and text is looked at."""
    suspicious = f'{{"": ["\\u0061"], "message": [{text}]}}'
    return read_masked(suspicious.encode())[0]["message"][0]
