"""What may be written after the options of `reconcile` and `compare-again`, and how it is read."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

import click

from paymentoptions_async.cli.options import Instant, read_duration
from paymentoptions_async.reconcile.options import COLUMN_NAMES, LEAST_MEMORY

E = TypeVar("E", bound=StrEnum)

_MEMORY = re.compile(r"(\d{1,9})\s*([KMGT]?)(I?)B?", re.ASCII | re.IGNORECASE)
_LOCAL = re.compile(r"local:([1-9][0-9]{0,2})", re.ASCII)
_ADDRESS = re.compile(
    r"(?!local:)(?:[a-z][a-z0-9+]*://)?(?:\[[0-9a-f:.]+\]|[\w.-]+):[0-9]{1,5}", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class When:
    """An instant; ``ago`` has the seconds where it was written as how long ago."""

    at: datetime
    ago: float | None = None


class Moment(click.ParamType[When]):
    """As `Instant`, and it is known whether it depends on when the command was given."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> When:
        """See `click.ParamType.convert`."""
        if isinstance(value, When):
            return value
        at = datetime.fromtimestamp(Instant().convert(value, param, ctx), UTC)
        return When(at, read_duration(value))


class Memory(click.ParamType[int]):
    """Bytes, written ``512MB`` or ``2GiB``."""

    name = "memory"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """See `click.ParamType.convert`."""
        if isinstance(value, int):
            return value
        found = _MEMORY.fullmatch(value.strip())
        if found is None:
            self.fail(f"{value!r} is no amount of memory; write 512MB or 2GB", param, ctx)
        count, prefix, binary = found.groups()
        size: int = int(count) * (1024 if binary else 1000) ** " KMGT".index(prefix.upper() or " ")
        if size < LEAST_MEMORY:
            self.fail(f"{value!r} is too little; joins need {LEAST_MEMORY // 1_000_000}MB or more", param, ctx)
        return size


@dataclass(frozen=True, slots=True)
class Workers:
    """Of Dask: those of a scheduler at an ``address``, or as many ``local`` ones."""

    address: str | None = None
    local: int = 0


class Dask(click.ParamType[Workers]):
    """``tcp://host:8786``, or ``local:2`` for workers on this machine."""

    name = "dask"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Workers:
        """See `click.ParamType.convert`."""
        if isinstance(value, Workers):
            return value
        local = _LOCAL.fullmatch(value)
        if local is not None:
            return Workers(local=int(local[1]))
        if _ADDRESS.fullmatch(value) is None:
            self.fail(f"{value!r} is no scheduler; write tcp://10.0.0.5:8786, or local:2 for workers here", param, ctx)
        return Workers(address=value)


class Delimiter(click.ParamType[str]):
    r"""One character; ``tab`` and ``\t`` are a tab."""

    name = "delimiter"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See `click.ParamType.convert`."""
        if value.lower() in ("tab", "\\t"):
            return "\t"
        if len(value) != 1:
            self.fail(f"{value!r} is not one character; write ; or tab", param, ctx)
        return str(value)


class Encoding(click.ParamType[str]):
    """The name of a text encoding that Python knows."""

    name = "encoding"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See `click.ParamType.convert`."""
        try:
            codecs.lookup(value)
        except LookupError:
            self.fail(f"{value!r} is no encoding that is known; write utf-8, cp932 or cp1252", param, ctx)
        return str(value)


class NamedColumn(click.ParamType[tuple[str, str]]):
    """``NAME=COLUMN``: what is in which column."""

    name = "column"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """See `click.ParamType.convert`."""
        name, equals, column = value.partition("=")
        if not equals or not column or name not in COLUMN_NAMES:
            self.fail(f"{value!r} is no NAME=COLUMN, whose name is {', '.join(COLUMN_NAMES)}", param, ctx)
        return name, column


class Translation(click.ParamType[tuple[str, E]], Generic[E]):
    """``WORD=MEANING``: a word of the ledger, and what it means here."""

    def __init__(self, meanings: type[E]) -> None:
        self.name = meanings.__name__
        self._meanings = meanings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, E]:
        """See `click.ParamType.convert`."""
        word, _, meaning = value.rpartition("=")
        try:
            known = self._meanings(meaning.strip().lower())
        except ValueError:
            known = None
        if known is None or not word.strip():
            self.fail(f"{value!r} is no WORD=MEANING, whose meaning is {', '.join(self._meanings)}", param, ctx)
        return word, known


class Tolerance(click.ParamType[tuple["str | None", Decimal]]):
    """An amount in major units, of every currency or of one: ``0.01``, ``JPY=1``."""

    name = "tolerance"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str | None, Decimal]:
        """See `click.ParamType.convert`."""
        currency, _, amount = value.rpartition("=")
        try:
            return currency.strip().upper() or None, Decimal(amount.strip())
        except InvalidOperation:
            self.fail(f"{value!r} is no tolerance; write 0.01, or JPY=1 for one currency", param, ctx)


class TextOrFile(click.ParamType[str]):
    """Text; or ``@FILE``, whose text it is, so that it stands in no shell's history and no list of processes."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See `click.ParamType.convert`."""
        if not value.startswith("@"):
            return str(value)
        try:
            return Path(value[1:]).read_text("utf-8").strip()
        except OSError as error:
            self.fail(f"can't read {value[1:]}: {error.strerror}", param, ctx)
        except UnicodeDecodeError:
            self.fail(f"{value[1:]} is no text in UTF-8", param, ctx)


def only_once(name: str, pairs: tuple[tuple[Any, Any], ...]) -> Mapping[Any, Any]:
    """Pairs of a repeatable option as a mapping; a usage error where one is given twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise click.UsageError(f"{name} says two things of {twice or 'all currencies'}.")
    return found
