"""The single fields of an answer, each read tolerantly: what can't be read is None, and nothing raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.gateway_json import read_clear
from paymentoptions_async.payment import Expected
from paymentoptions_async.values import MaskedCard, Money


def object_in(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """The object of that name; an empty one where there is none."""
    value = raw.get(name)
    return value if value.__class__ is dict else _NOTHING


_NOTHING: dict[str, Any] = {}


def flag(value: object) -> bool | None:
    """A boolean, also as its exact text; None for all else."""
    if value is True or value == "true":
        return True
    return False if value is False or value == "false" else None


def text_of(value: object) -> str | None:
    """A text that is not empty; whole numbers as their digits."""
    if value.__class__ is int:
        return str(value)
    return value if isinstance(value, str) and value else None


def transaction_id_of(value: object) -> str | None:
    """An id as the gateway is asked for it: a UUID in lower case; others, as Corefy's, may be told apart by case."""
    found = text_of(value)
    return found.lower() if found is not None and _UUID.fullmatch(found) else found


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def first_message(*values: object) -> str | None:
    """The first text among several, in the gateway's language."""
    for value in values:
        if isinstance(value, str) and value:
            return value[:_LONGEST_MESSAGE]
    return None


_LONGEST_MESSAGE = 500
_CODE = re.compile(r"-?[0-9]{1,6}")


def code_of(value: Any, doubts: list[str]) -> int | None:
    """An acquirer's code: a whole number, also as digits or with a point."""
    if value is None:
        return None
    if value.__class__ is int and -_LARGEST_CODE < value < _LARGEST_CODE:
        return value
    if isinstance(value, Decimal) and -_LARGEST_CODE < value < _LARGEST_CODE and value == int(value):
        return int(value)
    if isinstance(value, str) and _CODE.fullmatch(value):
        return int(value)
    doubts.append("its response code is not readable")
    return None


_LARGEST_CODE = 1_000_000


def amount_in(details: dict[str, Any], expected: Expected) -> Money | None:
    """Amount and currency together; the very `Money` that was asked for if they are the same."""
    amount, currency, asked = details.get("amount"), details.get("currency"), expected.amount
    if amount is None or currency is None:
        return None
    if asked is not None and currency == asked.currency and amount.__class__ is int and amount == asked.amount:
        return asked
    try:
        return Money.from_wire(amount, currency)
    except InvalidValue:
        return None


def reference_in(merchant: dict[str, Any], transaction: dict[str, Any], doubts: list[str]) -> str | None:
    """The ``merchant_txn_ref``, which stands in either place or both."""
    first, second = text_of(merchant.get("merchant_txn_ref")), text_of(transaction.get("merchant_txn_ref"))
    if first is not None and second is not None and first != second:
        doubts.append("it names two references")
    return first or second


def stored_id_in(transaction: dict[str, Any], body: bytes) -> str | None:
    """The stored card's token, in clear."""
    if not transaction.get("stored_payment_method_id"):
        return None
    return read_clear(body, "transaction_details", "stored_payment_method_id") or None


_SHOWN_CARD = re.compile(r"([0-9]{6})[^0-9]+([0-9]{4})")


def card_in(details: dict[str, Any]) -> MaskedCard | None:
    """The card as it may be shown; None unless first 6 and last 4 digits are there."""
    card = details.get("card")
    if card.__class__ is not dict:
        return None
    shown = _SHOWN_CARD.fullmatch(str(card.get("number")))
    if shown is None:
        return None
    first6, last4 = shown.groups()
    month, year, scheme = text_of(card.get("exp_month")), text_of(card.get("exp_year")), text_of(details.get("scheme"))
    return MaskedCard(first6, last4, month, year, scheme)


def time_of(value: object) -> datetime | None:
    """A date-time in UTC; one without a zone is UTC already (vendor's samples). A bad one is None."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        from dateutil.parser import isoparse

        try:
            found = isoparse(value)
        except (ValueError, OverflowError):
            return None
    if found.tzinfo is UTC:
        return found
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def retry_after(headers: Mapping[str, str], now: float | None) -> float | None:
    """Read Retry-After in seconds (RFC 9110); a date needs ``now``."""
    value = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    if not value or now is None:
        return None
    from email.utils import parsedate_to_datetime

    try:
        return max(parsedate_to_datetime(value).timestamp() - now, 0.0)
    except (ValueError, OverflowError):
        return None
