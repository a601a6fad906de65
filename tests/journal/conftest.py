"""One set of tests for every journal.

A backend is a fixture ``<name>_opener``, which returns a function: given the test's clock, it opens a journal on one
storage that all journals of a test share. Its name stands in ``BACKENDS``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from paymentoptions_async.journal import Journal, MemoryJournal
from paymentoptions_async.journal.postgres import PostgresJournal
from paymentoptions_async.journal.sqlite import SqliteJournal
from tests.journal.making import Clock
from tests.support.postgres import Cluster, make_tables, new_schema, postgres, private_postgres
from tests.support.postgres_tap import Tap, tapped

__all__ = ["postgres", "private_postgres"]  # fixtures

BACKENDS = ("memory", "sqlite", "postgres")

Opener = Callable[[Clock], Journal]


@dataclass
class Store:
    """Where the records of a test are, and the journals on it. ``journal`` is the first of them."""

    clock: Clock
    opener: Opener
    opened: list[Journal] = field(default_factory=list)

    @property
    def journal(self) -> Journal:
        return self.opened[0]

    def another(self) -> Journal:
        """Open the same records again, as another process would; the one in memory is always the same."""
        self.opened.append(self.opener(self.clock))
        return self.opened[-1]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory_opener() -> Opener:
    journals: list[Journal] = []

    def open_it(clock: Clock) -> Journal:
        if not journals:
            journals.append(MemoryJournal(clock=clock))
        return journals[0]

    return open_it


@pytest.fixture
def sqlite_opener(tmp_path: Path) -> Opener:
    return lambda clock: SqliteJournal(tmp_path / "journal.db", clock=clock)


@pytest.fixture
def postgres_opener(postgres: Cluster, clock: Clock) -> Opener:
    schema = new_schema()
    url = postgres.url(journal_schema=schema)
    make_tables(url)
    clock.moved = postgres.set_clock(schema)
    clock.moved(clock.now)
    return lambda _: PostgresJournal(url)


@pytest.fixture(params=BACKENDS)
async def store(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[Store]:
    store = Store(clock, request.getfixturevalue(f"{request.param}_opener"))
    store.another()
    yield store
    for journal in store.opened:
        await journal.aclose()


@pytest.fixture
def journal(store: Store) -> Journal:
    return store.journal


@pytest.fixture
def schema(postgres: Cluster) -> str:
    """A schema of the run's cluster, with a journal's tables."""
    schema = new_schema()
    make_tables(postgres.url(journal_schema=schema))
    return schema


@pytest.fixture
async def tap(postgres: Cluster) -> AsyncIterator[Tap]:
    """Where connections to the run's cluster can be watched and cut."""
    async with tapped(postgres) as tap:
        yield tap


@pytest.fixture
async def tapped_journal(tap: Tap, schema: str) -> AsyncIterator[PostgresJournal]:
    """A journal over the tap, with a connection."""
    journal = PostgresJournal(tap.url(journal_schema=schema))
    await journal.get("")
    tap.steps.clear()
    yield journal
    await journal.aclose()


@pytest.fixture
async def beside(postgres: Cluster, schema: str) -> AsyncIterator[PostgresJournal]:
    """Another process's journal in the same schema, whose connections nobody cuts."""
    journal = PostgresJournal(postgres.url(journal_schema=schema))
    yield journal
    await journal.aclose()
