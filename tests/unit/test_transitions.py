"""The rules by themselves, over every pair of states."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.balance import balance_of
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Reading, Refusal
from paymentoptions_async.transitions import after_exchange, after_status, as_of
from paymentoptions_async.values import Money

A = "ab8444e7-fec0-40dd-994d-0ad813785f74"
B = "9e9255f5-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
REF = "POVX3H3UM6I7FYDRVZB7JKQOQHL33FBFI3"
INTENT = Intent(
    gateway="paymentoptions",
    environment="sandbox",
    merchant_id="JP00000001",
    operation=Operation.PURCHASE,
    idempotency_key="1",
    ref=REF,
    amount=Money("1000", "JPY"),
)
ANSWERED = Evidence(Left.MAYBE, Stage.DONE, http_status=201)

statuses = st.sampled_from(PaymentStatus)
ids = st.sampled_from([None, A, B])
readings = st.builds(
    Reading,
    status=statuses,
    transaction_id=ids,
    merchant_txn_ref=st.sampled_from([None, REF, "ANOTHER"]),
    transaction_type=st.sampled_from([None, "CAPTURE", "PRE_AUTH", "REFUND", "VOID"]),
    refusal=st.one_of(st.none(), st.sampled_from(Refusal)),
    foreign=st.sampled_from([None, "is_live"]),
)


def record(status: PaymentStatus, transaction_id: str | None = None) -> Record:
    payment = replace(INTENT.opened(), status=status, progress=Progress.ANSWERED, transaction_id=transaction_id)
    return Record(INTENT, payment, "me", 45.0, 0.0, 0.0, 2)


def sending() -> Record:
    return Record(INTENT, INTENT.opened(), "me", 45.0, 0.0, 0.0, 1)


@given(statuses, ids, readings)
def test_money_that_moved_never_vanishes_without_a_contradiction(status, known_id, reading):
    change = after_status(record(status, known_id), reading)
    if change is not None and status.took_money and not change.payment.status.took_money:
        assert change.event == "contradiction"
        assert change.payment.status is PaymentStatus.UNKNOWN
        assert change.payment.doubts


@given(statuses, ids, readings)
def test_only_status_data_about_this_reference_changes_anything(status, known_id, reading):
    about = reading.merchant_txn_ref == REF and reading.transaction_id is not None
    if not about or reading.refusal or reading.foreign or reading.transaction_type in ("REFUND", "VOID"):
        assert after_status(record(status, known_id), reading) is None


@given(statuses, ids, readings)
def test_the_same_news_twice_changes_nothing_more(status, known_id, reading):
    first = after_status(record(status, known_id), reading)
    if first is None or first.event == "contradiction":
        return
    settled = replace(record(status, known_id), payment=first.payment)
    assert after_status(settled, reading) is None


@given(st.permutations([(PaymentStatus.APPROVED, A), (PaymentStatus.APPROVED, B), (PaymentStatus.DECLINED, None)]))
def test_the_order_of_the_news_does_not_matter(news):
    standing = record(PaymentStatus.ACTION_REQUIRED)
    for status, transaction_id in news:
        reading = Reading(status=status, transaction_id=transaction_id or str(A[::-1]), merchant_txn_ref=REF)
        change = after_status(standing, reading)
        standing = standing if change is None else replace(standing, payment=change.payment)
    assert standing.payment.status is PaymentStatus.APPROVED
    charged = {standing.payment.transaction_id, *standing.payment.duplicate_charges}
    assert charged == {A, B}


@given(readings)
def test_nothing_but_proof_closes_an_intent_as_not_sent(reading):
    change = after_exchange(sending(), reading, ANSWERED, "me")
    assert change is not None
    assert change.payment.progress is not Progress.NOT_SENT


def test_a_refusal_allows_the_key_again():
    refused = Reading(status=PaymentStatus.CANCELLED, refusal=Refusal.INVALID_REQUEST)
    change = after_exchange(sending(), refused, ANSWERED, "me")
    assert change.payment.progress is Progress.REFUSED


def test_an_answer_for_another_owners_exchange_is_not_taken_for_ones_own():
    approved = Reading(status=PaymentStatus.DECLINED)
    assert after_exchange(sending(), approved, ANSWERED, "someone else") is None


@pytest.mark.parametrize(("now", "status"), [(44.9, PaymentStatus.PENDING), (45.0, PaymentStatus.UNKNOWN)])
def test_past_its_deadline_an_open_intent_is_unknown(now, status):
    assert as_of(sending(), now).payment.status is status


def test_an_amount_that_changed_is_a_contradiction():
    paid = record(PaymentStatus.APPROVED, A)
    paid = replace(paid, payment=replace(paid.payment, approved_amount=Money("1000", "JPY")))
    other = Reading(
        status=PaymentStatus.UNKNOWN, transaction_id=A, merchant_txn_ref=REF, approved_amount=Money("1", "JPY")
    )
    assert after_status(paid, other).event == "contradiction"


def test_a_capture_that_may_have_been_for_less_counts_for_all_that_was_asked():
    held = replace(record(PaymentStatus.AUTHORIZED, A).payment, operation=Operation.AUTHORIZE)
    asked = replace(INTENT, operation=Operation.CAPTURE, amount=Money("600", "JPY"), parent=REF)
    unclear = replace(asked.opened(), status=PaymentStatus.UNKNOWN, progress=Progress.ANSWERED)
    for said, counted in [("1", "600"), ("600", "600"), ("700", "700")]:
        told = replace(unclear, approved_amount=Money(said, "JPY"))
        assert balance_of(held, [Record(asked, told, "me", 0.0, 0.0, 0.0, 2)]).capturing == Money(counted, "JPY")
    foreign = replace(unclear, approved_amount=Money("1", "USD"))
    assert balance_of(held, [Record(asked, foreign, "me", 0.0, 0.0, 0.0, 2)]).capturing == Money("600", "JPY")
