"""What the gateway sends: the shapes of the vendor's samples, with test cards only."""

import copy
import json
from typing import Any

from paymentoptions_async.payment import Expected, Operation
from paymentoptions_async.values import Money

REF = "POABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
MERCHANT = "JP12345678"
TRANSACTION = "fc565b43-26f5-4906-92ae-d849edc3c3a1"
STORED = "094db781-fabc-4c6d-8fcd-18bee06a527a"
LINK = (
    "https://checkout-dev.paymentoptions.com/integration/3ds?_token=eyJhbGciOiJIUzI1NiJ9.eyJqdGkiOiJmMmIw.yti&_c=400000"
)
ASKED = Expected(operation=Operation.PURCHASE, merchant_id=MERCHANT, live=False, ref=REF, amount=Money("1000", "JPY"))
ASKED_STATUS = Expected(
    operation=Operation.PURCHASE,
    merchant_id=MERCHANT,
    live=False,
    ref=REF,
    amount=Money("1000", "JPY"),
    transaction_id=TRANSACTION,
    strict=True,
)
MISSING = ...  # an object() would have another repr, and so another test id, in every process
"""As the value of a change: the member is left out."""


def operation_reply(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a purchase that was approved at once (HTTP 201)."""
    reply = {
        "success": True,
        "status_code": 201,
        "is_live": False,
        "transaction_type": "CAPTURE",
        "gateway_response": {"version": "1", "type": "INFO", "message": "Payment Successful.", "code": "INFO0000"},
        "merchant_details": {
            "legal_name": "アイベック株式会社",
            "mid": MERCHANT,
            "merchant_txn_ref": REF,
            "billing_details": {"billing_address": {"country": "JP", "phone_number": "8112345678"}},
            "device_details": {"visited_ip": "127.0.0.1", "customer_ip": "127.0.0.1"},
        },
        "payment_details": {
            "amount": 1000,
            "response_code": 0,
            "auth_code": "268004",
            "currency": "JPY",
            "payment_method": "ECMC-SSL",
            "scheme": "VISA",
            "card": {"name": "John Doe", "number": "4000002500003155", "exp_month": "12", "exp_year": "29"},
            "additional_data": {"payment_data_source": {"type": "card"}},
        },
        "transaction_details": {
            "id": TRANSACTION,
            "ref": 74811,
            "timestamp": "2024-11-25T08:24:36.000Z",
            "merchant_txn_ref": REF,
            "stored_payment_method_id": None,
        },
        "risk-details": {"risk_score": None},
    }
    return changed(reply, changes)


def status_reply(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a status query about the same purchase (HTTP 200)."""
    address = {"country": "JP", "email": "billing@testemail.com", "address1": "1-2-3 Shinjuku", "city": "Shinjuku-ku"}
    reply = operation_reply({"status_code": 200, "merchant_details.billing_details": MISSING})
    reply = changed(
        reply,
        {
            "merchant_details.device_details": MISSING,
            "payment_details.responseDescription": "The transaction was completed successfully.",
            "payment_details.auth_code": None,
            "payment_details.card.number": "400000******3155",
            "transaction_details.merchant_txn_ref": MISSING,
            "transaction_details.stored_payment_method_id": MISSING,
            "transaction_details.billing_details": {"billing_address": address, "shipping_address": address},
            "risk-details": MISSING,
            "risk_details": {"risk_score": None},
        },
    )
    return changed(reply, changes)


def decline(code: int | str | None = 51, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """The answer to a purchase that was declined, as the facts expect it: the same envelope with ``success`` false."""
    return operation_reply(
        {
            "success": False,
            "payment_details.response_code": code,
            "payment_details.auth_code": None,
            "gateway_response": {"version": "1", "type": "ERROR", "message": "Declined.", "code": "ERR0204"},
        }
        | (changes or {})
    )


REDIRECT = {"url": LINK, "statusCode": 200, "success": True, "redirect_url": LINK}


def changed(reply: dict[str, Any], changes: dict[str, Any] | None) -> dict[str, Any]:
    """A copy with members replaced by dotted path."""
    reply = copy.deepcopy(reply)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        place = reply
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is MISSING:
            place.pop(last, None)
        else:
            place[last] = value
    return reply


def body(reply: Any) -> bytes:
    """The reply as the gateway sends it."""
    return json.dumps(reply, ensure_ascii=False).encode()
