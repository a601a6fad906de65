"""Which rows can be used, and what they say: decided for some ten thousand rows at once, in DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from paymentoptions_async.masking import SEPARATORS, mask_text
from paymentoptions_async.reconcile import schemas
from paymentoptions_async.reconcile.ledger.batches import Batch
from paymentoptions_async.reconcile.ledger.reasons import explain
from paymentoptions_async.reconcile.ledger.words import currency_of, kind_of, status_of
from paymentoptions_async.reconcile.options import COLUMN_NAMES, Columns, Selection


@dataclass(frozen=True, slots=True)
class Checked:
    """A batch's rows: `schemas.LEDGER`, `schemas.INVALID`, and how many lie outside of the window."""

    valid: pa.Table
    invalid: pa.Table
    outside: int


class Checker:
    """Holds rows against the rules. ``gateway`` is the first part of a scope."""

    def __init__(
        self, database: duckdb.DuckDBPyConnection, columns: Columns, selection: Selection, *, gateway: str
    ) -> None:
        self._database = database
        self._columns = columns
        self._corefy = gateway == "corefy"
        self._statement = _statement(columns, selection, corefy=self._corefy)

    def check(self, batch: Batch) -> Checked:
        """Sort a batch's rows."""
        self._database.register("cells", self._cells(batch))
        try:
            found = self._database.sql(self._statement).to_arrow_table()
        finally:
            self._database.unregister("cells")
        good, bad = found.filter(pc.field("state") == "valid"), found.filter(pc.field("state") == "invalid")
        valid = pa.table([good.column(name).cast(kind) for name, kind in _LEDGER_TYPES], schemas.LEDGER)
        return Checked(
            valid=_masked(valid),
            invalid=self._invalid(batch, bad),
            outside=found.num_rows - good.num_rows - bad.num_rows,
        )

    def _cells(self, batch: Batch) -> pa.Table:
        """The cells without blanks around them, and what the words among them mean."""
        rows = len(batch.lines)
        trimmed = {
            name: pc.utf8_trim_whitespace(batch.columns[name]) if name in batch.columns else pa.nulls(rows, pa.string())
            for name in COLUMN_NAMES
        }
        columns, corefy = self._columns, self._corefy
        kinds = _translated(trimmed["kind"], lambda cell: kind_of(cell, columns.kinds))
        statuses = _translated(trimmed["status"], lambda cell: status_of(cell, columns.statuses, corefy=corefy))
        if "status" not in batch.columns:
            statuses = pa.repeat(pa.scalar(columns.assume.value), rows)
        code_of: Callable[[str], str | None] = lambda cell: (currency_of(cell) or (None,))[0]  # noqa: E731
        exponent_of: Callable[[str], int | None] = lambda cell: (currency_of(cell) or (None, None))[1]  # noqa: E731
        codes = trimmed["currency"]
        if columns.one_currency is not None:
            codes = pc.if_else(pc.equal(pc.coalesce(codes, ""), ""), columns.one_currency, codes)
        return pa.table(
            {
                "i": pa.array(range(rows), pa.int32()),
                "line": batch.lines,
                "transaction_id": trimmed["transaction_id"],
                "reference": trimmed["reference"],
                "order_name": trimmed["order"],
                "kind_cell": trimmed["kind"],
                "kind": kinds,
                "status": statuses,
                "amount": _without_cards(trimmed["amount"]),
                "currency": _translated(codes, code_of),
                "exponent": _translated(codes, exponent_of, pa.int32()),
                "refunded": _without_cards(trimmed["refunded"]),
                "moment": trimmed["at"],
            }
        )

    def _invalid(self, batch: Batch, bad: pa.Table) -> pa.Table:
        rows: list[dict[str, Any]] = [
            {"line": one.line, "field": None, "reason": one.reason, "cells": one.cells} for one in batch.broken
        ]
        for row, fault in zip(bad.column("i").to_pylist(), bad.column("fault").to_pylist(), strict=True):
            cells = {name: column[row].as_py() for name, column in batch.columns.items()}
            field, reason = explain(fault, cells, self._columns, corefy=self._corefy)
            rows.append({"line": batch.lines[row].as_py(), "field": field, "reason": reason, "cells": batch.show(row)})
        rows.sort(key=lambda row: row["line"])
        return pa.Table.from_pylist(rows, schemas.INVALID)


