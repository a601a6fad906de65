"""Cards: a number and a code that show themselves to nobody but the gateway."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, NoReturn

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.masking import looks_like_pan, luhn_valid
from paymentoptions_async.values.texts import PURCHASE_PAGE, text_problem

_SEPARATORS = str.maketrans("", "", " -")
_DIGITS = re.compile(r"[0-9]+")
_CVC = re.compile(r"[0-9]{3,4}")
_SMALL = re.compile(r"[0-9]{1,4}")
_MIN_NUMBER, _MAX_NUMBER = 12, 16
_MAX_NAME = 255
_CENTURY, _YEARS, _DECEMBER = 2000, 100, 12


class Secret:
    """Holds a text that no repr, log, traceback, pickle or debugger's listing shows. `reveal()` returns it.

    Equal by content, compared in constant time; not hashable; copies are itself.
    """

    __slots__ = ("reveal",)

    reveal: Callable[[], str]
    """Return the text. A closure, so that no attribute holds it."""

    def __init__(self, text: str | Secret) -> None:
        held = text.reveal() if isinstance(text, Secret) else text
        object.__setattr__(self, "reveal", lambda: held)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a Secret does not change")

    def __repr__(self) -> str:
        return "<hidden>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        from hmac import compare_digest

        mine, theirs = self.reveal(), other.reveal()
        return compare_digest(mine.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass"))

    __hash__ = None  # type: ignore[assignment]  # a hash of a card number can be searched for

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("secrets are not pickled")


@dataclass(frozen=True, slots=True)
class MaskedCard:
    """A card as it may be shown: first 6 and last 4 digits, expiry as ``MM`` and ``YY``, scheme as the gateway says."""

    first6: str
    last4: str
    expiry_month: str | None = None
    expiry_year: str | None = None
    scheme: str | None = None

    def __str__(self) -> str:
        return f"{self.first6}******{self.last4}"


@dataclass(frozen=True, slots=True, init=False, repr=False, kw_only=True)
class Card:
    """A card, as the buyer typed it.

    ``number`` has 12 to 16 digits; blanks and hyphens between them are dropped. ``cvc`` has 3 or 4 digits, or is left
    out. ``expiry_month`` is 1 to 12 (``"01"`` will do), ``expiry_year`` 2000 to 2099 or its last two digits; a card
    is good through the last day of that month. ``name`` is at most 255 characters. ``check_luhn=False`` takes numbers
    with a wrong check digit. Raises `InvalidValue`, which shows none of them. Lengths are those of the vendor's
    purchase page. Never pickled; copies are the card itself.
    """

    number: Secret
    cvc: Secret | None
    expiry_month: int
    expiry_year: int
    name: str

    def __init__(
        self,
        *,
        number: str | Secret,
        expiry_month: int | str,
        expiry_year: int | str,
        name: str,
        cvc: str | Secret | None = None,
        check_luhn: bool = True,
    ) -> None:
        # What the caller typed is dropped before anything is raised: tracebacks may show this frame's locals.
        found = _checked(number, cvc, expiry_month, expiry_year, name, check_luhn=check_luhn)
        del number, cvc, expiry_month, expiry_year, name
        if isinstance(found, _Problem):
            raise InvalidValue(f"card.{found.field}: {found.rule}", field=f"card.{found.field}")
        for field, value in zip(("number", "cvc", "expiry_month", "expiry_year", "name"), found, strict=True):
            object.__setattr__(self, field, value)

    @property
    def masked(self) -> MaskedCard:
        """First 6, last 4 and expiry: what may be shown and kept."""
        number = self.number.reveal()
        return MaskedCard(number[:6], number[-4:], f"{self.expiry_month:02}", f"{self.expiry_year % _YEARS:02}")

    def is_expired(self, on: date) -> bool:
        """True if the card's last month was over on that day."""
        return (on.year, on.month) > (self.expiry_year, self.expiry_month)

    def to_wire(self) -> dict[str, str]:
        """The request's ``card`` object, in clear: month as ``MM``, year as ``YY``, which every page's limit allows."""
        wire = {
            "number": self.number.reveal(),
            "expiry_month": f"{self.expiry_month:02}",
            "expiry_year": f"{self.expiry_year % _YEARS:02}",
            "name": self.name,
        }
        if self.cvc is not None:
            wire["cvc"] = self.cvc.reveal()
        return wire

    def __repr__(self) -> str:
        if not hasattr(self, "name"):
            return "<Card>"  # refused while it was made, and shown among the locals of a traceback
        masked = self.masked
        return f"<Card {masked} {masked.expiry_month}/{masked.expiry_year}>"

    def __copy__(self) -> Card:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Card:
        return self

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Card is not pickled: card data is kept nowhere")


