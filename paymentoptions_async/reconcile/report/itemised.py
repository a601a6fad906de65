"""The findings one by one: all of them for a spreadsheet, and the first of each kind for the page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from iso4217 import Currency

from paymentoptions_async.reconcile.report.words import SHOWN, USUAL_DECIMALS, decimals_of, exact
from paymentoptions_async.reconcile.schemas import AMOUNT, FINDING, TIME
from paymentoptions_async.reconcile.verdicts import Verdict

PAGE_ROWS = 5_000
"""How many findings the page has at most. All are in the CSV."""

_BOM = "\ufeff"
_FORMULA = "[=+\\-@\uff0b\uff0d\uff1d\uff20]"  # the last four: full-width + - = @
_BLANK = "[\\s\\x00-\\x1f\\x7f-\\xa0]"
_STARTS_A_FORMULA = f"^(?:{_BLANK}*{_FORMULA}|[\t\r\n])"
_STARTS_ONE_IN_A_CELL = f"([;\t\r\n]{_BLANK}*)({_FORMULA})"  # a spreadsheet may part a line there
_STEERS_A_TERMINAL = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\x{202a}-\\x{202e}\\x{2066}-\\x{2069}]"
_FIRST = """
    SELECT * REPLACE (
        array_to_string(flags, ' ') AS flags,
        strftime("at", '%Y-%m-%d %H:%M:%S') AS "at",
        strftime(gateway_time, '%Y-%m-%d %H:%M:%S') AS gateway_time
    )
    FROM findings WHERE verdict = $verdict ORDER BY line NULLS LAST, transaction_id, ref LIMIT $share
"""
_OF_AMOUNTS = {  # which column says in which currency one is
    "ledger_amount": "ledger_currency",
    "ledger_refunded": "ledger_currency",
    "gateway_amount": "gateway_currency",
    "gateway_refunded": "gateway_currency",
    "difference": "ledger_currency",
}


def write_csv(db: duckdb.DuckDBPyConnection, to: Path) -> None:
    """Write all findings, from the view of that name, for a spreadsheet, in their order.

    It begins with a byte order mark, without which Excel reads UTF-8 as something else. Text that a spreadsheet would
    take for a formula gets an apostrophe before it; numbers are left as they are. What would steer a terminal,
    or turn the direction of writing, is a blank. Times are in UTC, to the second.
    """
    _make_macros(db)
    columns = [f'{_cell(one)} AS "{_BOM if n == 0 else ""}{one.name}"' for n, one in enumerate(FINDING)]
    db.view("findings").project(", ".join(columns)).create_view("sheet", replace=True)
    db.execute("SET preserve_insertion_order = true")
    place = str(to).replace("'", "''")
    db.execute(f"COPY sheet TO '{place}' (FORMAT csv, HEADER true)")


def first_rows(
    db: duckdb.DuckDBPyConnection, counts: Mapping[Verdict, int], *, limit: int = PAGE_ROWS
) -> list[dict[str, Any]]:
    """Return findings as the page shows them: differences first, and of each verdict as fair a share.

    Amounts and times are text. Of those that don't fit, the last lines are left out.
    """
    rows: list[dict[str, Any]] = []
    for verdict, share in shares(counts, limit).items():
        found = db.execute(_FIRST, {"verdict": verdict.value, "share": share}).fetchall()
        rows += (dict(zip(FINDING.names, row, strict=True)) for row in found)
    for row in rows:
        for amount, currency in _OF_AMOUNTS.items():
            row[amount] = None if row[amount] is None else exact(row[amount], row[currency])
    return rows


def shares(counts: Mapping[Verdict, int], limit: int) -> dict[Verdict, int]:
    """Share the rows of the page out: to differences first, and evenly among those that have more than fits."""
    found: dict[Verdict, int] = {}
    for kind in (True, False):
        wanted = sorted((verdict for verdict in counts if verdict.is_difference is kind), key=counts.__getitem__)
        for n, verdict in enumerate(wanted):
            found[verdict] = min(counts[verdict], limit // (len(wanted) - n))
            limit -= found[verdict]
    return {verdict: found[verdict] for verdict in SHOWN if found.get(verdict)}


def _cell(column: pa.Field) -> str:
    """Say in SQL what a spreadsheet gets: no formulas, amounts with their currency's decimals, flags side by side."""
    name = f'"{column.name}"'
    if column.type == AMOUNT:
        return f"written({name}, places({_OF_AMOUNTS[column.name]}))"
    if column.type == TIME:
        return f"strftime({name}, '%Y-%m-%d %H:%M:%S')"
    if pa.types.is_list(column.type):
        return f"array_to_string({name}, ' ')"
    return f"inert({name})" if column.type == pa.string() else name


def _make_macros(db: duckdb.DuckDBPyConnection) -> None:
    """Make what `_cell` uses. Zeros that the currency has no place for are left out; a digit never is."""
    cases = " ".join(
        f"WHEN currency IN ({', '.join(repr(one) for one in currencies)}) THEN {places}"
        for places, currencies in _by_decimals().items()
    )
    db.execute(f"CREATE OR REPLACE MACRO places(currency) AS CASE {cases} ELSE 2 END")
    db.execute(f"""
        CREATE OR REPLACE MACRO inert(cell) AS
            if(regexp_matches(cell, '{_STARTS_A_FORMULA}'), chr(39), '')
            || regexp_replace(
                regexp_replace(cell, '{_STARTS_ONE_IN_A_CELL}', '\\1' || chr(39) || '\\2', 'g'),
                '{_STEERS_A_TERMINAL}', ' ', 'g'
            )""")
    db.execute("""
        CREATE OR REPLACE MACRO written(amount, places) AS CASE
            WHEN ends_with(amount::VARCHAR, repeat('0', 4 - places))
            THEN rtrim(left(amount::VARCHAR, length(amount::VARCHAR) - 4 + places), '.')
            ELSE rtrim(amount::VARCHAR, '0')
        END""")


@cache
def _by_decimals() -> dict[int, list[str]]:
    """Return the currencies whose decimals are not the usual two."""
    found: dict[int, list[str]] = {}
    for currency in sorted(one.code for one in Currency):
        found.setdefault(decimals_of(currency), []).append(currency)
    return {places: currencies for places, currencies in sorted(found.items()) if places != USUAL_DECIMALS}
