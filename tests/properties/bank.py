"""A bank that does whatever it is asked, remembers all of it, and answers as the gateway does."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from paymentoptions_async.intent import Intent
from paymentoptions_async.payment import Operation
from paymentoptions_async.wire.exchange import Reply, Request
from tests.support.scripted import answer, envelope, redirect

CODES = {"approved": 0, "declined": 5, "pending": 578, "unclear": 68}
KINDS = {Operation.AUTHORIZE: "PRE_AUTH", Operation.REFUND: "REFUND", Operation.VOID: "VOID"}


@dataclass
class Transaction:
    """One transaction. ``state`` is what the bank answers; ``will`` what an undecided one comes to.

    ``by`` is the reference of the intent that asked for it; None for what the merchant did in the portal.
    """

    id: str
    ref: str
    kind: str
    amount: Decimal
    state: str
    will: str
    by: str | None
    parent: str | None = None

    @property
    def took(self) -> bool:
        """The bank has done it, or will."""
        return self.will == "approved"

    @property
    def is_charge(self) -> bool:
        return self.parent is None


@dataclass
class Page:
    """A page on which a buyer pays: of 3-D Secure, once; or hosted, as often as they like."""

    ref: str
    intent: Intent
    answered: int = 0

    @property
    def is_open(self) -> bool:
        return self.answered < (3 if self.intent.operation is Operation.HOSTED_PAGE else 1)


class Bank:
    """The bank's books, and the wire to them: a status query is answered from the books."""

    def __init__(self) -> None:
        self.transactions: dict[str, Transaction] = {}
        self.pages: list[Page] = []
        self.asked: Counter[str] = Counter()
        """Charging requests that came, by the intent's own reference."""

    def carry_out(self, intent: Intent, outcome: str, parent: str | None) -> Reply:
        """Do what an intent's request asks for, without looking whether it was done before."""
        self.asked[intent.ref] += 1
        if outcome == "refused":
            return answer({"message": "no"}, 400)
        if outcome == "page":
            self.pages.append(Page(intent.ref, intent))
            return answer(redirect() | {"merchant_txn_ref": intent.ref}, 200)
        return self._answer(self.enter(intent, outcome, parent=parent))

    def enter(self, intent: Intent, outcome: str, *, parent: str | None = None, will: str = "approved") -> Transaction:
        """Enter a transaction of an intent into the books."""
        amount = intent.amount.amount if intent.amount is not None else self.transactions[parent or ""].amount
        ref, kind = intent.merchant_txn_ref, KINDS.get(intent.operation, "CAPTURE")
        assert ref is not None, "every charge is known here"
        return self._enter(ref, kind, amount, outcome, by=intent.ref, parent=parent, will=will)

    def pay_again(self, charge: Transaction) -> Transaction:
        """Charge the next cycle of a subscription."""
        return self._enter(charge.ref, "CAPTURE", charge.amount, "approved", by=charge.by)

    def refund_in_portal(self, charge: Transaction) -> Transaction:
        """Refund an amount for which no program ever asks."""
        return self._enter(charge.ref, "REFUND", Decimal(77), "approved", by=None, parent=charge.id)

    def decide(self, transaction: Transaction) -> None:
        """Bring an undecided transaction to its end."""
        transaction.state = transaction.will

    def told(self, transaction_id: str) -> Reply:
        """The answer to a status query."""
        found = self.transactions.get(transaction_id)
        if found is None:
            return answer({"message": "not found"}, 404)
        return self._answer(found, status=200)

    async def send(self, request: Request) -> Reply:
        assert request.method == "GET", "charging requests come to `carry_out`"
        return self.told(request.path.rpartition("/")[2])

    async def aclose(self) -> None:
        """Nothing to close."""

    def _enter(
        self,
        ref: str,
        kind: str,
        amount: Decimal,
        state: str,
        *,
        by: str | None,
        parent: str | None = None,
        will: str = "approved",
    ) -> Transaction:
        number = str(UUID(int=(len(self.transactions) + 1) << 96, version=4))
        will = state if state in ("approved", "declined") else will
        entered = Transaction(number, ref, kind, amount, state, will, by, parent)
        self.transactions[number] = entered
        return entered

    def _answer(self, of: Transaction, status: int = 201) -> Reply:
        told = envelope(of.ref, code=CODES[of.state], amount=int(of.amount), transaction_id=of.id, kind=of.kind)
        return answer(told, status)
