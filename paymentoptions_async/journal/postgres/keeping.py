"""What a batch decided, made into rows and written with one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from paymentoptions_async.intent import Record
from paymentoptions_async.journal import rows
from paymentoptions_async.journal.postgres.desk import Desk, Line
from paymentoptions_async.journal.postgres.faults import Fault
from paymentoptions_async.journal.postgres.session import Connection


async def keep(connection: Connection, desk: Desk) -> None:
    """Write all lines of a desk. Raises `Fault` where a row is not the one that was read.

    The locks should prevent that, and so do the keys of the tables; whoever comes second tries the whole batch again.
    """
    records = {line.record.ref: line.record for line in desk.lines}  # of several changes of one, the last
    new = [_intent(record) | _state(record) for ref, record in records.items() if ref not in desk.was]
    old = [
        (_intent(record) if ref in desk.admitted else {"ref": ref}) | _state(record) | {"was": desk.was[ref]}
        for ref, record in records.items()
        if ref in desk.was
    ]
    entries = [_entry(line) for line in desk.lines]
    events = [_event(line) for line in desk.lines if line.news]
    texts = map(json.dumps, (new, old, entries, _transactions(desk.lines), events))
    [done] = await connection.fetch(_KEEP, *texts)
    if done["written"] != len(records):
        raise Fault("another process has written the same meanwhile")


_KEEP = """
WITH opened AS (
  INSERT INTO intents (
    ref, scope, order_name, parent, operation, family, intent, status, progress, transaction_id, owner, deadline,
    opened_at, changed_at, version, is_open, payment
  )
  SELECT
    ref, scope, order_name, parent, operation, family, intent, status, progress, transaction_id, owner, deadline,
    opened_at, changed_at, version, is_open, payment
  FROM json_populate_recordset(NULL::intents, $1)
  ON CONFLICT (ref) DO NOTHING
  RETURNING ref
), altered AS (
  UPDATE intents AS i
  SET
    intent = coalesce(n.intent, i.intent),  -- there where it is admitted again, perhaps in another order
    order_name = CASE WHEN n.intent IS NULL THEN i.order_name ELSE n.order_name END,
    status = n.status,
    progress = n.progress,
    transaction_id = n.transaction_id,
    owner = n.owner,
    deadline = n.deadline,
    changed_at = n.changed_at,
    version = n.version,
    is_open = n.is_open,
    payment = n.payment
  FROM json_to_recordset($2) AS n (
    ref text, was bigint, intent text, order_name text, status text, progress text, transaction_id text, owner text,
    deadline double precision, changed_at double precision, version bigint, is_open boolean, payment text
  )
  WHERE i.ref = n.ref AND i.version = n.was
  RETURNING i.ref
), lines AS (
  INSERT INTO history (
    ref, version, at, source, status, progress, event, evidence, doubts, told_by, note, write_id
  )
  SELECT ref, version, at, source, status, progress, event, evidence, doubts, told_by, note, write_id
  FROM json_populate_recordset(NULL::history, $3)
), ids AS (
  INSERT INTO transactions (transaction_id, ref)
  SELECT transaction_id, ref FROM json_populate_recordset(NULL::transactions, $4) ORDER BY transaction_id
  ON CONFLICT (transaction_id) DO NOTHING
), told AS (
  INSERT INTO events (id, ref, version, scope, event, payment)
  SELECT id, ref, version, scope, event, payment
  FROM json_populate_recordset(NULL::events, $5) JOIN kept_scopes USING (scope)
  ORDER BY ref, version
)
SELECT (SELECT count(*) FROM opened) + (SELECT count(*) FROM altered) AS written
"""


def _intent(record: Record) -> dict[str, Any]:
    return dict(zip(rows.INTENT_COLUMNS, rows.intent_row(record.intent), strict=True))


def _state(record: Record) -> dict[str, Any]:
    return dict(zip(rows.STATE_COLUMNS, rows.state_row(record), strict=True))


def _entry(line: Line) -> dict[str, Any]:
    entry = dict(zip(rows.ENTRY_COLUMNS, rows.entry_row(line.entry), strict=True))
    return entry | {"ref": line.record.ref, "write_id": line.write_id}


def _transactions(lines: Sequence[Line]) -> list[dict[str, str]]:
    """Whose each transaction is: the first one that named it."""
    found: dict[str, str] = {}
    for line in lines:
        for transaction_id in rows.transaction_ids(line.record.payment):
            found.setdefault(transaction_id, line.record.ref)
    return [{"transaction_id": transaction_id, "ref": ref} for transaction_id, ref in found.items()]


def _event(line: Line) -> dict[str, Any]:
    record = line.record
    return {
        "id": f"{record.ref}:{record.version}",
        "ref": record.ref,
        "version": record.version,
        "scope": record.intent.scope,
        "event": line.entry.event,
        "payment": rows.write_payment(record.payment),
    }
