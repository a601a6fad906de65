from __future__ import annotations

from functools import cache

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, boolean, text


@define
class PaymentMethod(Model):
    """How the payment is made.

    Attributes:
        type_: Kind of payment: scheme for cards, otherwise the wallet's name.
        store_payment_method: True keeps the card for later payments.
        stored_payment_method_id: Token of the card kept earlier.
    """

    type_: str | Unset = UNSET
    store_payment_method: bool | Unset = UNSET
    stored_payment_method_id: str | Unset = field(default=UNSET, repr=False)

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "type_": ("type", text),
            "store_payment_method": ("store_payment_method", boolean),
            "stored_payment_method_id": ("stored_payment_method_id", text),
        }
