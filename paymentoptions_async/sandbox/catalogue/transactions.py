"""A catalogue's transaction as the books would have it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from paymentoptions_async.sandbox import cards
from paymentoptions_async.sandbox.books import CardOnFile, Order, Transaction
from paymentoptions_async.sandbox.settings import Settings

from .entries import Entry, in_major

FOREIGN_MERCHANT = "JP99999999"
FIRST_REF = 100_001

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OPERATIONS = {
    "payment": ("paymentv2", "CAPTURE"),
    "authorization": ("authorizationv2", "PRE_AUTH"),
    "capture": ("capture", "CAPTURE"),
    "refund": ("refund", "REFUND"),
    "void": ("void", "VOID"),
}
_ADDRESS = {
    "country": "JP",
    "email": "billing@example.com",
    "phone_number": "N/A",
    "address1": "1-2-3 Shinjuku",
    "city": "Shinjuku-ku",
    "state": "Tokyo",
    "postal_code": "1600022",
}
_CARDS = {
    card.name: CardOnFile(
        test_card=card.name,
        masked=cards.masked(card.number),
        fingerprint="",
        scheme=card.scheme,
        name="John Doe",
        exp_month="12",
        exp_year="29",
    )
    for card in cards.CARDS
}


def transaction_of(entry: Entry, transaction_id: str, reference: str, settings: Settings) -> Transaction:
    """Return the transaction that an entry stands for."""
    operation, transaction_type = _OPERATIONS[entry.kind]
    outcome = cards.OUTCOMES[entry.outcome]
    amount = in_major(entry.minor, entry.currency)
    order = Order(
        operation=operation,
        merchant_id=FOREIGN_MERCHANT if entry.planted == "foreign" else settings.merchant_id,
        merchant_txn_ref=reference,
        amount=amount,
        currency=entry.currency,
        card=_CARDS[card_of(entry)],
        billing_address=_ADDRESS,
    )
    return Transaction(
        id=transaction_id,
        ref=FIRST_REF + entry.number,
        transaction_type=transaction_type,
        order=order,
        outcome=outcome,
        approved=amount,
        moved=amount if outcome.charges else Decimal(0),
        auth_code=auth_code_of(entry) if outcome.success else None,
        created=_EPOCH + timedelta(milliseconds=entry.at),
    )


def card_of(entry: Entry) -> str:
    """Return the name of the test card that paid."""
    return "approved_visa" if entry.outcome == "approved" and entry.root & 1 else entry.outcome


def auth_code_of(entry: Entry) -> str:
    """Return the code of an approval."""
    return f"{entry.number * 7919 % 1_000_000:06}"
