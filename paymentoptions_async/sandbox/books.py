"""The bank's side of every payment: what was asked, what was answered, what was really taken, and when.

No whole card number is kept here: a test card's name, its first 6 and last 4 digits, and a keyed fingerprint.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, Literal

from iso4217 import Currency

from . import cards
from .cards import Outcome, TestCard
from .clock import Clock

_TYPES = {"authorization": "PRE_AUTH", "authorizationv2": "PRE_AUTH", "void": "VOID", "refund": "REFUND"}
_DONE = {"PRE_AUTH": "held", "CAPTURE": "took", "VOID": "released", "REFUND": "gave back"}


@dataclass(frozen=True)
class CardOnFile:
    """A card as the books know it; `test_card` is its name in the table of test cards."""

    test_card: str
    masked: str
    fingerprint: str
    scheme: str
    name: str
    exp_month: str
    exp_year: str


NO_CARD = CardOnFile(test_card="", masked="", fingerprint="", scheme="", name="", exp_month="", exp_year="")


@dataclass(frozen=True)
class Order:
    """One request to move money, without its secrets.

    `operation` is the endpoint's name, `amount` in major units. The addresses and `urls` hold the request's own
    objects; `token` is the stored card that pays. Paid with a wallet, it has the wallet's type (`gcash`) and NO_CARD.
    The order of a capture, void or refund is that of the original payment, with its own operation, amount and `notes`;
    that of a subscription's charge names the subscription and the `cycle` (1 is the first).
    """

    operation: str
    merchant_id: str
    merchant_txn_ref: str | None
    amount: Decimal
    currency: str
    card: CardOnFile
    customer_ip: str | None = None
    billing_address: dict[str, Any] = field(default_factory=dict)
    shipping_address: dict[str, Any] | None = None
    urls: dict[str, str] = field(default_factory=dict)
    store_card: bool = False
    token: str | None = None
    wallet: str | None = None
    notes: str | None = None
    subscription_id: str | None = None
    cycle: int | None = None


@dataclass(frozen=True)
class Happening:
    """One line of a transaction's history."""

    at: datetime
    what: str


@dataclass
class Transaction:
    """One transaction, in major units.

    `approved` is what the answer says, `moved` what the bank did, whatever was answered: held, took, gave back or
    released, by `transaction_type`. `parent_id` is the transaction that a capture, void or refund works on.
    """

    id: str
    ref: int
    transaction_type: str
    order: Order
    outcome: Outcome
    approved: Decimal
    moved: Decimal
    auth_code: str | None
    created: datetime
    challenged: bool = False
    stored_payment_method_id: str | None = None
    settles_at: datetime | None = None
    parent_id: str | None = None
    history: list[Happening] = field(default_factory=list)

    @property
    def charged(self) -> Decimal:
        """Return what the bank took from the card."""
        return self.moved if self.transaction_type == "CAPTURE" else Decimal(0)

    @property
    def refunded(self) -> Decimal:
        """Return what the bank gave back to the card."""
        return self.moved if self.transaction_type == "REFUND" else Decimal(0)

    @property
    def reserved(self) -> Decimal:
        """Return what others must leave alone: what moved, or all that was asked while it is still to settle."""
        return self.moved if self.settles_at is None else max(self.moved, self.order.amount)

    @property
    def merchant_txn_ref(self) -> str | None:
        """Return the merchant's own reference."""
        return self.order.merchant_txn_ref


@dataclass
class Challenge:
    """One 3-D Secure page: `token` opens it, and it is answered once."""

    token: str
    order: Order
    outcome: Outcome
    created: datetime
    expires: datetime
    state: Literal["open", "approved", "declined"] = "open"
    transaction_id: str | None = None


