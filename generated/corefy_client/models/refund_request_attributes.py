from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, number, text


@define
class RefundRequestAttributes(Model):
    """What to refund.

    Attributes:
        amount: Amount in major units, at most what is left of the payment.
        reference_id: The merchant's reference of the refund; listed as additional, but refused (422)
            without it.
        invoice_id: Id of the invoice.
        description: Why it is refunded.
    """

    amount: Number
    reference_id: str
    invoice_id: str | Unset = UNSET
    description: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "amount": ("amount", number),
            "reference_id": ("reference_id", text),
            "invoice_id": ("invoiceId", text),
            "description": ("description", text),
        }
