"""Every statement, with the columns of `rows` filled in. Values are always bound."""
# ruff: noqa: S608  nothing but names of our own columns is filled in

from __future__ import annotations

from collections.abc import Sequence

from paymentoptions_async.journal import rows

PAGE = 200
"""Records that are read at a time where there may be very many: others want to read too."""

_RECORD = ", ".join(f"intents.{name}" for name in rows.RECORD_COLUMNS)
_NOTICE = ", ".join(rows.NOTICE_COLUMNS)
_ENTRY = ", ".join(f"history.{name}" for name in rows.ENTRY_COLUMNS)


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _update(columns: Sequence[str]) -> str:
    return f"UPDATE intents SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?"


GET = f"SELECT {_RECORD} FROM intents WHERE ref = ?"
GET_NUMBERED = f"SELECT id, {_RECORD} FROM intents WHERE ref = ?"
# As a join, SQLite would plan these two anew for every value.
_OWNER = "SELECT intent FROM transactions WHERE transaction_id = ?1"
FIND = f"SELECT {_RECORD} FROM intents WHERE id = ({_OWNER})"
ABOUT = f"SELECT {_RECORD} FROM intents WHERE id = coalesce(({_OWNER}), (SELECT id FROM intents WHERE ref = ?2))"
# With ORDER BY, SQLite would plan this one anew for every value.
ATTEMPTS = f"SELECT {_RECORD} FROM intents WHERE scope = ? AND order_name = ?"
FOLLOWERS = f"""
WITH RECURSIVE followers (id, ref, transaction_id) AS (
  SELECT id, ref, transaction_id FROM intents
  WHERE parent IN (?1, (SELECT transaction_id FROM intents WHERE ref = ?1))
  UNION
  SELECT child.id, child.ref, child.transaction_id
  FROM followers JOIN intents AS child ON child.parent IN (followers.ref, followers.transaction_id)
)
SELECT {_RECORD} FROM followers CROSS JOIN intents USING (id) ORDER BY intents.id
"""
HISTORY = f"SELECT {_ENTRY} FROM intents JOIN history ON history.intent = id WHERE ref = ? ORDER BY history.version"
UNRESOLVED = f"""
SELECT id, {_RECORD} FROM intents
WHERE scope = ?1 AND is_open = 1 AND opened_at <= ?2 AND (opened_at, id) > (?3, ?4)
  AND NOT (progress = 'sending' AND deadline > ?5)
ORDER BY opened_at, id LIMIT {PAGE}
"""
RECORDS = f"SELECT {_RECORD} FROM intents WHERE ref > ? AND scope = ? ORDER BY ref LIMIT ?"
VERSIONS = "SELECT ref, version FROM json_each(?) JOIN intents ON intents.ref = json_each.value"
OUTSIDE_VERSION = "PRAGMA data_version"

ADMIT = _insert("intents", rows.INTENT_COLUMNS + rows.STATE_COLUMNS)
ADMIT_AGAIN = _update(rows.INTENT_COLUMNS + rows.STATE_COLUMNS)
CHANGE = _update(rows.STATE_COLUMNS)
REMEMBER = _insert("history", ("intent", "write_id", *rows.ENTRY_COLUMNS))
REMEMBERED = "SELECT EXISTS (SELECT 1 FROM history WHERE intent = ? AND version = ? AND write_id = ?)"
NAME_TRANSACTION = "INSERT INTO transactions (transaction_id, intent) VALUES (?, ?) ON CONFLICT DO NOTHING"

NOTE = _insert("notices", ("write_id", *rows.NOTICE_COLUMNS)) + " ON CONFLICT DO NOTHING RETURNING id"
NOTED = "SELECT EXISTS (SELECT 1 FROM notices WHERE id = ? AND write_id = ?)"
CLOSE_NOTICE = "UPDATE notices SET state = ?, outcome = ? WHERE ref = ? AND digest = ? RETURNING id"
NOTICES = f"SELECT {_NOTICE} FROM notices WHERE ref = ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id"
WAITING_NOTICES = f"""
SELECT {_NOTICE} FROM notices
WHERE state = 'waiting' AND scope = ? AND EXISTS (SELECT 1 FROM intents WHERE intents.ref = notices.ref)
ORDER BY id LIMIT ?
"""

ORPHANS = f"""
SELECT {_NOTICE} FROM notices
WHERE (known = 0 OR state = 'rejected') AND scope = ? AND (ref, digest) > (?, ?)
  AND (state = 'rejected' OR NOT EXISTS (SELECT 1 FROM intents WHERE intents.ref = notices.ref))
ORDER BY ref, digest LIMIT ?
"""

KEEP_EVENTS = "INSERT INTO kept_scopes (scope) VALUES (?) ON CONFLICT DO NOTHING"
KEEPS_EVENTS = "SELECT EXISTS (SELECT 1 FROM kept_scopes WHERE scope = ?)"
KEEP_EVENT = """
INSERT INTO events (id, ref, scope, event, payment) SELECT ?, ref, scope, ?, payment FROM intents WHERE id = ?
"""
DUE_EVENTS = """
SELECT seq, id, event, payment, attempts + 1 FROM events
WHERE scope = ?1 AND free_at <= ?2
  AND NOT EXISTS (SELECT 1 FROM events AS older WHERE older.ref = events.ref AND older.seq < events.seq)
ORDER BY seq LIMIT ?3
"""
CLAIM_EVENT = "UPDATE events SET owner = ?, free_at = ?, attempts = attempts + 1 WHERE seq = ?"
CLOSE_EVENT = "DELETE FROM events WHERE id = ? AND owner = ?"
PUT_BACK_EVENT = "UPDATE events SET free_at = ? WHERE id = ? AND owner = ?"

CLAIM_OPEN = f"""
SELECT id, coalesce((SELECT attempts FROM visits WHERE visits.ref = intents.ref), 0) + 1, {_RECORD} FROM intents
WHERE scope = ?1 AND is_open = 1 AND opened_at <= ?2 AND (opened_at, id) > (?3, ?4)
  AND NOT (progress = 'sending' AND deadline > ?5)
  AND NOT EXISTS (SELECT 1 FROM visits WHERE visits.ref = intents.ref AND visits.free_at > ?5)
ORDER BY opened_at, id LIMIT ?6
"""
VISIT = """
INSERT INTO visits (ref, owner, free_at, attempts) VALUES (?, ?, ?, ?)
ON CONFLICT (ref) DO UPDATE SET owner = excluded.owner, free_at = excluded.free_at, attempts = excluded.attempts
"""
FORGET_CLOSED = """
DELETE FROM visits WHERE NOT EXISTS (SELECT 1 FROM intents WHERE intents.ref = visits.ref AND is_open = 1)
"""
END_VISIT = "UPDATE visits SET free_at = ? WHERE ref = ? AND owner = ?"
FORGET_VISIT = "DELETE FROM visits WHERE ref = ? AND owner = ?"
