from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async.intent import PaymentEvent
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import PaymentStatus
from tests.journal.conftest import Store
from tests.journal.making import admitted, becomes, make_id, make_intent, nothing, paid

SCOPE = make_intent().scope
ALL = 100


async def claim(journal: Journal, owner: str = "first", *, scope: str = SCOPE, limit: int = ALL) -> list[PaymentEvent]:
    return list(await journal.claim_events(scope, owner=owner, lease=60, limit=limit))


async def test_events_are_kept_only_where_they_are_asked_for(store: Store) -> None:
    await paid(store.journal, make_intent("before"))
    await store.journal.keep_events(SCOPE)
    await store.another().keep_events(SCOPE)
    payment = await paid(store.journal, make_intent("after"))
    await paid(store.journal, make_intent("foreign", merchant="JP00000002"))
    (event,) = await claim(store.another())
    assert event == PaymentEvent(id=f"{payment.ref}:2", payment=payment, event="answered", attempt=1)


async def test_only_news_are_events(journal: Journal) -> None:
    await journal.keep_events(SCOPE)
    record = await admitted(journal, make_intent())
    await journal.change(record.ref, becomes(PaymentStatus.PENDING))
    await journal.change(record.ref, nothing)
    assert await claim(journal) == []
    await journal.change(record.ref, becomes(PaymentStatus.APPROVED))
    await journal.change(record.ref, becomes(PaymentStatus.APPROVED, auth_code="268004"))
    assert [event.id for event in await claim(journal)] == [f"{record.ref}:3"]


async def test_an_event_shows_the_payment_as_it_was(journal: Journal) -> None:
    await journal.keep_events(SCOPE)
    first = await paid(journal, make_intent())
    await journal.change(first.ref, becomes(PaymentStatus.APPROVED, renewals=(make_id(),), event="renewed"))
    (event,) = await claim(journal)
    assert event.payment == first


async def test_a_claimed_event_is_nobody_elses_for_its_lease(store: Store) -> None:
    await store.journal.keep_events(SCOPE)
    await paid(store.journal, make_intent())
    journals = [store.journal, store.another()]
    claimed = await asyncio.gather(*(claim(journals[n % 2], f"owner {n}") for n in range(6)))
    assert sum(len(events) for events in claimed) == 1
    store.clock.advance(59.9)
    assert await claim(store.journal, "late") == []
    store.clock.advance(0.1)
    (again,) = await claim(store.journal, "late")
    assert again.attempt == 2


async def test_the_events_of_a_payment_come_one_after_the_other(journal: Journal) -> None:
    await journal.keep_events(SCOPE)
    payment = await paid(journal, make_intent("1"))
    renewed = becomes(PaymentStatus.APPROVED, renewals=(make_id(),), event="renewed")
    await journal.change(payment.ref, renewed)
    other = await paid(journal, make_intent("2"))
    first, second = await claim(journal)
    assert [first.id, second.id] == [f"{payment.ref}:2", f"{other.ref}:2"]
    assert await claim(journal) == []
    await journal.close_event(first.id, owner="first")
    (later,) = await claim(journal)
    assert (later.id, later.event, later.attempt) == (f"{payment.ref}:3", "renewed", 1)


async def test_only_its_owner_closes_an_event(store: Store) -> None:
    await store.journal.keep_events(SCOPE)
    await paid(store.journal, make_intent())
    (event,) = await claim(store.journal, "first")
    store.clock.advance(60)
    await claim(store.journal, "second")
    await store.journal.close_event(event.id, owner="first")
    await store.journal.put_back_event(event.id, owner="first", delay=0)
    assert await claim(store.journal, "third") == []
    await store.journal.close_event(event.id, owner="second")
    await store.journal.close_event(event.id, owner="second")
    store.clock.advance(3600)
    assert await claim(store.journal, "third") == []


async def test_an_event_that_was_put_back_comes_again_later(store: Store) -> None:
    await store.journal.keep_events(SCOPE)
    await paid(store.journal, make_intent())
    (event,) = await claim(store.journal)
    await store.journal.put_back_event(event.id, owner="first", delay=5)
    store.clock.advance(4.9)
    assert await claim(store.journal, "second") == []
    store.clock.advance(0.1)
    (again,) = await claim(store.journal, "second")
    assert (again.id, again.attempt) == (event.id, 2)


@pytest.mark.parametrize("limit", [1, 3])
async def test_no_more_are_claimed_than_wanted_and_the_oldest_first(journal: Journal, limit: int) -> None:
    await journal.keep_events(SCOPE)
    payments = [await paid(journal, make_intent(f"{n}")) for n in range(5)]
    claimed = await claim(journal, limit=limit)
    assert [event.payment.ref for event in claimed] == [payment.ref for payment in payments[:limit]]
