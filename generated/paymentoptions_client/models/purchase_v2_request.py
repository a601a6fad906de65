from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.address import Address
    from ..models.browser_info import BrowserInfo
    from ..models.card import Card
    from ..models.return_url import ReturnUrl


@define
class PurchaseV2Request(Model):
    """A purchase by card.

    Attributes:
        amount: Amount in major units of the currency.
        currency: ISO 4217 code of the currency.
        card: The card to be charged.
        merchant_txn_ref: The merchant's own reference.
        customer_ip: The cardholder's IP address.
        merchant_id: Merchant id (DASMID).
        billing_address: An address of the cardholder.
        return_url: Where buyer and outcome are sent; needed for 3-D Secure.
        shipping_address: An address of the cardholder.
        browser_info: What the cardholder's browser says of itself.
        time_zone: IANA name of the transaction's time zone.
    """

    amount: str
    currency: str
    card: Card
    merchant_txn_ref: str
    customer_ip: str
    merchant_id: str
    billing_address: Address
    return_url: ReturnUrl | Unset = UNSET
    shipping_address: Address | Unset = UNSET
    browser_info: BrowserInfo | Unset = UNSET
    time_zone: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.address import Address
        from ..models.browser_info import BrowserInfo
        from ..models.card import Card
        from ..models.return_url import ReturnUrl

        return {
            "amount": ("amount", text),
            "currency": ("currency", text),
            "card": ("card", Card.from_dict),
            "merchant_txn_ref": ("merchant_txn_ref", text),
            "customer_ip": ("customer_ip", text),
            "merchant_id": ("merchant_id", text),
            "billing_address": ("billing_address", Address.from_dict),
            "return_url": ("return_url", ReturnUrl.from_dict),
            "shipping_address": ("shipping_address", Address.from_dict),
            "browser_info": ("browser_info", BrowserInfo.from_dict),
            "time_zone": ("time_zone", text),
        }
