"""The bank's books against the journal, entry by entry. Each check tells of what must never be.

Nothing here uses the product's own rules: what it promises is written down a second time, from the books' side.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from paymentoptions_async import Entry, Operation, PaymentStatus, Progress, Source
from paymentoptions_async.intent import Notice, Record
from paymentoptions_async.sandbox import Transaction
from tests.chaos.hearing import Hearing
from tests.chaos.ledger import Ledger

DECLINED = ("declined", "insufficient_funds", "stolen_card")
"""Outcomes that the gateway tells clearly."""
OVER_BALANCE = ("over_authorisation", "already_reversed", "risk_err3019")
"""What the bank says to who asks for more than there is; the product must not have asked."""


@dataclass(frozen=True, slots=True)
class Harm:
    """A promise that was broken. ``ref`` names the payment, where it is about one."""

    promise: str
    what: str
    ref: str = ""

    def __str__(self) -> str:
        return f"{self.promise}: {self.what}" + (f" [{self.ref}]" if self.ref else "")


@dataclass(kw_only=True)
class Kept(ABC):
    """What the journal keeps of one gateway's payments at the end, and what was told of them."""

    records: Mapping[str, Record]
    histories: Mapping[str, Sequence[Entry]]
    unresolved: frozenset[str]
    heard: Hearing
    notices: Mapping[str, Sequence[Notice]] = field(default_factory=dict)
    """Webhooks of the payments that something is wrong with, for the report."""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """What a person said of a payment, by reference."""

    @abstractmethod
    def is_charged(self, record: Record) -> bool:
        """Did the bank do it?"""

    @abstractmethod
    def bank_says(self, record: Record) -> Iterator[str]:
        """What the bank did of an intent, a line for each thing."""

    def in_flight(self) -> Iterator[Record]:
        """What the journal believes to be on the wire: whoever had it may have been killed."""
        return (
            record
            for record in self.records.values()
            if (record.payment.progress, record.payment.status) == (Progress.SENDING, PaymentStatus.PENDING)
        )

    @cached_property
    def mistaken(self) -> frozenset[str]:
        """Payments of which a person said what the books deny."""
        known = {ref: self.records[ref] for ref in self.verdicts if ref in self.records}
        return frozenset(
            ref for ref, record in known.items() if (self.verdicts[ref] == "happened") is not self.is_charged(record)
        )

    @cached_property
    def orders(self) -> Mapping[str, list[Record]]:
        """The charges of each order."""
        grouped = defaultdict(list)
        for record in self.records.values():
            if record.intent.order is not None:
                grouped[record.intent.order].append(record)
        return grouped


@dataclass(kw_only=True)
class Case(Kept):
    """All that is known of the first gateway's payments."""

    ledger: Ledger
    announced: frozenset[str] = frozenset()
    """Transactions of which the bank delivered a webhook that was not spoiled."""

    def own(self, record: Record) -> list[Transaction]:
        """The bank's transactions of an intent."""
        return self.ledger.own(record.ref, record.intent.operation, record.intent.charge_ref)

    def is_charged(self, record: Record) -> bool:
        """See `Kept.is_charged`."""
        return any(transaction.moved for transaction in self.own(record))

    def bank_says(self, record: Record) -> Iterator[str]:
        """See `Kept.bank_says`."""
        for one in self.own(record):
            heard = "announced" if one.id in self.announced else "not announced"
            did = f"{one.order.operation} moved {one.moved} of {one.order.amount}"
            yield f"{one.id} {did}, {one.outcome.name}, {heard}"


def judge(case: Case) -> list[Harm]:
    """All that is wrong; nothing, if the product keeps its promises."""
    return [harm for check in CHECKS for harm in check(case)] + judge_journal(case)


def judge_journal(kept: Kept) -> list[Harm]:
    """What is wrong in the same way whichever gateway it is."""
    return [harm for check in JOURNAL_CHECKS for harm in check(kept)]


def charged_once(case: Case) -> Iterator[Harm]:
    """One intent, one reference, at most one request that may charge; a page paid twice by its buyer is reported."""
    pages = case.ledger.challenges
    for record in case.records.values():
        own = case.own(record)
        charged = [transaction.id for transaction in own if transaction.moved]
        if record.intent.operation is Operation.HOSTED_PAGE:
            reported = {record.payment.transaction_id, *record.payment.duplicate_charges}
            if len(charged) > 1 and case.announced.issuperset(charged) and not reported.issuperset(charged):
                yield Harm("charged twice", "a page was paid twice, and that is not reported", record.ref)
        elif len(charged) > 1:
            yield Harm("charged twice", f"the bank charged it {len(charged)} times", record.ref)
        elif len(own) > 1 or pages[record.ref] > 1:
            yield Harm("charged twice", f"the bank was asked {len(own) + pages[record.ref]} times", record.ref)


