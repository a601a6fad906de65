from __future__ import annotations

from functools import cache

from attrs import define

from ..types import Model, Reader, text


@define
class VoidRequest(Model):
    """A release of an authorisation.

    Attributes:
        transaction_id: Transaction id of the authorisation.
        merchant_id: Merchant id (DASMID).
    """

    transaction_id: str
    merchant_id: str

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {"transaction_id": ("transactionId", text), "merchant_id": ("merchant_id", text)}
