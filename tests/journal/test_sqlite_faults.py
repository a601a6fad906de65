# ruff: noqa: ASYNC221, ASYNC240  a test blocks nobody
from __future__ import annotations

import asyncio
import copyreg
import json
import os
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from paymentoptions_async.admission import Admission
from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.intent import Change, Record
from paymentoptions_async.journal.sqlite import SqliteJournal, connecting, runners
from paymentoptions_async.journal.sqlite.writing import Transaction
from paymentoptions_async.payment import PaymentStatus
from tests.journal.making import LEASE, Asking, Clock, admitted, becomes, make_intent, make_notice, nothing, paid

TOKEN = "094db781-fabc-4c6d-8fcd-18bee06a527a"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(path: Path, clock: Clock) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(path, clock=clock)
    yield journal
    await journal.aclose()


async def with_connection(journal: SqliteJournal, do: Any) -> Any:
    """Do something with the connection that writes."""
    return await journal._write(lambda transaction: do(transaction.connection))


@contextmanager
def another_connection(path: Path) -> Iterator[apsw.Connection]:
    connection = apsw.Connection(str(path))
    try:
        yield connection
    finally:
        connection.close()


def raw(size: int) -> dict[str, Any]:
    return {"filler": "x" * size}


async def test_a_full_disk_is_said_and_what_was_kept_stays(journal: SqliteJournal) -> None:
    payments = [await paid(journal, make_intent(f"{n}")) for n in range(3)]
    await with_connection(journal, lambda connection: connection.execute("PRAGMA max_page_count = 1").get)
    outcomes = await asyncio.gather(
        journal.change(payments[0].ref, becomes(PaymentStatus.UNKNOWN, raw=raw(100_000))),
        journal.change(payments[1].ref, becomes(PaymentStatus.UNKNOWN, raw=raw(100_000))),
        journal.admit(make_intent("fits"), owner="first", lease=LEASE),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [JournalUnavailable, JournalUnavailable, Admission]
    assert "the disk is full" in str(outcomes[0])
    for payment in payments:
        found = await journal.get(payment.ref)
        assert found is not None
        assert found.payment == payment
        assert len(await journal.history(payment.ref)) == 2

    await with_connection(journal, lambda connection: connection.execute("PRAGMA max_page_count = 1000000").get)
    changed = await journal.change(payments[0].ref, becomes(PaymentStatus.UNKNOWN, raw=raw(100_000)))
    assert await journal.get(payments[0].ref) == changed


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
async def test_a_file_that_may_not_grow_loses_nothing_that_was_promised(path: Path) -> None:
    """A real limit, of the operating system: writing to the log fails in the middle of a commit."""
    program = f"""
import asyncio, resource
from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.journal.sqlite import SqliteJournal
from tests.journal.making import make_intent, paid
async def main():
    journal = SqliteJournal({str(path)!r})
    await journal.get("POUNKNOWN")
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    kept = []
    try:
        for n in range(10_000):
            kept.append(await paid(journal, make_intent(str(n)), raw={{"filler": "x" * 2000}}))
    except JournalUnavailable as error:
        print(error)
    for payment in kept:
        assert (await journal.get(payment.ref)).payment == payment
    print(len(kept))
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    said, kept = done.stdout.splitlines()
    assert said.startswith(f"journal {path}: reading or writing failed") or "full" in said
    assert 0 < int(kept) < 10_000
    journal = SqliteJournal(path)
    for n in range(int(kept)):
        found = await journal.get(make_intent(str(n)).ref)
        assert found is not None
        assert found.payment.status is PaymentStatus.APPROVED
    await paid(journal, make_intent("after"))
    await journal.aclose()


@pytest.mark.parametrize(
    ("from_byte", "said"), [(0, "no SQLite database|its beginning was overwritten"), (8192, "damaged")]
)
async def test_an_overwritten_file_is_said_to_be_damaged(
    journal: SqliteJournal, path: Path, from_byte: int, said: str
) -> None:
    payment = await paid(journal, make_intent())
    await journal.aclose()
    content = bytearray(path.read_bytes())
    content[from_byte:] = os.urandom(len(content) - from_byte)
    path.write_bytes(content)
    again = SqliteJournal(path)
    for call in (again.get(payment.ref), again.admit(make_intent("2"), owner="first", lease=LEASE)):
        with pytest.raises(Exception, match=said) as caught:
            await call
        assert type(caught.value).__name__ in ("ConfigurationError", "JournalUnavailable")
    await again.aclose()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("fate", ["deleted", "replaced"])
@pytest.mark.skipif(os.name == "nt", reason="open files can't be deleted there")
async def test_a_file_without_its_name_takes_nothing(
    journal: SqliteJournal, path: Path, suffix: str, fate: str
) -> None:
    payment = await paid(journal, make_intent())
    victim = Path(f"{path}{suffix}")
    victim.unlink()
    if fate == "replaced":
        victim.write_bytes(b"")
    decide = Asking(becomes(PaymentStatus.UNKNOWN))
    for call in (
        journal.get(payment.ref),
        journal.admit(make_intent("2"), owner="first", lease=LEASE),
        journal.change(payment.ref, decide),
        journal.note(make_notice(payment.ref)),
    ):
        with pytest.raises(JournalUnavailable, match="was deleted, moved or replaced"):
            await call
    assert decide.seen == [], "nothing was begun"
    assert not victim.exists() or victim.read_bytes() == b""


@pytest.mark.skipif(os.name == "nt", reason="open files can't be deleted there")
async def test_a_file_that_goes_while_it_is_written_promises_nothing(journal: SqliteJournal, path: Path) -> None:
    payment = await paid(journal, make_intent())

    def unlucky(record: Record) -> Change | None:
        path.unlink()
        return becomes(PaymentStatus.UNKNOWN)(record)

    with pytest.raises(JournalUnavailable, match="was deleted, moved or replaced"):
        await journal.change(payment.ref, unlucky)


async def test_a_lock_that_is_held_too_long_is_said_and_reading_goes_on(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "PATIENCE", 1.5)
    payment = await paid(journal, make_intent())
    with another_connection(path) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(journal.admit(make_intent("2"), owner="first", lease=LEASE))
        await asyncio.sleep(0)
        assert await journal.get(payment.ref) is not None
        assert not waiting.done()
        with pytest.raises(JournalUnavailable, match="kept it locked for too long"):
            await waiting
        assert await journal.get(make_intent("2").ref) is None
        monkeypatch.undo()
        waiting = asyncio.create_task(journal.admit(make_intent("2"), owner="first", lease=LEASE))
        await asyncio.sleep(0.02)
        other.execute("COMMIT")
        assert (await waiting).send


def broken() -> None:
    raise apsw.IOError("made up")


async def test_a_commit_that_came_to_be_is_no_failure(journal: SqliteJournal) -> None:
    """SQLite reports an error, but what it was asked to keep is kept."""
    record = await admitted(journal, make_intent("1"))
    await with_connection(journal, lambda connection: connection.set_wal_hook(lambda *_: broken()))
    with pytest.raises(JournalUnavailable):
        await journal.keep_events("scope")  # may be repeated, so nothing proves it
    admission, changed, noted = await asyncio.gather(
        journal.admit(make_intent("2"), owner="first", lease=LEASE),
        journal.change(record.ref, becomes(PaymentStatus.APPROVED)),
        journal.note(make_notice(record.ref)),
    )
    assert admission.send
    assert noted
    assert await journal.get(record.ref) == changed
    assert await journal.note(make_notice(record.ref, "d2"))


async def test_a_commit_that_did_not_come_to_be_is_one(journal: SqliteJournal) -> None:
    payment = await paid(journal, make_intent("1"))
    with pytest.raises(JournalUnavailable):  # it refuses this commit already
        await with_connection(journal, lambda connection: connection.set_commit_hook(lambda: True))
    outcomes = await asyncio.gather(
        journal.admit(make_intent("2"), owner="first", lease=LEASE),
        journal.change(payment.ref, becomes(PaymentStatus.UNKNOWN)),
        journal.note(make_notice(payment.ref)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [JournalUnavailable] * 3
    assert len(set(map(id, outcomes))) == 3, "each waiter gets one of its own"
    assert await journal.get(make_intent("2").ref) is None
    found = await journal.get(payment.ref)
    assert found is not None
    assert found.payment == payment
    assert list(await journal.notices(payment.ref)) == []


async def test_what_nobody_can_see_is_not_told(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    record = await admitted(journal, make_intent("1"))
    with suppress(JournalUnavailable):
        await with_connection(journal, lambda connection: connection.set_wal_hook(lambda *_: broken()))
    monkeypatch.setattr(Transaction, "came_to_be", lambda _: broken())
    with pytest.raises(JournalUnavailable, match="Whether it was kept can't be seen"):
        await journal.change(record.ref, becomes(PaymentStatus.APPROVED))


class Disk(apsw.VFS):
    """The real one, whose log of writes can't be flushed while it is ``broken``."""

    def __init__(self) -> None:
        self.real = apsw.vfs_names()[0]
        self.broken = False
        self.flushed = 0
        super().__init__("breakable", base=self.real)

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802  SQLite's word
        return DiskFile(self, name, flags)


class DiskFile(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        super().__init__(disk.real, name, flags)
        self._disk = disk
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)

    def xSync(self, flags: int) -> None:  # noqa: N802  as above
        if self._disk.broken and self._is_log:
            raise apsw.IOError("the disk does not answer")
        self._disk.flushed += self._is_log
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    apsw.set_default_vfs("breakable")
    yield disk
    apsw.set_default_vfs(disk.real)
    disk.unregister()


async def test_many_wait_for_the_disk_together(disk: Disk, journal: SqliteJournal) -> None:
    await admitted(journal, make_intent("first"))
    disk.flushed = 0
    await asyncio.gather(*(admitted(journal, make_intent(f"{n}")) for n in range(200)))
    assert 1 <= disk.flushed < 50
    disk.flushed = 0
    await asyncio.gather(*(journal.get(make_intent(f"{n}").ref) for n in range(200)))
    assert disk.flushed == 0


async def test_a_disk_that_does_not_flush_is_said(disk: Disk, journal: SqliteJournal) -> None:
    payment = await paid(journal, make_intent("1"))
    disk.broken = True
    for call in (
        journal.admit(make_intent("2"), owner="first", lease=LEASE),
        journal.change(payment.ref, becomes(PaymentStatus.UNKNOWN)),
    ):
        with pytest.raises(JournalUnavailable, match="reading or writing failed; look at the disk"):
            await call
    assert await journal.get(make_intent("2").ref) is None
    found = await journal.get(payment.ref)
    assert found is not None
    assert found.payment == payment
    disk.broken = False
    await admitted(journal, make_intent("2"))


async def test_a_mistake_in_a_program_can_be_found(journal: SqliteJournal) -> None:
    record = await admitted(journal, make_intent())

    def mistaken(record: Record) -> Change | None:
        secret = record.owner
        raise LookupError(len(secret))

    with pytest.raises(LookupError) as caught:
        await journal.change(record.ref, mistaken)
    assert "in mistaken" in caught.value.__notes__[0]
    assert [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.tb)][-1] == "_write", "no frame of the thread"