def one_reference_for_each_key(case: Kept) -> Iterator[Harm]:
    """A key stands for one intent."""
    keys: dict[tuple[str, str], str] = {}
    for record in case.records.values():
        named = (record.intent.operation.family, record.intent.idempotency_key)
        if keys.setdefault(named, record.ref) != record.ref:
            yield Harm("charged twice", f"key {named[1]!r} stands for two references", record.ref)


def known_to_journal(case: Case) -> Iterator[Harm]:
    """The journal has an intent for whatever the bank did."""
    voided = {record.intent.charge_ref for record in case.records.values() if record.intent.operation is Operation.VOID}
    for transaction in case.ledger.transactions:
        ref = case.ledger.ref_of(transaction)
        known = voided if transaction.order.operation == "void" else case.records
        if ref not in known:
            did = "did" if transaction.moved else "was asked for"
            yield Harm("unknown to the journal", f"the bank {did} a {transaction.order.operation}", ref)


def settled_as_in_books(case: Case) -> Iterator[Harm]:
    """No settled state says what the books deny, nor another amount."""
    for record in case.records.values():
        if not record.payment.is_final or record.ref in case.mistaken:
            continue
        yield from _against_books(record, case.own(record))


def _against_books(record: Record, own: Sequence[Transaction]) -> Iterator[Harm]:
    payment = record.payment
    moved = {transaction.id: transaction for transaction in own if transaction.moved}
    if not payment.status.took_money:
        if moved:
            yield Harm("settled wrongly", f"it is {payment.status}, and the bank did it", record.ref)
        if own and payment.progress is Progress.NOT_SENT:
            yield Harm("settled wrongly", "it was not sent, and the bank has it", record.ref)
        return
    if not moved:
        yield Harm("settled wrongly", f"it is {payment.status}, and the bank did not do it", record.ref)
        return
    if payment.transaction_id is None and payment.source is Source.PERSON:
        return
    done = moved.get(payment.transaction_id or "")
    if done is None:
        yield Harm("settled wrongly", f"it is {payment.status} with a transaction of somebody else", record.ref)
        return
    amount = payment.approved_amount or payment.amount
    exact = amount is None or (amount.amount, amount.currency) == (done.moved, done.order.currency)
    if not exact and record.intent.operation is not Operation.VOID:
        yield Harm("settled wrongly", f"it is {amount}, and the bank moved {done.moved}", record.ref)


def unknown_is_listed(case: Kept) -> Iterator[Harm]:
    """Whatever is not settled is in unresolved(), and at the end nothing is in flight."""
    for record in case.records.values():
        if record.payment.is_final:
            continue
        if record.ref not in case.unresolved:
            yield Harm("not listed", f"it is {record.payment.status}, and unresolved() does not have it", record.ref)


def news_is_taken_in(case: Case) -> Iterator[Harm]:
    """A charge of which the gateway told, and tells whoever asks, does not stay unknown."""
    for record in case.records.values():
        if record.payment.is_final or record.intent.operation.follows or record.payment.contradicted:
            continue
        for done in case.own(record):
            if done.id in case.announced and done.moved == done.order.amount and done.outcome.success:
                yield Harm(
                    "news ignored", f"it is {record.payment.status}, and the bank told that it did it", record.ref
                )


def balances_kept(case: Case) -> Iterator[Harm]:
    """The bank was never asked for more than there was."""
    # A person may say that a refund did not happen while the bank has not let go of it yet.
    touched = {case.records[ref].intent.charge_ref for ref in case.verdicts if ref in case.records} | set(case.verdicts)
    for transaction in case.ledger.transactions:
        if transaction.outcome.name in OVER_BALANCE and (transaction.merchant_txn_ref or "") not in touched:
            did = f"a {transaction.order.operation} of {transaction.order.amount}: {transaction.outcome.description}"
            yield Harm("balance exceeded", did, case.ledger.ref_of(transaction))


def told_as_recorded(case: Kept) -> Iterator[Harm]:
    """What a caller was told stands in the journal, or was contradicted aloud."""
    for told in case.heard.told:
        record = case.records.get(told.ref)
        if record is None:
            yield Harm("told otherwise", f"a caller was told {told.status}, and the journal has nothing", told.ref)
            continue
        status = PaymentStatus(told.status)
        if not status.is_final or status is record.payment.status:
            continue
        if (
            told.ref in case.verdicts
            and record.payment.is_final
            and not record.payment.status.took_money | status.took_money
        ):
            continue  # a person said that it did not happen, and the gateway then said why
        if not any(entry.event == "contradiction" for entry in case.histories[told.ref]):
            yield Harm("told otherwise", f"a caller was told {told.status}; it is {record.payment.status}", told.ref)
    for (operation, key), amounts in case.heard.amounts.items():
        if len(amounts) > 1:
            yield Harm(
                "told otherwise", f"{operation} under key {key!r} was answered for {' and '.join(map(str, amounts))}"
            )


