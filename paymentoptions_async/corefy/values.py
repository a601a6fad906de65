"""The values of an invoice that the first gateway does not have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeGuard

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values import BrowserInfo, check_text

_SOURCE = "ours; the vendor names none"
_LONGEST = 255
_SERVICE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_INVOICE = re.compile(r"cpi_[A-Za-z0-9]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAddress:
    """Where the customer lives. ``country`` is ISO 3166-1 alpha-2."""

    country: str | None = None
    region: str | None = None
    city: str | None = None
    street: str | None = None
    full_address: str | None = None
    post_code: str | None = None

    def __post_init__(self) -> None:
        _check_texts(self, "customer.address")

    def to_wire(self) -> dict[str, str]:
        """The request's ``address`` object: what is known."""
        return _known(self)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Customer:
    """Who pays. A stored card's token works only with the ``reference_id`` that it was made with (seed 003).

    ``reference_id`` is your own name of the customer, ``date_of_birth`` is YYYY-MM-DD. Raises `InvalidValue`.
    """

    reference_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    date_of_birth: str | None = None
    address: CustomerAddress | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_texts(self, "customer")
        check_metadata("customer.metadata", self.metadata)

    def to_wire(self) -> dict[str, Any]:
        """The request's ``customer`` object: what is known."""
        wire: dict[str, Any] = _known(self)
        if self.address is not None:
            wire["address"] = self.address.to_wire()
        if self.metadata:
            wire["metadata"] = dict(self.metadata)
        return wire

    def __repr__(self) -> str:
        return f"<Customer {self.reference_id!r}>"


def check_metadata(name: str, value: object) -> Mapping[str, str]:
    """Return a mapping of texts, or raise `InvalidValue`."""
    if not isinstance(value, Mapping) or not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise InvalidValue(f"{name}: needs a mapping of str to str", field=name)
    for key, text in value.items():
        check_text(name, key, _LONGEST, _SOURCE)
        check_text(f"{name}.{key}", text, _LONGEST, _SOURCE)
    return value


def check_service(service: str | None, currency: str) -> str:
    """Return the payment service; cards in the currency where none is named (``payment_card_usd_hpp``, seed 003)."""
    if service is None:
        return f"payment_card_{currency.lower()}_hpp"
    if not isinstance(service, str) or not _SERVICE.fullmatch(service) or len(service) > _LONGEST:
        raise InvalidValue("service: needs a name as the vendor spells it: payment_card_usd_hpp, …", field="service")
    return service


def check_invoice_id(invoice_id: object, field_name: str = "invoice_id") -> str:
    """Return an invoice's id, or raise `InvalidValue`: ``cpi_``, letters and digits, so that it can hide no path."""
    if not is_invoice_id(invoice_id):
        raise InvalidValue(f"{field_name}: needs an invoice's id, cpi_ and letters and digits", field=field_name)
    return invoice_id


def check_account_id(account_id: object) -> str:
    """Return a commerce account's id, or raise `InvalidValue`: letters, digits, underscores and hyphens."""
    if not isinstance(account_id, str) or not _ACCOUNT.fullmatch(account_id):
        raise InvalidValue("account_id: needs the commerce account, coma_ and letters and digits", field="account_id")
    return account_id


def is_invoice_id(value: object) -> TypeGuard[str]:
    """Tell whether it reads as an invoice's id."""
    return isinstance(value, str) and _INVOICE.fullmatch(value) is not None


def browser_to_wire(browser: BrowserInfo, customer_ip: str | None) -> dict[str, Any]:
    """The cardgate's ``browser_info``: texts, with the flag of Java as it is. The window is taken for the screen."""
    told = {
        "browser_accept_header": browser.accept_header,
        "browser_color_depth": browser.screen_color_depth,
        "browser_ip": customer_ip,
        "browser_java_enabled": browser.java_enabled,
        "browser_language": browser.language,
        "browser_screen_height": browser.screen_height,
        "browser_screen_width": browser.screen_width,
        "browser_user_agent": browser.user_agent,
        "device_channel": "02",  # a browser (EMV 3-D Secure)
        "window_height": browser.screen_height,
        "window_width": browser.screen_width,
    }
    return {name: value for name, value in told.items() if value is not None}


def _check_texts(value: Any, what: str) -> None:
    for one in fields(value):
        text = getattr(value, one.name)
        if one.type == "str" or (one.type == "str | None" and text is not None):
            object.__setattr__(value, one.name, check_text(f"{what}.{one.name}", text, _LONGEST, _SOURCE))


def _known(value: Any) -> dict[str, str]:
    texts = {one.name: getattr(value, one.name) for one in fields(value)}
    return {name: text for name, text in texts.items() if isinstance(text, str)}
