"""What a run may have on disk before it is compared: made by hand, or at random, small and full of collisions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from paymentoptions_async.reconcile.comparing import compare
from paymentoptions_async.reconcile.database import MEMORY, database
from paymentoptions_async.reconcile.options import Rules, Selection
from paymentoptions_async.reconcile.schemas import FINDING, INVALID, KNOWN, LEDGER
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.work import CONFIRMED, view_ledger
from paymentoptions_async.reconcile.workspace import Manifest, Workspace

BEGUN = datetime(2026, 11, 10, tzinfo=UTC)
DAY = timedelta(days=1)
Rows = list[dict[str, Any]]


@dataclass
class World:
    """The tables of a run, each row as a mapping. ``answers`` have a ``source``: ``gateway`` are in parts."""

    ledger: Rows = field(default_factory=list)
    invalid: Rows = field(default_factory=list)
    known: Rows = field(default_factory=list)
    answers: Rows = field(default_factory=list)
    scope: str = "paymentoptions/sandbox/M1"
    selection: Selection = field(default_factory=Selection)
    rules: Rules = field(default_factory=Rules)


def row(line: int, transaction_id: str | None = "t1", **about: Any) -> dict[str, Any]:
    """A row of the ledger: an approved payment of 1000 JPY, unless it is said otherwise."""
    usual = {"reference": "r1", "status": "approved", "amount": "1000", "currency": "JPY"}
    return _exact({"line": line, "transaction_id": transaction_id} | usual | about)


def answer(transaction_id: str = "t1", **about: Any) -> dict[str, Any]:
    """An answer: an approved purchase of 1000 JPY, unless it is said otherwise."""
    usual = {
        "outcome": "answered",
        "status": "approved",
        "transaction_type": "CAPTURE",
        "gateway_code": "INFO0000",
        "amount": "1000",
        "currency": "JPY",
        "reference": "r1",
        "contradicts": False,
        "source": "gateway",
    }
    return _exact({"transaction_id": transaction_id} | usual | about)


def failed(transaction_id: str = "t1", reason: str = "the gateway did not answer: HTTP 503") -> dict[str, Any]:
    """That there was no answer."""
    return {"transaction_id": transaction_id, "outcome": "failed", "reason": reason, "contradicts": False} | _GATEWAY


def known(transaction_id: str | None = "t1", **about: Any) -> dict[str, Any]:
    """A row of the journal: an approved purchase of its own, unless it is said otherwise."""
    usual = {
        "ref": "r1",
        "reference": "r1",
        "role": "own",
        "operation": "purchase",
        "status": "approved",
        "confirmed": True,
        "contradicted": False,
        "amount": "1000",
        "currency": "JPY",
        "opened_at": BEGUN - DAY,
    }
    return _exact({"transaction_id": transaction_id} | usual | about)


_GATEWAY = {"source": "gateway"}


def _exact(one: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Decimal(value) if name in ("amount", "refunded") and isinstance(value, str) else value
        for name, value in one.items()
    }


def findings_of(world: World, path: Path, *, memory: int = MEMORY) -> Rows:
    """Compare a world and return its findings."""
    with laid_out(world, path) as run:
        compare(run, run.findings, Stop(), rules=world.rules, memory=memory)
        table = pq.read_table(run.findings)
    assert table.schema.equals(FINDING)
    found: Rows = table.to_pylist()
    return found


def findings_of_each(worlds: Sequence[World], path: Path) -> list[Rows]:
    """Compare several worlds of the same scope, selection and rules at once: they have nothing in common."""
    first = worlds[0]
    together = World(scope=first.scope, selection=first.selection, rules=first.rules)
    for n, world in enumerate(worlds):
        for rows, more in (
            (together.ledger, world.ledger),
            (together.invalid, world.invalid),
            (together.known, world.known),
            (together.answers, world.answers),
        ):
            rows += [_moved(one, n) for one in more]
    found: list[Rows] = [[] for _ in worlds]
    for one in findings_of(together, path):
        n = int((one["transaction_id"] or one["ref"]).split(_MARK)[0]) if one["line"] is None else one["line"] // _APART
        found[n].append(_moved_back(one, n))
    return found


_APART, _MARK = 1000, "~"
_NAMES = ("transaction_id", "reference", "ref")


def _moved(one: Mapping[str, Any], n: int) -> dict[str, Any]:
    names = {name: f"{n}{_MARK}{one[name]}" for name in _NAMES if one.get(name) is not None}
    return {**one, **names, **({"line": one["line"] + n * _APART} if "line" in one else {})}


def _moved_back(one: Mapping[str, Any], n: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: value.replace(f"{n}{_MARK}", "") if isinstance(value, str) else value for name, value in one.items()
    }
    if found["line"] is not None:
        found["line"] -= n * _APART
    if found["reason"] is not None:
        found["reason"] = re.sub(r"(?<=^line )\d+", lambda line: str(int(line[0]) - n * _APART), found["reason"])
    return found


def resolved_ids(world: World, path: Path) -> dict[int, str | None]:
    """Which transaction each row of the ledger stands for, where the journal knows those that the ledger lacks."""
    with laid_out(world, path) as run, database(run.spill) as connection:
        view_ledger(connection, run)
        return dict(connection.sql("SELECT line, transaction_id FROM resolved").fetchall())


def laid_out(world: World, path: Path) -> Workspace:
    """Write the tables into a run's directory."""
    run = Workspace.open(path, Manifest(world.scope, {}, world.selection.described(), {}, BEGUN))
    _write(run.ledger, LEDGER, world.ledger)
    _write(run.invalid, INVALID, world.invalid)
    _write(run.known, KNOWN, world.known)
    numbers: dict[str, int] = {}
    numbered = [
        {
            "n": numbers.setdefault(one["transaction_id"], len(numbers)),
            "seconds": 0.1,
            "asked_at": BEGUN + timedelta(seconds=when),
        }
        | one
        for when, one in enumerate(world.answers)
    ]
    _write(run.confirmed, CONFIRMED, [one for one in numbered if one["source"] != "gateway"])
    asked = [one for one in numbered if one["source"] == "gateway"]
    half = len(asked) // 2
    for number, part in enumerate((asked[:half], asked[half:]), start=1):
        if part:
            _write(run.parts / f"part-{number:08}.parquet", CONFIRMED.remove(CONFIRMED.get_field_index("source")), part)
    return run


