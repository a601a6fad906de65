"""Lookups. Those that come often are done in batches: one statement for all that was asked meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from paymentoptions_async.intent import Entry, Record
from paymentoptions_async.journal import rows
from paymentoptions_async.journal.postgres.session import Connection, Row
from paymentoptions_async.transitions import as_of


@dataclass(frozen=True, slots=True)
class Found:
    """A record as it reads now, and what time that is by the database's clock, in Unix seconds."""

    record: Record
    now: float


async def get(connection: Connection, refs: Sequence[str]) -> Sequence[Found | None]:
    """The records of references."""
    found = {row["ref"]: found_in(row) for row in await connection.fetch(_GET, refs)}
    return [found.get(ref) for ref in refs]


_GET = """
SELECT
  (SELECT journal_now()) AS now, ref,
  intent, payment, owner, deadline, opened_at, changed_at, version
FROM intents WHERE ref = ANY($1::text[])
"""


async def find(connection: Connection, transaction_ids: Sequence[str]) -> Sequence[Found | None]:
    """The records that have these transactions."""
    found = {row["transaction"]: found_in(row) for row in await connection.fetch(_FIND, transaction_ids)}
    return [found.get(transaction_id) for transaction_id in transaction_ids]


_FIND = """
SELECT
  (SELECT journal_now()) AS now, t.transaction_id AS transaction,
  intent, payment, owner, deadline, opened_at, changed_at, version
FROM transactions AS t JOIN intents USING (ref) WHERE t.transaction_id = ANY($1::text[])
"""


async def about(connection: Connection, asks: Sequence[tuple[str, str]]) -> Sequence[Found | None]:
    """The records that have these transactions, or else those of the references beside them."""
    found = {row["n"]: found_in(row) for row in await connection.fetch(_ABOUT, *map(list, zip(*asks, strict=True)))}
    return [found.get(n) for n in range(1, len(asks) + 1)]


_ABOUT = """
SELECT
  (SELECT journal_now()) AS now, asked.n,
  intent, payment, owner, deadline, opened_at, changed_at, version
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (transaction_id, ref, n)
JOIN intents ON intents.ref = coalesce(
  (SELECT t.ref FROM transactions AS t WHERE t.transaction_id = asked.transaction_id), asked.ref
)
"""


async def followers(connection: Connection, refs: Sequence[str]) -> Sequence[Sequence[Record]]:
    """What followed each payment, oldest first."""
    found = defaultdict(list)
    for row in await connection.fetch(_FOLLOWERS, refs):
        found[row["root"]].append(found_in(row).record)
    return [found[ref] for ref in refs]


_FOLLOWERS = """
WITH RECURSIVE chain (root, name, is_follower) AS (  -- names under which a payment and what followed it are known
  SELECT root, root, false FROM (SELECT DISTINCT unnest($1::text[]) COLLATE "C") AS asked (root)
  UNION
  SELECT chain.root, step.name, step.is_follower
  FROM chain CROSS JOIN LATERAL (
    SELECT transaction_id, false FROM intents WHERE ref = chain.name AND transaction_id IS NOT NULL
    UNION ALL
    SELECT ref, true FROM intents WHERE parent = chain.name
  ) AS step (name, is_follower)
)
SELECT
  (SELECT journal_now()) AS now, chain.root,
  intent, payment, owner, deadline, opened_at, changed_at, version
FROM chain JOIN intents ON ref = chain.name WHERE chain.is_follower
ORDER BY id
"""


async def history(connection: Connection, refs: Sequence[str]) -> Sequence[Sequence[Entry]]:
    """All that was recorded of references, oldest first."""
    found = defaultdict(list)
    for row in await connection.fetch(_HISTORY, refs):
        found[row["ref"]].append(rows.read_entry(_values(row, rows.ENTRY_COLUMNS)))
    return [tuple(found[ref]) for ref in refs]


_HISTORY = """
SELECT ref, version, at, source, status, progress, event, evidence, doubts, told_by, note
FROM history WHERE ref = ANY($1::text[])
ORDER BY ref, version
"""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Asks for a page of what is not final, from behind an instant and a record's number. See `Journal.unresolved`."""

    scope: str
    older_than: float
    after: tuple[float, int]
    in_flight: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Records, and where the next ones begin; None at the end."""

    records: Sequence[Record]
    next: tuple[float, int] | None


PAGE = 500


async def unresolved(connection: Connection, asks: Sequence[Unresolved]) -> Sequence[Page]:
    """Pages of what is not final, oldest first."""
    pages = []
    for ask in asks:
        found = await connection.fetch(_UNRESOLVED, ask.scope, ask.older_than, *ask.after, PAGE, ask.in_flight)
        records = [found_in(row).record for row in found]
        last = (records[-1].opened_at, found[-1]["id"]) if len(records) == PAGE else None
        pages.append(Page([record for record in records if not record.payment.is_final], last))
    return pages


_UNRESOLVED = """
SELECT now, id, intent, payment, owner, deadline, opened_at, changed_at, version
FROM (SELECT journal_now() AS now OFFSET 0) AS clock CROSS JOIN intents
WHERE scope = $1 AND is_open AND opened_at <= now - $2::double precision
  AND (opened_at, id) > ($3::double precision, $4::bigint)
  AND ($6::boolean OR NOT (progress = 'sending' AND now < deadline))
ORDER BY opened_at, id LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class Records:
    """Asks for a page of all records. See `Journal.records`."""

    scope: str
    after: str
    limit: int


async def records(connection: Connection, asks: Sequence[Records]) -> Sequence[Sequence[Record]]:
    """Pages of all records, in the order of their references."""
    return [
        [found_in(row).record for row in await connection.fetch(_RECORDS, ask.scope, ask.after, ask.limit)]
        for ask in asks
    ]


_RECORDS = """
SELECT
  (SELECT journal_now()) AS now,
  intent, payment, owner, deadline, opened_at, changed_at, version
FROM intents WHERE scope = $1 AND ref > $2 ORDER BY ref LIMIT $3
"""


async def newer(connection: Connection, versions: Sequence[tuple[str, int]]) -> Sequence[str]:
    """Those of the references whose record has a later version by now."""
    found = await connection.fetch(_NEWER, [ref for ref, _ in versions], [version for _, version in versions])
    return [row["ref"] for row in found]


_NEWER = """
SELECT i.ref FROM unnest($1::text[], $2::bigint[]) AS seen (ref, version) JOIN intents AS i USING (ref)
WHERE i.version > seen.version
"""


def read_stored(row: Row) -> Record:
    """The record of a row, as it was written."""
    return rows.read_record(_values(row, rows.RECORD_COLUMNS))


def found_in(row: Row) -> Found:
    """The record of a row, as it reads at the row's own ``now``."""
    now = row["now"]
    return Found(as_of(read_stored(row), now), now)


def _values(row: Row, columns: Sequence[str]) -> list[rows.Value]:
    return [row[name] for name in columns]
