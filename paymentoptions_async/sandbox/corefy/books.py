"""Corefy's side of every invoice: what was asked, each attempt to pay it, what the bank took, and what it gave back.

No whole card number is kept here: a test card's name, its first 6 and last 4 digits, and a keyed fingerprint.
"""

from __future__ import annotations

import heapq
import random
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from paymentoptions_async.sandbox.books import CardOnFile, Happening
from paymentoptions_async.sandbox.cards import fingerprint, masked
from paymentoptions_async.sandbox.clock import Clock

from .bearer import Bearers
from .cards import CorefyCard, Verdict

ID_CHARACTERS = string.ascii_letters + string.digits
ID_LENGTH = 16  # after the prefix, as in the samples (seed 003)
TOKEN_LENGTH = 32

Source = Literal["sale", "token", "page", "forced"]
State = Literal["challenged", "left", "process_pending", "processed", "process_failed"]

FINAL = frozenset(
    {
        *("processed", "partially_processed", "process_failed", "expired", "terminated"),
        *("refunded", "partially_refunded", "charged_back", "partially_charged_back"),
    }
)


@dataclass(frozen=True)
class Terms:
    """What an invoice was made for; `amount` in major units, `customer` and `metadata` the request's own objects."""

    reference_id: str
    amount: Decimal
    currency: str
    service: str
    description: str | None = None
    descriptor: str | None = None
    token: str | None = None
    customer: dict[str, Any] | None = None
    tokenize: bool = False
    instant: bool = False
    retry_limit: int | None = None
    return_url: str | None = None
    return_urls: dict[str, str] = field(default_factory=dict)
    callback_url: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def customer_reference(self) -> str | None:
        """Return the merchant's own name for the customer."""
        return self.customer["reference_id"] if self.customer else None


@dataclass
class Attempt:
    """One try to pay an invoice.

    `challenged` waits for the buyer at the bank's page until `closes`, and is `left` when another attempt takes its
    place. `charged` is what the bank took, in major units. `held` is what the bank said while a moderator blocks it.
    """

    id: str
    at: datetime
    source: Source
    amount: Decimal
    card: CardOnFile
    verdict: Verdict
    approval_code: str
    state: State = "process_pending"
    resolution: str = "ok"
    charged: Decimal = Decimal(0)
    authenticated: bool = False
    closes: datetime | None = None
    held: Verdict | None = None

    def state_at(self, now: datetime) -> State:
        """Return its state: a bank's page that nobody answered in time is left."""
        is_late = self.closes is not None and self.closes <= now
        return "left" if self.state == "challenged" and is_late else self.state


@dataclass(frozen=True)
class Refund:
    """Money given back, in major units."""

    id: str
    reference_id: str
    amount: Decimal
    description: str | None
    at: datetime


@dataclass
class Invoice:
    """One payment invoice. `session` is the cardgate's name for it, and `origin` where its pages are."""

    id: str
    session: str
    customer_id: str
    bearer: str
    terms: Terms
    origin: str
    created: datetime
    updated: datetime
    expires: datetime
    status: str = "process_pending"
    resolution: str = "ok"
    moderation_required: bool = False
    attempts: list[Attempt] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    charged_back_amount: Decimal = Decimal(0)
    processed: datetime | None = None
    failed: datetime | None = None
    charged_back: datetime | None = None
    issued_token: str | None = None
    history: list[Happening] = field(default_factory=list)

    @property
    def charged(self) -> Decimal:
        """Return what the bank took for it in all."""
        return sum((attempt.charged for attempt in self.attempts), Decimal(0))

    @property
    def refunded(self) -> Decimal:
        """Return what was given back of it in all."""
        return sum((refund.amount for refund in self.refunds), Decimal(0))

    @property
    def refundable(self) -> Decimal:
        """Return what can still be given back."""
        return self.charged - self.refunded - self.charged_back_amount

    @property
    def is_final(self) -> bool:
        """Tell whether nobody can pay it any more."""
        return self.status in FINAL

    @property
    def paid_by(self) -> Attempt | None:
        """Return the attempt that the invoice shows: the one that was charged, or the latest."""
        tried = [attempt for attempt in self.attempts if attempt.charged] or self.attempts
        return tried[-1] if tried else None


@dataclass
class StoredCard:
    """A card behind a token, which only its customer may use.

    `verdict` takes the place of what the bank would say to it, for tests.
    """

    customer_reference: str | None
    card: CardOnFile
    verdict: Verdict | None = None


