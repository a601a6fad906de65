"""What a buyer types into the hosted pages: read, judged, and never repeated unless it was right.

Card number and security code are repeated in no case. What is shown again in the other fields has passed its own
check, so that a number typed into the wrong field does not come back either.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from . import cards
from .books import decimals_of
from .cards import TestCard
from .links import Terms

MAX_AMOUNT_CHARACTERS = 10  # of the vendor's older manual
ADDRESS_FIELDS = {
    "email": 45,
    "phone_number": 20,
    "country": 2,
    "postal_code": 45,
    "state": 65,
    "city": 65,
    "address1": 199,
}

_ADDRESS_FORMS = {
    "email": r"[^@\s]+@[^@\s]+\.[^@\s]+",
    "phone_number": r"\+?[0-9 ()-]{5,}",
    "country": r"[A-Za-z]{2}",
}
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_LONG_NUMBER = re.compile(r"(?:[0-9][ -]?){12,}")


CardT = TypeVar("CardT")


@dataclass
class Filled(Generic[CardT]):
    """A form after reading: what was right, and for each wrong field the name of the text that says what is wrong.

    `shown` may be written into the form again. `card` is one of the gateway's own test cards.
    """

    amount: Decimal | None = None
    card: CardT | None = None
    name: str = ""
    exp_month: str = ""
    exp_year: str = ""
    address: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)


def missing_address_fields(terms: Terms) -> tuple[str, ...]:
    """Return the billing fields that the merchant left to the buyer."""
    return tuple(name for name in ADDRESS_FIELDS if not str(terms.billing_address.get(name) or "").strip())


def read_card(form: Mapping[str, str], terms: Terms, now: datetime) -> Filled[TestCard]:
    """Read the hosted page's form."""
    filled = Filled[TestCard]()
    read_amount(filled, form, terms)
    read_details(filled, form, cards.by_number, now)
    for name in missing_address_fields(terms):
        _read_address(filled, name, form.get(name, "").strip())
    return filled


def read_details(
    filled: Filled[CardT], form: Mapping[str, str], find: Callable[[str], CardT | None], now: datetime | None
) -> None:
    """Read what is printed on a card. `find` returns the test card with a number; without `now` none has expired."""
    _read_number(filled, _plain(form, "number"), find)
    _read_expiry(filled, _plain(form, "expiry"), now)
    read_cvc(filled, form)
    _read_name(filled, form.get("name", "").strip())


def read_cvc(filled: Filled[CardT], form: Mapping[str, str]) -> None:
    """Read the security code, of which nothing is kept."""
    if not re.fullmatch(r"[0-9]{3,4}", _plain(form, "cvc")):
        filled.errors["cvc"] = "cvc_wrong"


def read_amount(filled: Filled[CardT], form: Mapping[str, str], terms: Terms) -> None:
    """Take the amount from the link, or from the form where the link leaves it open."""
    if terms.amount is not None:
        filled.amount = terms.amount
        return
    typed = _plain(form, "amount")
    if not _AMOUNT.fullmatch(typed):
        filled.errors["amount"] = "amount_wrong" if typed else "amount_missing"
        return
    text = typed.replace(",", "")
    decimals = decimals_of(terms.currency) or 0
    if len(text.partition(".")[2]) > decimals:
        filled.errors["amount"] = "amount_decimals" if decimals else "amount_no_decimals"
    elif len(text) > MAX_AMOUNT_CHARACTERS:
        filled.errors["amount"] = "amount_high"
    elif not Decimal(text):
        filled.errors["amount"] = "amount_missing"
    else:
        filled.amount, filled.shown["amount"] = Decimal(text), text


def _read_number(filled: Filled[CardT], typed: str, find: Callable[[str], CardT | None]) -> None:
    digits = re.sub(r"[ -]", "", typed)
    if not digits:
        filled.errors["number"] = "number_missing"
    elif not re.fullmatch(r"[0-9]{12,19}", digits) or not _passes_luhn(digits):
        filled.errors["number"] = "number_wrong"
    elif (card := find(digits)) is None:
        filled.errors["number"] = "number_real"
    else:
        filled.card = card


def _read_expiry(filled: Filled[CardT], typed: str, now: datetime | None) -> None:
    parts = re.fullmatch(r"(0?[1-9]|1[0-2]) ?[/-] ?(?:20)?([0-9]{2})|(0[1-9]|1[0-2])(?:20)?([0-9]{2})", typed)
    if parts is None:
        filled.errors["expiry"] = "expiry_wrong" if typed else "expiry_missing"
        return
    month, year = int(parts[1] or parts[3]), int(parts[2] or parts[4])
    if now is not None and (2000 + year, month) < (now.year, now.month):
        filled.errors["expiry"] = "expiry_past"
        return
    filled.exp_month, filled.exp_year = f"{month:02}", f"{year:02}"
    filled.shown["expiry"] = f"{month:02} / {year:02}"


def _read_name(filled: Filled[CardT], typed: str) -> None:
    if not typed or len(typed) > 255 or not typed.isprintable() or _LONG_NUMBER.search(_narrow(typed)):  # noqa: PLR2004
        filled.errors["name"] = "name_wrong" if typed else "name_missing"
        return
    filled.name = filled.shown["name"] = typed


def _read_address(filled: Filled[CardT], name: str, typed: str) -> None:
    wrong = len(typed) > ADDRESS_FIELDS[name] or not typed.isprintable() or _LONG_NUMBER.search(_narrow(typed))
    if not typed or wrong or not re.fullmatch(_ADDRESS_FORMS.get(name, r".+"), typed):
        filled.errors[name] = f"{name}_wrong" if name in _ADDRESS_FORMS else "field_wrong"
        return
    filled.address[name] = typed.upper() if name == "country" else typed
    filled.shown[name] = typed


def _plain(form: Mapping[str, str], name: str) -> str:
    """Return a field as typed on a Japanese keyboard too: full-width digits and signs count as their narrow ones."""
    return _narrow(form.get(name, "")).strip()


def _narrow(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _passes_luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0  # noqa: PLR2004
