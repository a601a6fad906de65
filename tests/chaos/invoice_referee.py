"""Corefy's books against the journal, entry by entry; what is alike for both gateways is in `referee`.

An invoice is known before its sale and can be read by whoever has its id. So nothing about one may stay unknown once
the gateway can be asked again, and an answer to a sale that was lost is no excuse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from paymentoptions_async import Operation, Progress
from paymentoptions_async.intent import Record
from paymentoptions_async.sandbox import Delivery
from paymentoptions_async.sandbox.corefy.books import CorefyBooks, Invoice, Refund
from paymentoptions_async.sandbox.corefy.till import NOT_SUFFICIENT
from paymentoptions_async.sandbox.gateway import RequestLine
from tests.chaos.referee import Harm, Kept, judge_journal

TOO_MANY = 429
NOT_OURS = ("forged", "live_secret", "unsigned")
"""How a callback is signed that must not be taken in."""


@dataclass(kw_only=True)
class InvoiceCase(Kept):
    """All that is known of the payments by invoice. ``requests`` are all that the gateway got."""

    books: CorefyBooks
    requests: tuple[RequestLine, ...]
    callbacks: tuple[Delivery, ...]

    def invoice(self, record: Record) -> Invoice | None:
        """The invoice of a charge, or that which a refund gives back of."""
        intent = record.intent
        return self.books.by_reference(intent.charge_ref or record.ref if is_refund(record) else record.ref)

    def own_refunds(self, ref: str) -> list[Refund]:
        """What the bank gave back under a reference."""
        return self._refunds.get(ref, [])

    def is_charged(self, record: Record) -> bool:
        """See `Kept.is_charged`."""
        if is_refund(record):
            return bool(self.own_refunds(record.ref))
        invoice = self.invoice(record)
        return invoice is not None and bool(invoice.charged)

    def bank_says(self, record: Record) -> Iterator[str]:
        """See `Kept.bank_says`."""
        invoice = self.invoice(record)
        if invoice is None:
            yield "no invoice"
            return
        yield f"{invoice.id} is {invoice.status}; sold {self.sales[invoice.terms.reference_id]} times"
        yield from (line.what for line in invoice.history)

    def why_open(self, record: Record) -> str:
        """Why a payment is not settled at the end."""
        if is_refund(record) and not self.is_charged(record):
            return "a refund that its invoice does not list, which proves nothing; not given back"
        invoice = self.invoice(record)
        standing = "the bank has no invoice" if invoice is None else f"its invoice is {invoice.status}"
        return standing if record.payment.transaction_id else f"{standing}, and its id is not known"

    def totals(self) -> Mapping[str, int]:
        """The books and what was asked, in figures."""
        records = list(self.records.values())
        return {
            "payments (sales, write-offs, pages, refunds)": len(records),
            "invoices": len(self.books.invoices),
            "of these charged": sum(bool(one.charged) for one in self.books.invoices),
            "invoices that nobody's payment names": len(self._nameless()),
            "refunds": len(self.books.refunds()),
            "charged back": sum(bool(one.charged_back_amount) for one in self.books.invoices),
            "sales sent": self.sales.total(),
            "callbacks that the bank gave up": sum(one.state == "given up" for one in self.callbacks),
            "callbacks that were not ours, and were refused": sum(is_not_ours(one) for one in self.callbacks),
            "events handed to on_payment": len(self.heard.events),
        }

    @cached_property
    def sales(self) -> Counter[str]:
        """How many sales the cardgate got for each reference; those that it put off (429) may be sent again."""
        sold = (line for line in self.requests if line.endpoint == "corefy_sale" and line.status != TOO_MANY)
        return Counter(line.merchant_txn_ref for line in sold if line.merchant_txn_ref is not None)

    @cached_property
    def _refunds(self) -> Mapping[str, list[Refund]]:
        grouped: dict[str, list[Refund]] = {}
        for refund in self.books.refunds():
            grouped.setdefault(refund.reference_id, []).append(refund)
        return grouped

    def _nameless(self) -> list[Invoice]:
        named = {record.payment.transaction_id for record in self.records.values()}
        return [one for one in self.books.invoices if one.id not in named]


def judge_invoices(case: InvoiceCase) -> list[Harm]:
    """All that is wrong; nothing, if the product keeps its promises."""
    return [harm for check in CHECKS for harm in check(case)] + judge_journal(case)


def sold_once(case: InvoiceCase) -> Iterator[Harm]:
    """One intent, one invoice, at most one sale and one charge; one refund of a reference."""
    for ref, times in case.sales.items():
        if times > 1:
            yield Harm("charged twice", f"its sale was sent {times} times", ref)
    for invoice in case.books.invoices:
        charged = [attempt for attempt in invoice.attempts if attempt.charged]
        if len(charged) > 1:
            yield Harm("charged twice", f"the bank charged it {len(charged)} times", invoice.terms.reference_id)
    for ref in case.records:
        if len(case.own_refunds(ref)) > 1:
            yield Harm("charged twice", f"the bank gave it back {len(case.own_refunds(ref))} times", ref)


def known_to_journal(case: InvoiceCase) -> Iterator[Harm]:
    """The journal has an intent for each invoice and refund."""
    for invoice in case.books.invoices:
        if invoice.terms.reference_id not in case.records:
            did = "charged" if invoice.charged else "has"
            yield Harm("unknown to the journal", f"the bank {did} an invoice", invoice.terms.reference_id)
    for refund in case.books.refunds():
        if refund.reference_id not in case.records:
            yield Harm("unknown to the journal", "the bank did a refund", refund.reference_id)


def settled_as_in_books(case: InvoiceCase) -> Iterator[Harm]:
    """No settled state says what the books deny, nor another amount or invoice."""
    for record in case.records.values():
        if not record.payment.is_final:
            continue
        if is_refund(record):
            yield from _refund_against_books(record, case)
        else:
            yield from _charge_against_books(record, case)


def _charge_against_books(record: Record, case: InvoiceCase) -> Iterator[Harm]:
    payment, invoice = record.payment, case.invoice(record)
    charged = Decimal(0) if invoice is None else invoice.charged
    if not payment.status.took_money:
        if charged:
            yield Harm("settled wrongly", f"it is {payment.status}, and the bank charged {charged}", record.ref)
        if payment.progress is Progress.NOT_SENT and case.sales[record.ref]:
            yield Harm("settled wrongly", "it was not sent, and the bank got its sale", record.ref)
        return
    if invoice is None or not charged:
        yield Harm("settled wrongly", f"it is {payment.status}, and the bank did not charge it", record.ref)
        return
    if payment.transaction_id != invoice.id:
        yield Harm("settled wrongly", f"it is {payment.status} by an invoice of somebody else", record.ref)
    amount = payment.approved_amount
    if amount is None or (amount.amount, amount.currency) != (charged, invoice.terms.currency):
        yield Harm("settled wrongly", f"it is {amount}, and the bank charged {charged}", record.ref)


def _refund_against_books(record: Record, case: InvoiceCase) -> Iterator[Harm]:
    done = sum((refund.amount for refund in case.own_refunds(record.ref)), Decimal(0))
    told = record.payment.status.took_money
    amount = record.payment.approved_amount or record.payment.amount
    if told is not bool(done):
        yield Harm("settled wrongly", f"the refund is {record.payment.status}, and the bank gave {done}", record.ref)
    elif told and (amount is None or amount.amount != done):
        yield Harm("settled wrongly", f"the refund is of {amount}, and the bank gave {done}", record.ref)


def nothing_stays_open(case: InvoiceCase) -> Iterator[Harm]:
    """What can be read, is settled: each charge whose invoice has ended, and each refund that happened."""
    for record in case.records.values():
        invoice = case.invoice(record)
        if record.payment.is_final or record.payment.contradicted or invoice is None:
            continue
        told = bool(case.own_refunds(record.ref)) if is_refund(record) else invoice.is_final
        if told:
            yield Harm("news ignored", f"it is {record.payment.status}, and its invoice {invoice.status}", record.ref)


def never_contradicted(case: InvoiceCase) -> Iterator[Harm]:
    """An invoice does not lie here, so whatever it contradicts was believed without reading it."""
    for ref, history in case.histories.items():
        if any(entry.event == "contradiction" for entry in history):
            yield Harm("settled wrongly", "its invoice contradicts what was settled", ref)


def balances_kept(case: InvoiceCase) -> Iterator[Harm]:
    """No more was given back than was paid, and the bank was not even asked to."""
    for invoice in case.books.invoices:
        if invoice.refunded + invoice.charged_back_amount > invoice.charged:
            yield Harm("balance exceeded", f"{invoice.refunded} of {invoice.charged}", invoice.terms.reference_id)
    for line in case.requests:
        if line.message == NOT_SUFFICIENT:
            yield Harm(
                "balance exceeded", "the bank refused a refund of more than is left", line.merchant_txn_ref or ""
            )


def charge_backs_are_told(case: InvoiceCase) -> Iterator[Harm]:
    """What the buyer's bank took back stands beside the payment, which stays approved."""
    for invoice in case.books.invoices:
        record = case.records.get(invoice.terms.reference_id)
        if record is None or not record.payment.status.took_money or not invoice.charged_back_amount:
            continue
        told = record.payment.charged_back
        if told is None or told.amount != invoice.charged_back_amount:
            yield Harm("news ignored", f"{invoice.charged_back_amount} were charged back, not {told}", record.ref)


def callbacks_are_signed(case: InvoiceCase) -> Iterator[Harm]:
    """What is not signed with a secret of ours is refused."""
    for one in case.callbacks:
        if is_not_ours(one) and one.state == "delivered":
            yield Harm("a webhook is a hint", f"a callback was taken in ({one.note})", one.merchant_txn_ref or "")


def is_refund(record: Record) -> bool:
    """Does it give money back?"""
    return record.intent.operation is Operation.REFUND


def is_not_ours(callback: Delivery) -> bool:
    """Did the weather sign it with what is no secret of ours?"""
    return any(fault in callback.note for fault in NOT_OURS)


CHECKS: tuple[Callable[[InvoiceCase], Iterator[Harm]], ...] = (
    sold_once,
    known_to_journal,
    settled_as_in_books,
    nothing_stays_open,
    never_contradicted,
    balances_kept,
    charge_backs_are_told,
    callbacks_are_signed,
)
