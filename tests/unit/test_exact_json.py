"""What was decoded is written as anything else is, only quicker."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.journal.exact_json import read_json, write_decoded, write_json

texts = st.text() | st.sampled_from(["\0", '"\0"', '\\u0000"', "{", "é", "💳", "10.50"])
numbers = st.integers() | st.decimals(allow_nan=False, allow_infinity=False)
decoded = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(decoded)
def test_what_was_decoded_is_written_as_anything_else(value):
    text = write_decoded(value)
    assert text == write_json(value)
    assert read_json(text) == value


def test_amounts_keep_their_decimals():
    assert write_decoded({"amount": Decimal("10.50"), "whole": Decimal(7)}) == '{"amount":10.50,"whole":7E0}'


@pytest.mark.parametrize("levels", [199, 200, 201, 5000])
def test_what_is_nested_absurdly_deep_is_cut_short_alike(levels):
    value: object = Decimal("1.5")
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    assert write_decoded(value) == write_json(value)


@pytest.mark.parametrize("value", [{1, 2}, [b"bytes"], {"amount": Decimal("nan")}])
def test_what_is_no_json_is_refused_alike(value):
    with pytest.raises(TypeError):
        write_json(value)
    with pytest.raises(TypeError):
        write_decoded(value)
