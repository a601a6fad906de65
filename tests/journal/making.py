"""What the tests of journals put in: intents, decisions and webhooks, and a clock that only they move."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from paymentoptions_async import refs
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.gateway import NAME
from paymentoptions_async.intent import Change, Intent, Notice, Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.journal.interface import Decide
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Progress, Source
from paymentoptions_async.values import Money

MERCHANT = "JP00000001"
LEASE = 45.0
_numbers = itertools.count(1)


@dataclass
class Clock:
    """Unix seconds that only a test moves."""

    now: float = 1_700_000_000.0
    moved: Callable[[float], None] = lambda now: None
    """Tells whoever can't look at this clock."""

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.moved(self.now)


@dataclass
class Asking:
    """A decision that remembers what it was asked about."""

    change: Decide
    seen: list[Record] = field(default_factory=list)

    def __call__(self, record: Record) -> Change | None:
        self.seen.append(record)
        return self.change(record)


def make_intent(key: str = "1042:1", *, merchant: str = MERCHANT, **about: Any) -> Intent:
    known: dict[str, Any] = {
        "operation": Operation.PURCHASE,
        "amount": Money("1000", "JPY"),
        "instrument": "520000******1005 12/29",
    } | about
    ref = refs.make_ref(
        gateway=NAME,
        environment="sandbox",
        merchant_id=merchant,
        family=known["operation"].family,
        idempotency_key=key,
    )
    return Intent(gateway=NAME, environment="sandbox", merchant_id=merchant, idempotency_key=key, ref=ref, **known)


def make_id() -> str:
    """A transaction's id that no other has."""
    return f"ab8444e7-fec0-40dd-994d-{next(_numbers):012}"


def becomes(status: PaymentStatus, *, source: Source = Source.REPLY, event: str = "answered", **about: Any) -> Decide:
    """Decide that a payment has been answered so."""
    return lambda record: Change(
        replace(record.payment, status=status, progress=Progress.ANSWERED, source=source, **about),
        source,
        event,
        Evidence(Left.MAYBE, Stage.DONE, http_status=201, elapsed=0.25),
    )


def not_sent(record: Record) -> Change:
    """Decide that nothing left."""
    closed = replace(record.payment, status=PaymentStatus.CANCELLED, progress=Progress.NOT_SENT)
    return Change(closed, Source.TRANSPORT, "not sent", Evidence(Left.NOTHING, Stage.CONNECT, failure="refused"))


def nothing(record: Record) -> None:
    """Decide that nothing changes."""


async def admitted(journal: Journal, intent: Intent, *, owner: str = "first") -> Record:
    admission = await journal.admit(intent, owner=owner, lease=LEASE)
    assert admission.send
    return admission.record


async def paid(
    journal: Journal, intent: Intent, status: PaymentStatus = PaymentStatus.APPROVED, **about: Any
) -> Payment:
    """Admit an intent and take in its answer; without a given one, with a transaction of its own."""
    await admitted(journal, intent)
    about = {"transaction_id": make_id(), "approved_amount": intent.amount} | about
    return (await journal.change(intent.ref, becomes(status, **about))).payment


def make_notice(ref: str, digest: str = "d1", **about: Any) -> Notice:
    body = {"transaction_details": {"id": "ab8444e7-fec0-40dd-994d-0ad813785f74"}, "success": True}
    ids = ("ab8444e7-fec0-40dd-994d-0ad813785f74",)
    known: dict[str, Any] = {"transaction_ids": ids, "body": body, "scope": make_intent().scope} | about
    return Notice(ref=ref, digest=digest, **known)
