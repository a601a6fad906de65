"""A synchronous standby that does not confirm: nothing is answered, and so nothing sent, that only one server has.

While a commit waits for its standby it is not seen. But whoever breaks off its wait, by ending the connection or the
server, makes it seen by all: and lost, should the standby take over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from paymentoptions_async.admission import Admission
from paymentoptions_async.journal.postgres import PostgresJournal
from paymentoptions_async.payment import PaymentStatus
from tests.journal.making import LEASE, admitted, becomes, make_intent, make_notice
from tests.support.postgres import Cluster, new_schema

Ask = Callable[[PostgresJournal], Awaitable[object]]
Interrupt = Callable[[Cluster], object]

ASKS: dict[str, Ask] = {
    "an admission": lambda journal: journal.admit(make_intent("asked"), owner="me", lease=LEASE),
    "a change": lambda journal: journal.change(make_intent("old").ref, becomes(PaymentStatus.APPROVED)),
    "a webhook": lambda journal: journal.note(make_notice(make_intent("old").ref)),
    "a scope's events": lambda journal: journal.keep_events(make_intent().scope),
}
WAITING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
BROKEN_OFF: dict[str, Interrupt] = {
    "its session is ended": lambda cluster: cluster.sql(f"SELECT pg_terminate_backend(pid) {WAITING}"),
    "its statement is cancelled": lambda cluster: cluster.sql(f"SELECT pg_cancel_backend(pid) {WAITING}"),
}


@pytest.fixture
async def journal(lonely: Cluster) -> AsyncIterator[PostgresJournal]:
    journal = PostgresJournal(lonely.url(journal_schema=new_schema()))
    await admitted(journal, make_intent("old"))
    yield journal
    await asyncio.to_thread(find_standby, lonely)
    await journal.aclose()


def lose_standby(cluster: Cluster) -> None:
    """From now on every commit waits for a standby that is not there."""
    cluster.sql("ALTER SYSTEM SET synchronous_standby_names = 'away'")
    _reload(cluster)


def find_standby(cluster: Cluster) -> None:
    """Let all that waits, and all to come, be confirmed."""
    cluster.sql("ALTER SYSTEM RESET synchronous_standby_names")
    _reload(cluster)


def _reload(cluster: Cluster) -> None:
    """Sessions take their settings in when they begin with a statement, the checkpointer when it is told."""
    cluster.sql("SELECT pg_reload_conf()")
    cluster.sql("CHECKPOINT")  # by the process that knows whether there are synchronous standbys at all


async def until_it_waits(cluster: Cluster, asking: asyncio.Task[object], *, after: str = "") -> str:
    """Until a commit waits for its standby in another session than ``after``; return its process."""
    async with asyncio.timeout(10):
        while not asking.done():
            waiting = await asyncio.to_thread(cluster.sql, f"SELECT min(pid) {WAITING}")
            if waiting not in ("", after):
                return waiting
            await asyncio.sleep(0.02)
    pytest.fail("it was answered, and the standby has not got it")


@pytest.mark.parametrize("interrupt", BROKEN_OFF.values(), ids=BROKEN_OFF)
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS)
async def test_what_only_the_primary_has_is_not_answered(
    lonely: Cluster, journal: PostgresJournal, ask: Ask, interrupt: Interrupt
) -> None:
    await asyncio.to_thread(lose_standby, lonely)
    asking: asyncio.Task[object] = asyncio.ensure_future(ask(journal))
    first = await until_it_waits(lonely, asking)
    await asyncio.to_thread(interrupt, lonely)
    await until_it_waits(lonely, asking, after=first)
    await asyncio.to_thread(find_standby, lonely)
    answer = await asking
    if isinstance(answer, Admission):
        assert answer.send
        assert [entry.event for entry in await journal.history(answer.record.ref)] == ["opened"]


async def test_what_only_a_server_has_that_was_started_again_is_not_answered(
    lonely: Cluster, journal: PostgresJournal
) -> None:
    await asyncio.to_thread(lose_standby, lonely)
    asking: asyncio.Task[object] = asyncio.ensure_future(ASKS["an admission"](journal))
    first = await until_it_waits(lonely, asking)
    await asyncio.to_thread(lonely.restart)
    await until_it_waits(lonely, asking, after=first)
    await asyncio.to_thread(find_standby, lonely)
    await asking
    assert [entry.event for entry in await journal.history(make_intent("asked").ref)] == ["opened"]


async def test_a_repeated_webhook_is_not_answered_before_the_first_is_safe(
    lonely: Cluster, journal: PostgresJournal
) -> None:
    """The gateway delivers again what was not answered, perhaps to another host."""
    await asyncio.to_thread(lose_standby, lonely)
    first = asyncio.ensure_future(ASKS["a webhook"](journal))
    pid = await until_it_waits(lonely, first)
    first.cancel()
    await asyncio.to_thread(BROKEN_OFF["its session is ended"], lonely)
    again: asyncio.Task[object] = asyncio.ensure_future(ASKS["a webhook"](journal))
    await until_it_waits(lonely, again, after=pid)
    await asyncio.to_thread(find_standby, lonely)
    assert await again is False
