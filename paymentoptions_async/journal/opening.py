"""From what a setting says to a journal: in memory, in an SQLite file, or on PostgreSQL."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from pathlib import Path

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.journal.interface import Journal
from paymentoptions_async.journal.memory import MemoryJournal

log = logging.getLogger("paymentoptions_async")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # two characters at least: C:\ is a drive
_POSTGRESQL = ("postgresql", "postgres")
_KNOWN = "'memory:', 'sqlite:///file.db', 'sqlite:////directory/file.db', a path, or 'postgresql://…'"


def open_journal(given: str | os.PathLike[str], *, clock: Callable[[], float]) -> Journal:
    """Make the journal that a setting names; it is opened by its first use.

    ``memory:``; ``sqlite:///relative.db``, ``sqlite:////absolute.db`` or a path, which is made absolute and logged;
    ``postgresql://…``. ``clock`` gives Unix seconds; PostgreSQL has its own. Raises ConfigurationError for anything
    else, and shows nothing of it, because a URL may hold a password.
    """
    name = os.fspath(given)
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"journal: needs {_KNOWN}")
    if name == "memory:":
        return MemoryJournal(clock=clock)
    scheme = _SCHEME.match(name) if isinstance(given, str) else None
    if scheme is None:
        return _sqlite(name, clock)
    kind = scheme[1].lower()
    if kind == "sqlite":
        return _sqlite(_path_of(name), clock)
    if kind in _POSTGRESQL:
        return _postgresql(name)
    raise ConfigurationError(f"journal: {kind}: is no kind of journal; {_KNOWN} are")


def _path_of(url: str) -> str:
    """The path in an SQLite URL: what follows the third slash, as it is."""
    _, slashes, path = url.partition(":///")
    if not slashes or not path or path.startswith((":", "?")):
        raise ConfigurationError("journal: needs sqlite:///file.db, or four slashes before an absolute path")
    if "?" in path:
        raise ConfigurationError("journal: an SQLite URL has no options here; pass a path if its name holds a '?'")
    return path


def _sqlite(path: str, clock: Callable[[], float]) -> Journal:
    from paymentoptions_async.journal.sqlite import SqliteJournal

    absolute = Path(path).absolute()
    log.info("journal: %s", absolute)
    return SqliteJournal(absolute, clock=clock)


def _postgresql(url: str) -> Journal:
    try:
        from paymentoptions_async.journal.postgres import PostgresJournal
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigurationError("journal: PostgreSQL needs asyncpg; install paymentoptions-async[postgres]") from None
    journal: Journal = PostgresJournal(url)
    return journal
