"""A ledger in a CSV file. A line that can't be read costs no other line."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

import pyarrow as pa
from pyarrow import csv as pa_csv

from paymentoptions_async.reconcile.ledger.batches import Batch, Broken, batch_of, shown
from paymentoptions_async.reconcile.ledger.names import find_columns
from paymentoptions_async.reconcile.ledger.unreadable import LedgerUnreadable
from paymentoptions_async.reconcile.options import LedgerFile
from paymentoptions_async.reconcile.threads import Stop

DELIMITERS = (",", ";", "\t", "|")

_BLOCK = 8 * 1024**2
"""Characters that are taken apart at once: bounds the memory, whatever the rows are like."""
_LONGEST_LINE = 1024**2
_LOOKED_AT = 10_000
_UNDECODABLE = "\udcff"

codecs.register_error(
    "paymentoptions.undecodable",
    lambda error: (_UNDECODABLE, getattr(error, "end", 0)) if isinstance(error, UnicodeDecodeError) else ("?", 0),
)


def read_csv(ledger: LedgerFile, stop: Stop) -> Iterator[Batch]:
    """Give the rows of a CSV file, whose first line names the columns. Raises `LedgerUnreadable`.

    Empty lines, and lines of empty cells, are no rows. A quoted cell may have several lines; where quotes are not
    closed, or a row has too few cells, the first line of it is invalid, and reading goes on with the next one.
    """
    with _opened(ledger) as file:
        blocks = _blocks(ledger, file)
        text, last = next(blocks)
        delimiter, header, begin = _header(ledger, _lines(text))
        rows = _Rows(delimiter, header, find_columns(header, ledger.columns), begin + 1)
        text = "".join(_lines(text)[begin:])
        while True:
            stop.check()
            yield rows.batch(text, last=last)
            if last:
                return
            text, last = next(blocks)


@contextmanager
def _opened(ledger: LedgerFile) -> Iterator[TextIO]:
    try:
        text = ledger.path.open(encoding=ledger.encoding, errors="paymentoptions.undecodable", newline="")
    except LookupError:
        raise LedgerUnreadable(f"ledger: {ledger.encoding!r} is no encoding; utf-8, utf-16, cp1252 are some") from None
    except OSError as error:
        raise LedgerUnreadable(f"ledger {ledger.path}: {error.strerror}") from None
    with text:
        yield text


def _blocks(ledger: LedgerFile, file: TextIO) -> Iterator[tuple[str, bool]]:
    """Give whole lines, some megabytes at once, and whether they are the last ones. Of a line without end, a part."""
    held, skipping = "", False
    while True:
        read = _read(ledger, file)
        text = held + read
        if skipping and (end := _LINE_END.search(text)):
            text, skipping = text[end.end() :], False
        if not read:
            yield "" if skipping else text, True
            return
        held = ""
        if skipping:
            continue
        whole = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1  # \r at the end may be the half of one
        text, held = text[:whole], text[whole:]
        if text:
            yield text, False
        if len(held) > _LONGEST_LINE:
            yield held, False
            held, skipping = "", True


_LINE_END = re.compile("\r\n|\r|\n")


def _lines(text: str) -> list[str]:
    """Lines with their ends, which are those of the csv module, and not str's."""
    return list(io.StringIO(text, newline=""))


def _read(ledger: LedgerFile, text: TextIO) -> str:
    try:
        return text.read(_BLOCK)
    except UnicodeError as error:
        raise LedgerUnreadable(f"ledger {ledger.path}: it is not in {ledger.encoding} ({error})") from None
    except OSError as error:
        raise LedgerUnreadable(f"ledger {ledger.path}: {error.strerror}") from None


def _header(ledger: LedgerFile, lines: Sequence[str]) -> tuple[str, list[str], int]:
    """Return the delimiter, the names of the columns, and after how many lines the rows begin."""
    if not any(line.strip("\r\n\ufeff") for line in lines):
        raise LedgerUnreadable(f"ledger {ledger.path}: it is empty; its first line must name the columns")
    tried = DELIMITERS if ledger.delimiter is None else (ledger.delimiter,)
    if any(len(one) != 1 or one in '"\r\n' for one in tried):
        raise LedgerUnreadable(f"ledger: {ledger.delimiter!r} can't be a delimiter; it is a single character, no quote")
    delimiter, (header, begin) = max(
        ((one, _first_row(ledger, lines, one)) for one in tried), key=lambda found: len(found[1][0])
    )
    if any(_UNDECODABLE in title or "\0" in title for title in header):
        raise LedgerUnreadable(
            f"ledger {ledger.path}: its first line is not in {ledger.encoding}; say the encoding with --encoding"
        )
    return delimiter, header, begin


def _first_row(ledger: LedgerFile, lines: Sequence[str], delimiter: str) -> tuple[list[str], int]:
    try:
        reader = csv.reader([lines[0].removeprefix("\ufeff"), *lines[1:1000]], delimiter=delimiter, strict=True)
        for row in reader:
            if any(row):
                return [title.strip() for title in row], reader.line_num
    except csv.Error as error:
        if ledger.delimiter is not None:
            raise LedgerUnreadable(f"ledger {ledger.path}: its first line can't be read ({error})") from None
    return [], 0


