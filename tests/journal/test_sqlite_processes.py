"""Several processes on one file, as several workers of a shop are."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import chain
from pathlib import Path

import apsw
import pytest

from paymentoptions_async.journal.sqlite import SqliteJournal
from paymentoptions_async.payment import PaymentStatus, Progress
from tests.journal.making import LEASE, Clock, admitted, becomes, make_intent, paid

PROGRAM = Path(__file__).with_name("one_of_many.py")
MANY, EACH = 5, 10

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

Start = Callable[..., Awaitable[Process]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


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


async def test_of_many_processes_with_one_key_one_sends_and_all_get_its_payment(
    start: Start, path: Path, tmp_path: Path
) -> None:
    """On a file that none of them found there."""
    bank = tmp_path / "bank"
    processes = [await start("race", EACH, path, bank) for _ in range(MANY)]
    await go(*processes, each=EACH)
    answers = list(chain(*await asyncio.gather(*map(last_words, processes))))
    (charge,) = bank.read_text().split()
    assert answers == [f"approved {charge}"] * MANY * EACH


async def test_of_many_processes_with_one_order_one_sends(start: Start, path: Path, tmp_path: Path) -> None:
    processes = [await start("orders", EACH, path, tmp_path / "bank") for _ in range(2)]
    await go(*processes, each=EACH)
    answers = list(chain(*await asyncio.gather(*map(last_words, processes))))
    assert sorted(answers) == ["NotAllowed"] * (2 * EACH - 1) + ["admitted"]


@pytest.mark.parametrize("acknowledged", [50, 400])
async def test_a_killed_process_loses_nothing_that_it_was_promised(
    start: Start, path: Path, clock: Clock, acknowledged: int
) -> None:
    process, witness = await start("flood", 1, path, "killed"), await start("flood", 1, path, "witness")
    await go(process, witness)
    assert process.stdout is not None
    said = [await process.stdout.readline() for _ in range(acknowledged)]
    process.kill()
    said += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    witness.kill()
    await witness.wait()

    promised: dict[str, int] = {}
    for line in said:
        if line.endswith(b"\n"):
            words = line.decode().split()
            promised[words[0]] = int(words[1])
    journal = SqliteJournal(path, clock=clock)
    for ref, version in promised.items():
        record = await journal.get(ref)
        assert record is not None, "it was admitted"
        assert record.version >= version
        assert len(await journal.history(ref)) == record.version
        assert record.payment.status is (PaymentStatus.APPROVED if record.version == 2 else PaymentStatus.PENDING)
    clock.now = 4_000_000_000.0
    scope = make_intent().scope
    open_ones = await journal.unresolved(scope)
    settled = [record for record in await journal.records(scope, limit=100_000) if record.payment.is_final]
    assert {record.ref for record in open_ones} | {record.ref for record in settled} >= set(promised)
    assert all(record.payment.progress is Progress.SENDING for record in open_ones)
    await journal.aclose()
    connection = apsw.Connection(str(path))
    assert connection.execute("PRAGMA integrity_check").get == "ok"
    connection.close()


async def test_one_waits_while_another_process_writes(start: Start, path: Path) -> None:
    journal = SqliteJournal(path)
    payment = await paid(journal, make_intent())
    holder = await start("hold", 1, path, 0.5)
    await go(holder)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"locked\n"
    admission = asyncio.create_task(journal.admit(make_intent("2"), owner="first", lease=LEASE))
    assert await journal.get(payment.ref) is not None
    assert not admission.done()
    assert (await admission).send
    await holder.wait()
    await journal.aclose()


async def test_a_process_that_is_killed_while_it_writes_blocks_nobody(start: Start, path: Path) -> None:
    journal = SqliteJournal(path)
    record = await admitted(journal, make_intent())
    holder = await start("hold", 1, path, 60)
    await go(holder)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"locked\n"
    change = asyncio.create_task(journal.change(record.ref, becomes(PaymentStatus.APPROVED)))
    holder.kill()
    assert (await asyncio.wait_for(change, 30)).payment.status is PaymentStatus.APPROVED
    await journal.aclose()
