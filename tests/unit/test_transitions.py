"""The rules by themselves, over every pair of states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paymentoptions_async.balance import balance_of
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Change, Intent, Record
from paymentoptions_async.payment import (
    Decline,
    Family,
    Operation,
    Payment,
    PaymentStatus,
    Progress,
    Reading,
    Refusal,
    Source,
)
from paymentoptions_async.transitions import (
    after_exchange,
    after_notice,
    after_status,
    as_of,
    beside_attempts,
    is_news,
    matching,
)
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


# Charges that are never hidden ----------------------------------------------------------------------------------------


def approved(transaction_id: str | None = A, amount: str = "1000", **more: Any) -> Reading:
    """A clear approval; of another amount than the one that was asked for it is in doubt."""
    doubts = () if amount == "1000" else ("it approves another amount",)
    status = PaymentStatus.UNKNOWN if doubts else PaymentStatus.APPROVED
    about: dict[str, Any] = {
        "merchant_txn_ref": REF,
        "transaction_type": "CAPTURE",
        "approved_amount": Money(amount, "JPY"),
    } | more
    return Reading(status=status, doubts=doubts, transaction_id=transaction_id, **about)


def paid(transaction_id: str | None = A) -> Record:
    known = record(PaymentStatus.APPROVED, transaction_id)
    return replace(known, payment=replace(known.payment, approved_amount=Money("1000", "JPY")))


@pytest.mark.parametrize("amount", ["1000", "999"])
def test_a_second_charge_is_told_whatever_its_amount(amount):
    change = after_status(paid(), approved(B, amount))
    assert (change.event, change.payment.duplicate_charges) == ("duplicate_charge", (B,))
    assert (change.payment.status, change.payment.transaction_id) == (PaymentStatus.APPROVED, A)
    again = replace(paid(), payment=change.payment)
    assert after_status(again, approved(B, amount)) is None


@pytest.mark.parametrize("kind", ["REFUND", "VOID", "VOIDAUTHORISATION", "refund", "CHARGEBACK", None])
def test_what_is_no_charge_is_never_told_as_a_second_one(kind):
    """Who gives back what was charged back loses it twice."""
    reading = replace(approved(B), status=PaymentStatus.UNKNOWN, doubts=("a strange kind",), transaction_type=kind)
    assert after_status(paid(), reading) is None


@pytest.mark.parametrize("kind", ["REFUND", "VOID", "VOIDAUTHORISATION", "VOIDAUTHORIZATION", "void"])
def test_an_unknown_charge_is_not_taken_for_what_gave_it_back(kind):
    reading = replace(approved(B), status=PaymentStatus.UNKNOWN, doubts=("its kind",), transaction_type=kind)
    assert after_status(record(PaymentStatus.UNKNOWN), reading) is None


def test_an_approval_for_another_amount_after_a_decline_is_looked_at():
    change = after_status(record(PaymentStatus.DECLINED, A), approved(B, "999"))
    assert (change.event, change.payment.status) == ("contradiction", PaymentStatus.UNKNOWN)
    assert change.payment.doubts == ("was declined, and the gateway now says unknown", "it approves another amount")


def test_an_approval_in_doubt_is_not_hidden_by_another_transactions():
    """A page that was paid twice, where the first answer told another amount."""
    first = after_status(record(PaymentStatus.ACTION_REQUIRED, None), approved(A, "999"))
    assert (first.event, first.payment.status) == ("asked", PaymentStatus.UNKNOWN)
    second = after_status(replace(paid(), payment=first.payment), approved(B))
    assert (second.event, second.payment.status) == ("duplicate_charge", PaymentStatus.APPROVED)
    assert (second.payment.transaction_id, second.payment.duplicate_charges) == (B, (A,))


def test_an_approval_in_doubt_that_was_declined_in_truth_is_no_second_charge():
    first = after_status(record(PaymentStatus.ACTION_REQUIRED, None), approved(A, "999"))
    unclear = replace(paid(), payment=replace(first.payment, decline=Decline("declined", code=5)))
    second = after_status(unclear, approved(B))
    assert (second.event, second.payment.duplicate_charges) == ("confirmed", ())


def after_all(standing: Record, *readings: Reading) -> Payment:
    for reading in readings:
        change = after_status(standing, reading)
        standing = standing if change is None else replace(standing, payment=change.payment)
    return standing.payment


def ends(status: PaymentStatus, transaction_id: str = A) -> Reading:
    decline = Decline("declined", code=5) if status is PaymentStatus.DECLINED else None
    return Reading(status=status, transaction_id=transaction_id, merchant_txn_ref=REF, decline=decline)


@pytest.mark.parametrize("first", [[ends(PaymentStatus.PENDING)], [approved(A, "999")], [approved(), approved(A, "1")]])
@pytest.mark.parametrize("last", [approved(), ends(PaymentStatus.DECLINED), ends(PaymentStatus.PENDING)])
def test_an_approval_in_doubt_is_told_beside_a_transaction_that_is_open(first, last):
    payment = after_all(record(PaymentStatus.UNKNOWN), *first, approved(B, "999"), last)
    assert (payment.transaction_id, payment.duplicate_charges) == (A, (B,))


def test_a_charge_is_not_named_beside_itself():
    """The second of two charges, after the first was contradicted: who refunds what is named must not refund both."""
    payment = after_all(record(PaymentStatus.UNKNOWN), approved(), approved(B), approved(A, "1"), approved(B))
    assert (payment.transaction_id, payment.duplicate_charges) == (B, (A,))


def test_an_approval_in_doubt_that_ended_without_money_is_no_second_charge():
    ended = [approved(A, "999"), ends(PaymentStatus.EXPIRED)]
    payment = after_all(record(PaymentStatus.UNKNOWN), *ended, approved(B))
    assert (payment.transaction_id, payment.duplicate_charges) == (B, ())


def test_an_attempt_on_a_page_is_not_taken_for_a_charge_for_what_an_earlier_one_was_said_to_have_taken():
    page = record(PaymentStatus.ACTION_REQUIRED)
    page = replace(page, payment=replace(page.payment, operation=Operation.HOSTED_PAGE))
    open_again = after_all(page, approved(A, "999"), ends(PaymentStatus.DECLINED))
    assert (open_again.status, open_again.approved_amount) == (PaymentStatus.ACTION_REQUIRED, None)
    payment = after_all(replace(page, payment=open_again), ends(PaymentStatus.PENDING, B), approved(str(A[::-1])))
    assert payment.duplicate_charges == ()


def test_an_approval_that_contradicts_is_not_unsaid_and_not_hidden_by_another_transactions():
    """A page that was closed as expired, and then paid twice."""
    closed = record(PaymentStatus.EXPIRED, None)
    closed = replace(closed, payment=replace(closed.payment, source=Source.PERSON))
    first = after_status(closed, approved(A))
    assert (first.event, first.payment.status, first.payment.contradicted) == (
        "contradiction",
        PaymentStatus.UNKNOWN,
        True,
    )
    unclear = replace(closed, payment=first.payment)
    assert after_status(unclear, replace(approved(A), status=PaymentStatus.DECLINED)) is None
    second = after_status(unclear, approved(B))
    assert (second.event, second.payment.status) == ("duplicate_charge", PaymentStatus.APPROVED)
    assert {second.payment.transaction_id, *second.payment.duplicate_charges} == {A, B}


def test_an_approval_after_a_decline_of_another_attempt_is_confirmed():
    change = after_status(record(PaymentStatus.DECLINED, A), approved(B))
    assert (change.event, change.payment.status, change.payment.transaction_id) == (
        "confirmed",
        PaymentStatus.APPROVED,
        B,
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PaymentStatus.APPROVED, PaymentStatus.PARTIALLY_APPROVED),
        (PaymentStatus.PARTIALLY_APPROVED, PaymentStatus.APPROVED),
    ],
)
def test_one_transaction_is_not_approved_in_whole_and_in_part(before, after):
    change = after_status(replace(paid(), payment=replace(paid().payment, status=before)), approved())
    assert (change is None) is (before is PaymentStatus.APPROVED)
    other = replace(approved(amount="1000"), status=after, approved_amount=Money("500", "JPY"))
    change = after_status(replace(paid(), payment=replace(paid().payment, status=before)), other)
    assert (change.event, change.payment.contradicted) == ("contradiction", True)


def test_a_typed_amount_that_changes_afterwards_is_a_contradiction():
    """Where nothing was asked for, only what was approved before can tell."""
    page = replace(paid(), payment=replace(paid().payment, operation=Operation.HOSTED_PAGE, amount=None))
    other = replace(approved(), approved_amount=Money("5000", "JPY"))
    assert after_status(page, other).event == "contradiction"
    assert after_status(page, approved()) is None


def test_an_approval_without_a_transaction_learns_it_and_tells_a_second_one():
    change = after_status(paid(None), approved(A))
    assert change is not None
    assert (change.event, change.payment.transaction_id) == ("confirmed", A)
    assert not is_news(paid(None).payment, change)
    assert after_status(replace(paid(), payment=change.payment), approved(B)).event == "duplicate_charge"


def test_the_later_charges_of_a_subscription_are_renewals():
    billed = replace(paid(), payment=replace(paid().payment, operation=Operation.SUBSCRIBE))
    change = after_status(billed, approved(B))
    assert change is not None
    assert (change.event, change.payment.renewals, change.payment.duplicate_charges) == ("renewed", (B,), ())
    assert is_news(billed.payment, change)


# Captures, refunds and voids whose answer was lost --------------------------------------------------------------------

CHARGE = "POCHARGE"


def follower(
    operation: Operation = Operation.REFUND, amount: str | None = "300", ref: str = REF, **known: Any
) -> Record:
    """One that may have happened: by default the answer to a refund was lost."""
    intent = replace(
        INTENT,
        operation=operation,
        amount=None if amount is None else Money(amount, "JPY"),
        parent=CHARGE,
        charge_ref=CHARGE,
        ref=ref,
    )
    about: dict[str, Any] = {"status": PaymentStatus.UNKNOWN, "progress": Progress.ANSWERED} | known
    return Record(intent, replace(intent.opened(), **about), "me", 45.0, 0.0, 0.0, 2)


def told(kind: str = "REFUND", amount: str | None = "300", **more: Any) -> Reading:
    about: dict[str, Any] = {"status": PaymentStatus.APPROVED, "merchant_txn_ref": CHARGE, "transaction_id": A} | more
    return Reading(transaction_type=kind, approved_amount=Money(amount, "JPY") if amount else None, **about)


def match(reading: Reading, *followers: Record) -> list[Record]:
    return matching(followers, {one.ref: reading for one in followers})


@pytest.mark.parametrize(
    ("operation", "kind", "amount"),
    [
        (Operation.REFUND, "REFUND", "300"),
        (Operation.CAPTURE, "CAPTURE", "300"),
        (Operation.VOID, "VOID", None),
        (Operation.VOID, "VOIDAUTHORISATION", None),
    ],
)
def test_the_only_open_one_of_its_kind_and_amount_is_it(operation, kind, amount):
    one = follower(operation, amount)
    assert match(told(kind), one, follower(ref="POOTHER", status=PaymentStatus.APPROVED, transaction_id=B)) == [one]
    change = after_notice(one, told(kind))
    assert (change.event, change.payment.status, change.payment.transaction_id) == (
        "confirmed",
        PaymentStatus.APPROVED,
        A,
    )


@pytest.mark.parametrize(
    "others",
    [
        [],
        [follower(amount="301")],
        [follower(Operation.CAPTURE)],
        [follower(status=PaymentStatus.APPROVED)],
        [follower(status=PaymentStatus.DECLINED)],
        [follower(transaction_id=B)],
        [follower(status=PaymentStatus.CANCELLED, progress=Progress.NOT_SENT)],
        [follower(status=PaymentStatus.CANCELLED, progress=Progress.REFUSED)],
    ],
    ids=["none", "amount", "kind", "done", "declined", "known", "not sent", "refused"],
)
def test_what_did_not_happen_or_is_known_is_no_transaction_that_nobody_knows(others):
    assert match(told(), *others) == []
    for other in others:
        assert after_notice(other, told()) is None


def test_what_is_in_flight_may_be_it_as_well():
    unknown, on_its_way = follower(), follower(ref="POOTHER", progress=Progress.SENDING, status=PaymentStatus.PENDING)
    assert match(told(), unknown, on_its_way) == [unknown, on_its_way]


@pytest.mark.parametrize(
    "reading",
    [
        told(status=PaymentStatus.PENDING),
        told(status=PaymentStatus.UNKNOWN),
        told(merchant_txn_ref="ANOTHER"),
        told(merchant_txn_ref=None),
        told(amount=None),
        told(kind="CHARGEBACK"),
    ],
)
def test_an_answer_that_is_not_clear_is_nobodys(reading):
    assert match(reading, follower()) == []


# What an application hears of -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize("progress", Progress)
def test_an_outcome_is_news_and_whatever_did_not_happen_for_good_is_not(status, progress):
    payment = replace(INTENT.opened(), status=status, progress=progress)
    heard = is_news(INTENT.opened(), Change(payment, Source.REPLY, "answered"))
    assert heard is (status.is_final and progress is Progress.ANSWERED)


@pytest.mark.parametrize("status", [status for status in PaymentStatus if status.is_final])
def test_the_same_outcome_again_is_no_news_and_another_one_is(status):
    before = record(status, A).payment
    assert not is_news(before, Change(replace(before, source=Source.STATUS), Source.STATUS, "confirmed"))
    for other in PaymentStatus:
        if other.is_final and other is not status:
            assert is_news(before, Change(replace(before, status=other), Source.STATUS, "confirmed"))
    unsure = replace(before, status=PaymentStatus.UNKNOWN)
    assert is_news(before, Change(unsure, Source.STATUS, "contradiction"))
    assert is_news(unsure, Change(before, Source.STATUS, "confirmed"))


def test_one_more_charge_is_news_once():
    before = paid().payment
    after = replace(before, duplicate_charges=(B,))
    assert is_news(before, Change(after, Source.STATUS, "duplicate_charge"))
    assert not is_news(after, Change(after, Source.STATUS, "confirmed"))


def test_both_charges_of_an_order_are_told_by_the_later_one_once():
    first = replace(paid(A), intent=replace(INTENT, ref="POFIRST"))
    first = replace(first, payment=replace(first.payment, ref="POFIRST"))
    late = Change(paid(B).payment, Source.STATUS, "confirmed")
    told = beside_attempts(late, [first, record(PaymentStatus.APPROVED, B)])
    assert (told.event, told.payment.duplicate_charges) == ("duplicate_charge", (A,))
    assert beside_attempts(Change(told.payment, Source.STATUS, "confirmed"), [first]).event == "confirmed"
    declined = Change(record(PaymentStatus.DECLINED).payment, Source.REPLY, "answered")
    assert beside_attempts(declined, [first]) is declined


@pytest.mark.parametrize("named", [A, REF])
def test_a_charge_that_another_one_names_does_not_name_that_one_too(named):
    """Whoever refunds the charges that are named would refund both."""
    later = replace(paid(B).payment, ref="POLATER", duplicate_charges=(named,))
    later_record = replace(paid(B), intent=replace(INTENT, ref="POLATER"), payment=later)
    charged_back = Change(paid(A).payment, Source.STATUS, "charged_back")
    assert beside_attempts(charged_back, [paid(A), later_record]) is charged_back


# Past a deadline ------------------------------------------------------------------------------------------------------


def test_a_link_past_its_deadline_may_be_made_again():
    link = replace(INTENT, operation=Operation.HOSTED_PAGE)
    assert link.operation.family is Family.LINK
    late = as_of(Record(link, link.opened(), "me", 45.0, 0.0, 0.0, 1), 45.0)
    assert (late.payment.status, late.payment.progress) == (PaymentStatus.CANCELLED, Progress.REFUSED)


def test_an_answer_past_the_deadline_still_counts_for_whoever_sent_it():
    assert after_exchange(sending(), approved(), ANSWERED, "me").payment.status is PaymentStatus.APPROVED
    nothing = Evidence(Left.NOTHING, Stage.POOL, failure="cancelled")
    unsent = Reading(status=PaymentStatus.CANCELLED)
    assert after_exchange(sending(), unsent, nothing, "me").payment.progress is Progress.NOT_SENT


def test_a_direct_answer_after_its_webhook_changes_nothing_and_another_charge_is_told():
    assert after_exchange(paid(), approved(A), ANSWERED, "me") is None
    assert after_exchange(paid(), approved(B), ANSWERED, "me").event == "duplicate_charge"
    assert after_exchange(paid(), Reading(status=PaymentStatus.UNKNOWN), ANSWERED, "me") is None
