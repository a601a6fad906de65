"""Reading what a browser sends: forms, and of them addresses, cards, and what 3-D Secure wants to know."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TypeVar
from urllib.parse import parse_qsl
from zoneinfo import available_timezones

from fastapi import HTTPException, Request

from paymentoptions_async import Address, BrowserInfo, Card, InvalidValue, Money

_LARGEST = 16 * 1024
_MOST_FIELDS = 50

COUNTRIES = {
    "JP": "Japan",
    "AT": "Austria",
    "BE": "Belgium",
    "DE": "Germany",
    "ES": "Spain",
    "FR": "France",
    "GB": "United Kingdom",
    "IT": "Italy",
    "NL": "Netherlands",
    "US": "United States",
}

_NEEDED = {
    "recipient": "Enter the name on the parcel.",
    "email": "Enter your e-mail address.",
    "address1": "Enter street and house number.",
    "city": "Enter the town or city.",
    "postal_code": "Enter the postal code.",
    "number": "Enter the card number.",
    "expiry": "Enter the month and year, as on the card.",
    "cvc": "Enter the security code.",
    "name": "Enter the name on the card.",
}
_WRONG = {
    "address.country": "Choose a country.",
    "address.email": "Enter an e-mail address such as mari@example.com, in at most 45 characters.",
    "address.phone_number": "Enter at most 20 characters.",
    "address.address1": "Enter at most 199 characters.",
    "address.postal_code": "Enter at most 45 characters.",
    "card.number": "This is no card number. Compare it with your card, digit by digit.",
    "card.expiry_month": "Enter the month and year as on the card, for example 08/29.",
    "card.expiry_year": "Enter the month and year as on the card, for example 08/29.",
    "card.cvc": "Enter the 3 digits on the back of the card (American Express: 4 on the front).",
    "card.name": "Enter the name as it stands on the card.",
}
_EXPIRY = re.compile(r"(\d{1,2})[ /.-]*(\d{2}|\d{4})", re.ASCII)
_FIELD_OF = {"card.expiry_month": "expiry", "card.expiry_year": "expiry"}


class Form(dict[str, str]):
    """The fields of a posted form. Its repr shows their names only, because one of them may be a card number."""

    def __repr__(self) -> str:
        return f"<Form {' '.join(self)}>"

    def whole_number(self, name: str) -> int:
        """A whole number of ours, or 0 where someone changed it."""
        value = self.get(name, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < len("1000000") else 0


class Refused(Exception):
    """What to say next to which field."""

    def __init__(self, **errors: str) -> None:
        super().__init__(*errors)
        self.errors = errors


async def read_form(request: Request) -> Form:
    """Read a URL-encoded form, of a size that ours have."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise HTTPException(413)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(400) from None
    return Form((name, value.strip()) for name, value in fields)


def read_address(form: Form) -> tuple[str, Address]:
    """The recipient and the address; raises `Refused`."""
    _require(form, "recipient", "email", "address1", "city", "postal_code")
    fields = ("email", "phone_number", "address1", "city", "state", "postal_code")
    given = {name: form[name] for name in fields if form.get(name)}
    country = form.get("country", "")
    return form["recipient"], _checked(lambda: Address(country=country if country in COUNTRIES else "", **given))


def read_card(form: Form) -> Card:
    """The card; raises `Refused`. From here on only a `Card` has the number, and it shows it to nobody."""
    _require(form, "number", "expiry", "cvc", "name")
    expiry = _EXPIRY.fullmatch(form.pop("expiry"))
    month, year = expiry.groups() if expiry else ("", "")
    return _checked(
        lambda: Card(
            number=form.pop("number"), cvc=form.pop("cvc"), expiry_month=month, expiry_year=year, name=form["name"]
        )
    )


def read_browser(form: Form, request: Request) -> tuple[BrowserInfo, str | None]:
    """What 3-D Secure wants to know: headers, and what ``static/pay.js`` found out. And the time zone.

    It comes from a stranger, and a payment must not fail for it: what does not fit is left out.
    """
    browser = BrowserInfo.from_headers(
        request.headers,
        screen_width=_digits(form, "screen_width", 5),
        screen_height=_digits(form, "screen_height", 5),
        color_depth=_digits(form, "color_depth", 2),
        java_enabled=form.get("java_enabled") == "true",
        challenge_window=5,  # the bank's page has the whole window
    )
    time_zone = form.get("time_zone")
    return browser, time_zone if time_zone in _time_zones() else None


def read_amount(form: Form, currency: str) -> Money:
    """The amount of a refund; raises `Refused`."""
    try:
        amount = Money(form.get("amount", ""), currency)
    except InvalidValue:
        raise Refused(amount=f"Enter an amount in {currency}, such as {Money(5, currency).amount}.") from None
    if not amount.is_positive:
        raise Refused(amount="Enter an amount above zero.")
    return amount


def _require(form: Form, *names: str) -> None:
    missing = {name: _NEEDED[name] for name in names if not form.get(name)}
    if missing:
        raise Refused(**missing)


T = TypeVar("T")


def _checked(make: Callable[[], T]) -> T:
    """Make a value of the client's, or say what is wrong with it in the shop's words, next to its field."""
    try:
        return make()
    except InvalidValue as error:
        field = _FIELD_OF.get(error.field, error.field.rpartition(".")[2])
        raise Refused(**{field: _WRONG.get(error.field, "Enter this differently, please.")}) from None


def _digits(form: Form, name: str, most: int) -> str | None:
    value = form.get(name, "")
    return value if value.isascii() and value.isdigit() and len(value) <= most else None


@cache
def _time_zones() -> set[str]:
    return available_timezones()
