from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text

if TYPE_CHECKING:
    from ..models.billing_details import BillingDetails
    from ..models.device_details import DeviceDetails


@define
class MerchantDetails(Model):
    """The merchant and the request's origin.

    Attributes:
        legal_name: Registered name of the merchant.
        mid: Merchant id (DASMID).
        merchant_txn_ref: The merchant's own reference, of the original payment.
        billing_details: Addresses of the cardholder.
        device_details: Addresses of the devices involved.
    """

    legal_name: str | None | Unset = UNSET
    mid: str | None | Unset = UNSET
    merchant_txn_ref: str | None | Unset = UNSET
    billing_details: BillingDetails | None | Unset = UNSET
    device_details: DeviceDetails | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.billing_details import BillingDetails
        from ..models.device_details import DeviceDetails

        return {
            "legal_name": ("legal_name", either(text, nothing)),
            "mid": ("mid", either(text, nothing)),
            "merchant_txn_ref": ("merchant_txn_ref", either(text, nothing)),
            "billing_details": ("billing_details", either(BillingDetails.from_dict, nothing)),
            "device_details": ("device_details", either(DeviceDetails.from_dict, nothing)),
        }
