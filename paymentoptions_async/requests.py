"""What each operation puts on the wire, exactly as documented. Pure.

Amounts are text here and numbers there, names are snake_case here and camelCase there: this is where it is known.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.settings import API_PREFIX
from paymentoptions_async.values import Address, BrowserInfo, Card, Money, ReturnUrls, Secret, SubscriptionPlan

PAYMENT = f"{API_PREFIX}/payment"
PAYMENT_V2 = f"{API_PREFIX}/paymentv2"
AUTHORIZATION = f"{API_PREFIX}/authorization"
AUTHORIZATION_V2 = f"{API_PREFIX}/authorizationv2"
CAPTURE = f"{API_PREFIX}/capture"
VOID = f"{API_PREFIX}/void"
REFUND = f"{API_PREFIX}/refund"
LINK = f"{API_PREFIX}/hpp/generate/link"
SUBSCRIBE = f"{API_PREFIX}/subscription/payment"
SUBSCRIPTIONS = f"{API_PREFIX}/subscription/list"
_SUBSCRIPTION = f"{API_PREFIX}/subscription/"
_STATUS = f"{API_PREFIX}/transaction/status/"
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", re.ASCII)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def status_path(transaction_id: str) -> str:
    """Path of a status query. The id must be a UUID, so that nothing else can get into the path."""
    return _STATUS + check_transaction_id(transaction_id)


def check_transaction_id(transaction_id: str, field: str = "transaction_id") -> str:
    """Return a transaction id in lower case, or raise `InvalidValue`: it is a UUID of 36 characters."""
    if not isinstance(transaction_id, str) or not _UUID.fullmatch(transaction_id):
        known = "a reference that the journal knows, or " if field == "payment" else ""
        raise InvalidValue(
            f"{field}: needs {known}a UUID of 36 characters (vendor's status page, maxLength 36)", field=field
        )
    return transaction_id.lower()


def check_token(token: Secret) -> Secret:
    """Return a stored card's token, or raise `InvalidValue`, without showing it: it is a UUID (vendor's token page)."""
    if not _is_uuid(token.reveal()):
        raise InvalidValue("token: needs the UUID that came as stored_payment_method_id (vendor's page)", field="token")
    return token


def _is_uuid(text: object) -> bool:
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def subscription_path(subscription_id: str, change: str | None = None) -> str:
    """Path of a subscription, or of a change to it: ``pause`` (inferred by symmetry), ``resume`` or ``cancel``."""
    if not isinstance(subscription_id, str) or not _PLAIN_ID.fullmatch(subscription_id):
        raise InvalidValue(
            "subscription_id: needs the id that the gateway gave: letters, digits, hyphens", field="subscription_id"
        )
    return _SUBSCRIPTION + subscription_id + (f"/{change}" if change else "")


def charge_body(
    *,
    ref: str,
    merchant_id: str,
    amount: Money,
    billing_address: Address,
    customer_ip: str | None,
    card: Card | None = None,
    token: Secret | None = None,
    store_card: bool = False,
    shipping_address: Address | None = None,
    browser_info: BrowserInfo | None = None,
    return_urls: ReturnUrls | None = None,
    time_zone: str | None = None,
    plan: SubscriptionPlan | None = None,
) -> bytes:
    """The body of whatever charges or authorises a card. The amount is text in major units (inferred; see the guide).

    With ``token`` there is no card; ``store_card`` and ``token`` go into ``payment_method``, which only the pages of
    ``payment`` show.
    """
    return _encode(
        {
            "amount": amount.wire_text,
            "currency": amount.currency,
            "card": card and card.to_wire(),
            "payment_method": _method(token, store_card=store_card),
            "merchant_txn_ref": ref,
            "customer_ip": customer_ip,
            "merchant_id": merchant_id,
            "return_url": return_urls and return_urls.to_wire(),
            "billing_address": billing_address.to_wire(),
            "shipping_address": shipping_address and shipping_address.to_wire(),
            "browser_info": browser_info and browser_info.to_wire(),
            "time_zone": time_zone,
            "subscription": plan and plan.to_wire(ref),
        }
    )


def _method(token: Secret | None, *, store_card: bool) -> dict[str, Any] | None:
    if token is not None:
        return {"type": "scheme", "stored_payment_method_id": token.reveal()}
    return {"type": "scheme", "store_payment_method": True} if store_card else None


def following_body(
    *, transaction_id: str, merchant_id: str, amount: Money | None = None, notes: str | None = None
) -> bytes:
    """The body of a capture or refund, whose amount is a number, or of a void, which has none."""
    return _encode(
        {
            "transactionId": transaction_id,
            "amount": amount and amount.wire_number,
            "merchant_id": merchant_id,
            "notes": notes,
        }
    )


def link_body(
    *,
    ref: str,
    merchant_id: str,
    currency: str,
    amount: Money | None,
    method: str,
    return_urls: ReturnUrls,
    merchant_email: str | None = None,
    store_card: bool = False,
    billing_address: Address | None = None,
    shipping_address: Address | None = None,
    customer_ip: str | None = None,
    time_zone: str | None = None,
) -> bytes:
    """The body of a hosted page's or wallet's link. A page's amount is a number, a wallet's is text (``""``: none)."""
    is_card = method == CARDS
    wire_amount: Any = amount and (amount.wire_number if is_card else amount.wire_text)
    stored = {"store_payment_method": True} if store_card else {}
    return _encode(
        {
            "return_url": return_urls.to_wire(),
            "amount": wire_amount if amount is not None or is_card else "",
            "currency": currency,
            "merchant_id": merchant_id,
            "merchant_email": merchant_email,
            "merchant_txn_ref": ref,
            "payment_method": {"type": method, **stored} if stored or not is_card else None,
            "billing_address": billing_address and billing_address.to_wire(),
            "shipping_address": shipping_address and shipping_address.to_wire(),
            "customer_ip": customer_ip,
            "time_zone": time_zone,
        }
    )


CARDS = "scheme"
"""The payment method type that means cards."""


def _encode(fields: dict[str, Any]) -> bytes:
    """Write JSON with Decimals as exact literals. Everything that is None is left out."""
    given = {name: value for name, value in fields.items() if value is not None}
    numbers = {name: value for name, value in given.items() if isinstance(value, Decimal)}
    rest = json.dumps(
        {name: value for name, value in given.items() if name not in numbers},
        ensure_ascii=False,
        separators=(",", ":"),
        default=_whole_or_text,
    )
    literals = "".join(f'"{name}":{value:f},' for name, value in numbers.items())
    return f"{{{literals}{rest[1:]}".encode()


def _whole_or_text(value: object) -> int | float:
    """A Decimal further down is a percentage, which no money depends on."""
    assert isinstance(value, Decimal)
    return int(value) if value == int(value) else float(value)
