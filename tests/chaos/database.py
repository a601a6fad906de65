"""The journal's database: a SQLite file, or a PostgreSQL cluster that may be struck."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.postgres import Cluster


@dataclass(frozen=True)
class Database:
    """Where the journal is. ``url`` is what ``journal=`` takes."""

    kind: str
    url: str
    directory: Path
    cluster: Cluster | None = None
    _striking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def can_be_struck(self) -> bool:
        """True where it is a server of its own."""
        return self.cluster is not None

    async def restart(self) -> None:
        """Shut it down in order, and start it again."""
        assert self.cluster is not None, "only a server is restarted"
        async with self._striking:
            await asyncio.to_thread(self.cluster.restart)

    async def crash(self) -> None:
        """Shut it down at once, as a crash would, and start it again."""
        assert self.cluster is not None, "only a server crashes"
        async with self._striking:
            await asyncio.to_thread(self.cluster.kill)
            await asyncio.to_thread(self.cluster.start)

    def files(self) -> frozenset[Path]:
        """Everything that the journal wrote to disk."""
        if self.cluster is None:
            return frozenset(self.directory.glob("journal.db*"))
        return frozenset(path for path in self.cluster.home.rglob("*") if path.is_file())


@contextmanager
def database(kind: str, directory: Path) -> Iterator[Database]:
    """Make a database of its own; ``kind`` is sqlite or postgres."""
    if kind == "sqlite":
        yield Database(kind, str(directory / "journal.db"), directory)
        return
    cluster = Cluster.create()
    try:
        yield Database(kind, cluster.url(), directory, cluster)
    finally:
        cluster.leave()
