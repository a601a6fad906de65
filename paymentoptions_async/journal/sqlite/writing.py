"""What is written, each within a transaction that others' writes are locked out of."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import apsw

from paymentoptions_async.admission import Admission, Surroundings, may_send, opened, parent_of
from paymentoptions_async.intent import (
    Change,
    Intent,
    Notice,
    NoticeState,
    PaymentEvent,
    Place,
    Record,
    Visit,
    Visits,
)
from paymentoptions_async.journal import rows
from paymentoptions_async.journal.interface import Decide
from paymentoptions_async.journal.sqlite import statements
from paymentoptions_async.journal.sqlite.reading import Snapshot
from paymentoptions_async.transitions import as_of, beside_attempts, is_news


class Transaction(Snapshot):
    """One transaction, under whose lock several operations are done.

    ``write_id`` marks it in what it writes, so that after an error it can be told whether it came to be. An operation
    that raises before it wrote anything leaves no trace.
    """

    def __init__(self, connection: apsw.Connection, clock: Callable[[], float], write_id: int) -> None:
        super().__init__(connection, clock)
        self.changed: list[str] = []
        """References of the records that changed."""
        self._write_id = write_id
        self._proof: tuple[str, tuple[int, ...]] | None = None

    def admit(self, intent: Intent, owner: str, lease: float) -> Admission:
        """See `Journal.admit`."""
        now = self.clock()
        number, standing = self.numbered(intent.ref)
        parent = parent_of(intent, self.stored(intent.parent), self.stored_owner(intent.parent))
        around = Surroundings(
            standing=standing,
            attempts=self.attempts(intent),
            parent=parent,
            followers=self.stored_followers(intent.parent if parent is None else parent.ref),
        )
        if not may_send(intent, around, now):
            assert standing is not None, "only what stands can be the answer"
            return Admission(send=False, record=as_of(standing, now))
        record, change = opened(intent, standing, owner=owner, lease=lease, now=now)
        record = record.with_change(change, now)
        row = rows.intent_row(intent) + rows.state_row(record)
        if number is None:
            self.connection.execute(statements.ADMIT, row)
            number = self.connection.last_insert_rowid()
        else:
            self.connection.execute(statements.ADMIT_AGAIN, (*row, number))
        self._remember(number, record, change)
        return Admission(send=True, record=record)

    def change(self, ref: str, decide: Decide) -> Record:
        """See `Journal.change`."""
        now = self.clock()
        number, record = self.numbered(ref)
        if number is None or record is None:
            raise KeyError(ref)
        change = decide(record)
        if change is None:
            return as_of(record, now)
        if change.payment.status.took_money:
            change = beside_attempts(change, self.attempts(record.intent))
        changed = record.with_change(change, now)
        self.connection.execute(statements.CHANGE, (*rows.state_row(changed), number))
        self._remember(number, changed, change)
        for transaction_id in rows.transaction_ids(changed.payment):
            self.connection.execute(statements.NAME_TRANSACTION, (transaction_id, number))
        if is_news(record.payment, change) and self._one(statements.KEEPS_EVENTS, record.intent.scope):
            self.connection.execute(statements.KEEP_EVENT, (f"{ref}:{changed.version}", change.event, number))
        return changed

    def note(self, notice: Notice) -> bool:
        """See `Journal.note`."""
        row = rows.notice_row(replace(notice, received_at=self.clock()))
        number = self._one(statements.NOTE, self._write_id, *row)
        if number is None:
            return False
        self._proof = statements.NOTED, (number, self._write_id)
        return True

    def close_notice(self, ref: str, digest: str, state: NoticeState, outcome: str) -> None:
        """See `Journal.close_notice`."""
        if self._one(statements.CLOSE_NOTICE, state.value, outcome, ref, digest) is None:
            raise KeyError(ref, digest)

    def keep_events(self, scope: str) -> None:
        """See `Journal.keep_events`."""
        self.connection.execute(statements.KEEP_EVENTS, (scope,))

    def claim_events(self, scope: str, owner: str, lease: float, limit: int) -> Sequence[PaymentEvent]:
        """See `Journal.claim_events`."""
        now = self.clock()
        due: list[Any] = self.connection.execute(statements.DUE_EVENTS, (scope, now, limit)).fetchall()
        for seq, *_ in due:
            self.connection.execute(statements.CLAIM_EVENT, (owner, now + lease, seq))
        return [
            PaymentEvent(id=event_id, payment=rows.read_payment(payment), event=event, attempt=attempt)
            for _, event_id, event, payment, attempt in due
        ]

    def close_event(self, event_id: str, owner: str) -> None:
        """See `Journal.close_event`."""
        self.connection.execute(statements.CLOSE_EVENT, (event_id, owner))

    def put_back_event(self, event_id: str, owner: str, delay: float) -> None:
        """See `Journal.put_back_event`."""
        self.connection.execute(statements.PUT_BACK_EVENT, (self.clock() + delay, event_id, owner))

    def claim_open(
        self, scope: str, *, owner: str, lease: float, limit: int, older_than: float, after: Place | None
    ) -> Visits:
        """See `Journal.claim_open`."""
        now = self.clock()
        if after is None:
            self.connection.execute(statements.FORGET_CLOSED)
        place = after or (-math.inf, 0)
        found: list[Any] = self.connection.execute(
            statements.CLAIM_OPEN, (scope, now - older_than, *place, now, limit)
        ).fetchall()
        visits = [Visit(as_of(rows.read_record(row), now), attempt) for _, attempt, *row in found]
        due = tuple(visit for visit in visits if not visit.record.payment.is_final)
        for visit in due:
            self.connection.execute(statements.VISIT, (visit.record.ref, owner, now + lease, visit.attempt))
        return Visits(due, (visits[-1].record.opened_at, found[-1][0]) if len(found) == limit else None)

    def end_visit(self, ref: str, owner: str, again_in: float | None) -> None:
        """See `Journal.end_visit`."""
        if again_in is None:
            self.connection.execute(statements.FORGET_VISIT, (ref, owner))
        else:
            self.connection.execute(statements.END_VISIT, (self.clock() + again_in, ref, owner))

    def outside_version(self) -> int:
        """A number that changes whenever another connection than this one commits."""
        version: int = self._one(statements.OUTSIDE_VERSION)
        return version

    def came_to_be(self) -> bool:
        """Was this transaction, which is over, committed? Only what it wrote itself proves it."""
        if self._proof is None:
            return False
        sql, values = self._proof
        return bool(self._one(sql, *values))

    def _remember(self, number: int, record: Record, change: Change) -> None:
        """Add the line of history, which is also the proof that the transaction came to be."""
        entry = change.entry(record.version, record.changed_at)
        self.connection.execute(statements.REMEMBER, (number, self._write_id, *rows.entry_row(entry)))
        self._proof = statements.REMEMBERED, (number, record.version, self._write_id)
        self.changed.append(record.ref)

    def _one(self, sql: str, *values: rows.Value) -> Any:
        """Run a statement that returns one value, or None where it found or wrote no row."""
        return self.connection.execute(sql, values).get
