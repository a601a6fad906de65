"""Ledgers in CSV files: each line is accounted for, whatever stands in it."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paymentoptions_async.reconcile.ledger import LedgerUnreadable, csv_file
from paymentoptions_async.reconcile.ledger.batches import Broken
from paymentoptions_async.reconcile.ledger.csv_file import _Rows, read_csv
from paymentoptions_async.reconcile.options import LedgerFile
from paymentoptions_async.reconcile.threads import Stop
from tests.reconcile.ledger_reading import UUID, Taken, take_csv

HEADER = "reference,order,amount,currency\n"


def row(number: object) -> str:
    return f"r{number},o,{number},USD\n"


def lines(taken: Taken) -> tuple[list[int], list[int]]:
    """Of the usable rows, and of the others."""
    assert all(one["reference"] == f"r{one['amount']:.0f}" for one in taken.rows)
    return [one["line"] for one in taken.rows], [one["line"] for one in taken.invalid]


def split(content: bytes, place: Path, **how: Any) -> tuple[list[tuple[Any, ...]], list[Broken]]:
    """The rows before they are checked, each with its line, and the broken ones."""
    path = place / "ledger.csv"
    path.write_bytes(content)
    batches = list(read_csv(LedgerFile(path=path, **how), Stop()))
    rows = [
        row
        for batch in batches
        for row in zip(batch.lines.to_pylist(), *(column.to_pylist() for column in batch.columns.values()), strict=True)
    ]
    return rows, [one for batch in batches for one in batch.broken]


class TestLines:
    def test_rows_have_the_number_of_their_line(self, tmp_path):
        assert lines(take_csv(HEADER + row(1) + row(2) + row(3), tmp_path)) == ([2, 3, 4], [])

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("last", [True, False])
    def test_may_end_in_any_way(self, tmp_path, end, last):
        content = (HEADER + row(1) + row(2)).replace("\n", end)
        assert lines(take_csv(content if last else content.removesuffix(end), tmp_path)) == ([2, 3], [])

    def test_empty_ones_are_no_rows_and_are_counted_as_lines(self, tmp_path):
        taken = take_csv(HEADER + "\n" + row(1) + ",,,\n\n" + row(2) + "\n\n", tmp_path)
        assert lines(taken) == ([3, 6], [])
        assert taken.counts.rows == 2

    def test_empty_ones_before_the_header_too(self, tmp_path):
        assert lines(take_csv("\n\n" + HEADER + row(1), tmp_path)) == ([4], [])

    def test_a_cell_may_have_several(self, tmp_path):
        taken = take_csv(HEADER + 'r1,"o\n\nx",1,USD\n' + row(2) + '"r3","a ""b""",3,USD\r\n' + row(4), tmp_path)
        assert lines(taken) == ([2, 5, 6, 7], [])
        assert taken.rows[0]["order_name"] == "o\n\nx"
        assert taken.rows[2]["order_name"] == 'a "b"'

    def test_so_may_a_title(self, tmp_path):
        assert lines(take_csv('reference,"the\norder",amount,currency\n' + row(1), tmp_path)) == ([3], [])

    def test_a_ledger_without_rows_has_none(self, tmp_path):
        assert take_csv(HEADER, tmp_path).counts.rows == 0
        assert take_csv(HEADER.strip(), tmp_path).counts.rows == 0


