"""The bank's books, indexed by what the journal calls things."""

from __future__ import annotations

from collections import Counter, defaultdict

from paymentoptions_async import Operation
from paymentoptions_async.sandbox import Books, Transaction


class Ledger:
    """What the bank saw, as of the last `refresh`."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._read = 0
        self._charges: defaultdict[str, list[Transaction]] = defaultdict(list)
        self._by_notes: defaultdict[str, list[Transaction]] = defaultdict(list)
        self._voids: defaultdict[str, list[Transaction]] = defaultdict(list)
        self._renewals: defaultdict[str, list[Transaction]] = defaultdict(list)

    @property
    def transactions(self) -> list[Transaction]:
        """All of them, oldest first."""
        return self._books.transactions

    @property
    def challenges(self) -> Counter[str]:
        """How many 3-D Secure pages were opened under each reference."""
        return Counter(one.order.merchant_txn_ref or "" for one in self._books.challenges)

    def payment_of(self, transaction: Transaction) -> Transaction:
        """The purchase or authorisation that a chain began with."""
        return self._books.payment_of(transaction)

    def own(self, ref: str, operation: Operation, parent: str | None) -> list[Transaction]:
        """The transactions of an intent: one, or none; renewals are not among them."""
        if operation is Operation.VOID:
            return self._voids.get(parent or "", [])
        if operation.follows:
            return self._by_notes.get(ref, [])
        return self._charges.get(ref, [])

    def renewals(self, ref: str) -> list[Transaction]:
        """The later charges of a subscription."""
        return self._renewals.get(ref, [])

    def ref_of(self, transaction: Transaction) -> str:
        """The reference under which the journal should have it: for a void, that of its authorisation."""
        if transaction.order.operation in ("capture", "refund"):
            return (transaction.order.notes or "").rpartition(" ")[2]
        return transaction.merchant_txn_ref or ""

    def refresh(self) -> None:
        """Read on where it stopped."""
        transactions = self._books.transactions
        for transaction in transactions[self._read :]:
            ref = self.ref_of(transaction)
            match transaction.order.operation:
                case "void":
                    self._voids[ref].append(transaction)
                case "capture" | "refund":
                    self._by_notes[ref].append(transaction)
                case "renewal":
                    self._renewals[ref].append(transaction)
                case _:
                    self._charges[ref].append(transaction)
        self._read = len(transactions)