class CorefyBooks:
    """Keep every invoice and stored card of one sandbox; ids come from `seed`, times from `clock`."""

    def __init__(self, *, seed: int, clock: Clock, bearer_seconds: int) -> None:
        self._random = random.Random(f"{seed}:corefy")  # noqa: S311  ids that a seed repeats
        self._clock = clock
        self._fingerprint_key = self._random.randbytes(32)
        self._bearers = Bearers(self._random.randbytes(32), seconds=bearer_seconds)
        self._invoices: dict[str, Invoice] = {}
        self._by_reference: dict[str, Invoice] = {}
        self._by_session: dict[str, Invoice] = {}
        self._by_attempt: dict[str, tuple[Invoice, Attempt]] = {}
        self._customers: dict[str, str] = {}
        self._stored_cards: dict[str, StoredCard] = {}
        self._expiries: list[tuple[datetime, str]] = []

    @property
    def invoices(self) -> list[Invoice]:
        """Return every invoice, oldest first."""
        return list(self._invoices.values())

    def find(self, invoice_id: str) -> Invoice | None:
        """Return the invoice with this id."""
        return self._invoices.get(invoice_id)

    def by_reference(self, reference_id: str) -> Invoice | None:
        """Return the invoice with the merchant's reference; there is never a second one."""
        return self._by_reference.get(reference_id)

    def by_session(self, session: str) -> Invoice | None:
        """Return the invoice of a session of the cardgate."""
        return self._by_session.get(session)

    def by_bearer(self, bearer: str) -> Invoice | None:
        """Return the invoice that a bearer is for; None when it is not one of ours or has expired."""
        session = self._bearers.session_of(bearer, self._clock.now())
        return self._by_session.get(session) if session else None

    def by_attempt(self, attempt_id: str) -> tuple[Invoice, Attempt] | None:
        """Return the attempt with this id, after its invoice."""
        return self._by_attempt.get(attempt_id)

    def charges(self, reference_id: str | None = None) -> list[Attempt]:
        """Return the attempts that took money, oldest first; of one invoice if its reference is given."""
        return [attempt for one in self._of(reference_id) for attempt in one.attempts if attempt.charged]

    def refunds(self, reference_id: str | None = None) -> list[Refund]:
        """Return what was given back, oldest first; of one invoice if its reference is given."""
        return [refund for one in self._of(reference_id) for refund in one.refunds]

    def total_charged(self, reference_id: str | None = None) -> Decimal:
        """Return what the bank took in all, in major units; of one invoice if given. Mixes no currencies."""
        paid = [one for one in self._of(reference_id) if one.charged]
        if len({one.terms.currency for one in paid}) > 1:
            raise ValueError("charges in several currencies have no total")
        return sum((one.charged for one in paid), Decimal(0))

    def enter(self, terms: Terms, *, origin: str, expires: datetime) -> Invoice:
        """Enter an invoice; nothing is charged."""
        now, serial, session = self._clock.now(), self._serial(), f"cgi_{self._serial()}"
        invoice = Invoice(
            id=f"cpi_{serial}",
            session=session,
            customer_id=self._customer_id(terms),
            bearer=self._bearers.issue(session, now),
            terms=terms,
            origin=origin,
            created=now,
            updated=now,
            expires=expires,
        )
        self._invoices[invoice.id] = self._by_reference[terms.reference_id] = self._by_session[session] = invoice
        self.watch(invoice)
        return invoice

    def try_to_pay(self, invoice: Invoice, source: Source, card: CardOnFile, verdict: Verdict) -> Attempt:
        """Enter an attempt of the whole amount, and close the bank's page of an earlier one: it can't be paid twice."""
        for earlier in invoice.attempts:
            if earlier.state == "challenged":
                earlier.state = "left"
        attempt = Attempt(
            id=f"pay_{self._serial()}",
            at=self._clock.now(),
            source=source,
            amount=invoice.terms.amount,
            card=card,
            verdict=verdict,
            approval_code=f"{self._random.randrange(1_000_000):06}",
        )
        invoice.attempts.append(attempt)
        self._by_attempt[attempt.id] = (invoice, attempt)
        return attempt

    def give_back(self, invoice: Invoice, reference_id: str, amount: Decimal, description: str | None) -> Refund:
        """Enter a refund."""
        refund = Refund(f"ref_{self._serial()}", reference_id, amount, description, self._clock.now())
        invoice.refunds.append(refund)
        return refund

    def put_on_file(self, card: CorefyCard, *, name: str, exp_month: str, exp_year: str) -> CardOnFile:
        """Return what the books may know of a card."""
        return CardOnFile(
            test_card=card.name,
            masked=masked(card.number),
            fingerprint=fingerprint(card.number, self._fingerprint_key),
            scheme=card.network,
            name=name,
            exp_month=exp_month,
            exp_year=exp_year,
        )

    def store(self, card: CardOnFile, customer_reference: str | None) -> str:
        """Keep a card for a customer, and return its token."""
        token = "".join(self._random.choices(ID_CHARACTERS, k=TOKEN_LENGTH))
        self._stored_cards[token] = StoredCard(customer_reference, card)
        return token

    def stored_card(self, token: str) -> StoredCard | None:
        """Return the card kept under this token."""
        return self._stored_cards.get(token)

    def watch(self, invoice: Invoice) -> None:
        """Have an invoice expire when its time has passed."""
        heapq.heappush(self._expiries, (invoice.expires, invoice.id))

    def next_expiry(self) -> datetime | None:
        """Return when the next invoice that may still be paid expires."""
        while self._expiries and not self._may_expire(self._expiries[0][1]):
            heapq.heappop(self._expiries)
        return self._expiries[0][0] if self._expiries else None

    def expired(self) -> list[Invoice]:
        """Return the invoices whose time has passed, once."""
        passed = []
        while (due := self.next_expiry()) is not None and due <= self._clock.now():
            passed.append(self._invoices[heapq.heappop(self._expiries)[1]])
        return passed

    def note(self, invoice: Invoice, what: str) -> None:
        """Enter a line of its history, which changes it."""
        invoice.updated = self._clock.now()
        invoice.history.append(Happening(invoice.updated, what))

    def _may_expire(self, invoice_id: str) -> bool:
        invoice = self._invoices[invoice_id]
        # What the bank has not answered yet is not dropped: it may have been charged (inferred).
        return not invoice.is_final and not any(one.state == "process_pending" for one in invoice.attempts)

    def _of(self, reference_id: str | None) -> Iterable[Invoice]:
        if reference_id is None:
            return self._invoices.values()
        invoice = self._by_reference.get(reference_id)
        return [invoice] if invoice else []

    def _customer_id(self, terms: Terms) -> str:
        if terms.customer_reference is None:
            return f"cus_{self._serial()}"
        return self._customers.setdefault(terms.customer_reference, f"cus_{self._serial()}")

    def _serial(self) -> str:
        return "".join(self._random.choices(ID_CHARACTERS, k=ID_LENGTH))