def handed_over(case: Kept) -> Iterator[Harm]:
    """Each confirmed change reached the application, and the changes of a payment in their order."""
    for ref, history in case.histories.items():
        earlier = None
        for entry in _confirmed(history):
            event = case.heard.events.get(f"{ref}:{entry.version}")
            if event is None or event.handled is None:
                yield Harm("not handed over", f"line {entry.version} of its history, {entry.event}", ref)
                break
            if event.status != entry.status:
                yield Harm("not handed over", f"as it was: {event.status} instead of {entry.status}", ref)
            if earlier is not None and event.handed < earlier:
                yield Harm("not handed over", f"in order: line {entry.version} came too early", ref)
            earlier = event.handled


def _confirmed(history: Sequence[Entry]) -> Iterator[Entry]:
    """The lines of history that the application must hear of: each outcome, each contradiction, each further charge."""
    outcome = None
    for entry in history:
        final = entry.status.is_final and entry.progress is Progress.ANSWERED
        if entry.event in ("contradiction", "duplicate_charge", "renewed", "charged_back") or (
            final and entry.status is not outcome
        ):
            yield entry
        outcome = entry.status if final else None


def _was_let_go(history: Sequence[Entry]) -> bool:
    """Did a person ever say that it had not happened? Then another attempt was free to go, whatever was said later."""
    return any(e.source is Source.PERSON and e.status.is_final and not e.status.took_money for e in history)


def paid_twice_is_reported(case: Kept) -> Iterator[Harm]:
    """An order is charged twice only where an attempt was given up for another, and then it is reported.

    Or where a person was mistaken.
    """
    for order, attempts in case.orders.items():
        charged = [record for record in attempts if case.is_charged(record)]
        if len(charged) < 2 or any(_was_let_go(case.histories[record.ref]) for record in charged):
            continue
        given_up = {record.intent.supersedes for record in attempts}
        if sum(record.ref not in given_up for record in charged) > 1:
            yield Harm("order paid twice", f"{order} was charged {len(charged)} times", charged[1].ref)
        paid = [record.payment for record in charged if record.payment.status.took_money]
        reported = {named for payment in paid for named in payment.duplicate_charges}
        silent = [one.ref for one in paid if not reported & {one.ref, one.transaction_id}]
        if len(paid) > 1 and len(silent) > 1:
            yield Harm("order paid twice", f"{order}, and duplicate_charges do not say so", silent[1])


def history_is_whole(case: Kept) -> Iterator[Harm]:
    """Each change left its line, and the last one tells how it stands."""
    for ref, record in case.records.items():
        history = case.histories[ref]
        if [entry.version for entry in history] != list(range(1, record.version + 1)):
            yield Harm("history not kept", f"{len(history)} lines for {record.version} changes", ref)
        elif history[-1].progress is not Progress.SENDING and history[-1].status is not record.payment.status:
            yield Harm("history not kept", f"it ends with {history[-1].status}; it is {record.payment.status}", ref)


def mistakes_are_contradicted(case: Case) -> Iterator[Harm]:
    """A person who was wrong is contradicted aloud once the gateway tells of the transaction."""
    for ref in case.mistaken:
        record = case.records[ref]
        can_be_told = any(not one.outcome.later for one in case.own(record)) and not record.intent.operation.follows
        if can_be_told and _is_clear(case.own(record)) and record.payment.source is Source.PERSON:
            yield Harm("told otherwise", f"a person said {case.verdicts[ref]}, and nothing contradicts it", ref)


def _is_clear(own: Sequence[Transaction]) -> bool:
    """Would the gateway's status answer say clearly what happened?"""
    return all(bool(one.moved) if one.outcome.success else one.outcome.name in DECLINED for one in own)


CHECKS: tuple[Callable[[Case], Iterator[Harm]], ...] = (
    charged_once,
    known_to_journal,
    settled_as_in_books,
    news_is_taken_in,
    balances_kept,
    mistakes_are_contradicted,
)
JOURNAL_CHECKS: tuple[Callable[[Kept], Iterator[Harm]], ...] = (
    one_reference_for_each_key,
    unknown_is_listed,
    told_as_recorded,
    handed_over,
    paid_twice_is_reported,
    history_is_whole,
)
