"""Rows by line, whatever order they come in, and nothing left on the disk."""

from __future__ import annotations

from random import Random

import pyarrow as pa
import pytest

from paymentoptions_async.reconcile.in_order import MOST_FILES, InOrder

SCHEMA = pa.schema([("line", pa.int64()), ("flags", pa.list_(pa.string())), ("amount", pa.decimal128(38, 4))])


def rows(lines):
    found = [{"line": line, "flags": [f"of {line}"], "amount": line or 0} for line in lines]
    return pa.Table.from_pylist(found, SCHEMA)


@pytest.mark.parametrize("stretch", [1, 7, 1000])
def test_rows_come_back_by_line_and_what_has_none_behind_them(tmp_path, stretch):
    lines = list(range(2, 300))
    Random(5).shuffle(lines)
    with InOrder(tmp_path / "spill", SCHEMA, stretch=stretch) as found:
        found.put_behind(rows([None, None]))
        for start in range(0, len(lines), 40):
            found.take(rows(lines[start : start + 40]))
        found.put_behind(rows([None]))
        read = pa.concat_tables(found.read())
    assert read.schema == SCHEMA
    assert read == rows([*range(2, 300), None, None, None])
    assert not list((tmp_path / "spill").iterdir())


def test_there_are_never_more_files_than_may_be_open(tmp_path):
    with InOrder(tmp_path, SCHEMA, stretch=1) as found:
        found.expect(9_999)
        found.take(rows(range(10_000)))
        assert MOST_FILES // 2 < len(list(tmp_path.iterdir())) <= MOST_FILES + 1
        assert pa.concat_tables(found.read()).column("line").to_pylist() == list(range(10_000))


def test_what_is_left_early_leaves_nothing(tmp_path):
    with InOrder(tmp_path, SCHEMA) as found:
        found.take(rows([1]))
    assert not list(tmp_path.iterdir())


def test_nothing_comes_of_nothing(tmp_path):
    with InOrder(tmp_path / "spill", SCHEMA) as found:
        assert list(found.read()) == []
    assert not (tmp_path / "spill").exists()
