from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async.intent import Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import PaymentStatus
from tests.journal.conftest import Store
from tests.journal.making import LEASE, admitted, becomes, make_intent, paid

LONG = 30.0
"""Seconds that no test waits."""


async def begun(waiting: asyncio.Task[Record | None]) -> None:
    """Let a waiter come to its waiting: it has looked up the record by then, unless the machine is very busy."""
    done, _ = await asyncio.wait({waiting}, timeout=0.1)
    assert not done


async def test_news_that_are_there_need_no_waiting(journal: Journal) -> None:
    record = await admitted(journal, make_intent())
    assert await journal.changed(record.ref, after=0, timeout=LONG) == record


async def test_nobody_waits_for_what_is_not_there(journal: Journal) -> None:
    assert await journal.changed("POUNKNOWN", after=0, timeout=LONG) is None


@pytest.mark.parametrize("changer", ["itself", "another"])
async def test_a_waiter_hears_of_a_change(store: Store, changer: str) -> None:
    payment = await paid(store.journal, make_intent(), PaymentStatus.PENDING)
    waiting = asyncio.create_task(store.journal.changed(payment.ref, after=2, timeout=LONG))
    await begun(waiting)
    journal = store.journal if changer == "itself" else store.another()
    changed = await journal.change(payment.ref, becomes(PaymentStatus.APPROVED))
    assert await asyncio.wait_for(waiting, 30) == changed


async def test_a_change_that_comes_while_the_waiter_looks_is_not_missed(store: Store) -> None:
    payment = await paid(store.journal, make_intent(), PaymentStatus.PENDING)
    waiting = asyncio.create_task(store.journal.changed(payment.ref, after=2, timeout=LONG))
    await asyncio.sleep(0)
    changed = await store.journal.change(payment.ref, becomes(PaymentStatus.APPROVED))
    assert await asyncio.wait_for(waiting, 30) == changed


async def test_a_waiter_gets_what_stands_when_its_time_is_over(store: Store) -> None:
    payment = await paid(store.journal, make_intent(), PaymentStatus.PENDING)
    found = await store.journal.changed(payment.ref, after=2, timeout=0.05)
    assert found is not None
    assert (found.version, found.payment) == (2, payment)
    assert await store.journal.changed(payment.ref, after=2, timeout=0) == found
    assert await store.journal.changed(payment.ref, after=2, timeout=-1) == found


async def test_a_waiter_hears_when_the_owner_is_late(store: Store) -> None:
    """Nobody writes anything then: the record only reads otherwise."""
    record = await admitted(store.journal, make_intent())
    store.clock.advance(LEASE - 0.05)
    waiting = asyncio.create_task(store.journal.changed(record.ref, after=1, timeout=LONG))
    await asyncio.sleep(0.02)
    store.clock.advance(0.05)
    found = await asyncio.wait_for(waiting, 30)
    assert found is not None
    assert (found.version, found.payment.status) == (1, PaymentStatus.UNKNOWN)


async def test_a_change_of_another_record_wakes_nobody(store: Store) -> None:
    one = await paid(store.journal, make_intent("1"), PaymentStatus.PENDING)
    other = await paid(store.journal, make_intent("2"), PaymentStatus.PENDING)
    waiting = asyncio.create_task(store.journal.changed(one.ref, after=2, timeout=LONG))
    await begun(waiting)
    await store.another().change(other.ref, becomes(PaymentStatus.APPROVED))
    done, _ = await asyncio.wait({waiting}, timeout=0.4)
    assert not done
    waiting.cancel()


async def test_many_wait_for_one(store: Store) -> None:
    payment = await paid(store.journal, make_intent(), PaymentStatus.PENDING)
    waiting = [asyncio.create_task(store.journal.changed(payment.ref, after=2, timeout=LONG)) for _ in range(50)]
    await begun(waiting[-1])
    for task in waiting[::2]:
        task.cancel()
    changed = await store.another().change(payment.ref, becomes(PaymentStatus.APPROVED))
    found = await asyncio.wait_for(asyncio.gather(*waiting[1::2]), 30)
    assert found == [changed] * 25
