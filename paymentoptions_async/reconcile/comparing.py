"""Comparing what the ledger says with what the gateway answered, row by row, whatever their number.

DuckDB does it from files, within a bound of memory. The files of ``sql/`` are its steps, in order:

* ``words``: what statuses mean, how amounts are written;
* ``sources``: ledger and journal, by transaction;
* ``told`` and ``facts``: ledger, answers and journal side by side;
* ``chains``: what only all transactions under one reference show;
* ``missing`` and ``idless``: what the ledger lacks;
* ``findings``: flags, verdicts and reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from iso4217 import Currency

from paymentoptions_async.reconcile.database import database, view
from paymentoptions_async.reconcile.in_order import InOrder
from paymentoptions_async.reconcile.options import Rules
from paymentoptions_async.reconcile.parts import view_answers
from paymentoptions_async.reconcile.schemas import AMOUNT, FINDING
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.work import view_ledger
from paymentoptions_async.reconcile.workspace import Workspace, written

_BATCH, _BATCHES = 8192, 8


def compare(run: Workspace, findings: Path, stop: Stop, *, rules: Rules, memory: int) -> None:
    """Write the findings of a run to a file, `schemas.FINDING`: by line, and then what the ledger lacks.

    The same run and rules give the same file. ``memory`` is in bytes; what does not fit goes to disk.
    """
    with InOrder(run.spill, FINDING) as found:
        with database(run.spill, memory=memory) as connection, stop.interrupting(connection.interrupt):
            _prepare(connection, run, rules)
            for step in ("words", "sources", "told", "facts", "chains"):
                connection.execute(_sql(step))
            _find_missing(connection, run)
            _judge(connection, run, rules)
            _collect(connection, run, found, stop)
        _write(found.read(), findings, stop)


def _prepare(connection: duckdb.DuckDBPyConnection, run: Workspace, rules: Rules) -> None:
    view_ledger(connection, run)
    view_answers(connection, run.path)
    view(connection, "invalid", run.invalid)
    connection.register("currencies", _currencies(rules))


def _find_missing(connection: duckdb.DuckDBPyConnection, run: Workspace) -> None:
    window = {name: run.manifest.selection.get(name) for name in ("since", "until")}
    for step in ("missing", "idless"):
        connection.execute(_sql(step), window)


def _judge(connection: duckdb.DuckDBPyConnection, run: Workspace, rules: Rules) -> None:
    """Make the view ``finding``, in no order."""
    about: Mapping[str, Any] = {
        "answers_tell_refunds": run.manifest.scope.startswith("corefy/"),
        "stale_before": rules.stale_before(run.manifest.begun),
        "tolerance": rules.tolerance,
    }
    connection.sql(_sql("findings"), params=about).create_view("finding")
    if run.sample.exists():
        view(connection, "sampled", run.sample)


def _collect(connection: duckdb.DuckDBPyConnection, run: Workspace, found: InOrder, stop: Stop) -> None:
    """Of the ledger's rows that can be used, only the sampled ones are findings, if a sample was drawn."""
    drawn = "AND (verdict = 'invalid_row' OR line IN (SELECT line FROM sampled))" if run.sample.exists() else ""
    [(last,)] = connection.execute(_LAST_LINE).fetchall()
    found.expect(last or 0)
    for rows in _tables(connection.sql(f"SELECT * FROM finding WHERE line IS NOT NULL {drawn}"), stop):  # noqa: S608
        found.take(rows)
    for rows in _tables(connection.sql(_LACKED), stop):
        found.put_behind(rows)


_LAST_LINE = "SELECT max(line) FROM (SELECT line FROM facts UNION ALL SELECT line FROM invalid)"
_LACKED = "SELECT * FROM finding WHERE line IS NULL ORDER BY transaction_id, reason, ref"


def _tables(found: duckdb.DuckDBPyRelation, stop: Stop) -> Iterator[pa.Table]:
    """What a query finds, some batches at a time."""
    batches = iter(found.to_arrow_reader(_BATCH))
    while kept := list(islice(batches, _BATCHES)):
        stop.check()
        yield pa.Table.from_batches([batch.cast(FINDING) for batch in kept], FINDING)


def _write(findings: Iterable[pa.Table], path: Path, stop: Stop) -> None:
    with written(path) as new, pq.ParquetWriter(new, FINDING, compression="zstd") as file:
        for table in findings:
            stop.check()
            file.write_table(table, row_group_size=_BATCH * _BATCHES)


def _currencies(rules: Rules) -> pa.Table:
    """How many decimals each currency is written with, and which difference of amounts is none."""
    rows = [
        {
            "currency": currency.code,
            "decimals": currency.exponent,
            "tolerance": rules.tolerances.get(currency.code, rules.tolerance),
        }
        for currency in Currency
        if currency.exponent is not None
    ]
    schema = pa.schema([("currency", pa.string()), ("decimals", pa.int32()), ("tolerance", AMOUNT)])
    return pa.Table.from_pylist(rows, schema)


def _sql(name: str) -> str:
    return files(__package__).joinpath("sql", f"{name}.sql").read_text()
