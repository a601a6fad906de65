"""Owners, buyers, webhooks, people and clocks in any order, over a journal and the rules; and a bank that remembers.

Each rule is something that may happen; what must hold whatever happens is checked after each. At the end the world is
tidied up: what is undecided is decided, everything is asked for, and no charge may be hidden then.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from paymentoptions_async import policy, refs, settling, transitions
from paymentoptions_async.errors import Contradiction, IdempotencyConflict, NotAllowed
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.flow import GIVEN_UP, Flow
from paymentoptions_async.gateway import NAME, CardGateway
from paymentoptions_async.intent import Entry, Intent, Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Family, Operation, Payment, PaymentStatus, Progress, Source
from paymentoptions_async.settings import Settings
from paymentoptions_async.settlement import Verdict
from paymentoptions_async.values import Money
from paymentoptions_async.wire.exchange import Reply
from tests.properties.bank import Bank, Page, Transaction
from tests.support.scripted import MERCHANT

T = TypeVar("T")

LOST = Reply(None, {}, b"", Evidence(Left.MAYBE, Stage.SENDING, failure="reset"))
LEASE = policy.EXCHANGE_FLOOR + policy.LEASE_MARGIN
CLAIM = 70.0
CHARGES = (Operation.PURCHASE, Operation.AUTHORIZE, Operation.HOSTED_PAGE, Operation.SUBSCRIBE)
FOLLOWING = (Operation.CAPTURE, Operation.REFUND, Operation.VOID)
ORDERS = (None, "a", "b")
AMOUNTS = (1000, 600)
OUTCOMES = st.sampled_from(("approved", "approved", "approved", "declined", "pending", "unclear", "refused", "page"))
FATES = st.sampled_from(("answered", "answered", "answered", "lost", "lost", "dies", "on its way", "slow", "not sent"))
NEWS = ("contradiction", "duplicate_charge", "renewed")


@dataclass(eq=False)
class Exchange:
    """One owner's way through: it may send until ``closes_at``; ``reply`` is what the bank answered."""

    intent: Intent
    owner: str
    closes_at: float
    reply: Reply | None = None


