"""The built document as schemathesis gets it: with every answer named, and narrowed to what a sandbox can accept.

The vendor's schemas allow far more than a gateway accepts: any string is an amount, any number a card. Data made from
them never comes past the first checks, so further runs get a narrower document: the same paths, fields and answers, but
this merchant, test cards and whole amounts, and either ids that the sandbox knows, or links that say what follows what.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from paymentoptions_async.sandbox import CARDS, MERCHANT_ID

Json = dict[str, Any]

FRONT_DOOR = ("403", "405", "413", "415")
"""What the document's ``default`` may stand for: the answers of an HTTP front, given before the gateway's own."""

_NUMBERS = sorted(card.number for card in CARDS if card.outcome != "gateway_error")  # its 500 is there to be a fault
_APPROVED = sorted(card.number for card in CARDS if card.outcome == "approved" and not card.challenge)
_URL = {"type": "string", "enum": ["http://127.0.0.1:9/webhook", "https://merchant.example/back?order=1042"]}
_TEXT = {"type": "string", "pattern": "^[ -~]{1,40}$"}
_UNIT = {"type": "string", "enum": ["DAYS", "WEEKS", "MONTHS", "YEARS"]}
_WHOLE_AMOUNT = {"type": "integer", "minimum": 1, "maximum": 9999}  # below those that stand for risk rules
_IN_EVERY_REQUEST = {
    "merchant_id": {"type": "string", "enum": [MERCHANT_ID]},
    "currency": {"type": "string", "enum": ["JPY", "USD", "KWD"]},
    "amount": {"type": "string", "pattern": "^[1-9][0-9]{0,3}$"},
}
_FIELDS: dict[str, Json] = {
    "Card": {
        "number": {"type": "string", "enum": _NUMBERS},
        "cvc": {"type": "string", "pattern": "^[0-9]{3}$"},
        "expiry_month": {"type": "string", "pattern": "^(0[1-9]|1[0-2])$"},
        "expiry_year": {"type": "string", "pattern": "^(20)?[34][0-9]$"},
        "name": _TEXT,
    },
    "CaptureRequest": {"amount": _WHOLE_AMOUNT},
    "HostedPageRequest": {"amount": _WHOLE_AMOUNT, "merchant_email": _TEXT},
    "PaymentMethod": {"type": {"type": "string", "enum": ["scheme"]}},
    "RefundRequest": {"amount": _WHOLE_AMOUNT},
    "ReturnUrl": dict.fromkeys(("webhook_url", "success_url", "decline_url", "cancel_url"), _URL),
    "SubscriptionTerms": {
        "plan_name": _TEXT,
        "cycle_type": _UNIT,
        "subscription_end_type": {"type": "string", "enum": ["CYCLE"]},
        "cycle_interval": {"type": "integer", "minimum": 1, "maximum": 2},
        "max_cycle_count": {"type": "integer", "minimum": 5, "maximum": 20},
        "trial_period_duration_type": _UNIT,
        "trial_period_duration": {"type": "integer", "minimum": 1, "maximum": 100},
        "discount_percentage": {"type": "integer", "minimum": 1, "maximum": 50},
        "discount_duration": {"type": "integer", "minimum": 1, "maximum": 5},
    },
}
_REQUIRED = {
    "AuthorizationV2Request": ["return_url"],
    "Card": [*_FIELDS["Card"]],
    "HostedPageRequest": ["merchant_email", "billing_address"],
    "PurchaseRequest": ["card"],
    "PurchaseV2Request": ["return_url"],
    "ReturnUrl": ["success_url", "decline_url"],
    "SubscriptionTerms": [*_FIELDS["SubscriptionTerms"]],
}


@dataclass(frozen=True)
class Known:
    """Ids that the sandbox knows: what can be captured, voided, refunded, paused and cancelled, and a stored card."""

    authorization: str
    voidable: str
    purchase: str
    subscription: str
    cancellable: str
    token: str


def named(document: Json) -> Json:
    """Copy a document with `FRONT_DOOR` instead of ``default``, so that any other answer is an undocumented one."""
    document = copy.deepcopy(document)
    for operation in operations(document).values():
        fallback = operation["responses"].pop("default")
        for status in FRONT_DOOR:
            operation["responses"].setdefault(status, fallback)
    return document


def with_ids(document: Json, known: Known) -> Json:
    """Copy a document, narrowed to what a sandbox that knows these ids can accept."""
    document = _narrowed(document)
    for name, field, wanted in (
        ("CaptureRequest", "transactionId", known.authorization),
        ("VoidRequest", "transactionId", known.voidable),
        ("RefundRequest", "transactionId", known.purchase),
        ("PaymentMethod", "stored_payment_method_id", known.token),
    ):
        _properties(document, name)[field] = {"type": "string", "enum": [wanted]}
    ids = {"subscription_id": known.subscription, "transactionId": known.purchase}
    for operation in operations(document).values():
        for parameter in operation.get("parameters", ()):
            parameter["schema"]["enum"] = [ids[parameter["name"]]]
    operations(document)["cancelSubscription"]["parameters"][0]["schema"]["enum"] = [known.cancellable]
    return document


def with_links(document: Json) -> Json:
    """Copy a document, narrowed, with OpenAPI links that say which answer leads to which request."""
    document = _narrowed(document)
    _properties(document, "Card")["number"]["enum"] = _APPROVED  # nothing follows a decline
    by_id = operations(document)
    transaction = {"transactionId": "$response.body#/transaction_details/id"}
    subscription = {"subscription_id": "$response.body#/subscription_details/id"}
    for before in ("authorizePayment", "authorizePaymentV2"):
        _link(by_id[before], "captureAuthorization", requestBody=transaction)
        _link(by_id[before], "voidAuthorization", requestBody=transaction)
    for before in ("processPayment", "processPaymentV2", "captureAuthorization", "createSubscription"):
        _link(by_id[before], "refundPayment", requestBody=transaction)
    for before in ("processPaymentV2", "captureAuthorization", "voidAuthorization", "refundPayment"):
        _link(by_id[before], "getTransactionStatus", parameters=transaction)
    for after in ("getSubscription", "pauseSubscription", "resumeSubscription", "cancelSubscription"):
        _link(by_id["createSubscription"], after, parameters=subscription)
    return document


def operations(document: Json) -> dict[str, Json]:
    """Return a document's operations by their ids."""
    return {operation["operationId"]: operation for path in document["paths"].values() for operation in path.values()}


def _narrowed(document: Json) -> Json:
    document = named(document)
    for name in document["components"]["schemas"]:
        if name.endswith("Request"):
            fields = _properties(document, name)
            fields |= {field: schema for field, schema in _IN_EVERY_REQUEST.items() if field in fields}
    for name, narrower in _FIELDS.items():
        _properties(document, name).update(narrower)
    for name, required in _REQUIRED.items():
        schema = document["components"]["schemas"][name]
        schema["required"] = sorted({*schema.get("required", ()), *required})
    forget_examples(document)
    return document


def _properties(document: Json, name: str) -> Json:
    properties: Json = document["components"]["schemas"][name]["properties"]
    return properties


def _link(before: Json, after: str, **where: Json) -> None:
    before["responses"]["201"].setdefault("links", {})[after] = {"operationId": after, **where}


def forget_examples(node: Any) -> None:
    """Take examples out: the vendor's name a merchant and ids that no sandbox knows."""
    if isinstance(node, dict):
        node.pop("example", None)
    for inner in node.values() if isinstance(node, dict) else node:
        if isinstance(inner, dict | list):
            forget_examples(inner)
