"""Whatever the bytes are, a `Reading` comes out, no money is believed that was not asked for, and no secret shows."""

import json
from collections import Counter
from copy import deepcopy
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.replies import read_operation, read_status
from tests.support.mutations import (
    HTTP,
    KNOWN,
    NOTABLE,
    SAMPLES,
    SECRET,
    check,
    check_masked,
    fuzz,
    make_body,
    paths,
)
from tests.support.reply_samples import ASKED, ASKED_STATUS, body

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


@given(mutated(), st.sampled_from(HTTP), st.booleans())
def test_mutated_answers(reply, http_status, ascii_only):
    text = json.dumps(reply, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    check_masked(read_operation(http_status, {}, text, ASKED))
    check_masked(read_status(http_status, {}, text, ASKED_STATUS))


@given(st.binary(max_size=200), st.sampled_from(HTTP))
def test_random_bytes(text, http_status):
    check(read_operation(http_status, {}, text, ASKED))
    check(read_status(http_status, {}, text, ASKED_STATUS))


@given(st.sampled_from(SAMPLES), st.data(), st.sampled_from(HTTP))
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


@given(VALUES, st.sampled_from(HTTP))
def test_any_json(value, http_status):
    text = json.dumps(value).encode()
    check_masked(read_operation(http_status, {}, text, ASKED))


@given(
    st.dictionaries(st.text(max_size=12) | st.just("Retry-After"), st.text(max_size=20), max_size=3), st.floats(0, 1e10)
)
def test_any_headers(headers, now):
    check(read_operation(429, headers, b"{}", ASKED, now=now))


def test_a_slice_of_the_campaign_finds_every_outcome_and_breaks_no_promise():
    found = fuzz(seed=20, count=1500)
    for outcome in ("operation approved", "operation declined", "operation unknown", "operation cancelled"):
        assert found[outcome] > 10
    for outcome in ("status approved", "link action_required", "subscriptions", "payment approved", "payment unknown"):
        assert found[outcome] > 10
    assert found.total() == 1500 * 5


def test_the_same_seed_gives_the_same_bodies_whatever_the_count():
    assert fuzz(seed=4, count=60) == fuzz(seed=4, count=60)
    assert make_body(Random("4:7")) == make_body(Random("4:7"))
    assert fuzz(seed=4, count=60) - fuzz(seed=4, count=40) != Counter()


@pytest.mark.parametrize("promise", ["_check_whole", "_foreign", "mask"])
def test_the_campaign_would_notice_a_broken_promise(monkeypatch, promise):
    if promise == "mask":
        monkeypatch.setattr("paymentoptions_async.gateway_json.mask_text", lambda text: text)
    else:
        monkeypatch.setattr(f"paymentoptions_async.replies.{promise}", lambda *_: None)
    with pytest.raises(AssertionError, match=r"body \d+ of seed 20"):
        fuzz(seed=20, count=3000)
