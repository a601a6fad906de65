"""What is looked up, in one snapshot of the file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from paymentoptions_async.intent import Entry, Intent, Notice, NoticeState, Record
from paymentoptions_async.journal import rows
from paymentoptions_async.journal.sqlite import statements
from paymentoptions_async.transitions import as_of


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the unresolved records, and where the next ones begin; None at the end."""

    records: Sequence[Record]
    next: tuple[float, int] | None


class Snapshot:
    """The journal at one instant. ``clock`` gives Unix seconds."""

    def __init__(self, connection: apsw.Connection, clock: Callable[[], float]) -> None:
        self.connection = connection
        self.clock = clock

    def stored(self, ref: str | None) -> Record | None:
        """A record as it was written."""
        return next(self._records(statements.GET, ref), None) if ref is not None else None

    def stored_owner(self, transaction_id: str | None) -> Record | None:
        """The record that has a transaction, as it was written."""
        return next(self._records(statements.FIND, transaction_id), None) if transaction_id is not None else None

    def get(self, ref: str) -> Record | None:
        """See `Journal.get`."""
        return self._now(statements.GET, ref)

    def find(self, transaction_id: str) -> Record | None:
        """See `Journal.find`."""
        return self._now(statements.FIND, transaction_id)

    def about(self, transaction_id: str, ref: str) -> Record | None:
        """See `Journal.about`."""
        return self._now(statements.ABOUT, transaction_id, ref)

    def numbered(self, ref: str) -> tuple[int | None, Record | None]:
        """A record as it was written, behind its number in the file."""
        for number, *row in self.connection.execute(statements.GET_NUMBERED, (ref,)):
            return number, rows.read_record(row)
        return None, None

    def attempts(self, intent: Intent) -> Sequence[Record]:
        """All attempts of an intent's order as they were written, in the order in which they were first admitted."""
        if intent.order is None:
            return ()
        found = self._records(statements.ATTEMPTS, intent.scope, intent.order)
        return sorted(found, key=lambda attempt: attempt.opened_at)

    def stored_followers(self, ref: str | None) -> Sequence[Record]:
        """The captures, voids and refunds below a payment as they were written. See `Journal.followers`."""
        return list(self._records(statements.FOLLOWERS, ref)) if ref is not None else ()

    def followers(self, ref: str) -> Sequence[Record]:
        """See `Journal.followers`."""
        now = self.clock()
        return [as_of(record, now) for record in self.stored_followers(ref)]

    def history(self, ref: str) -> Sequence[Entry]:
        """See `Journal.history`."""
        return tuple(rows.read_entry(row) for row in self.connection.execute(statements.HISTORY, (ref,)))

    def unresolved(self, scope: str, older_than: float, behind: tuple[float, int], *, in_flight: bool) -> Page:
        """A page of `Journal.unresolved`, from ``behind`` a record on: when it was opened, and its number."""
        now = self.clock()
        found: list[Any] = self.connection.execute(
            statements.UNRESOLVED, (scope, now - older_than, *behind, math.inf if in_flight else now)
        ).fetchall()
        records = [as_of(rows.read_record(row[1:]), now) for row in found]
        last = (records[-1].opened_at, found[-1][0]) if len(found) == statements.PAGE else None
        left = [record for record in records if not record.payment.is_final]
        return Page([record for record in left if in_flight or not record.in_flight(now)], last)

    def records(self, scope: str, after: str, limit: int) -> Sequence[Record]:
        """See `Journal.records`."""
        now = self.clock()
        return [as_of(record, now) for record in self._records(statements.RECORDS, after, scope, limit)]

    def versions(self, refs: str) -> dict[str, int]:
        """The versions of some records; ``refs`` is a JSON list."""
        return dict(self.connection.execute(statements.VERSIONS, (refs,)))

    def notices(self, ref: str, state: NoticeState | None) -> Sequence[Notice]:
        """See `Journal.notices`."""
        return self._notices(statements.NOTICES, ref, state and state.value)

    def waiting_notices(self, scope: str, limit: int) -> Sequence[Notice]:
        """See `Journal.waiting_notices`."""
        return self._notices(statements.WAITING_NOTICES, scope, limit)

    def orphans(self, scope: str, after: tuple[str, str], limit: int) -> Sequence[Notice]:
        """See `Journal.orphans`."""
        return self._notices(statements.ORPHANS, scope, *after, limit)

    def _now(self, sql: str, *names: str) -> Record | None:
        record = next(self._records(sql, *names), None)
        return None if record is None else as_of(record, self.clock())

    def _records(self, sql: str, *values: str | int | None) -> Iterator[Record]:
        return map(rows.read_record, self.connection.execute(sql, values))

    def _notices(self, sql: str, *values: str | int | None) -> Sequence[Notice]:
        return [rows.read_notice(row) for row in self.connection.execute(sql, values)]
