"""What is to be asked: each transaction once, whoever told of it, less what is confirmed already."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.reconcile.database import database, view
from paymentoptions_async.reconcile.events import Plan
from paymentoptions_async.reconcile.options import Selection
from paymentoptions_async.reconcile.parts import Answered, view_answers
from paymentoptions_async.reconcile.schemas import ANSWER, WORK
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.workspace import RunRefused, Workspace, read_manifest, written

FASTEST = 3000.0
"""Questions a second that one process makes."""
CONFIRMED = ANSWER.append(pa.field("source", pa.string(), nullable=False))
"""``confirmed.parquet``; its rows have the number -1, since they are not asked for."""

_BATCH = 8192
_ROW_GROUP = 122_880

RESOLVED = """
    WITH named AS (
        SELECT line, reference, kind, amount, currency, kind IN ('capture', 'refund', 'void') AS follows
        FROM ledger WHERE transaction_id IS NULL AND reference IS NOT NULL
    ), own AS (
        SELECT ref, reference, transaction_id, amount, currency, opened_at, operation,
            operation IN ('capture', 'refund', 'void') AS follows
        FROM known WHERE role = 'own' AND transaction_id IS NOT NULL
    ), by_ref AS (
        SELECT line, min(own.transaction_id) AS transaction_id
        FROM named JOIN own ON own.ref = named.reference
        WHERE named.kind IS NULL OR (named.follows AND named.kind = own.operation)
            OR NOT (named.follows OR own.follows)
        GROUP BY line
    ), twins AS (
        SELECT reference, operation AS kind, amount, currency,
            list(transaction_id ORDER BY opened_at, transaction_id) AS transaction_ids
        FROM own WHERE follows GROUP BY ALL
    ), by_amount AS (
        SELECT line, transaction_ids[least(
            row_number() OVER (PARTITION BY reference, kind, amount, currency ORDER BY line), len(transaction_ids)
        )] AS transaction_id
        FROM named JOIN twins USING (reference, kind, amount, currency)
    ), only_one AS (
        SELECT reference, operation AS kind, min(transaction_id) AS transaction_id
        FROM own WHERE follows GROUP BY ALL HAVING count(DISTINCT transaction_id) = 1
    )
    SELECT * FROM ledger WHERE transaction_id IS NOT NULL OR reference IS NULL
    UNION ALL BY NAME
    SELECT ledger.* REPLACE (
        coalesce(by_ref.transaction_id, by_amount.transaction_id, only_one.transaction_id) AS transaction_id
    )
    FROM ledger
    LEFT JOIN by_ref USING (line) LEFT JOIN by_amount USING (line)
    LEFT JOIN only_one ON only_one.reference = ledger.reference AND only_one.kind = ledger.kind
    WHERE ledger.transaction_id IS NULL AND ledger.reference IS NOT NULL
"""
"""The ledger with the transactions that the journal has for its references, from the views ``ledger`` and ``known``.

