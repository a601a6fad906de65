"""A part of a ledger, as every source gives it: cells as text, by our names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from paymentoptions_async.masking import mask_unreadable

INEXACT = " (a float)"
"""Follows what is no exact number, so that it is refused where an amount is wanted."""

_EXACT_DIGITS = 15
_LONGEST_LOOKED_AT, _LONGEST_SHOWN = 2_000, 500


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that can't be taken apart. ``cells`` is masked."""

    line: int
    reason: str
    cells: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows. ``columns`` has texts for each column that the ledger has, by our names.

    ``show`` gives the cells of a row as they stand in the ledger, masked and cut short.
    """

    lines: pa.Array
    columns: Mapping[str, pa.Array]
    show: Callable[[int], str]
    broken: Sequence[Broken] = field(default=())


def batch_of(
    rows: Sequence[Sequence[Any]],
    lines: Sequence[int],
    places: Mapping[str, int],
    header: Sequence[str],
    *,
    broken: Iterable[Broken] = (),
    text: Callable[[Any], str | None] | None = None,
) -> Batch:
    """Turn rows into columns. ``text`` makes text of a value that is none; rows that are no Unicode are broken."""

    def show(row: int) -> str:
        return shown(header, [value if isinstance(value, str) else _plain(value) for value in rows[row]])

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    try:
        found = {name: _texts(columns[place], text) for name, place in places.items()}
        return Batch(pa.array(lines, pa.int64()), found, show, tuple(broken))
    except UnicodeEncodeError:
        good = [row for row, values in enumerate(rows) if all(_is_unicode(values[at]) for at in places.values())]
        reason = "has bytes that are no text in the ledger's encoding; say which it is with --encoding"
        bad = [Broken(lines[row], reason, show(row)) for row in sorted({*range(len(rows))} - {*good})]
        assert bad
        kept = [rows[row] for row in good]
        return batch_of(kept, [lines[row] for row in good], places, header, broken=[*broken, *bad], text=text)


def _texts(values: Sequence[Any], text: Callable[[Any], str | None] | None) -> pa.Array:
    if text is not None:
        values = [value if value is None or type(value) is str else text(value) for value in values]
    return pa.array(values, pa.string())


def _is_unicode(value: Any) -> bool:
    try:
        return not isinstance(value, str) or value.encode() is not None
    except UnicodeEncodeError:
        return False


def text_of(value: Any, *, comma: bool = False) -> str | None:
    """Write a value of a database or table as a ledger in text would have it, if need be with a decimal comma."""
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case float() | Decimal():
            text = exact_text(value) if isinstance(value, float) else f"{value:f}"
            return text.replace(".", ",") if comma else text
        case datetime() | date():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", "backslashreplace")
        case _:
            return str(value)


def exact_text(value: float) -> str:
    """Write a float as the decimal that it came from, which 15 digits or fewer tell surely; others are marked."""
    written = Decimal(repr(value))
    if not written.is_finite() or len(written.normalize().as_tuple().digits) > _EXACT_DIGITS:
        return f"{value!r}{INEXACT}"
    return f"{int(value)}" if value.is_integer() else f"{written:f}"


def shown(header: Sequence[str], cells: Sequence[str]) -> str:
    """Write a row's cells with their columns' names, masked and cut short: names tell where a card's code may stand."""
    titles = [*header, *[""] * (len(cells) - len(header))]
    text = "; ".join(
        f"{title}={cell[:_LONGEST_LOOKED_AT]}" if title else cell[:_LONGEST_LOOKED_AT]
        for title, cell in zip(titles, cells, strict=False)
    )
    masked = mask_unreadable(text[:_LONGEST_LOOKED_AT].encode("utf-8", "replace").decode())
    if len(text) >= _LONGEST_LOOKED_AT:
        masked = masked.rstrip("0123456789 -")  # may be the beginning of a card number
    return masked if len(masked) <= _LONGEST_SHOWN else f"{masked[:_LONGEST_SHOWN]}…"


def _plain(value: Any) -> str:
    return text_of(value) or ""
