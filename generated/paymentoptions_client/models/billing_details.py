from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing

if TYPE_CHECKING:
    from ..models.address import Address


@define
class BillingDetails(Model):
    """Addresses of the cardholder.

    Attributes:
        billing_address: The billing address of the cardholder.
        shipping_address: The shipping address of the cardholder.
    """

    billing_address: Address | None | Unset = UNSET
    shipping_address: Address | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.address import Address

        return {
            "billing_address": ("billing_address", either(Address.from_dict, nothing)),
            "shipping_address": ("shipping_address", either(Address.from_dict, nothing)),
        }
