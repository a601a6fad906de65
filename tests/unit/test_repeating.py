"""An answer that says again what is settled: it needs no second reading, because that could change nothing."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.gateway import CardGateway
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Reading, Source
from paymentoptions_async.settings import Settings
from paymentoptions_async.transitions import after_status, repeats
from paymentoptions_async.values import Money
from paymentoptions_async.wire.exchange import Reply
from tests.support.reply_samples import MERCHANT, MISSING, REF, TRANSACTION, body, status_reply

OTHER = "9e9255f5-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
YEN, LESS = Money("1000", "JPY"), Money("900", "JPY")
DONE = Evidence(Left.MAYBE, Stage.DONE, http_status=200)
GATEWAY = CardGateway(
    Settings.check(
        merchant_id=MERCHANT,
        environment="sandbox",
        sandbox_url="http://127.0.0.1:9",
        signing_secrets=None,
        public_url=None,
        proxy=None,
    )
)

VARIED: dict[str, st.SearchStrategy[Any]] = {
    "success": st.sampled_from([True, False]),
    "transaction_type": st.sampled_from(["CAPTURE", "PRE_AUTH", "REFUND", "VOID", "SALE", MISSING]),
    "payment_details.response_code": st.sampled_from([0, 10, 51, 578]),
    "payment_details.amount": st.sampled_from([1000, 900, 0, MISSING]),
    "payment_details.currency": st.sampled_from(["JPY", "USD", MISSING]),
    "merchant_details.mid": st.sampled_from([MERCHANT, MISSING]),
    "merchant_details.merchant_txn_ref": st.sampled_from([REF, "POANOTHER", MISSING]),
    "transaction_details.id": st.sampled_from([TRANSACTION, OTHER, TRANSACTION.upper(), MISSING]),
}
answers: st.SearchStrategy[dict[str, Any]] = st.one_of(
    *(st.fixed_dictionaries({}, optional={name: VARIED[name] for name in names}) for names in combinations(VARIED, 2))
)
intents = st.builds(
    Intent,
    gateway=st.just("paymentoptions"),
    environment=st.just("sandbox"),
    merchant_id=st.just(MERCHANT),
    operation=st.sampled_from([operation for operation in Operation if operation is not Operation.STATUS]),
    idempotency_key=st.just("1"),
    ref=st.just(REF),
    amount=st.sampled_from([YEN, LESS, None]),
    currency=st.sampled_from([None, "JPY"]),
    charge_ref=st.sampled_from([REF, None]),
)


def reading_of(reply: Reply, record: Record | None = None) -> Reading:
    known = GATEWAY.expected_of_unknown(TRANSACTION) if record is None else GATEWAY.expected(record, TRANSACTION)
    return GATEWAY.read_status(reply, known)


def answer(changes: dict[str, Any] | None = None) -> Reply:
    return Reply(200, {}, body(status_reply(changes)), DONE)


def settled_by(reading: Reading, intent: Intent, **others: Any) -> Record:
    """A record of which an earlier answer said the same."""
    about: dict[str, Any] = {
        "status": reading.status,
        "progress": Progress.ANSWERED,
        "source": Source.STATUS,
        "transaction_id": reading.transaction_id,
        "approved_amount": reading.approved_amount,
    }
    return Record(intent, replace(intent.opened(), **about | others), "me", 45.0, 0.0, 0.0, 2)


states = st.fixed_dictionaries(
    {
        "source": st.sampled_from(Source),
        "contradicted": st.booleans(),
        "transaction_type": st.sampled_from([None, "CAPTURE", "PRE_AUTH"]),
        "duplicate_charges": st.sampled_from([(), (OTHER,)]),
    }
)


@settings(max_examples=500)
@given(answers, answers, intents, states)
def test_what_repeats_changes_nothing_however_it_is_read(earlier, changed, intent, state):
    unsettled = Record(intent, intent.opened(), "me", 45.0, 0.0, 0.0, 1)
    record = settled_by(reading_of(answer(earlier), unsettled), intent, **state)
    reply = answer(earlier | changed)
    if repeats(record, reading_of(reply)):
        assert after_status(record, reading_of(reply, record)) is None


INTENT = Intent(
    gateway="paymentoptions",
    environment="sandbox",
    merchant_id=MERCHANT,
    operation=Operation.PURCHASE,
    idempotency_key="1",
    ref=REF,
    amount=YEN,
)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"payment_details.response_code": 10, "payment_details.amount": 900},
        {"success": False, "payment_details.response_code": 51},
    ],
)
def test_what_was_settled_and_is_told_again_repeats(changes):
    reading = reading_of(answer(changes))
    assert reading.status.is_final
    assert repeats(settled_by(reading, INTENT), reading)


@pytest.mark.parametrize(
    "known",
    [
        {"approved_amount": LESS},
        {"status": PaymentStatus.DECLINED},
        {"status": PaymentStatus.AUTHORIZED},
        {"status": PaymentStatus.PENDING},
        {"source": Source.PERSON},
        {"transaction_id": OTHER},
        {"transaction_id": None},
        {"progress": Progress.REFUSED},
    ],
)
def test_what_says_more_than_is_known_does_not_repeat(known):
    reading = reading_of(answer())
    assert not repeats(settled_by(reading, INTENT, **known), reading)


@pytest.mark.parametrize("status", [status for status in PaymentStatus if not status.is_final])
def test_what_is_open_is_not_settled_by_hearing_it_again(status):
    reading = Reading(status=status, transaction_id=TRANSACTION)
    assert not repeats(settled_by(reading, INTENT), reading)
