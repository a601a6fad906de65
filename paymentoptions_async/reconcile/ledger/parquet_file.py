"""A ledger in a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from paymentoptions_async.reconcile.ledger.batches import Batch, shown, text_of
from paymentoptions_async.reconcile.ledger.names import find_columns
from paymentoptions_async.reconcile.ledger.unreadable import LedgerUnreadable
from paymentoptions_async.reconcile.options import LedgerFile
from paymentoptions_async.reconcile.threads import Stop

_ROWS = 65_536
_BUFFER = 1024**2
_MOST_PLAIN_DECIMALS = 6
"""Arrow writes zeros of more decimals with an exponent."""


def read_parquet(ledger: LedgerFile, stop: Stop) -> Iterator[Batch]:
    """Give the rows of a Parquet file, of the columns that are needed. Raises `LedgerUnreadable`."""
    try:
        # Read ahead, it would keep all that was read of the file.
        with pq.ParquetFile(ledger.path, buffer_size=_BUFFER, pre_buffer=False) as file:
            schema = file.schema_arrow
            places = find_columns(schema.names, ledger.columns)
            _check_types(schema, places)
            titles = list(dict.fromkeys(schema.names[place] for place in places.values()))
            row = 1
            for part in file.iter_batches(batch_size=_ROWS, columns=titles):
                stop.check()
                texts = {title: _text(part.column(title), comma=ledger.columns.decimal_comma) for title in titles}
                columns = {name: texts[schema.names[place]] for name, place in places.items()}
                lines = pa.array(range(row, row + part.num_rows), pa.int64())
                yield Batch(lines, columns, partial(_shown, texts))
                row += part.num_rows
    except OSError as error:
        raise LedgerUnreadable(f"ledger {ledger.path}: {error.strerror or error}") from None
    except pa.ArrowException as error:
        raise LedgerUnreadable(f"ledger {ledger.path}: it can't be read as Parquet ({error})") from None


def _check_types(schema: pa.Schema, places: Mapping[str, int]) -> None:
    for name, place in places.items():
        field = schema.field(place)
        if pa.types.is_nested(field.type):
            raise LedgerUnreadable(f"ledger: the column {field.name!r} for {name} is a {field.type}, not a plain value")
        if name in ("amount", "refunded") and field.type in (pa.float32(), pa.float16()):
            raise LedgerUnreadable(
                f"ledger: the column {field.name!r} for {name} is of type {field.type}, which can't hold amounts "
                "exactly; write it as decimal, or as text"
            )


def _shown(texts: Mapping[str, pa.Array], row: int) -> str:
    return shown(list(texts), [column[row].as_py() or "" for column in texts.values()])


def _text(column: pa.Array, *, comma: bool) -> pa.Array:
    """Write a column's values as a ledger in text would have them."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _text(column.dictionary_decode(), comma=comma)
    if pa.types.is_timestamp(kind):
        moments = column.cast(pa.timestamp("us", kind.tz), safe=False)
        return (moments if kind.tz is None else moments.cast(pa.timestamp("us", "UTC"))).cast(pa.string())
    if pa.types.is_decimal(kind) and 0 <= kind.scale <= _MOST_PLAIN_DECIMALS:
        text = column.cast(pa.string())
        return pc.replace_substring(text, ".", ",") if comma else text
    if any(same(kind) for same in (pa.types.is_integer, pa.types.is_boolean, pa.types.is_date, pa.types.is_null)):
        return column.cast(pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return _sound(column)
    return _by_value(column.to_pylist(), comma=comma)


def _sound(column: pa.Array) -> pa.Array:
    """Parquet does not check that texts are Unicode, and what follows relies on it."""
    try:
        column.validate(full=True)
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        return _by_value(column.cast(pa.large_binary()).to_pylist(), comma=False)


def _by_value(values: Sequence[Any], *, comma: bool) -> pa.Array:
    return pa.array([text_of(value, comma=comma) for value in values], pa.string())
