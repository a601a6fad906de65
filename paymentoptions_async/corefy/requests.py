"""What is put on the wire, as the vendor's pages have it. Pure.

Amounts are JSON numbers in major units, written digit by digit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from paymentoptions_async.corefy.values import Customer, browser_to_wire, check_invoice_id
from paymentoptions_async.values import BrowserInfo, Card, Money, ReturnUrls, Secret

INVOICES = "/payment-invoices"
SALE = "/payment/sale"


def invoice_path(invoice_id: str) -> str:
    """Path of one invoice."""
    return f"{INVOICES}/{check_invoice_id(invoice_id)}"


def refund_path(invoice_id: str) -> str:
    """Path of an invoice's refunds."""
    return f"{invoice_path(invoice_id)}/refund"


def invoice_body(
    *,
    ref: str,
    amount: Money,
    service: str,
    test_mode: bool,
    customer: Customer | None,
    urls: ReturnUrls | None,
    description: str | None = None,
    metadata: Mapping[str, str] | None = None,
    token: Secret | None = None,
    cardgate: Mapping[str, Any] | None = None,
) -> bytes:
    """Body of ``POST /payment-invoices``.

    The callback's URL stands among the attributes, where all pages but one sample have it.
    """
    attributes = {
        "reference_id": ref,
        "amount": amount.wire_number,
        "currency": amount.currency,
        "service": service,
        "flow": "charge",
        "test_mode": test_mode,
        "description": description,
        "token": token and token.reveal(),
        "customer": customer and customer.to_wire(),
        "gateway_options": {"cardgate": dict(cardgate)} if cardgate else None,
        "metadata": dict(metadata) if metadata else None,
        "callback_url": urls and urls.webhook_url,
        "return_urls": urls and {"success": urls.success_url, "pending": urls.success_url, "fail": urls.decline_url},
    }
    return _encode("payment-invoices", attributes)


def card_sale_body(card: Card, browser: BrowserInfo | None, customer_ip: str | None) -> bytes:
    """Body of ``POST /payment/sale`` with a card."""
    attributes = {
        "card_number": card.number.reveal(),
        "card_holder": card.name,
        "cvv": card.cvc and card.cvc.reveal(),
        "exp_month": f"{card.expiry_month:02}",
        "exp_year": f"{card.expiry_year % 100:02}",
        "browser_info": browser and browser_to_wire(browser, customer_ip),
    }
    return _encode("sale-operation", attributes)


def token_sale_body() -> bytes:
    """Body of ``POST /payment/sale`` for the card that the invoice's token stands for: nothing (seed 003)."""
    return _encode("sale-operation", {})


def refund_body(*, invoice_id: str, ref: str, amount: Money, description: str | None) -> bytes:
    """Body of a refund that satisfies both documented models: the invoice is named in all three places (inferred)."""
    attributes = {
        "invoiceId": invoice_id,
        "amount": amount.wire_number,
        "reference_id": ref,
        "description": description,
    }
    return _encode("refund", attributes, invoice_id)


def _encode(kind: str, attributes: Mapping[str, Any], resource_id: str | None = None) -> bytes:
    """Write a JSON:API document, Decimals as exact literals. What is None is left out."""
    given = {name: value for name, value in attributes.items() if value is not None}
    numbers = {name: value for name, value in given.items() if isinstance(value, Decimal)}
    rest = json.dumps(
        {name: value for name, value in given.items() if name not in numbers},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    literals = ",".join([*(f'"{name}":{value:f}' for name, value in numbers.items()), *filter(None, [rest[1:-1]])])
    own_id = "" if resource_id is None else f'"id":{json.dumps(resource_id)},'
    return f'{{"data":{{"type":"{kind}",{own_id}"attributes":{{{literals}}}}}}}'.encode()
