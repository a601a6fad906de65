from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from paymentoptions_async.intent import Notice, NoticeState
from paymentoptions_async.journal import Journal
from tests.journal.conftest import Store
from tests.journal.making import admitted, make_intent, make_notice

SCOPE = make_intent().scope


async def test_a_webhook_is_kept_as_it_came_with_the_time(store: Store) -> None:
    notice = make_notice("PO1", known=False, body={"amount": Decimal("10.50"), "name": "アイベック", "nul": "\x00"})
    assert await store.journal.note(notice)
    assert list(await store.another().notices("PO1")) == [replace(notice, received_at=store.clock())]


async def test_the_same_webhook_is_kept_once(store: Store) -> None:
    notice = make_notice("PO1")
    journals = [store.journal, store.another()]
    kept = await asyncio.gather(*(journals[n % 2].note(notice) for n in range(10)))
    assert kept.count(True) == 1
    assert await store.journal.note(make_notice("PO1", "d2"))
    assert await store.journal.note(make_notice("PO2"))
    assert [found.digest for found in await store.journal.notices("PO1")] == ["d1", "d2"]


async def test_what_became_of_a_webhook_is_kept(store: Store) -> None:
    first, second = make_notice("PO1", "d1"), make_notice("PO1", "d2")
    await store.journal.note(first)
    await store.journal.note(second)
    await store.journal.close_notice(first, NoticeState.CONFIRMED, "payment is approved")
    (closed,) = await store.another().notices("PO1", state=NoticeState.CONFIRMED)
    assert closed == replace(
        first, state=NoticeState.CONFIRMED, outcome="payment is approved", received_at=store.clock()
    )
    (waiting,) = await store.journal.notices("PO1", state=NoticeState.WAITING)
    assert waiting.digest == "d2"
    assert not await store.journal.note(first), "a repetition opens nothing again"
    assert len(await store.journal.notices("PO1")) == 2


async def test_a_webhook_that_nobody_kept_is_not_closed(journal: Journal) -> None:
    with pytest.raises(KeyError):
        await journal.close_notice(make_notice("PO1"), NoticeState.REJECTED, "unknown")


async def test_webhooks_wait_until_a_status_query_answers(store: Store) -> None:
    journal = store.journal
    record = await admitted(journal, make_intent())
    notices = [make_notice(record.ref, f"d{n}") for n in range(4)]
    for notice in notices:
        await journal.note(notice)
    await journal.note(make_notice("POUNKNOWN"))
    await journal.note(make_notice(record.ref, "foreign", scope="another/scope"))
    await journal.close_notice(notices[1], NoticeState.REJECTED, "names no transaction")
    assert [found.digest for found in await journal.waiting_notices(SCOPE)] == ["d0", "d2", "d3"]
    assert [found.digest for found in await store.another().waiting_notices(SCOPE, limit=2)] == ["d0", "d2"]


async def test_a_webhook_waits_once_its_payment_is_known(journal: Journal) -> None:
    intent = make_intent()
    await journal.note(make_notice(intent.ref, known=False))
    assert list(await journal.waiting_notices(SCOPE)) == []
    await admitted(journal, intent)
    assert [found.ref for found in await journal.waiting_notices(SCOPE)] == [intent.ref]


async def test_webhooks_of_no_payment_are_found_page_by_page(store: Store) -> None:
    journal = store.journal
    record = await admitted(journal, make_intent())
    strays = [make_notice(f"PO{n % 3}", f"d{n}", known=False) for n in range(9)]
    rejected = make_notice(record.ref, "rejected")
    for notice in [*strays, rejected]:
        await journal.note(notice)
    await journal.close_notice(rejected, NoticeState.REJECTED, "its transactions say nothing of this payment")
    for other in (
        make_notice(record.ref, "waiting"),
        make_notice(record.ref, "early", known=False),
        make_notice("PO0", "foreign", known=False, scope="another/scope"),
    ):
        await journal.note(other)
    await journal.note(confirmed := make_notice(record.ref, "confirmed"))
    await journal.close_notice(confirmed, NoticeState.CONFIRMED, "payment is approved")
    found: list[Notice] = []
    after = ("", "")
    while page := await store.another().orphans(SCOPE, after=after, limit=4):
        assert len(page) <= 4
        found += page
        after = (page[-1].ref, page[-1].digest)
    expected = sorted((notice.ref, notice.digest) for notice in [*strays, rejected])
    assert [(notice.ref, notice.digest) for notice in found] == expected
    assert found[0] == replace(strays[0], received_at=store.clock())


async def test_more_webhooks_of_no_payment_than_are_read_at_once(store: Store) -> None:
    for n in range(450):
        await store.journal.note(make_notice(f"PO{n:03}", known=False))
    assert [notice.ref for notice in await store.journal.orphans(SCOPE)] == [f"PO{n:03}" for n in range(450)]
    assert len(await store.journal.orphans(SCOPE, limit=201)) == 201


async def test_a_webhook_that_came_before_its_payment_is_an_orphan_until_then(journal: Journal) -> None:
    intent = make_intent()
    await journal.note(make_notice(intent.ref, known=False))
    assert len(await journal.orphans(SCOPE)) == 1
    await admitted(journal, intent)
    assert list(await journal.orphans(SCOPE)) == []
