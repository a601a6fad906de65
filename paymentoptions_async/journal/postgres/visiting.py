"""Open payments that are taken to be asked for. Each statement is a transaction of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from paymentoptions_async.intent import Place, Visit, Visits
from paymentoptions_async.journal.postgres.reading import found_in
from paymentoptions_async.journal.postgres.session import Connection


@dataclass(frozen=True, slots=True)
class Take:
    """Asks for open payments. See `Journal.claim_open`. ``claim`` finds them again after a lost answer."""

    scope: str
    owner: str
    lease: float
    limit: int
    older_than: float
    after: Place | None
    claim: str = field(default_factory=lambda: token_hex(8))


async def take(connection: Connection, asks: Sequence[Take]) -> Sequence[Visits]:
    """Take open payments that nobody else is taking."""
    return [await _take(connection, ask) for ask in asks]


async def _take(connection: Connection, ask: Take) -> Visits:
    if ask.after is None:
        await connection.fetch(_FORGET_CLOSED)
    place = ask.after or (-math.inf, 0)
    found = await connection.fetch(_TAKE, ask.scope, ask.older_than, *place, ask.limit, ask.owner, ask.lease, ask.claim)
    taken = [(found_in(row).record, row["attempts"]) for row in found]
    visits = tuple(Visit(record, n) for record, n in taken if n is not None and not record.payment.is_final)
    return Visits(visits, (taken[-1][0].opened_at, found[-1]["id"]) if len(found) == ask.limit else None)


# Two that look at once skip each other's; where one of them looked before the other had written, the conflict tells.
_TAKE = """
WITH due AS (
  SELECT now, i.*
  FROM (SELECT journal_now() AS now OFFSET 0) AS clock CROSS JOIN intents AS i
  WHERE i.scope = $1 AND i.is_open AND i.opened_at <= now - $2::double precision
    AND (i.opened_at, i.id) > ($3::double precision, $4::bigint)
    AND NOT (i.progress = 'sending' AND now < i.deadline)
    AND NOT EXISTS (SELECT FROM visits AS v WHERE v.ref = i.ref AND v.free_at > now AND v.claim <> $8)
  ORDER BY i.opened_at, i.id LIMIT $5
  FOR NO KEY UPDATE OF i SKIP LOCKED
), taken AS (
  INSERT INTO visits AS v (ref, owner, free_at, attempts, claim)
  SELECT ref, $6, now + $7::double precision, 1, $8 FROM due
  ON CONFLICT (ref) DO UPDATE SET
    owner = excluded.owner,
    free_at = excluded.free_at,
    attempts = v.attempts + CASE WHEN v.claim = excluded.claim THEN 0 ELSE 1 END,
    claim = excluded.claim
  WHERE v.free_at <= journal_now() OR v.claim = excluded.claim
  RETURNING ref, attempts
)
SELECT now, id, attempts, intent, payment, owner, deadline, opened_at, changed_at, version
FROM due LEFT JOIN taken USING (ref) ORDER BY opened_at, id
"""

_FORGET_CLOSED = """
DELETE FROM visits AS v WHERE NOT EXISTS (SELECT FROM intents AS i WHERE i.ref = v.ref AND i.is_open)
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A payment that was taken, and may be again in ``again_in`` seconds; None: there is nothing left to ask."""

    ref: str
    owner: str
    again_in: float | None


async def end(connection: Connection, asks: Sequence[Taken]) -> Sequence[None]:
    """Let payments go that were taken."""
    latest = {(ask.ref, ask.owner): ask.again_in for ask in asks}
    done = [key for key, again_in in latest.items() if again_in is None]
    again = [(ref, owner, again_in) for (ref, owner), again_in in latest.items() if again_in is not None]
    if done:
        await connection.fetch(_FORGET, *map(list, zip(*done, strict=True)))
    if again:
        await connection.fetch(_PUT_OFF, *map(list, zip(*again, strict=True)))
    return [None] * len(asks)


_FORGET = """
DELETE FROM visits AS v USING unnest($1::text[], $2::text[]) AS done (ref, owner)
WHERE v.ref = done.ref AND v.owner = done.owner
"""
_PUT_OFF = """
UPDATE visits AS v SET free_at = (SELECT journal_now()) + again.delay
FROM unnest($1::text[], $2::text[], $3::double precision[]) AS again (ref, owner, delay)
WHERE v.ref = again.ref AND v.owner = again.owner
"""
