"""Reading answers: tolerantly in form, strictly in what settles a payment."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async import Money, PaymentStatus
from paymentoptions_async.corefy import replies
from paymentoptions_async.corefy.statuses import STATUSES
from paymentoptions_async.payment import Expected, Operation, Reading, Refusal
from tests.corefy.conftest import TEN, encoded, invoice_document

REF = "POAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
INVOICE = "cpi_ADzwZTG99f3q3utQ"
SAMPLES = Path(__file__).resolve().parents[1] / "specs" / "samples" / "corefy"


def sample(name: str) -> Any:
    return json.loads(SAMPLES.joinpath(f"{name}.json").read_text("utf-8"))["payload"]


def expected(operation: Operation = Operation.PURCHASE, **more: Any) -> Expected:
    known = {"live": False, "ref": REF, "amount": TEN, "transaction_id": INVOICE, "strict": True, **more}
    return Expected(operation, "coma_1", **known)


def read(document: Any, *, status: int = 200, **more: Any) -> Reading:
    body = document if isinstance(document, bytes) else encoded(document)
    return replies.read_invoice(status, {}, body, expected(**more))


def paid(**attributes: Any) -> dict[str, Any]:
    return invoice_document(REF, **{"status": "processed", "processed_amount": 10, **attributes})


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_reads_as_it_is_mapped(status: str):
    reading = read(invoice_document(REF, status=status, processed_amount=10))
    whole = reading.status.took_money and status == "partially_processed"
    assert reading.status is (PaymentStatus.APPROVED if whole else STATUSES[status])
    assert reading.doubts == ()


@pytest.mark.parametrize("status", ["", "verified", "verify_failed", "PROCESSED", "refund", None, 7])
def test_an_unknown_status_is_never_success(status: Any):
    reading = read(paid(status=status))
    assert reading.status is PaymentStatus.UNKNOWN
    assert "its status is" in reading.doubts[0]


@pytest.mark.parametrize(
    ("attributes", "doubt"),
    [
        ({"reference_id": "another"}, "its reference is another one"),
        ({"reference_id": None}, "its reference is another one"),
        ({"id": "cpi_other"}, "it is another invoice"),
        ({"id": None}, "it has no id"),
        ({"amount": 9}, "it is for 9.00 USD, but 10.00 USD was asked for"),
        ({"amount": None}, "no readable amount"),
        ({"currency": "EUR"}, "it is for 10.00 EUR"),
        ({"test_mode": None}, "does not say whether it is a test"),
        ({"processed_amount": None}, "does not say how much"),
        ({"processed_amount": 0}, "does not say how much"),
        ({"processed_amount": "ten"}, "does not say how much"),
        ({"processed_amount": 10.01}, "it processed 10.01 USD, but 10.00 USD was asked for"),
        ({"processed_amount": True}, "does not say how much"),
    ],
)
def test_whatever_disagrees_makes_a_success_unknown(attributes: dict[str, Any], doubt: str):
    reading = read(paid(**attributes))
    assert reading.status is PaymentStatus.UNKNOWN
    assert any(doubt in told for told in reading.doubts)


def test_an_id_that_looks_like_a_token_is_read_as_it_is():
    known = "cpi_NFceyJgM8LzDwzGw"
    reading = read(paid(id=known), transaction_id=known)
    assert reading.transaction_id == known
    assert reading.status is PaymentStatus.APPROVED


def test_the_other_mode_is_told_apart():
    assert read(paid(test_mode=False)).foreign == "it is of the live mode"
    assert read(paid(), live=True).foreign == "it is of the test mode"


def test_less_is_partial_whatever_the_status_says():
    reading = read(paid(processed_amount=Decimal("3.33").__float__()))
    assert (reading.status, reading.approved_amount) == (PaymentStatus.PARTIALLY_APPROVED, Money("3.33", "USD"))


def test_numbers_for_money_are_exact():
    body = encoded(invoice_document(REF, amount=0, status="processed")).replace(b'"amount": 0', b'"amount": 1.10')
    body = body.replace(b'"processed_amount": null', b'"processed_amount": 1.100')
    reading = read(body, amount=Money("1.10", "USD"))
    assert (reading.status, reading.approved_amount) == (PaymentStatus.APPROVED, Money("1.10", "USD"))
    huge = read(body.replace(b"1.10,", b"9999999.93,").replace(b"1.100", b"9999999.93"), amount=None)
    assert huge.approved_amount == Money("9999999.93", "USD")


@pytest.mark.parametrize("empty", [[], None, {}, "", 0])
@pytest.mark.parametrize("name", ["metadata", "payload", "flow_data", "original_data", "return_urls"])
def test_an_empty_object_may_be_anything_empty(name: str, empty: Any):
    assert read(paid(**{name: empty})).status is PaymentStatus.APPROVED
    assert read(invoice_document(REF, **{name: empty}), operation=Operation.CHECKOUT).status in (
        PaymentStatus.PENDING,
        PaymentStatus.ACTION_REQUIRED,
    )


def test_the_vendors_own_samples_are_read():
    told: dict[str, Any] = {"ref": "test_live_recurrent_11", "amount": Money("1", "USD")}
    page = read(sample("card-on-checkout-answer"), status=201, operation=Operation.CHECKOUT, **told)
    assert page.redirect_url == "https://cardgate.example.io/hpp/cgi_ZzhRb7xLro7cIf0N"
    whole = read(sample("get-answer"), **told)
    assert (whole.status, str(whole.card)) == (PaymentStatus.APPROVED, "512381******0000")
    assert whole.stored_payment_method_id == "4c9jHUgeL1SD7g5byDYn9Gc0RC60NN3x"
    assert "4c9jHUgeL1SD7g5byDYn9Gc0RC60NN3x" not in repr(whole) + json.dumps(whole.raw, default=str)
    assert read(sample("callback"), **told).status is PaymentStatus.APPROVED


def test_a_page_comes_from_either_place_and_from_no_strange_one():
    def page(**attributes: Any) -> Reading:
        return read(invoice_document(REF, **attributes), operation=Operation.CHECKOUT)

    hpp = "https://pay.example/redirect/hpp/?cpi=cpi_1"
    assert page(flow_data=[], hpp_url=hpp).redirect_url == hpp
    for bad in ("javascript:alert(1)", "http://pay.example/", "//pay.example", 7, None):
        reading = page(flow_data={"action": bad})
        assert (reading.status, reading.redirect_url) == (PaymentStatus.PENDING, None)
    assert page(moderation_required=True).status is PaymentStatus.PENDING


def test_the_bearer_is_kept_out_of_sight_and_must_fit_into_a_header():
    session = replies.read_session(encoded(invoice_document(REF)))
    assert session is not None
    assert session.bearer is not None
    assert session.bearer.reveal() == "eyJ0eXAi.eyJzaWQi.c2ln"
    assert session.ends_at == 1585175055 + 3600
    assert "eyJ" not in repr(session)
    for bad in ("", "two words", "line\r\nbreak", 7, None):
        flow = {"metadata": {"token": bad}}
        session = replies.read_session(encoded(invoice_document(REF, flow_data=flow, created=None)))
        assert (session.bearer, session.ends_at) == (None, None)
    assert replies.read_session(b"<html>") is None
    assert replies.read_session(encoded(invoice_document(REF, id="../x"))) is None


def sale(document: Any, status: int = 201) -> Reading:
    body = document if isinstance(document, bytes) else encoded(document)
    return replies.read_sale(status, {}, body, expected(strict=False))


FORM = {"action": "https://acs.example/challenge", "method": "POST", "params": {"creq": "eyJhIjoiPSJ9", "x": "a+b/c="}}


@pytest.mark.parametrize("nested", [True, False])
def test_the_hand_over_is_read_flat_and_nested_and_posted_unchanged(nested: bool):  # noqa: FBT001
    said = {"status": "process_pending", "auth_payload": FORM}
    reading = sale({"data": {"id": "cgi_1", "attributes": said}} if nested else said)
    assert reading.status is PaymentStatus.ACTION_REQUIRED
    assert (reading.redirect_url, reading.redirect_form) == (FORM["action"], FORM["params"])
    assert reading.transaction_id == INVOICE
    assert "creq" not in json.dumps(reading.raw)


def test_a_hand_over_by_get_has_no_form():
    reading = sale({"status": "process_pending", "auth_payload": {**FORM, "method": "get", "params": []}})
    assert (reading.redirect_url, reading.redirect_form) == (FORM["action"], None)


@pytest.mark.parametrize(
    "changes", [{"action": "javascript:1"}, {"action": None}, {"method": "PUT"}, {"params": {"creq": 7}}]
)
def test_a_hand_over_that_can_not_be_followed_is_unknown(changes: dict[str, Any]):
    assert sale({"status": "process_pending", "auth_payload": {**FORM, **changes}}).status is PaymentStatus.UNKNOWN


@pytest.mark.parametrize("status", ["processed", "process_pending", "process_failed"])
@pytest.mark.parametrize("http", [200, 201])
def test_a_sales_own_answer_settles_nothing(status: str, http: int):
    assert sale({"status": status, "resolution": "ok"}, http).status is PaymentStatus.PENDING


@pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b"null", {}, {"status": "new"}, {"data": []}])
def test_an_unreadable_answer_to_a_sale_is_unknown(document: Any):
    assert sale(document).status is PaymentStatus.UNKNOWN
    assert sale(document, 500).status is PaymentStatus.UNKNOWN


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"null", b'{"data":[]}', b'{"data":{}}', b"\xff"])
@pytest.mark.parametrize("status", [200, 201, 202, 302, 500, 502])
def test_an_unreadable_invoice_is_unknown_and_no_refusal(body: bytes, status: int):
    reading = read(body, status=status, strict=False)
    assert (reading.status, reading.refusal, reading.transaction_id) == (PaymentStatus.UNKNOWN, None, None)


@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (422, {"errors": [{"title": "Unprocessable Entity", "detail": "amount is wrong"}]}, Refusal.INVALID_REQUEST),
        (422, {"error": {"message": "wrong"}}, Refusal.INVALID_REQUEST),
        (422, sample("error-answer"), Refusal.DUPLICATE),
        (422, {"errors": [{"title": "Duplicate"}]}, Refusal.DUPLICATE),
        (429, {"errors": [{"title": "Duplicate request detected"}]}, Refusal.DUPLICATE),
        (409, {"errors": []}, Refusal.DUPLICATE),
        (429, {"errors": [{"title": "Too Many Requests"}]}, Refusal.RATE_LIMITED),
        (401, {"errors": [{"title": "Unauthorized"}]}, Refusal.AUTHENTICATION),
        (422, {"errors": {"not": "a list"}}, Refusal.INVALID_REQUEST),
        (422, {"errors": [7, {"source": [], "title": []}]}, Refusal.INVALID_REQUEST),
    ],
)
def test_refusals_are_told_apart(status: int, body: Any, refusal: Refusal):
    assert read(body, status=status, strict=False).refusal is refusal


def test_a_refusal_of_a_question_settles_nothing():
    assert read({"errors": [{"title": "Not Found"}]}, status=404).status is PaymentStatus.UNKNOWN


def test_a_reference_is_found_in_the_list_only_where_it_is_one():
    def listed(*documents: dict[str, Any], status: int = 200) -> str | None:
        body = encoded({"data": [document["data"] for document in documents]})
        return replies.find_reference(status, body, REF)

    mine, other = invoice_document(REF), invoice_document("another", id="cpi_other")
    assert listed(other, mine, mine) == INVOICE
    assert listed(other) is None
    assert listed(mine, invoice_document(REF, id="cpi_second")) is None
    assert listed(invoice_document(REF, id="../x")) is None
    assert listed(mine, status=500) is None
    assert replies.find_reference(200, b"<html>", REF) is None
    assert replies.find_reference(200, encoded(mine), REF) is None
    assert replies.find_reference(200, encoded(sample("list-answer")), "test_live_recurrent_11") == INVOICE


def test_the_other_modes_invoices_are_not_listed():
    body = encoded({"data": [paid()["data"], paid(test_mode=False, id="cpi_live")["data"], 7]})
    readings = replies.read_list(200, body, expected(ref=None, amount=None, transaction_id=None))
    assert [reading.transaction_id for reading in readings] == [INVOICE]


def test_a_refund_is_read_in_both_models():
    asked: dict[str, Any] = {"operation": Operation.REFUND, "own_ref": "POR", "amount": Money("0.50", "USD")}
    own = {**sample("refund-answer")["data"]["attributes"], "reference_id": "POR"}
    reading = read({"data": {"type": "refunds", "id": "ref_1", "attributes": own}}, strict=False, **asked)
    assert (reading.status, reading.own_ref, reading.transaction_id) == (PaymentStatus.APPROVED, "POR", "ref_1")
    for doubtful in ({"amount": 1}, {"reference_id": "another"}, {"status": "odd"}):
        data = {"type": "refunds", "id": "ref_1", "attributes": {**own, **doubtful}}
        assert read({"data": data}, strict=False, **asked).status is PaymentStatus.UNKNOWN
    whole = paid(status="partially_refunded", refunded_amount=0.5)
    assert read(whole, strict=False, **asked).status is PaymentStatus.APPROVED
    less = paid(status="partially_refunded", refunded_amount=0.4)
    assert read(less, strict=False, **asked).status is PaymentStatus.UNKNOWN
    assert read(whole, **asked).status is PaymentStatus.UNKNOWN  # asked for, it may be another refund
    assert read(paid(status="refunding"), **asked).status is PaymentStatus.PENDING


def test_what_was_charged_back_is_read():
    assert read(paid()).charged_back is None
    assert read(paid(status="partially_charged_back", charged_back_amount=4)).charged_back == Money("4.00", "USD")
    assert read(paid(status="charged_back", charged_back_amount=None)).charged_back == TEN
