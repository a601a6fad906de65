from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, text

if TYPE_CHECKING:
    from ..models.customer_address import CustomerAddress
    from ..models.customer_metadata import CustomerMetadata


@define
class Customer(Model):
    """Who pays; a stored card belongs to one customer reference.

    Attributes:
        reference_id: The merchant's own id of the customer; a token works only with the one it was stored
            for.
        name: Full name.
        email: Email address.
        phone: Phone number.
        date_of_birth: Date of birth, YYYY-MM-DD.
        individual_tax_id: Tax number of the person.
        first_name: Given name.
        surname: Family name.
        address: The payer's address.
        metadata: Anything of the merchant's about the customer; given back as it was sent.
    """

    reference_id: str
    name: str | Unset = UNSET
    email: str | Unset = UNSET
    phone: str | Unset = UNSET
    date_of_birth: str | Unset = UNSET
    individual_tax_id: str | Unset = UNSET
    first_name: str | Unset = UNSET
    surname: str | Unset = UNSET
    address: CustomerAddress | Unset = UNSET
    metadata: CustomerMetadata | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.customer_address import CustomerAddress
        from ..models.customer_metadata import CustomerMetadata

        return {
            "reference_id": ("reference_id", text),
            "name": ("name", text),
            "email": ("email", text),
            "phone": ("phone", text),
            "date_of_birth": ("date_of_birth", text),
            "individual_tax_id": ("individual_tax_id", text),
            "first_name": ("first_name", text),
            "surname": ("surname", text),
            "address": ("address", CustomerAddress.from_dict),
            "metadata": ("metadata", CustomerMetadata.from_dict),
        }
