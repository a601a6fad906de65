from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, either, integer, nothing, number, text

if TYPE_CHECKING:
    from ..models.additional_data import AdditionalData
    from ..models.masked_card import MaskedCard


@define
class PaymentDetails(Model):
    """Amount, acquirer's answer and card.

    Attributes:
        amount: Amount in major units of the currency.
        response_code: The acquirer's code; 0 is success.
        auth_code: The acquirer's authorisation code.
        currency: ISO 4217 code of the currency.
        payment_method: The acquirer's name of the kind of payment.
        scheme: Card scheme.
        card: The card that was used.
        additional_data: Anything else about the payment.
        response_description: The acquirer's code in words.
    """

    amount: Number | None | Unset = UNSET
    response_code: int | None | Unset = UNSET
    auth_code: str | None | Unset = UNSET
    currency: str | None | Unset = UNSET
    payment_method: str | None | Unset = UNSET
    scheme: str | None | Unset = UNSET
    card: MaskedCard | None | Unset = UNSET
    additional_data: AdditionalData | None | Unset = UNSET
    response_description: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.additional_data import AdditionalData
        from ..models.masked_card import MaskedCard

        return {
            "amount": ("amount", either(number, nothing)),
            "response_code": ("response_code", either(integer, nothing)),
            "auth_code": ("auth_code", either(text, nothing)),
            "currency": ("currency", either(text, nothing)),
            "payment_method": ("payment_method", either(text, nothing)),
            "scheme": ("scheme", either(text, nothing)),
            "card": ("card", either(MaskedCard.from_dict, nothing)),
            "additional_data": ("additional_data", either(AdditionalData.from_dict, nothing)),
            "response_description": ("responseDescription", either(text, nothing)),
        }