class Books:
    """Keep every transaction, stored card and 3-D Secure page of one sandbox.

    Ids come from `seed`, times from `clock`. Nothing is refused for being a repetition: the same reference twice is
    two charges, as is believed of the gateway (no document promises otherwise). `on_change` is called whenever there
    may be something new to settle.
    """

    def __init__(
        self,
        *,
        seed: int,
        clock: Clock,
        challenge_seconds: float,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._random = random.Random(f"{seed}:books")  # noqa: S311  ids that a seed repeats
        self._clock = clock
        self._challenge_seconds = challenge_seconds
        self._on_change = on_change
        self._fingerprint_key = self._random.randbytes(32)
        self._by_id: dict[str, Transaction] = {}
        self._children: dict[str, list[Transaction]] = {}
        self._unsettled: dict[str, Transaction] = {}
        self._challenges: dict[str, Challenge] = {}
        self._stored_cards: dict[str, CardOnFile] = {}

    @property
    def transactions(self) -> list[Transaction]:
        """Return every transaction, oldest first."""
        return list(self._by_id.values())

    @property
    def payments(self) -> list[Transaction]:
        """Return the purchases and authorisations, oldest first; not what was done to them later."""
        return [transaction for transaction in self._by_id.values() if transaction.parent_id is None]

    @property
    def challenges(self) -> list[Challenge]:
        """Return every 3-D Secure page that was opened, oldest first."""
        return list(self._challenges.values())

    def charges(self, merchant_txn_ref: str | None = None) -> list[Transaction]:
        """Return the transactions that took money, oldest first; of one reference if given."""
        return [
            transaction
            for transaction in self._by_id.values()
            if transaction.charged > 0 and merchant_txn_ref in (None, transaction.merchant_txn_ref)
        ]

    def total_charged(self, merchant_txn_ref: str | None = None) -> Decimal:
        """Return what the bank took in all, in major units; of one reference if given. Mixes no currencies."""
        taken = self.charges(merchant_txn_ref)
        if len({transaction.order.currency for transaction in taken}) > 1:
            raise ValueError("charges in several currencies have no total")
        return sum((transaction.charged for transaction in taken), Decimal(0))

    def find(self, transaction_id: str) -> Transaction | None:
        """Return the transaction with this id."""
        return self._by_id.get(transaction_id)

    def operations_on(self, transaction: Transaction) -> list[Transaction]:
        """Return the captures, voids and refunds that name this very transaction, oldest first."""
        return list(self._children.get(transaction.id, ()))

    def payment_of(self, transaction: Transaction) -> Transaction:
        """Return the purchase or authorisation that the chain of operations began with."""
        while transaction.parent_id is not None:
            transaction = self._by_id[transaction.parent_id]
        return transaction

    def put_on_file(self, card: TestCard, *, name: str, exp_month: str, exp_year: str) -> CardOnFile:
        """Return what the books may know of a card."""
        return CardOnFile(
            test_card=card.name,
            masked=cards.masked(card.number),
            fingerprint=cards.fingerprint(card.number, self._fingerprint_key),
            scheme=card.scheme,
            name=name,
            exp_month=exp_month,
            exp_year=exp_year,
        )

    def stored_card(self, stored_payment_method_id: str) -> CardOnFile | None:
        """Return the card kept under this token."""
        return self._stored_cards.get(stored_payment_method_id)

    def take(
        self, order: Order, outcome: Outcome, *, challenged: bool = False, parent: Transaction | None = None
    ) -> Transaction:
        """Enter a payment, or an operation on `parent`, with the bank's `outcome`, and return its transaction."""
        now = self._clock.now()
        approved = _share(order.amount, outcome.share, order.currency) if outcome.success else order.amount
        transaction = Transaction(
            id=self._new_id(),
            ref=100_001 + len(self._by_id),
            transaction_type=_TYPES.get(order.operation, "CAPTURE"),
            order=order,
            outcome=outcome,
            approved=approved,
            moved=approved if outcome.charges else Decimal(0),
            auth_code=f"{self._random.randrange(1_000_000):06}" if outcome.success and not challenged else None,
            created=now,
            challenged=challenged,
            settles_at=now + timedelta(seconds=cards.LATER_SECONDS) if outcome.later else None,
            parent_id=parent.id if parent else None,
        )
        self._keep_card(transaction)
        self._by_id[transaction.id] = transaction
        if parent is not None:
            self._children.setdefault(parent.id, []).append(transaction)
        if transaction.settles_at is not None:
            self._unsettled[transaction.id] = transaction
        self._note(transaction, f"{order.operation}: {_told(transaction)}")
        self._on_change()
        return transaction

    def settle_due(self) -> list[Transaction]:
        """Settle the transactions whose time has come, and return them."""
        now = self._clock.now()
        due = [one for one in self._unsettled.values() if one.settles_at is not None and one.settles_at <= now]
        for transaction in due:
            assert transaction.outcome.later is not None
            transaction.outcome = cards.OUTCOMES[transaction.outcome.later]
            transaction.moved = transaction.order.amount if transaction.outcome.charges else Decimal(0)
            transaction.settles_at = None
            self._keep_card(transaction)
            del self._unsettled[transaction.id]
            self._note(transaction, f"settled: {_told(transaction)}")
        return due

    def next_settlement(self) -> datetime | None:
        """Return when the next pending transaction settles."""
        return min((one.settles_at for one in self._unsettled.values() if one.settles_at), default=None)

    def open_challenge(self, order: Order, outcome: Outcome) -> Challenge:
        """Open a 3-D Secure page for the order; nothing is charged yet."""
        now = self._clock.now()
        token = self._random.randbytes(24).hex()
        expires = now + timedelta(seconds=self._challenge_seconds)
        challenge = self._challenges[token] = Challenge(token, order, outcome, now, expires)
        return challenge

    def challenge(self, token: str) -> Challenge | None:
        """Return the 3-D Secure page with this token."""
        return self._challenges.get(token)

    def has_expired(self, challenge: Challenge) -> bool:
        """Tell whether the page was left unanswered too long."""
        return challenge.state == "open" and challenge.expires <= self._clock.now()

    def answer_challenge(self, challenge: Challenge, *, authenticated: bool) -> Transaction:
        """Enter the cardholder's answer once, and return the transaction that came of it.

        ValueError when it was answered before or has expired: one page never makes two transactions.
        """
        if challenge.state != "open" or self.has_expired(challenge):
            raise ValueError("this page has been answered or has expired")
        challenge.state = "approved" if authenticated else "declined"
        outcome = challenge.outcome if authenticated else cards.OUTCOMES["authentication_failed"]
        transaction = self.take(challenge.order, outcome, challenged=True)
        challenge.transaction_id = transaction.id
        return transaction

    def _keep_card(self, transaction: Transaction) -> None:
        # The vendor's sample of a payment by token asks to store the card as well; it is stored already.
        if transaction.order.token is not None:
            transaction.stored_payment_method_id = transaction.order.token
        elif transaction.order.store_card and transaction.outcome.success:
            transaction.stored_payment_method_id = self._new_id()
            self._stored_cards[transaction.stored_payment_method_id] = transaction.order.card

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _note(self, transaction: Transaction, what: str) -> None:
        transaction.history.append(Happening(self._clock.now(), what))


def decimals_of(currency: str) -> int | None:
    """Return the currency's ISO 4217 decimals, or None if there is no such currency."""
    try:
        return Currency(currency).exponent or 0
    except ValueError:
        return None


def _share(amount: Decimal, share: Decimal, currency: str) -> Decimal:
    if share == 1:
        return amount
    return (amount * share).quantize(Decimal(1).scaleb(-(decimals_of(currency) or 0)), rounding=ROUND_DOWN)


def _told(transaction: Transaction) -> str:
    outcome, currency = transaction.outcome, transaction.order.currency
    did = _DONE[transaction.transaction_type]
    return f"answered {outcome.name} ({outcome.code}), bank {did} {transaction.moved} {currency}"