async def test_what_fails_after_it_wrote_takes_nobody_with_it(journal: SqliteJournal) -> None:
    await admitted(journal, make_intent("0"))
    asked: list[str] = []

    def fail_late(transaction: Transaction) -> None:
        transaction.admit(make_intent("half"), "first", LEASE)
        asked.append("half")
        raise ValueError("a mistake")

    outcomes = await asyncio.gather(
        journal.admit(make_intent("1"), owner="first", lease=LEASE),
        journal._write(fail_late),
        journal.admit(make_intent("2"), owner="first", lease=LEASE),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [Admission, ValueError, Admission]
    assert asked == ["half", "half"], "once with the others, and once alone"
    assert await journal.get(make_intent("half").ref) is None
    for key in ("1", "2"):
        record = await journal.get(make_intent(key).ref)
        assert record is not None
        assert len(await journal.history(record.ref)) == 1


@pytest.mark.parametrize(
    "payment", [f'{{"stored_payment_method_id":"{TOKEN}"}}', f'{{"stored_payment_method_id":"{TOKEN}']
)
async def test_what_can_not_be_read_is_not_shown(journal: SqliteJournal, path: Path, payment: str) -> None:
    """Neither in the message, nor among what a traceback shows of the frames it passed."""
    record = await admitted(journal, make_intent())
    with another_connection(path) as other:
        other.execute("UPDATE intents SET payment = ?", (payment,))
    for call in (journal.get(record.ref), journal.change(record.ref, nothing)):
        with pytest.raises(JournalUnavailable, match="holds a payment that can't be read") as caught:
            await call
        assert TOKEN not in shown(caught.value)


async def test_what_others_teach_copying_changes_nothing(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library may have exceptions copied with their tracebacks and contexts, as some that send them elsewhere do."""
    monkeypatch.setitem(copyreg.dispatch_table, JournalUnavailable, lambda error: (lambda: error, ()))
    record = await admitted(journal, make_intent())
    with another_connection(path) as other:
        other.execute("UPDATE intents SET payment = ?", (TOKEN,))
    with pytest.raises(JournalUnavailable) as caught:
        await journal.get(record.ref)
    assert TOKEN not in shown(caught.value)


def shown(error: BaseException) -> str:
    """Whatever a report could show of an exception."""
    parts = [repr(error), str(error.__dict__)]
    frames = traceback.walk_tb(error.__traceback__)
    parts += [repr(frame.f_locals) for frame, _ in frames if "paymentoptions_async" in frame.f_code.co_filename]
    for further in (error.__cause__, error.__context__):
        parts += [shown(further)] if further is not None else []
    return "\n".join(parts)


@pytest.mark.parametrize("table", ["history", "intents"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET version = 7"])
async def test_history_can_only_be_added_to(journal: SqliteJournal, path: Path, table: str, statement: str) -> None:
    payment = await paid(journal, make_intent())
    if (table, statement[:6]) == ("intents", "UPDATE"):
        return
    with another_connection(path) as other, pytest.raises(apsw.ConstraintError, match=r"append-only|never deleted"):
        other.execute(statement.format(table))
    assert len(await journal.history(payment.ref)) == 2


async def test_the_log_is_emptied_once_nobody_needs_it(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runners._Log, "_LARGEST", 2**18)
    monkeypatch.setattr(runners._Log, "_GROWTH", 2**18)
    log = Path(f"{path}-wal")
    payment = await paid(journal, make_intent())

    async def write(times: int) -> None:
        for n in range(times):
            await journal.change(payment.ref, becomes(PaymentStatus.UNKNOWN, raw={"filler": f"{n:x}" * 100_000}))

    with another_connection(path) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM intents").fetchall()
        await write(16)
        assert log.stat().st_size > 2**20, "the reader still needs what the file had"
        reader.execute("COMMIT")
        await write(6)
        assert log.stat().st_size < 2**20
    found = await journal.get(payment.ref)
    assert found is not None
    assert found.version == 24


async def test_closing_does_what_was_asked_for_before(journal: SqliteJournal, path: Path) -> None:
    await journal.get("POUNKNOWN")
    asked = [asyncio.create_task(journal.admit(make_intent(f"{n}"), owner="first", lease=LEASE)) for n in range(20)]
    await asyncio.sleep(0)
    await asyncio.gather(journal.aclose(), journal.aclose())
    assert all(task.result().send for task in asked)
    with another_connection(path) as other:
        assert other.execute("SELECT count(*) FROM intents").get == 20


async def test_closing_while_it_opens_leaves_nobody_waiting(journal: SqliteJournal) -> None:
    asked = [asyncio.create_task(journal.get("POUNKNOWN")) for _ in range(5)]
    await asyncio.sleep(0)
    await journal.aclose()
    outcomes = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 30)
    assert all(outcome is None or isinstance(outcome, JournalUnavailable) for outcome in outcomes)


async def test_the_file_is_opened_once(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def counting(path: str) -> connecting.Opened:
        opened.append(path)
        return connecting.open_file(path)

    monkeypatch.setattr("paymentoptions_async.journal.sqlite.journal.open_file", counting)
    first = asyncio.create_task(journal.get("POUNKNOWN"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(*(journal.get("POUNKNOWN") for _ in range(10)))
    assert len(opened) == 1


def test_a_program_that_forgot_to_close_ends(path: Path) -> None:
    program = f"""
import asyncio
from paymentoptions_async.journal.sqlite import SqliteJournal
from tests.journal.making import admitted, make_intent
asyncio.run(admitted(SqliteJournal({str(path)!r}), make_intent()))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    with another_connection(path) as other:
        assert json.loads(other.execute("SELECT intent FROM intents").get)["ref"] == make_intent().ref
