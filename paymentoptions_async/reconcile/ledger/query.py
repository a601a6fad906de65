"""A ledger in a database, streamed from a query through SQLAlchemy in one transaction that only reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from typing import Any, TypeVar, cast
from urllib.parse import quote_plus

import apsw
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from paymentoptions_async.journal.sqlite.connecting import APPLICATION_ID
from paymentoptions_async.masking import mask_unreadable
from paymentoptions_async.reconcile.ledger.batches import Batch, batch_of, text_of
from paymentoptions_async.reconcile.ledger.names import find_columns
from paymentoptions_async.reconcile.ledger.unreadable import LedgerUnreadable
from paymentoptions_async.reconcile.options import LedgerQuery
from paymentoptions_async.reconcile.threads import Stop, StoppedError

T = TypeVar("T")

_ROWS = 65_536
_HOW = {"stream_results": True, "no_parameters": True}


def shown_url(ledger: LedgerQuery) -> str:
    """Write the database's URL without its password, wherever that stands; raises `LedgerUnreadable`."""
    return _shown(_url(ledger))


def _shown(url: sa.URL) -> str:
    secrets = _secrets(url)
    query = {name: "hidden" if name in secrets else value for name, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


_HARMLESS = frozenset(
    {"charset", "database", "dbname", "driver", "host", "mode", "port", "service", "sslmode", "uri", "user"}
)
"""Parameters that tell which database it is, and how it is opened. Any other may be a password under some name."""
_SHORTEST_SECRET = 4
"""Of parameters: many are numbers, and so are words of an error."""


def _secrets(url: sa.URL) -> dict[str, str | tuple[str, ...]]:
    return {name: value for name, value in url.query.items() if name.lower() not in _HARMLESS}


def read_query(ledger: LedgerQuery, stop: Stop) -> Iterator[Batch]:
    """Give the rows of a query, as they are at one instant. Raises `LedgerUnreadable`, which shows no password."""
    url = _url(ledger)
    if url.get_backend_name() == "sqlite":
        _refuse_journal(url)
    with ExitStack() as open_ones:
        with _told_plainly(ledger, url):
            answer = open_ones.enter_context(_answer(url, ledger.query, stop))
        places = find_columns(answer.header, ledger.columns)
        text = partial(text_of, comma=ledger.columns.decimal_comma)
        row = 1
        while True:
            with _told_plainly(ledger, url), stop.interrupting(answer.interrupt):
                rows = answer.more()
            if not rows:
                return
            yield batch_of(rows, range(row, row + len(rows)), places, answer.header, text=text)
            row += len(rows)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A query's. ``more`` gives some thousand rows, and none at the end; ``interrupt`` ends it, from another thread."""

    header: list[str]
    more: Callable[[], Sequence[Any]]
    interrupt: Callable[[], object]


@contextmanager
def _told_plainly(ledger: LedgerQuery, url: sa.URL) -> Iterator[None]:
    """Raise what a driver raises, which may be anything, as `LedgerUnreadable`."""
    try:
        yield
    except (LedgerUnreadable, StoppedError):
        raise
    except ImportError as error:
        raise LedgerUnreadable(
            f"ledger {shown_url(ledger)}: {error.name or 'its driver'} is not installed; install it, or name another "
            "driver in the URL (postgresql+asyncpg://…)"
        ) from None
    except Exception as error:  # noqa: BLE001  of any class
        raise LedgerUnreadable(f"ledger {shown_url(ledger)}: {_told(error, url)}") from None


def _url(ledger: LedgerQuery) -> sa.URL:
    try:
        url = sa.make_url(ledger.url)
        url.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise LedgerUnreadable(
            "ledger: the URL is none that SQLAlchemy knows: dialect+driver://user:password@host/database"
        ) from None
    except ImportError:
        return url
    return url


def _told(error: Exception, url: sa.URL) -> str:
    """What the database said. It may repeat a cell, and the driver the URL: cards and the password are taken out."""
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    told = [value for value in _secrets(url).values() if isinstance(value, str) and len(value) >= _SHORTEST_SECRET]
    for secret in [str(url.password), *told] if url.password else told:
        for written in (secret, quote_plus(secret)):
            said = said.replace(written, "***")
    return mask_unreadable(said)


@contextmanager
def _answer(url: sa.URL, query: str, stop: Stop) -> Iterator[_Answer]:
    if url.get_dialect().is_async:
        with _answer_of_async(url, query, stop) as found:
            yield found
        return
    engine = sa.create_engine(url, poolclass=NullPool)
    _keep_from_writing(engine)
    try:
        with engine.connect().execution_options(**_isolation(engine.dialect.name)) as connection:
            interrupt = _interruption(connection.connection.driver_connection)
            with stop.interrupting(interrupt):
                result = _run(connection, query)
            parts = result.partitions()
            yield _Answer(list(result.keys()), lambda: next(parts, ()), interrupt)
    finally:
        engine.dispose()


def _interruption(connection: Any) -> Callable[[], object]:
    """How a driver's connection is told to end what it does: sqlite3 has it so, and PostgreSQL's and Oracle's."""
    for name in ("interrupt", "cancel"):
        if callable(found := getattr(connection, name, None)):
            return cast("Callable[[], object]", found)
    return lambda: None


@contextmanager
def _answer_of_async(url: sa.URL, query: str, stop: Stop) -> Iterator[_Answer]:
    """Do the same with a driver for asyncio, in a loop of this thread's own."""
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.util import greenlet_spawn

    with asyncio.Runner() as runner:

        def run(work: Coroutine[Any, Any, T]) -> T:
            try:
                return runner.run(work)
            except asyncio.CancelledError:
                raise StoppedError from None

        def cancel() -> None:
            for task in asyncio.all_tasks(runner.get_loop()):
                task.cancel()

        engine = create_async_engine(url, poolclass=NullPool)
        _keep_from_writing(engine.sync_engine)
        connection = engine.connect()
        interrupt = partial(runner.get_loop().call_soon_threadsafe, cancel)
        try:
            with stop.interrupting(interrupt):
                run(_started(connection, _isolation(engine.dialect.name)))
                result = run(connection.run_sync(_run, query))
            parts = result.partitions()
            yield _Answer(list(result.keys()), lambda: run(greenlet_spawn(next, parts, ())), interrupt)
        finally:
            run(_ended(connection, engine))


async def _started(connection: Any, isolation: dict[str, Any]) -> None:
    await connection.start()
    await connection.execution_options(**isolation)


async def _ended(connection: Any, engine: Any) -> None:
    await connection.close()
    await engine.dispose()


def _isolation(dialect: str) -> dict[str, Any]:
    """One snapshot for the whole query, where the database has to be told."""
    if dialect == "postgresql":
        return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return {}


def _run(connection: sa.Connection, query: str) -> sa.CursorResult[Any]:
    result = connection.execution_options(**_HOW).exec_driver_sql(query)
    if not result.returns_rows:
        raise LedgerUnreadable("ledger: the query gives no rows; it must be a SELECT")
    return result.yield_per(_ROWS)


def _keep_from_writing(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _make_sqlite_read)


def _make_sqlite_read(connection: Any, _: object) -> None:
    connection.execute("PRAGMA query_only = ON")
    connection.text_factory = methodcaller("decode", "utf-8", "surrogateescape")
    connection.set_authorizer(_without_attaching)


_SQLITE_OK, _SQLITE_DENY, _SQLITE_ATTACH = 0, 1, 24


def _without_attaching(action: int, *_: object) -> int:
    return _SQLITE_DENY if action == _SQLITE_ATTACH else _SQLITE_OK


def _refuse_journal(url: sa.URL) -> None:
    """Refuse a journal of ours before Python's own SQLite touches it: closing it would drop the journal's locks.

    It is looked at with the library that journals are opened with, which knows of those locks.
    """
    path = url.database
    if not path or path == ":memory:":
        raise LedgerUnreadable("ledger: needs a database that is a file; one in memory is empty")
    flags = apsw.SQLITE_OPEN_READONLY | (apsw.SQLITE_OPEN_URI if path.startswith("file:") else 0)
    try:
        connection = apsw.Connection(path, flags=flags)
        try:
            application = connection.execute("PRAGMA application_id").get
        finally:
            connection.close()
    except apsw.Error as error:
        raise LedgerUnreadable(f"ledger {_shown(url)}: {error}") from None
    if application == APPLICATION_ID:
        raise LedgerUnreadable(
            f"ledger {path}: it is a journal, not a ledger; the run takes in its client's journal by itself"
        )
