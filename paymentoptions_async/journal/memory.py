"""A journal in memory: for the sandbox, for tests, and as the plainest statement of what a journal does.

Nothing survives the process, so it is refused wherever real money could move.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from paymentoptions_async.admission import Admission, Surroundings, followers_of, may_send, opened, parent_of
from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.intent import (
    Change,
    Entry,
    Intent,
    Notice,
    NoticeState,
    PaymentEvent,
    Place,
    Record,
    Visit,
    Visits,
)
from paymentoptions_async.journal.interface import Decide
from paymentoptions_async.transitions import as_of, beside_attempts, is_news


class MemoryJournal:
    """Keeps records in dictionaries. Safe on one event loop: no method awaits between reading and writing.

    ``clock`` gives Unix seconds.
    """

    durable = False

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._records: dict[str, Record] = {}
        self._history: dict[str, list[Entry]] = {}
        self._orders: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._children: defaultdict[str, list[str]] = defaultdict(list)
        self._transactions: dict[str, str] = {}
        self._notices: dict[tuple[str, str], Notice] = {}
        self._keeping: set[str] = set()
        self._events: dict[str, _Held] = {}
        self._visits: dict[str, _Visited] = {}
        self._waiters: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    async def admit(self, intent: Intent, *, owner: str, lease: float) -> Admission:
        """See `Journal.admit`."""
        self._check_open()
        now = self._clock()
        standing = self._records.get(intent.ref)
        parent = self._parent(intent)
        around = Surroundings(
            standing=standing,
            attempts=self._attempts(intent),
            parent=parent,
            followers=self._followers(intent.parent if parent is None else parent.ref),
        )
        if not may_send(intent, around, now):
            assert standing is not None, "only what stands can be the answer"
            return Admission(send=False, record=as_of(standing, now))
        if standing is not None and standing.intent.order is not None:
            self._orders[_order_key(standing.intent)].remove(intent.ref)
        if intent.order is not None:
            self._orders[_order_key(intent)].append(intent.ref)
        if standing is None and intent.parent is not None:
            self._children[intent.parent].append(intent.ref)
        record, change = opened(intent, standing, owner=owner, lease=lease, now=now)
        return Admission(send=True, record=self._keep(record, change))

    async def change(self, ref: str, decide: Decide) -> Record:
        """See `Journal.change`."""
        self._check_open()
        now = self._clock()
        record = self._records[ref]
        change = decide(record)
        if change is None:
            return as_of(record, now)
        change = beside_attempts(change, self._attempts(record.intent))
        kept = self._keep(record, change)
        if record.intent.scope in self._keeping and is_news(record.payment, change):
            event = PaymentEvent(id=f"{ref}:{kept.version}", payment=kept.payment, event=change.event)
            self._events[event.id] = _Held(event, record.intent.scope)
        return kept

    async def get(self, ref: str) -> Record | None:
        """See `Journal.get`."""
        self._check_open()
        record = self._records.get(ref)
        return None if record is None else as_of(record, self._clock())

    async def find(self, transaction_id: str) -> Record | None:
        """See `Journal.find`."""
        ref = self._transactions.get(transaction_id)
        return None if ref is None else await self.get(ref)

    async def about(self, transaction_id: str, ref: str) -> Record | None:
        """See `Journal.about`."""
        return await self.get(self._transactions.get(transaction_id, ref))

    async def followers(self, ref: str) -> Sequence[Record]:
        """See `Journal.followers`."""
        self._check_open()
        now = self._clock()
        return [as_of(record, now) for record in self._followers(ref)]

    async def history(self, ref: str) -> Sequence[Entry]:
        """See `Journal.history`."""
        self._check_open()
        return tuple(self._history.get(ref, ()))

    async def unresolved(self, scope: str, *, older_than: float = 0.0, in_flight: bool = False) -> Sequence[Record]:
        """See `Journal.unresolved`."""
        self._check_open()
        now = self._clock()
        mine = (record for record in self._records.values() if record.intent.scope == scope)
        records = (as_of(record, now) for record in mine if record.opened_at <= now - older_than)
        left = [record for record in records if not record.payment.is_final]
        wanted = [record for record in left if in_flight or not record.in_flight(now)]
        return sorted(wanted, key=lambda record: record.opened_at)

    async def records(self, scope: str, *, after: str = "", limit: int = 1000) -> Sequence[Record]:
        """See `Journal.records`."""
        self._check_open()
        now = self._clock()
        refs = sorted(ref for ref, record in self._records.items() if ref > after and record.intent.scope == scope)
        return [as_of(self._records[ref], now) for ref in refs[:limit]]

    async def changed(self, ref: str, *, after: int, timeout: float) -> Record | None:
        """See `Journal.changed`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while True:
            record = await self.get(ref)
            left = end - loop.time()
            if record is None or record.version > after or left <= 0:
                return record
            now = self._clock()
            was_in_flight = record.in_flight(now)
            await self._wait(ref, min(left, record.deadline - now) if was_in_flight else left)
            if was_in_flight and not record.in_flight(self._clock()):
                return await self.get(ref)

    async def note(self, notice: Notice) -> bool:
        """See `Journal.note`."""
        self._check_open()
        key = (notice.ref, notice.digest)
        if key in self._notices:
            return False
        self._notices[key] = replace(notice, received_at=self._clock())
        return True

    async def close_notice(self, notice: Notice, state: NoticeState, outcome: str) -> None:
        """See `Journal.close_notice`."""
        self._check_open()
        key = (notice.ref, notice.digest)
        self._notices[key] = replace(self._notices[key], state=state, outcome=outcome)

    async def notices(self, ref: str, *, state: NoticeState | None = None) -> Sequence[Notice]:
        """See `Journal.notices`."""
        self._check_open()
        return [notice for notice in self._notices.values() if notice.ref == ref and state in (None, notice.state)]

    async def waiting_notices(self, scope: str, *, limit: int = 100) -> Sequence[Notice]:
        """See `Journal.waiting_notices`."""
        self._check_open()
        waiting = (notice for notice in self._notices.values() if notice.state is NoticeState.WAITING)
        return [notice for notice in waiting if notice.scope == scope and notice.ref in self._records][:limit]

    async def orphans(self, scope: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000) -> Sequence[Notice]:
        """See `Journal.orphans`."""
        self._check_open()
        keys = sorted(key for key, notice in self._notices.items() if key > after and notice.scope == scope)
        return [self._notices[key] for key in keys if self._is_orphan(self._notices[key])][:limit]

    async def keep_events(self, scope: str) -> None:
        """See `Journal.keep_events`."""
        self._check_open()
        self._keeping.add(scope)

    async def claim_events(self, scope: str, *, owner: str, lease: float, limit: int) -> Sequence[PaymentEvent]:
        """See `Journal.claim_events`."""
        self._check_open()
        now = self._clock()
        oldest: dict[str, _Held] = {}
        for held in self._events.values():
            oldest.setdefault(held.event.payment.ref, held)
        due = [held for held in oldest.values() if held.scope == scope and held.free_at <= now][:limit]
        for held in due:
            held.owner, held.free_at, held.attempts = owner, now + lease, held.attempts + 1
        return [replace(held.event, attempt=held.attempts) for held in due]

    async def close_event(self, event_id: str, *, owner: str) -> None:
        """See `Journal.close_event`."""
        self._check_open()
        if self._is_owner(event_id, owner):
            del self._events[event_id]

    async def put_back_event(self, event_id: str, *, owner: str, delay: float) -> None:
        """See `Journal.put_back_event`."""
        self._check_open()
        if self._is_owner(event_id, owner):
            self._events[event_id].free_at = self._clock() + delay

    async def claim_open(
        self, scope: str, *, owner: str, lease: float, limit: int, older_than: float = 0.0, after: Place | None = None
    ) -> Visits:
        """See `Journal.claim_open`."""
        unresolved = await self.unresolved(scope, older_than=older_than)
        for ref in [ref for ref in self._visits if self._records[ref].payment.is_final]:
            del self._visits[ref]
        now, numbers = self._clock(), {ref: number for number, ref in enumerate(self._records)}
        due = [
            (place, record)
            for record in unresolved
            if (place := (record.opened_at, numbers[record.ref])) > (after or (-math.inf, 0))
            and self._visits.get(record.ref, _NEVER).free_at <= now
        ]
        visits = []
        for _, record in due[:limit]:
            visited = self._visits.setdefault(record.ref, _Visited())
            visited.owner, visited.free_at, visited.attempts = owner, now + lease, visited.attempts + 1
            visits.append(Visit(record, visited.attempts))
        return Visits(tuple(visits), due[limit - 1][0] if len(due) > limit else None)

    async def end_visit(self, ref: str, *, owner: str, again_in: float | None) -> None:
        """See `Journal.end_visit`."""
        self._check_open()
        visited = self._visits.get(ref)
        if visited is None or visited.owner != owner:
            return
        if again_in is None:
            del self._visits[ref]
        else:
            visited.free_at = self._clock() + again_in

    async def aclose(self) -> None:
        """See `Journal.aclose`."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise JournalUnavailable("the journal is closed")

    def _is_owner(self, event_id: str, owner: str) -> bool:
        held = self._events.get(event_id)
        return held is not None and held.owner == owner

    def _is_orphan(self, notice: Notice) -> bool:
        is_stray = not notice.known and notice.ref not in self._records
        return is_stray or notice.state is NoticeState.REJECTED

    def _attempts(self, intent: Intent) -> list[Record]:
        if intent.order is None:
            return []
        return [self._records[ref] for ref in self._orders[_order_key(intent)]]

    def _parent(self, intent: Intent) -> Record | None:
        if intent.parent is None:
            return None
        owner = self._records.get(self._transactions.get(intent.parent, ""))
        return parent_of(intent, self._records.get(intent.parent), owner)

    def _followers(self, ref: str | None) -> list[Record]:
        return followers_of(ref, self._records, self._children)

    def _keep(self, record: Record, change: Change) -> Record:
        now = self._clock()
        kept = record.with_change(change, now)
        self._records[kept.ref] = kept
        self._history.setdefault(kept.ref, []).append(change.entry(kept.version, now))
        for transaction_id in (kept.payment.transaction_id, *kept.payment.duplicate_charges, *kept.payment.renewals):
            if transaction_id is not None:
                self._transactions.setdefault(transaction_id, kept.ref)
        self._wake(kept.ref)
        return kept

    async def _wait(self, ref: str, timeout: float) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters[ref].add(waiter)
        try:
            async with asyncio.timeout(max(0.0, timeout)):
                await waiter
        except TimeoutError:
            pass
        finally:
            self._waiters[ref].discard(waiter)
            if not self._waiters[ref]:
                del self._waiters[ref]

    def _wake(self, ref: str) -> None:
        for waiter in self._waiters.get(ref, ()):
            if not waiter.done():
                waiter.set_result(None)


def _order_key(intent: Intent) -> tuple[str, str]:
    return (intent.scope, intent.order or "")


@dataclass(slots=True)
class _Visited:
    """Who may ask for a payment until when, in Unix seconds; or from when on anybody may again."""

    owner: str = ""
    free_at: float = 0.0
    attempts: int = 0


_NEVER = _Visited()


@dataclass(slots=True)
class _Held:
    """An event until it is handed over. ``free_at`` is when it may be claimed, in Unix seconds."""

    event: PaymentEvent
    scope: str
    owner: str = ""
    free_at: float = 0.0
    attempts: int = 0