_LEDGER_TYPES = [(field.name, field.type) for field in schemas.LEDGER]


def _translated(cells: pa.Array, meaning: Callable[[str], Any], kind: Any = None) -> pa.Array:
    """Translate each different word once."""
    words = pc.dictionary_encode(cells)
    if isinstance(words, pa.ChunkedArray):
        words = words.combine_chunks()
    meanings = pa.array([meaning(word) for word in words.dictionary.to_pylist()], kind or pa.string())
    return meanings.take(words.indices)


def _masked(rows: pa.Table) -> pa.Table:
    """Mask the free texts."""
    for name in ("reference", "order_name"):
        place = rows.column_names.index(name)
        texts = rows.column(place).combine_chunks()
        rows = rows.set_column(place, rows.field(place), _masked_where(texts, _SUSPICIOUS))
    return rows


def _without_cards(amounts: pa.Array) -> pa.Array:
    """Amounts, of which one that is a card number is none: the wrong column may have been named."""
    return _masked_where(amounts, "[0-9]{12}")


def _masked_where(texts: pa.Array, suspicious: str) -> pa.Array:
    found = pc.fill_null(pc.match_substring_regex(texts, suspicious), fill_value=False)
    if not pc.any(found).as_py():
        return texts
    masked = pa.array([mask_text(text) for text in texts.filter(found).to_pylist()], pa.string())
    return pc.replace_with_mask(texts, found, masked)


_SUSPICIOUS = rf"\p{{Nd}}[\p{{Nd}}{SEPARATORS}]{{11}}|[:=>]|eyJ|[bB]asic|BASIC|[bB]earer|BEARER"
"""Where this does not match, `mask_text` changes nothing; most texts are done with it."""


def _statement(columns: Columns, selection: Selection, *, corefy: bool) -> str:
    known_id = "cpi_[A-Za-z0-9]{1,60}" if corefy else "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    identity = "transaction_id" if corefy else "lower(transaction_id)"
    return f"""
        WITH present AS (
            SELECT i, line, nullif({identity}, '') AS transaction_id, nullif(reference, '') AS reference,
                nullif(order_name, '') AS order_name, nullif(kind_cell, '') AS kind_cell, kind, status,
                nullif(amount, '') AS amount, currency, exponent, nullif(refunded, '') AS refunded,
                nullif(moment, '') AS moment
            FROM cells
        ), shaped AS (
            SELECT *, {_amount("amount", columns)}, {_amount("refunded", columns)}, {_MOMENT} AS at_utc
            FROM present
        ), valued AS (
            SELECT *, {_value("amount", columns)}, {_value("refunded", columns)}
            FROM shaped
        ), judged AS (
            SELECT *, CASE
                WHEN NOT regexp_full_match(transaction_id, '{known_id}') THEN 'transaction_id'
                WHEN transaction_id IS NULL AND reference IS NULL THEN 'nameless'
                WHEN kind_cell IS NOT NULL AND kind IS NULL THEN 'kind'
                WHEN status IS NULL THEN 'status'
                WHEN exponent IS NULL THEN 'currency'
                WHEN amount IS NULL THEN 'amount_empty'
                {_faults("amount")}
                WHEN amount_value < 0 AND kind <> 'refund' THEN 'amount_negative'
                {_faults("refunded")}
                WHEN refunded_value < 0 THEN 'refunded_negative'
                WHEN moment IS NOT NULL AND at_utc IS NULL THEN 'at'
                END AS fault
            FROM valued
        )
        SELECT i, line, transaction_id, reference, order_name,
            CASE WHEN kind IS NULL AND amount_value < 0 THEN 'refund' ELSE kind END AS kind,
            status, abs(amount_value) AS amount, currency, abs(refunded_value) AS refunded, at_utc AS "at", fault,
            CASE WHEN {_outside(selection)} THEN 'outside' WHEN fault IS NULL THEN 'valid' ELSE 'invalid' END AS state
        FROM judged ORDER BY i
    """  # noqa: S608  made of our own words


