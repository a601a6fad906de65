"""What the journal keeps of one call: the intent, what is known of it, and its history.

Pure. No card number, CVC or key is ever part of these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from paymentoptions_async.evidence import Evidence
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Progress, Source
from paymentoptions_async.values import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One call that may move money, as it was asked for.

    ``ref`` is derived from gateway, environment, merchant, family and key, which together are unique. ``instrument``
    tells cards and tokens apart without keeping them: first 6, last 4 and expiry, or the hash of a token.
    ``supersedes`` is the reference of an earlier attempt that waits for its buyer and is given up.
    ``parent`` is the reference of the payment that is captured, voided or refunded, or its transaction id where no
    journal knows it; ``charge_ref`` is the reference of the charge at the beginning of the chain, which the gateway
    repeats in every answer; ``insist`` passes over the rules of balances. ``currency`` is set where the amount
    charged may be another: the buyer types it, or a plan begins with a trial or discount. ``signing_key`` names the
    secret that signed its webhook URL, which must not be retired while the outcome is open. ``named_first`` says that
    the gateway's id of it is recorded before anything that charges is sent: without one, nothing was charged.
    """

    gateway: str
    environment: str
    merchant_id: str
    operation: Operation
    idempotency_key: str
    ref: str
    amount: Money | None = None
    currency: str | None = None
    parent: str | None = None
    charge_ref: str | None = None
    insist: bool = False
    instrument: str | None = None
    order: str | None = None
    supersedes: str | None = None
    has_3d_secure: bool = True
    signing_key: str | None = None
    named_first: bool = False

    @property
    def scope(self) -> str:
        """Whose it is: gateway, environment and merchant. A journal may serve several."""
        return make_scope(self.gateway, self.environment, self.merchant_id)

    @property
    def merchant_txn_ref(self) -> str | None:
        """The reference under which the gateway keeps it; None where a follower's charge is not known here."""
        return self.charge_ref if self.operation.follows else self.ref

    def differs_from(self, other: Intent) -> tuple[str, ...]:
        """Name the fields in which two intents under one key ask for different things."""
        compared = ("operation", "amount", "currency", "parent", "instrument")
        differing = [name for name in compared if getattr(self, name) != getattr(other, name)]
        if "amount" in differing and self.amount and other.amount and self.amount.currency != other.amount.currency:
            differing.insert(1 if "operation" in differing else 0, "currency")
            if self.amount.amount == other.amount.amount:
                differing.remove("amount")
        return tuple(differing)

    def opened(self) -> Payment:
        """The payment as it stands when its request is about to leave."""
        return Payment(
            ref=self.ref,
            operation=self.operation,
            status=PaymentStatus.PENDING,
            progress=Progress.SENDING,
            environment=self.environment,
            merchant_id=self.merchant_id,
            amount=self.amount,
            idempotency_key=self.idempotency_key,
            order=self.order,
            parent=self.parent,
            has_3d_secure=self.has_3d_secure,
        )


def make_scope(gateway: str, environment: str, merchant_id: str) -> str:
    """Name one merchant in one environment of one gateway."""
    return f"{gateway}/{environment}/{merchant_id}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an intent's history. ``at`` is Unix seconds of the journal's own clock.

    Where a person settled it, ``by`` says who and ``note`` why.
    """

    version: int
    at: float
    source: Source
    status: PaymentStatus
    progress: Progress
    event: str
    """What happened, in words: ``opened``, ``answered``, ``confirmed``, ``contradiction``, ``duplicate_charge``, …"""
    evidence: Evidence | None = None
    doubts: tuple[str, ...] = ()
    by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A decision about a record: its new payment, and the line of history that says why."""

    payment: Payment
    source: Source
    event: str
    evidence: Evidence | None = None
    by: str | None = None
    note: str | None = None

    def entry(self, version: int, at: float) -> Entry:
        """The line of history that it leaves."""
        return Entry(
            version=version,
            at=at,
            source=self.source,
            status=self.payment.status,
            progress=self.payment.progress,
            event=self.event,
            evidence=self.evidence,
            doubts=self.payment.doubts,
            by=self.by,
            note=self.note,
        )


@dataclass(frozen=True, slots=True)
class Record:
    """An intent with what is known of it.

    ``owner`` is whoever may have it on the wire, until ``deadline`` (Unix seconds of the journal's clock).
    ``version`` counts the lines of history; ``opened_at`` and ``changed_at`` are Unix seconds.
    """

    intent: Intent
    payment: Payment
    owner: str
    deadline: float
    opened_at: float
    changed_at: float
    version: int

    @property
    def ref(self) -> str:
        """The intent's own reference."""
        return self.intent.ref

    def in_flight(self, now: float) -> bool:
        """True while its owner may still have it on the wire."""
        return self.payment.progress is Progress.SENDING and now < self.deadline

    def with_change(self, change: Change, now: float) -> Record:
        """The record after a change that happened at ``now``."""
        return replace(self, payment=change.payment, changed_at=now, version=self.version + 1)


class NoticeState(StrEnum):
    """Where a webhook stands."""

    WAITING = "waiting"
    """Recorded; not yet confirmed by a status query."""
    CONFIRMED = "confirmed"
    """A status query answered, and whatever it says of the payment was taken in."""
    REJECTED = "rejected"
    """It is about another reference, merchant or environment, or names no transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One webhook as it was received, masked.

    ``digest`` tells repeats from news. ``transaction_ids`` are the UUIDs that it names, at most a few. ``scope`` is
    that of the client whose token it came with. ``known`` is False where no intent has its reference (an orphan).
    ``received_at`` is in Unix seconds.
    """

    ref: str
    digest: str
    transaction_ids: tuple[str, ...]
    body: Mapping[str, Any]
    scope: str = ""
    known: bool = True
    state: NoticeState = NoticeState.WAITING
    received_at: float = 0.0
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """A payment that is not final and is one process's to ask for, for a while. ``attempt`` is 1 for the first time."""

    record: Record
    attempt: int


Place = tuple[float, int]
"""Where to go on in a list of payments by the time at which they were opened."""


@dataclass(frozen=True, slots=True)
class Visits:
    """What was taken to be asked for, and from where to take the next; None at the end."""

    visits: tuple[Visit, ...]
    next: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """One confirmed change, for the application's ``on_payment``.

    ``id`` is the same whenever the event is handed over again, in whatever process: keep it with what you did, and do
    it once. ``payment`` is the payment as it was after the change. ``event`` is the history's word for it:
    ``answered``, ``confirmed``, ``settled``, ``contradiction``, ``duplicate_charge``, ``renewed``, ``charged_back``.
    ``attempt`` is 1 for the first time.
    """

    id: str
    payment: Payment
    event: str
    attempt: int = 1
