import itertools
import re
import time
import unicodedata
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.masking import looks_like_pan, luhn_valid, mask_text, without_cut_number

PAN = "4000002500003155"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiJmMmIw.ytizEgQCt_hQEPn3"


def with_check_digit(digits):
    return next(digits + last for last in "0123456789" if luhn_valid(digits + last))


@pytest.mark.parametrize(
    ("digits", "valid"),
    [
        ("4000002500003155", True),
        ("5200000000001005", True),
        ("378282246310005", True),
        ("4000002500003156", False),
        ("0", True),
    ],
)
def test_the_check_digit(digits, valid):
    assert luhn_valid(digits) is valid


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (PAN, "400000******3155"),
        ("378282246310005", "378282*****0005"),
        ("4000 0025 0000 3155", "400000******3155"),
        ("4000-0025-0000-3155", "400000******3155"),
        ("card 4000002500003155 12/29", "card 400000******3155 12/29"),
        ("card 4000 0025 0000 3155 12 29", "card 400000******3155 12 29"),
        ("12 4000002500003155", "12 400000******3155"),
        ("4000002500003155 5200000000001005", "400000******3155 520000******1005"),
        ("x4000002500003155y", "x400000******3155y"),
        ("4000002500003155=29121010000", "400000******3155=29121010000"),
        ("4000002500003155.0", "400000******3155.0"),
    ],
)
def test_card_numbers_keep_first_6_and_last_4(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Payment Successful.",
        "4000002500003156",  # wrong check digit
        "cpi_NFceyJgM8LzDwzGw",  # an id by chance like a token
        "not where ref_eyJgM8LzDwzGwNFc is",
        "It is cpi_NFceyJgM8LzDwzGw. Pay it.",
        "20241125082436",
        "1732522968000",
        "8112345678",
        "+81 3-1234-5678",
        "1600022",
        "2024-11-25T08:24:36.000Z",
        "2024-11-25 08:24:36",
        "127.0.0.1",
        "400000******3155",
        "JP12345678",
        "PO4QXJ2ZAB7KMNPRSTUVWX234567ABCDEFGHIJKL",
        "fc565b43-26f5-4906-92ae-d849edc3c3a1",
        "12345678-1234-4123-8123-400000250000",
        "billing@testemail.com",
        "https://shop.example",
        "https://shop.example/",
        "アイベック株式会社",
        "error code: 05",
        "1732522968.123456",
        "v 1.40000025-0000-4155-8155-400000250000",
        "12:34:56.123456789-0906",
    ],
)
def test_what_is_no_secret_stays(text):
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["5555555555.18", "4000000000.02", "512345678002.155", "222.168.100.105", "4500.00 5200.04", "25.11.2024 08.24.18"],
)
def test_amounts_addresses_and_dates_stay_though_their_digits_would_pass_for_a_card_number(text):
    assert looks_like_pan("".join(re.findall("[0-9]", text)))
    assert mask_text(f"it is {text} now") == f"it is {text} now"


@given(st.uuids(version=4))
def test_uuids_stay(found: uuid.UUID):
    assert mask_text(f"id {found}, {str(found).upper()}") == f"id {found}, {str(found).upper()}"


def test_a_uuid_of_digits_only_stays_though_it_would_pass_for_a_card_number():
    found = "40000025-0000-4155-8155-400000250000"
    assert mask_text(f"{found} {PAN}") == f"{found} 400000******3155"


def test_readings_that_overlap_are_masked_together():
    # 4111 4000 0025 and 4000 0025 0000 3155 are both valid: masking the first alone would show most of the second.
    first = with_check_digit("41114000002")
    run = f"{first[:4]} {first[4:8]} {first[8:]} {PAN[8:12]} {PAN[12:]}"
    masked = mask_text(run)
    assert len(re.findall("[0-9]", masked)) <= 10 or PAN[6:12] not in re.sub(r"[ -]", "", masked)
    assert PAN[4:14] not in re.sub("[^0-9]", "", masked)


@given(
    head=st.sampled_from(["4", "51", "2221", "34", "6011", "35", "62"]),
    body=st.text("0123456789", min_size=10, max_size=17),
    cuts=st.sets(st.integers(1, 18), max_size=5),
    separator=st.sampled_from([" ", "-"]),
    around=st.sampled_from([("", ""), ("card ", " declined"), ('{"number":"', '"}'), ("номер ", "。"), ("x", "y")]),
)
def test_no_card_number_survives_however_it_is_grouped(head, body, cuts, separator, around):
    pan = with_check_digit((head + body)[: 11 + len(body) % 8].ljust(11, "0"))
    grouped = "".join(separator + digit if index in cuts else digit for index, digit in enumerate(pan))
    masked = mask_text(around[0] + grouped + around[1])
    assert pan not in re.sub(r"[ -]", "", masked)
    assert len(re.findall(r"[0-9]", masked)) <= 10
    assert masked.startswith(around[0])
    assert masked.endswith(around[1])


