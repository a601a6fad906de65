"""What tells cards apart in the journal without keeping them. Pure."""

from __future__ import annotations

import hashlib

from paymentoptions_async.values import Card, Secret


def instrument_of(*, card: Card | None = None, token: Secret | None = None) -> str:
    """First 6, last 4 and expiry of a card (no hash of the number), or the hash of a stored card's token."""
    if card is not None:
        masked = card.masked
        return f"{masked} {masked.expiry_month}/{masked.expiry_year}"
    assert token is not None
    return "token " + hashlib.sha256(token.reveal().encode()).hexdigest()[:16]
