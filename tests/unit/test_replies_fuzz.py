"""Whatever the bytes are, a `Reading` comes out, no money is believed that was not asked for, and no secret shows."""

import json
from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.gateway_json import json_default
from paymentoptions_async.payment import PaymentStatus, Reading
from paymentoptions_async.replies import read_operation, read_status
from paymentoptions_async.values import Money
from tests.support.reply_samples import (
    ASKED,
    ASKED_STATUS,
    LINK,
    REDIRECT,
    REF,
    body,
    decline,
    operation_reply,
    status_reply,
)

SAMPLES = [operation_reply(), status_reply(), decline(), decline(-8003), REDIRECT, {"message": "Forbidden"}]
HTTP = st.sampled_from([None, 200, 201, 302, 400, 403, 404, 406, 412, 429, 500, 504])
NOTABLE = [0, 8, 10, 578, 5, 94, "0", "00", "true", "false", 10**40, 1e300, -0.0, "\ud800", "\x00", REF, "JPY", LINK]
SECRET = ["4000002500003155", 4000002500003155, "cvc: 123", "4000 0025 0000 3155"]
KNOWN = ["ERR3004", "REFUND", "PRE_AUTH", "2024-11-25T08:24:36.000Z"]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.sampled_from([*NOTABLE, *SECRET, *KNOWN])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(autouse=True)
def no_safety_net(monkeypatch):
    """Take the last-resort guard away, so that a fault of ours fails the test."""
    monkeypatch.setattr("paymentoptions_async.replies.Exception", NoError, raising=False)


class NoError(BaseException):
    pass


def paths(value, path=()):
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))


@st.composite
def mutated(draw):
    reply = deepcopy(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in paths(reply) if path]))
        place = reply
        for name in path[:-1]:
            place = place[name]
        if draw(st.booleans()):
            place[path[-1]] = draw(VALUES)
        else:
            place.pop(path[-1])
        if not reply:
            break
    return reply


def check(reading):
    assert isinstance(reading, Reading)
    if reading.status is PaymentStatus.APPROVED:
        assert reading.approved_amount == Money("1000", "JPY")
        assert reading.response_code in (0, 8)
        assert (reading.doubts, reading.foreign) == ((), None)
    if reading.status is PaymentStatus.UNKNOWN:
        assert reading.doubts
    assert (reading.decline is not None) == (reading.status is PaymentStatus.DECLINED)
    assert (reading.redirect_url is not None) == (reading.status is PaymentStatus.ACTION_REQUIRED)
    kept = json.dumps(reading.raw, default=json_default, ensure_ascii=False)
    kept.encode()  # it can be stored
    assert "\\u0000" not in kept.replace("\\\\", "")


def check_masked(reading):
    check(reading)
    kept = json.dumps(reading.raw, default=json_default)
    for shown in (kept, repr(reading.doubts), repr(reading), str(reading.message), repr(reading.card)):
        for secret in ("2500003155", "0000 3155", "cvc: 123", "eyJqdGki"):
            assert secret not in shown


@given(mutated(), HTTP, st.booleans())
def test_mutated_answers(reply, http_status, ascii_only):
    text = json.dumps(reply, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    check_masked(read_operation(http_status, {}, text, ASKED))
    check_masked(read_status(http_status, {}, text, ASKED_STATUS))


@given(st.binary(max_size=200), HTTP)
def test_random_bytes(text, http_status):
    check(read_operation(http_status, {}, text, ASKED))
    check(read_status(http_status, {}, text, ASKED_STATUS))


@given(st.sampled_from(SAMPLES), st.data(), HTTP)
def test_damaged_answers(reply, data, http_status):
    text = bytearray(body(reply))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        if not text:
            break
    check(read_operation(http_status, {}, bytes(text), ASKED))


@given(st.sampled_from(SAMPLES), st.data())
def test_half_answers_never_approve(reply, data):
    text = body(reply)
    half = text[: data.draw(st.integers(0, len(text) - 1))]
    assert read_operation(201, {}, half, ASKED).status is PaymentStatus.UNKNOWN


@given(VALUES, HTTP)
def test_any_json(value, http_status):
    text = json.dumps(value).encode()
    check_masked(read_operation(http_status, {}, text, ASKED))


@given(
    st.dictionaries(st.text(max_size=12) | st.just("Retry-After"), st.text(max_size=20), max_size=3), st.floats(0, 1e10)
)
def test_any_headers(headers, now):
    check(read_operation(429, headers, b"{}", ASKED, now=now))
