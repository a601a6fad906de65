"""Several processes on one database, as several workers of a shop on several hosts are."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import chain
from pathlib import Path

import pytest

from paymentoptions_async.journal.postgres import PostgresJournal
from paymentoptions_async.payment import PaymentStatus, Progress
from tests.journal.making import LEASE, admitted, becomes, make_intent
from tests.support.postgres import Cluster, new_schema
from tests.support.postgres_tap import Hold, Tap

PROGRAM = Path(__file__).with_name("one_of_many.py")
MANY, EACH = 5, 10

Start = Callable[..., Awaitable[Process]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start a process; it waits for `go`, and does not outlive the test."""
    started: list[Process] = []

    async def start_one(*arguments: object) -> Process:
        environment = {**os.environ, "PYTHONPATH": str(PROGRAM.parents[2])}
        process = await asyncio.create_subprocess_exec(
            sys.executable, PROGRAM, *map(str, arguments), stdin=PIPE, stdout=PIPE, env=environment
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def go(*processes: Process, each: int = 1) -> None:
    """Let processes begin, all at once."""
    for process in processes:
        assert process.stdout is not None
        for _ in range(each):
            assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()


async def last_words(process: Process) -> list[str]:
    assert process.stdout is not None
    said = (await process.stdout.read()).decode()
    assert await process.wait() == 0
    return said.splitlines()


async def test_of_fifty_processes_with_one_key_one_sends_and_all_get_its_payment(
    start: Start, postgres: Cluster, tmp_path: Path
) -> None:
    """In a database that has no tables yet; and all together stay below a server's usual 100 connections."""
    bank, schema = tmp_path / "bank", new_schema()
    processes = [await start("race", EACH, postgres.url(journal_schema=schema), bank) for _ in range(MANY)]
    await go(*processes, each=EACH)
    racing = asyncio.gather(*map(last_words, processes))
    most = 0
    while not racing.done():
        most = max(most, int(await asyncio.to_thread(postgres.sql, CONNECTIONS)))
        await asyncio.sleep(0.05)
    answers = list(chain(*await racing))
    (charge,) = bank.read_text().split()
    assert answers == [f"approved {charge}"] * MANY * EACH
    assert most < 100


CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'paymentoptions-async%'"


async def test_of_many_processes_with_one_order_one_sends(start: Start, postgres: Cluster, tmp_path: Path) -> None:
    url = postgres.url(journal_schema=new_schema())
    process = await start("orders", EACH, url, tmp_path / "bank")
    await go(process, each=EACH)
    assert sorted(await last_words(process)) == ["NotAllowed"] * (EACH - 1) + ["admitted"]


async def test_a_killed_process_loses_nothing_that_it_was_promised(
    start: Start, postgres: Cluster, schema: str, beside: PostgresJournal
) -> None:
    process = await start("flood", 1, postgres.url(journal_schema=schema), "killed")
    await go(process)
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(300)]
    process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()

    promised = dict(line.decode().split() for line in said if line.endswith(b"\n"))
    for ref, version in promised.items():
        record = await beside.get(ref)
        assert record is not None, "it was admitted"
        assert record.version >= int(version)
        assert len(await beside.history(ref)) == record.version
        assert record.payment.status is (PaymentStatus.APPROVED if record.version == 2 else PaymentStatus.PENDING)


@pytest.mark.parametrize("commit", ["arrives", "never left"])
async def test_a_process_that_is_killed_in_its_commit_blocks_nobody(
    start: Start, tap: Tap, schema: str, beside: PostgresJournal, commit: str
) -> None:
    delivered = commit == "arrives"
    hold = Hold(cut=delivered)
    tap.at("COMMIT", hold)
    process = await start("flood", 1, tap.url(journal_schema=schema), "killed")
    await go(process)
    await hold.reached.wait()
    process.kill()
    await process.wait()
    if delivered:
        hold.go.set()
    else:
        tap.drop_all()  # as the kernel does for who is dead
    intent = make_intent("killed 0")
    async with asyncio.timeout(30):
        admission = await beside.admit(intent, owner="me", lease=LEASE)
    assert admission.send is not delivered
    assert admission.record.owner == ("killed" if delivered else "me")
    assert admission.record.payment.progress is Progress.SENDING
    assert admission.record.version == 1


async def test_no_hosts_clock_decides_anything(
    postgres: Cluster, schema: str, beside: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time()
    monkeypatch.setattr(time, "time", lambda: right + 86_400)
    record = await admitted(beside, make_intent())
    assert abs(record.opened_at - right) < 60
    assert record.payment.opened_at is not None
    assert abs(record.payment.opened_at.timestamp() - right) < 60
    other = PostgresJournal(postgres.url(journal_schema=schema))
    assert await other.get(record.ref) == record, "in flight, and not past its deadline"
    changed = await other.change(record.ref, becomes(PaymentStatus.APPROVED))
    assert abs(changed.changed_at - right) < 60
    await other.aclose()


async def test_a_journal_that_was_used_before_a_fork_is_refused_after_it(
    beside: PostgresJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await admitted(beside, make_intent())
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        with pytest.raises(Exception, match="forked"):
            await beside.get("")
    assert await beside.get(make_intent().ref) is not None
