from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Family
from paymentoptions_async.refs import MAX_LENGTH, check_key, make_ref

PARTS: dict[str, Any] = {
    "gateway": "paymentoptions",
    "environment": "sandbox",
    "merchant_id": "JP00000001",
    "family": Family.CHARGE,
    "idempotency_key": "1042:1",
}


def test_a_reference_never_changes_between_releases():
    # A journal outlives releases: another value here would charge every payment in flight again.
    assert make_ref(**PARTS) == "POVX3H3UM6I7FYDRVZB7JKQOQHL33FBFI3"


def test_another_process_derives_the_same_reference():
    code = (
        "from paymentoptions_async.refs import make_ref; from paymentoptions_async.payment import Family;"
        "print(make_ref(gateway='paymentoptions', environment='sandbox', merchant_id='JP00000001',"
        " family=Family.CHARGE, idempotency_key='1042:1'))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == make_ref(**PARTS)


@pytest.mark.parametrize(
    "other",
    [
        {"gateway": "corefy"},
        {"environment": "live"},
        {"merchant_id": "JP00000002"},
        {"family": Family.REFUND},
        {"idempotency_key": "1042:2"},
        {"environment": "sandboxJP", "merchant_id": "00000001"},
        {"merchant_id": "JP00000001c", "idempotency_key": "harge1042:1"},
    ],
    ids=str,
)
def test_whatever_differs_gives_another_reference(other):
    assert make_ref(**PARTS | other) != make_ref(**PARTS)


@given(st.text(min_size=1, max_size=255).filter(lambda key: not any(0xD800 <= ord(c) <= 0xDFFF for c in key)))
def test_references_fit_and_are_plain(key):
    ref = make_ref(**PARTS | {"idempotency_key": key})
    assert len(ref) <= MAX_LENGTH
    assert re.fullmatch(r"PO[A-Z2-7]{32}", ref)
    assert mask_text(ref) == ref


@pytest.mark.parametrize("key", ["", " a", "a\n", "x" * 256, "4000000000001091", 7, None], ids=repr)
def test_keys_that_cannot_be_kept_are_refused(key):
    with pytest.raises(InvalidValue, match=r"idempotency_key:") as error:
        check_key("idempotency_key", key)
    assert "4000000000001091" not in str(error.value)


@pytest.mark.parametrize("key", ["4111111111111111cafebabe", "order-4111111111111111CAFEBABE:1"])
def test_random_hexadecimal_keys_are_taken_whatever_digits_they_hold(key):
    assert check_key("idempotency_key", key) == key


@pytest.mark.parametrize("key", ["4111111111111111", "4111111111111111caf-1", "cafebabecafebabecafe 4111111111111111"])
def test_a_card_number_is_refused_beside_letters_too(key):
    with pytest.raises(InvalidValue):
        check_key("idempotency_key", key)
