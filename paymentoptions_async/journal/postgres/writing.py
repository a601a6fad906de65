"""Admissions and changes: a batch of them is one transaction of five statements, whatever its size.

First everything is locked that their rules look at, in one order for all processes, so that none waits in a circle.
What is read after that has all that others committed before they let go. The rules decide here, and what they decide
is written; a row is only written over the version that was read, so that nobody is doubled even without the locks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from secrets import token_hex
from typing import TypeAlias

from paymentoptions_async.admission import Admission
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.journal.interface import Decide
from paymentoptions_async.journal.postgres.desk import Desk, Line, order_name
from paymentoptions_async.journal.postgres.keeping import keep
from paymentoptions_async.journal.postgres.reading import read_stored
from paymentoptions_async.journal.postgres.schema import steps_from
from paymentoptions_async.journal.postgres.session import Connection, await_standby

Outcome: TypeAlias = Admission | Record


@dataclass(slots=True, eq=False)
class Admit:
    """An intent that asks to be sent. See `Journal.admit`."""

    intent: Intent
    owner: str
    lease: float
    doubt: Doubt | None = None

    def decide(self, desk: Desk) -> Outcome:
        """Apply the rules."""
        return desk.admit(self.intent, owner=self.owner, lease=self.lease)


@dataclass(slots=True, eq=False)
class Alter:
    """A record that is to change. See `Journal.change`."""

    ref: str
    change: Decide
    doubt: Doubt | None = None

    def decide(self, desk: Desk) -> Outcome:
        """Apply the rules."""
        return desk.change(self.ref, self.change)


Ask: TypeAlias = Admit | Alter


@dataclass(frozen=True, slots=True)
class Doubt:
    """What a COMMIT would have made true that was not answered: this line of history, and this outcome."""

    line: Line
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch came to: an outcome for each ask, and the references of which somebody may wait for news."""

    outcomes: Sequence[Outcome | Exception]
    changed: Sequence[str]


async def write(connection: Connection, asks: Sequence[Ask]) -> Written:
    """Carry out a batch. Its outcomes are durable when this returns.

    What was asked before over a connection that was lost in its COMMIT is looked up first. It holds the same locks,
    so that by now the lost transaction has ended, one way or the other.
    """
    await connection.execute("BEGIN")
    locked = await _lock(connection, asks)
    desk = await _read(connection, asks, locked)
    known = await _settle_doubts(connection, asks)

    outcomes: list[Outcome | Exception] = []
    doubts: list[tuple[Ask, Doubt]] = []
    for ask in asks:
        before = len(desk.lines)
        outcome = known.get(ask) or _decide(ask, desk)
        outcomes.append(outcome)
        if len(desk.lines) > before:
            assert not isinstance(outcome, Exception), "what raises writes nothing"
            doubts.append((ask, Doubt(desk.lines[-1], outcome)))

    if desk.lines:
        await keep(connection, desk)
    if known:
        await await_standby(connection)
    for ask, doubt in doubts:
        ask.doubt = doubt  # should the COMMIT not be answered
    await connection.execute("COMMIT")
    written = [ask.doubt.line.record for ask in asks if ask.doubt is not None]
    return Written(outcomes, [record.ref for record in written if record.version > 1])  # nobody waits for what was not


async def rehearse(connection: Connection) -> None:
    """Run the statements with nothing, so that the server has them ready before the first transaction.

    Preparing one takes an exchange in which a client that vanishes is not idle to the server: its locks would stay.
    """
    await _read(connection, (), await _lock(connection, ()))
    await _standing(connection, ())
    await keep(connection, Desk((), locked=(), owners={}, now=0.0, make_id=str))


async def _lock(connection: Connection, asks: Sequence[Ask]) -> set[str]:
    """Lock references, orders and parents by name, and return the names.

    The database adds what it knows: the orders of the records that change, the transactions of parents, and whose a
    transaction is that a parent is named by.
    """
    names, altered, parents = set(), [], []
    for ask in asks:
        if isinstance(ask, Alter):
            names.add(ask.ref)
            altered.append(ask.ref)
            continue
        names.add(ask.intent.ref)
        if ask.intent.order is not None:
            names.add(order_name(ask.intent))
        if ask.intent.parent is not None:
            names.add(ask.intent.parent)
            parents.append(ask.intent.parent)
    return {row["name"] for row in await connection.fetch(_LOCK, list(names), altered, parents)}


