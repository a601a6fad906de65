"""The events of scopes that are handed to an application. Each statement is a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex

from paymentoptions_async.intent import PaymentEvent
from paymentoptions_async.journal import rows
from paymentoptions_async.journal.postgres.session import Connection, await_standby


async def keep(connection: Connection, scopes: Sequence[str]) -> Sequence[None]:
    """From now on keep the events of these scopes."""
    await connection.fetch(_KEEP, sorted(set(scopes)))
    await await_standby(connection)  # most often they were kept before
    return [None] * len(scopes)


_KEEP = "INSERT INTO kept_scopes (scope) SELECT unnest($1::text[]) ON CONFLICT (scope) DO NOTHING"


@dataclass(frozen=True, slots=True)
class Claim:
    """Asks for events that are due. See `Journal.claim_events`. ``claim`` finds them again after a lost answer."""

    scope: str
    owner: str
    lease: float
    limit: int
    claim: str = field(default_factory=lambda: token_hex(8))


async def claim(connection: Connection, asks: Sequence[Claim]) -> Sequence[Sequence[PaymentEvent]]:
    """Take events that are due and that nobody else is taking."""
    return [
        [
            PaymentEvent(
                id=row["id"],
                payment=rows.read_payment(row["payment"]),
                event=row["event"],
                attempt=row["attempts"],
            )
            for row in await connection.fetch(_CLAIM, ask.scope, ask.owner, ask.lease, ask.limit, ask.claim)
        ]
        for ask in asks
    ]


_CLAIM = """
WITH due AS (
  SELECT e.id
  FROM events AS e
  WHERE e.scope = $1 AND (e.free_at <= (SELECT journal_now()) OR e.claim = $5)
    AND NOT EXISTS (SELECT FROM events AS older WHERE older.ref = e.ref AND older.version < e.version)
  ORDER BY e.seq LIMIT $4
  FOR UPDATE OF e SKIP LOCKED
), taken AS (
  UPDATE events AS e
  SET
    owner = $2,
    free_at = (SELECT journal_now()) + $3::double precision,
    attempts = e.attempts + CASE WHEN e.claim = $5 THEN 0 ELSE 1 END,
    claim = $5
  FROM due WHERE e.id = due.id
  RETURNING e.seq, e.id, e.event, e.payment, e.attempts
)
SELECT id, event, payment, attempts FROM taken ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event that was claimed, and is done, or is to be claimed again in ``delay`` seconds."""

    event_id: str
    owner: str
    delay: float = 0.0


async def close(connection: Connection, asks: Sequence[Claimed]) -> Sequence[None]:
    """Forget events that were handed over by who claimed them last."""
    await connection.fetch(_CLOSE, [ask.event_id for ask in asks], [ask.owner for ask in asks])
    return [None] * len(asks)


_CLOSE = """
DELETE FROM events AS e USING unnest($1::text[], $2::text[]) AS done (id, owner)
WHERE e.id = done.id AND e.owner = done.owner
"""


async def put_back(connection: Connection, asks: Sequence[Claimed]) -> Sequence[None]:
    """Let events be claimed again later."""
    latest = {ask.event_id: (ask.event_id, ask.owner, ask.delay) for ask in asks}
    await connection.fetch(_PUT_BACK, *zip(*latest.values(), strict=True))
    return [None] * len(asks)


_PUT_BACK = """
UPDATE events AS e SET free_at = (SELECT journal_now()) + again.delay
FROM unnest($1::text[], $2::text[], $3::double precision[]) AS again (id, owner, delay)
WHERE e.id = again.id AND e.owner = again.owner
"""
