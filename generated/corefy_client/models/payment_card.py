from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, either, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.card_verification import CardVerification


@define
class PaymentCard(Model):
    """The card that was used.

    Attributes:
        first: First six digits.
        last: Last four digits.
        mask: First six and last four digits with stars between.
        brand: Brand; may be null while network is filled.
        network: Card network.
        type_: Credit or debit.
        holder: Name on the card.
        expiry_month: Two digits.
        expiry_year: Two digits.
        issuer_name: Issuing bank.
        issuer_country: ISO 3166-1 alpha-2 code of the issuer.
        card_id: Id of the stored card.
        verification: How the holder was verified.
    """

    first: str | None | Unset = UNSET
    last: str | None | Unset = UNSET
    mask: str | None | Unset = UNSET
    brand: str | None | Unset = UNSET
    network: str | None | Unset = UNSET
    type_: str | None | Unset = UNSET
    holder: str | None | Unset = field(default=UNSET, repr=False)
    expiry_month: str | None | Unset = UNSET
    expiry_year: str | None | Unset = UNSET
    issuer_name: str | None | Unset = UNSET
    issuer_country: str | None | Unset = UNSET
    card_id: str | None | Unset = field(default=UNSET, repr=False)
    verification: list[CardVerification] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.card_verification import CardVerification

        return {
            "first": ("first", either(text, nothing)),
            "last": ("last", either(text, nothing)),
            "mask": ("mask", either(text, nothing)),
            "brand": ("brand", either(text, nothing)),
            "network": ("network", either(text, nothing)),
            "type_": ("type", either(text, nothing)),
            "holder": ("holder", either(text, nothing)),
            "expiry_month": ("expiry_month", either(text, nothing)),
            "expiry_year": ("expiry_year", either(text, nothing)),
            "issuer_name": ("issuer_name", either(text, nothing)),
            "issuer_country": ("issuer_country", either(text, nothing)),
            "card_id": ("card_id", either(text, nothing)),
            "verification": ("verification", either(list_of(CardVerification.from_dict), nothing)),
        }
