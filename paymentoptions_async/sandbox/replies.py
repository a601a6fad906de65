"""The shapes of the gateway's answers, field by field as in the vendor's samples.

Seeds 000 and 002 show the payment envelope, seed 001 the 3-D Secure start, the webhook and the status reply. No
refusal or decline is shown anywhere: those shapes are inferred.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from . import cards
from .books import Order, Transaction
from .settings import Settings

_SUCCESSES = {
    "capture": ("Amount Successfully Captured.", "INFO0001"),
    "refund": ("Amount Successfully Refunded.", "INFO0002"),
    "void": ("Authorization Successfully Cancelled.", "INFO0003"),
}

_MARK = secrets.token_hex(8)
_MARKED = re.compile(rf'"{_MARK}([^"]*)"')


@dataclass
class Reply:
    """An HTTP answer before it is written.

    `body` is JSON-like, written by `write` (by `dumps` unless told otherwise), or bytes that go out as they are.
    """

    status: int
    body: Any
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    write: Callable[[Any], str] | None = None

    def content(self) -> bytes:
        """Return the body's bytes."""
        return self.body if isinstance(self.body, bytes) else (self.write or dumps)(self.body).encode()


def payment(transaction: Transaction, settings: Settings) -> Reply:
    """Answer a purchase or an authorisation: the envelope of seeds 000 and 002, key `risk-details`."""
    order, status = transaction.order, _http_status(transaction, settings)
    billing = {"billing_address": order.billing_address}
    if order.shipping_address is not None:
        billing["shipping_address"] = order.shipping_address
    devices = {"visited_ip": "127.0.0.1"}
    if order.customer_ip is not None:
        devices["customer_ip"] = order.customer_ip
    body = _envelope(transaction, settings, status)
    body["merchant_details"] |= {"billing_details": billing, "device_details": devices}
    body["payment_details"] |= {
        "auth_code": transaction.auth_code,
        "payment_method": _payment_method(transaction),
    }
    body["transaction_details"] |= {
        "merchant_txn_ref": transaction.merchant_txn_ref,
        "stored_payment_method_id": transaction.stored_payment_method_id,
    }
    body["risk-details"] = {"risk_score": None}
    return Reply(status, body)


def operation(transaction: Transaction, settings: Settings) -> Reply:
    """Answer a capture, void or refund: the envelope without addresses, devices and risk."""
    status = _http_status(transaction, settings)
    body = _envelope(transaction, settings, status)
    body["payment_details"] |= {"auth_code": transaction.auth_code, "payment_method": _payment_method(transaction)}
    body["transaction_details"]["merchant_txn_ref"] = transaction.merchant_txn_ref
    return Reply(status, body)


def challenge_started(url: str) -> Reply:
    """Answer the start of 3-D Secure (seed 001): no envelope, and no transaction id."""
    return Reply(200, {"url": url, "statusCode": 200, "success": True, "redirect_url": url})


def status(transaction: Transaction, settings: Settings) -> Reply:
    """Answer a status query (seed 001): `responseDescription`, addresses below the transaction, `risk_details`."""
    order = transaction.order
    billing = {"billing_address": order.billing_address}
    if order.shipping_address is not None:
        billing["shipping_address"] = order.shipping_address
    body = _envelope(transaction, settings, 200)
    body["payment_details"] |= {
        "responseDescription": transaction.outcome.description,
        "auth_code": transaction.auth_code,
        "payment_method": order.wallet,
    }
    body["transaction_details"]["billing_details"] = billing
    if transaction.stored_payment_method_id is not None:  # in no sample of a status reply (inferred)
        body["transaction_details"]["stored_payment_method_id"] = transaction.stored_payment_method_id
    body["risk_details"] = {"risk_score": None}
    return Reply(200, body)


def webhook(transaction: Transaction, settings: Settings) -> dict[str, Any]:
    """Return a webhook's payload (seed 001): status 200, no auth code, no payment method, empty `risk-details`."""
    body = _envelope(transaction, settings, 200)
    body["payment_details"] |= {"auth_code": None, "payment_method": transaction.order.wallet or ""}
    body["transaction_details"]["merchant_txn_ref"] = transaction.merchant_txn_ref
    if transaction.stored_payment_method_id is not None:  # the only way to tell a hosted page's merchant (seed 004)
        body["transaction_details"]["stored_payment_method_id"] = transaction.stored_payment_method_id
    body["risk-details"] = {}
    return body


