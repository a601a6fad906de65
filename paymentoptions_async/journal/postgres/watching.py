"""Waiting for news of records: this process's own at once, other processes' by notification or a look now and then.

A notification is sent after the commit, by itself, because in the commit it would take a lock of the whole server
while the disk writes. So it may be lost, with its sender or with a connection, and nobody relies on it: whoever waits
is looked after every few seconds too, all with one statement.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

from paymentoptions_async.journal.postgres import reading
from paymentoptions_async.journal.postgres.connections import Connections
from paymentoptions_async.journal.postgres.faults import fault_of
from paymentoptions_async.journal.postgres.lanes import TRY_TIMEOUT
from paymentoptions_async.journal.postgres.session import Connection
from paymentoptions_async.journal.waiting import Waiter, Waiters

log = logging.getLogger("paymentoptions_async")

EVERY = 2.0
"""Seconds between two looks."""
LINGER = 30.0
"""Seconds for which notifications are still taken when nobody waits: the next one may come soon."""
LONGEST_PAYLOAD = 7000
"""Characters. A notification takes 8000 bytes at most, and references are ASCII."""


class Watch:
    """All who wait for news in this process, and the one task that looks after them."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._channel = f"{connections.address.schema}_changed"
        self._waiters = Waiters()
        self._listener: Connection | None = None
        self._task: asyncio.Task[None] | None = None

    def waiting(self, ref: str, seen: int) -> AbstractContextManager[Waiter]:
        """Take part. What happens to the record from now on is not missed."""
        return self._waiters.join(ref, seen)

    def look_after(self) -> None:
        """Somebody really has to wait: listen from now on."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._look_after())

    def tell(self, refs: Iterable[str]) -> None:
        """Wake whoever waits for these records."""
        self._waiters.tell(refs)

    async def announce(self, connection: Connection, batches: Sequence[Sequence[str]]) -> Sequence[None]:
        """Tell other processes of records that changed."""
        refs = dict.fromkeys(ref for refs in batches for ref in refs)
        await connection.fetch("SELECT pg_notify($1, unnest($2::text[]))", self._channel, _payloads(refs))
        return [None] * len(batches)

    async def stop(self) -> None:
        """Wake everybody and look no more."""
        self._waiters.tell_all()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _look_after(self) -> None:
        """Listen and look, until nobody has waited for a while."""
        loop = asyncio.get_running_loop()
        needed = loop.time()
        while loop.time() < needed + LINGER:
            try:
                await self._listen_and_look()
            except Exception as error:  # noqa: BLE001  whoever waits looks for itself in the end
                log.debug("waiting for news of the journal: %s", fault_of(error))
            await asyncio.sleep(EVERY)
            if self._waiters:
                needed = loop.time()
        self._connections.pin(None)
        self._task = None

    async def _listen_and_look(self) -> None:
        """Look once it is listened, so that nothing falls in between."""
        until = asyncio.get_running_loop().time() + TRY_TIMEOUT
        async with asyncio.timeout_at(until):
            if self._listener is None or self._listener.is_closed():
                async with self._connections.use(until=until) as connection:
                    await connection.add_listener(self._channel, self._heard)
                    self._listener = connection
            self._connections.pin(self._listener)
            if self._waiters:
                seen = [(ref, min(one.seen for one in self._waiters.of(ref))) for ref in self._waiters.refs()]
                async with self._connections.use(until=until) as connection:
                    self.tell(await reading.newer(connection, seen))

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        self.tell(payload.split())


def _payloads(refs: Iterable[str]) -> list[str]:
    """References with blanks between them, as many in a notification as it takes."""
    payloads = [""]
    for ref in refs:
        if len(payloads[-1]) + len(ref) >= LONGEST_PAYLOAD:
            payloads.append("")
        payloads[-1] += f" {ref}"
    return payloads
