"""The journal on PostgreSQL: what `Journal` promises, by way of a few connections and many batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from paymentoptions_async.admission import Admission
from paymentoptions_async.intent import Entry, Intent, Notice, NoticeState, PaymentEvent, Place, Record, Visits
from paymentoptions_async.journal.interface import Decide
from paymentoptions_async.journal.postgres import handing, noticing, reading, visiting
from paymentoptions_async.journal.postgres.address import read_address
from paymentoptions_async.journal.postgres.connections import Connections
from paymentoptions_async.journal.postgres.handing import Claim, Claimed
from paymentoptions_async.journal.postgres.lanes import LARGEST_BATCH, Lane, Work
from paymentoptions_async.journal.postgres.noticing import Close, Note, Orphans, Waiting
from paymentoptions_async.journal.postgres.reading import Records, Unresolved
from paymentoptions_async.journal.postgres.session import Connection
from paymentoptions_async.journal.postgres.visiting import Take, Taken
from paymentoptions_async.journal.postgres.watching import Watch
from paymentoptions_async.journal.postgres.writing import Admit, Alter, Ask, Outcome, rehearse, write

A = TypeVar("A")
R = TypeVar("R")

MOST_WRITERS = 2
"""Batches of admissions and changes at once: while the disk takes in one, the next is put together."""
LARGEST_WRITE = 50
"""Admissions and changes in a batch. Each takes up to three locks, of the thousands that a server has for all."""
SHORTEST_WAIT = 0.01
"""Seconds. A deadline of the database's clock may come a little later by ours."""


