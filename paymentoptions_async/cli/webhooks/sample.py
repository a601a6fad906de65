"""The body of a test delivery, field by field as in the vendor's sample (seed 001).

No document shows the webhook of a decline, or one that is sent as a form: both are inferred.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from paymentoptions_async.gateway_json import json_default
from paymentoptions_async.response_codes import Outcome, classify
from paymentoptions_async.values import Money

TYPES = ("CAPTURE", "PRE_AUTH", "REFUND", "VOID")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What a test delivery tells of. It succeeds where the acquirer's code says so."""

    ref: str
    merchant_id: str
    transaction_id: str
    transaction_type: str
    amount: Money
    response_code: int
    status_code: int
    at: datetime

    def json(self) -> bytes:
        """The body as JSON."""
        return json.dumps(self._fields(), default=json_default, separators=(",", ":")).encode()

    def form(self) -> bytes:
        """The body as a form, whose fields are named ``payment_details[amount]``."""
        return urlencode(list(_flat(self._fields()))).encode()

    def _fields(self) -> dict[str, Any]:
        success = classify(self.response_code).outcome in (Outcome.APPROVED, Outcome.PARTIAL)
        told = ("INFO", "Payment Successful.", "INFO0000") if success else ("ERROR", "Payment Unsuccessful.", "ERR0000")
        return {
            "success": success,
            "status_code": self.status_code,
            "is_live": False,
            "transaction_type": self.transaction_type,
            "gateway_response": {"version": "1", **dict(zip(("type", "message", "code"), told, strict=True))},
            "merchant_details": {"legal_name": "Test", "mid": self.merchant_id, "merchant_txn_ref": self.ref},
            "payment_details": {
                "amount": self.amount.wire_number,
                "response_code": self.response_code,
                "auth_code": None,
                "currency": self.amount.currency,
                "payment_method": "",
                "scheme": "VISA",
                "card": {"name": "Test Buyer", "number": "400000******1091", "exp_month": "12", "exp_year": "29"},
                "additional_data": {"payment_data_source": {"type": "card"}},
            },
            "transaction_details": {
                "id": self.transaction_id,
                "ref": 100001,
                "timestamp": f"{self.at:%Y-%m-%dT%H:%M:%S.000Z}",
                "merchant_txn_ref": self.ref,
            },
            "risk-details": {},
        }


def _flat(fields: Mapping[str, Any], outer: str = "") -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        path = f"{outer}[{name}]" if outer else name
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        else:
            yield path, "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
