"""Payments in answers: what is believed, and what makes it UNKNOWN."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from paymentoptions_async.payment import Decline, Operation, PaymentStatus
from paymentoptions_async.replies import read_operation, read_status
from paymentoptions_async.values import MaskedCard, Money
from tests.support.reply_samples import (
    ASKED,
    ASKED_STATUS,
    LINK,
    MERCHANT,
    MISSING,
    REDIRECT,
    REF,
    STORED,
    TRANSACTION,
    body,
    changed,
    decline,
    operation_reply,
    status_reply,
)

APPROVED, DECLINED, UNKNOWN = PaymentStatus.APPROVED, PaymentStatus.DECLINED, PaymentStatus.UNKNOWN


def read(reply, expected=ASKED, http_status=201):
    return read_operation(http_status, {}, body(reply), expected)


def asked_status(reply, expected=ASKED_STATUS, http_status=200):
    return read_status(http_status, {}, body(reply), expected)


def test_an_approval_is_read_whole():
    reading = read(operation_reply())
    assert reading.status is APPROVED
    assert reading.doubts == ()
    assert (reading.refusal, reading.foreign, reading.decline, reading.redirect_url) == (None, None, None, None)
    assert reading.transaction_id == TRANSACTION
    assert reading.transaction_type == "CAPTURE"
    assert reading.merchant_txn_ref == REF
    assert reading.approved_amount == Money("1000", "JPY")
    assert reading.auth_code == "268004"
    assert reading.response_code == 0
    assert reading.gateway_code == "INFO0000"
    assert reading.message == "Payment Successful."
    assert reading.card == MaskedCard("400000", "3155", "12", "29", "VISA")
    assert reading.gateway_time == datetime(2024, 11, 25, 8, 24, 36, tzinfo=UTC)
    assert reading.http_status == 201
    assert reading.raw is not None
    assert reading.raw["payment_details"]["card"]["number"] == "400000******3155"
    assert reading.raw["merchant_details"]["legal_name"] == "アイベック株式会社"


def test_a_status_answer_is_read_whole():
    reading = asked_status(status_reply())
    assert (reading.status, reading.doubts) == (APPROVED, ())
    assert reading.card == MaskedCard("400000", "3155", "12", "29", "VISA")
    assert reading.auth_code is None


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_details.response_code": 8},
        {"payment_details.response_code": "0"},
        {"payment_details.response_code": "00"},
        {"payment_details.response_code": 0.0},
        {"payment_details.amount": "1000"},
        {"payment_details.amount": 1000.0},
        {"payment_details.currency": "jpy"},
        {"success": "true"},
        {"is_live": "false"},
        {"is_live": None},
        {"is_live": MISSING},
        {"transaction_type": "PRE_AUTH"},
        {"transaction_details.merchant_txn_ref": None},
        {"transaction_details.timestamp": "yesterday"},
        {"transaction_details.timestamp": 5},
        {"transaction_details.ref": "x"},
        {"payment_details.card": None},
        {"payment_details.card": []},
        {"payment_details.card.number": "N/A"},
        {"payment_details.scheme": 7},
        {"gateway_response": None},
        {"gateway_response": "fine"},
        {"gateway_response.type": "NOTICE"},
        {"merchant_details.billing_details": None},
        {"risk-details": {}},
        {"unknown_field": {"deep": [1, None, {"x": "y"}]}},
        {"status_code": 500},
        {"redirect_url": None},
        {"redirect_url": ""},
    ],
    ids=str,
)
def test_an_approval_bears_what_does_not_matter(changes):
    for reading in (read(operation_reply(changes)), asked_status(status_reply(changes))):
        assert (reading.status, reading.doubts) == (APPROVED, ())


@pytest.mark.parametrize("http_status", [200, 201, 302, 400, 404, 500, 504, None])
def test_a_payment_outranks_the_http_status(http_status):
    assert read(operation_reply(), http_status=http_status).status is APPROVED
    assert read(decline(), http_status=http_status).status is DECLINED


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"success": False}, "failed with the approving code 0"),
        ({"success": "false"}, "failed with the approving code 0"),
        ({"success": MISSING}, "does not say whether it succeeded"),
        ({"success": None}, "does not say whether it succeeded"),
        ({"success": 1}, "does not say whether it succeeded"),
        ({"success": "True"}, "does not say whether it succeeded"),
        ({"success": "yes"}, "does not say whether it succeeded"),
        ({"payment_details.response_code": None}, "no response code"),
        ({"payment_details.response_code": MISSING}, "no response code"),
        ({"payment_details.response_code": "approved"}, "not readable"),
        ({"payment_details.response_code": True}, "not readable"),
        ({"payment_details.response_code": 0.5}, "not readable"),
        ({"payment_details.response_code": 10**30}, "not readable"),
        ({"payment_details.response_code": [0]}, "not readable"),
        ({"payment_details.response_code": 5}, "declining code 5 (do_not_honour)"),
        ({"payment_details.response_code": 7777}, "declining code 7777 (unlisted)"),
        ({"payment_details.response_code": -8003}, "declining code -8003 (risk_rule)"),
        ({"payment_details.response_code": 85}, "does not say what happened"),
        ({"payment_details.response_code": 94}, "does not say what happened"),
        ({"payment_details.response_code": 451}, "does not say what happened"),
        ({"payment_details.response_code": 68}, "does not say what happened"),
        ({"payment_details.response_code": 1295}, "does not say what happened"),
        ({"payment_details.response_code": -1}, "does not say what happened"),
        ({"gateway_response.code": "Err3004"}, "the gateway's error Err3004"),
        ({"gateway_response.code": "VAL0035"}, "the gateway's error VAL0035"),
        ({"payment_details.amount": 999}, "approves 999 JPY, but 1000 JPY was asked for"),
        ({"payment_details.amount": 100000}, "but 1000 JPY was asked for"),
        ({"payment_details.amount": 0}, "approves 0 JPY"),
        ({"payment_details.amount": 1000.5}, "no readable amount"),
        ({"payment_details.amount": -1000}, "no readable amount"),
        ({"payment_details.amount": None}, "no readable amount"),
        ({"payment_details.amount": MISSING}, "no readable amount"),
        ({"payment_details.amount": "1,000"}, "no readable amount"),
        ({"payment_details.amount": True}, "no readable amount"),
        ({"payment_details.amount": float("nan")}, "no readable amount"),
        ({"payment_details.amount": float("inf")}, "no readable amount"),
        ({"payment_details.amount": 10**4000}, "no readable amount"),
        ({"payment_details.currency": "USD"}, "approves 1000.00 USD"),
        ({"payment_details.currency": None}, "no readable amount"),
        ({"payment_details.currency": "¥"}, "no readable amount"),
        ({"payment_details.currency": 392}, "no readable amount"),
        ({"merchant_details": None}, "without naming the merchant"),
        ({"merchant_details.mid": MISSING}, "without naming the merchant"),
        ({"merchant_details.mid": ""}, "merchant"),
        ({"merchant_details.merchant_txn_ref": "PO-ANOTHER"}, "reference"),
        ({"transaction_type": "REFUND"}, "type REFUND does not answer for purchase"),
        ({"transaction_type": "void"}, "type void does not answer for purchase"),
        ({"transaction_type": "CHARGEBACK"}, "type CHARGEBACK"),
        ({"redirect_url": LINK}, "sends the buyer to another page"),
        ({"is_live": "maybe"}, "whether it is live"),
    ],
    ids=str,
)
def test_whatever_does_not_fit_makes_an_approval_unknown(changes, doubt):
    for reading in (read(operation_reply(changes)), asked_status(status_reply(changes))):
        assert reading.status is UNKNOWN
        assert doubt in "; ".join(reading.doubts)
        assert reading.raw is not None
        assert reading.decline is None
        assert reading.redirect_url is None


def test_an_unknown_still_says_what_it_knows():
    reading = read(operation_reply({"payment_details.amount": 500}))
    assert reading.approved_amount == Money("500", "JPY")
    assert reading.transaction_id == TRANSACTION
    assert reading.response_code == 0


@pytest.mark.parametrize(
    ("changes", "foreign"),
    [
        ({"is_live": True}, "live environment"),
        ({"is_live": "true"}, "live environment"),
        ({"merchant_details.mid": "JP99999999"}, "another merchant"),
        ({"merchant_details.mid": 5}, "another merchant"),
        ({"merchant_details.mid": {"a": 1}}, "another merchant"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "reply", [operation_reply(), decline(), decline(578), REDIRECT], ids=["ok", "no", "wait", "3ds"]
)
def test_answers_for_another_environment_or_merchant_are_foreign_and_settle_nothing(changes, foreign, reply):
    reading = read(changed(reply, changes))
    assert reading.status is UNKNOWN
    assert reading.foreign is not None
    assert foreign in reading.foreign


def test_a_test_answer_to_a_live_client_is_foreign():
    reading = read(operation_reply(), replace(ASKED, live=True))
    assert reading.foreign is not None
    assert "test environment" in reading.foreign


@pytest.mark.parametrize("changes", [{"merchant_details.mid": MISSING}, {"merchant_details.merchant_txn_ref": MISSING}])
@pytest.mark.parametrize(
    "reply", [status_reply(), status_reply({"success": False, "payment_details.response_code": 5})]
)
def test_what_settles_must_name_reference_and_merchant(changes, reply):
    assert asked_status(reply).status is not UNKNOWN
    assert asked_status(changed(reply, changes)).status is UNKNOWN


def test_the_direct_answer_need_not_repeat_the_reference_but_must_not_name_another():
    without = {"merchant_details.merchant_txn_ref": MISSING, "transaction_details.merchant_txn_ref": MISSING}
    assert read(operation_reply(without)).status is APPROVED
    assert read(operation_reply(without | {"transaction_details.merchant_txn_ref": "other"})).status is UNKNOWN
    for reply in (decline(), operation_reply()):
        assert read(changed(reply, {"transaction_details.merchant_txn_ref": "other"})).status is UNKNOWN


def test_a_reference_or_merchant_that_reads_as_a_card_number_is_still_recognised():
    card_like = "4000002500003155"
    expected = replace(ASKED_STATUS, ref=card_like, merchant_id=card_like)
    names = {"merchant_details.mid": card_like, "merchant_details.merchant_txn_ref": card_like}
    assert asked_status(status_reply(names), expected).status is APPROVED


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"transaction_details.id": "00000000-0000-4000-8000-000000000000"}, "another transaction"),
        ({"transaction_details.id": MISSING}, "no transaction id"),
        ({"transaction_details": None}, "no transaction id"),
        ({"transaction_type": MISSING}, "what kind of transaction"),
        ({"transaction_type": None}, "what kind of transaction"),
    ],
)
def test_status_data_must_be_about_the_transaction_that_was_asked_for(changes, doubt):
    for reply in (status_reply(), status_reply({"success": False, "payment_details.response_code": 5})):
        reading = asked_status(changed(reply, changes))
        assert reading.status is UNKNOWN
        assert doubt in "; ".join(reading.doubts)


def test_transaction_ids_differ_in_case_only_by_spelling():
    assert asked_status(status_reply({"transaction_details.id": TRANSACTION.upper()})).status is APPROVED


@pytest.mark.parametrize("amount", [1000, 400, 1])
def test_code_10_is_a_part_of_what_was_asked(amount):
    reading = read(operation_reply({"payment_details.response_code": 10, "payment_details.amount": amount}))
    assert (reading.status, reading.doubts) == (PaymentStatus.PARTIALLY_APPROVED, ())
    assert reading.approved_amount == Money(amount, "JPY")


@pytest.mark.parametrize(
    "changes",
    [
        {"payment_details.amount": 1001},
        {"payment_details.amount": 0},
        {"payment_details.amount": None},
        {"payment_details.currency": "USD"},
        {"success": False},
        {"merchant_details.mid": None},
    ],
)
def test_code_10_without_a_credible_part_is_unknown(changes):
    assert read(operation_reply({"payment_details.response_code": 10} | changes)).status is UNKNOWN


@pytest.mark.parametrize("success", [True, False, None])
def test_code_578_is_pending(success):
    reading = read(operation_reply({"payment_details.response_code": 578, "success": success}))
    assert (reading.status, reading.approved_amount) == (PaymentStatus.PENDING, None)


def test_a_decline_says_why():
    reading = read(decline(51))
    assert (reading.status, reading.doubts, reading.approved_amount) == (DECLINED, (), None)
    assert reading.decline == Decline("insufficient_funds", 51, None, new_attempt_may_help=False, message="Declined.")
    assert read(decline(91)).decline == Decline(
        "issuer_inoperative", 91, None, new_attempt_may_help=True, message="Declined."
    )


def test_a_code_that_no_list_knows_is_an_unlisted_decline():
    reading = read(decline(7777))
    assert reading.status is DECLINED
    assert reading.decline is not None
    assert (reading.decline.reason, reading.decline.code) == ("unlisted", 7777)


@pytest.mark.parametrize(
    ("code", "gateway_code", "rule"),
    [
        (-8003, "ERR0204", "ERR3004"),
        (-8003, "Err3004", "ERR3004"),
        (-8013, "ERR3009", "ERR3009"),
        (-8500, None, None),
        (None, "err3019", "ERR3019"),
        (MISSING, "ERR3001", "ERR3001"),
        (7777, "ERR3001", "ERR3001"),
    ],
)
def test_risk_rules_decline_by_code_or_by_name(code, gateway_code, rule):
    reply = decline(code, {"payment_details.response_code": code, "gateway_response.code": gateway_code})
    reading = read(reply)
    assert reading.status is DECLINED
    assert reading.decline is not None
    assert (reading.decline.reason, reading.decline.rule) == ("risk_rule", rule)


def test_a_risk_rule_may_come_without_a_payment():
    reply = {"success": False, "gateway_response": {"code": "ERR3004", "message": "Transaction is restricted"}}
    for http_status in (200, 400, 406):
        reading = read(reply, http_status=http_status)
        assert reading.status is DECLINED
        assert reading.refusal is None
    assert asked_status(reply).status is UNKNOWN  # it names neither reference nor merchant
    assert read(reply | {"success": True}).status is UNKNOWN
    assert read({"gateway_response": reply["gateway_response"]}, http_status=200).status is UNKNOWN


@pytest.mark.parametrize("code", [68, 452, 676, 704, -1, 1295, 94, 451, 85, 0, 8, 10])
def test_a_failure_with_an_unclear_or_approving_code_is_unknown(code):
    reading = read(decline(code))
    assert reading.status is UNKNOWN
    assert reading.decline is None
    assert reading.response_code == code


@pytest.mark.parametrize("amount", [1000, 0, None, "N/A"])
def test_a_decline_needs_no_amount(amount):
    assert read(decline(51, {"payment_details.amount": amount})).status is DECLINED


@pytest.mark.parametrize("changes", [{"payment_details.amount": 5}, {"payment_details.currency": "USD"}])
def test_a_decline_of_another_amount_is_unknown(changes):
    assert read(decline(51, changes)).status is UNKNOWN


@pytest.mark.parametrize("success", [MISSING, None, False])
@pytest.mark.parametrize("http_status", [406, 412])
def test_406_and_412_decline_where_they_carry_a_code(success, http_status):
    assert read(decline(51, {"success": success}), http_status=http_status).status is DECLINED
    bare = changed({"response_code": 51, "message": "no"}, {"success": success})
    reading = read(bare, http_status=http_status)
    assert (reading.status, reading.refusal, reading.response_code) == (DECLINED, None, 51)
    assert read(bare | {"response_code": 68}, http_status=http_status).status is UNKNOWN
    assert read(bare | {"success": True}, http_status=http_status).status is UNKNOWN


def test_elsewhere_a_decline_must_say_that_it_failed():
    assert read(decline(51, {"success": MISSING}), http_status=400).status is UNKNOWN


def test_names_repeated_with_another_value_are_a_contradiction():
    text = body(operation_reply()).replace(b'"success": true', b'"success": false, "success": true', 1)
    reading = read_operation(201, {}, text, ASKED)
    assert reading.status is UNKNOWN
    assert "repeats a name" in reading.doubts[0]


@pytest.mark.parametrize(
    ("operation", "kind", "status"),
    [
        (Operation.PURCHASE_WITH_TOKEN, "CAPTURE", APPROVED),
        (Operation.AUTHORIZE, "PRE_AUTH", PaymentStatus.AUTHORIZED),
        (Operation.AUTHORIZE, "REFUND", UNKNOWN),
        (Operation.CAPTURE, "CAPTURE", APPROVED),
        (Operation.CAPTURE, "PRE_AUTH", UNKNOWN),
        (Operation.REFUND, "REFUND", APPROVED),
        (Operation.REFUND, "CAPTURE", UNKNOWN),
        (Operation.VOID, "VOID", APPROVED),
        (Operation.VOID, "PRE_AUTH", UNKNOWN),
        (Operation.SUBSCRIBE, "CAPTURE", APPROVED),
        (Operation.HOSTED_PAGE, "VOID", UNKNOWN),
        (Operation.STATUS, "REFUND", APPROVED),
        (Operation.STATUS, "PRE_AUTH", PaymentStatus.AUTHORIZED),
        (Operation.STATUS, "CAPTURE", APPROVED),
    ],
)
def test_each_operation_is_answered_by_its_kinds_of_transaction(operation, kind, status):
    assert read(operation_reply({"transaction_type": kind}), replace(ASKED, operation=operation)).status is status


def test_an_authorisation_that_the_gateway_calls_capture_is_looked_at():
    reading = read(operation_reply(), replace(ASKED, operation=Operation.AUTHORIZE))
    assert reading.status is PaymentStatus.AUTHORIZED
    assert reading.doubts == ("the gateway calls this authorisation a CAPTURE",)


def test_without_an_asked_amount_the_gateways_is_taken():
    reading = read(
        operation_reply({"payment_details.amount": 10.1, "payment_details.currency": "USD"}),
        replace(ASKED, amount=None),
    )
    assert (reading.status, reading.approved_amount) == (APPROVED, Money(Decimal("10.10"), "USD"))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-11-25T08:24:36.000Z", datetime(2024, 11, 25, 8, 24, 36, tzinfo=UTC)),
        ("2024-11-25T08:24:36", datetime(2024, 11, 25, 8, 24, 36, tzinfo=UTC)),
        ("2024-11-25T17:24:36+09:00", datetime(2024, 11, 25, 8, 24, 36, tzinfo=UTC)),
        ("2024-11-25T24:00Z", datetime(2024, 11, 26, tzinfo=UTC)),
        ("0001-01-01T00:00:00+09:00", None),
        ("9999-12-31T24:00Z", None),
        ("2024-13-45T00:00:00Z", None),
        ("YYYY-MM-DDTHH:MM:SS.000Z", None),
        ("", None),
        ("9" * 500, None),
    ],
)
def test_a_bad_time_never_costs_the_answer(text, time):
    reading = read(operation_reply({"transaction_details.timestamp": text}))
    assert (reading.status, reading.gateway_time) == (APPROVED, time)


def test_a_stored_card_is_told_to_the_caller_and_hidden_in_raw():
    reading = read(operation_reply({"transaction_details.stored_payment_method_id": STORED}))
    assert reading.stored_payment_method_id == STORED
    assert reading.raw is not None
    assert STORED not in repr(reading.raw)
    assert STORED not in repr(reading)


def test_the_buyers_page_is_told_to_the_caller_and_hidden_in_raw():
    reading = read(REDIRECT, http_status=200)
    assert (reading.status, reading.doubts) == (PaymentStatus.ACTION_REQUIRED, ())
    assert reading.redirect_url == LINK
    assert reading.raw == REDIRECT | dict.fromkeys(
        ("url", "redirect_url"), "https://checkout-dev.paymentoptions.com/[redacted]"
    )
    assert LINK not in repr(reading)


@pytest.mark.parametrize("changes", [{"success": False}, {"success": None}, {"statusCode": 500}, {"url": None}])
def test_a_redirect_counts_whatever_else_it_says(changes):
    assert read(REDIRECT | changes).status is PaymentStatus.ACTION_REQUIRED


def test_a_redirect_beside_a_decline_that_asks_for_authentication_counts():
    assert read(decline(65, {"redirect_url": LINK})).status is PaymentStatus.ACTION_REQUIRED


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/3ds?t=1", "http://localhost/3ds", "https://acs.example:8443/x"])
def test_a_redirect_may_be_http_on_loopback(url):
    assert read(REDIRECT | {"redirect_url": url}).redirect_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://checkout.example/3ds",
        "/3ds",
        "javascript:alert(1)",
        "https://",
        "https://a@b.example/",
        5,
        True,
        ["x"],
        {"a": 1},
        "https://a b/",
        "https://[/",
    ],
)
def test_a_redirect_to_anything_else_is_unknown(url):
    reading = read(REDIRECT | {"redirect_url": url})
    assert (reading.status, reading.redirect_url) == (UNKNOWN, None)
    assert "no https URL" in reading.doubts[0]


def test_a_redirect_of_another_payment_is_unknown():
    assert read(REDIRECT | {"merchant_details": {"merchant_txn_ref": "other"}}).status is UNKNOWN
    assert (
        read(REDIRECT | {"merchant_details": {"merchant_txn_ref": REF, "mid": MERCHANT}}).status
        is PaymentStatus.ACTION_REQUIRED
    )
