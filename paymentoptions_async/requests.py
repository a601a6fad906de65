"""What each operation puts on the wire, exactly as documented. Pure.

Amounts are text here and numbers there, names are snake_case here and camelCase there: this is where it is known.
"""

from __future__ import annotations

import json
import re
from typing import Any

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.settings import API_PREFIX
from paymentoptions_async.values import Address, BrowserInfo, Card, Money, ReturnUrls

PURCHASE = f"{API_PREFIX}/paymentv2"
_STATUS = f"{API_PREFIX}/transaction/status/"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)


def status_path(transaction_id: str) -> str:
    """Path of a status query. The id must be a UUID, so that nothing else can get into the path."""
    return _STATUS + check_transaction_id(transaction_id)


def check_transaction_id(transaction_id: str) -> str:
    """Return a transaction id in lower case, or raise `InvalidValue`: it is a UUID of 36 characters."""
    if not isinstance(transaction_id, str) or not _UUID.fullmatch(transaction_id):
        raise InvalidValue(
            "transaction_id: needs a UUID of 36 characters (vendor's status page, maxLength 36)", field="transaction_id"
        )
    return transaction_id.lower()


def purchase_body(
    *,
    ref: str,
    merchant_id: str,
    amount: Money,
    card: Card,
    billing_address: Address,
    customer_ip: str,
    shipping_address: Address | None,
    browser_info: BrowserInfo | None,
    return_urls: ReturnUrls | None,
    time_zone: str | None,
) -> bytes:
    """The body of a purchase by ``paymentv2``: the amount is text in major units (inferred; see the guide)."""
    return _encode(
        {
            "amount": amount.wire_text,
            "currency": amount.currency,
            "card": card.to_wire(),
            "merchant_txn_ref": ref,
            "customer_ip": customer_ip,
            "merchant_id": merchant_id,
            "return_url": return_urls and return_urls.to_wire(),
            "billing_address": billing_address.to_wire(),
            "shipping_address": shipping_address and shipping_address.to_wire(),
            "browser_info": browser_info and browser_info.to_wire(),
            "time_zone": time_zone,
        }
    )


def _encode(fields: dict[str, Any]) -> bytes:
    return json.dumps(
        {name: value for name, value in fields.items() if value is not None}, ensure_ascii=False, separators=(",", ":")
    ).encode()
