"""The values that a caller hands over: frozen, checked before anything is sent, and redacted.

Whatever breaks a rule raises `InvalidValue`, whose message names the field, the rule, and where the rule comes from.
"""

from __future__ import annotations

from paymentoptions_async.values.address import Address
from paymentoptions_async.values.browser import BrowserInfo
from paymentoptions_async.values.card import Card, MaskedCard, Secret
from paymentoptions_async.values.money import Money
from paymentoptions_async.values.plan import SubscriptionPlan
from paymentoptions_async.values.texts import (
    check_customer_ip,
    check_merchant_id,
    check_merchant_txn_ref,
    check_notes,
    check_text,
    check_time_zone,
)
from paymentoptions_async.values.urls import ReturnUrls

__all__ = [
    "Address",
    "BrowserInfo",
    "Card",
    "MaskedCard",
    "Money",
    "ReturnUrls",
    "Secret",
    "SubscriptionPlan",
    "check_customer_ip",
    "check_merchant_id",
    "check_merchant_txn_ref",
    "check_notes",
    "check_text",
    "check_time_zone",
]
