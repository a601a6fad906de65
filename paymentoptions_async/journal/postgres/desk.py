"""The rows of one batch, locked and read, and what is decided on them before it is written. Pure.

What one operation of a batch decides, the next one sees, as it would after a commit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from paymentoptions_async.admission import Admission, Surroundings, followers_of, may_send, opened, parent_of
from paymentoptions_async.intent import Change, Entry, Intent, Record
from paymentoptions_async.journal import rows
from paymentoptions_async.journal.interface import Decide
from paymentoptions_async.journal.postgres.faults import Fault
from paymentoptions_async.transitions import as_of, beside_attempts, is_news


@dataclass(frozen=True, slots=True)
class Line:
    """One change: the record after it, its line of history, and whether the application must hear of it."""

    record: Record
    entry: Entry
    write_id: str
    news: bool


class Desk:
    """What a batch decides on.

    ``locked`` are the names that are locked, ``owners`` says whose the transactions are that parents may be named by,
    ``now`` is the database's time in Unix seconds, and ``make_id`` makes ids of writes. What must be written is in
    ``lines``, in order; ``was`` has the versions of the records as they were read, and ``admitted`` the references
    whose intent must be written too.
    """

    def __init__(
        self,
        records: Iterable[Record],
        *,
        locked: Collection[str],
        owners: Mapping[str, str],
        now: float,
        make_id: Callable[[], str],
    ) -> None:
        self.lines: list[Line] = []
        self.was: dict[str, int] = {}
        self.admitted: set[str] = set()
        self._locked = locked
        self._owners = owners
        self._named: set[str] = set()
        self._now = now
        self._make_id = make_id
        self._records: dict[str, Record] = {}
        self._orders: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._children: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for record in records:
            self.was[record.ref] = record.version
            self._lay(record)

    def admit(self, intent: Intent, *, owner: str, lease: float) -> Admission:
        """See `Journal.admit`. Raises `Fault` where the parent has learned of a name that is not locked or read."""
        standing = self._records.get(intent.ref)
        parent = self._parent(intent)
        if parent is not None:
            self._require(parent.ref)
            self._require(parent.payment.transaction_id)
        around = Surroundings(
            standing=standing,
            attempts=self._attempts(intent),
            parent=parent,
            followers=followers_of(intent.parent if parent is None else parent.ref, self._records, self._children),
        )
        if not may_send(intent, around, self._now):
            assert standing is not None, "only what stands can be the answer"
            return Admission(send=False, record=as_of(standing, self._now))
        if standing is not None and standing.intent.order is not None:
            del self._orders[order_name(standing.intent)][intent.ref]
        record, change = opened(intent, standing, owner=owner, lease=lease, now=self._now)
        self.admitted.add(intent.ref)
        return Admission(send=True, record=self._keep(record, change, news=False))

    def change(self, ref: str, decide: Decide) -> Record:
        """See `Journal.change`. Raises `Fault` where the order has become one that is not locked."""
        record = self._records[ref]
        if record.intent.order is not None:
            self._require(order_name(record.intent))
        change = decide(record)
        if change is None:
            return as_of(record, self._now)
        change = beside_attempts(change, self._attempts(record.intent))
        return self._keep(record, change, news=is_news(record.payment, change))

    def _require(self, name: str | None) -> None:
        if name is not None and name not in self._locked:
            raise Fault("what must be locked has changed meanwhile")

    def _attempts(self, intent: Intent) -> list[Record]:
        if intent.order is None:
            return []
        return [self._records[ref] for ref in self._orders[order_name(intent)]]

    def _parent(self, intent: Intent) -> Record | None:
        if intent.parent is None:
            return None
        if intent.parent in self._named and intent.parent not in self._owners:
            raise Fault("what followed the transaction's owner was not read")
        owner = self._records.get(self._owners.get(intent.parent, ""))
        return parent_of(intent, self._records.get(intent.parent), owner)

    def _keep(self, record: Record, change: Change, *, news: bool) -> Record:
        kept = record.with_change(change, self._now)
        self._lay(kept)
        self._named.update(rows.transaction_ids(kept.payment))
        self.lines.append(Line(kept, change.entry(kept.version, self._now), self._make_id(), news))
        return kept

    def _lay(self, record: Record) -> None:
        intent = record.intent
        self._records[record.ref] = record
        if intent.order is not None:
            self._orders[order_name(intent)][record.ref] = None
        if intent.parent is not None:
            self._children[intent.parent][record.ref] = None


def order_name(intent: Intent) -> str:
    """The name under which an order is locked; ``order_key`` in the database."""
    return f"{intent.scope}\n{intent.order}"
