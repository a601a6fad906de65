"""What a person may say of a payment, and what the gateway may say after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from paymentoptions_async.errors import InvalidValue, NotAllowed
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Reading, Refusal, Source
from paymentoptions_async.settlement import Verdict, check_words, settled
from paymentoptions_async.transitions import after_exchange, after_notice, after_status, matching
from paymentoptions_async.values import Money

A = "ab8444e7-fec0-40dd-994d-0ad813785f74"
B = "9e9255f5-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
REF = "POVX3H3UM6I7FYDRVZB7JKQOQHL33FBFI3"
YEN = Money("1000", "JPY")
DONE = Evidence(Left.MAYBE, Stage.DONE, http_status=201)
OPEN = [PaymentStatus.UNKNOWN, PaymentStatus.PENDING, PaymentStatus.ACTION_REQUIRED]
CLOSED = [status for status in PaymentStatus if status.is_final]
NO_MONEY = [Verdict.NOT_HAPPENED, Verdict.ABANDONED]


def record(
    status: PaymentStatus, *, operation: Operation = Operation.PURCHASE, amount: Money | None = YEN, **known: Any
) -> Record:
    intent = Intent(
        gateway="paymentoptions",
        environment="sandbox",
        merchant_id="JP00000001",
        operation=operation,
        idempotency_key="1",
        ref=REF,
        amount=amount,
        parent="POPARENT" if operation.follows else None,
        charge_ref="POCHARGE" if operation.follows else None,
    )
    changes: dict[str, Any] = {"status": status, "progress": Progress.ANSWERED, "doubts": ("no answer",), **known}
    return Record(intent, replace(intent.opened(), **changes), "me", 45.0, 0.0, 0.0, 2)


def say(known: Record, verdict: Verdict, transaction_id: str | None = None, *, seen: int = 2):
    return settled(known, verdict, seen=seen, by="Ann", note="looked in the portal", transaction_id=transaction_id)


def said(verdict: Verdict, transaction_id: str | None = None, **about: Any) -> Record:
    """A record as a person has settled it."""
    status = PaymentStatus.ACTION_REQUIRED if verdict is Verdict.ABANDONED else PaymentStatus.UNKNOWN
    known = record(status, **about)
    return known.with_change(say(known, verdict, transaction_id), 1.0)


def told(status: PaymentStatus, transaction_id: str | None = A, **more: Any) -> Reading:
    more = {"merchant_txn_ref": REF, "transaction_type": "CAPTURE"} | more
    if status.took_money:
        more = {"approved_amount": YEN} | more
    return Reading(status=status, transaction_id=transaction_id, **more)


def in_doubt(amount: str = "999", transaction_id: str = A) -> Reading:
    """An approval of another amount than was asked for."""
    doubts = (f"it approves {amount} JPY, but 1000 JPY was asked for",)
    return told(PaymentStatus.UNKNOWN, transaction_id, approved_amount=Money(amount, "JPY"), doubts=doubts)


# What a person may say ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", OPEN)
@pytest.mark.parametrize(
    ("verdict", "operation", "outcome"),
    [
        (Verdict.HAPPENED, Operation.PURCHASE, PaymentStatus.APPROVED),
        (Verdict.HAPPENED, Operation.AUTHORIZE, PaymentStatus.AUTHORIZED),
        (Verdict.HAPPENED, Operation.REFUND, PaymentStatus.APPROVED),
        (Verdict.HAPPENED, Operation.VOID, PaymentStatus.APPROVED),
        (Verdict.HAPPENED, Operation.HOSTED_PAGE, PaymentStatus.APPROVED),
        (Verdict.NOT_HAPPENED, Operation.PURCHASE, PaymentStatus.CANCELLED),
        (Verdict.NOT_HAPPENED, Operation.CAPTURE, PaymentStatus.CANCELLED),
    ],
)
def test_what_is_open_ends_as_a_person_says(status, verdict, operation, outcome):
    change = say(record(status, operation=operation, redirect_url="https://x", contradicted=True), verdict)
    assert change.payment.status is outcome
    assert change.payment.progress is Progress.ANSWERED  # so that its key never sends again
    assert (change.payment.source, change.payment.doubts, change.payment.contradicted) == (Source.PERSON, (), False)
    assert change.payment.redirect_url is None
    assert (change.event, change.by, change.note) == ("settled", "Ann", "looked in the portal")
    entry = change.entry(3, 1.0)
    assert (entry.source, entry.by, entry.note, entry.status) == (Source.PERSON, "Ann", change.note, outcome)


def test_an_amount_that_was_in_doubt_is_not_what_a_person_says_happened():
    change = say(record(PaymentStatus.UNKNOWN, approved_amount=Money("1", "JPY")), Verdict.HAPPENED)
    assert (change.payment.amount, change.payment.approved_amount) == (YEN, None)


def test_a_buyer_who_never_came_back_leaves_an_expired_payment():
    assert say(record(PaymentStatus.ACTION_REQUIRED), Verdict.ABANDONED).payment.status is PaymentStatus.EXPIRED


@pytest.mark.parametrize("status", [PaymentStatus.UNKNOWN, PaymentStatus.PENDING])
def test_only_what_waits_for_its_buyer_can_be_abandoned(status):
    with pytest.raises(NotAllowed, match="does not wait for its buyer"):
        say(record(status), Verdict.ABANDONED)


@pytest.mark.parametrize("status", CLOSED)
@pytest.mark.parametrize("verdict", Verdict)
def test_what_is_final_is_not_settled_again(status, verdict):
    with pytest.raises(NotAllowed, match="nothing to settle") as refused:
        say(record(status), verdict)
    assert refused.value.payment.status is status


def test_what_changed_since_it_was_seen_is_not_settled():
    assert say(record(PaymentStatus.UNKNOWN), Verdict.HAPPENED, seen=1) is None
    assert say(record(PaymentStatus.APPROVED), Verdict.HAPPENED, seen=1) is None


def test_a_page_whose_amount_the_buyer_types_is_not_said_to_be_paid_by_hand():
    page = record(PaymentStatus.ACTION_REQUIRED, operation=Operation.HOSTED_PAGE, amount=None)
    with pytest.raises(NotAllowed, match="no amount of its own"):
        say(page, Verdict.HAPPENED)
    assert say(page, Verdict.ABANDONED).payment.status is PaymentStatus.EXPIRED


def test_a_transaction_is_kept_where_the_portal_shows_one():
    assert say(record(PaymentStatus.UNKNOWN), Verdict.HAPPENED, A).payment.transaction_id == A
    assert say(record(PaymentStatus.UNKNOWN, transaction_id=A), Verdict.HAPPENED).payment.transaction_id == A


@pytest.mark.parametrize("words", ["", "   ", "\n", None, 7, b"Ann", "a\x00b", "a\u202eb", "a" * 501])
def test_without_proper_words_nothing_is_settled(words):
    with pytest.raises(InvalidValue, match="note"):
        check_words("Ann", words)
    with pytest.raises(InvalidValue, match="by"):
        check_words(words, "looked in the portal")


def test_the_limits_of_the_words_are_those_that_are_told():
    assert check_words("b" * 100, "n" * 500) == ("b" * 100, "n" * 500)
    with pytest.raises(InvalidValue, match="by: at most 100"):
        check_words("b" * 101, "n")
    assert check_words("  Ann \t Lee ", "two\nlines") == ("Ann Lee", "two lines")


def test_a_card_number_or_secret_in_the_words_is_masked():
    by, note = check_words("Ann 5200000000001005", "card 4000 0025 0000 3155, cvc: 123, x-api-key=abcdefgh1234")
    assert by == "Ann 520000******1005"
    for secret in ("2500003155", "0000 3155", "123,", "abcdefgh"):
        assert secret not in note


# What the gateway may say after it ------------------------------------------------------------------------------------


@pytest.mark.parametrize("by_person", [None, A])
def test_an_approval_of_what_a_person_said_happened_stands_from_then_on(by_person):
    change = after_status(said(Verdict.HAPPENED, by_person), told(PaymentStatus.APPROVED))
    assert (change.event, change.payment.status, change.payment.source) == (
        "confirmed",
        PaymentStatus.APPROVED,
        Source.STATUS,
    )
    assert (change.payment.transaction_id, change.payment.approved_amount) == (A, YEN)


def test_a_decline_of_what_a_person_said_did_not_happen_stands_from_then_on():
    change = after_status(said(Verdict.NOT_HAPPENED), told(PaymentStatus.DECLINED))
    assert (change.event, change.payment.status) == ("confirmed", PaymentStatus.DECLINED)


@pytest.mark.parametrize("verdict", NO_MONEY)
@pytest.mark.parametrize(
    "reading",
    [
        told(PaymentStatus.APPROVED),
        told(PaymentStatus.PARTIALLY_APPROVED),
        told(PaymentStatus.PENDING),
        in_doubt(),
        told(PaymentStatus.UNKNOWN, doubts=("code 68 does not say what happened",)),
    ],
    ids=["approved", "partly", "pending", "approved for another amount", "unclear"],
)
def test_a_transaction_that_may_have_charged_contradicts_who_said_that_nothing_happened(verdict, reading):
    change = after_status(said(verdict), reading)
    assert (change.event, change.payment.status) == ("contradiction", PaymentStatus.UNKNOWN)
    assert change.payment.transaction_id == A
    assert change.payment.doubts


@pytest.mark.parametrize("reading", [told(PaymentStatus.PENDING), told(PaymentStatus.UNKNOWN, doubts=("unclear",))])
def test_what_a_person_had_before_them_already_does_not_contradict_them_again(reading):
    """They settled it because the gateway kept on saying so."""
    assert after_status(said(Verdict.NOT_HAPPENED, A), reading) is None
    assert after_status(said(Verdict.NOT_HAPPENED, A), in_doubt()).event == "contradiction"


@pytest.mark.parametrize("by_person", [None, A])
def test_a_decline_contradicts_who_said_that_it_happened(by_person):
    change = after_status(said(Verdict.HAPPENED, by_person), told(PaymentStatus.DECLINED))
    assert (change.event, change.payment.status) == ("contradiction", PaymentStatus.UNKNOWN)
    assert change.payment.contradicted  # so that asking again does not make a decline of it


@pytest.mark.parametrize("by_person", [None, A])
def test_another_amount_contradicts_who_said_that_it_happened(by_person):
    change = after_status(said(Verdict.HAPPENED, by_person), in_doubt())
    assert (change.event, change.payment.status) == ("contradiction", PaymentStatus.UNKNOWN)


def test_another_approval_than_the_one_a_person_named_is_a_second_charge():
    change = after_status(said(Verdict.HAPPENED, B), told(PaymentStatus.APPROVED))
    assert (change.event, change.payment.status) == ("duplicate_charge", PaymentStatus.APPROVED)
    assert (change.payment.transaction_id, change.payment.duplicate_charges) == (B, (A,))


def test_another_transactions_decline_says_nothing_of_the_one_a_person_named():
    assert after_status(said(Verdict.HAPPENED, B), told(PaymentStatus.DECLINED)) is None


@pytest.mark.parametrize("verdict", NO_MONEY)
def test_a_declined_card_on_an_abandoned_page_leaves_a_later_payment_a_contradiction(verdict):
    page = said(verdict, operation=Operation.HOSTED_PAGE)
    assert after_status(page, told(PaymentStatus.DECLINED)) is None
    assert after_status(page, told(PaymentStatus.APPROVED, B)).event == "contradiction"


# The late answer of whoever sent it -----------------------------------------------------------------------------------


def late(verdict: Verdict, reading: Reading, evidence: Evidence = DONE):
    return after_exchange(said(verdict), reading, evidence, "me")


def test_a_late_answer_that_agrees_with_a_person_is_confirmed():
    assert late(Verdict.HAPPENED, told(PaymentStatus.APPROVED)).event == "confirmed"
    assert late(Verdict.NOT_HAPPENED, told(PaymentStatus.DECLINED)).event == "confirmed"


@pytest.mark.parametrize(
    ("verdict", "reading"),
    [
        (Verdict.HAPPENED, told(PaymentStatus.DECLINED)),
        (Verdict.HAPPENED, told(PaymentStatus.DECLINED, None)),
        (Verdict.HAPPENED, Reading(status=PaymentStatus.CANCELLED, refusal=Refusal.INVALID_REQUEST)),
        (Verdict.HAPPENED, Reading(status=PaymentStatus.ACTION_REQUIRED, redirect_url="https://x")),
        (Verdict.NOT_HAPPENED, told(PaymentStatus.APPROVED)),
        (Verdict.NOT_HAPPENED, told(PaymentStatus.APPROVED, None)),
        (Verdict.NOT_HAPPENED, told(PaymentStatus.PENDING)),
    ],
    ids=["declined", "declined, no id", "refused", "page", "approved", "approved, no id", "pending"],
)
def test_a_late_answer_that_contradicts_a_person_is_a_contradiction(verdict, reading):
    change = late(verdict, reading)
    assert (change.event, change.payment.status) == ("contradiction", PaymentStatus.UNKNOWN)
    assert change.payment.progress is Progress.ANSWERED


def test_proof_that_nothing_was_sent_contradicts_who_said_that_it_happened():
    nothing = Evidence(Left.NOTHING, Stage.POOL, failure="cancelled")
    unsent = Reading(status=PaymentStatus.CANCELLED, doubts=(str(nothing),))
    assert late(Verdict.HAPPENED, unsent, nothing).event == "contradiction"
    assert late(Verdict.NOT_HAPPENED, unsent, nothing) is None


@pytest.mark.parametrize("verdict", [Verdict.HAPPENED, Verdict.NOT_HAPPENED])
def test_a_late_answer_that_says_nothing_changes_nothing(verdict):
    lost = Evidence(Left.MAYBE, Stage.SENDING, failure="reset")
    assert late(verdict, Reading(status=PaymentStatus.UNKNOWN, doubts=("lost",)), lost) is None


def test_somebody_elses_late_answer_without_a_transaction_changes_nothing():
    refused = Reading(status=PaymentStatus.CANCELLED, refusal=Refusal.INVALID_REQUEST)
    assert after_exchange(said(Verdict.HAPPENED), refused, DONE, "someone else") is None


# Captures, refunds and voids, which are told under their charge's reference -------------------------------------------


def refund_told(status: PaymentStatus, transaction_id: str = A, **more: Any) -> Reading:
    return told(status, transaction_id, **{"merchant_txn_ref": "POCHARGE", "transaction_type": "REFUND"} | more)


@pytest.mark.parametrize(
    ("verdict", "status", "event"),
    [
        (Verdict.HAPPENED, PaymentStatus.APPROVED, "confirmed"),
        (Verdict.NOT_HAPPENED, PaymentStatus.APPROVED, "contradiction"),
    ],
)
def test_a_notice_confirms_or_contradicts_what_a_person_said_of_a_refund(verdict, status, event):
    refund = said(verdict, operation=Operation.REFUND)
    assert matching([refund], {REF: refund_told(status)}) == [refund]
    assert after_notice(refund, refund_told(status)).event == event


def test_a_refund_whose_transaction_a_person_named_is_not_taken_for_another():
    refund = said(Verdict.HAPPENED, B, operation=Operation.REFUND)
    assert matching([refund], {REF: refund_told(PaymentStatus.APPROVED)}) == []
    assert after_status(refund, refund_told(PaymentStatus.APPROVED)) is None
    assert after_status(refund, refund_told(PaymentStatus.DECLINED, B)).event == "contradiction"