@given(st.text(st.characters(codec="utf-8"), max_size=80) | st.text("0123456789 -eyJ:=/https.cvc", max_size=80))
def test_masking_twice_changes_nothing_more(text):
    once = mask_text(text)
    assert mask_text(once) == once


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://pay.example/3ds?_token=abc&_c=400000", "https://pay.example/[redacted]"),
        ("go to HTTPS://pay.example:8443/a/b#c now", "go to HTTPS://pay.example:8443/[redacted] now"),
        ("https://key:secret@pay.example/", "https://pay.example/"),
        ("https://key:secret@pay.example", "https://pay.example"),
        ("https:\\/\\/pay.example\\/x", "https:\\/\\/pay.example/[redacted]"),
        ("https://pay.example?x=1", "https://pay.example/[redacted]"),
        (JWT, "[redacted]"),
        (f"token {JWT}.", "token [redacted]"),
        (f"cpi_NFceyJgM8LzDwzGw {JWT}", "cpi_NFceyJgM8LzDwzGw [redacted]"),
        (f"cpi_{JWT}", "cpi_[redacted]"),
        ("ref_eyJhbGciOiJub25l.qqKEYqq.qqIVqq.qqTEXTqq.qqTAGqq", "ref_[redacted]"),  # begins as an id would
        ("cpi_NFceyJgM8LzDwzGw-and-more.of-it", "cpi_NFc[redacted]"),
        ("cvc: 123", "cvc: [redacted]"),
        ("CVV2=1234;", "CVV2=[redacted];"),
        ('"card_cvc": "123"', '"card_cvc": "[redacted]"'),
        ("Security code : 123", "Security code : [redacted]"),
        ("Authorization: Basic dGVzdDp0ZXN0", "Authorization: [redacted]"),
        ('{"x-api-key":"k-1"}', '{"x-api-key":"[redacted]"}'),
        ("api_key=abc&b=1", "api_key=[redacted]&b=1"),
        ("bad Bearer abcdefgh", "bad Bearer [redacted]"),
        ("BASIC dGVzdDp0ZXN0 refused", "BASIC [redacted] refused"),
        ("password = hunter2", "password = [redacted]"),
        (
            '"stored_payment_method_id":"094db781-fabc-4c6d-8fcd-18bee06a527a"',
            '"stored_payment_method_id":"[redacted]"',
        ),
    ],
)
def test_links_tokens_codes_and_keys_are_taken_out(text, masked):
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "4 " * 100_000,
        "4. " * 60_000,
        "4 4 4 4 4 4 4 4 4 4 x" * 9_000,
        "4\t4.4-x" * 30_000,
        "4000 " * 50_000,
        "4" * 200_000,
        "https://" * 30_000,
        "eyJ" * 60_000,
        "cvc:" * 50_000,
    ],
)
def test_masking_takes_no_longer_than_the_text_is_long(text):
    started = time.process_time()
    mask_text(text)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("name", ["cvc", "token", "x-api-key", "password", "stored_payment_method_id"])
@pytest.mark.parametrize("number", ["4000 0025 0000 3155", "4000-0025-0000-3155", "4000002500003155"])
def test_a_card_number_behind_the_name_of_a_secret_is_masked_in_all_its_groups(name, number):
    for text in (f"{name}: {number}", f'"{name}": "{number}"', f"{name}={number}"):
        shown = mask_text(text)
        assert not any(part in shown for part in ("0025", "0000", "2500003155"))
        assert mask_text(shown) == shown


UNSEEN = [chr(n) for n in (0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x2060, 0xFEFF)]
BLANKS_AND_HYPHENS = ["\t", "\u2212", "\u30fc", " - ", "  ", "\u200b \u200b"] + [
    sign for sign in map(chr, range(0x10000)) if unicodedata.category(sign) in ("Zs", "Pd")
]
POINTS = [".", "\u00b7", "\u30fb", "\uff0e", ".\u200b"]
ZEROS = [sign for sign in map(chr, range(0x20000)) if unicodedata.category(sign) == "Nd" and int(sign) == 0]


def in_digits_from(zero, text):
    return "".join(chr(ord(zero) + int(sign)) if sign.isdecimal() else sign for sign in text)


@pytest.mark.parametrize("separator", [*BLANKS_AND_HYPHENS, *POINTS, *UNSEEN], ids=ascii)
@pytest.mark.parametrize("sizes", [(4, 4, 4, 4), (4, 6, 6), (8, 8), (1,) * 16], ids=str)
def test_card_numbers_are_masked_whatever_stands_between_their_groups(separator, sizes):
    ends = list(itertools.accumulate(sizes))
    grouped = separator.join(PAN[end - size : end] for end, size in zip(ends, sizes, strict=True))
    assert mask_text(f"card {grouped} x") == "card 400000******3155 x"


@pytest.mark.parametrize("zero", ZEROS, ids=ascii)
def test_card_numbers_are_masked_in_the_digits_of_any_script(zero):
    for text in (PAN, "4000 0025 0000 3155", "4000.0025.0000.3155"):
        assert mask_text(f"card {in_digits_from(zero, text)} x") == "card 400000******3155 x"


def test_points_and_blanks_in_turn_join_no_card_number():
    assert mask_text("4000.0025 0000.3155") == "4000.0025 0000.3155"
    assert mask_text("4000. 0025. 0000. 3155") == "4000. 0025. 0000. 3155"


def test_a_card_number_between_amounts_and_addresses_is_masked():
    assert mask_text("10.50 4000.0025.0000.3155 127.0.0.1") == "10.50 400000******3155 127.0.0.1"


@pytest.mark.parametrize("tail", ["4000.0025\u2007", "\uff14\uff10\ufffd", "4 \t-\u200b"])
def test_what_is_left_of_a_card_number_at_a_cut_is_left_out(tail):
    assert without_cut_number(f"card {tail}") == "card"
    assert without_cut_number(tail) == ""
