"""Open payments are shared out among those who ask for them."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async.intent import Place, Visits
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Operation, PaymentStatus
from tests.journal.conftest import Store
from tests.journal.making import LEASE, admitted, becomes, make_intent, paid

SCOPE = make_intent().scope
ALL = 100


async def take(journal: Journal, owner: str = "first", *, limit: int = ALL, after: Place | None = None) -> Visits:
    return await journal.claim_open(SCOPE, owner=owner, lease=60, limit=limit, after=after)


def refs(taken: Visits) -> list[str]:
    return [visit.record.ref for visit in taken.visits]


async def test_what_is_neither_final_nor_in_flight_is_taken_oldest_first(store: Store) -> None:
    journal = store.journal
    lapsed = await admitted(journal, make_intent("lapsed"))
    await admitted(journal, make_intent("link", operation=Operation.HOSTED_PAGE))  # lapsed, it is no payment
    store.clock.advance(10)
    pending = await paid(journal, make_intent("pending"), PaymentStatus.PENDING)
    await paid(journal, make_intent("final"), PaymentStatus.APPROVED)
    await paid(journal, make_intent("foreign", merchant="JP00000002"), PaymentStatus.UNKNOWN)
    store.clock.advance(LEASE - 10)
    await admitted(journal, make_intent("in flight"))
    taken = await take(journal)
    assert refs(taken) == [lapsed.ref, pending.ref]
    assert [visit.attempt for visit in taken.visits] == [1, 1]
    assert taken.visits[0].record.payment.status is PaymentStatus.UNKNOWN
    assert taken.next is None


async def test_what_is_young_is_left_to_who_waits_for_it(store: Store) -> None:
    old = await paid(store.journal, make_intent("old"), PaymentStatus.PENDING)
    store.clock.advance(30)
    await paid(store.journal, make_intent("young"), PaymentStatus.PENDING)
    taken = await store.journal.claim_open(SCOPE, owner="first", lease=60, limit=ALL, older_than=30)
    assert refs(taken) == [old.ref]


async def test_what_is_taken_is_nobody_elses_for_its_lease(store: Store) -> None:
    payments = [await paid(store.journal, make_intent(f"{n}"), PaymentStatus.PENDING) for n in range(20)]
    journals = [store.journal, store.another()]
    taken = await asyncio.gather(*(take(journals[n % 2], f"owner {n}", limit=7) for n in range(6)))
    found = [ref for one in taken for ref in refs(one)]
    assert len(found) == len(set(found))
    everything = found + refs(await take(store.journal, "the rest"))
    assert sorted(everything) == sorted(payment.ref for payment in payments)
    store.clock.advance(59.9)
    assert refs(await take(store.journal, "late")) == []
    store.clock.advance(0.1)
    again = await take(store.another(), "late")
    assert sorted(refs(again)) == sorted(everything)
    assert {visit.attempt for visit in again.visits} == {2}


async def test_pages_follow_one_another(journal: Journal) -> None:
    payments = [await paid(journal, make_intent(f"{n}"), PaymentStatus.PENDING) for n in range(7)]
    found, page = [], await take(journal, limit=3)
    while True:
        found += refs(page)
        if page.next is None:
            break
        page = await take(journal, limit=3, after=page.next)
    assert found == [payment.ref for payment in payments]


async def test_what_was_put_off_is_taken_when_it_is_due(store: Store) -> None:
    payment = await paid(store.journal, make_intent(), PaymentStatus.PENDING)
    await take(store.journal)
    await store.journal.end_visit(payment.ref, owner="first", again_in=300)
    store.clock.advance(299)
    assert refs(await take(store.another())) == []
    store.clock.advance(1)
    (visit,) = (await take(store.another())).visits
    assert visit.attempt == 2


@pytest.mark.parametrize("again_in", [None, 600.0])
async def test_who_has_lost_it_says_nothing_of_it(store: Store, again_in: float | None) -> None:
    payment = await paid(store.journal, make_intent(), PaymentStatus.PENDING)
    await take(store.journal, "first")
    store.clock.advance(60)
    assert refs(await take(store.journal, "second")) == [payment.ref]
    await store.journal.end_visit(payment.ref, owner="first", again_in=again_in)
    store.clock.advance(59)
    assert refs(await take(store.journal, "third")) == []
    store.clock.advance(1)
    assert refs(await take(store.journal, "third")) == [payment.ref]


async def test_what_is_over_is_forgotten(journal: Journal) -> None:
    payment = await paid(journal, make_intent(), PaymentStatus.PENDING)
    await take(journal)
    await journal.end_visit(payment.ref, owner="first", again_in=None)
    (visit,) = (await take(journal)).visits
    assert visit.attempt == 1
    await journal.change(payment.ref, becomes(PaymentStatus.APPROVED))
    assert refs(await take(journal)) == []
    await journal.change(payment.ref, becomes(PaymentStatus.UNKNOWN))
    (visit,) = (await take(journal)).visits
    assert visit.attempt == 1, "its earlier visits ended with the payment"