def _amount(name: str, columns: Columns) -> str:
    """Whether a cell has the shape of an amount, and its digits before and after the point, without idle zeros."""
    point = "," if columns.decimal_comma else "."
    fraction = "0+" if columns.minor_units else "[0-9]+"
    return f"""
        regexp_full_match({name}, '-?[0-9]+([{point}]{fraction})?') AS {name}_shaped,
        ltrim(split_part({name}, '{point}', 1), '-') AS {name}_whole,
        rtrim(split_part({name}, '{point}', 2), '0') AS {name}_fraction
    """


def _value(name: str, columns: Columns) -> str:
    whole, fraction = f"{name}_whole", f"{name}_fraction"
    if columns.minor_units:
        padded = f"lpad({name}_whole, greatest(length({name}_whole), exponent + 1)::INTEGER, '0')"
        whole, fraction = f"left({padded}, length({padded}) - exponent)", f"right({padded}, exponent)"
    sign = f"CASE WHEN starts_with({name}, '-') THEN '-' ELSE '' END"
    exact = f"TRY_CAST({sign} || {whole} || '.' || {fraction} || '0' AS DECIMAL({schemas.WHOLE_DIGITS + 4}, 4))"
    return f"CASE WHEN {name}_shaped THEN {exact} END AS {name}_value"


def _faults(name: str) -> str:
    return f"""
        WHEN NOT {name}_shaped THEN '{name}_shape'
        WHEN length({name}_fraction) > exponent THEN '{name}_decimals'
        WHEN {name} IS NOT NULL AND {name}_value IS NULL THEN '{name}_long'
    """


_DAY = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
_CLOCK = "[0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
_OFFSET = "[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?"
_WITHOUT_OFFSET = f"'^(.*[0-9]) ?{_OFFSET}$'"
_MOMENT = f"""
    CASE
        WHEN regexp_full_match(moment, '{_DAY}([Tt ]{_CLOCK}( ?([Zz]|UTC))?)?') THEN
            TRY_CAST(replace(replace(rtrim(moment, 'ZzUTC '), ',', '.'), 't', 'T') AS TIMESTAMP)
        WHEN regexp_full_match(moment, '{_DAY}[Tt ]{_CLOCK} ?{_OFFSET}') THEN
            TRY_CAST(replace(replace(regexp_extract(moment, {_WITHOUT_OFFSET}, 1), ',', '.'), 't', 'T') AS TIMESTAMP)
            - to_minutes(CAST(
                regexp_extract(moment, '([+-][0-9]{{2}}):?[0-9]*$', 1)::INTEGER * 60
                + (regexp_extract(moment, '([+-])[0-9]{{2}}:?[0-9]*$', 1) || '0'
                    || regexp_extract(moment, '[+-][0-9]{{2}}:?([0-9]*)$', 1))::INTEGER AS INTEGER))
        WHEN regexp_full_match(moment, '[0-9]{{9,10}}([.][0-9]+)?') THEN
            make_timestamp(CAST(TRY_CAST(moment AS DECIMAL(38, 6)) * 1000000 AS BIGINT))
        WHEN regexp_full_match(moment, '[0-9]{{12,13}}') THEN make_timestamp(TRY_CAST(moment AS BIGINT) * 1000)
    END
"""
"""ISO 8601, in UTC unless it has an offset; or Unix seconds, or milliseconds, as of the last decades."""


def _outside(selection: Selection) -> str:
    bounds: Mapping[str, datetime | None] = {"<": selection.since, ">=": selection.until}
    said = [
        f"at_utc {sign} TIMESTAMP '{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}'"
        for sign, moment in bounds.items()
        if moment is not None
    ]
    return f"coalesce({' OR '.join(said)}, false)" if said else "false"
