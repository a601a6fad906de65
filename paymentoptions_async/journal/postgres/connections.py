"""A few connections for everything: opened when needed, handed from one use to the next, closed when idle for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from paymentoptions_async.errors import ConfigurationError, JournalUnavailable
from paymentoptions_async.journal.guard import LoopGuard
from paymentoptions_async.journal.postgres.address import Address
from paymentoptions_async.journal.postgres.faults import Fault, Kind, fault_of
from paymentoptions_async.journal.postgres.schema import check_rights, is_behind, migrate
from paymentoptions_async.journal.postgres.session import Connection, connect

log = logging.getLogger("paymentoptions_async")

LIMIT = 3
"""Connections of one journal: two that write and one that reads, when there is so much to do."""
CONNECT_TIMEOUT = 3.0
"""Seconds for each host: one that is silent leaves time for the others."""
MIGRATION_TIMEOUT = 600.0
GRACE = 0.02
"""Seconds that a use waits for another's end before it opens one more connection, a process of the server's."""
RETRY = 1.0
"""Seconds that a use waits for another's end where no more connections can be opened."""
IDLE = 60.0
"""Seconds after which an unused connection is closed."""


class Connections:
    """The connections of one journal, bound to one event loop. Each new one is made ready by ``rehearse``."""

    def __init__(self, address: Address, rehearse: Callable[[Connection], Awaitable[None]]) -> None:
        self.address = address
        self._rehearse = rehearse
        self._guard = LoopGuard()
        self._slots = asyncio.Semaphore(LIMIT)
        self._idle: list[tuple[Connection, float]] = []
        self._pinned: Connection | None = None
        self._preferred = 0
        self._in_use = 0
        self._returned = asyncio.Event()
        self._door = asyncio.Lock()  # one is opened at a time; who waits often finds what the first has given back
        self._opening: set[asyncio.Task[Connection]] = set()
        self._reaping: asyncio.TimerHandle | None = None
        self._worked = False
        self._last_fault: Fault | None = None
        self._closed = False

    def check(self) -> asyncio.AbstractEventLoop:
        """Return the running loop, or raise where the journal can't be used from here or any more."""
        loop = self._guard.check()
        if self._closed:
            raise JournalUnavailable("the journal is closed")
        return loop

    @asynccontextmanager
    async def use(self, *, until: float) -> AsyncIterator[Connection]:
        """Have a connection for oneself; raise `Fault` where there is none ``until`` then, by the loop's clock.

        One whose use failed is dropped, because its transaction or its protocol may be anywhere. Where it fell silent,
        so are those that are idle: their host may be gone as well, and to find out would take as long for each.
        """
        connection = await self._take(until)
        try:
            yield connection
        except (TimeoutError, asyncio.CancelledError):
            connection.terminate()
            while self._idle:
                self._idle.pop()[0].terminate()
            raise
        except BaseException:
            connection.terminate()
            raise
        finally:
            self._in_use -= 1
            self._put_back(connection)
            self._slots.release()

    def pin(self, connection: Connection | None) -> None:
        """Keep this one open while it is idle, and no other."""
        self._pinned = connection
        self._reap_later()

    def unavailable(self, fault: Fault) -> JournalUnavailable | ConfigurationError:
        """The exception for a fault.

        A wrong setting is told as such at the beginning. Once payments depend on the journal, whatever it lacks is
        `JournalUnavailable`, which whoever has something on the wire is prepared for.
        """
        text = f"journal {self.address.shown}: {fault.words}"
        if fault.kind is Kind.SETTING and not self._worked:
            return ConfigurationError(f"{text}. Nothing was sent")
        return JournalUnavailable(text)

    def closing(self) -> None:
        """Let nobody ask for anything more. In the child of a fork too they are not ours to close."""
        self._guard.check()
        self._closed = True

    async def aclose(self) -> None:
        """Close them all. Whatever uses one must have ended before."""
        if self._reaping is not None:
            self._reaping.cancel()
        for opening in self._opening:
            opening.cancel()
        self._pinned = None
        while self._idle:
            await _close(self._idle.pop()[0])

    async def _take(self, until: float) -> Connection:
        try:
            async with asyncio.timeout_at(until):
                await self._slots.acquire()
                try:
                    connection = await self._free_or_new()
                except BaseException:
                    self._slots.release()
                    raise
        except TimeoutError:
            why = self._last_fault.words if self._last_fault else "no connection was to be had in time"
            raise Fault(why) from None
        self._in_use += 1
        return connection

    async def _free_or_new(self) -> Connection:
        if not self._idle and self._in_use:
            await self._until_one_is_free(GRACE)
        async with self._door:
            while True:
                connection = self._free()
                if connection is not None:
                    return connection
                try:
                    return await self._open()
                except Fault:
                    if not self._in_use:
                        raise
                await self._until_one_is_free(RETRY)  # those that are open may still be good

    async def _until_one_is_free(self, timeout: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not self._idle:
                    self._returned.clear()
                    await self._returned.wait()

    def _free(self) -> Connection | None:
        while self._idle:
            connection, _ = self._idle.pop()
            if not connection.is_closed():
                return connection
        return None

    async def _open(self) -> Connection:
        """Open one more. Where nobody waits for it any more it is opened all the same, because it may be migrating."""
        opening = asyncio.get_running_loop().create_task(self._opened())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        try:
            connection = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._keep)
            raise
        except Fault as fault:
            self._last_fault = fault
            raise
        self._last_fault = None
        return connection

    async def _opened(self) -> Connection:
        connection = await self._connected()
        schema = self.address.schema
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                behind = await is_behind(connection)
            if behind:
                async with asyncio.timeout(MIGRATION_TIMEOUT):
                    await migrate(connection, schema)
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await check_rights(connection, schema)
                await self._rehearse(connection)
        except BaseException as error:
            connection.terminate()
            if isinstance(error, Exception):
                raise fault_of(error) from None
            raise
        self._worked = True
        return connection

    async def _connected(self) -> Connection:
        """Connect to the first host that can be written, beginning with the one that was the last time."""
        faults = []
        hosts = list(enumerate(self.address.hosts))
        for place, host in hosts[self._preferred :] + hosts[: self._preferred]:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT):
                    connection = await connect(self.address, place)
            except Exception as error:  # noqa: BLE001  each becomes a fault, in words that may be shown
                fault = fault_of(error)
            else:
                self._preferred = place
                return connection
            faults.append(f"{host}: {fault.words}")
            if fault.kind is not Kind.PASSING:
                raise Fault(faults[-1], fault.kind)
        raise Fault("; ".join(faults))

    def _keep(self, opening: asyncio.Task[Connection]) -> None:
        if opening.cancelled() or opening.exception() is not None:
            return
        if self._closed:
            opening.result().terminate()
        else:
            self._put_back(opening.result())

    def _put_back(self, connection: Connection) -> None:
        if not connection.is_closed():
            self._idle.append((connection, asyncio.get_running_loop().time()))
            self._reap_later()
        self._returned.set()

    def _reap_later(self) -> None:
        if self._reaping is None:
            self._reaping = asyncio.get_running_loop().call_later(IDLE, self._reap)

    def _reap(self) -> None:
        """Close what was not used for long."""
        self._reaping = None
        before = asyncio.get_running_loop().time() - IDLE
        for entry in list(self._idle):
            connection, since = entry
            if connection.is_closed() or (since <= before and connection is not self._pinned):
                self._idle.remove(entry)
                connection.terminate()
        if self._idle:
            self._reap_later()


async def _close(connection: Connection) -> None:
    try:
        await connection.close(timeout=1.0)
    except Exception as error:  # noqa: BLE001  it is of no more use, whatever it was
        log.debug("closing a connection of the journal: %s", type(error).__name__)
        connection.terminate()
