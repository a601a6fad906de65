"""A subscription as the gateway tells it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.gateway_json import NotJson, read_masked
from paymentoptions_async.values import Money


class SubscriptionStatus(StrEnum):
    """Where a subscription stands. ``ACTIVE`` and ``CANCELLED`` were seen; the others are told of in prose."""

    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """A status that this version does not know: see ``raw``."""


@dataclass(frozen=True, slots=True)
class SubscriptionCharge:
    """One cycle's transaction, as the gateway lists it. ``date`` and ``status`` are in its words."""

    transaction_id: str | None
    cycle: int | None
    status: str | None
    amount: Money | None
    date: str | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Subscription:
    """What the gateway says of a subscription. ``raw`` is its answer, masked."""

    id: str
    status: SubscriptionStatus
    plan_name: str | None = None
    plan_description: str | None = None
    amount: Money | None = None
    max_cycles: int | None = None
    completed_cycles: int | None = None
    next_payment_date: str | None = None
    charges: tuple[SubscriptionCharge, ...] = ()
    raw: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<Subscription {self.id} {self.status.value} {self.completed_cycles}/{self.max_cycles}>"


def read_subscriptions(body: bytes) -> tuple[Subscription, ...] | None:
    """Read the answer to a list, to a question or to a change; None where it is none. Raises nothing."""
    try:
        raw, repeats = read_masked(body)
    except NotJson:
        return None
    if not isinstance(raw, dict) or repeats or raw.get("success") not in (True, "true"):
        return None
    details = raw.get("subscription_details")
    if isinstance(details, dict):
        details = [details]
    if not isinstance(details, list):
        return None
    return tuple(_subscription(entry) for entry in details if isinstance(entry, dict) and _text(entry.get("id")))


def _subscription(raw: Mapping[str, Any]) -> Subscription:
    plan = raw.get("subscription_plan_details")
    plan = plan if isinstance(plan, dict) else {}
    charges = raw.get("subscription_transaction_details")
    return Subscription(
        id=str(raw["id"]),
        status=_status(raw.get("status")),
        plan_name=_text(plan.get("name")),
        plan_description=_text(plan.get("desc")),
        amount=_money(plan),
        max_cycles=_whole(raw.get("max_cycle_count")),
        completed_cycles=_whole(raw.get("completed_payment_cycle")),
        next_payment_date=_text(raw.get("next_payment_date")),
        charges=tuple(_charge(c) for c in charges if isinstance(c, dict)) if isinstance(charges, list) else (),
        raw=raw,
    )


def _charge(raw: Mapping[str, Any]) -> SubscriptionCharge:
    return SubscriptionCharge(
        _text(raw.get("id")),
        _whole(raw.get("cycle")),
        _text(raw.get("status")),
        _money(raw),
        _text(raw.get("transaction_date")),
    )


def _status(value: object) -> SubscriptionStatus:
    words = {"CANCELED": "cancelled"}
    said = str(value).upper()
    try:
        return SubscriptionStatus(words.get(said, said.lower()))
    except ValueError:
        return SubscriptionStatus.UNKNOWN


def _money(raw: Mapping[str, Any]) -> Money | None:
    amount, currency = raw.get("amount"), raw.get("ccy")
    if amount is None or not isinstance(currency, str):
        return None
    try:
        return Money.from_wire(amount, currency)
    except InvalidValue:
        return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