class TestBrokenRows:
    @pytest.mark.parametrize("broken", ["r,o,1\n", "r,o,1,USD,x\n", "x\n", "r,o,1,USD,\n"])
    def test_too_few_or_too_many_cells(self, tmp_path, broken):
        taken = take_csv(HEADER + row(1) + broken + row(2), tmp_path)
        assert lines(taken) == ([2, 4], [3])
        assert "cells" in taken.invalid[0]["reason"]
        assert taken.invalid[0]["field"] is None

    @pytest.mark.parametrize("broken", ['r,"o,1,USD\n', 'r,"o"x,1,USD\n', '"\n'])
    def test_broken_quotes_cost_their_line_alone(self, tmp_path, broken):
        taken = take_csv(HEADER + row(1) + broken + "".join(map(row, range(2, 50))), tmp_path)
        assert lines(taken) == ([2, *range(4, 52)], [3])
        assert "quotes" in taken.invalid[0]["reason"]

    def test_two_broken_quotes_that_meet_cost_two_lines(self, tmp_path):
        taken = take_csv(HEADER + 'r,"o,1,USD\n' + row(2) + 'r,o",1,"USD\n' + row(4), tmp_path)
        assert lines(taken) == ([3, 5], [2, 4])

    def test_bytes_that_are_no_text_cost_their_line_alone(self, tmp_path):
        content = HEADER.encode() + row(1).encode() + b"r,M\xfcller,1,USD\n" + row(2).encode() + b'"r\xff",o,1,USD\n'
        taken = take_csv(content, tmp_path)
        assert lines(taken) == ([2, 4], [3, 5])
        assert "--encoding" in taken.invalid[0]["reason"]
        assert "M?ller" in taken.invalid[0]["cells"]

    def test_bytes_that_nobody_needs_may_be_anything(self, tmp_path):
        assert len(take_csv(b"reference,amount,currency,name\nr,1,USD,M\xfcller\n", tmp_path).rows) == 1

    def test_nul_is_a_character(self, tmp_path):
        assert take_csv(HEADER + "r\x001,o,1,USD\n", tmp_path).row["reference"] == "r\x001"

    def test_a_line_without_end_is_no_burden(self, tmp_path):
        long = "x" * (csv_file._BLOCK * 2 + 5)
        taken = take_csv(HEADER + row(1) + long + "\n" + row(2) + "y" * (csv_file._LONGEST_LINE + 1), tmp_path)
        assert lines(taken) == ([2, 4], [3, 5])
        assert "longer" in taken.invalid[0]["reason"]
        assert len(taken.invalid[0]["cells"]) < 600

    def test_quotes_that_never_close_in_a_long_file(self, tmp_path):
        content = HEADER + row(1) + 'r,"o,1,USD\n' + "".join(map(row, range(2, 20_000)))
        assert lines(take_csv(content, tmp_path)) == ([2, *range(4, 20_002)], [3])


class TestBlocks:
    """The same comes out wherever a block ends."""

    CONTENT = (
        HEADER
        + row(1)
        + 'r2,"a\r\nb\rc",2,USD\r\n'
        + "\n"
        + row(3)
        + "too,few\n"
        + 'r,"open,1,USD\n'
        + row(4)
        + "r5,ö,5,USD"
    ).encode()

    def test_at_any_place(self, tmp_path, monkeypatch):
        assert lines(take_csv(self.CONTENT, tmp_path)) == ([2, 3, 7, 10, 11], [8, 9])
        whole = split(self.CONTENT, tmp_path)
        for block in range(40, 150):
            monkeypatch.setattr(csv_file, "_BLOCK", block)
            assert split(self.CONTENT, tmp_path) == whole

    def test_lines_may_end_in_carriage_returns_alone(self, tmp_path, monkeypatch):
        monkeypatch.setattr(csv_file, "_BLOCK", 50)
        monkeypatch.setattr(csv_file, "_LONGEST_LINE", 60)
        content = (HEADER + "".join(map(row, range(30)))).replace("\n", "\r")
        assert lines(take_csv(content, tmp_path)) == ([*range(2, 32)], [])


