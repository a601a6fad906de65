"""Money: exact amounts in major units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation, Overflow
from functools import lru_cache

from paymentoptions_async.errors import InvalidValue

MAX_WIRE_LENGTH = 10
"""The longest amount the gateway takes, in characters with the point (vendor's manual of 2023)."""

_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN, traps=[Inexact, InvalidOperation, Overflow])
_PLAIN = re.compile(r"[0-9]{1,50}(?:\.[0-9]{1,10})?")
_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Money:
    """An amount in major units (``Money("10.50", "USD")``, ``Money("1000", "JPY")``) with its ISO 4217 currency.

    ``amount`` is a Decimal, an int, or digits with a point in a str; floats are refused because they are not exact.
    It is kept with exactly the currency's decimals (JPY 0, USD 2, KWD 3); digits beyond them are refused unless they
    are zeros. Zero is allowed, negative is not. Raises `InvalidValue`, also where amounts of two currencies meet.

    The gateway takes at most 10 characters, so more is refused here; sums and amounts read from answers may be longer.
    """

    amount: Decimal
    currency: str

    def __init__(self, amount: Decimal | int | str, currency: str) -> None:
        exponent = _exponent_of(currency)
        value = _exact(amount, exponent, currency)
        object.__setattr__(self, "amount", value)
        object.__setattr__(self, "currency", str.__str__(currency))
        _check_wire_length(self)

    @classmethod
    def from_wire(cls, value: Decimal | int | str, currency: str) -> Money:
        """Read an amount of an answer, of any length; the currency in any case. Raises `InvalidValue`."""
        code = currency.upper() if isinstance(currency, str) and currency.isascii() else currency
        exponent = _exponent_of(code)
        if exponent == 0 and value.__class__ is int and 0 <= value < _LARGEST:
            return _make(Decimal(value), code)
        return _make(_exact(value, exponent, code), code)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in a currency: where sums start."""
        return cls(0, currency)

    @property
    def exponent(self) -> int:
        """How many decimals the currency has."""
        return _exponent_of(self.currency)

    @property
    def is_positive(self) -> bool:
        """True for more than zero."""
        return self.amount > 0

    @property
    def wire_text(self) -> str:
        """The amount as a request's string: ``"10.50"``, ``"1000"``. Raises `InvalidValue` past 10 characters."""
        _check_wire_length(self)
        return f"{self.amount:f}"

    @property
    def wire_number(self) -> Decimal | int:
        """The amount as a request's JSON number: an int where the currency has no decimals, else a Decimal.

        The Decimal has to be written digit by digit. Raises `InvalidValue` past 10 characters.
        """
        _check_wire_length(self)
        return self.amount if self.exponent else int(self.amount)

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        return _make(_EXACT.add(self.amount, self._same_currency(other)), self.currency)

    def __sub__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        left = _EXACT.subtract(self.amount, self._same_currency(other))
        if left < 0:
            raise InvalidValue(f"money: {self} - {other} would be negative, which no amount is", field="amount")
        return _make(left, self.currency)

    def __lt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount < self._same_currency(other)

    def __le__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount <= self._same_currency(other)

    def __gt__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount > self._same_currency(other)

    def __ge__(self, other: Money) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.amount >= self._same_currency(other)

    def __str__(self) -> str:
        return f"{self.amount:f} {self.currency}"

    def __repr__(self) -> str:
        if not hasattr(self, "currency"):
            return "<Money>"  # refused while it was made, and shown among the locals of a traceback
        return f"Money('{self.amount:f}', '{self.currency}')"

    def _same_currency(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise InvalidValue(
                f"money: {self} and {other} are of two currencies, and no rate is known here", field="currency"
            )
        return other.amount


def _make(amount: Decimal, currency: str) -> Money:
    money = object.__new__(Money)
    object.__setattr__(money, "amount", amount)
    object.__setattr__(money, "currency", currency)
    return money


def _check_wire_length(money: Money) -> None:
    length = len(f"{money.amount:f}")
    if length > MAX_WIRE_LENGTH:
        raise InvalidValue(
            f"amount: {length} characters; the gateway takes at most {MAX_WIRE_LENGTH} (vendor's manual of 2023)",
            field="amount",
        )


def _exact(amount: Decimal | int | str, exponent: int, currency: str) -> Decimal:
    """Return the amount with the currency's decimals, or raise `InvalidValue`."""
    value = _decimal(amount)
    if value.is_signed():
        raise InvalidValue("amount: is negative; amounts are zero or more", field="amount")
    if value.adjusted() > _PLAIN_DIGITS:
        raise InvalidValue("amount: is too large to be an amount of money", field="amount")
    try:
        return value.quantize(_UNITS[exponent], context=_EXACT)
    except (Inexact, InvalidOperation):
        pass
    decimals = f"{exponent} decimals" if exponent else "no decimals"
    raise InvalidValue(f"amount: has more digits after the point; {currency} has {decimals} (ISO 4217)", field="amount")


_PLAIN_DIGITS = 49
_LARGEST = 10**9
"""What is less needs no look at its digits."""
_EXPONENTS: dict[str, int] = {}
"""Of the currencies that were met."""
_UNITS = tuple(Decimal(1).scaleb(-exponent) for exponent in range(5))


def _decimal(amount: Decimal | int | str) -> Decimal:
    if isinstance(amount, Decimal):
        if not amount.is_finite():
            raise InvalidValue("amount: is NaN or infinite", field="amount")
        return amount
    if isinstance(amount, str):
        if not _PLAIN.fullmatch(amount):
            raise InvalidValue(
                "amount: a str needs digits with at most one point, as in '10.50': no sign, blank, comma or exponent",
                field="amount",
            )
        return Decimal(amount)
    if isinstance(amount, int) and not isinstance(amount, bool):
        return Decimal(amount)
    hint = "; floats are not exact: pass a Decimal or a str" if isinstance(amount, float) else ""
    raise InvalidValue(f"amount: needs a Decimal, int or str, got {type(amount).__name__}{hint}", field="amount")


def _exponent_of(currency: str) -> int:
    if not isinstance(currency, str):
        raise InvalidValue(f"currency: needs a str, got {type(currency).__name__}", field="currency")
    exponent = _EXPONENTS.get(currency)
    if exponent is not None:
        return exponent
    exponent = _known_exponent(currency) if _CURRENCY.fullmatch(currency) else None
    if exponent is not None:
        return _EXPONENTS.setdefault(str.__str__(currency), exponent)
    if currency.isascii() and currency != currency.upper() and _CURRENCY.fullmatch(currency.upper()):
        raise InvalidValue(f"currency: write {currency.upper()!r}, in capitals (ISO 4217)", field="currency")
    raise InvalidValue("currency: is none of ISO 4217's currencies that have minor units", field="currency")


@lru_cache(maxsize=256)
def _known_exponent(code: str) -> int | None:
    """The decimals of a currency; None for an unknown code and for metals, funds and test codes, which have none."""
    from iso4217 import Currency

    try:
        exponent: int | None = Currency(code).exponent
    except ValueError:
        return None
    return exponent
