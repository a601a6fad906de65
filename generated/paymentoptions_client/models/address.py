from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text


@define
class Address(Model):
    """An address of the cardholder.

    Attributes:
        country: Country as an ISO 3166-1 alpha-2 code.
        email: E-mail address.
        phone_number: Telephone number, digits only.
        address1: Street and number.
        city: City.
        state: State, prefecture or province.
        postal_code: Postal code.
    """

    country: str | Unset = UNSET
    email: str | Unset = UNSET
    phone_number: str | Unset = UNSET
    address1: str | Unset = UNSET
    city: str | Unset = UNSET
    state: str | Unset = UNSET
    postal_code: str | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "country": ("country", text),
            "email": ("email", text),
            "phone_number": ("phone_number", text),
            "address1": ("address1", text),
            "city": ("city", text),
            "state": ("state", text),
            "postal_code": ("postal_code", text),
        }
