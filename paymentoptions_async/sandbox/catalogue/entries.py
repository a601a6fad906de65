"""One transaction of a catalogue, and where its chances come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from struct import Struct
from typing import NamedTuple

BLOCK = 4
"""So many transactions are drawn together: a payment and what followed it are of one block."""

_WORDS = Struct(f"<{2 * BLOCK}Q")
_DAY = 86_400

CURRENCIES = ("JPY",) * 5 + ("USD",) * 4 + ("EUR",) * 3 + ("GBP", "SGD", "KWD", "BHD")
EXPONENTS = {"JPY": 0, "KRW": 0, "KWD": 3, "BHD": 3, "USD": 2, "EUR": 2, "GBP": 2, "SGD": 2}
OTHER_CURRENCY = {
    "JPY": "KRW", "KWD": "BHD", "BHD": "KWD", "USD": "EUR", "EUR": "USD", "GBP": "SGD", "SGD": "GBP",
}  # fmt: skip
"""Of the same number of decimals, so that an amount can be read in either."""
assert len(CURRENCIES) == 16  # noqa: PLR2004  four bits of a draw


class Entry(NamedTuple):
    """Transaction `number` of a catalogue, as its gateway has it.

    `root` is the number of the payment that its chain began with, after which the reference is named. Amounts are in
    minor units; `refunded` is what was given back of it, None where that is no question. `at` is in milliseconds.
    `planted` is how it differs from the ledger (see `Plan`), `draw` 12 bits to choose in what way.
    """

    number: int
    root: int
    kind: str
    outcome: str
    minor: int
    currency: str
    refunded: int | None
    at: int
    planted: str
    draw: int


def make_draws(key: bytes) -> Callable[[int], tuple[int, ...]]:
    """Return what draws two words of 64 bits for each transaction of a block."""
    blake2b, unpack = hashlib.blake2b, _WORDS.unpack

    def draws(block: int) -> tuple[int, ...]:
        return unpack(blake2b(block.to_bytes(8, "little"), key=key, digest_size=_WORDS.size).digest())

    return draws


def drawn_amount(bits: int, currency: str) -> int:
    """Return an amount in minor units: about 1 to 20,000 of most currencies, and 100 to 300,000 yen."""
    exponent = EXPONENTS[currency]
    return 100 + bits % 300_000 if exponent == 0 else 10**exponent + bits % 2_000_000


def in_words(minor: int, currency: str) -> str:
    """Write an amount in major units."""
    match EXPONENTS[currency]:
        case 0:
            return str(minor)
        case 2:
            return f"{minor // 100}.{minor % 100:02}"
        case _:
            return f"{minor // 1000}.{minor % 1000:03}"


def in_major(minor: int, currency: str) -> Decimal:
    """Return an amount in major units."""
    return Decimal(minor).scaleb(-EXPONENTS[currency])


class Times:
    """Write moments in milliseconds as the samples do; the days are remembered."""

    def __init__(self) -> None:
        self._days: dict[int, str] = {}

    def __call__(self, at: int) -> str:
        """Return UTC with milliseconds and `Z`."""
        seconds, thousandths = divmod(at, 1000)
        day, second = divmod(seconds, _DAY)
        date = self._days.get(day)
        if date is None:
            date = self._days[day] = datetime.fromtimestamp(day * _DAY, UTC).date().isoformat()
        minute, second = divmod(second, 60)
        return f"{date}T{minute // 60:02}:{minute % 60:02}:{second:02}.{thousandths:03}Z"
