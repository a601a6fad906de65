"""Taking ledgers down in tests."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from paymentoptions_async.reconcile import schemas
from paymentoptions_async.reconcile.events import Event, OnEvent, ignore
from paymentoptions_async.reconcile.ledger import Counts, describe, take_snapshot
from paymentoptions_async.reconcile.options import Columns, Ledger, LedgerFile, Selection
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.workspace import Manifest, Workspace, now

PAYMENTOPTIONS = "paymentoptions/sandbox/m1"
UUID = "8f14e45f-ceea-467f-a0e6-1c4f2b1d7a10"
HEADER = "transaction_id,reference,order,kind,status,amount,currency,refunded,at"
GOOD = {
    "transaction_id": UUID,
    "reference": "r-1",
    "order": "o-1",
    "kind": "payment",
    "status": "approved",
    "amount": "10.50",
    "currency": "USD",
    "refunded": "",
    "at": "2026-01-31T12:00:00Z",
}


@dataclass(frozen=True)
class Taken:
    """A ledger that was taken down."""

    rows: list[dict[str, Any]]
    invalid: list[dict[str, Any]]
    counts: Counts

    @property
    def row(self) -> dict[str, Any]:
        """The only row, which must be usable."""
        assert not self.invalid, self.invalid
        (row,) = self.rows
        return row

    @property
    def fault(self) -> tuple[str | None, str]:
        """Field and reason of the only row, which must not be."""
        assert not self.rows, self.rows
        (row,) = self.invalid
        return row["field"], row["reason"]


def take(
    ledger: Ledger,
    *,
    selection: Selection | None = None,
    scope: str = PAYMENTOPTIONS,
    on_event: OnEvent = ignore,
) -> Taken:
    with tempfile.TemporaryDirectory() as place, opened(ledger, Path(place), scope=scope) as run:
        take_snapshot(ledger, run, Stop(), selection=selection or Selection(), on_event=on_event)
        return read(run)


def opened(ledger: Ledger, place: Path, *, scope: str = PAYMENTOPTIONS) -> Workspace:
    return Workspace.open(place, Manifest(scope, describe(ledger, Stop()), {}, {}, now()))


def read(run: Workspace) -> Taken:
    rows, invalid = pq.read_table(run.ledger), pq.read_table(run.invalid)
    assert rows.schema.equals(schemas.LEDGER)
    assert invalid.schema.equals(schemas.INVALID)
    taken = Taken(rows.to_pylist(), invalid.to_pylist(), Counts.read(run.ledger))
    assert taken.counts.invalid == len(taken.invalid)
    assert taken.counts.rows == len(taken.rows) + taken.counts.invalid + taken.counts.outside
    return taken


def take_csv(
    content: str | bytes,
    place: Path,
    *,
    columns: Columns | None = None,
    selection: Selection | None = None,
    scope: str = PAYMENTOPTIONS,
    events: list[Event] | None = None,
    **how: Any,
) -> Taken:
    """Take down a CSV file with this content."""
    path = place / "ledger.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    ledger = LedgerFile(path=path, columns=columns or Columns(), **how)
    return take(ledger, selection=selection, scope=scope, on_event=ignore if events is None else events.append)


def take_row(place: Path, columns: Columns | None = None, *, scope: str = PAYMENTOPTIONS, **cells: Any) -> Taken:
    """Take down a good row in which some cells are otherwise."""
    row = GOOD | cells
    return take_csv(f"{';'.join(row)}\n{';'.join(row.values())}\n", place, columns=columns, scope=scope)


def money(amount: str) -> Decimal:
    return Decimal(amount).quantize(Decimal("0.0001"))