@dataclass(frozen=True, slots=True)
class _Problem:
    field: str
    rule: str


def _checked(
    number: object, cvc: object, expiry_month: object, expiry_year: object, name: object, *, check_luhn: bool
) -> tuple[object, ...] | _Problem:
    """Return the fields as `Card` keeps them, or the first problem. Raises nothing, because its locals are in clear."""
    found = (
        _number_of(number, check_luhn=check_luhn),
        _cvc_of(cvc),
        _month_of(expiry_month),
        _year_of(expiry_year),
        _name_of(name),
    )
    return next((value for value in found if isinstance(value, _Problem)), found)


def _number_of(number: object, *, check_luhn: bool) -> Secret | _Problem:
    if isinstance(number, Secret):
        number = number.reveal()
    if not isinstance(number, str):
        return _Problem("number", f"needs a str, got {type(number).__name__}")
    digits = number.translate(_SEPARATORS)
    if not _DIGITS.fullmatch(digits):
        return _Problem("number", "needs digits 0 to 9; only blanks and hyphens may stand between them")
    if len(digits) > _MAX_NUMBER:
        return _Problem("number", f"{len(digits)} digits; the gateway takes at most {_MAX_NUMBER} ({PURCHASE_PAGE})")
    if len(digits) < _MIN_NUMBER:
        return _Problem("number", f"{len(digits)} digits; cards have at least {_MIN_NUMBER} (ISO/IEC 7812-1)")
    if check_luhn and not luhn_valid(digits):
        rule = "the check digit is wrong (Luhn, ISO/IEC 7812-1); check_luhn=False takes it all the same"
        return _Problem("number", rule)
    return Secret(digits)


def _cvc_of(cvc: object) -> Secret | _Problem | None:
    if isinstance(cvc, Secret):
        cvc = cvc.reveal()
    if cvc is None:
        return None
    if not (isinstance(cvc, str) and _CVC.fullmatch(cvc)):
        return _Problem("cvc", "needs 3 digits, 4 for American Express, in a str (vendor's purchase page)")
    return Secret(str.__str__(cvc))


def _month_of(month: object) -> int | _Problem:
    value = _small_int(month)
    if value is None or not 1 <= value <= _DECEMBER:
        return _Problem("expiry_month", "needs 1 to 12, as an int or a str (vendor's purchase page)")
    return value


def _year_of(year: object) -> int | _Problem:
    value = _small_int(year)
    if value is None or not (0 <= value < _YEARS or _CENTURY <= value < _CENTURY + _YEARS):
        return _Problem("expiry_year", "needs two or four digits, as in 29 or 2029 (vendor's purchase page)")
    return _CENTURY + value % _YEARS


def _name_of(name: object) -> str | _Problem:
    problem = text_problem(name, _MAX_NAME, PURCHASE_PAGE)
    if problem is not None or not isinstance(name, str):
        return _Problem("name", problem or "")
    if looks_like_pan("".join(_DIGITS.findall(name))):
        return _Problem("name", "reads as a card number; it is the name on the card")
    return str.__str__(name)


def _small_int(value: object) -> int | None:
    """An int, or the value of one to four digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and _SMALL.fullmatch(value):
        return int(value)
    return None