def _write(path: Path, schema: pa.Schema, rows: Iterable[Mapping[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows), schema), path)


# At random ------------------------------------------------------------------------------------------------------------

_STATUSES = ("approved", "authorized", "partially_approved", "declined", "cancelled", "expired", "pending", "unknown")
_OPERATIONS = ("purchase", "authorize", "capture", "refund", "void", "subscribe", "hosted_page")
_FOLLOWERS = ("capture", "refund", "void")
_TYPES = ("CAPTURE", "CAPTURE", "CAPTURE", "PRE_AUTH", "REFUND", "VOID", "SALE", None)
_AMOUNTS = ("10", "10.01", "12", "20")


def random_world(random: Random, *, families: int) -> World:
    """Many small families of transactions, in each of which everything collides with everything."""
    world = World(
        scope=random.choice(("paymentoptions/sandbox/M1", "corefy/live/A1")),
        selection=random.choice((Selection(), Selection(since=BEGUN - 5 * DAY, until=BEGUN - DAY))),
        rules=random.choice((Rules(tolerance=Decimal("0.01")), Rules(tolerances={"USD": Decimal(2)}))),
    )
    for family in range(families):
        _add_family(world, random, f"{family}.")
    for line, one in enumerate(world.ledger, start=2):
        one["line"] = line
    unread = range(len(world.ledger) + 2, len(world.ledger) + 2 + random.randint(0, families // 10 + 1))
    world.invalid = [{"line": line, "field": None, "reason": "has too few cells", "cells": ""} for line in unread]
    return world


def _add_family(world: World, random: Random, family: str) -> None:
    names = [f"{family}t{n}" for n in range(random.randint(1, 4))]
    references = [f"{family}r{n}" for n in range(random.randint(1, 2))]
    usual = {"currency": random.choice(("JPY", "USD")), "amount": random.choice(_AMOUNTS)}
    plain = random.random() < 0.5  # nothing is out of order, mostly
    for _ in range(random.randint(0, 3)):
        world.ledger.append(_random_row(random, names, references, usual, plain=plain))
    for name in names:
        if random.random() < 0.8:
            world.answers += _random_answers(random, name, references, usual, plain=plain)
    refs = list(references)
    known_names: list[str | None] = [*names, None]
    for known_name in known_names:
        for _ in range(random.choice((0, 1, 1, 2))):
            world.known.append(_random_known(random, known_name, references, refs, usual))


def _random_row(
    random: Random, names: list[str], references: list[str], usual: dict[str, Any], *, plain: bool
) -> dict[str, Any]:
    found = row(
        0,
        random.choice([*names, *names, None]),
        reference=random.choice([*references, None]),
        kind=random.choice((None, "payment", "payment", "authorization", "capture", "refund", "void")),
        status="approved" if plain else random.choice(_STATUSES),
        refunded=random.choice((None, "0", "10", "12")),
        at=random.choice((None, *_TIMES)),
        **usual,
    )
    return found if plain and random.random() < 0.8 else found | _other_money(random)


def _random_answers(
    random: Random, name: str, references: list[str], usual: dict[str, Any], *, plain: bool
) -> list[dict[str, Any]]:
    outcome = "answered" if plain else random.choice(("answered",) * 6 + ("failed", "not_found", "foreign"))
    if outcome == "failed":
        return [failed(name, "once"), failed(name, "twice")][: random.randint(1, 2)]
    kind = random.choice(_TYPES)
    status = random.choice(_STATUSES)
    if plain:
        status = "authorized" if kind == "PRE_AUTH" else "approved"
    took = status in ("approved", "authorized", "partially_approved")
    found = answer(
        name,
        outcome=outcome,
        status=status if outcome == "answered" else None,
        transaction_type=kind,
        gateway_code=random.choice(("INFO0000", "INFO0001", None)),
        reference=random.choice([*references, references[0], None]),
        refunded=random.choice((None, None, "0", "10")),
        gateway_time=random.choice((None, *_TIMES)),
        contradicts=outcome == "answered" and not plain and random.random() < 0.1,
        source=random.choice(("gateway", "gateway", "gateway", "earlier", "journal")),
        **usual,
    )
    if not plain:
        found |= _other_money(random)
    if not took or outcome != "answered" or random.random() < 0.05:
        found |= {"amount": None, "currency": None}
    return [found]


def _random_known(
    random: Random, name: str | None, references: list[str], refs: list[str], usual: dict[str, Any]
) -> dict[str, Any]:
    role = "own" if name is None else random.choice(("own", "own", "own", "duplicate", "renewal", "orphan"))
    operation = random.choice(_OPERATIONS)
    reference = random.choice(references)
    ref = reference
    if role == "own":  # no two payments have one reference of their own
        ref = refs.pop() if refs and operation not in _FOLLOWERS else f"{reference}.f{random.getrandbits(64):x}"
        reference = reference if operation in _FOLLOWERS else ref
    told = role == "own"
    return known(
        name,
        ref=ref,
        reference=reference,
        role=role,
        operation=None if role == "orphan" else operation,
        status=random.choice(_STATUSES) if told else None,
        confirmed=told and random.random() < 0.7,
        amount=usual["amount"] if told else None,
        currency=usual["currency"] if told else None,
        transaction_type=random.choice(_TYPES) if told else None,
        opened_at=random.choice(_TIMES),
    )


def _other_money(random: Random) -> dict[str, Any]:
    return {
        "amount": Decimal(random.choice(_AMOUNTS)),
        "currency": random.choice(("JPY", "USD", "USD", "USD")),
    }


_TIMES = (BEGUN - 6 * DAY, BEGUN - 4 * DAY, BEGUN - 3 * DAY, BEGUN - 2 * DAY, BEGUN - DAY / 2)
