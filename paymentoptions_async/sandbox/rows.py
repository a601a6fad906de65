"""The rows of the `/_sandbox/` tables, as JSON-like data: what people see as HTML and programs as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import replies, subscription_desk
from .books import Books, Challenge, Transaction
from .cards import CARDS, OUTCOMES, TestCard
from .gateway import RequestLine
from .hosted_links import CARDS as SCHEME
from .hosted_links import page_path
from .links import Link, Links
from .payments import challenge_link
from .risk import RISK_RULES
from .subscriptions import Subscription
from .webhooks import Delivery

if TYPE_CHECKING:
    from .sandbox import Sandbox

PLANNED = ("capture", "renewal")  # several of these under one reference are no repetition
_DONE = {"PRE_AUTH": "held", "CAPTURE": "took", "VOID": "released", "REFUND": "gave back"}


def cards() -> list[dict[str, Any]]:
    """Return the table of test cards as data: what each answers, and whether the bank charges."""
    rows = []
    for card in CARDS:
        outcome = OUTCOMES[card.outcome]
        rows.append(
            {
                "name": card.name,
                "number": card.number,
                "scheme": card.scheme,
                "challenge": card.challenge,
                "documented": card.documented,
                "outcome": outcome.name,
                "response_code": outcome.code,
                "success": outcome.success,
                "charges": outcome.charges,
                "later": outcome.later,
                "description": outcome.description,
                "afterwards": _afterwards(card),
            }
        )
    return rows


def amounts() -> list[dict[str, Any]]:
    """Return the amounts that break a rule of risk."""
    return [
        {
            "amount": rule.amount,
            "operation": "refund" if rule.on_refund else "payment or capture",
            "code": rule.code,
            "response_code": rule.response_code,
            "rule": rule.rule,
            "message": rule.message,
        }
        for rule in RISK_RULES
    ]


def transaction(transaction: Transaction) -> dict[str, Any]:
    """Return one transaction, with what the bank did in words."""
    order = transaction.order
    return {
        "id": transaction.id,
        "parent_id": transaction.parent_id,
        "ref": transaction.ref,
        "created": replies.timestamp(transaction.created),
        "operation": order.operation,
        "transaction_type": transaction.transaction_type,
        "merchant_txn_ref": order.merchant_txn_ref,
        "amount": order.amount,
        "currency": order.currency,
        "charged": transaction.charged,
        "moved": transaction.moved,
        "bank": f"{_DONE[transaction.transaction_type]} {transaction.moved}" if transaction.moved else "nothing",
        "planned": order.operation in PLANNED,
        "outcome": transaction.outcome.name,
        "response_code": transaction.outcome.code,
        "success": transaction.outcome.success,
        "settles": _maybe(transaction.settles_at),
        "challenged": transaction.challenged,
        "card": order.card.masked or order.wallet,
        "fingerprint": order.card.fingerprint,
        "test_card": order.card.test_card,
        "notes": order.notes,
        "subscription_id": order.subscription_id,
        "cycle": order.cycle,
        "history": [{"at": replies.timestamp(line.at), "what": line.what} for line in transaction.history],
    }


def payment(payment: Transaction, sandbox: Sandbox) -> dict[str, Any]:
    """Return a purchase or authorisation with its balance, and the chain of operations that hang on it."""
    balance = sandbox.operations.balance(payment)
    return {
        "id": payment.id,
        "created": replies.timestamp(payment.created),
        "merchant_txn_ref": payment.merchant_txn_ref,
        "currency": payment.order.currency,
        "authorised": balance.authorised,
        "captured": balance.captured,
        "refunded": balance.refunded,
        "released": balance.released,
        "capturable": balance.capturable,
        "refundable": balance.refundable,
        "chain": [transaction(one) | {"depth": depth} for depth, one in _chain(payment, sandbox.books)],
    }


def subscription(subscription: Subscription) -> dict[str, Any]:
    """Return one subscription as the gateway shows it, and the reference that it was made under."""
    shown = subscription_desk.details(subscription)
    return {"merchant_txn_ref": subscription.order.merchant_txn_ref, **shown}


def challenge(challenge: Challenge, books: Books) -> dict[str, Any]:
    """Return one 3-D Secure page."""
    return {
        "opened": replies.timestamp(challenge.created),
        "expires": replies.timestamp(challenge.expires),
        "url": challenge_link(challenge),
        "state": "expired" if books.has_expired(challenge) else challenge.state,
        "merchant_txn_ref": challenge.order.merchant_txn_ref,
        "amount": challenge.order.amount,
        "currency": challenge.order.currency,
        "card": challenge.order.card.masked,
        "transaction_id": challenge.transaction_id,
    }


def link(link: Link, links: Links) -> dict[str, Any]:
    """Return one link to a hosted page or wallet, and what came of each attempt to pay it."""
    terms = link.terms
    return {
        "id": link.id,
        "made": replies.timestamp(link.created),
        "expires": replies.timestamp(link.expires),
        "url": page_path(link),
        "method": terms.wallet or SCHEME,
        "state": links.state(link),
        "merchant_txn_ref": terms.merchant_txn_ref,
        "amount": terms.amount,
        "currency": terms.currency,
        "attempts": [links.result(attempt) for attempt in link.attempts],
        "cancelled": link.cancelled,
    }


def request(line: RequestLine) -> dict[str, Any]:
    """Return one request to the API."""
    return {
        "at": replies.timestamp(line.at),
        "request_id": line.request_id,
        "endpoint": line.endpoint,
        "method": line.method,
        "path": line.path,
        "status": line.status,
        "merchant_txn_ref": line.merchant_txn_ref,
        "transaction_id": line.transaction_id,
        "message": line.message,
        "faults": line.faults,
    }


def webhook(delivery: Delivery) -> dict[str, Any]:
    """Return one webhook and every attempt to deliver it."""
    return {
        "number": delivery.number,
        "url": delivery.url,
        "transaction_id": delivery.transaction_id,
        "merchant_txn_ref": delivery.merchant_txn_ref,
        "state": delivery.state,
        "note": delivery.note,
        "due": _maybe(delivery.due),
        "attempts": [
            {"at": replies.timestamp(attempt.at), "status": attempt.status, "error": attempt.error}
            for attempt in delivery.attempts
        ],
    }


def _afterwards(card: TestCard) -> dict[str, str]:
    """Return the operations that end otherwise than approved, and how."""
    after = {"capture": card.capture, "void": card.void, "refund": card.refund, "renewal": card.renewal or "approved"}
    return {operation: outcome for operation, outcome in after.items() if outcome != "approved"}


def _chain(transaction: Transaction, books: Books, depth: int = 0) -> Iterator[tuple[int, Transaction]]:
    yield depth, transaction
    for below in books.operations_on(transaction):
        yield from _chain(below, books, depth + 1)


def _maybe(moment: datetime | None) -> str | None:
    return replies.timestamp(moment) if moment else None
