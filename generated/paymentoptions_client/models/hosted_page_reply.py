from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from attrs import define, field

from ..types import UNSET, Model, Number, Reader, Unset, either, nothing, number, text, uuid

if TYPE_CHECKING:
    from ..models.address import Address
    from ..models.return_url import ReturnUrl


@define
class HostedPageReply(Model):
    """The link to a hosted page.

    Attributes:
        id: Reference id of the link.
        url: The page that the buyer must open.
        amount: Amount in major units of the currency.
        currency: ISO 4217 code of the currency.
        merchant_txn_ref: The merchant's own reference.
        merchant_id: Merchant id (DASMID).
        merchant_email: E-mail address of the merchant.
        return_url: Where buyer and outcome are sent; needed for 3-D Secure.
        billing_address: The billing address of the cardholder.
        shipping_address: The shipping address of the cardholder.
    """

    id: UUID | None | Unset = UNSET
    url: str | None | Unset = field(default=UNSET, repr=False)
    amount: Number | None | Unset = UNSET
    currency: str | None | Unset = UNSET
    merchant_txn_ref: str | None | Unset = UNSET
    merchant_id: str | None | Unset = UNSET
    merchant_email: str | None | Unset = UNSET
    return_url: ReturnUrl | None | Unset = UNSET
    billing_address: Address | None | Unset = UNSET
    shipping_address: Address | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.address import Address
        from ..models.return_url import ReturnUrl

        return {
            "id": ("id", either(uuid, nothing)),
            "url": ("url", either(text, nothing)),
            "amount": ("amount", either(number, nothing)),
            "currency": ("currency", either(text, nothing)),
            "merchant_txn_ref": ("merchant_txn_ref", either(text, nothing)),
            "merchant_id": ("merchant_id", either(text, nothing)),
            "merchant_email": ("merchant_email", either(text, nothing)),
            "return_url": ("return_url", either(ReturnUrl.from_dict, nothing)),
            "billing_address": ("billing_address", either(Address.from_dict, nothing)),
            "shipping_address": ("shipping_address", either(Address.from_dict, nothing)),
        }
