"""The journal in one SQLite file: what `Journal` promises, by way of two threads."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from paymentoptions_async.admission import Admission
from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.intent import Entry, Intent, Notice, NoticeState, PaymentEvent, Place, Record, Visits
from paymentoptions_async.journal.guard import LoopGuard
from paymentoptions_async.journal.interface import Decide
from paymentoptions_async.journal.sqlite.connecting import open_file
from paymentoptions_async.journal.sqlite.faults import told
from paymentoptions_async.journal.sqlite.reading import Snapshot
from paymentoptions_async.journal.sqlite.runners import Reader, Writer
from paymentoptions_async.journal.sqlite.statements import PAGE
from paymentoptions_async.journal.sqlite.watching import Watch
from paymentoptions_async.journal.sqlite.worker import Worker
from paymentoptions_async.journal.sqlite.writing import Transaction

T = TypeVar("T")


class SqliteJournal:
    """Keeps records in a file that any number of processes of one host may share.

    ``path`` is made absolute here; the file is opened, and made if there is none, by the first use. ``clock`` gives
    Unix seconds, and must agree between the processes. Every method may raise `JournalUnavailable`, the first one also
    `ConfigurationError`: then nothing was written.
    """

    durable = True

    def __init__(self, path: str | os.PathLike[str], *, clock: Callable[[], float] = time.time) -> None:
        self._path = os.path.abspath(path)  # noqa: PTH100  links are followed when it is opened
        self._clock = clock
        self._guard = LoopGuard()
        self._opening: asyncio.Task[_Threads | Exception] | None = None
        self._threads: _Threads | None = None
        self._watch = Watch(self._outside_version, self._versions)
        self._closed = False

    @property
    def path(self) -> str:
        """Where the file is or will be, absolute."""
        return self._path

    async def admit(self, intent: Intent, *, owner: str, lease: float) -> Admission:
        """See `Journal.admit`."""
        return await self._write(lambda transaction: transaction.admit(intent, owner, lease))

    async def change(self, ref: str, decide: Decide) -> Record:
        """See `Journal.change`."""
        return await self._write(lambda transaction: transaction.change(ref, decide))

    async def get(self, ref: str) -> Record | None:
        """See `Journal.get`."""
        return await self._read(lambda snapshot: snapshot.get(ref))

    async def find(self, transaction_id: str) -> Record | None:
        """See `Journal.find`."""
        return await self._read(lambda snapshot: snapshot.find(transaction_id))

    async def about(self, transaction_id: str, ref: str) -> Record | None:
        """See `Journal.about`."""
        return await self._read(lambda snapshot: snapshot.about(transaction_id, ref))

    async def followers(self, ref: str) -> Sequence[Record]:
        """See `Journal.followers`."""
        return await self._read(lambda snapshot: snapshot.followers(ref))

    async def history(self, ref: str) -> Sequence[Entry]:
        """See `Journal.history`."""
        return await self._read(lambda snapshot: snapshot.history(ref))

    async def unresolved(self, scope: str, *, older_than: float = 0.0, in_flight: bool = False) -> Sequence[Record]:
        """See `Journal.unresolved`."""
        ask = partial(Snapshot.unresolved, scope=scope, older_than=older_than, in_flight=in_flight)
        found: list[Record] = []
        behind: tuple[float, int] | None = (-math.inf, 0)
        while behind is not None:
            page = await self._read(partial(ask, behind=behind))
            found.extend(page.records)
            behind = page.next
        return found

    async def records(self, scope: str, *, after: str = "", limit: int = 1000) -> Sequence[Record]:
        """See `Journal.records`."""
        found: list[Record] = []
        while len(found) < limit:
            wanted = min(PAGE, limit - len(found))
            page = await self._read(partial(Snapshot.records, scope=scope, after=after, limit=wanted))
            found.extend(page)
            if len(page) < wanted:
                break
            after = page[-1].ref
        return found

    async def changed(self, ref: str, *, after: int, timeout: float) -> Record | None:
        """See `Journal.changed`."""
        self._usable()
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        with self._watch.waiting(ref) as waiter:
            while True:
                record = await self.get(ref)
                left = end - loop.time()
                if record is None or record.version > after or left <= 0:
                    return record
                waiter.seen = record.version
                now = self._clock()
                was_in_flight = record.in_flight(now)
                await waiter.wait(min(left, record.deadline - now) if was_in_flight else left)
                if was_in_flight and not record.in_flight(self._clock()):
                    return await self.get(ref)

    async def note(self, notice: Notice) -> bool:
        """See `Journal.note`."""
        return await self._write(lambda transaction: transaction.note(notice))

    async def close_notice(self, notice: Notice, state: NoticeState, outcome: str) -> None:
        """See `Journal.close_notice`."""
        ref, digest = notice.ref, notice.digest
        await self._write(lambda transaction: transaction.close_notice(ref, digest, state, outcome))

    async def notices(self, ref: str, *, state: NoticeState | None = None) -> Sequence[Notice]:
        """See `Journal.notices`."""
        return await self._read(lambda snapshot: snapshot.notices(ref, state))

    async def waiting_notices(self, scope: str, *, limit: int = 100) -> Sequence[Notice]:
        """See `Journal.waiting_notices`."""
        return await self._read(lambda snapshot: snapshot.waiting_notices(scope, limit))

    async def orphans(self, scope: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000) -> Sequence[Notice]:
        """See `Journal.orphans`."""
        found: list[Notice] = []
        while len(found) < limit:
            wanted = min(PAGE, limit - len(found))
            page = await self._read(partial(Snapshot.orphans, scope=scope, after=after, limit=wanted))
            found.extend(page)
            if len(page) < wanted:
                break
            after = (page[-1].ref, page[-1].digest)
        return found

    async def keep_events(self, scope: str) -> None:
        """See `Journal.keep_events`."""
        await self._write(lambda transaction: transaction.keep_events(scope))

    async def claim_events(self, scope: str, *, owner: str, lease: float, limit: int) -> Sequence[PaymentEvent]:
        """See `Journal.claim_events`."""
        return await self._write(lambda transaction: transaction.claim_events(scope, owner, lease, limit))

    async def close_event(self, event_id: str, *, owner: str) -> None:
        """See `Journal.close_event`."""
        await self._write(lambda transaction: transaction.close_event(event_id, owner))

    async def put_back_event(self, event_id: str, *, owner: str, delay: float) -> None:
        """See `Journal.put_back_event`."""
        await self._write(lambda transaction: transaction.put_back_event(event_id, owner, delay))

    async def claim_open(
        self, scope: str, *, owner: str, lease: float, limit: int, older_than: float = 0.0, after: Place | None = None
    ) -> Visits:
        """See `Journal.claim_open`."""
        return await self._write(
            lambda transaction: transaction.claim_open(
                scope, owner=owner, lease=lease, limit=limit, older_than=older_than, after=after
            )
        )

    async def end_visit(self, ref: str, *, owner: str, again_in: float | None) -> None:
        """See `Journal.end_visit`."""
        await self._write(lambda transaction: transaction.end_visit(ref, owner, again_in))

    async def aclose(self) -> None:
        """See `Journal.aclose`. What was asked for before is done."""
        self._closed = True
        self._watch.stop()
        self._watch.tell_all()
        if self._opening is None:
            return
        self._guard.check()
        await asyncio.wait({self._opening})
        threads = self._opening.result()
        if isinstance(threads, _Threads):
            await threads.reader.stop()
            await threads.writer.stop()

    def __repr__(self) -> str:
        return f"<SqliteJournal {self._path}>"

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        threads = self._usable() or await self._open()
        return await threads.writer.do(work)

    async def _read(self, work: Callable[[Snapshot], T]) -> T:
        threads = self._usable() or await self._open()
        return await threads.reader.do(work)

    def _usable(self) -> _Threads | None:
        self._guard.check()
        if self._closed:
            raise JournalUnavailable("the journal is closed")
        return self._threads

    async def _open(self) -> _Threads:
        """Open the file, once for all who come meanwhile. One that could not be opened is tried again by the next."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._start())
        opening = self._opening
        await asyncio.wait({opening})
        threads = opening.result()
        if isinstance(threads, Exception):
            if self._opening is opening:
                self._opening = None
            raise told(self._path, threads)
        self._threads = threads
        if self._closed:
            raise JournalUnavailable("the journal is closed")
        return threads

    async def _start(self) -> _Threads | Exception:
        try:
            opened = await asyncio.to_thread(open_file, self._path)
        except Exception as error:  # noqa: BLE001  each who waits gets one of its own
            return error
        loop = asyncio.get_running_loop()
        return _Threads(
            writer=Worker(Writer(opened, self._clock), name="journal writer", loop=loop, tell=self._watch.tell),
            reader=Worker(Reader(opened, self._clock), name="journal reader", loop=loop, tell=self._watch.tell),
        )

    async def _outside_version(self) -> int:
        return await self._write(Transaction.outside_version)

    async def _versions(self, refs: Iterable[str]) -> Mapping[str, int]:
        listed = json.dumps(list(refs))
        return await self._read(lambda snapshot: snapshot.versions(listed))


@dataclass(frozen=True, slots=True)
class _Threads:
    """The thread that writes and the one that reads."""

    writer: Worker
    reader: Worker