A reference is that of the payment itself; or, for what follows a charge, the charge's: then those of the same kind and
amount belong together, in the order of time where there are several.
"""


def plan_work(run: Workspace, stop: Stop, *, selection: Selection, rate: float | None, memory: int) -> Plan:
    """Write down what is to be asked, unless that is done, and tell how much of it is left.

    Raises `RunRefused` where an earlier run can't be used, or the directory holds what no run wrote.
    """
    if not run.work.exists():
        _check_earlier(run, selection)
        with database(run.spill, memory=memory) as connection, stop.interrupting(connection.interrupt):
            _write_work(connection, run, selection, stop)
    total = pq.read_metadata(run.work).num_rows
    asked = Answered(run.parts, total).count
    return Plan(
        total=total,
        asked=asked,
        confirmed=pq.read_metadata(run.confirmed).num_rows,
        rate=rate,
        seconds=(total - asked) / min(rate or math.inf, FASTEST),
    )


def left(run: Workspace, stop: Stop) -> Generator[pa.RecordBatch]:
    """What has no answer yet, of `schemas.WORK`, in order. Takes a bit for each transaction, and a batch."""
    with pq.ParquetFile(run.work, pre_buffer=False) as work:  # which would keep all that was read
        answered = Answered(run.parts, work.metadata.num_rows)
        first = 0
        for batch in work.iter_batches(_BATCH):
            stop.check()
            yield batch.filter(pc.invert(answered.among(first, len(batch))))
            first += len(batch)


def view_ledger(connection: duckdb.DuckDBPyConnection, run: Workspace) -> None:
    """Make the views ``ledger``, ``known`` and ``resolved``."""
    view(connection, "ledger", run.ledger)
    view(connection, "known", run.known)
    connection.sql(RESOLVED).create_view("resolved", replace=True)


# Once, by SQL ---------------------------------------------------------------------------------------------------------

_FINAL = tuple(status.value for status in PaymentStatus if status.is_final)
_TOOK_NONE = tuple(status.value for status in PaymentStatus if status.is_final and not status.took_money)
_ASKABLE = {
    "corefy": "cpi_[A-Za-z0-9]{1,60}",  # its refunds have ids, and can't be asked for
    "paymentoptions": "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}

_REPEATED = """
    CREATE TABLE repeated AS
    SELECT transaction_id, min(line) AS first_line
    FROM resolved WHERE regexp_full_match(transaction_id, $askable)
    GROUP BY transaction_id HAVING count(*) > 1
"""
"""Apart, because to keep all columns by transaction takes far longer than to find the few that are repeated."""
_CANDIDATES = """
    CREATE TABLE candidate AS
    SELECT transaction_id, line, status, amount, currency, NULL::TIMESTAMPTZ AS opened_at
    FROM resolved LEFT JOIN repeated USING (transaction_id)
    WHERE regexp_full_match(transaction_id, $askable) AND coalesce(line = first_line, true)
"""
_KNOWN_BESIDES = """
    INSERT INTO candidate BY NAME
    SELECT transaction_id, min(known.opened_at) AS opened_at
    FROM known ANTI JOIN candidate USING (transaction_id)
    WHERE regexp_full_match(transaction_id, $askable)
        AND NOT (role = 'own' AND known.confirmed AND known.status IN $took_none)
        AND ((coalesce(known.opened_at >= $since, true) AND coalesce(known.opened_at < $until, true))
            OR reference IN (SELECT reference FROM known SEMI JOIN candidate USING (transaction_id)))
    GROUP BY transaction_id
"""
"""Of the time that is asked for; and what became of the charges in the ledger, whenever that was.

What came to nothing by the gateway's own word is left out; by a person's or a guess, it is asked for.
"""
_SAMPLE = """
    CREATE TABLE sampled AS
    SELECT line, transaction_id, reference FROM resolved ORDER BY md5($seed || ':' || line), line LIMIT $sample
"""
_WITH_THE_SAMPLE = """
    DELETE FROM candidate WHERE transaction_id NOT IN (
        SELECT transaction_id FROM sampled WHERE transaction_id IS NOT NULL
        UNION ALL
        SELECT transaction_id FROM resolved SEMI JOIN sampled USING (reference) WHERE transaction_id IS NOT NULL
        UNION ALL
        SELECT transaction_id FROM known SEMI JOIN sampled USING (reference) WHERE transaction_id IS NOT NULL
    )
"""
"""What is under one reference with a row belongs to it: whether it was charged twice, and what was given back."""
_CONFIRMED_BEFORE = """
    INSERT INTO apart BY NAME
    SELECT * EXCLUDE (raw) REPLACE (-1 AS n, if(source = 'gateway', 'earlier', source) AS source)
    FROM answers
    WHERE outcome = 'answered' AND status IN $final
        AND transaction_id IN (SELECT transaction_id FROM candidate)
        AND transaction_id NOT IN (SELECT transaction_id FROM apart)
        AND transaction_id NOT IN (SELECT transaction_id FROM known WHERE contradicted AND transaction_id IS NOT NULL)
