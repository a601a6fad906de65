"""Answers without a payment in them: refusals, and what can't be read."""

import pytest

from paymentoptions_async.evidence import NO_EVIDENCE, Evidence, Left, Stage
from paymentoptions_async.payment import PaymentStatus, Refusal
from paymentoptions_async.replies import read_failure, read_operation, read_status
from tests.support.reply_samples import ASKED, ASKED_STATUS, body, operation_reply

CANCELLED, UNKNOWN = PaymentStatus.CANCELLED, PaymentStatus.UNKNOWN

REFUSALS = {
    400: Refusal.INVALID_REQUEST,
    401: Refusal.AUTHENTICATION,
    403: Refusal.AUTHENTICATION,
    404: Refusal.INVALID_REQUEST,
    405: Refusal.INVALID_REQUEST,
    406: Refusal.INVALID_REQUEST,
    412: Refusal.INVALID_REQUEST,
    413: Refusal.INVALID_REQUEST,
    415: Refusal.INVALID_REQUEST,
    422: Refusal.INVALID_REQUEST,
    429: Refusal.RATE_LIMITED,
}
BODIES = [
    {"message": "Forbidden"},
    {"success": False, "gateway_response": {"type": "ERROR", "message": "Forbidden", "code": "VAL0035"}},
    {"statusCode": 400, "error": "Forbidden", "messageCode": "X", "success": False},
    {"message": "Forbidden", "payment_details": {}, "transaction_details": {"id": None}},
]


@pytest.mark.parametrize("reply", BODIES)
@pytest.mark.parametrize(("http_status", "refusal"), REFUSALS.items())
def test_a_refused_operation_is_cancelled(http_status, refusal, reply):
    reading = read_operation(http_status, {}, body(reply), ASKED)
    assert (reading.status, reading.refusal, reading.doubts) == (CANCELLED, refusal, ())
    assert reading.message == "Forbidden"
    assert reading.raw == reply


@pytest.mark.parametrize(("http_status", "refusal"), (REFUSALS | {404: Refusal.NOT_FOUND}).items())
def test_a_refused_question_settles_nothing(http_status, refusal):
    reading = read_status(http_status, {}, body({"message": "Not found", "success": False}), ASKED_STATUS)
    assert (reading.status, reading.refusal) == (UNKNOWN, refusal)
    assert reading.doubts == (f"HTTP {http_status} refuses the question",)


@pytest.mark.parametrize("success", [True, "true", 1, "no", {}])
@pytest.mark.parametrize("http_status", REFUSALS)
def test_a_refusal_that_speaks_of_success_is_unknown(http_status, success):
    reading = read_operation(http_status, {}, body({"success": success, "message": "x"}), ASKED)
    assert (reading.status, reading.refusal) == (UNKNOWN, None)


def test_a_refusal_that_repeats_a_name_with_another_value_is_unknown():
    reading = read_operation(400, {}, b'{"success": true, "success": false}', ASKED)
    assert (reading.status, reading.refusal) == (UNKNOWN, None)


@pytest.mark.parametrize(
    "http_status", [None, 100, 200, 201, 204, 301, 302, 307, 402, 408, 409, 410, 418, 500, 502, 503, 504, 520, 999]
)
@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"message": "x"},
        {"success": False},
        {"success": True},
        {"success": False, "message": "Endpoint request timed out"},
    ],
)
def test_any_other_status_without_a_payment_is_unknown(http_status, reply):
    for reading in (
        read_operation(http_status, {}, body(reply), ASKED),
        read_status(http_status, {}, body(reply), ASKED_STATUS),
    ):
        assert (reading.status, reading.refusal) == (UNKNOWN, None)
        assert reading.doubts


@pytest.mark.parametrize("http_status", [None, 200, 201, 400, 401, 403, 404, 406, 429, 500])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"<html>Bad</html>", "no readable JSON"),
        (body(operation_reply())[:-40], "no readable JSON"),
        (body(operation_reply()) + b"x", "no readable JSON"),
        (b"\xff\xfe{\x00}\x00", "no readable JSON"),
        (b"[1]", "no object"),
        (b'"approved"', "no object"),
        (b"null", "no object"),
        (b"5", "no object"),
        (b"[" * 200_000, "no readable JSON"),
    ],
    ids=["empty", "blank", "html", "half", "tail", "utf16", "list", "text", "null", "number", "deep"],
)
def test_an_unreadable_body_is_unknown(http_status, text, why):
    for reading in (read_operation(http_status, {}, text, ASKED), read_status(http_status, {}, text, ASKED_STATUS)):
        assert (reading.status, reading.refusal) == (UNKNOWN, None)
        assert why in reading.doubts[0]
        assert reading.raw is not None
        assert len(reading.raw["unreadable"]) <= 500


def test_an_unreadable_body_is_kept_masked():
    reading = read_operation(502, {}, b"<p>4000002500003155 cvc=123</p>", ASKED)
    assert reading.raw == {"unreadable": "<p>400000******3155 cvc=[redacted]</p>"}


@pytest.mark.parametrize(
    ("headers", "now", "seconds"),
    [
        ({"Retry-After": "30"}, None, 30.0),
        ({"retry-after": " 0 "}, None, 0.0),
        ({"RETRY-AFTER": "Mon, 25 Nov 2024 08:25:36 GMT"}, 1732523076.0, 60.0),
        ({"Retry-After": "Mon, 25 Nov 2024 08:24:00 GMT"}, 1732523076.0, 0.0),
        ({"Retry-After": "Mon, 25 Nov 2024 08:25:36 GMT"}, None, None),
        ({"Retry-After": "soon"}, 0.0, None),
        ({"Retry-After": "-5"}, 0.0, None),
        ({"Retry-After": "1e9"}, 0.0, None),
        ({"Retry-After": "9" * 400}, 0.0, None),
        ({"Retry-After": ""}, 0.0, None),
        ({}, 0.0, None),
    ],
)
def test_when_to_come_back_is_read_in_seconds(headers, now, seconds):
    for read in (read_operation, read_status):
        assert read(429, headers, b'{"message": "Too Many Requests"}', ASKED, now=now).retry_after == seconds
        assert read(503, headers, b"busy", ASKED, now=now).retry_after == seconds


def test_without_an_answer_the_evidence_decides():
    unsent = Evidence(Left.NOTHING, Stage.CONNECT, failure="refused")
    assert read_failure(unsent).status is CANCELLED
    for evidence in (NO_EVIDENCE, Evidence(Left.MAYBE, Stage.BODY, failure="eof", http_status=201)):
        reading = read_failure(evidence)
        assert (reading.status, reading.doubts) == (UNKNOWN, (str(evidence),))
        assert reading.http_status == evidence.http_status


def test_a_fault_of_ours_does_not_hide_that_the_payment_may_have_happened(monkeypatch):
    def broken(*_args, **_named):
        raise KeyError("4000002500003155")

    monkeypatch.setattr("paymentoptions_async.replies.card_in", broken)
    reading = read_operation(201, {}, body(operation_reply()), ASKED)
    assert (reading.status, reading.doubts) == (UNKNOWN, ("the answer could not be read (KeyError)",))
