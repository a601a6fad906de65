# ruff: noqa: ASYNC221, ASYNC240  a test blocks nobody
from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import apsw
import pytest

from paymentoptions_async.errors import ConfigurationError, JournalUnavailable, PaymentOptionsError
from paymentoptions_async.journal.migrations import Migration, migrations, missing
from paymentoptions_async.journal.sqlite import SqliteJournal, connecting, places
from paymentoptions_async.payment import PaymentStatus
from tests.journal.making import LEASE, Clock, admitted, becomes, make_intent, paid

KNOWN = len(migrations("sqlite"))
NEXT = Migration(
    KNOWN + 1, "ALTER TABLE intents ADD COLUMN shop TEXT NOT NULL DEFAULT 'main'; CREATE TABLE shops (name TEXT);"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
async def journal(path: Path, clock: Clock) -> AsyncIterator[SqliteJournal]:
    journal = SqliteJournal(path, clock=clock)
    yield journal
    await journal.aclose()


def run_sql(path: Path, sql: str) -> list[tuple[object, ...]]:
    """As another program would, and with everything closed again."""
    connection = apsw.Connection(str(path))
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


async def refusal(journal: SqliteJournal, kind: type[PaymentOptionsError], match: str) -> None:
    """Every way in is refused, and nothing comes of it."""
    with pytest.raises(kind, match=match):
        await journal.admit(make_intent(), owner="first", lease=LEASE)
    with pytest.raises(kind, match=match):
        await journal.get(make_intent().ref)


async def test_a_new_file_is_for_its_user_alone(journal: SqliteJournal, path: Path) -> None:
    """Tokens of stored cards are in it."""
    before = os.umask(0)
    try:
        await admitted(journal, make_intent())
    finally:
        os.umask(before)
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["journal.db", "journal.db-shm", "journal.db-wal"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3


async def test_the_file_says_what_it_is(journal: SqliteJournal, path: Path) -> None:
    await admitted(journal, make_intent())
    await journal.aclose()
    header = path.read_bytes()[:100]
    assert header[68:72] == b"POjl"
    assert run_sql(path, "PRAGMA user_version") == [(len(migrations("sqlite")),)]
    assert run_sql(path, "PRAGMA journal_mode") == [("wal",)]


async def test_commits_wait_for_the_disk(journal: SqliteJournal) -> None:
    await admitted(journal, make_intent())
    two = 2
    assert await journal._write(lambda transaction: transaction.connection.execute("PRAGMA synchronous").get) == two


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        ("CREATE TABLE orders (id INTEGER)", "another program's database"),
        ("PRAGMA application_id = 252006674", "another program's database"),
        ("PRAGMA user_version = 7", "another program's database"),
    ],
)
async def test_another_programs_database_stays_as_it_is(
    journal: SqliteJournal, path: Path, prepare: str, why: str
) -> None:
    run_sql(path, prepare)
    before = path.read_bytes()
    await refusal(journal, ConfigurationError, why)
    assert path.read_bytes() == before


async def test_another_kind_of_file_stays_as_it_is(journal: SqliteJournal, path: Path) -> None:
    path.write_text("Dear diary, " * 1000)
    await refusal(journal, ConfigurationError, "no SQLite database")
    assert path.read_text().startswith("Dear diary")


async def test_a_directory_is_no_file(tmp_path: Path) -> None:
    await refusal(SqliteJournal(tmp_path), ConfigurationError, "it is a directory")


async def test_once_the_directory_is_there_it_can_be_opened(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "missing" / "journal.db")
    await refusal(journal, JournalUnavailable, "there is no directory")
    (tmp_path / "missing").mkdir()
    await admitted(journal, make_intent())
    await journal.aclose()


async def test_a_file_with_two_names_is_refused(journal: SqliteJournal, path: Path, clock: Clock) -> None:
    """Under each it would have a log of its own, and the same key would be sent under both."""
    await admitted(journal, make_intent("1"))
    twin = path.with_name("twin.db")
    os.link(path, twin)
    await refusal(SqliteJournal(twin, clock=clock), ConfigurationError, "another name.*-samefile")
    twin.unlink()
    twin.symlink_to(path)
    linked = SqliteJournal(twin, clock=clock)
    assert not (await linked.admit(make_intent("1"), owner="second", lease=LEASE)).send
    await linked.aclose()


