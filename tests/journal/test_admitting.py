from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from paymentoptions_async.admission import Admission
from paymentoptions_async.balance import balance_of
from paymentoptions_async.errors import IdempotencyConflict, NotAllowed
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Source
from paymentoptions_async.values import Money
from tests.journal.conftest import Store
from tests.journal.making import LEASE, admitted, becomes, make_id, make_intent, not_sent, paid


async def test_an_intent_is_written_down_before_it_may_be_sent(store: Store) -> None:
    intent = make_intent(order="1042", signing_key="k1", has_3d_secure=False)
    admission = await store.journal.admit(intent, owner="first", lease=LEASE)
    record = admission.record
    assert admission.send
    assert record.intent == intent
    assert (record.owner, record.version) == ("first", 1)
    assert (record.opened_at, record.changed_at, record.deadline) == (
        store.clock(),
        store.clock(),
        store.clock() + LEASE,
    )
    assert (record.payment.status, record.payment.progress) == (PaymentStatus.PENDING, Progress.SENDING)
    assert await store.journal.get(intent.ref) == record
    assert await store.another().get(intent.ref) == record


async def test_the_same_key_again_gets_what_stands(journal: Journal) -> None:
    intent = make_intent()
    record = await admitted(journal, intent)
    again = await journal.admit(intent, owner="second", lease=LEASE)
    assert again == Admission(send=False, record=record)
    payment = await journal.change(intent.ref, becomes(PaymentStatus.APPROVED))
    assert await journal.admit(intent, owner="third", lease=LEASE) == Admission(send=False, record=payment)
    assert len(await journal.history(intent.ref)) == 2


async def test_the_same_key_for_something_else_is_a_conflict(journal: Journal) -> None:
    await admitted(journal, make_intent())
    with pytest.raises(IdempotencyConflict) as caught:
        await journal.admit(make_intent(amount=Money("2000", "JPY")), owner="second", lease=LEASE)
    assert caught.value.fields == ("amount",)


async def test_what_was_not_sent_is_claimed_again_by_one(store: Store) -> None:
    intent = make_intent()
    first = await admitted(store.journal, intent)
    await store.journal.change(intent.ref, not_sent)
    store.clock.advance(5)
    journals = [store.journal, store.another()]
    admissions = await asyncio.gather(
        *(journals[n % 2].admit(intent, owner=f"owner {n}", lease=LEASE) for n in range(10))
    )
    (winner,) = [admission.record for admission in admissions if admission.send]
    assert {admission.record for admission in admissions} == {winner}
    assert (winner.version, winner.opened_at, winner.changed_at) == (3, first.opened_at, store.clock())
    assert winner.deadline == store.clock() + LEASE
    assert [entry.event for entry in await store.journal.history(intent.ref)] == ["opened", "not sent", "opened again"]


async def test_another_order_counts_when_a_key_is_claimed_again(journal: Journal) -> None:
    await admitted(journal, make_intent(order="A"))
    await journal.change(make_intent().ref, not_sent)
    await admitted(journal, make_intent(order="B"))
    await admitted(journal, make_intent("1042:2", order="A"))
    with pytest.raises(NotAllowed, match="in flight"):
        await journal.admit(make_intent("1042:3", order="B"), owner="second", lease=LEASE)


@pytest.mark.parametrize("attempts", [8])
async def test_of_many_with_one_key_one_may_send(store: Store, attempts: int) -> None:
    intent = make_intent()
    journals = [store.journal, store.another()]
    admissions = await asyncio.gather(
        *(journals[n % 2].admit(intent, owner=f"owner {n}", lease=LEASE) for n in range(attempts))
    )
    assert [admission.send for admission in admissions].count(True) == 1
    assert len({admission.record.owner for admission in admissions}) == 1


async def test_of_many_attempts_of_an_order_one_may_send(store: Store) -> None:
    journals = [store.journal, store.another()]
    outcomes = await asyncio.gather(
        *(
            journals[n % 2].admit(make_intent(f"1042:{n}", order="1042"), owner=f"owner {n}", lease=LEASE)
            for n in range(8)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Admission) and outcome.send for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NotAllowed) for outcome in outcomes) == 7


