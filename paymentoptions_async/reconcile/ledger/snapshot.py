"""The ledger as it was at one point in time: what can be used of it, and what can't."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from paymentoptions_async.masking import mask_text
from paymentoptions_async.reconcile import schemas
from paymentoptions_async.reconcile.database import database
from paymentoptions_async.reconcile.events import OnEvent, Snapshot
from paymentoptions_async.reconcile.ledger.batches import Batch
from paymentoptions_async.reconcile.ledger.checking import Checker
from paymentoptions_async.reconcile.ledger.csv_file import read_csv
from paymentoptions_async.reconcile.ledger.parquet_file import read_parquet
from paymentoptions_async.reconcile.ledger.query import read_query, shown_url
from paymentoptions_async.reconcile.ledger.unreadable import LedgerUnreadable
from paymentoptions_async.reconcile.options import Ledger, LedgerFile, Selection
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.workspace import Workspace, written

KINDS = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet"}
"""What a file is, by the end of its name."""

_HASHED_AT_ONCE = 1024**2


@dataclass(slots=True)
class Counts:
    """How many rows the ledger has, how many can't be used, and how many lie outside of the window of time."""

    rows: int = 0
    invalid: int = 0
    outside: int = 0

    @classmethod
    def read(cls, ledger: Path) -> Counts:
        """Read what stands in ``ledger.parquet``."""
        found = pq.read_metadata(ledger).metadata or {}
        return cls(**{name: int(found[name.encode()]) for name in asdict(cls())})


def describe(ledger: Ledger, stop: Stop) -> dict[str, Any]:
    """Say as JSON which ledger it is: two that differ in a byte are not the same. Raises `LedgerUnreadable`.

    What a query's database has in it is not told; its password is neither, and card numbers in names are masked.
    """
    columns = _masked(ledger.columns.described())
    if not isinstance(ledger, LedgerFile):
        return {"kind": "query", "url": shown_url(ledger), "query": mask_text(ledger.query), "columns": columns}
    kind = _kind(ledger)
    how = {"delimiter": ledger.delimiter, "encoding": ledger.encoding} if kind == "csv" else {}
    content = {"size": _state(ledger.path)["size"], "sha256": _sha256(ledger.path, stop)}
    return {"kind": kind, "name": mask_text(ledger.path.name), **content, **how, "columns": columns}


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {mask_text(name): _masked(one) for name, one in value.items()}
    return mask_text(value) if isinstance(value, str) else value


def take_snapshot(ledger: Ledger, run: Workspace, stop: Stop, *, selection: Selection, on_event: OnEvent) -> None:
    """Stream a ledger into ``invalid.parquet`` and ``ledger.parquet``, which is there when all is done.

    Rows outside of the selection's window are left out, whatever else is wrong with them; `Counts` tells how many.
    Raises `LedgerUnreadable`, also where the file changes meanwhile.
    """
    gateway = run.manifest.scope.partition("/")[0]
    counts = Counts()
    with (
        written(run.ledger) as ledger_file,
        written(run.invalid) as invalid_file,
        database(run.spill) as connection,
        _writing(ledger_file, schemas.LEDGER, _LOOKED_UP) as usable,
        _writing(invalid_file, schemas.INVALID, []) as unusable,
        _unchanged(ledger, run, stop),
    ):
        checker = Checker(connection, ledger.columns, selection, gateway=gateway)
        for batch in _batches(ledger, stop):
            checked = checker.check(batch)
            if checked.valid.num_rows:
                usable.write_table(checked.valid)
            if checked.invalid.num_rows:
                unusable.write_table(checked.invalid)
            counts.rows += len(batch.lines) + len(batch.broken)
            counts.invalid += checked.invalid.num_rows
            counts.outside += checked.outside
            on_event(Snapshot(rows=counts.rows, invalid=counts.invalid, done=False))
        usable.add_key_value_metadata({name: str(count) for name, count in asdict(counts).items()})
    on_event(Snapshot(rows=counts.rows, invalid=counts.invalid, done=True))


_LOOKED_UP = ["kind", "status", "currency", "amount", "order_name"]
"""Columns in which values come again and again: a dictionary of the others would cost more than it saves."""


def _batches(ledger: Ledger, stop: Stop) -> Iterator[Batch]:
    if not isinstance(ledger, LedgerFile):
        return read_query(ledger, stop)
    return read_csv(ledger, stop) if _kind(ledger) == "csv" else read_parquet(ledger, stop)


@contextmanager
def _writing(path: Path, schema: Any, looked_up: list[str]) -> Iterator[pq.ParquetWriter]:
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=looked_up) as writer:
        yield writer


@contextmanager
def _unchanged(ledger: Ledger, run: Workspace, stop: Stop) -> Iterator[None]:
    """Refuse what was read of a file that is not, or no longer, the one that the run is about."""
    if not isinstance(ledger, LedgerFile):
        yield
        return
    before = _state(ledger.path)
    yield
    if _sha256(ledger.path, stop) != run.manifest.ledger["sha256"] or _state(ledger.path) != before:
        raise LedgerUnreadable(
            f"ledger {ledger.path}: it changed while it was read; begin again in another directory when nobody "
            "writes to it"
        )


def _kind(ledger: LedgerFile) -> str:
    kind = KINDS.get(ledger.path.suffix.lower())
    if kind is None:
        raise LedgerUnreadable(
            f"ledger {ledger.path}: a name that ends in {', '.join(KINDS)} tells how to read it; for a database give "
            "a URL and a query"
        )
    return kind


def _state(path: Path) -> dict[str, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise LedgerUnreadable(f"ledger {path}: {error.strerror}") from None
    return {"size": found.st_size, "mtime": found.st_mtime_ns, "device": found.st_dev, "inode": found.st_ino}


def _sha256(path: Path, stop: Stop) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while read := file.read(_HASHED_AT_ONCE):
                stop.check()
                digest.update(read)
    except OSError as error:
        raise LedgerUnreadable(f"ledger {path}: {error.strerror}") from None
    return digest.hexdigest()