async def test_a_name_that_was_left_behind_while_the_file_was_made_is_removed(
    journal: SqliteJournal, path: Path
) -> None:
    path.touch()
    left = path.with_name(".journal.db.x1y2")
    others = path.with_name(".journal.db.old")
    os.link(path, left)
    others.touch()
    await admitted(journal, make_intent())
    assert (left.exists(), others.exists()) == (False, True)


async def test_another_who_tidies_up_at_the_same_time_is_no_fault(journal: SqliteJournal, path: Path) -> None:
    """What was listed is gone when it is looked at, as a link is that leads nowhere."""
    path.touch()
    for name in "abc":
        path.with_name(f".journal.db.{name}").symlink_to("gone")
    left = path.with_name(".journal.db.x1y2")
    os.link(path, left)
    await admitted(journal, make_intent())
    assert not left.exists()


async def test_a_file_that_is_mounted_without_its_directory_is_refused(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = f"30 1 0:1 / {path.parent} rw - ext4 /dev/sda rw"
    mounts = f"{directory}\n31 30 0:1 /j.db {path} rw - ext4 /dev/sda rw\n"
    monkeypatch.setattr(places, "_mountinfo", lambda: mounts)
    await refusal(journal, ConfigurationError, r"the file itself is mounted.*mount the directory")
    monkeypatch.setattr(places, "_mountinfo", lambda: directory)
    await admitted(journal, make_intent())


async def test_a_network_file_system_is_refused(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "network_file_system", lambda _: "nfs4")
    await refusal(journal, ConfigurationError, r"network file system \(nfs4\).*PostgreSQL")
    assert not path.exists()


@pytest.mark.parametrize("version", ["3.7.0", "3.40.1", "3.51.2"])
async def test_an_sqlite_that_corrupts_is_refused(
    journal: SqliteJournal, path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apsw, "sqlite_lib_version", lambda: version)
    await refusal(journal, ConfigurationError, f"uses SQLite {version} of this system, and before 3.51.3")
    assert not path.exists()


async def test_a_disk_without_shared_memory_is_refused(journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some FUSE file systems are: SQLite keeps its rollback journal there."""
    ask = connecting._first
    monkeypatch.setattr(
        connecting, "_first", lambda connection, sql: "delete" if "journal_mode" in sql else ask(connection, sql)
    )
    await refusal(journal, JournalUnavailable, "can't use its write-ahead log")


UNPRIVILEGED = """
import asyncio, os, sys
from paymentoptions_async.journal.sqlite import SqliteJournal, connecting
from tests.journal.making import make_intent

async def main():
    journal = SqliteJournal(sys.argv[1])
    intent = make_intent()  # loads, as the next two lines do, what another user may not be able to read
    connecting.migrations("sqlite")
    await asyncio.to_thread(lambda: None)
    if os.getuid() == 0:  # who writes what he wants
        os.setuid(65534)
    try:
        await journal.admit(intent, owner="first", lease=45)
    except Exception as error:
        print(type(error).__name__, error)
    await journal.aclose()

asyncio.run(main())
"""


@pytest.mark.parametrize("read_only", ["file", "directory"])
@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
async def test_what_can_not_be_written_is_refused(read_only: str) -> None:
    with tempfile.TemporaryDirectory() as home:  # not below pytest's, which nobody else may enter
        path = Path(home) / "journal.db"
        journal = SqliteJournal(path)
        await paid(journal, make_intent("before"))
        await journal.aclose()
        path.chmod(0o444 if read_only == "file" else 0o666)
        path.parent.chmod(0o777 if read_only == "file" else 0o555)
        program = [sys.executable, "-c", UNPRIVILEGED, str(path)]
        done = subprocess.run(program, check=True, capture_output=True, text=True, timeout=30)
        path.parent.chmod(0o700)
    assert done.stdout.startswith(f"JournalUnavailable journal {path}: "), done
    assert "must be able to write" in done.stdout


class Steps:
    """The schema's steps, as the version of the package that a test installs has them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def become(self, *more: Migration) -> None:
        known = [*migrations("sqlite"), *more]
        self._monkeypatch.setattr(connecting, "migrations", lambda _: known)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


async def test_a_newer_version_takes_the_journal_along(
    journal: SqliteJournal, path: Path, clock: Clock, steps: Steps
) -> None:
    payment = await paid(journal, make_intent())
    await journal.aclose()
    steps.become(NEXT)
    newer = SqliteJournal(path, clock=clock)
    found = await newer.get(payment.ref)
    assert found is not None
    assert found.payment == payment
    await admitted(newer, make_intent("2"))
    await newer.aclose()
    assert run_sql(path, "SELECT shop FROM intents") == [("main",), ("main",)]
    assert run_sql(path, "PRAGMA user_version") == [(KNOWN + 1,)]


async def test_an_older_version_refuses_the_journal(journal: SqliteJournal, path: Path, steps: Steps) -> None:
    steps.become(NEXT)
    await admitted(journal, make_intent())
    await journal.aclose()
    before = path.read_bytes()
    steps.become()
    await refusal(SqliteJournal(path), ConfigurationError, f"has schema {KNOWN + 1}, .* knows {KNOWN} at most")
    assert path.read_bytes() == before


async def test_an_older_version_stops_when_a_newer_one_changes_the_schema(
    journal: SqliteJournal, path: Path, steps: Steps
) -> None:
    payment = await paid(journal, make_intent("before"))
    steps.become(NEXT)
    newer = SqliteJournal(path)
    assert await newer.get(payment.ref) is not None
    steps.become()
    await refusal(journal, ConfigurationError, f"has schema {KNOWN + 1}, .* knows {KNOWN} at most")
    assert await newer.get(make_intent().ref) is None
    await newer.aclose()


async def test_a_step_that_fails_leaves_the_schema_as_it_was(
    journal: SqliteJournal, path: Path, clock: Clock, steps: Steps
) -> None:
    payment = await paid(journal, make_intent())
    await journal.aclose()
    steps.become(NEXT, Migration(KNOWN + 2, "CREATE TABLE more (name TEXT); CREATE TABLE more (name TEXT);"))
    await refusal(SqliteJournal(path), JournalUnavailable, "already exists")
    assert run_sql(path, "PRAGMA user_version") == [(KNOWN,)]
    steps.become()
    again = SqliteJournal(path, clock=clock)
    found = await again.get(payment.ref)
    assert found is not None
    assert found.payment == payment
    await again.aclose()


def test_steps_are_numbered_without_gaps() -> None:
    for folder in ("sqlite", "postgres"):
        known = migrations(folder)
        assert [step.number for step in known] == list(range(1, len(known) + 1))
        assert missing(known, 0) == known
        assert list(missing(known, len(known))) == []
        with pytest.raises(ConfigurationError, match="Upgrade"):
            missing(known, len(known) + 1)


async def test_many_open_a_new_file_at_once(path: Path, clock: Clock) -> None:
    journals = [SqliteJournal(path, clock=clock) for _ in range(12)]
    admissions = await asyncio.gather(
        *(journal.admit(make_intent(), owner=f"owner {n}", lease=LEASE) for n, journal in enumerate(journals))
    )
    assert [admission.send for admission in admissions].count(True) == 1
    await asyncio.gather(*(journal.aclose() for journal in journals))
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


async def test_what_was_there_is_there_after_opening_again(journal: SqliteJournal, path: Path, clock: Clock) -> None:
    payment = await paid(journal, make_intent())
    history = await journal.history(payment.ref)
    await journal.aclose()
    again = SqliteJournal(path, clock=clock)
    found = await again.find(payment.transaction_id or "")
    assert found is not None
    assert found.payment == payment
    assert await again.history(payment.ref) == history
    await again.change(payment.ref, becomes(PaymentStatus.UNKNOWN))
    await again.aclose()


def test_another_event_loop_is_refused(path: Path) -> None:
    journal = SqliteJournal(path)

    async def use_it() -> None:
        await journal.get("POUNKNOWN")

    asyncio.run(use_it())
    with pytest.raises(ConfigurationError, match="another one"):
        asyncio.run(use_it())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_is_refused(path: Path) -> None:
    program = f"""
import asyncio, os, warnings
from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.journal.sqlite import SqliteJournal
warnings.simplefilter("ignore")  # Python 3.12 warns of forks with threads, and rightly
async def main():
    journal = SqliteJournal({str(path)!r})
    await journal.get("POUNKNOWN")
    pid = os.fork()
    if pid == 0:
        try:
            await journal.get("POUNKNOWN")
        except ConfigurationError as error:
            os._exit(42 if "forked" in str(error) else 1)
        os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 42, status
    assert await journal.get("POUNKNOWN") is None
    await journal.aclose()
asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
