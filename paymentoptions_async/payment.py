"""A payment as the journal knows it: one operation, its status, and what may follow.

Pure. `Payment` is what every method of the facade returns; `PaymentStatus` is the outcome of one operation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from paymentoptions_async.errors import NotApproved
from paymentoptions_async.values import MaskedCard, Money


class Operation(StrEnum):
    """What was asked of the gateway."""

    PURCHASE = "purchase"
    PURCHASE_WITH_TOKEN = "purchase_with_token"  # noqa: S105  an operation, not a secret
    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    SUBSCRIBE = "subscribe"
    HOSTED_PAGE = "hosted_page"
    CHECKOUT = "checkout"
    """A page of Corefy's, on which one invoice is paid."""
    STATUS = "status"

    @property
    def family(self) -> Family:
        """The family within which an idempotency key is unique."""
        return _FAMILIES[self]

    @property
    def follows(self) -> bool:
        """True for what follows a charge: capture, void and refund."""
        return self in (Operation.CAPTURE, Operation.VOID, Operation.REFUND)


class Family(StrEnum):
    """Operations that share one space of idempotency keys."""

    CHARGE = "charge"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    SUBSCRIBE = "subscribe"
    LINK = "link"


_FAMILIES = {
    Operation.PURCHASE: Family.CHARGE,
    Operation.PURCHASE_WITH_TOKEN: Family.CHARGE,
    Operation.AUTHORIZE: Family.CHARGE,
    Operation.CAPTURE: Family.CAPTURE,
    Operation.VOID: Family.VOID,
    Operation.REFUND: Family.REFUND,
    Operation.SUBSCRIBE: Family.SUBSCRIBE,
    Operation.HOSTED_PAGE: Family.LINK,
    Operation.CHECKOUT: Family.LINK,
}


class PaymentStatus(StrEnum):
    """The outcome of one operation. What was captured, refunded or voided later is not told here."""

    ACTION_REQUIRED = "action_required"
    """The buyer must go to ``redirect_url``."""
    PENDING = "pending"
    """Accepted or in flight; not decided yet."""
    APPROVED = "approved"
    AUTHORIZED = "authorized"
    PARTIALLY_APPROVED = "partially_approved"
    """Approved for less than was asked: see ``approved_amount``."""
    DECLINED = "declined"
    CANCELLED = "cancelled"
    """It did not happen and will not: nothing was sent, the gateway refused the request, or the buyer cancelled."""
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """It may or may not have happened. Only a confirmed status reply or a person settles it."""

    @property
    def is_final(self) -> bool:
        """True where neither waiting nor asking changes it in the ordinary course of things."""
        return self in _FINAL

    @property
    def took_money(self) -> bool:
        """True where money moved or is held."""
        return self in _TOOK_MONEY


_TOOK_MONEY = frozenset({PaymentStatus.APPROVED, PaymentStatus.AUTHORIZED, PaymentStatus.PARTIALLY_APPROVED})
_FINAL = _TOOK_MONEY | {PaymentStatus.DECLINED, PaymentStatus.CANCELLED, PaymentStatus.EXPIRED}


class Source(StrEnum):
    """Who told the journal."""

    CALLER = "caller"
    """The application, by asking for the operation."""
    REPLY = "reply"
    """The gateway's direct answer to the operation."""
    STATUS = "status"
    """The gateway's answer to a status query."""
    TRANSPORT = "transport"
    """What the wire recorded where no answer came."""
    CLOCK = "clock"
    """A deadline that passed."""
    PERSON = "person"
    """Someone who looked in the portal."""


