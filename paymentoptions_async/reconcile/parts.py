"""What was answered, on disk: each part is a file, and what is in one is never asked for again.

A part is there whole or not at all, so its being there is the record. Nobody else writes into the directory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from paymentoptions_async.reconcile.answers import Outcome
from paymentoptions_async.reconcile.database import view
from paymentoptions_async.reconcile.schemas import ANSWER
from paymentoptions_async.reconcile.workspace import RunRefused, written

_NAME = re.compile(r"part-([0-9]{8})\.parquet")
_PATTERN = "part-*.parquet"
_WORDS = ["outcome", "status", "transaction_type", "gateway_code", "currency", "reason"]
"""Columns with the same few values in most rows. Of the others, a dictionary takes longer and makes the file larger."""

ANSWERS = """
    WITH failed AS (SELECT * FROM parts WHERE outcome = 'failed')
    SELECT *, 'gateway' AS source FROM parts WHERE outcome <> 'failed'
    UNION ALL BY NAME
    SELECT * FROM confirmed
    UNION ALL BY NAME
    SELECT *, 'gateway' AS source FROM failed
    WHERE n NOT IN (SELECT n FROM parts WHERE outcome <> 'failed' AND n IN (SELECT n FROM failed))
    QUALIFY row_number() OVER (PARTITION BY n ORDER BY asked_at DESC, seconds DESC) = 1
"""
"""What is known of each transaction, once: `schemas.ANSWER` and ``source``, from the views of `view_answers`.

An answer is never asked for twice, so only failures may stand there more than once: the last one counts, and none where
there is an answer.
"""


def view_answers(connection: duckdb.DuckDBPyConnection, run: Path) -> None:
    """Make the views ``parts``, ``confirmed`` and ``answers`` of a run's directory."""
    view(connection, "confirmed", run / "confirmed.parquet")
    if next((run / "parts").glob(_PATTERN), None) is not None:
        view(connection, "parts", run / "parts", _PATTERN)
    else:  # nothing was asked: there is no file to take the columns from
        connection.sql("SELECT * EXCLUDE (source) FROM confirmed WHERE false").create_view("parts", replace=True)
    connection.sql(ANSWERS).create_view("answers", replace=True)


def write_part(directory: Path, number: int, rows: Sequence[tuple[Any, ...]]) -> Path:
    """Make rows of `schemas.ANSWER` durable as one part. Returns its path."""
    return keep_part(directory, number, table_of(rows))


def keep_part(directory: Path, number: int, table: pa.Table) -> Path:
    """Make a table of `schemas.ANSWER` durable as one part. Returns its path."""
    path = directory / f"part-{number:08}.parquet"
    with written(path) as new:
        pq.write_table(table, new, compression="zstd", use_dictionary=_WORDS)
    return path


def table_of(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """The table of some rows of `schemas.ANSWER`."""
    columns = [pa.array(column, field.type) for field, column in zip(ANSWER, zip(*rows, strict=True), strict=True)]
    return pa.Table.from_arrays(columns, schema=ANSWER)


def next_number(directory: Path) -> int:
    """Return the number of the next part. Raises `RunRefused` for a file that is no part."""
    return max((number for number, _ in _listed(directory)), default=0) + 1


class Answered:
    """Which of the transactions have an answer: a bit for each, so that 10⁸ take 12 MB."""

    def __init__(self, directory: Path, total: int) -> None:
        """Read the parts of a directory. Raises `RunRefused` for whatever this run did not write."""
        self._bits = bytearray((total + 7) // 8)
        self._total = total
        for _, path in _listed(directory):
            for numbers in _numbers(path):
                self._take(path, numbers)

    @property
    def count(self) -> int:
        """How many have one."""
        return int.from_bytes(self._bits, "little").bit_count()

    def __contains__(self, n: int) -> bool:
        return bool(self._bits[n >> 3] & _BITS[n & 7])

    def among(self, first: int, length: int) -> pa.BooleanArray:
        """Tell it for some that follow each other."""
        return pa.Array.from_buffers(pa.bool_(), self._total, [None, pa.py_buffer(self._bits)]).slice(first, length)

    def _take(self, path: Path, numbers: list[int]) -> None:
        bits, total = self._bits, self._total
        for n in numbers:
            if not 0 <= n < total or bits[n >> 3] & _BITS[n & 7]:
                raise RunRefused(f"{path}: it is not of this run, or a copy of another part (number {n}); take it away")
            bits[n >> 3] |= _BITS[n & 7]


_BITS = tuple(1 << place for place in range(8))


def _listed(directory: Path) -> list[tuple[int, Path]]:
    found = []
    for path in directory.iterdir():
        name = _NAME.fullmatch(path.name)
        if name is None:
            raise RunRefused(f"{path}: no run writes such a file; take it away")
        found.append((int(name[1]), path))
    return sorted(found)


def _numbers(path: Path) -> Iterator[list[int]]:
    """The numbers of those that were answered, by batches."""
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(ANSWER):
                raise RunRefused(f"{path}: it has other columns than this version writes")
            for batch in file.iter_batches(columns=["n", "outcome"]):
                answered = pc.not_equal(batch.column("outcome"), Outcome.FAILED.value)
                yield batch.column("n").filter(answered).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise RunRefused(
            f"{path}: can't be read ({type(error).__name__}); take it away, and it is asked again"
        ) from None
