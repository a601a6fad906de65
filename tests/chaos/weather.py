"""What goes wrong, from a seed: how often which answer is spoiled, and when which process is struck. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from paymentoptions_async.sandbox import FaultPlan

CHARGING = ("paymentv2", "payment", "authorizationv2", "capture", "void", "refund", "subscription_create")
STRANGER = str(UUID(int=0xC0FFEE << 40, version=4))
"""A transaction that no bank has."""

Spoiled = tuple[str, str, float, dict[str, Any]]

_ANSWERS: tuple[Spoiled, ...] = (
    ("reset", "before", 0.006, {}),
    ("reset", "after", 0.008, {}),
    ("close", "after", 0.006, {}),
    ("half_head", "after", 0.005, {}),
    ("half_reply", "after", 0.005, {}),
    ("error", "before", 0.004, {"status": 500}),
    ("error", "after", 0.006, {"status": 500}),
    ("error", "before", 0.003, {"status": 503}),
    ("error", "after", 0.005, {"status": 504}),
    ("error", "before", 0.006, {"status": 429}),
    ("garbage", "after", 0.004, {}),
    ("html", "after", 0.003, {}),
    ("empty", "after", 0.003, {}),
    ("half_body", "after", 0.004, {}),
    ("redirect", "after", 0.002, {}),
    ("delay", "before", 0.010, {"seconds": 0.1}),
    ("delay", "after", 0.015, {"seconds": 0.3}),
    ("hang", "before", 0.001, {}),
    ("hang", "after", 0.002, {}),
    ("change", "after", 0.003, {"set": {"payment_details.amount": 1}}),
    ("change", "after", 0.002, {"set": {"payment_details.currency": "XAU"}}),
    ("change", "after", 0.002, {"set": {"payment_details.response_code": 94}}),
    ("change", "after", 0.002, {"set": {"merchant_details.merchant_txn_ref": "somebody else's"}}),
)
_QUESTIONS: tuple[Spoiled, ...] = (
    ("reset", "after", 0.006, {}),
    ("half_reply", "after", 0.004, {}),
    ("error", "before", 0.008, {"status": 503}),
    ("error", "before", 0.004, {"status": 404}),
    ("error", "before", 0.004, {"status": 429}),
    ("garbage", "after", 0.004, {}),
    ("delay", "after", 0.010, {"seconds": 0.2}),
    ("change", "after", 0.002, {"set": {"payment_details.amount": 1}}),
)
_WEBHOOKS: tuple[Spoiled, ...] = (
    ("duplicate", "after", 0.050, {"copies": 2}),
    ("reorder", "after", 0.030, {}),
    ("late", "after", 0.040, {"seconds": 0.7}),
    ("missing", "after", 0.050, {}),
    ("garbage", "after", 0.010, {}),
    ("change", "after", 0.010, {"set": {"payment_details.amount": 1}}),
    ("change", "after", 0.010, {"set": {"success": False, "payment_details.response_code": 51}}),
    ("change", "after", 0.005, {"set": {"transaction_details.id": STRANGER}}),
    ("change", "after", 0.005, {"set": {"merchant_details.merchant_txn_ref": "somebody else's"}}),
)
_INVOICES: tuple[Spoiled, ...] = (
    *(one for one in _ANSWERS if one[0] != "change"),
    ("change", "after", 0.003, {"set": {"data.attributes.amount": 1}}),
    ("change", "after", 0.002, {"set": {"data.attributes.currency": "XAU"}}),
    ("change", "after", 0.002, {"set": {"data.attributes.reference_id": "somebody else's"}}),
    ("change", "after", 0.001, {"set": {"data.attributes.test_mode": False}}),
)
_REFUNDS: tuple[Spoiled, ...] = tuple(one for one in _ANSWERS if one[0] != "change")
_SALES: tuple[Spoiled, ...] = (
    *_REFUNDS,
    ("change", "after", 0.040, {"set": {"status": "processed"}}),
    ("change", "after", 0.040, {"set": {"status": "process_failed", "resolution": "declined"}}),
)
"""What a sale is answered counts for nothing, so it may lie; what an invoice says of itself is the truth."""
_READINGS: tuple[Spoiled, ...] = (
    *(one for one in _QUESTIONS if one[0] != "change"),
    ("change", "after", 0.004, {"set": {"data.attributes.amount": 1}}),
    ("change", "after", 0.004, {"set": {"data.attributes.reference_id": "somebody else's"}}),
    ("change", "after", 0.004, {"set": {"data.attributes.status": "never heard of"}}),
)
_CALLBACKS: tuple[Spoiled, ...] = (
    *(one for one in _WEBHOOKS if one[0] != "change"),
    ("forged", "after", 0.020, {}),
    ("live_secret", "after", 0.020, {}),
    ("unsigned", "after", 0.010, {}),
    ("batch", "after", 0.030, {}),
    ("change", "after", 0.020, {"set": {"data.attributes.status": "processed"}}),
    ("change", "after", 0.020, {"set": {"data.attributes.status": "process_failed"}}),
    ("change", "after", 0.005, {"set": {"data.id": "cpi_NoSuchInvoice"}}),
    ("change", "after", 0.005, {"set": {"data.attributes.reference_id": "somebody else's"}}),
)
_COREFY: tuple[tuple[str, tuple[Spoiled, ...], int], ...] = (
    ("corefy_create", _INVOICES, 1),
    ("corefy_sale", _SALES, 3),
    ("corefy_refund", _REFUNDS, 2),
    ("corefy_show", _READINGS, 1),
    ("corefy_list", _QUESTIONS, 1),
    ("corefy_callback", _CALLBACKS, 1),
)
"""What goes wrong where, and so many times as often: there are few sales, and each that is lost counts."""
_FOREIGN: Spoiled = ("change", "after", 0.0004, {"set": {"is_live": True}})
"""An answer of the live environment: the client that got it charges no more."""


def fault_plan(seed: int) -> FaultPlan:
    """The plan that the bank obeys."""
    plan = FaultPlan(seed=seed)
    for on, spoiled in _spoiled():
        fault, when, probability, more = spoiled
        plan.add(on, fault, when=when, probability=probability, **more)
    return plan


def _spoiled() -> Iterator[tuple[str, Spoiled]]:
    for endpoint in CHARGING:
        yield from ((endpoint, spoiled) for spoiled in (*_ANSWERS, _FOREIGN))
    for endpoint in ("link", "status", "subscription_pause", "subscription_resume", "subscription_list"):
        yield from ((endpoint, spoiled) for spoiled in _QUESTIONS)
    yield from (("webhook", spoiled) for spoiled in _WEBHOOKS)
    for endpoint, answers, times in _COREFY:
        yield from ((endpoint, (fault, when, times * probability, more)) for fault, when, probability, more in answers)


@dataclass(frozen=True, slots=True, order=True)
class Blow:
    """Something that strikes a process once so many stories are told. ``worker`` says whom, where that matters."""

    at: int
    what: str
    worker: int


STRIKES = {
    "kill": (100, 400),
    "freeze": (250, 4000),
    "restart the gateway": (100, 5000),
    "a person settles": (100, 1000),
    "restart the database": (100, 6000),
    "crash the database": (100, 6000),
}
"""Each kind of blow: for how many payments there is a first one, and for how many more each further one."""


def blows(seed: int, *, stories: int, payments: int, workers: int, has_database: bool) -> list[Blow]:
    """All blows of a campaign, in their order."""
    random = Random(f"{seed}:weather")
    planned = []
    for what, (first, further) in STRIKES.items():
        for _ in range((payments >= first) + payments // further):
            blow = Blow(int(stories * random.uniform(0.05, 0.95)), what, random.randrange(workers))
            if has_database or "database" not in what:
                planned.append(blow)
    return sorted(planned)
