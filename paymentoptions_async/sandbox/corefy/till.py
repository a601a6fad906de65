"""What happens to invoices: charges, the bank's page, refunds, and what only a test or the clock brings about.

Every change is told at the invoice's callback URL. The vendor's documents name the states; which of them follows which
is inferred where they are silent: an invoice has one attempt at a time, a declined sale ends it, the hosted page takes
declines up to a limit, and nothing pays an invoice that is final.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from paymentoptions_async.sandbox.books import NO_CARD, CardOnFile
from paymentoptions_async.sandbox.clock import Clock
from paymentoptions_async.sandbox.endpoint import Problem, Refused

from . import cards
from .books import Attempt, CorefyBooks, Invoice, Refund, Source, State, Terms
from .cards import Verdict
from .settings import CorefySettings

NOT_SUFFICIENT = "There is not enough left of this payment."


class Till:
    """Move invoices on. `tell` is called with each one that changed."""

    def __init__(
        self, *, books: CorefyBooks, clock: Clock, settings: CorefySettings, tell: Callable[[Invoice], None]
    ) -> None:
        self.books = books
        self._clock = clock
        self._settings = settings
        self._tell = tell

    def open(self, terms: Terms, *, origin: str, expires: int | None = None) -> Invoice:
        """Enter an invoice; `expires` in Unix seconds."""
        closes = self._clock.now() + timedelta(seconds=self._settings.invoice_seconds)
        if expires is not None:
            closes = datetime.fromtimestamp(expires, closes.tzinfo)
        invoice = self.books.enter(terms, origin=origin, expires=closes)
        self.changed(invoice, "created")
        return invoice

    def pay(self, invoice: Invoice, source: Source, card: CardOnFile) -> Attempt:
        """Try to pay an invoice with a card; the bank's page comes first where the card asks for it.

        A write-off by token (`token`) asks nobody. Refused when the invoice takes no payment.
        """
        self.check_open(invoice, takes_over=source == "page")
        verdict = self._verdict(invoice, card)
        challenged = source != "token" and cards.by_name(card.test_card).challenge
        attempt = self.books.try_to_pay(invoice, source, card, verdict)
        if challenged:
            attempt.state = "challenged"
            attempt.closes = min(
                self._clock.now() + timedelta(seconds=self._settings.challenge_seconds), invoice.expires
            )
            self.books.note(invoice, f"{source}: the bank asks the buyer ({attempt.id})")
        else:
            self.conclude(invoice, attempt, verdict)
        return attempt

    def check_open(self, invoice: Invoice, *, takes_over: bool = False) -> None:
        """Raise Refused unless the invoice can be paid now; `takes_over` may take the place of an open bank's page."""
        if invoice.is_final:
            raise unprocessable(f"The invoice is {invoice.status}.")
        busy = {"process_pending"} if takes_over else {"process_pending", "challenged"}
        if any(self.state(attempt) in busy for attempt in invoice.attempts):
            raise unprocessable("The invoice is being paid already.")

    def state(self, attempt: Attempt) -> State:
        """Return where an attempt stands now."""
        return attempt.state_at(self._clock.now())

    def authenticate(self, invoice: Invoice, attempt: Attempt, *, confirmed: bool) -> None:
        """Enter the buyer's answer at the bank's page, once: ValueError when it was answered or has closed."""
        if self.state(attempt) != "challenged" or invoice.is_final:
            raise ValueError("this page has been answered or has closed")
        attempt.state, attempt.authenticated = "process_pending", confirmed
        refusal = Verdict("process_failed", cards.NOT_AUTHENTICATED)
        self.conclude(invoice, attempt, attempt.verdict if confirmed else refusal)

    def refund(self, invoice: Invoice, reference_id: str, amount: Decimal, description: str | None) -> Refund:
        """Give back a part or all of what was taken; Refused when there is not so much left."""
        if self._settings.unique_refund_references and reference_id in {
            refund.reference_id for refund in self.books.refunds()
        }:
            message = "A refund with this reference_id exists."
            raise unprocessable(message, "/data/attributes/reference_id", self._settings.duplicate_status)
        if amount > invoice.refundable:
            raise unprocessable(NOT_SUFFICIENT, "/data/attributes/amount")
        refund = self.books.give_back(invoice, reference_id, amount, description)
        invoice.status = "refunded" if invoice.refunded == invoice.charged else "partially_refunded"
        self.changed(invoice, f"refunded {amount} ({refund.id})")
        return refund

    def charge_back(self, invoice: Invoice, amount: Decimal) -> None:
        """Enter that the bank took `amount` of a payment back from the merchant."""
        invoice.charged_back_amount += amount
        invoice.charged_back = self._clock.now()
        invoice.status = "partially_charged_back" if invoice.refundable else "charged_back"
        self.changed(invoice, f"charged back {amount}")

    def expire_due(self) -> None:
        """Expire the invoices whose time has passed."""
        for invoice in self.books.expired():
            self.end(invoice, "expired")

    def conclude(self, invoice: Invoice, attempt: Attempt, verdict: Verdict) -> None:
        """Enter what the bank says to an attempt, or keep it back while a moderator blocks the invoice."""
        if invoice.moderation_required:
            attempt.held = verdict
            self.changed(invoice, f"{attempt.source}: kept back for a moderator ({attempt.id})")
        elif verdict.status == "processed":
            self.take(invoice, attempt, attempt.amount)
        elif verdict.status == "process_failed":
            limit = self._settings.retry_limit if invoice.terms.retry_limit is None else invoice.terms.retry_limit
            declined = 1 + len([one for one in invoice.attempts if one.state == "process_failed"])
            final = attempt.source != "page" or declined >= limit
            self.decline(invoice, attempt, verdict.resolution, final=final)
        else:
            attempt.resolution = invoice.resolution = verdict.resolution
            self.changed(invoice, f"{attempt.source}: the bank has not decided ({attempt.id})")

    def take(self, invoice: Invoice, attempt: Attempt, amount: Decimal) -> None:
        """Enter that the bank took `amount`, in major units."""
        attempt.state, attempt.resolution, attempt.charged = "processed", "ok", amount
        invoice.status = "processed" if amount == invoice.terms.amount else "partially_processed"
        invoice.resolution, invoice.processed = "ok", self._clock.now()
        if invoice.terms.tokenize and attempt.card is not NO_CARD:
            invoice.issued_token = self.books.store(attempt.card, invoice.terms.customer_reference)
        self.changed(invoice, f"{attempt.source}: the bank took {amount} {invoice.terms.currency} ({attempt.id})")

    def decline(self, invoice: Invoice, attempt: Attempt, resolution: str, *, final: bool) -> None:
        """Enter that the bank declined; the buyer may try again unless that is `final`."""
        attempt.state, attempt.resolution = "process_failed", resolution
        what = f"{attempt.source}: declined, {resolution} ({attempt.id})"
        if not final:
            self.books.note(invoice, what)  # the buyer may try again; the invoice is as it was
            self.books.watch(invoice)
            return
        invoice.status, invoice.resolution, invoice.failed = "process_failed", resolution, self._clock.now()
        self.changed(invoice, what)

    def end(self, invoice: Invoice, status: str) -> Invoice:
        """End an invoice that nobody paid."""
        for attempt in invoice.attempts:
            if attempt.state in ("challenged", "process_pending"):
                attempt.state = "left"
        invoice.status, invoice.moderation_required = status, False
        self.changed(invoice, status)
        return invoice

    def _verdict(self, invoice: Invoice, card: CardOnFile) -> Verdict:
        """Return what the bank says once the buyer is authenticated; a test may have fixed it for a stored card."""
        stored = self.books.stored_card(invoice.terms.token) if invoice.terms.token else None
        if stored is not None and stored.card == card and stored.verdict is not None:
            return stored.verdict
        return cards.verdict(cards.by_name(card.test_card), card.exp_month, card.exp_year)

    def changed(self, invoice: Invoice, what: str) -> None:
        """Enter a change and tell of it."""
        self.books.note(invoice, what)
        self._tell(invoice)


def unprocessable(sentence: str, pointer: str = "", status: int = 422) -> Refused:
    """Return the refusal of a readable request."""
    return Refused(status, sentence, "invalid", (Problem(sentence, pointer),))