"""
_CONFIRMED_BY_JOURNAL = """
    INSERT INTO apart BY NAME
    SELECT -1 AS n, transaction_id, 'answered' AS outcome, any_value(status) AS status,
        any_value(transaction_type) AS transaction_type, any_value(amount) AS amount, any_value(currency) AS currency,
        any_value(reference) AS reference, any_value(charged_back) AS charged_back, false AS contradicts,
        0 AS seconds, $begun AS asked_at, 'journal' AS source
    FROM known
    WHERE role = 'own'
        AND transaction_id IN (SELECT transaction_id FROM candidate)
        AND transaction_id NOT IN (SELECT transaction_id FROM apart)
    GROUP BY transaction_id
    HAVING count(*) = 1 AND bool_and(confirmed AND NOT contradicted AND coalesce(status IN $final, false))
"""
"""One that is of two payments, as a void may be its charge's, says nothing sure of either."""
_WORK = """
    SELECT transaction_id, status, amount, currency
    FROM candidate ANTI JOIN apart USING (transaction_id)
    ORDER BY line NULLS LAST, opened_at, transaction_id
"""


def _write_work(connection: duckdb.DuckDBPyConnection, run: Workspace, selection: Selection, stop: Stop) -> None:
    askable = _ASKABLE[run.manifest.scope.partition("/")[0]]
    view_ledger(connection, run)
    connection.execute(_REPEATED, {"askable": askable})
    connection.execute(_CANDIDATES, {"askable": askable})
    window = {"since": selection.since, "until": selection.until}
    connection.execute(_KNOWN_BESIDES, {"askable": askable, "took_none": _TOOK_NONE, **window})
    if selection.sample is not None:
        _draw(connection, run, selection.sample, selection.seed)
    connection.register("nothing", CONFIRMED.empty_table())
    connection.execute("CREATE TABLE apart AS SELECT * FROM nothing")
    if selection.only_unconfirmed:
        for path in reversed(selection.earlier):  # the last one counts
            view_answers(connection, path)
            connection.execute(_CONFIRMED_BEFORE, {"final": _FINAL})
        connection.execute(_CONFIRMED_BY_JOURNAL, {"final": _FINAL, "begun": run.manifest.begun})
    with _table(run.confirmed, CONFIRMED) as table:
        for batch in connection.sql("FROM apart").to_arrow_reader(_ROW_GROUP):
            stop.check()
            table.write_batch(batch.cast(CONFIRMED))
    with _table(run.work, WORK) as table:
        first = 0
        for batch in connection.sql(_WORK).to_arrow_reader(_ROW_GROUP):
            stop.check()
            numbers = pa.array(range(first, first + len(batch)), pa.int64())
            table.write_batch(batch.add_column(0, "n", numbers).cast(WORK))
            first += len(batch)


def _draw(connection: duckdb.DuckDBPyConnection, run: Workspace, sample: int, seed: int) -> None:
    """Draw rows of the ledger, write down which, and leave of what is to be asked only what concerns them."""
    connection.execute(_SAMPLE, {"sample": sample, "seed": str(seed)})
    connection.execute(_WITH_THE_SAMPLE)
    with _table(run.sample, _LINES) as table:
        for batch in connection.sql("SELECT line FROM sampled ORDER BY line").to_arrow_reader(_ROW_GROUP):
            table.write_batch(batch.cast(_LINES))


_LINES = pa.schema([pa.field("line", pa.int64(), nullable=False)])


@contextmanager
def _table(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    with written(path) as new, pq.ParquetWriter(new, schema, compression="zstd") as writer:
        yield writer


def _check_earlier(run: Workspace, selection: Selection) -> None:
    for path in selection.earlier:
        manifest = read_manifest(path)
        if manifest is None or not (path / run.confirmed.name).exists():
            raise RunRefused(f"{path}: there is no run in it whose answers could be used")
        if manifest.scope != run.manifest.scope:
            raise RunRefused(f"{path}: it is of {manifest.scope}, not of {run.manifest.scope}")
        if path.resolve() == run.path.resolve():
            raise RunRefused(f"{path}: is the run itself, not an earlier one")
