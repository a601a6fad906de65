"""Capture, void and refund: what may follow what, and how much.

Each makes a transaction of its own under the original payment's reference. What no document decides is inferred from
the rules of the vendor's portal: several partial captures; a void only before any capture, and once; partial refunds
until all is back. What is still to settle counts as if it had happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from . import cards, replies, risk
from .books import Books, Order, Transaction
from .cards import Outcome
from .clock import Clock
from .endpoint import Endpoint, Refused
from .payments import amount_of, check_merchant
from .replies import Reply
from .settings import PREFIX, Settings
from .webhooks import Webhooks

OVER_AUTHORISATION = Outcome("over_authorisation", 836, False, False, "Amount over pre-authorisation.")
ALREADY_REVERSED = Outcome("already_reversed", 79, False, False, "Already reversed.")
AUTHORISATION_EXPIRED = Outcome("authorisation_expired", 84, False, False, "Life cycle of the authorisation is over.")
NOTHING_APPROVED = Outcome("nothing_approved", 12, False, False, "Invalid transaction: nothing was approved.")

_KINDS = {"PRE_AUTH": "an authorisation", "CAPTURE": "a purchase or capture", "VOID": "a void", "REFUND": "a refund"}


@dataclass(frozen=True)
class Balance:
    """What became of one payment, in major units; `capturable` and `refundable` are what is left to do.

    `authorised` is 0 for a purchase. `released` went back to the card's limit by a void, by expiry, or because only
    one capture is allowed.
    """

    authorised: Decimal
    captured: Decimal
    refunded: Decimal
    released: Decimal
    capturable: Decimal
    refundable: Decimal


@dataclass(frozen=True)
class Operations:
    """Where payments are captured, voided and refunded."""

    books: Books
    clock: Clock
    settings: Settings
    webhooks: Webhooks

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the operations that are served here."""
        return (
            Endpoint("capture", "POST", f"{PREFIX}/capture", lambda body, _: self.capture(body)),
            Endpoint("void", "POST", f"{PREFIX}/void", lambda body, _: self.void(body)),
            Endpoint("refund", "POST", f"{PREFIX}/refund", lambda body, _: self.refund(body)),
        )

    def capture(self, body: Mapping[str, Any]) -> Reply:
        """Take POST …/capture: charge all or a part of an authorisation."""
        authorisation = self._named(body, "PRE_AUTH", "captured")
        amount = amount_of(body["amount"], authorisation.order.currency)
        refused = self._closed(authorisation)
        if refused is None and amount > self.capturable(authorisation):
            refused = OVER_AUTHORISATION
        return self._enter(authorisation, "capture", amount, body, refused)

    def void(self, body: Mapping[str, Any]) -> Reply:
        """Take POST …/void: release a whole authorisation of which nothing was captured."""
        authorisation = self._named(body, "PRE_AUTH", "voided")
        refused = self._closed(authorisation)
        if refused is None and _reserved(self.books.operations_on(authorisation), "CAPTURE"):
            refused = ALREADY_REVERSED
        amount = authorisation.moved or authorisation.order.amount
        return self._enter(authorisation, "void", amount, body, refused)

    def refund(self, body: Mapping[str, Any]) -> Reply:
        """Take POST …/refund: give back all or a part of a purchase or capture."""
        charge = self._named(body, "CAPTURE", "refunded")
        amount = amount_of(body["amount"], charge.order.currency)
        left = self.refundable(charge)
        refused = None
        if not charge.outcome.success:
            refused = NOTHING_APPROVED
        elif left == 0 and charge.moved > 0:
            refused = ALREADY_REVERSED
        elif amount > left:
            refused = risk.REFUND_LIMIT
        return self._enter(charge, "refund", amount, body, refused)

    def capturable(self, authorisation: Transaction) -> Decimal:
        """Return what may still be captured of an authorisation."""
        if self._closed(authorisation) is not None:
            return Decimal(0)
        captured = _reserved(self.books.operations_on(authorisation), "CAPTURE")
        if captured and not self.settings.several_captures:
            return Decimal(0)
        return authorisation.moved - captured

    def refundable(self, charge: Transaction) -> Decimal:
        """Return what may still be refunded of one purchase or capture."""
        if not charge.outcome.success:
            return Decimal(0)
        return charge.moved - _reserved(self.books.operations_on(charge), "REFUND")

    def balance(self, payment: Transaction) -> Balance:
        """Return the balance of a purchase or an authorisation, over all its operations."""
        zero = Decimal(0)
        authorised = payment.moved if payment.transaction_type == "PRE_AUTH" else zero
        below = self.books.operations_on(payment)
        charges = [one for one in (payment, *below) if one.transaction_type == "CAPTURE"]
        captured = sum((one.charged for one in charges), zero)
        refunds = [refund for charge in charges for refund in self.books.operations_on(charge)]
        capturable = self.capturable(payment) if authorised else zero
        pending = _reserved(below, "CAPTURE") - captured if authorised else zero
        return Balance(
            authorised=authorised,
            captured=captured,
            refunded=sum((refund.refunded for refund in refunds), zero),
            released=authorised - captured - pending - capturable if authorised else zero,
            capturable=capturable,
            refundable=sum((self.refundable(charge) for charge in charges), zero),
        )

    def _named(self, body: Mapping[str, Any], kind: str, done: str) -> Transaction:
        check_merchant(body, self.settings)
        transaction = self.books.find(body["transactionId"])
        if transaction is None:
            raise Refused(404, "Transaction not found.", "NOT_FOUND")
        if transaction.transaction_type != kind:
            is_a, wanted = _KINDS[transaction.transaction_type], _KINDS[kind]
            raise Refused(412, f"transactionId is {is_a}; only {wanted} can be {done}.", "PRECONDITION_FAILED")
        return transaction

    def _closed(self, authorisation: Transaction) -> Outcome | None:
        """Return why nothing can be done with an authorisation any more."""
        if not authorisation.outcome.success or not authorisation.moved:
            return NOTHING_APPROVED
        if _reserved(self.books.operations_on(authorisation), "VOID"):
            return ALREADY_REVERSED
        if self.clock.now() >= authorisation.created + timedelta(seconds=self.settings.authorization_seconds):
            return AUTHORISATION_EXPIRED
        return None

    def _enter(
        self, parent: Transaction, operation: str, amount: Decimal, body: Mapping[str, Any], refused: Outcome | None
    ) -> Reply:
        order = replace(
            parent.order, operation=operation, amount=amount, notes=body.get("notes"), store_card=False, token=None
        )
        outcome = refused or risk.outcome(order) or _by_card(order)
        transaction = self.books.take(order, outcome, parent=parent)
        if transaction.settles_at is None:
            self.webhooks.announce(transaction)
        return replies.operation(transaction, self.settings)


def _by_card(order: Order) -> Outcome:
    if order.wallet is not None:
        return cards.OUTCOMES["approved"]
    card = cards.by_name(order.card.test_card)
    return cards.OUTCOMES[{"capture": card.capture, "void": card.void, "refund": card.refund}[order.operation]]


def _reserved(operations: list[Transaction], kind: str) -> Decimal:
    return sum((one.reserved for one in operations if one.transaction_type == kind), Decimal(0))
