from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, text


@define
class Card(Model):
    """The card to be charged.

    Attributes:
        cvc: Security code: 3 digits, 4 for American Express.
        expiry_month: Month of expiry, two digits.
        expiry_year: Year of expiry, two or four digits.
        name: Name on the card.
        number: Card number (PAN).
    """

    cvc: str | Unset = field(default=UNSET, repr=False)
    expiry_month: str | Unset = UNSET
    expiry_year: str | Unset = UNSET
    name: str | Unset = UNSET
    number: str | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "cvc": ("cvc", text),
            "expiry_month": ("expiry_month", text),
            "expiry_year": ("expiry_year", text),
            "name": ("name", text),
            "number": ("number", text),
        }
