"""A TCP tap between a journal and its cluster, which knows each step of a batch and can cut the connection there.

The messages are those of PostgreSQL's protocol (chapter "Message Formats" of its manual).
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlencode

from tests.support.postgres import Cluster

STEPS = {
    "BEGIN": "BEGIN",
    "COMMIT": "COMMIT",
    "pg_advisory_xact_lock": "LOCK",
    "WITH RECURSIVE chain (name)": "READ",
    "JOIN history AS h": "DOUBTS",
    "WITH opened AS": "KEEP",
    "INSERT INTO notices": "NOTE",
    "WITH due AS": "CLAIM",
    "FROM intents WHERE ref = ANY": "GET",
    "i.version > seen.version": "LOOK",
    "pg_notify": "NOTIFY",
    "LISTEN": "LISTEN",
}
"""How a step is called whose statement has these words."""


class Then(Enum):
    """What becomes of a connection at a step."""

    CUT_BEFORE = "cut before"
    """The step never reaches the server, and the connection is lost."""
    CUT_AFTER = "cut after"
    """The server takes the step, and the connection is lost before its answer."""
    SILENCE_BEFORE = "silence before"
    """The step never reaches the server, and nobody hears anything any more."""
    SILENCE_AFTER = "silence after"
    """The server takes the step, and nobody hears anything any more."""


@dataclass(eq=False)
class Hold:
    """Keeps a step back until it is let go, over a connection that may be cut for the client meanwhile."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    cut: bool = False
    """Lose the connection for the client as soon as the step is reached; the server gets it all the same."""


class Tap:
    """Listens on a loopback port and passes on to a cluster. ``steps`` are those that came, in order."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.port = 0
        self.steps: list[str] = []
        self.connections = 0
        self._plans: dict[str, deque[Then | Hold | None]] = {}
        self._links: set[asyncio.Task[None]] = set()
        self._generation = 0

    def at(self, step: str, *then: Then | Hold | None) -> None:
        """The next time that a step comes, do this; the time after that, the next. None lets it pass."""
        self._plans[step] = deque(then)

    @property
    def open(self) -> int:
        """Connections that are open."""
        return len(self._links)

    def url(self, **query: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres?{urlencode({'sslmode': 'disable', **query})}"

    def planned(self, step: str) -> Then | Hold | None:
        self.steps.append(step)
        plan = self._plans.get(step)
        return plan.popleft() if plan else None

    def drop_all(self) -> None:
        """Lose every connection."""
        for link in self._links:
            link.cancel()

    def fall_silent(self) -> None:
        """Let no connection that is open hear or be heard any more, as where its host is gone."""
        self._generation += 1

    def is_silent(self, generation: int) -> bool:
        """Has a connection of this generation fallen silent?"""
        return generation < self._generation

    @property
    def generation(self) -> int:
        """That of new connections."""
        return self._generation

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        try:
            upstream = await asyncio.open_unix_connection(str(self.cluster.socket))
        except OSError:
            writer.transport.abort()
            return
        finally:
            link.add_done_callback(self._links.discard)
        await _Link(self, reader, writer, *upstream).run()


class _Link:
    """One connection through a tap."""

    def __init__(
        self,
        tap: Tap,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self._tap = tap
        self._generation = tap.generation
        self._reader, self._writer = reader, writer
        self._server_reader, self._server_writer = server_reader, server_writer
        self._statements: dict[bytes, str] = {}
        self._muted = False
        self._ready = asyncio.Event()

    async def run(self) -> None:
        answers = asyncio.create_task(self._pass_answers())
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
                await self._pass_questions()
        finally:
            answers.cancel()
            self._writer.transport.abort()
            self._server_writer.transport.abort()

    async def _pass_questions(self) -> None:
        (length,) = struct.unpack("!i", head := await self._reader.readexactly(4))
        self._server_writer.write(head + await self._reader.readexactly(length - 4))
        while True:
            head = await self._reader.readexactly(5)
            kind, length = head[:1], struct.unpack("!i", head[1:])[0]
            body = await self._reader.readexactly(length - 4)
            if self._tap.is_silent(self._generation):
                continue
            step = self._step(kind, body)
            then = self._tap.planned(step) if step else None
            if then is None:
                self._server_writer.write(head + body)
                continue
            message = head + body + (b"" if kind == b"Q" else await self._rest_of_step())
            if not await self._do(then, message):
                return

    async def _rest_of_step(self) -> bytes:
        """What follows a Bind up to its Sync."""
        rest = b""
        while not rest.endswith(b"S\x00\x00\x00\x04"):
            head = await self._reader.readexactly(5)
            rest += head + await self._reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
        return rest

    async def _do(self, then: Then | Hold, message: bytes) -> bool:
        """False where the connection is lost."""
        if isinstance(then, Hold):
            then.reached.set()
            if then.cut:
                self._writer.transport.abort()
            await then.go.wait()
            self._server_writer.write(message)
            if then.cut:
                await self._answered()
            return not then.cut
        if then in (Then.CUT_AFTER, Then.SILENCE_AFTER):
            self._muted = True
            self._server_writer.write(message)
            await self._answered()
        if then in (Then.SILENCE_BEFORE, Then.SILENCE_AFTER):
            self._muted = True
            await asyncio.Event().wait()
        return False

    async def _answered(self) -> None:
        """Wait until the server is done with a step."""
        self._ready.clear()
        await self._ready.wait()

    async def _pass_answers(self) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await self._server_reader.readexactly(5)
                body = await self._server_reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
                if not self._muted and not self._tap.is_silent(self._generation):
                    self._writer.write(head + body)
                if head[:1] == b"Z":
                    self._ready.set()
        if not self._muted:
            self._writer.transport.abort()

    def _step(self, kind: bytes, body: bytes) -> str | None:
        """The step that a message is: a simple query, or a bound statement that was parsed before."""
        if kind == b"P":
            name, statement, _ = body.split(b"\x00", 2)
            self._statements[name] = statement.decode()
        if kind not in (b"Q", b"B"):
            return None
        text = body[:-1].decode() if kind == b"Q" else self._statements[body.split(b"\x00", 2)[1]]
        return next((step for words, step in STEPS.items() if words in text), None)


@asynccontextmanager
async def tapped(cluster: Cluster) -> AsyncIterator[Tap]:
    """A tap before a cluster."""
    tap = Tap(cluster)
    server = await asyncio.start_server(tap.accept, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        tap.drop_all()
        await server.wait_closed()


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what nobody tells of."""
    async with asyncio.timeout(10):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