class _Rows:
    """Takes text apart into rows, and knows which line they are from."""

    def __init__(self, delimiter: str, header: Sequence[str], places: Mapping[str, int], line: int) -> None:
        self._delimiter = delimiter
        self._header = header
        self._places = places
        self._line = line
        self._held = ""
        self._empty = ("\n\n", "\n\r", "\n" + delimiter * (len(header) - 1))

    def batch(self, text: str, *, last: bool) -> Batch:
        """Return the rows of some lines, and what is broken. A row that is not complete yet is kept for the next ones.

        Quickly where each line is a sound row, as nearly all are.
        """
        text, self._held = self._held + text, ""
        if "\n" in text[:_LONGEST_LINE] and (batch := self._by_columns(text) or self._by_rows(text)) is not None:
            self._line += len(batch.lines)
            return batch
        return self._one_by_one(text, last=last)

    def _by_columns(self, text: str) -> Batch | None:
        """Without quotes, a line is a row, and a delimiter parts two cells: what Arrow reads like the csv module."""
        if '"' in text or not self._delimiter.isascii() or self._has_empty_lines(text):
            return None
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return None
        if b"\r" in data and data.count(b"\r") != data.count(b"\r\n"):
            return None
        titles = [str(place) for place in range(len(self._header))]
        try:
            table = pa_csv.read_csv(
                pa.py_buffer(data),
                read_options=pa_csv.ReadOptions(column_names=titles, block_size=len(data) + 1, use_threads=False),
                parse_options=pa_csv.ParseOptions(
                    delimiter=self._delimiter, quote_char=False, ignore_empty_lines=False
                ),
                convert_options=pa_csv.ConvertOptions(
                    check_utf8=False,
                    column_types=dict.fromkeys(titles, pa.string()),
                    strings_can_be_null=False,
                    include_columns=[str(place) for place in self._places.values()],
                ),
            )
        except pa.ArrowInvalid:  # rows of different lengths
            return None
        if table.num_rows != data.count(b"\n") + (not data.endswith(b"\n")):
            return None
        lines = pa.array(range(self._line, self._line + table.num_rows), pa.int64())
        columns = {name: table.column(str(place)).combine_chunks() for name, place in self._places.items()}
        return Batch(lines, columns, _LazyLines(text, self._delimiter, self._header).show)

    def _has_empty_lines(self, text: str) -> bool:
        beginning = "\n" + text[: len(self._header) + 1]
        return any(empty in text or beginning.startswith(empty) for empty in self._empty)

    def _by_rows(self, text: str) -> Batch | None:
        lines = _lines(text)
        try:
            rows = list(csv.reader(lines, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(lines) or {*map(len, rows)} != {len(self._header)} or not all(map(any, rows)):
            return None
        batch = batch_of(rows, range(self._line, self._line + len(rows)), self._places, self._header)
        return None if batch.broken else batch

    def _one_by_one(self, text: str, *, last: bool) -> Batch:
        rows: list[list[str]] = []
        numbers: list[int] = []
        broken: list[Broken] = []
        queue, width = deque(_lines(text)), len(self._header)
        while queue:
            row, taken, trouble = self._next_row(queue)
            if trouble and not queue and not last and sum(map(len, taken)) <= _LONGEST_LINE:
                self._held = "".join(taken)
                break
            if row is None or (any(row) and len(row) != width) or len(taken[0]) > _LONGEST_LINE:
                broken.append(self._broken(row, taken, trouble))
                queue.extendleft(reversed(taken[1:]))  # what stands in them may be rows
                self._line += 1
                continue
            if any(row):
                rows.append(row)
                numbers.append(self._line)
            self._line += len(taken)
        return batch_of(rows, numbers, self._places, self._header, broken=broken)

    def _next_row(self, queue: deque[str]) -> tuple[list[str] | None, list[str], str]:
        """Return a row, the lines it took, and what is wrong with it."""
        taken: list[str] = []

        def lines() -> Iterator[str]:
            while queue:
                taken.append(queue.popleft())
                yield taken[-1]

        try:
            return next(csv.reader(lines(), delimiter=self._delimiter, strict=True)), taken, ""
        except csv.Error as error:
            return None, taken, str(error)

    def _broken(self, row: list[str] | None, taken: list[str], trouble: str) -> Broken:
        line = taken[0].rstrip("\r\n")
        if len(line) > _LONGEST_LINE:
            reason = f"is longer than {_LONGEST_LINE} characters"
        elif row is None:
            reason = f"its quotes can't be read ({trouble}); a quote within a quoted cell is written twice"
        else:
            reason = (
                f"has {len(row)} cells, and the first line names {len(self._header)}; a cell that has a delimiter or a "
                "line's end in it needs quotes"
            )
        cells = row if row is not None and len(taken) == 1 else line[:_LOOKED_AT].split(self._delimiter)
        return Broken(self._line, reason, shown(self._header, cells))


class _LazyLines:
    """The lines of a text without quotes, taken apart when the first of them is to be shown."""

    def __init__(self, text: str, delimiter: str, header: Sequence[str]) -> None:
        self._text = text
        self._delimiter = delimiter
        self._header = header
        self._lines: list[str] | None = None

    def show(self, row: int) -> str:
        """As `Batch.show`."""
        if self._lines is None:
            self._lines = _lines(self._text)
        return shown(self._header, self._lines[row].rstrip("\r\n").split(self._delimiter))
