"""Billing and shipping addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values.texts import PURCHASE_PAGE, check_text

_COUNTRY = re.compile(r"[A-Z]{2}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_MAX_LENGTHS = {
    "country": 2,
    "email": 45,
    "phone_number": 20,
    "address1": 199,
    "city": 65,
    "state": 65,
    "postal_code": 45,
}


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """Where the buyer lives, or where the goods go.

    ``country`` is an ISO 3166-1 alpha-2 code in capitals and required. The others may be left out: the vendor's
    purchase page requires none, its manual of 2023 all of them, so give what you have. Longest: email 45, phone 20,
    address1 199, city 65, state 65, postal code 45 characters. Raises `InvalidValue`. Its repr shows the country only.
    """

    country: str
    email: str | None = None
    phone_number: str | None = None
    address1: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.country, str) or not _COUNTRY.fullmatch(self.country):
            raise InvalidValue(
                "address.country: needs two capital letters, as in JP (ISO 3166-1 alpha-2)", field="address.country"
            )
        for name, max_length in _MAX_LENGTHS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, check_text(f"address.{name}", value, max_length, PURCHASE_PAGE))
        if self.email is not None and not _EMAIL.fullmatch(self.email):
            raise InvalidValue("address.email: needs one @ with something on both sides", field="address.email")

    def to_wire(self) -> dict[str, str]:
        """The request's ``billing_address`` or ``shipping_address`` object: what was given."""
        return {name: value for name in _MAX_LENGTHS if (value := getattr(self, name)) is not None}

    def __repr__(self) -> str:
        return f"<Address {self.country}>"
