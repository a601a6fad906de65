"""Opening the file: everything that could make it forget is refused before anything is written to it."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.journal.migrations import Migration, migrations, missing
from paymentoptions_async.journal.sqlite import faults
from paymentoptions_async.journal.sqlite.places import Identity, is_mounted_alone, network_file_system

APPLICATION_ID = 0x504F6A6C
"""``POjl`` in the file's header: it is a journal, and no other program's database."""

OLDEST_SQLITE = (3, 51, 3)
"""Older ones, from 3.7.0 on, can corrupt a WAL file that two connections write (https://sqlite.org/releaselog)."""

PATIENCE = 10.0
"""How long other processes may keep the file locked, seconds."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.0002, 0.005
_MOMENT = 50
"""Milliseconds."""
_WAL_LIMIT = 64 * 2**20
_PAGE = 8192
"""Bytes. An answered payment takes two or three kilobytes, of which a smaller page holds one only."""


@dataclass(frozen=True, slots=True)
class Opened:
    """The two connections of a journal, and the files that they are connected to."""

    path: str
    writer: apsw.Connection
    reader: apsw.Connection
    identity: Identity
    schema: int


def open_file(path: str) -> Opened:
    """Open or make a journal's file and bring its schema up to date. ``path`` is absolute.

    Raises ConfigurationError for what can't be a journal here, and JournalUnavailable where it may be later.
    """
    path = os.path.realpath(path)
    _check_library(path)
    _check_place(path)
    _make_private_file(path)
    connections: list[apsw.Connection] = []
    try:
        _check_one_name(path)
        writer = _connect(path, connections)
        steps = migrations("sqlite")
        with _one_look(writer):
            _check_ours(path, writer, steps)
        writer.execute(f"PRAGMA page_size = {_PAGE}").fetchall()  # of a new file
        _switch_to_wal(path, writer)
        _migrate(path, writer, steps)
        reader = _connect(path, connections)
        _switch_to_wal(path, reader)
        return Opened(path, writer, reader, Identity(path), steps[-1].number)
    except BaseException as error:
        for connection in connections:
            connection.close()
        if isinstance(error, apsw.NotADBError):
            raise faults.refused(path, "it is no SQLite database; name another file, or restore a copy") from error
        if isinstance(error, apsw.Error):
            raise faults.unavailable(path, error) from error
        if isinstance(error, OSError):
            raise faults.replaced(path) from error
        raise


def check_schema(opened: Opened, connection: apsw.Connection) -> None:
    """Refuse to go on where a newer version of the package has changed the schema meanwhile."""
    found = _number(connection, "user_version")
    if found != opened.schema:
        missing(migrations("sqlite"), found)
        raise faults.replaced(opened.path)


@contextmanager
def hurried(connection: apsw.Connection) -> Iterator[None]:
    """Wait for other processes but a moment."""
    connection.set_busy_timeout(_MOMENT)
    try:
        yield
    finally:
        connection.set_busy_handler(_patience())


def _check_library(path: str) -> None:
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise faults.refused(
            path,
            f"apsw uses SQLite {version} of this system, and before {needed} two connections could corrupt the file; "
            "install apsw's own wheel (pip install --force-reinstall apsw), which brings a newer one",
        )


def _check_place(path: str) -> None:
    place = Path(path)
    if not place.parent.is_dir():
        raise JournalUnavailable(f"journal {path}: there is no directory {place.parent}; make it, or name another one")
    if place.is_dir():
        raise faults.refused(path, "it is a directory; name a file in it")
    kind = network_file_system(path)
    if kind is not None:
        raise faults.refused(
            path,
            f"it is on a network file system ({kind}), where SQLite's locks and shared memory can't be trusted; "
            "use a disk of this host, or PostgreSQL for several hosts",
        )


def _make_private_file(path: str) -> None:
    """Make an empty file that only its user can read, unless there is one: it will hold tokens of stored cards.

    Made under another name and then linked, because a file that may be a journal must not be opened and closed by
    anyone but SQLite: closing it drops the locks that this process has on it.
    """
    place = Path(path)
    if place.exists():
        return
    try:
        descriptor, made = tempfile.mkstemp(prefix=_unfinished(place), dir=place.parent)  # 0600
        os.close(descriptor)
        try:
            with suppress(FileExistsError):  # another process was first
                os.link(made, path)
        finally:
            Path(made).unlink(missing_ok=True)  # whoever opened it at once may have tidied up: `_check_one_name`
        _sync_directory(place.parent)
    except OSError as error:
        raise JournalUnavailable(
            f"journal {path}: a file can't be made there ({error.strerror}); the process must be able to write "
            f"{place.parent}"
        ) from error


def _unfinished(place: Path) -> str:
    return f".{place.name}."


def _check_one_name(path: str) -> None:
    """Refuse a file that has two names: each has a log of its own, so that what is written to one the other forgets.

    A process that was killed while it made the file may have left the name behind under which it made it.
    """
    place = Path(path)
    if place.stat().st_nlink > 1:
        for beside in place.parent.iterdir():
            with suppress(OSError):  # another opener tidied up first, or it isn't ours to remove: counted again below
                if beside.name.startswith(_unfinished(place)) and beside.samefile(place):
                    beside.unlink()
    if place.stat().st_nlink > 1:
        raise faults.refused(
            path,
            "the file has another name (a hard link), and the same key would be sent under both; find it with "
            "'find -samefile' and remove it",
        )
    if is_mounted_alone(path):
        raise faults.refused(
            path,
            "the file itself is mounted there, and under its other name the same key would be sent again; mount the "
            "directory that it is in",
        )


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: str, connections: list[apsw.Connection]) -> apsw.Connection:
    connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    connections.append(connection)
    connection.set_busy_handler(_patience())
    if connection.readonly("main"):
        raise apsw.ReadOnlyError("opened for reading only")
    for pragma in (
        "synchronous = FULL",
        "fullfsync = ON",  # on macOS, where fsync alone leaves data in the disk's cache
        "checkpoint_fullfsync = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "temp_store = MEMORY",
        f"journal_size_limit = {_WAL_LIMIT}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def _patience() -> Callable[[int], bool]:
    """A busy handler that tries again after short random pauses, so that processes don't wake in step."""
    until = 0.0

    def wait(tries: int) -> bool:
        nonlocal until
        now = time.monotonic()
        if tries == 0:
            until = now + PATIENCE
        if now >= until:
            return False
        time.sleep(random.uniform(_SHORTEST_PAUSE, _LONGEST_PAUSE))  # noqa: S311  no secret
        return True

    return wait


@contextmanager
def _one_look(connection: apsw.Connection) -> Iterator[None]:
    """Read several things as they are at one instant: another process may be making the schema just now."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _check_ours(path: str, connection: apsw.Connection, steps: Sequence[Migration]) -> None:
    """Refuse another program's database, and a newer journal, before anything of them is changed."""
    application = _number(connection, "application_id")
    if application == APPLICATION_ID:
        missing(steps, _number(connection, "user_version"))
        return
    is_empty = not _first(connection, "SELECT EXISTS (SELECT 1 FROM sqlite_schema)")
    if application or not is_empty or _number(connection, "user_version"):
        raise faults.refused(path, "it is another program's database; name another file")


def _switch_to_wal(path: str, connection: apsw.Connection) -> None:
    """Use the write-ahead log. SQLite does not wait for other processes here, so this does."""
    wait, tries = _patience(), 0
    while True:
        try:
            mode = _first(connection, "PRAGMA journal_mode = WAL")
        except apsw.BusyError:
            if not wait(tries):
                raise
            tries += 1
        else:
            break
    if mode != "wal":
        raise JournalUnavailable(f"journal {path}: SQLite can't use its write-ahead log there; use another disk")


def _migrate(path: str, connection: apsw.Connection, steps: Sequence[Migration]) -> None:
    """Apply what is missing, in one transaction; another process that opens the file meanwhile waits for it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        _check_ours(path, connection, steps)
        todo = missing(steps, _number(connection, "user_version"))
        for step in todo:
            connection.execute(step.sql).fetchall()
        if todo:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {todo[-1].number}")
            connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _number(connection: apsw.Connection, pragma: str) -> int:
    return int(_first(connection, f"PRAGMA {pragma}"))


def _first(connection: apsw.Connection, sql: str) -> Any:
    return connection.execute(sql).get
