"""Runs for the tests of the engine: a ledger and a journal in a directory, and a gateway that is a function."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.payment import PaymentStatus, Reading
from paymentoptions_async.reconcile.events import Plan
from paymentoptions_async.reconcile.options import Selection
from paymentoptions_async.reconcile.schemas import KNOWN, LEDGER
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.work import plan_work
from paymentoptions_async.reconcile.workspace import Manifest, Workspace
from paymentoptions_async.values import Money
from paymentoptions_async.wire.exchange import Reply

BEGUN = datetime(2026, 5, 1, tzinfo=UTC)
SCOPE = "paymentoptions/sandbox/merchant"
DONE = Evidence(Left.MAYBE, Stage.DONE, http_status=200)


def transaction(number: int) -> str:
    return str(UUID(int=number))


def row(line: int, **cells: Any) -> dict[str, Any]:
    """A row of a ledger, approved for 10.50 USD, without a name."""
    usual = {"status": "approved", "amount": Decimal("10.5"), "currency": "USD"}
    return dict.fromkeys(LEDGER.names) | usual | {"line": line} | cells


def rows_of(numbers: Iterable[int]) -> list[dict[str, Any]]:
    """A row for each transaction."""
    return [row(line, transaction_id=transaction(number)) for line, number in enumerate(numbers, 1)]


def fact(ref: str, **cells: Any) -> dict[str, Any]:
    """What the journal knows of one payment: a purchase, approved, as the gateway itself confirmed."""
    usual = {"role": "own", "operation": "purchase", "status": "approved", "confirmed": True, "contradicted": False}
    return dict.fromkeys(KNOWN.names) | usual | {"ref": ref, "reference": ref, "opened_at": BEGUN} | cells


def begin(
    out: Path,
    ledger: Iterable[Mapping[str, Any]] = (),
    known: Iterable[Mapping[str, Any]] = (),
    *,
    scope: str = SCOPE,
) -> Workspace:
    """Open a run whose ledger and journal are read already."""
    run = Workspace.open(out, Manifest(scope, {}, {}, {}, BEGUN))
    if not run.ledger.exists():
        pq.write_table(pa.Table.from_pylist(list(ledger), schema=LEDGER), run.ledger)
        pq.write_table(pa.Table.from_pylist(list(known), schema=KNOWN), run.known)
    return run


def plan(run: Workspace, selection: Selection | None = None, pace: Free | None = None) -> Plan:
    return plan_work(run, Stop(), selection=selection or Selection(), rate=(pace or Free()).rate, memory=64 * 1024**2)


def work_of(run: Workspace) -> list[str]:
    """The transactions that are to be asked for, in order."""
    table = pq.read_table(run.work)
    assert table["n"].to_pylist() == list(range(len(table)))
    return list(table["transaction_id"].to_pylist())


class Free:
    """A pace without a limit."""

    rate: float | None = None
    allowed: float | None = None
    retries = 0

    def __init__(self, concurrency: int = 8) -> None:
        self.concurrency = concurrency

    async def permit(self, *, again: bool = False) -> None:
        pass

    def saw(self, reply: Reply) -> None:
        pass


def approved(transaction_id: str, amount: str = "10.50", **others: Any) -> Observation:
    """An answer that agrees with `row`."""
    about: dict[str, Any] = {
        "status": PaymentStatus.APPROVED,
        "transaction_id": transaction_id,
        "transaction_type": "CAPTURE",
        "approved_amount": Money(amount, "USD"),
        "http_status": 200,
        "raw": {"payment_details": {"amount": Decimal(amount)}},
    }
    return Observation(Reading(**about | others), DONE)


class Desk:
    """A gateway that answers after some seconds, by what is in ``said``; approved unless that says otherwise."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.said: dict[str, Observation | Exception | Callable[[str], Observation]] = {}
        self.away: Exception | None = None
        self.asked: Counter[str] = Counter()
        self.now_asked = self.most_at_once = 0

    async def observe(self, transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        if pace is not None:
            await pace.permit()
        self.asked[transaction_id] += 1
        self.now_asked += 1
        self.most_at_once = max(self.most_at_once, self.now_asked)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now_asked -= 1
        said = self.away or self.said.get(transaction_id, approved)
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Observation) else said(transaction_id)
