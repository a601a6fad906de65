from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class MaskedCard(Model):
    """The card that was used.

    Attributes:
        name: Name on the card.
        number: Card number, meant to be masked.
        exp_month: Month of expiry.
        exp_year: Year of expiry.
    """

    name: str | None | Unset = UNSET
    number: str | None | Unset = field(default=UNSET, repr=False)
    exp_month: str | None | Unset = UNSET
    exp_year: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "name": ("name", either(text, nothing)),
            "number": ("number", either(text, nothing)),
            "exp_month": ("exp_month", either(text, nothing)),
            "exp_year": ("exp_year", either(text, nothing)),
        }