class PostgresJournal:
    """Keeps records in a PostgreSQL database that any number of processes and hosts may share.

    ``url`` is ``postgresql://user@host:port/database``, with several hosts where one may take over from another, and
    with ``?journal_schema=`` where the tables are not to be in the schema ``paymentoptions``. The first use connects,
    and makes the tables where they are missing. Times are those of the database's clock.

    Every method may raise `JournalUnavailable`, the first one also `ConfigurationError`: then nothing was written.
    While the database restarts or fails over, calls wait up to 10 seconds for it.
    """

    durable = True

    def __init__(self, url: str) -> None:
        self._connections = Connections(read_address(url), rehearse)
        self._watch = Watch(self._connections)
        self._lanes: list[Lane[Any, Any]] = []
        self._write = self._lane(self._write_and_tell, width=MOST_WRITERS, largest=LARGEST_WRITE)
        self._announce = self._lane(self._watch.announce)
        self._get = self._lane(reading.get)
        self._find = self._lane(reading.find)
        self._about = self._lane(reading.about)
        self._followers = self._lane(reading.followers)
        self._history = self._lane(reading.history)
        self._unresolved = self._lane(reading.unresolved)
        self._records = self._lane(reading.records)
        self._note = self._lane(noticing.note)
        self._close_notice = self._lane(noticing.close)
        self._notices = self._lane(noticing.notices)
        self._waiting_notices = self._lane(noticing.waiting)
        self._orphans = self._lane(noticing.orphans)
        self._keep_events = self._lane(handing.keep)
        self._claim_events = self._lane(handing.claim)
        self._close_event = self._lane(handing.close)
        self._put_back_event = self._lane(handing.put_back)
        self._take = self._lane(visiting.take)
        self._end_visit = self._lane(visiting.end)

    async def admit(self, intent: Intent, *, owner: str, lease: float) -> Admission:
        """See `Journal.admit`."""
        outcome = await self._write.do(Admit(intent, owner, lease))
        assert isinstance(outcome, Admission)
        return outcome

    async def change(self, ref: str, decide: Decide) -> Record:
        """See `Journal.change`."""
        outcome = await self._write.do(Alter(ref, decide))
        assert isinstance(outcome, Record)
        return outcome

    async def get(self, ref: str) -> Record | None:
        """See `Journal.get`."""
        found = await self._get.do(ref)
        return None if found is None else found.record

    async def find(self, transaction_id: str) -> Record | None:
        """See `Journal.find`."""
        found = await self._find.do(transaction_id)
        return None if found is None else found.record

    async def about(self, transaction_id: str, ref: str) -> Record | None:
        """See `Journal.about`."""
        found = await self._about.do((transaction_id, ref))
        return None if found is None else found.record

    async def followers(self, ref: str) -> Sequence[Record]:
        """See `Journal.followers`."""
        return await self._followers.do(ref)

    async def history(self, ref: str) -> Sequence[Entry]:
        """See `Journal.history`."""
        return await self._history.do(ref)

    async def unresolved(self, scope: str, *, older_than: float = 0.0, in_flight: bool = False) -> Sequence[Record]:
        """See `Journal.unresolved`."""
        found: list[Record] = []
        after: tuple[float, int] | None = (-math.inf, 0)
        while after is not None:
            page = await self._unresolved.do(Unresolved(scope, older_than, after, in_flight))
            found.extend(page.records)
            after = page.next
        return found

    async def records(self, scope: str, *, after: str = "", limit: int = 1000) -> Sequence[Record]:
        """See `Journal.records`."""
        return await self._records.do(Records(scope, after, limit))

    async def changed(self, ref: str, *, after: int, timeout: float) -> Record | None:
        """See `Journal.changed`."""
        loop = self._connections.check()
        end = loop.time() + timeout
        was_in_flight = False
        with self._watch.waiting(ref, after) as waiter:
            while True:
                found = await self._get.do(ref)
                if found is None:
                    return None
                record, left = found.record, end - loop.time()
                in_flight = record.in_flight(found.now)
                if record.version > after or left <= 0 or (was_in_flight and not in_flight):
                    return record
                was_in_flight = in_flight
                self._watch.look_after()
                deadline = max(record.deadline - found.now, SHORTEST_WAIT)
                await waiter.wait(min(left, deadline) if in_flight else left)

    async def note(self, notice: Notice) -> bool:
        """See `Journal.note`."""
        return await self._note.do(Note(notice))

    async def close_notice(self, notice: Notice, state: NoticeState, outcome: str) -> None:
        """See `Journal.close_notice`."""
        await self._close_notice.do(Close(notice.ref, notice.digest, state, outcome))

    async def notices(self, ref: str, *, state: NoticeState | None = None) -> Sequence[Notice]:
        """See `Journal.notices`."""
        return [notice for notice in await self._notices.do(ref) if state in (None, notice.state)]

    async def waiting_notices(self, scope: str, *, limit: int = 100) -> Sequence[Notice]:
        """See `Journal.waiting_notices`."""
        return await self._waiting_notices.do(Waiting(scope, limit))

    async def orphans(self, scope: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000) -> Sequence[Notice]:
        """See `Journal.orphans`."""
        return await self._orphans.do(Orphans(scope, after, limit))

    async def keep_events(self, scope: str) -> None:
        """See `Journal.keep_events`."""
        await self._keep_events.do(scope)

    async def claim_events(self, scope: str, *, owner: str, lease: float, limit: int) -> Sequence[PaymentEvent]:
        """See `Journal.claim_events`."""
        return await self._claim_events.do(Claim(scope, owner, lease, limit))

    async def close_event(self, event_id: str, *, owner: str) -> None:
        """See `Journal.close_event`."""
        await self._close_event.do(Claimed(event_id, owner))

    async def put_back_event(self, event_id: str, *, owner: str, delay: float) -> None:
        """See `Journal.put_back_event`."""
        await self._put_back_event.do(Claimed(event_id, owner, delay))

    async def claim_open(
        self, scope: str, *, owner: str, lease: float, limit: int, older_than: float = 0.0, after: Place | None = None
    ) -> Visits:
        """See `Journal.claim_open`."""
        return await self._take.do(Take(scope, owner, lease, limit, older_than, after))

    async def end_visit(self, ref: str, *, owner: str, again_in: float | None) -> None:
        """See `Journal.end_visit`."""
        await self._end_visit.do(Taken(ref, owner, again_in))

    async def aclose(self) -> None:
        """See `Journal.aclose`. What was asked for before is done, within the patience for a lost database."""
        self._connections.closing()
        await self._watch.stop()
        for lane in self._lanes:
            await lane.drain()
        await self._connections.aclose()

    def __repr__(self) -> str:
        return f"<PostgresJournal {self._connections.address.shown}>"

    def _lane(self, work: Work[A, R], *, width: int = 1, largest: int = LARGEST_BATCH) -> Lane[A, R]:
        lane = Lane(self._connections, work, width=width, largest=largest)
        self._lanes.append(lane)
        return lane

    async def _write_and_tell(self, connection: Connection, asks: Sequence[Ask]) -> Sequence[Outcome | Exception]:
        written = await write(connection, asks)
        if written.changed:
            self._watch.tell(written.changed)
            self._announce.post(written.changed)
        return written.outcomes
