from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, either, nothing, text


@define
class DeviceDetails(Model):
    """Addresses of the devices involved.

    Attributes:
        visited_ip: The payment page's IP address.
        merchant_ip: The merchant's IP address.
        customer_ip: The cardholder's IP address.
    """

    visited_ip: str | None | Unset = UNSET
    merchant_ip: str | None | Unset = UNSET
    customer_ip: str | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "visited_ip": ("visited_ip", either(text, nothing)),
            "merchant_ip": ("merchant_ip", either(text, nothing)),
            "customer_ip": ("customer_ip", either(text, nothing)),
        }
