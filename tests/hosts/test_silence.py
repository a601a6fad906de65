"""Hosts that are gone without a word: what is open hears nothing more, and whoever connects waits."""

from __future__ import annotations

import asyncio
import socket
from urllib.parse import quote

import pytest

from paymentoptions_async.journal.postgres import PostgresJournal, connections, lanes
from tests.journal.making import LEASE, admitted, make_intent
from tests.support.postgres import Cluster, new_schema
from tests.support.postgres_tap import tapped


async def test_an_address_that_moved_from_a_host_without_a_word_is_found_in_time(
    lonely: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many connections the old host has left behind: the time is for one of them to be given up."""
    monkeypatch.setattr(lanes, "TRY_TIMEOUT", 2.0)
    monkeypatch.setattr(lanes, "PATIENCE", 5.5)
    async with tapped(lonely) as tap:
        journal = PostgresJournal(tap.url(journal_schema=new_schema()))
        await admitted(journal, make_intent())
        until, use = asyncio.get_running_loop().time() + 10, journal._connections.use
        async with use(until=until), use(until=until), use(until=until):
            assert tap.open == 3
        tap.fall_silent()
        assert (await journal.admit(make_intent("next"), owner="me", lease=LEASE)).send
        await journal.aclose()


async def test_a_host_that_is_gone_is_not_waited_for_again(lonely: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 3.0)
    with socket.create_server(("127.0.0.1", 0)) as gone:  # the kernel answers for it, and nobody else
        hosts = f"host=127.0.0.1,{quote(str(lonely.home))}&port={gone.getsockname()[1]},5432&sslmode=disable"
        journal = PostgresJournal(f"postgresql://postgres@/postgres?{hosts}&journal_schema={new_schema()}")
        await admitted(journal, make_intent())
        until, use = asyncio.get_running_loop().time() + 10, journal._connections.use
        async with use(until=until), use(until=until), use(until=until):
            pass
        await journal.aclose()
        gone.setblocking(False)
        with gone.accept()[0], pytest.raises(BlockingIOError):
            gone.accept()
