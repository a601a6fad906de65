"""Webhooks. Each statement is a transaction of its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from paymentoptions_async.intent import Notice, NoticeState
from paymentoptions_async.journal import rows
from paymentoptions_async.journal.postgres.session import Connection, Row, await_standby


@dataclass(frozen=True, slots=True)
class Note:
    """A webhook that is to be recorded. ``write_id`` tells after a lost answer whether it was."""

    notice: Notice
    write_id: str = field(default_factory=lambda: token_hex(8))


async def note(connection: Connection, notes: Sequence[Note]) -> Sequence[bool]:
    """Record webhooks; tell which of them were not known."""
    values = zip(*(rows.notice_row(ask.notice) for ask in notes), strict=True)
    columns = dict(zip(rows.NOTICE_COLUMNS, values, strict=True))
    ids = [ask.write_id for ask in notes]
    new = {row["write_id"] for row in await connection.fetch(_NOTE, *(columns[name] for name in _NOTED), ids)}
    if len(new) < len(notes):
        found = await connection.fetch(_WHOSE, columns["ref"], columns["digest"], ids)
        new = {row["write_id"] for row in found}
        await await_standby(connection)
    return [ask.write_id in new for ask in notes]


_NOTED = ("ref", "digest", "scope", "state", "known", "outcome", "transaction_ids", "body")
_NOTE = """
INSERT INTO notices (ref, digest, scope, state, known, outcome, transaction_ids, body, write_id, received_at)
SELECT n.*, (SELECT journal_now())
FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[]
) AS n
ON CONFLICT (ref, digest) DO NOTHING
RETURNING write_id
"""
_WHOSE = """
SELECT write_id
FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (ref, digest, write_id)
JOIN notices USING (ref, digest, write_id)
"""


@dataclass(frozen=True, slots=True)
class Close:
    """What became of a webhook."""

    ref: str
    digest: str
    state: NoticeState
    outcome: str


async def close(connection: Connection, asks: Sequence[Close]) -> Sequence[KeyError | None]:
    """Say what became of webhooks; KeyError for one that was never recorded."""
    last = {(ask.ref, ask.digest): (ask.ref, ask.digest, ask.state.value, ask.outcome) for ask in asks}
    closed = await connection.fetch(_CLOSE, *zip(*last.values(), strict=True))
    known = {(row["ref"], row["digest"]) for row in closed}
    return [None if (ask.ref, ask.digest) in known else KeyError(ask.ref, ask.digest) for ask in asks]


_CLOSE = """
UPDATE notices AS n SET state = told.state, outcome = told.outcome
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS told (ref, digest, state, outcome)
WHERE n.ref = told.ref AND n.digest = told.digest
RETURNING n.ref, n.digest
"""


async def notices(connection: Connection, refs: Sequence[str]) -> Sequence[Sequence[Notice]]:
    """The webhooks under references, oldest first."""
    found = defaultdict(list)
    for row in await connection.fetch(_NOTICES, refs):
        found[row["ref"]].append(_read(row))
    return [found[ref] for ref in refs]


_NOTICES = """
SELECT ref, digest, scope, state, known, received_at, outcome, transaction_ids, body
FROM notices WHERE ref = ANY($1::text[])
ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Asks for webhooks that wait for a status query. See `Journal.waiting_notices`."""

    scope: str
    limit: int


async def waiting(connection: Connection, asks: Sequence[Waiting]) -> Sequence[Sequence[Notice]]:
    """Webhooks of known payments that wait for a status query, oldest first."""
    return [[_read(row) for row in await connection.fetch(_WAITING, ask.scope, ask.limit)] for ask in asks]


_WAITING = """
SELECT ref, digest, scope, state, known, received_at, outcome, transaction_ids, body
FROM notices
WHERE state = 'waiting' AND scope = $1 AND EXISTS (SELECT FROM intents WHERE intents.ref = notices.ref)
ORDER BY id LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Asks for a page of the webhooks that belong to no payment. See `Journal.orphans`."""

    scope: str
    after: tuple[str, str]
    limit: int


async def orphans(connection: Connection, asks: Sequence[Orphans]) -> Sequence[Sequence[Notice]]:
    """Pages of the webhooks that belong to no payment, in the order of reference and digest."""
    return [[_read(row) for row in await connection.fetch(_ORPHANS, ask.scope, *ask.after, ask.limit)] for ask in asks]


_ORPHANS = """
SELECT ref, digest, scope, state, known, received_at, outcome, transaction_ids, body
FROM notices
WHERE (NOT known OR state = 'rejected') AND scope = $1 AND (ref, digest) > ($2, $3)
  AND (state = 'rejected' OR NOT EXISTS (SELECT FROM intents WHERE intents.ref = notices.ref))
ORDER BY ref, digest LIMIT $4
"""


def _read(row: Row) -> Notice:
    return rows.read_notice([row[name] for name in rows.NOTICE_COLUMNS])