async def test_orders_of_two_merchants_are_two_orders(journal: Journal) -> None:
    await paid(journal, make_intent("1", order="1042"))
    await admitted(journal, make_intent("2", order="1042", merchant="JP00000002"))


async def test_an_attempt_past_its_deadline_blocks_its_order_as_unknown(store: Store) -> None:
    await admitted(store.journal, make_intent("1", order="1042"))
    store.clock.advance(LEASE)
    with pytest.raises(NotAllowed, match="is unknown"):
        await store.journal.admit(make_intent("2", order="1042"), owner="second", lease=LEASE)


async def test_an_attempt_that_waits_for_its_buyer_is_given_up_by_name(journal: Journal) -> None:
    waiting = await paid(
        journal, make_intent("1", order="1042"), PaymentStatus.ACTION_REQUIRED, redirect_url="https://gateway.example"
    )
    with pytest.raises(NotAllowed, match="waits for its buyer"):
        await journal.admit(make_intent("2", order="1042"), owner="second", lease=LEASE)
    await admitted(journal, make_intent("2", order="1042", supersedes=waiting.ref))


async def test_of_many_refunds_no_more_are_admitted_than_was_paid(store: Store) -> None:
    charge = await paid(store.journal, make_intent(amount=Money("1000", "JPY")))
    journals = [store.journal, store.another()]
    outcomes = await asyncio.gather(
        *(
            journals[n % 2].admit(
                make_intent(f"refund {n}", operation=Operation.REFUND, parent=charge.ref, amount=Money("300", "JPY")),
                owner=f"owner {n}",
                lease=LEASE,
            )
            for n in range(8)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Admission) and outcome.send for outcome in outcomes) == 3
    assert sum(isinstance(outcome, NotAllowed) for outcome in outcomes) == 5


async def test_what_was_refunded_by_transaction_id_counts(journal: Journal) -> None:
    """The journal learned of the charge after the refund was asked for."""
    transaction_id = make_id()
    refund = make_intent("r1", operation=Operation.REFUND, parent=transaction_id, amount=Money("900", "JPY"))
    await paid(journal, refund)
    charge = await paid(journal, make_intent(), transaction_id=transaction_id)
    with pytest.raises(NotAllowed, match="more than the 100 JPY left"):
        await journal.admit(
            make_intent("r2", operation=Operation.REFUND, parent=charge.ref, amount=Money("101", "JPY")),
            owner="second",
            lease=LEASE,
        )


async def test_what_is_asked_for_by_transaction_id_counts_once_its_payment_is_known(journal: Journal) -> None:
    """It was looked up before the journal learned of the transaction, and comes to be admitted after."""
    transaction_id = make_id()
    charge = await paid(journal, make_intent(), transaction_id=transaction_id)
    await paid(journal, make_intent("r1", operation=Operation.REFUND, parent=charge.ref, amount=Money("900", "JPY")))
    late = make_intent("r2", operation=Operation.REFUND, parent=transaction_id, amount=Money("101", "JPY"))
    with pytest.raises(NotAllowed, match="more than the 100 JPY left"):
        await journal.admit(late, owner="second", lease=LEASE)


async def test_a_renewal_is_refunded_beside_the_balance_of_its_subscription(journal: Journal) -> None:
    charge = await paid(journal, make_intent(), renewals=(make_id(),))
    for parent in (charge.ref, *charge.renewals):
        whole = make_intent(parent, operation=Operation.REFUND, parent=parent, amount=Money("1000", "JPY"))
        await paid(journal, whole)


async def test_a_refund_that_is_answered_with_the_id_of_what_it_gave_back_is_counted_once(journal: Journal) -> None:
    transaction_id = make_id()
    refund = make_intent("r1", operation=Operation.REFUND, parent=transaction_id, amount=Money("300", "JPY"))
    await paid(journal, refund, transaction_id=transaction_id)
    assert [follower.ref for follower in await journal.followers(transaction_id)] == [refund.ref]
    again = make_intent("r2", operation=Operation.REFUND, parent=refund.ref, amount=Money("300", "JPY"))
    with pytest.raises(NotAllowed, match="a refund is not refunded"):
        await journal.admit(again, owner="second", lease=LEASE)