class TestFormats:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_the_delimiter_is_guessed(self, tmp_path, delimiter):
        assert lines(take_csv((HEADER + row(1)).replace(",", delimiter), tmp_path)) == ([2], [])

    @pytest.mark.parametrize("delimiter", ["~", " ", "§"])
    def test_or_said(self, tmp_path, delimiter):
        assert lines(take_csv((HEADER + row(1)).replace(",", delimiter), tmp_path, delimiter=delimiter)) == ([2], [])

    @pytest.mark.parametrize("wrong", ["", ";;", "\n", '"'])
    def test_and_is_one_character(self, tmp_path, wrong):
        with pytest.raises(LedgerUnreadable, match="delimiter"):
            take_csv(HEADER + row(1), tmp_path, delimiter=wrong)

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
    def test_encodings(self, tmp_path, encoding):
        content = (HEADER + "ré,o,1,USD\n").encode(encoding)
        assert take_csv(content, tmp_path, encoding=encoding).row["reference"] == "ré"

    def test_a_mark_of_the_byte_order_is_no_part_of_a_name(self, tmp_path):
        assert lines(take_csv("\ufeff" + HEADER + row(1), tmp_path)) == ([2], [])
        assert lines(take_csv("\ufeff" + HEADER + row(1), tmp_path, encoding="utf-8")) == ([2], [])

    @pytest.mark.parametrize("encoding", ["klingon", "base64", "rot13", "undefined"])
    def test_what_is_no_encoding_is_refused(self, tmp_path, encoding):
        with pytest.raises(LedgerUnreadable, match=encoding):
            take_csv(HEADER, tmp_path, encoding=encoding)

    def test_utf_16_that_was_not_said_brings_the_advice(self, tmp_path):
        with pytest.raises(LedgerUnreadable, match="--encoding"):
            take_csv((HEADER + row(1)).encode("utf-16"), tmp_path)

    def test_utf_16_that_ends_in_the_middle_is_read_so_far(self, tmp_path):
        taken = take_csv((HEADER + row(1) + row(2)).encode("utf-16")[:-1], tmp_path, encoding="utf-16")
        assert lines(taken) == ([2], [3])

    @pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", "\ufeff\r\n"])
    def test_an_empty_file_is_refused(self, tmp_path, content):
        with pytest.raises(LedgerUnreadable, match="empty"):
            take_csv(content, tmp_path)


CELLS = st.lists(
    st.sampled_from(["r", "1", "USD", "", '"', '""', "a b", "ö", "\x00", ",", "x,y", '"x"', "\r"]), max_size=7
)
UNQUOTED = st.text(st.characters(exclude_characters='\r\n"'), max_size=30)
MIXED = st.lists(CELLS.map(",".join), max_size=12).map("\n".join)


class TestAnything:
    @settings(max_examples=15)
    @given(
        st.one_of(st.binary(max_size=300), MIXED.map(str.encode)), st.sampled_from(["utf-8-sig", "utf-16", "cp1252"])
    )
    @example(b"\x80\x81", "utf-16")
    def test_is_no_crash_and_all_is_accounted_for(self, tmp_path_factory, content, encoding):
        head = "reference,amount,currency\n".encode(encoding)
        take_csv(head + content, tmp_path_factory.mktemp("one"), encoding=encoding)  # which counts

    @given(st.binary(max_size=300), st.sampled_from(["utf-8-sig", "utf-16", "cp1252", "utf-7", "idna"]))
    def test_may_stand_in_the_header_too(self, tmp_path_factory, content, encoding):
        with suppress(LedgerUnreadable):
            split(content, tmp_path_factory.mktemp("one"), encoding=encoding)

    @given(st.lists(st.one_of(st.integers(0, 9).map(row), UNQUOTED.map("{}\n".format))))
    def test_sound_rows_are_found_between_whatever_has_no_quotes(self, tmp_path_factory, content):
        rows, broken = split((HEADER + "".join(content)).encode("utf-8", "replace"), tmp_path_factory.mktemp("one"))
        sound = {number for number, line in enumerate(content, 2) if line[0] == "r" and line == row(line[1:2])}
        assert sound <= {found[0] for found in rows}
        others = [line for number, line in enumerate(content, 2) if number not in sound and line.strip(",\n")]
        assert len(rows) + len(broken) == len(sound) + len(others)

    @given(MIXED)
    def test_the_quick_ways_read_what_the_slow_one_reads(self, tmp_path_factory, content):
        place, text = tmp_path_factory.mktemp("one"), f"reference,amount,currency\n{content}".encode()
        quick = split(text, place)
        with patch.object(_Rows, "_by_columns", return_value=None):
            middle = split(text, place)
            with patch.object(_Rows, "_by_rows", return_value=None):
                slow = split(text, place)
        assert quick == middle == slow

    @given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20), st.sampled_from(",;|\t"))
    def test_what_csv_writes_is_read(self, tmp_path_factory, texts, delimiter):
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=delimiter)
        writer.writerow(("id", "order", "amount", "currency", "name"))
        writer.writerows((UUID, order, "1", "USD", name) for order, name in texts)
        rows, broken = split(text.getvalue().encode(), tmp_path_factory.mktemp("one"), delimiter=delimiter)
        assert not broken
        assert [found[2] for found in rows] == [order for order, _ in texts]