class Progress(StrEnum):
    """Where an intent stands in the journal, apart from its outcome."""

    SENDING = "sending"
    """Its owner may have it on the wire."""
    NOT_SENT = "not_sent"
    """Proven not sent: the same key may be sent."""
    REFUSED = "refused"
    """The gateway refused the request itself: the same key may be sent again."""
    ANSWERED = "answered"
    """It was sent; ``status`` says what is known. It is never sent again."""


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a payment was declined.

    ``reason`` is one of our own words from the table of response codes (``insufficient_funds``), ``unlisted`` for a
    code that the table does not know, or ``risk_rule``. ``code`` is the acquirer's code; ``rule`` the gateway's, for
    risk rules (``ERR3004``). ``new_attempt_may_help`` says whether the same card may be tried again later, as a new
    attempt with a new key. ``message`` is the gateway's text, masked, in whatever language it chose.
    """

    reason: str
    code: int | None = None
    rule: str | None = None
    new_attempt_may_help: bool = False
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Payment:
    """One operation and what is known of it. Immutable: ask again for news.

    Not a truth value: ``if payment:`` raises, because neither "it exists" nor "it is approved" would be a safe guess.
    ``redirect_url``, ``redirect_form`` and ``stored_payment_method_id`` are left out of repr and pickles. ``raw`` is
    the gateway's latest answer, masked; ``doubts`` says in words why a status is UNKNOWN, or what else must be looked
    at.
    """

    ref: str
    operation: Operation
    status: PaymentStatus
    progress: Progress = Progress.ANSWERED
    environment: str = ""
    merchant_id: str = ""
    amount: Money | None = None
    """What was asked for, in major units; None where the call has no amount of its own."""
    approved_amount: Money | None = None
    """What the gateway says it approved; differs from ``amount`` when PARTIALLY_APPROVED."""
    charged_back: Money | None = None
    """What the buyer's bank took back of it later, where the gateway tells (Corefy). The status stays as it is."""
    idempotency_key: str | None = None
    order: str | None = None
    parent: str | None = None
    """The reference of the payment that this one captures, voids or refunds."""
    transaction_id: str | None = None
    """The gateway's id of this operation's own transaction. A 3-D Secure start has none yet."""
    transaction_type: str | None = None
    auth_code: str | None = None
    response_code: int | None = None
    gateway_code: str | None = None
    decline: Decline | None = None
    """Why it was declined. On a hosted page that is still open (ACTION_REQUIRED), why its last attempt was."""
    card: MaskedCard | None = None
    redirect_url: str | None = None
    redirect_form: Mapping[str, str] | None = None
    """Where the buyer must be sent by POST: the fields to post to ``redirect_url``, unchanged. None: by a redirect."""
    stored_payment_method_id: str | None = None
    """The token of a card on file, for `purchase_with_token`. Left out of repr and pickles."""
    subscription_id: str | None = None
    has_3d_secure: bool = True
    """False where the endpoint that was used documents no 3-D Secure (v1 and card storing)."""
    gateway_time: datetime | None = None
    """When the gateway says it happened, UTC."""
    opened_at: datetime | None = None
    """When its intent was first written down, UTC by the journal's clock."""
    source: Source = Source.CALLER
    doubts: tuple[str, ...] = ()
    contradicted: bool = False
    """True where an approval was contradicted, or contradicts: only another approving answer or a person settles it."""
    duplicate_charges: tuple[str, ...] = ()
    """Ids of further confirmed charges under the same reference or order. Offer them for refund."""
    renewals: tuple[str, ...] = ()
    """Ids of the later charges of a subscription, as far as webhooks told of them and the gateway confirmed."""
    raw: Mapping[str, Any] | None = None

    def __bool__(self) -> bool:
        raise TypeError("a Payment is no truth value: compare payment.status, or call payment.require_approved()")

    @property
    def is_final(self) -> bool:
        """True when the outcome is known. UNKNOWN is not final, nor is one that waits for the buyer."""
        return self.status.is_final

    def require_approved(self) -> Payment:
        """Return this payment if it is APPROVED or AUTHORIZED; raise `NotApproved` for anything else."""
        if self.status in (PaymentStatus.APPROVED, PaymentStatus.AUTHORIZED):
            return self
        why = f": {self.decline.reason}" if self.decline else ""
        raise NotApproved(f"payment {self.ref} is {self.status}{why}", payment=self)

    def model(self) -> Any:
        """Parse ``raw`` into the generated low-level model (`paymentoptions_client.models`, or `corefy_client.models`).

        Returns None where there is no answer yet. Never raises for strange data: the generated models are tolerant.
        """
        if self.raw is None:
            return None
        if "data" in self.raw:  # a document of Corefy's: the invoice, or the refund
            from corefy_client.models import InvoiceReply, RefundReply

            kind = RefundReply if self.operation is Operation.REFUND else InvoiceReply
            return kind.from_dict(dict(self.raw))
        from paymentoptions_client.models import PaymentReply

        return PaymentReply.from_dict(dict(self.raw))

    def __repr__(self) -> str:
        shown = [f"ref={self.ref!r}", f"operation={self.operation.value}", f"status={self.status.value}"]
        shown += [f"amount='{self.amount}'"] if self.amount is not None else []
        shown += [f"transaction_id={self.transaction_id!r}"] if self.transaction_id else []
        shown += [f"reason={self.decline.reason}"] if self.decline else []
        shown += ["redirect_url=<hidden>"] if self.redirect_url else []
        return f"<Payment {' '.join(shown)}>"

    def __getstate__(self) -> dict[str, Any]:
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        state["redirect_url"] = state["redirect_form"] = state["stored_payment_method_id"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


@dataclass(slots=True)
class Expected:
    """What an answer must agree with to be believed. None: not known here, so not compared.

    Nobody changes one, but it is not frozen: freezing costs 2 µs in each status query.

    ``live`` is what `is_live` must say; ``transaction_id`` the one that was asked for (status queries).
    ``strict`` demands that reference and merchant are present, not merely not different (status data that settles).
    ``currency`` is compared where the buyer types the amount. ``own_ref`` is the reference of a refund itself, where
    its gateway keeps one.
    """

    operation: Operation
    merchant_id: str
    live: bool
    ref: str | None = None
    amount: Money | None = None
    transaction_id: str | None = None
    strict: bool = False
    currency: str | None = None
    own_ref: str | None = None


class Refusal(StrEnum):
    """How a gateway refuses a request without having made a payment of it."""

    INVALID_REQUEST = "invalid_request"
    AUTHENTICATION = "authentication"
    RATE_LIMITED = "rate_limited"
    NOT_FOUND = "not_found"
    DUPLICATE = "duplicate"
    """The reference was used before, and the gateway does not replay its answer."""
    UNANSWERED = "unanswered"
    """A step before the charging one was not answered, so that nothing was charged."""


@dataclass(slots=True, kw_only=True, repr=False)
class Reading:
    """What one answer of the gateway says, masked. The fields are those of `Payment`.

    Nobody changes one, but it is not frozen: freezing costs 3 µs in each status query, a third of its decoding.

    ``refusal`` is set where the request itself was refused (then ``status`` is CANCELLED for operations: nothing
    happened). ``foreign`` is set where `is_live` or the merchant is not ours. ``merchant_txn_ref`` is the reference and
    ``transaction_id`` the transaction that the answer names, ``own_ref`` a refund's own reference, where it has one.
    ``refunded`` is what was given back of it in all, where the answer tells (Corefy). ``raw_text`` is ``raw`` as JSON,
    where `gateway_json.read_with_text` knows that nothing was masked, so that the text of the answer is that already;
    only status answers have it, which are asked for by the million and live for a moment.
    """

    status: PaymentStatus
    doubts: tuple[str, ...] = ()
    refusal: Refusal | None = None
    retry_after: float | None = None
    foreign: str | None = None
    message: str | None = None
    transaction_id: str | None = None
    transaction_type: str | None = None
    merchant_txn_ref: str | None = None
    own_ref: str | None = None
    approved_amount: Money | None = None
    refunded: Money | None = None
    charged_back: Money | None = None
    auth_code: str | None = None
    response_code: int | None = None
    gateway_code: str | None = None
    decline: Decline | None = None
    card: MaskedCard | None = None
    redirect_url: str | None = None
    redirect_form: Mapping[str, str] | None = None
    stored_payment_method_id: str | None = None
    subscription_id: str | None = None
    gateway_time: datetime | None = None
    http_status: int | None = None
    raw: Mapping[str, Any] | None = field(default=None)
    raw_text: str | None = None

    def __repr__(self) -> str:
        return f"<Reading {self.status.value} {'; '.join(self.doubts)}>"
