"""A primary that was left behind: cut off from its standby, which has taken over, but not from every host."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.journal.postgres import PostgresJournal, lanes
from tests.hosts.pair import Pair
from tests.journal.making import LEASE, admitted, make_intent
from tests.support.postgres import require_postgres


@pytest.fixture
def pair() -> Iterator[Pair]:
    require_postgres()
    pair = Pair()
    yield pair
    pair.leave()


async def test_of_two_hosts_that_see_a_primary_each_only_one_may_send(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.until_confirmed()
    behind, ahead = PostgresJournal(pair.primary.url()), PostgresJournal(pair.standby.url())
    await admitted(behind, make_intent("before"))
    await asyncio.to_thread(pair.promote)

    assert (await ahead.admit(make_intent("both"), owner="ahead", lease=LEASE)).send
    monkeypatch.setattr(lanes, "PATIENCE", 2.5)
    monkeypatch.setattr(lanes, "TRY_TIMEOUT", 1.0)
    admitting = asyncio.create_task(behind.admit(make_intent("both"), owner="behind", lease=LEASE))
    while not admitting.done():  # somebody tries to get it going by hand
        await asyncio.to_thread(
            pair.primary.sql, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        )
        await asyncio.sleep(0.05)
    with pytest.raises(JournalUnavailable):
        await admitting
    assert await ahead.get(make_intent("before").ref) is not None
    await asyncio.gather(behind.aclose(), ahead.aclose())
