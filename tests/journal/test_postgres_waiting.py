"""Thousands wait for what other processes write, and it costs next to nothing."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async.intent import Record
from paymentoptions_async.journal.postgres import PostgresJournal, connections, watching
from paymentoptions_async.payment import Payment, PaymentStatus
from tests.journal.making import becomes, make_intent, paid
from tests.support.postgres_tap import Tap, until

LONG = 60.0


@pytest.fixture
def journal(tapped_journal: PostgresJournal) -> PostgresJournal:
    return tapped_journal


@pytest.fixture
def no_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only notifications tell."""
    monkeypatch.setattr(watching, "EVERY", LONG)


async def begun(tap: Tap, waiting: asyncio.Task[Record | None]) -> None:
    """Let a waiter come to its waiting."""
    await until(lambda: "LOOK" in tap.steps)
    assert not waiting.done()


@pytest.fixture
async def pending(beside: PostgresJournal) -> Payment:
    return await paid(beside, make_intent(), PaymentStatus.PENDING)


@pytest.mark.usefixtures("no_looking")
async def test_another_process_is_notified(
    tap: Tap, journal: PostgresJournal, beside: PostgresJournal, pending: Payment
) -> None:
    waiting = asyncio.create_task(journal.changed(pending.ref, after=2, timeout=LONG))
    await begun(tap, waiting)
    changed = await beside.change(pending.ref, becomes(PaymentStatus.APPROVED))
    assert await asyncio.wait_for(waiting, 30) == changed


async def test_a_notification_that_is_lost_is_made_up_for(
    tap: Tap,
    journal: PostgresJournal,
    beside: PostgresJournal,
    pending: Payment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its sender was killed between the commit and it, say."""
    monkeypatch.setattr(watching, "EVERY", 0.1)
    monkeypatch.setattr(beside._announce, "post", lambda refs: None)
    waiting = asyncio.create_task(journal.changed(pending.ref, after=2, timeout=LONG))
    await begun(tap, waiting)
    changed = await beside.change(pending.ref, becomes(PaymentStatus.APPROVED))
    assert await asyncio.wait_for(waiting, 30) == changed


async def test_who_listens_over_a_connection_that_is_lost_listens_over_another(
    tap: Tap,
    journal: PostgresJournal,
    beside: PostgresJournal,
    pending: Payment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.1)
    waiting = asyncio.create_task(journal.changed(pending.ref, after=2, timeout=LONG))
    await begun(tap, waiting)
    tap.drop_all()
    await until(lambda: tap.steps.count("LISTEN") == 2)
    monkeypatch.setattr(watching, "EVERY", LONG)
    await until(lambda: tap.steps[-1] == "LOOK")
    changed = await beside.change(pending.ref, becomes(PaymentStatus.APPROVED))
    assert await asyncio.wait_for(waiting, 30) == changed


async def test_thousands_of_waiters_are_looked_after_with_one_statement_now_and_then(
    tap: Tap, journal: PostgresJournal, beside: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.1)
    payments = await asyncio.gather(
        *(paid(beside, make_intent(f"{n}"), PaymentStatus.PENDING, transaction_id=f"{n}") for n in range(50))
    )
    waiting = [
        [asyncio.create_task(journal.changed(payment.ref, after=2, timeout=LONG)) for _ in range(100)]
        for payment in payments
    ]
    await until(lambda: tap.steps[-2:] == ["LOOK"] * 2)
    tap.steps.clear()
    await until(lambda: len(tap.steps) >= 5)
    assert set(tap.steps) == {"LOOK"}, "nobody else asks, and nobody listens twice"

    await beside.change(payments[0].ref, becomes(PaymentStatus.APPROVED))
    await asyncio.wait_for(asyncio.gather(*waiting[0]), 30)
    assert not any(task.done() for tasks in waiting[1:] for task in tasks)
    assert tap.steps.count("GET") <= 3
    await asyncio.gather(*(beside.change(payment.ref, becomes(PaymentStatus.APPROVED)) for payment in payments[1:]))
    found = await asyncio.wait_for(asyncio.gather(*(task for tasks in waiting for task in tasks)), 30)
    assert all(record.payment.status is PaymentStatus.APPROVED for record in found)


async def test_when_nobody_has_waited_for_a_while_nobody_looks_and_the_connection_is_closed(
    tap: Tap, schema: str, pending: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EVERY", 0.05)
    monkeypatch.setattr(watching, "LINGER", 0.1)
    monkeypatch.setattr(connections, "IDLE", 0.1)
    monkeypatch.setattr(connections, "GRACE", 10.0)
    journal = PostgresJournal(tap.url(journal_schema=schema))
    waiting = asyncio.create_task(journal.changed(pending.ref, after=2, timeout=2))
    await begun(tap, waiting)
    assert (await waiting) is not None
    assert tap.connections == 1, "it was idle for long, but listened"
    await until(lambda: not tap.open)
    await journal.aclose()


async def test_references_of_many_changes_share_notifications() -> None:
    refs = [make_intent(f"{n}").ref for n in range(1000)]
    payloads = watching._payloads(refs)
    assert " ".join(payloads).split() == refs
    assert len(payloads) < 10
    assert max(map(len, payloads)) < 8000
