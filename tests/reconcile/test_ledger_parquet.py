"""Ledgers in Parquet files: of whatever types the columns are."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paymentoptions_async.reconcile.ledger import LedgerUnreadable
from paymentoptions_async.reconcile.options import Columns, LedgerFile
from tests.reconcile.ledger_reading import UUID, Taken, money, take


def take_table(place: Path, columns: Columns | None = None, *, rows_at_once: int | None = None, **table: Any) -> Taken:
    path = place / "ledger.parquet"
    pq.write_table(pa.table(table), path, row_group_size=rows_at_once)
    return take(LedgerFile(path=path, columns=columns or Columns()))


def usual(**table: Any) -> dict[str, Any]:
    return {"id": [UUID], "amount": ["10.50"], "currency": ["USD"]} | table


def test_rows_are_numbered_from_one(tmp_path):
    table: dict[str, Any] = {
        "reference": ["a", "b", "c"],
        "amount": ["1", "x", "3"],
        "currency": ["USD"] * 3,
        "unused": [1, 2, 3],
    }
    taken = take_table(tmp_path, rows_at_once=1, **table)
    assert [(row["line"], row["reference"]) for row in taken.rows] == [(1, "a"), (3, "c")]
    assert [(row["line"], row["field"], row["cells"]) for row in taken.invalid] == [
        (2, "amount", "reference=b; amount=x; currency=USD")
    ]


@pytest.mark.parametrize(
    "amount",
    [
        pa.array(["10.50"]),
        pa.array(["10.50"], pa.large_string()),
        pa.array(["10.50"], pa.string_view()),
        pa.array(["10.50"]).dictionary_encode(),
        pa.array([b"10.50"]),
        pa.array([Decimal("10.50")]),
        pa.array([Decimal("10.5")], pa.decimal128(38, 10)),
        pa.array([Decimal("10.5")], pa.decimal256(60, 20)),
        pa.array([10.5]),
    ],
    ids=lambda array: str(array.type),
)
def test_amounts_may_be_of_any_exact_type(tmp_path, amount):
    assert take_table(tmp_path, **usual(amount=amount)).row["amount"] == money("10.50")


def test_so_may_nothing(tmp_path):
    nothing = pa.array([Decimal(0)], pa.decimal128(38, 20))
    assert take_table(tmp_path, **usual(amount=nothing, refunded=pa.nulls(1))).row["amount"] == 0


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.int64()])
def test_integers_are_amounts_too(tmp_path, kind):
    assert take_table(tmp_path, **usual(amount=pa.array([105], kind))).row["amount"] == 105
    row = take_table(tmp_path, Columns(minor_units=True), **usual(amount=pa.array([105], kind))).row
    assert row["amount"] == money("1.05")


def test_floats_are_taken_where_they_tell_a_decimal_for_sure(tmp_path):
    amounts = [10.1, 1e5, 123456789.12, 0.1 + 0.2, 10.1 * 3, float("nan"), float("inf"), 12345678901234.56]
    taken = take_table(tmp_path, reference=["r"] * 8, amount=amounts, currency=["USD"] * 8)
    assert [row["amount"] for row in taken.rows] == [money("10.1"), money("100000"), money("123456789.12")]
    assert [row["line"] for row in taken.invalid] == [4, 5, 6, 7, 8]
    assert {"floating-point" in row["reason"] for row in taken.invalid} == {True}


def test_floats_of_few_digits_are_refused_as_a_whole(tmp_path):
    with pytest.raises(LedgerUnreadable, match=r"'amount' .*float.*decimal"):
        take_table(tmp_path, **usual(amount=pa.array([10.5], pa.float32())))


def test_a_decimal_comma_is_that_of_texts(tmp_path):
    columns = Columns(decimal_comma=True)
    assert take_table(tmp_path, columns, **usual(amount=["10,50"])).row["amount"] == money("10.5")
    assert take_table(tmp_path, columns, **usual(amount=[Decimal("10.50")])).row["amount"] == money("10.5")
    assert take_table(tmp_path, columns, **usual(amount=[10.5])).row["amount"] == money("10.5")


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        (pa.array([date(2026, 1, 31)]), datetime(2026, 1, 31, tzinfo=UTC)),
        (pa.array([date(2026, 1, 31)], pa.date64()), datetime(2026, 1, 31, tzinfo=UTC)),
        (pa.array([1769862896], pa.timestamp("s")), datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)),
        (pa.array([1769862896123456789], pa.timestamp("ns")), datetime(2026, 1, 31, 12, 34, 56, 123456, tzinfo=UTC)),
        (pa.array([1769862896], pa.timestamp("s", "+02:00")), datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)),
        (pa.array([1769862896000], pa.timestamp("ms", "Asia/Tokyo")), datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)),
        (pa.array([1769862896]), datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC)),
        (pa.array(["2026-01-31"]), datetime(2026, 1, 31, tzinfo=UTC)),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_times_may_be_of_any_type(tmp_path, at, moment):
    assert take_table(tmp_path, **usual(at=at)).row["at"] == moment


def test_ids_may_be_uuids(tmp_path):
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(UUID).bytes], pa.binary(16)))
    assert take_table(tmp_path, **usual(id=ids)).row["transaction_id"] == UUID


def test_references_may_be_numbers(tmp_path):
    row = take_table(tmp_path, **usual(ref=[1042], order=[1042.0])).row
    assert (row["reference"], row["order_name"]) == ("1042", "1042")


def test_texts_that_are_none_cost_their_row_alone(tmp_path):
    broken = pa.StringArray.from_buffers(2, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff"))
    taken = take_table(tmp_path, reference=broken, amount=["1", "2"], currency=["USD", "USD"])
    assert [row["reference"] for row in taken.rows] == ["a", "\\xff"]


def test_a_nested_column_is_refused(tmp_path):
    with pytest.raises(LedgerUnreadable, match="list"):
        take_table(tmp_path, **usual(amount=[["10.50"]]))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"id,amount\n1,2\n"])
def test_what_is_no_parquet_is_refused(tmp_path, content):
    path = tmp_path / "ledger.parquet"
    path.write_bytes(content)
    with pytest.raises(LedgerUnreadable, match="Parquet"):
        take(LedgerFile(path=path))


def test_a_file_that_breaks_off_is_refused(tmp_path):
    path = tmp_path / "ledger.parquet"
    pq.write_table(pa.table({"id": [UUID] * 9, "amount": [str(n) for n in range(9)], "currency": ["USD"] * 9}), path)
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)
    with pytest.raises(LedgerUnreadable, match="ledger"):
        take(LedgerFile(path=path))
