"""What catalogues have in common: numbers, ids, and the ledger that goes with them."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from .entries import BLOCK, EXPONENTS, OTHER_CURRENCY, Entry, Times, in_words, make_draws
from .plan import MATCHED, REPEATED, VERDICTS, WITHIN_TOLERANCE, Dice, Plan

COLUMNS = (
    "transaction_id", "merchant_txn_ref", "order_id", "type", "status", "amount", "currency", "refunded", "created_at",
)  # fmt: skip
UNTIL = datetime(2026, 1, 1, tzinfo=UTC)

_BLOCKS_LATER = 64  # a repeated row stands that far behind, at most
_HOUR = 3_600_000
_DAY = 24 * _HOUR
_YOUNG = 20 * _HOUR
_STALE = 10 * _DAY


class Expected(NamedTuple):
    """The verdict on a row of the ledger, or on a transaction that has none: then `line` is None.

    `line` counts the header of a CSV file as the first.
    """

    line: int | None
    transaction_id: str
    verdict: str
    planted: str


class Ids(Protocol):
    """Numbers as ids, and back."""

    def of(self, number: int) -> str:
        """Return the id of a number."""
        ...

    def number(self, transaction_id: str) -> int | None:
        """Return the number of an id; None where it is none."""
        ...


class BaseCatalogue(ABC):
    """Old transactions, computed when they are asked for. The same arguments make the same, and nothing is kept.

    `count` transactions lie in the `days` before `until`; `plan` says how the ledger differs from them.
    """

    _ids: Ids
    _words: ClassVar[Mapping[str, str]]  # what the ledger says of an outcome, where it is not that it was declined
    _card_as_id: ClassVar[str] = "4000000000001091"  # a test card's, as careless ledgers have them

    def __init__(
        self, *, seed: int, count: int, plan: Plan | None = None, until: datetime = UNTIL, days: int = 365
    ) -> None:
        if count < 0 or days < 1:
            raise ValueError("a catalogue has no negative count, and at least a day")
        if until.tzinfo is None:
            raise ValueError("until must be an aware datetime")
        self.seed, self.count, self.plan, self.until, self.days = seed, count, plan or Plan(), until, days
        self._dice = Dice(self.plan)
        self._draws = make_draws(f"{seed}:{type(self).__name__}".encode())
        self._ends = int(until.timestamp() * 1000)
        self._spans = days * _DAY

    @property
    def tolerances(self) -> dict[str, Decimal]:
        """Return a difference for each currency, in major units, within which all of `within_tolerance` lie."""
        return {currency: Decimal(1).scaleb(-exponent) for currency, exponent in EXPONENTS.items()}

    def id_of(self, number: int) -> str:
        """Return the gateway's id of a transaction."""
        return self._ids.of(number)

    def entry(self, number: int) -> Entry:
        """Return a transaction by its number, from 0 on; IndexError where there is none."""
        if not 0 <= number < self.count:
            raise IndexError(number)
        return self._block(number // BLOCK)[number % BLOCK]

    def lookup(self, transaction_id: str) -> Entry | None:
        """Return the transaction that the gateway knows by this id."""
        number = self._ids.number(transaction_id)
        if number is None or number >= self.count:
            return None
        found = self.entry(number)
        return None if found.planted == "missing_at_gateway" else found

    def reference_of(self, entry: Entry) -> str:
        """Return the merchant's reference of a transaction; what follows a payment shares it."""
        return f"R{self.seed}-{entry.root:09}"

    def ledger(self) -> Iterator[dict[str, str]]:
        """Yield the rows of the ledger."""
        for cells, _ in self._rows():
            yield dict(zip(COLUMNS, cells, strict=True))

    def expected(self, *, tolerant: bool = False) -> Iterator[Expected]:
        """Yield the verdict on each row, and on what the ledger lacks.

        Pending ones are old or young on the day after `until`, and a reconciliation takes 1 to 10 days for stale.
        `tolerant` is right where it is given the `tolerances`; without them the smallest difference is one.
        """
        line = 1
        for cells, entry in self._rows(unlisted=True):
            verdict, planted = VERDICTS[entry.planted], entry.planted
            if planted == WITHIN_TOLERANCE and not tolerant:
                verdict = VERDICTS["amount"]
            if planted == "missing_in_ledger":
                yield Expected(None, self._ids.of(entry.number), verdict, planted)
                continue
            line += 1
            yield Expected(line, cells[0], verdict, planted)

    def counts(self, *, tolerant: bool = False) -> Counter[str]:
        """Count the verdicts."""
        return Counter(one.verdict for one in self.expected(tolerant=tolerant))

    def unlisted(self) -> Iterator[dict[str, str]]:
        """Yield what the ledger lacks, as its rows would be: for a journal, or for webhooks."""
        for cells, entry in self._rows(unlisted=True):
            if entry.planted == "missing_in_ledger":
                yield dict(zip(COLUMNS, cells, strict=True))

    def write_ledger(self, path: Path) -> int:
        """Write the ledger as CSV, and return how many rows it has."""
        rows = 0
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for cells, _ in self._rows():
                writer.writerow(cells)
                rows += 1
        return rows

    def write_expected(self, path: Path, *, tolerant: bool = False) -> None:
        """Write what is `expected` as CSV; what the ledger lacks has no line."""
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(Expected._fields)
            writer.writerows(self.expected(tolerant=tolerant))

    @abstractmethod
    def _block(self, block: int) -> list[Entry]:
        """Return the transactions of a block, as many of them as there are."""

    def _when(self, number: int) -> int:
        """Return when a transaction was made, in milliseconds."""
        return self._ends - self._spans + self._spans * number // self.count

    def _when_open(self, entry: Entry, planted: str) -> int:
        """Return when one was made that is still open."""
        return entry.at - _STALE if planted == "stale" else self._ends - _YOUNG * (entry.draw + 1) // 0x1000

    def _rows(self, *, unlisted: bool = False) -> Iterator[tuple[list[str], Entry]]:
        """Yield rows and what they are about, in the order of the ledger; what it lacks only where that is asked for.

        A repeated row comes a second time, a little later, with ``repeated`` planted.
        """
        cells_of, block_of = self._cells_of(), self._block
        again: list[tuple[list[str], Entry]] = []
        for block in range(-(-self.count // BLOCK)):
            for entry in block_of(block):
                if entry.planted == "missing_in_ledger" and not unlisted:
                    continue
                cells = cells_of(entry)
                if entry.planted == "twice_in_ledger":
                    again.append((cells, entry._replace(planted=REPEATED)))
                yield cells, entry
            if again and block % _BLOCKS_LATER == 0:
                yield from again
                again.clear()
        yield from again

    def _cells_of(self) -> Callable[[Entry], list[str]]:
        """Return what makes a row of an entry."""
        id_of, words, time_of, seed = self._ids.of, self._words, Times(), self.seed

        def cells_of(entry: Entry) -> list[str]:
            number, root, kind, outcome, minor, currency, refunded, at, planted, _ = entry
            status = words.get(outcome, "declined")
            cells = [
                id_of(number),
                f"R{seed}-{root:09}",
                f"order-{root}",
                kind,
                "authorized" if kind == "authorization" and status == "approved" else status,
                in_words(minor, currency),
                currency,
                "" if refunded is None else in_words(refunded, currency),
                time_of(at),
            ]
            if VERDICTS[planted] != MATCHED:
                self._falsify(cells, entry)
            return cells

        return cells_of

    def _falsify(self, cells: list[str], entry: Entry) -> None:
        """Let the ledger say something else than the gateway."""
        match entry.planted:
            case "amount":
                off = 2 + entry.draw
                more = entry.draw & 1 or entry.minor <= off
                cells[5] = in_words(entry.minor + off if more else entry.minor - off, entry.currency)
            case "within_tolerance":
                cells[5] = in_words(entry.minor + (1 if entry.draw & 1 else -1), entry.currency)
            case "currency":
                cells[6] = OTHER_CURRENCY[entry.currency]
            case "status":
                cells[4] = "approved" if cells[4] in _TOOK_NONE else "declined"
            case "kind":
                cells[3] = "refund"
            case "pending" | "stale" if entry.draw & 1:
                cells[4] = "approved"  # sold before the bank had answered
            case "refund":
                cells[7] = in_words((entry.refunded or 0) + 1 + entry.minor // 3, entry.currency)
            case "no_id":
                cells[0] = ""
            case "unreadable":
                at, text = _UNREADABLE[entry.draw % len(_UNREADABLE)]
                cells[at] = text or (self._card_as_id if at == 0 else "")


_TOOK_NONE = ("declined", "expired", "cancelled")
_UNREADABLE = (
    (0, "pay-000123"),
    (0, ""),  # a card's number
    (4, "half-way"),
    (5, "12.3.4"),
    (5, ""),
    (6, "ZZZ"),
    (8, "the day before yesterday"),
)
"""Column and text of what breaks a rule."""
