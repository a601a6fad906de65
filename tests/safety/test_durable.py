"""Nothing secret is in a journal, in a log, or in what a client says of itself, whatever it is asked and what fails.

One tour for each journal, each through another wire and with a share of the faults.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async import policy
from tests.safety import tour
from tests.safety.marks import CVC, NUMBERS, Marks, found_among, rendered, shown_of, told_by
from tests.support.postgres import GUARDED, PASSWORD, Cluster, new_schema, private_postgres

__all__ = ["private_postgres"]  # a fixture

SEARCHER = Path(__file__).with_name("searcher.py")
NOT_OF_A_RECORD = {"created", "lineno", "msecs", "process", "relativeCreated", "thread"}
"""Numbers of a log record that could read as a code."""


LOGGERS = (
    "aiohttp",
    "apsw",
    "asyncio",
    "asyncpg",
    "httpcore",
    "httpx",
    "paymentoptions_async",
    "starlette",
    "uvicorn",
)


@pytest.fixture
def logged(caplog) -> Iterator[Callable[[], str]]:
    """All that any library logs, with the locals of what it logs as an exception."""
    caplog.set_level(logging.DEBUG)
    for name in (
        "asyncio",
        "aiohttp",
        "httpx",
        "httpcore",
        "asyncpg",
        "apsw",
        "paymentoptions_async",
        "uvicorn",
        "uvicorn.access",
        "starlette",
    ):
        caplog.set_level(logging.DEBUG, logger=name)

    told = _Telling()
    listened = [logging.getLogger(name) for name in (None, "uvicorn.access")]  # which a server may have cut off
    for logger in listened:
        logger.addHandler(told)
    yield lambda: "\n".join(told.lines)
    for logger in listened:
        logger.removeHandler(told)
    assert told.lines, "nothing was listened to"


class _Telling(logging.Handler):
    """Renders each record when it is logged, as every handler does: an exception that is raised again grows later."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(_line(record))


def _line(record: logging.LogRecord) -> str:
    about = {name: value for name, value in vars(record).items() if name not in NOT_OF_A_RECORD}
    error = record.exc_info[1] if record.exc_info else None
    return f"{record.getMessage()} {about}" + (rendered(error) if error else "")


@dataclass(frozen=True)
class Place:
    """Where a journal is: its setting, and what of the marks is found in all that was written for it by now."""

    url: str
    found: Callable[[Marks], set[str]]


@pytest.fixture
def memory() -> Place:
    return Place("memory:", lambda _: set())  # what it holds is what it gives back, and that is looked at


@pytest.fixture
def sqlite(tmp_path: Path) -> Place:
    """A file and all beside it, read as bytes by a process that does not know SQLite."""
    return Place(str(tmp_path / "journal.db"), partial(files_of, tmp_path))


def files_of(directory: Path, marks: Marks) -> set[str]:
    """What of the marks stands in the files of a journal."""
    written = sorted(directory.glob("journal.db*"))
    assert directory / "journal.db" in written
    codes = [f"{before}{CVC}" for before in ('"', "'", " ", ":", "=", ">")]  # alone, four digits may be of a number
    return search([*marks.secret, *NUMBERS, *codes], written)


def search(marks: list[str], files: list[Path]) -> set[str]:
    """Which marks stand in files, told by another process. They go in by a pipe: command lines are seen by others."""
    done = subprocess.run(
        [sys.executable, "-ISE", SEARCHER, *files], input=json.dumps(marks), capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    assert sum(told["bytes"]) > 4096
    return set(told["found"])


@pytest.fixture
def postgres(private_postgres: Cluster) -> Place:
    """A server that logs each statement with its parameters, and a role that needs a password."""
    cluster, schema = private_postgres, new_schema()
    cluster.configure(log_statement="'all'", log_min_duration_statement="0", log_line_prefix="''")
    cluster.sql("SELECT pg_reload_conf()")
    log = cluster.home / "log"
    begin = log.stat().st_size  # the tests' own statements hold the password

    def found(marks: Marks) -> set[str]:
        tables = cluster.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'").split()  # noqa: S608  ours
        assert {"intents", "history", "notices"} <= set(tables)
        copied = cluster.sql("".join(f"COPY {schema}.{table} TO STDOUT;" for table in tables))
        told = log.read_bytes()[begin:].decode()
        assert "parameters: $1 = " in told
        return marks.found_in(f"{copied}\n{told}", private=False)

    return Place(cluster.url(user=GUARDED, password=PASSWORD, journal_schema=schema), found)


TOURS = {"memory": "httpx", "sqlite": "pool", "postgres": "mock"}
"""Each journal, through which wire."""


@pytest.mark.parametrize("journal", TOURS)
async def test_nothing_is_shown_or_kept_of_all_that_a_client_does(request, journal, logged, monkeypatch, capfd):
    place, share = request.getfixturevalue(journal), list(TOURS).index(journal)
    monkeypatch.setattr(policy, "EXCHANGE_FLOOR", 0.05)  # what nobody waits for any more ends soon
    monkeypatch.setattr(policy, "GET_TIMEOUT", 0.5)  # and so do questions about webhooks
    marks = Marks(also=[PASSWORD])
    asyncio.get_running_loop().set_debug(enabled=journal == "memory")  # so that asyncio tells what it does; it is slow
    async with tour.opened(TOURS[journal], marks, journal=place.url) as shop:
        await tour.take(shop, share=slice(share, None, len(TOURS)))
        assert place.found(marks) == set(), "while it is open"
    assert place.found(marks) == set(), "after it was closed"
    assert_silent(shop, marks)
    assert marks.found_in(logged()) == set()
    assert marks.found_in("".join(capfd.readouterr())) == set()


def assert_silent(shop: Any, marks: Marks) -> None:
    """Nothing that a client gave back or raised shows a mark: by itself, copied, pickled, or with a traceback."""
    assert found_among(shown_of(shop.raised), marks) == set()
    told = [(type(one).__name__, "told", told_by(one)) for one in (*shop.returned, *shop.raised)]
    assert found_among(told, marks) == set()
    assert marks.found_in("\n".join(rendered(error) for error in shop.raised)) == set()