_LOCK = """
SELECT name, pg_advisory_xact_lock(key)
FROM (
  SELECT name, hashtextextended(name, hashtextextended(current_schema()::text, 0)) AS key
  FROM (
    SELECT unnest($1::text[])
    UNION SELECT order_key FROM intents WHERE ref = ANY($2::text[]) AND order_key IS NOT NULL
    UNION SELECT transaction_id FROM intents WHERE ref = ANY($3::text[]) AND transaction_id IS NOT NULL
    UNION SELECT ref FROM transactions WHERE transaction_id = ANY($3::text[])
  ) AS names (name)
  ORDER BY key
) AS sorted
"""


async def _read(connection: Connection, asks: Sequence[Ask], locked: set[str]) -> Desk:
    """Read all that the rules look at, and the time. Raises `Fault` where the tables have become newer than this."""
    refs, altered, parents, orders = [], [], [], []
    for ask in asks:
        if isinstance(ask, Alter):
            altered.append(ask.ref)
            continue
        refs.append(ask.intent.ref)
        if ask.intent.order is not None:
            orders.append(order_name(ask.intent))
        if ask.intent.parent is not None:
            parents.append(ask.intent.parent)
    found = await connection.fetch(_READ, refs + altered, altered, parents, orders)
    steps_from(found[0]["schema"])  # a newer version of the package may have come since this connection was opened
    return Desk(
        [read_stored(row) for row in found if row["version"] is not None],
        locked=locked,
        owners=dict(zip(found[0]["owned"] or (), found[0]["owners"] or (), strict=True)),
        now=found[0]["now"],
        make_id=lambda: token_hex(8),
    )


_READ = """
WITH RECURSIVE chain (name) AS (  -- of a parent: its transaction or its owner, what follows either, and so on
  SELECT name FROM (
    SELECT unnest($3::text[]) COLLATE "C"
    UNION ALL
    SELECT ref FROM transactions WHERE transaction_id = ANY($3::text[])
  ) AS parents (name)
  UNION
  SELECT step.name
  FROM chain CROSS JOIN LATERAL (
    SELECT transaction_id FROM intents WHERE ref = chain.name AND transaction_id IS NOT NULL
    UNION ALL
    SELECT ref FROM intents WHERE parent = chain.name
  ) AS step (name)
), wanted (ref) AS (
  SELECT unnest($1::text[])
  UNION
  SELECT name FROM chain
  UNION
  SELECT other.ref
  FROM intents AS own JOIN intents AS other USING (order_key)
  WHERE own.ref = ANY($2::text[])
  UNION
  SELECT ref FROM intents WHERE order_key = ANY($4::text[])
)
SELECT
  clock.now, (SELECT max(number) FROM migrations) AS schema, clock.owned, clock.owners,
  i.intent, i.payment, i.owner, i.deadline, i.opened_at, i.changed_at, i.version
FROM (
  SELECT journal_now() AS now, array_agg(transaction_id) AS owned, array_agg(ref) AS owners
  FROM transactions WHERE transaction_id = ANY($3::text[])
) AS clock
LEFT JOIN (wanted JOIN intents AS i USING (ref)) ON true
ORDER BY i.id
"""


async def _settle_doubts(connection: Connection, asks: Sequence[Ask]) -> dict[Ask, Outcome]:
    """What lost COMMITs made true after all. What they did not, is decided afresh."""
    doubts = [(ask, ask.doubt) for ask in asks if ask.doubt is not None]
    standing = await _standing(connection, [doubt.line for _, doubt in doubts]) if doubts else set()
    known = {}
    for ask, doubt in doubts:
        if doubt.line.write_id in standing:
            known[ask] = doubt.outcome
        else:
            ask.doubt = None
    return known


async def _standing(connection: Connection, lines: Sequence[Line]) -> set[str]:
    """Which of these lines of history were written; their ids."""
    refs, versions = [line.record.ref for line in lines], [line.record.version for line in lines]
    found = await connection.fetch(_STANDING, refs, versions, [line.write_id for line in lines])
    return {row["write_id"] for row in found}


_STANDING = """
SELECT h.write_id
FROM unnest($1::text[], $2::bigint[], $3::text[]) AS doubt (ref, version, write_id)
JOIN history AS h USING (ref, version, write_id)
"""


def _decide(ask: Ask, desk: Desk) -> Outcome | Exception:
    """What one operation comes to. One that is refused fails alone."""
    try:
        return ask.decide(desk)
    except Exception as error:  # noqa: BLE001  a rule may raise whatever it likes: it is the answer
        return error
