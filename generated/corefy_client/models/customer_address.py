from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text


@define
class CustomerAddress(Model):
    """The payer's address.

    Attributes:
        country: ISO 3166-1 alpha-2 code.
        region: State or region.
        city: City.
        street: Street and house.
        full_address: The address in one line.
        post_code: Postal code.
    """

    country: str | Unset = UNSET
    region: str | Unset = UNSET
    city: str | Unset = UNSET
    street: str | Unset = UNSET
    full_address: str | Unset = UNSET
    post_code: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "country": ("country", text),
            "region": ("region", text),
            "city": ("city", text),
            "street": ("street", text),
            "full_address": ("full_address", text),
            "post_code": ("post_code", text),
        }