class Payments(RuleBasedStateMachine):
    """The machine. A subclass says on which journal."""

    def open_journal(self) -> Journal:
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = 1_700_000_000.0
        self.journal = self.open_journal()
        self.bank = Bank()
        settings = Settings.check(
            merchant_id=MERCHANT,
            environment="sandbox",
            sandbox_url="http://127.0.0.1:1",
            signing_secrets=None,
            public_url=None,
            proxy=None,
        )
        self.gateway = CardGateway(settings)
        self.flow = Flow(journal=self.journal, wire=self.bank, gateway=self.gateway, random=Random(1))
        self.scope = f"{NAME}/sandbox/{MERCHANT}"
        self.owners = 0
        self.exchanges: list[Exchange] = []
        self.left: defaultdict[str, list[Exchange]] = defaultdict(list)
        """Exchanges that may have left and were not refused, by reference."""
        self.known: dict[str, Record] = {}
        """All records as they read after the last step."""
        self.history: dict[str, tuple[Entry, ...]] = {}
        self.mistaken: set[str] = set()
        """References of charges in whose chain a person may have been wrong."""
        self.looked: list[tuple[settling.Settlement, Verdict]] = []
        """What people found, and have not settled yet."""
        self.claimed: dict[str, tuple[str, float]] = {}
        self.handed_over: Counter[str] = Counter()
        self.run(self.journal.keep_events(self.scope))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def look(self) -> None:
        self.known = {record.ref: record for record in self.run(self.journal.records(self.scope))}

    def get(self, ref: str) -> Record:
        record = self.run(self.journal.get(ref))
        assert record is not None
        return record

    # What owners do --------------------------------------------------------------------------------------------------

    @initialize(data=st.data())
    def something_has_happened_before(self, data: Any) -> None:
        """One charge of any kind, and a purchase with two refunds of the same amount, whatever became of them."""
        charge = self.intent(data.draw(st.sampled_from(CHARGES)), "1", data.draw(st.sampled_from(AMOUNTS)), order="a")
        self.carry_out(charge, data.draw(OUTCOMES), data.draw(FATES))
        purchase = self.intent(Operation.PURCHASE, "2", 1000, order="b")
        self.carry_out(purchase, "approved", "answered")
        for key in "12":
            refund = self.intent(Operation.REFUND, key, 300, parent=purchase.ref, charge_ref=purchase.ref)
            self.carry_out(refund, data.draw(OUTCOMES), data.draw(FATES))
        self.look()

    @rule(
        key=st.sampled_from("1234"),
        operation=st.sampled_from(CHARGES),
        order=st.sampled_from(ORDERS),
        amount=st.sampled_from(AMOUNTS),
        data=st.data(),
    )
    def somebody_charges(self, key: str, operation: Operation, order: str | None, amount: int, data: Any) -> None:
        attempts = [r.ref for r in self.known.values() if r.intent.order == order] if order is not None else []
        supersedes = data.draw(st.sampled_from([None, *attempts])) if attempts else None
        intent = self.intent(operation, key, amount, order=order, supersedes=supersedes)
        self.carry_out(intent, data.draw(OUTCOMES), data.draw(FATES))

    @precondition(lambda self: self.followable())
    @rule(
        operation=st.sampled_from(FOLLOWING),
        key=st.sampled_from("123"),
        amount=st.sampled_from((300, 600)),
        data=st.data(),
    )
    def somebody_captures_refunds_or_voids(self, operation: Operation, key: str, amount: int, data: Any) -> None:
        parent = self.get(data.draw(st.sampled_from(self.followable())))
        about = {"parent": parent.ref, "charge_ref": parent.intent.merchant_txn_ref}
        intent = self.intent(operation, key, None if operation is Operation.VOID else amount, **about)
        self.carry_out(intent, data.draw(OUTCOMES), data.draw(FATES))

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def somebody_calls_again(self, data: Any) -> None:
        """With the same key, whatever came of it before."""
        intent = self.known[data.draw(st.sampled_from(sorted(self.known)))].intent
        self.carry_out(intent, data.draw(OUTCOMES), data.draw(FATES))

    @precondition(lambda self: self.unsent())
    @rule(outcome=OUTCOMES, data=st.data())
    def the_request_leaves(self, outcome: str, data: Any) -> None:
        self.leave(data.draw(st.sampled_from(self.unsent())), outcome)

    @precondition(lambda self: self.sent())
    @rule(data=st.data())
    def the_answer_comes(self, data: Any) -> None:
        self.answer(data.draw(st.sampled_from(self.sent())))

    @precondition(lambda self: self.sent())
    @rule(data=st.data())
    def the_answer_is_lost(self, data: Any) -> None:
        self.settle(data.draw(st.sampled_from(self.sent())), LOST)

    @precondition(lambda self: self.unsent())
    @rule(data=st.data())
    def nothing_leaves(self, data: Any) -> None:
        self.settle(data.draw(st.sampled_from(self.unsent())), GIVEN_UP)

    @precondition(lambda self: self.exchanges)
    @rule(data=st.data())
    def the_owner_dies(self, data: Any) -> None:
        self.exchanges.remove(data.draw(st.sampled_from(self.exchanges)))

    @rule(seconds=st.sampled_from((1.0, 30.0, LEASE, 3600.0)))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    # What buyers, the bank and the portal do --------------------------------------------------------------------------

    @precondition(lambda self: self.open_pages())
    @rule(outcome=st.sampled_from(("approved", "approved", "declined", "pending")), data=st.data())
    def a_buyer_answers(self, outcome: str, data: Any) -> None:
        page = data.draw(st.sampled_from(self.open_pages()))
        page.answered += 1
        self.bank.enter(page.intent, outcome)

    @precondition(lambda self: self.undecided())
    @rule(will=st.sampled_from(("approved", "declined")), data=st.data())
    def the_bank_decides(self, will: str, data: Any) -> None:
        transaction = data.draw(st.sampled_from(self.undecided()))
        if transaction.is_charge:
            transaction.will = will
        self.bank.decide(transaction)

    @precondition(lambda self: self.subscribed())
    @rule(data=st.data())
    def a_subscription_is_charged_again(self, data: Any) -> None:
        self.bank.pay_again(data.draw(st.sampled_from(self.subscribed())))

    @precondition(lambda self: self.charges())
    @rule(data=st.data())
    def somebody_refunds_in_the_portal(self, data: Any) -> None:
        refund = self.bank.refund_in_portal(data.draw(st.sampled_from(self.charges())))
        self.ask(refund, refund.ref)

    # What is learned later -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.bank.transactions and self.history)
    @rule(data=st.data(), forged=st.integers(0, 9))
    def a_webhook_names_a_transaction(self, data: Any, forged: int) -> None:
        """Mostly under its own reference; sometimes under any other."""
        transaction = data.draw(st.sampled_from(list(self.bank.transactions.values())))
        under = data.draw(st.sampled_from(sorted(self.history))) if forged == 0 else transaction.ref
        self.ask(transaction, under)

    @precondition(lambda self: self.known)
    @rule(verdict=st.sampled_from(Verdict), names_it=st.booleans(), at_once=st.booleans(), data=st.data())
    def a_person_looks(self, verdict: Verdict, names_it: bool, at_once: bool, data: Any) -> None:  # noqa: FBT001  drawn
        record = self.get(data.draw(st.sampled_from(sorted(self.known))))
        done = self.done_by(record)
        named = done[0].id if names_it and done and verdict is Verdict.HAPPENED else None
        words: dict[str, Any] = {"by": "Ann", "note": "looked in the portal", "transaction_id": named}
        try:
            found = self.run(settling.prepare(self.journal, self.scope, record.ref, verdict, **words))
        except NotAllowed:
            assert record.payment.is_final or record.in_flight(self.now) or _makes_no_sense(record.payment, verdict)
            return
        assert not record.payment.is_final
        assert found.outcome.is_final
        self.looked.append((found, verdict))
        if at_once:
            self.settle_by_hand(*self.looked.pop())

    @precondition(lambda self: self.looked)
    @rule(data=st.data())
    def a_person_settles(self, data: Any) -> None:
        """Much may have happened since they looked."""
        number = data.draw(st.integers(0, len(self.looked) - 1))
        self.settle_by_hand(*self.looked.pop(number))

    @rule(hands=st.integers(1, 4), comes_to=st.sampled_from(("returns", "returns", "raises", "dies")))
    def events_are_handed_over(self, hands: int, comes_to: str) -> None:
        self.hand_over(hands, comes_to)

    # What must hold after each step ----------------------------------------------------------------------------------

    @invariant()
    def what_is_told_agrees_with_what_is_so(self) -> None:
        self.look()
        listed = {record.ref for record in self.run(self.journal.unresolved(self.scope))}
        for record in self.known.values():
            expected = not record.payment.is_final and not record.in_flight(self.now)
            assert (record.ref in listed) is expected, record.payment
            assert record.version == len(self.history[record.ref])
            self.check_books(record)
        for charge in self.charges():
            if charge.ref not in self.mistaken:
                self.check_within(charge)

    # At the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            self.tidy_up()
            self.no_charge_is_hidden()
            self.every_news_was_an_event_once()
            self.run(self.journal.aclose())
        finally:
            self.loop.close()

    def tidy_up(self) -> None:
        self.exchanges.clear()
        self.now += 3600.0
        for transaction in self.undecided():
            self.bank.decide(transaction)
        for _ in range(2):  # a contradiction is raised first, and settled when it is asked for again
            for transaction in list(self.bank.transactions.values()):
                if transaction.ref in self.history:
                    self.ask(transaction, transaction.ref)
        self.what_is_told_agrees_with_what_is_so()

    def no_charge_is_hidden(self) -> None:
        by_order: defaultdict[str, set[str]] = defaultdict(set)
        told: defaultdict[str, set[str]] = defaultdict(set)
        for record in self.known.values():
            charged = {t.id for t in self.charges() if t.ref == record.ref}
            if record.intent.operation.follows:
                continue
            assert charged <= known_ids(record.payment), record.payment
            if charged:
                assert record.payment.status.took_money, record.payment
            if record.intent.order is not None:
                by_order[record.intent.order] |= {record.ref} if charged else set()
                told[record.intent.order] |= set(record.payment.duplicate_charges)
        for order, paid in by_order.items():
            if len(paid) > 1:
                assert any(self.get(ref).payment.transaction_id in told[order] for ref in paid), order

    def every_news_was_an_event_once(self) -> None:
        for _ in range(1000):
            self.now += 2 * CLAIM
            if not self.hand_over(100, "returns"):
                break
        expected = {f"{ref}:{version}" for ref, told in self.history.items() for version in news_in(told)}
        assert set(self.handed_over) == expected
        assert set(self.handed_over.values()) <= {1}

    # Steps -----------------------------------------------------------------------------------------------------------

    def intent(self, operation: Operation, key: str, amount: int | None, **about: Any) -> Intent:
        ref = refs.make_ref(
            gateway=NAME, environment="sandbox", merchant_id=MERCHANT, family=operation.family, idempotency_key=key
        )
        return Intent(
            gateway=NAME,
            environment="sandbox",
            merchant_id=MERCHANT,
            operation=operation,
            idempotency_key=key,
            ref=ref,
            amount=None if amount is None else Money(amount, "JPY"),
            **about,
        )

    def carry_out(self, intent: Intent, outcome: str, fate: str) -> None:
        """Ask for something; what comes of it now, or is left for later steps, is its fate."""
        exchange = self.admit(intent)
        if exchange is None or fate == "slow":
            return
        if fate == "not sent":
            self.settle(exchange, GIVEN_UP)
            return
        self.leave(exchange, outcome)
        match fate:
            case "answered":
                self.answer(exchange)
            case "lost":
                self.settle(exchange, LOST)
            case "dies":
                self.exchanges.remove(exchange)

    def admit(self, intent: Intent) -> Exchange | None:
        self.owners += 1
        owner, closes_at = f"owner {self.owners}", self.now + LEASE
        try:
            admission = self.run(self.journal.admit(intent, owner=owner, lease=LEASE))
        except (NotAllowed, IdempotencyConflict):
            return None
        self.touch(intent.ref)
        if not admission.send:
            assert admission.record.ref == intent.ref
            return None
        assert intent.operation.family is Family.LINK or not self.left[intent.ref], "it may have left before"
        self.check_order(intent)
        self.exchanges.append(Exchange(intent, owner, closes_at))
        return self.exchanges[-1]

    def leave(self, exchange: Exchange, outcome: str) -> None:
        """The request reaches the bank, unless its gate has closed meanwhile."""
        if self.now >= exchange.closes_at:
            self.settle(exchange, GIVEN_UP)
            return
        intent = exchange.intent
        if intent.operation is Operation.HOSTED_PAGE:
            outcome = "refused" if outcome == "refused" else "page"
        elif intent.operation not in (Operation.PURCHASE, Operation.AUTHORIZE) and outcome == "page":
            outcome = "approved"
        assert intent.operation.family is Family.LINK or not self.left[intent.ref], "it may have left before"
        self.left[intent.ref].append(exchange)
        exchange.reply = self.bank.carry_out(intent, outcome, self.parent_of(intent))

    def answer(self, exchange: Exchange) -> None:
        assert exchange.reply is not None
        if self.settle(exchange, exchange.reply).payment.progress is Progress.REFUSED:
            self.left[exchange.intent.ref].remove(exchange)

    def settle(self, exchange: Exchange, reply: Reply) -> Record:
        """The owner records what came of it."""
        self.exchanges.remove(exchange)
        intent = exchange.intent
        read = self.gateway.read_link if intent.operation is Operation.HOSTED_PAGE else self.gateway.read_operation
        reading, evidence = read(reply, intent), reply.evidence
        decide = partial(transitions.after_exchange, reading=reading, evidence=evidence, owner=exchange.owner)
        before = self.get(intent.ref)
        record = self.run(self.journal.change(intent.ref, decide))
        self.touch(intent.ref)
        if before.owner != exchange.owner and reading.transaction_id is None:
            assert record == before, "it is another one's to answer"
        return record

    def settle_by_hand(self, found: settling.Settlement, verdict: Verdict) -> None:
        ref = found.record.ref
        before = self.get(ref)
        try:
            settled = self.run(settling.settle(self.journal, found))
        except NotAllowed:
            assert before.version != found.record.version
            return
        assert before.version == found.record.version, "it was no longer what they had seen"
        assert settled.status is found.outcome.status
        self.touch(ref)
        if verdict is not Verdict.HAPPENED or len(self.done_by(before)) != 1:
            self.mistaken.add(before.intent.merchant_txn_ref or "")

    def ask(self, transaction: Transaction, under: str) -> None:
        before = self.get(under)
        try:
            self.run(self.flow.confirm(before, transaction.id, self.loop.time() + 5))
            raised = False
        except Contradiction:
            raised = True
        for ref in list(self.history):
            self.touch(ref)
        if under != transaction.ref or transaction.state != "approved" or not transaction.is_charge:
            return
        after = self.get(under)
        assert transaction.id in known_ids(after.payment), "a charge is hidden"
        if before.payment.source is Source.PERSON and before.payment.is_final and not before.payment.status.took_money:
            assert raised
            assert self.history[under][-1].event == "contradiction"

    def hand_over(self, hands: int, comes_to: str) -> int:
        self.owners += 1
        owner = f"owner {self.owners}"
        events = self.run(self.journal.claim_events(self.scope, owner=owner, lease=CLAIM, limit=hands))
        for event in events:
            ref, _, version = event.id.rpartition(":")
            assert ref == event.payment.ref
            assert int(version) in news_in(self.history[ref])
            assert event.payment.status is self.history[ref][int(version) - 1].status
            assert not self.handed_over[event.id], "it was handed over already"
            earlier = [f"{ref}:{one}" for one in news_in(self.history[ref]) if one < int(version)]
            assert all(self.handed_over[one] for one in earlier), "an earlier one waits"
            holder, until = self.claimed.get(event.id, ("", 0.0))
            assert self.now >= until, f"{holder} has it"
            self.claimed[event.id] = (owner, self.now + CLAIM)
            if comes_to == "returns":
                self.run(self.journal.close_event(event.id, owner=owner))
                self.handed_over[event.id] += 1
            elif comes_to == "raises":
                self.run(self.journal.put_back_event(event.id, owner=owner, delay=5.0))
                self.claimed[event.id] = (owner, self.now + 5.0)
        return len(events)

    def touch(self, ref: str) -> None:
        """History only grows."""
        told = tuple(self.run(self.journal.history(ref)))
        before = self.history.get(ref, ())
        assert told[: len(before)] == before
        assert [entry.version for entry in told] == list(range(1, len(told) + 1))
        self.history[ref] = told

    # Checks ----------------------------------------------------------------------------------------------------------

    def check_books(self, record: Record) -> None:
        payment = record.payment
        if (
            payment.operation.family is not Family.LINK
        ):  # making a link charges nothing, so it may have been made before
            if payment.progress is Progress.NOT_SENT:
                assert not self.left[record.ref]
            if payment.progress is Progress.REFUSED:
                assert not [t for t in self.bank.transactions.values() if t.by == record.ref]
        if payment.source is Source.PERSON or not payment.is_final or payment.progress is not Progress.ANSWERED:
            return
        transaction = self.bank.transactions[payment.transaction_id or ""]
        assert transaction.by == record.ref, "it is another one's"
        assert transaction.state == ("approved" if payment.status.took_money else "declined"), payment
        if payment.status.took_money and payment.approved_amount is not None and payment.amount is not None:
            assert payment.approved_amount == payment.amount
            assert payment.approved_amount.amount == transaction.amount

    def check_order(self, intent: Intent) -> None:
        """Whatever else was tried for the order took no money as far as anyone knows, or was given up by name."""
        if intent.order is None:
            return
        self.look()
        attempts = [record for record in self.known.values() if record.intent.order == intent.order]
        given_up = {attempt.intent.supersedes for attempt in attempts}
        for attempt in attempts:
            waits = attempt.payment.status is PaymentStatus.ACTION_REQUIRED and attempt.ref in given_up
            ended = attempt.payment.is_final and not attempt.payment.status.took_money
            assert waits or ended or attempt.ref == intent.ref, attempt.payment

    def check_within(self, charge: Transaction) -> None:
        followed = [t for t in self.bank.transactions.values() if t.parent == charge.id and t.by is not None and t.took]
        taken = _sum(followed, "CAPTURE")
        if charge.kind == "PRE_AUTH":
            assert taken <= charge.amount
            assert not taken or not [t for t in followed if t.kind == "VOID"]
            for capture in followed:
                returned = [t for t in self.bank.transactions.values() if t.parent == capture.id and t.by and t.took]
                assert _sum(returned, "REFUND") <= capture.amount
        else:
            assert _sum(followed, "REFUND") <= charge.amount
            assert not taken

    # What there is ---------------------------------------------------------------------------------------------------

    def unsent(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.reply is None]

    def sent(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.reply is not None]

    def open_pages(self) -> list[Page]:
        return [page for page in self.bank.pages if page.is_open]

    def undecided(self) -> list[Transaction]:
        return [t for t in self.bank.transactions.values() if t.state in ("pending", "unclear")]

    def charges(self) -> list[Transaction]:
        return [t for t in self.bank.transactions.values() if t.is_charge and t.state == "approved"]

    def subscribed(self) -> list[Transaction]:
        return [t for t in self.charges() if self.known[t.ref].intent.operation is Operation.SUBSCRIBE]

    def followable(self) -> list[str]:
        """References of what has a transaction: the bank is asked by its id."""
        return [r.ref for r in self.known.values() if r.payment.transaction_id is not None]

    def done_by(self, record: Record) -> list[Transaction]:
        return [t for t in self.bank.transactions.values() if t.by == record.ref and t.took]

    def parent_of(self, intent: Intent) -> str | None:
        return None if intent.parent is None else self.get(intent.parent).payment.transaction_id


def known_ids(payment: Payment) -> set[str | None]:
    return {payment.transaction_id, *payment.duplicate_charges, *payment.renewals}


def news_in(history: Iterable[Entry]) -> list[int]:
    """The versions of which an application must hear: outcomes that are new, and charges that nobody asked for."""
    found, before = [], None
    for entry in history:
        outcome = (entry.status, entry.progress)
        is_outcome = entry.status.is_final and entry.progress is Progress.ANSWERED
        if entry.event in NEWS or (is_outcome and outcome != before):
            found.append(entry.version)
        before = outcome
    return found


def _makes_no_sense(payment: Payment, verdict: Verdict) -> bool:
    return verdict is Verdict.ABANDONED and payment.status is not PaymentStatus.ACTION_REQUIRED


def _sum(transactions: Iterable[Transaction], kind: str) -> Decimal:
    return sum((t.amount for t in transactions if t.kind == kind), Decimal(0))
