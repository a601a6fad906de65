from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, either, integer, nothing, number, text


@define
class RefundAttributes(Model):
    """State of the refund.

    Attributes:
        status: Where the refund stands.
        reference_id: The merchant's reference of the refund.
        original_id: Id of the refunded invoice.
        description: Why it was refunded.
        amount: Refunded amount in major units.
        fee: Fee in major units.
        currency: ISO 4217 code.
        created: When it was created, in Unix seconds.
    """

    status: str
    reference_id: str | None | Unset = UNSET
    original_id: str | Unset = UNSET
    description: str | None | Unset = UNSET
    amount: Number | None | Unset = UNSET
    fee: Number | None | Unset = UNSET
    currency: str | None | Unset = UNSET
    created: int | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "status": ("status", text),
            "reference_id": ("reference_id", either(text, nothing)),
            "original_id": ("original_id", text),
            "description": ("description", either(text, nothing)),
            "amount": ("amount", either(number, nothing)),
            "fee": ("fee", either(number, nothing)),
            "currency": ("currency", either(text, nothing)),
            "created": ("created", either(integer, nothing)),
        }
