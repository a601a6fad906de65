"""What is to be reconciled, and by which rules. Checked when it is made; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.values import Money

DAY = 86_400.0
LEAST_MEMORY = 256_000_000
"""Bytes that joins need at least: a million rows, all of which the journal knows, take 192 million."""
_DECIMALS, _LARGEST = 4, 33
"""How many digits after and before the point an amount has at most: those of `schemas.AMOUNT`."""


class Kind(StrEnum):
    """What a row of a ledger is about."""

    PAYMENT = "payment"
    AUTHORIZATION = "authorization"
    CAPTURE = "capture"
    REFUND = "refund"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column of the ledger holds what. None: the one that has a usual name for it, if any does.

    ``statuses`` and ``kinds`` translate the ledger's words, besides the usual ones. ``assume`` is the status of every
    row where the ledger has no such column. ``minor_units`` says that amounts are in minor units (cents).
    ``decimal_comma`` says that they are written ``1234,56``.
    """

    transaction_id: str | None = None
    reference: str | None = None
    order: str | None = None
    kind: str | None = None
    status: str | None = None
    amount: str | None = None
    currency: str | None = None
    refunded: str | None = None
    at: str | None = None
    statuses: Mapping[str, PaymentStatus] = field(default_factory=dict)
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    assume: PaymentStatus = PaymentStatus.APPROVED
    one_currency: str | None = None
    """The currency of every row, where the ledger has no such column."""
    minor_units: bool = False
    decimal_comma: bool = False

    def __post_init__(self) -> None:
        if self.one_currency is not None:
            Money.zero(self.one_currency)  # refuses what is no currency
        words = {word.strip().casefold(): PaymentStatus(status) for word, status in self.statuses.items()}
        object.__setattr__(self, "statuses", MappingProxyType(words))
        kinds = {word.strip().casefold(): Kind(kind) for word, kind in self.kinds.items()}
        object.__setattr__(self, "kinds", MappingProxyType(kinds))

    def named(self) -> dict[str, str]:
        """The columns that were named, by what they hold."""
        return {name: getattr(self, name) for name in COLUMN_NAMES if getattr(self, name) is not None}

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {one.name: _described(getattr(self, one.name)) for one in fields(self)}


COLUMN_NAMES = ("transaction_id", "reference", "order", "kind", "status", "amount", "currency", "refunded", "at")
assert set(COLUMN_NAMES) < {one.name for one in fields(Columns)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFile:
    """A ledger in a CSV or Parquet file. ``delimiter`` is guessed, ``encoding`` is UTF-8 unless it is said."""

    path: Path
    columns: Columns = Columns()
    delimiter: str | None = None
    encoding: str = "utf-8-sig"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path).absolute())


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerQuery:
    """A ledger in a database: any SQLAlchemy URL, and a query. The URL may hold a password, so it has no repr."""

    url: str = field(repr=False)
    query: str
    columns: Columns = Columns()


Ledger = LedgerFile | LedgerQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What of it is asked for. The window is ``since <= at < until``; rows without a time are always in it.

    ``only_unconfirmed`` leaves out what the journal, or one of the ``earlier`` runs, has as final from the gateway.
    ``sample`` rows are drawn at random, the same ones for a ``seed``; the report says what they tell of the rest.
    """

    since: datetime | None = None
    until: datetime | None = None
    only_unconfirmed: bool = False
    earlier: tuple[Path, ...] = ()
    sample: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.sample is not None and self.sample < 1:
            raise InvalidValue("sample: needs a number of rows, at least 1", field="sample")
        for name in ("since", "until"):
            moment = getattr(self, name)
            if moment is not None and moment.tzinfo is None:
                raise InvalidValue(f"{name}: needs a time zone", field=name)
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise InvalidValue("until: must be after since", field="until")
        object.__setattr__(self, "earlier", tuple(Path(path).absolute() for path in self.earlier))

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {one.name: _described(getattr(self, one.name)) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How ledger and gateway are compared. Changing them needs no new questions: see `compare_again`.

    ``tolerance`` is the largest difference of amounts, in major units, that is no mismatch; ``tolerances`` has others
    for single currencies. What is open for less than ``pending_for`` seconds is timing, then stale; its age is counted
    at ``as_of``, by default the beginning of the run.
    """

    tolerance: Decimal = Decimal(0)
    tolerances: Mapping[str, Decimal] = field(default_factory=dict)
    pending_for: float = 3 * DAY
    as_of: datetime | None = None

    def __post_init__(self) -> None:
        own = dict(self.tolerances)
        for currency in own:
            Money.zero(currency)
        for value in (self.tolerance, *own.values()):
            if not isinstance(value, Decimal) or not value.is_finite() or value.is_signed():
                raise InvalidValue("tolerance: needs a Decimal of zero or more, in major units", field="tolerance")
            if value and (value.adjusted() > _LARGEST or int(value.normalize().as_tuple().exponent) < -_DECIMALS):
                raise InvalidValue("tolerance: is no amount of four decimals at most", field="tolerance")
        object.__setattr__(self, "tolerances", MappingProxyType(own))
        if not 0 <= self.pending_for < math.inf:
            raise InvalidValue("pending_for: needs seconds, zero or more", field="pending_for")
        if self.as_of is not None and self.as_of.tzinfo is None:
            raise InvalidValue("as_of: needs a time zone", field="as_of")

    def stale_before(self, begun: datetime) -> datetime:
        """What is open since before this instant is stale."""
        return (self.as_of or begun).astimezone(UTC) - timedelta(seconds=self.pending_for)

    def described(self) -> dict[str, Any]:
        """As JSON."""
        return {one.name: _described(getattr(self, one.name)) for one in fields(self)}


def check_memory(memory: int) -> int:
    """Return the bytes that joins may take; raise `InvalidValue` for fewer than they need."""
    if memory < LEAST_MEMORY:
        raise InvalidValue(f"memory: joins need {LEAST_MEMORY // 1_000_000} MB or more", field="memory")
    return memory


def _described(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _described(one) for name, one in sorted(value.items())}
    if isinstance(value, tuple):
        return [_described(one) for one in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return str(value) if isinstance(value, (Decimal, Path)) else value