async def test_no_balance_adds_up_two_currencies(journal: Journal) -> None:
    """Only by transaction id, of a payment that nobody knows, can another currency be asked for."""
    transaction_id = make_id()
    foreign = make_intent("r1", operation=Operation.REFUND, parent=transaction_id, amount=Money("3.00", "USD"))
    await paid(journal, foreign)
    charge = await paid(journal, make_intent(), transaction_id=transaction_id)
    refund = make_intent("r2", operation=Operation.REFUND, parent=charge.ref, amount=Money("300", "JPY"))
    with pytest.raises(NotAllowed, match=f"it is in JPY, and {foreign.ref} in USD"):
        await journal.admit(refund, owner="second", lease=LEASE)
    with pytest.raises(NotAllowed, match=f"it is in JPY, and {foreign.ref} in USD"):
        balance_of(charge, await journal.followers(charge.ref))
    await admitted(journal, replace(refund, insist=True))


async def test_a_refused_one_leaves_no_trace(journal: Journal) -> None:
    await paid(journal, make_intent("1", order="1042"))
    refused = make_intent("2", order="1042")
    with pytest.raises(NotAllowed):
        await journal.admit(refused, owner="second", lease=LEASE)
    assert await journal.get(refused.ref) is None
    assert await journal.history(refused.ref) == ()


async def test_what_fails_for_one_does_not_fail_for_its_neighbours(journal: Journal) -> None:
    """They are committed in groups."""
    await paid(journal, make_intent("paid", order="1042"))

    def mistaken(record: object) -> None:
        raise ValueError("a mistake")

    outcomes = await asyncio.gather(
        *(journal.admit(make_intent(f"good {n}"), owner="first", lease=LEASE) for n in range(5)),
        journal.admit(make_intent("bad", order="1042"), owner="first", lease=LEASE),
        journal.admit(make_intent("paid", amount=Money("1", "JPY")), owner="first", lease=LEASE),
        journal.change(make_intent("paid").ref, mistaken),
        journal.change("POUNKNOWN", becomes(PaymentStatus.APPROVED)),
        *(journal.admit(make_intent(f"also good {n}"), owner="first", lease=LEASE) for n in range(5)),
        return_exceptions=True,
    )
    kinds = [type(outcome) for outcome in outcomes]
    bad = [NotAllowed, IdempotencyConflict, ValueError, KeyError]
    assert kinds == [Admission] * 5 + bad + [Admission] * 5
    for n in range(5):
        assert await journal.get(make_intent(f"good {n}").ref) is not None
        assert await journal.get(make_intent(f"also good {n}").ref) is not None


async def test_one_who_leaves_in_between_stops_nothing(journal: Journal) -> None:
    """Whoever was cancelled may have been admitted or not, but wholly; and those beside it are."""
    tasks = [
        asyncio.create_task(journal.admit(make_intent(f"{n}"), owner=f"owner {n}", lease=LEASE)) for n in range(20)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, Admission) for outcome in outcomes[1::2])
    for n in range(20):
        record = await journal.get(make_intent(f"{n}").ref)
        history = await journal.history(make_intent(f"{n}").ref)
        assert len(history) == (0 if record is None else 1)
        if record is not None:
            closed = await journal.change(record.ref, not_sent)  # as the flow does with what nobody waits for
            assert closed.payment.progress is Progress.NOT_SENT


async def test_a_link_that_nobody_received_may_be_made_again(store: Store) -> None:
    link = make_intent("page", operation=Operation.HOSTED_PAGE)
    await admitted(store.journal, link)
    store.clock.advance(LEASE + 1)
    lapsed = await store.journal.get(link.ref)
    assert lapsed is not None
    assert (lapsed.payment.status, lapsed.payment.source) == (PaymentStatus.CANCELLED, Source.CLOCK)
    again = await store.journal.admit(replace(link, order="1042"), owner="second", lease=LEASE)
    assert again.send
    assert (again.record.intent.order, again.record.version) == ("1042", 2)
