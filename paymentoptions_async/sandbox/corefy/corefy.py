"""The sandbox's Corefy as a whole: its books, its till, what it tells, and its front."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Literal

import httpx

from paymentoptions_async.sandbox import document
from paymentoptions_async.sandbox.books import NO_CARD
from paymentoptions_async.sandbox.catalogue.invoices import CorefyCatalogue
from paymentoptions_async.sandbox.clock import Clock
from paymentoptions_async.sandbox.faults import FaultPlan
from paymentoptions_async.sandbox.gateway import Gateway, RequestLine
from paymentoptions_async.sandbox.traffic import Traffic
from paymentoptions_async.sandbox.validation import RequestRules

from .books import Attempt, CorefyBooks, Invoice
from .buyer import Buyer
from .callbacks import Callbacks, DeliverCallback
from .cardgate import Cardgate
from .cards import Status, Verdict
from .dialect import CorefyDialect
from .pages import Checkout, CorefyBankPages
from .private_api import PrivateApi
from .settings import CorefySettings
from .till import Till


class Corefy:
    """One sandbox's Corefy: `books` are what the bank saw, `callbacks` what was told."""

    books: CorefyBooks
    callbacks: Callbacks
    gateway: Gateway
    checkout: Checkout
    bank_pages: CorefyBankPages

    def __init__(
        self,
        *,
        seed: int,
        clock: Clock,
        settings: CorefySettings,
        merchant: str,
        plan: FaultPlan,
        log: deque[RequestLine],
        deliver: DeliverCallback | None,
        on_change: Callable[[], None],
        before_reading: Callable[[], None],
        transport: Callable[[], httpx.AsyncBaseTransport],
        traffic: Traffic,
        catalogue: CorefyCatalogue | None = None,
    ) -> None:
        self.settings = settings
        self._on_change = on_change
        self.books = CorefyBooks(seed=seed, clock=clock, bearer_seconds=settings.bearer_seconds)
        self.callbacks = Callbacks(clock=clock, settings=settings, plan=plan, deliver=deliver, on_change=on_change)
        self._till = Till(books=self.books, clock=clock, settings=settings, tell=self._tell)
        self._buyer = Buyer(self.books, transport)
        self.checkout = Checkout(till=self._till, settings=settings, merchant=merchant)
        self.bank_pages = CorefyBankPages(till=self._till, settings=settings, merchant=merchant)
        self.gateway = Gateway(
            dialect=CorefyDialect(settings, self.books),
            endpoints=(
                *PrivateApi(self._till, settings, catalogue).endpoints(),
                *Cardgate(self._till, settings).endpoints(),
            ),
            rules=_rules,
            plan=plan,
            clock=clock,
            seed=f"{seed}:corefy:requests",
            log=log,
            before_reading=before_reading,
            traffic=traffic,
        )

    def settle(self) -> None:
        """Expire what is due."""
        self._till.expire_due()

    def next_due(self) -> datetime | None:
        """Return when the next invoice expires or the next callback is to be tried."""
        moments = (self.books.next_expiry(), self.callbacks.next_due())
        return min((moment for moment in moments if moment is not None), default=None)

    async def pay_page(self, url: str, card: str = "processed", **fields: str) -> str | None:
        """Fill in the checkout as a buyer would, in this process; return where the buyer is sent, if anywhere.

        `url` is an invoice's `flow_data.action` or `hpp_url`, `card` a test card's name or number; `fields` replace
        others of the form (`expiry`, `cvc`, `name`, `answer`: `pay` or `cancel`).
        """
        return await self._buyer.pay(url, card, fields)

    async def answer_challenge(
        self,
        handed: Mapping[str, Any] | str,
        answer: Literal["confirm", "decline"] = "confirm",
        *,
        code: str = "123456",
    ) -> str | None:
        """Answer the bank's page as a buyer would, in this process; return where the buyer is sent, if anywhere.

        `handed` is a sale's `auth_payload`, or the URL that the checkout led to.
        """
        return await self._buyer.answer_bank(handed, answer, code)

    # What no request brings about; for tests ------------------------------------------------------------------------

    def process(self, invoice_id: str, amount: Decimal | None = None) -> Invoice:
        """Let the bank take `amount` (major units) for an open invoice, or all; less is `partially_processed`."""
        invoice = self._open_invoice(invoice_id)
        taken = invoice.terms.amount if amount is None else amount
        _check_amount(taken, invoice.terms.amount)
        self._till.take(invoice, self._latest(invoice), taken)
        return invoice

    def fail(self, invoice_id: str, resolution: str = "declined") -> Invoice:
        """Let the bank decline an open invoice for good."""
        invoice = self._open_invoice(invoice_id)
        self._till.decline(invoice, self._latest(invoice), resolution, final=True)
        return invoice

    def expire(self, invoice_id: str) -> Invoice:
        """Let an open invoice expire before its time."""
        return self._till.end(self._open_invoice(invoice_id), "expired")

    def terminate(self, invoice_id: str) -> Invoice:
        """Let the buyer or a moderator end an open invoice."""
        return self._till.end(self._open_invoice(invoice_id), "terminated")

    def require_moderation(self, invoice_id: str) -> Invoice:
        """Block an invoice until `moderate`; what the bank says meanwhile is kept back."""
        invoice = self._invoice(invoice_id)
        invoice.moderation_required = True
        self._till.changed(invoice, "waits for a moderator")
        return invoice

    def moderate(self, invoice_id: str, *, accept: bool = True) -> Invoice:
        """Let the moderator accept an invoice, or end it (`terminated`)."""
        invoice = self._invoice(invoice_id)
        if not invoice.moderation_required:
            raise ValueError("no moderator is asked for")
        if not accept:
            return self._till.end(self._open_invoice(invoice_id), "terminated")
        invoice.moderation_required = False
        for attempt in invoice.attempts:
            if attempt.held is not None:
                verdict, attempt.held = attempt.held, None
                self._till.conclude(invoice, attempt, verdict)
                return invoice
        self._till.changed(invoice, "accepted by a moderator")
        return invoice

    def charge_back(self, invoice_id: str, amount: Decimal | None = None) -> Invoice:
        """Let the bank take a payment back, or `amount` of it (major units)."""
        invoice = self._invoice(invoice_id)
        taken = invoice.refundable if amount is None else amount
        _check_amount(taken, invoice.refundable)
        self._till.charge_back(invoice, taken)
        return invoice

    def decide_token(self, token: str, status: Status = "process_failed", resolution: str = "declined") -> None:
        """Fix what the bank says to a stored card from now on, whatever its number and expiry date."""
        stored = self.books.stored_card(token)
        if stored is None:
            raise ValueError("no such token; was it made by this sandbox, and not reset since?")
        stored.verdict = Verdict(status, resolution)

    def _latest(self, invoice: Invoice) -> Attempt:
        """Return the attempt that a test's decision is about: the one that is open, or a new one."""
        latest = invoice.attempts[-1] if invoice.attempts else None
        if latest is not None and latest.state in ("challenged", "process_pending"):
            return latest
        card = latest.card if latest else NO_CARD
        return self.books.try_to_pay(invoice, "forced", card, Verdict("processed"))

    def _invoice(self, invoice_id: str) -> Invoice:
        invoice = self.books.find(invoice_id)
        if invoice is None:
            raise ValueError("no such invoice; was it made by this sandbox, and not reset since?")
        return invoice

    def _open_invoice(self, invoice_id: str) -> Invoice:
        invoice = self._invoice(invoice_id)
        if invoice.is_final:
            raise ValueError(f"the invoice is {invoice.status}")
        return invoice

    def _tell(self, invoice: Invoice) -> None:
        self.callbacks.tell(invoice)
        self._on_change()


def _check_amount(amount: Decimal, most: Decimal) -> None:
    if not 0 < amount <= most:
        raise ValueError(f"the amount must lie above 0, and not above {most}")


@cache
def _rules() -> RequestRules:
    return RequestRules(document.load("corefy.json"))
