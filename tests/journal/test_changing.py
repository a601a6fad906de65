from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Change, Entry, Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Decline, PaymentStatus, Progress, Source
from paymentoptions_async.transitions import LAPSED
from paymentoptions_async.values import MaskedCard, Money
from tests.journal.conftest import Store
from tests.journal.making import LEASE, Asking, admitted, becomes, make_id, make_intent, not_sent, nothing, paid


async def test_a_change_is_kept_whole(store: Store) -> None:
    intent = make_intent(amount=Money("10.50", "USD"), currency="USD")
    opened = await admitted(store.journal, intent)
    store.clock.advance(0.75)
    decide = Asking(
        becomes(
            PaymentStatus.PARTIALLY_APPROVED,
            approved_amount=Money("10.00", "USD"),
            transaction_id=make_id(),
            transaction_type="CAPTURE",
            auth_code="268004",
            response_code=10,
            gateway_code="INFO0000",
            decline=Decline("insufficient_funds", 51, new_attempt_may_help=True, message="残高不足"),
            card=MaskedCard("520000", "1005", "12", "29", "MASTERCARD"),
            redirect_url="https://gateway.example/3ds?_token=eyJ",
            stored_payment_method_id="094db781-fabc-4c6d-8fcd-18bee06a527a",
            gateway_time=datetime(2024, 11, 25, 8, 24, 36, 5, UTC),
            doubts=("one", "two"),
            raw={"payment_details": {"amount": Decimal("10.50"), "name": "アイベック"}, "list": [1, None, True]},
        )
    )
    changed = await store.journal.change(intent.ref, decide)
    assert decide.seen == [opened]
    assert changed == replace(opened, payment=decide(opened).payment, changed_at=store.clock(), version=2)
    found = await store.another().get(intent.ref)
    assert found == changed
    assert str(found.payment.raw) == str(changed.payment.raw)  # Decimals of the same digits


async def test_history_says_what_changed_when_and_by_whom(store: Store) -> None:
    intent = make_intent()
    await admitted(store.journal, intent)
    store.clock.advance(1.5)
    unclear = becomes(PaymentStatus.UNKNOWN, doubts=("amounts differ",))
    await store.journal.change(intent.ref, unclear)
    store.clock.advance(3600)

    def settle(record: Record) -> Change:
        payment = replace(record.payment, status=PaymentStatus.APPROVED, source=Source.PERSON, doubts=())
        return Change(payment, Source.PERSON, "settled", by="J. Doe", note="seen in the portal")

    await store.journal.change(intent.ref, settle)
    pending, answered = PaymentStatus.PENDING, Progress.ANSWERED
    evidence = Evidence(Left.MAYBE, Stage.DONE, http_status=201, elapsed=0.25)
    start = store.clock() - 3601.5
    assert await store.another().history(intent.ref) == (
        Entry(1, start, Source.CALLER, pending, Progress.SENDING, "opened"),
        Entry(2, start + 1.5, Source.REPLY, PaymentStatus.UNKNOWN, answered, "answered", evidence, ("amounts differ",)),
        Entry(
            3,
            store.clock(),
            Source.PERSON,
            PaymentStatus.APPROVED,
            answered,
            "settled",
            by="J. Doe",
            note="seen in the portal",
        ),
    )


async def test_a_decision_that_nothing_changes_leaves_no_line(store: Store) -> None:
    record = await admitted(store.journal, make_intent())
    assert await store.journal.change(record.ref, nothing) == record
    assert len(await store.journal.history(record.ref)) == 1
    store.clock.advance(LEASE)
    lapsed = await store.journal.change(record.ref, nothing)
    assert (lapsed.payment.status, lapsed.payment.doubts) == (PaymentStatus.UNKNOWN, (LAPSED,))


async def test_a_decision_sees_the_record_as_it_was_written(store: Store) -> None:
    record = await admitted(store.journal, make_intent())
    store.clock.advance(LEASE + 1)
    decide = Asking(nothing)
    await store.journal.change(record.ref, decide)
    assert decide.seen == [record]


async def test_a_record_that_nobody_admitted_is_not_changed(journal: Journal) -> None:
    with pytest.raises(KeyError):
        await journal.change("POUNKNOWN", becomes(PaymentStatus.APPROVED))


async def test_changes_at_once_are_made_one_after_the_other(store: Store) -> None:
    """Each decision sees what the one before it left, whichever journal it came through."""
    record = await admitted(store.journal, make_intent())
    journals = [store.journal, store.another()]

    def one_more(record: Record) -> Change:
        renewed = replace(record.payment, renewals=(*record.payment.renewals, make_id()))
        return Change(renewed, Source.STATUS, "renewed")

    await asyncio.gather(*(journals[n % 2].change(record.ref, one_more) for n in range(20)))
    found = await store.journal.get(record.ref)
    assert found is not None
    assert (found.version, len(set(found.payment.renewals))) == (21, 20)
    assert [entry.version for entry in await store.journal.history(record.ref)] == list(range(1, 22))


async def test_two_attempts_of_an_order_that_both_end_approved_are_no_secret(journal: Journal) -> None:
    waiting = await paid(journal, make_intent("1", order="1042"), PaymentStatus.ACTION_REQUIRED, transaction_id=None)
    second = await paid(journal, make_intent("2", order="1042", supersedes=waiting.ref))
    found = await journal.change(waiting.ref, becomes(PaymentStatus.APPROVED, transaction_id=make_id()))
    assert found.payment.duplicate_charges == (second.transaction_id,)
    assert (await journal.history(waiting.ref))[-1].event == "duplicate_charge"


async def test_the_first_who_names_a_transaction_keeps_it(journal: Journal) -> None:
    transaction_id = make_id()
    first = await paid(journal, make_intent("1"), transaction_id=transaction_id)
    await paid(journal, make_intent("2"), transaction_id=transaction_id)
    found = await journal.find(transaction_id)
    assert found is not None
    assert found.ref == first.ref


async def test_what_was_not_sent_stays_so_until_it_is_claimed(store: Store) -> None:
    record = await admitted(store.journal, make_intent())
    await store.journal.change(record.ref, not_sent)
    store.clock.advance(LEASE * 2)
    found = await store.journal.get(record.ref)
    assert found is not None
    assert (found.payment.status, found.payment.progress) == (PaymentStatus.CANCELLED, Progress.NOT_SENT)
