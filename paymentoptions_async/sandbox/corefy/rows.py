"""The rows of Corefy's `/_sandbox/` tables, as JSON-like data: what people see as HTML and programs as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from paymentoptions_async.sandbox import replies

from .books import Attempt, Invoice
from .cards import COREFY_CARDS, OTHERWISE, RESOLUTIONS
from .resources import page_url


def invoice(one: Invoice, now: datetime) -> dict[str, Any]:
    """Return one invoice, with every attempt to pay it and every refund."""
    return {
        "id": one.id,
        "created": replies.timestamp(one.created),
        "updated": replies.timestamp(one.updated),
        "expires": replies.timestamp(one.expires),
        "reference_id": one.terms.reference_id,
        "amount": one.terms.amount,
        "currency": one.terms.currency,
        "status": one.status,
        "resolution": one.resolution,
        "moderation_required": one.moderation_required,
        "is_final": one.is_final,
        "charged": one.charged,
        "refunded": one.refunded,
        "charged_back": one.charged_back_amount,
        "url": urlsplit(page_url(one)).path,
        "attempts": [_attempt(attempt, now) for attempt in one.attempts],
        "refunds": [
            {"id": refund.id, "reference_id": refund.reference_id, "amount": refund.amount} for refund in one.refunds
        ],
        "history": [{"at": replies.timestamp(line.at), "what": line.what} for line in one.history],
    }


def cards() -> list[dict[str, Any]]:
    """Return the test cards."""
    return [
        {
            "name": card.name,
            "number": card.number,
            "network": card.network,
            "challenge": card.challenge,
            "status": "processed" if card.succeeds else "process_failed",
        }
        for card in COREFY_CARDS
    ]


def resolutions() -> list[dict[str, Any]]:
    """Return what the expiry date of a failing card selects."""
    chosen = [
        {"expiry": f"{month}/{year}", "resolution": resolution} for (month, year), resolution in RESOLUTIONS.items()
    ]
    return [*chosen, {"expiry": "any other", "resolution": OTHERWISE}]


def _attempt(attempt: Attempt, now: datetime) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "at": replies.timestamp(attempt.at),
        "source": attempt.source,
        "card": attempt.card.masked,
        "test_card": attempt.card.test_card,
        "state": attempt.state_at(now),
        "resolution": attempt.resolution,
        "charged": attempt.charged,
    }
