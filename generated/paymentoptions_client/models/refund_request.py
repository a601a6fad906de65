from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, number, text


@define
class RefundRequest(Model):
    """A refund of a purchase or a capture.

    Attributes:
        transaction_id: Transaction id of the purchase or capture.
        amount: Amount in major units of the currency.
        merchant_id: Merchant id (DASMID).
        notes: Free text kept with the operation.
    """

    transaction_id: str
    amount: Number
    merchant_id: str
    notes: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "transaction_id": ("transactionId", text),
            "amount": ("amount", number),
            "merchant_id": ("merchant_id", text),
            "notes": ("notes", text),
        }
