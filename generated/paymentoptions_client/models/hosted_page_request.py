from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, either, number, text

if TYPE_CHECKING:
    from ..models.address import Address
    from ..models.payment_method import PaymentMethod
    from ..models.return_url import ReturnUrl


@define
class HostedPageRequest(Model):
    """A link to a hosted page, for cards or a wallet.

    Attributes:
        return_url: Where buyer and outcome are sent; needed for 3-D Secure.
        currency: ISO 4217 code of the currency.
        merchant_id: Merchant id (DASMID).
        amount: Amount in major units of the currency; without it the buyer types it.
        merchant_email: E-mail address of the merchant.
        merchant_txn_ref: The merchant's own reference.
        billing_address: An address of the cardholder.
        shipping_address: An address of the cardholder.
        payment_method: How the payment is made.
        customer_ip: The cardholder's IP address.
        time_zone: IANA name of the transaction's time zone.
    """

    return_url: ReturnUrl
    currency: str
    merchant_id: str
    amount: Number | str | Unset = UNSET
    merchant_email: str | Unset = UNSET
    merchant_txn_ref: str | Unset = UNSET
    billing_address: Address | Unset = UNSET
    shipping_address: Address | Unset = UNSET
    payment_method: PaymentMethod | Unset = UNSET
    customer_ip: str | Unset = UNSET
    time_zone: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.address import Address
        from ..models.payment_method import PaymentMethod
        from ..models.return_url import ReturnUrl

        return {
            "return_url": ("return_url", ReturnUrl.from_dict),
            "currency": ("currency", text),
            "merchant_id": ("merchant_id", text),
            "amount": ("amount", either(number, text)),
            "merchant_email": ("merchant_email", text),
            "merchant_txn_ref": ("merchant_txn_ref", text),
            "billing_address": ("billing_address", Address.from_dict),
            "shipping_address": ("shipping_address", Address.from_dict),
            "payment_method": ("payment_method", PaymentMethod.from_dict),
            "customer_ip": ("customer_ip", text),
            "time_zone": ("time_zone", text),
        }
