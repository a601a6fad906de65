from __future__ import annotations

import datetime
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from attrs import define, field

from ..types import UNSET, Model, Reader, Unset, date_time, either, integer, nothing, text, uuid

if TYPE_CHECKING:
    from ..models.billing_details import BillingDetails


@define
class TransactionDetails(Model):
    """Identity of the transaction.

    Attributes:
        id: Transaction id.
        ref: Running number of the transaction.
        timestamp: When the transaction was made, in UTC.
        merchant_txn_ref: The merchant's own reference.
        stored_payment_method_id: Token of the card, when it was kept.
        billing_details: Addresses of the cardholder.
    """

    id: UUID | None | Unset = UNSET
    ref: int | None | Unset = UNSET
    timestamp: datetime.datetime | None | Unset = UNSET
    merchant_txn_ref: str | None | Unset = UNSET
    stored_payment_method_id: UUID | None | Unset = field(default=UNSET, repr=False)
    billing_details: BillingDetails | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.billing_details import BillingDetails

        return {
            "id": ("id", either(uuid, nothing)),
            "ref": ("ref", either(integer, nothing)),
            "timestamp": ("timestamp", either(date_time, nothing)),
            "merchant_txn_ref": ("merchant_txn_ref", either(text, nothing)),
            "stored_payment_method_id": ("stored_payment_method_id", either(uuid, nothing)),
            "billing_details": ("billing_details", either(BillingDetails.from_dict, nothing)),
        }
