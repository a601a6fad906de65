from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.notices import read_notice

OWN = "fc5b43aa-26f5-4906-92ae-d849edc3c3a1"
OTHER = "ab8444e7-fec0-40dd-994d-0ad813785f74"
PAN = "4000000000001091"


def test_the_transactions_own_id_comes_first():
    body = json.dumps({"note": OTHER, "transaction_details": {"id": OWN.upper()}}).encode()
    assert read_notice("PO", body).transaction_ids == (OWN, OTHER)


def test_an_id_that_is_no_uuid_is_not_asked_for():
    body = json.dumps({"transaction_details": {"id": "../../v1/void"}}).encode()
    assert read_notice("PO", body).transaction_ids == ()


def test_a_flood_of_ids_is_cut():
    body = json.dumps([f"00000000-0000-4000-8000-{n:012x}" for n in range(100)]).encode()
    assert len(read_notice("PO", body).transaction_ids) == 4


def test_card_numbers_are_masked_in_every_form():
    for body, kind in [
        (json.dumps({"payment_details": {"card": {"number": PAN}}}).encode(), "application/json"),
        (f"card={PAN}".encode(), "application/x-www-form-urlencoded"),
        (f"<xml>{PAN}</xml>".encode(), "text/xml"),
    ]:
        assert PAN not in repr(read_notice("PO", body, content_type=kind))


def test_the_same_body_has_the_same_digest_and_another_has_not():
    first, second = (read_notice("PO", json.dumps({"n": n}).encode()) for n in (1, 2))
    assert first.digest != second.digest
    assert first == read_notice("PO", b'{"n": 1}')


@given(st.binary(max_size=300), st.sampled_from(["application/json", "application/x-www-form-urlencoded", "x"]))
def test_anything_is_read(body, kind):
    assert read_notice("PO", body, content_type=kind).ref == "PO"


@pytest.mark.parametrize("before", ["\n", "\t", "<id>\r\n", "\u53d6\u5f15", '"'])
@pytest.mark.parametrize("wrap", [str, lambda text: json.dumps({"told": text})], ids=["text", "JSON"])
def test_an_id_is_found_whatever_stands_before_it(before, wrap):
    assert read_notice("R", wrap(f"{before}{OWN}\n").encode()).transaction_ids == (OWN,)


def test_a_part_of_something_longer_is_no_id():
    assert read_notice("R", f"a{OWN} {OWN}0 \\u00{OWN}".encode()).transaction_ids == ()
