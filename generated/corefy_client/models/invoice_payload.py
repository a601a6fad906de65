from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, anything, either, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.payment_card import PaymentCard


@define
class InvoicePayload(Model):
    """What is known of the payment once a card was used.

    Attributes:
        client_ip: IP address of the payer; may be empty.
        token: The stored card; given only after a successful payment with tokenize.
        auth_type: How the payment was authorised.
        payment_card: The card that was used.
    """

    client_ip: str | None | Unset = UNSET
    token: str | None | Unset = field(default=UNSET, repr=False)
    auth_type: str | None | Unset = UNSET
    payment_card: PaymentCard | list[Any] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.payment_card import PaymentCard

        return {
            "client_ip": ("client_ip", either(text, nothing)),
            "token": ("token", either(text, nothing)),
            "auth_type": ("auth_type", either(text, nothing)),
            "payment_card": ("payment_card", either(PaymentCard.from_dict, list_of(anything), nothing)),
        }