def refusal(status: int, message: str, message_code: str, settings: Settings) -> Reply:
    """Refuse a request without making a transaction, in the shape that the settings choose (both inferred)."""
    if settings.error_shape == "envelope":
        gateway_response = {"version": "1", "type": "ERROR", "message": message, "code": message_code}
        body = {
            "success": False,
            "status_code": status,
            "is_live": False,
            "gateway_response": gateway_response,
        }
        return Reply(status, body)
    return Reply(status, {"statusCode": status, "message": message, "messageCode": message_code, "success": False})


def front_door(status: int, message: str) -> Reply:
    """Refuse as the cloud's front door before the gateway does: a bare `message` (inferred)."""
    return Reply(status, {"message": message})


def timestamp(moment: datetime) -> str:
    """Write a moment as the samples do: UTC, milliseconds, `Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def dumps(value: Any) -> str:
    """Write JSON with every Decimal as the exact number that it is."""
    written = json.dumps(value, default=_marked, ensure_ascii=False, separators=(",", ":"))
    return _MARKED.sub(r"\1", written)


def _marked(value: object) -> str:
    # json has no way to write a number exactly, so it goes in as a string that nobody can send, and loses its quotes.
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is no JSON")
    return f"{_MARK}{value:f}"


def _envelope(transaction: Transaction, settings: Settings, status: int) -> dict[str, Any]:
    order, outcome = transaction.order, transaction.outcome
    return {
        "success": outcome.success,
        "status_code": status,
        "is_live": False,
        "transaction_type": transaction.transaction_type,
        "gateway_response": _gateway_response(transaction),
        "merchant_details": {
            "legal_name": settings.merchant_name,
            "mid": order.merchant_id,
            "merchant_txn_ref": transaction.merchant_txn_ref,
        },
        "payment_details": {
            "amount": transaction.approved,
            "response_code": outcome.code,
            "auth_code": None,
            "currency": order.currency,
            "payment_method": None,
            **_paid_with(transaction.order, settings),
        },
        "transaction_details": {
            "id": transaction.id,
            "ref": transaction.ref,
            "timestamp": timestamp(transaction.created),
        },
    }


def _paid_with(order: Order, settings: Settings) -> dict[str, Any]:
    """Return what tells of the card; of a wallet no sample exists, and its fields are inferred."""
    if order.wallet is not None:
        scheme, source = order.wallet.upper(), {"type": "wallet"}
        return {"scheme": scheme, "card": None, "additional_data": {"payment_data_source": source}}
    card = order.card
    number = cards.by_name(card.test_card).number if settings.echo_pan else card.masked
    shown = {"name": card.name, "number": number, "exp_month": card.exp_month, "exp_year": card.exp_year}
    return {
        "scheme": card.scheme,
        "card": shown,
        "additional_data": {"payment_data_source": {"type": "card"}},
    }


def _gateway_response(transaction: Transaction) -> dict[str, str]:
    outcome = transaction.outcome
    if outcome.success:
        message, code = _SUCCESSES.get(transaction.order.operation, ("Payment Successful.", "INFO0000"))
        return {"version": "1", "type": "INFO", "message": message, "code": code}
    return {
        "version": "1",
        "type": "ERROR",
        "message": outcome.gateway_message or "Payment Unsuccessful.",
        "code": outcome.gateway_code or "ERR0000",
    }


def _http_status(transaction: Transaction, settings: Settings) -> int:
    if transaction.outcome.http_status is not None:
        return transaction.outcome.http_status
    return 201 if transaction.outcome.success else settings.decline_status


def _payment_method(transaction: Transaction) -> str:
    if transaction.order.wallet is not None:
        return transaction.order.wallet
    return "VISA-SSL" if transaction.order.card.scheme == "VISA" else "ECMC-SSL"
