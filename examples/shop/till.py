"""What the shop does with the gateway's client: take payments, look after open ones, and deliver what is paid."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from paymentoptions_async import (
    BrowserInfo,
    Card,
    InvalidValue,
    JournalUnavailable,
    Money,
    NotAllowed,
    Payment,
    PaymentEvent,
    PaymentOptions,
    PaymentOptionsError,
    PaymentStatus,
)

from .standing import standing_of
from .store import Attempt, Order, Store, StoredCard

MERCHANT_EMAIL = "hello@komorebi.example"
PATIENCE = 30 * 60.0
"""Seconds for which an open payment is asked after; a 3-D Secure page lives as long."""


class StaleForm(Exception):
    """A form for an attempt that can't be, or no longer: nothing was done."""


class Till:
    """Takes payments. Everything is written down first, so that whatever happens twice charges once."""

    def __init__(self, gateway: PaymentOptions, store: Store) -> None:
        self.gateway = gateway
        self._store = store
        self._waiting: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Take up what an earlier process left open."""
        self._store.withdraw_forgotten()
        for payment in await self.gateway.unresolved():
            self._store.learn(payment)
            self._look_after(payment)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._waiting:
            task.cancel()
        await asyncio.gather(*self._waiting, return_exceptions=True)

    async def latest(self, order: Order) -> tuple[Attempt | None, Payment | None]:
        """The latest attempt at an order, and how it stands; no payment while the bank is being asked."""
        attempts = self._store.attempts(order.number)
        if not attempts:
            return None, None
        ref = attempts[-1].ref
        return attempts[-1], await self.gateway.payment(ref) if ref else None

    async def charge_card(
        self,
        order: Order,
        number: int,
        *,
        card: Card,
        keep: bool,
        customer_ip: str,
        browser_info: BrowserInfo,
        time_zone: str | None,
    ) -> Payment:
        """Charge a card that the buyer typed.

        A card that is to be kept goes to the one endpoint that can do so, which documents no 3-D Secure: the shop then
        bears the risk of fraud. A real shop asks its acquirer first, or lets the hosted page keep the card.
        """
        purchase = partial(
            self.gateway.purchase,
            order.total,
            card=card,
            store_card=keep,
            billing_address=order.address,
            shipping_address=order.address,
            customer_ip=customer_ip,
            browser_info=browser_info,
            time_zone=time_zone,
        )
        return await self._attempt(order, number, purchase)

    async def charge_stored(self, order: Order, number: int, *, card: StoredCard, customer_ip: str) -> Payment:
        """Charge a card on file."""
        purchase = partial(
            self.gateway.purchase_with_token,
            order.total,
            token=card.token,
            billing_address=order.address,
            shipping_address=order.address,
            customer_ip=customer_ip,
        )
        return await self._attempt(order, number, purchase)

    async def open_page(self, order: Order, number: int, *, keep: bool, customer_ip: str) -> Payment:
        """Make a link to the gateway's own page; the card never comes near the shop."""
        page = partial(
            self.gateway.hosted_page,
            order.total,
            merchant_email=MERCHANT_EMAIL,
            store_card=keep,
            billing_address=order.address,
            shipping_address=order.address,
            customer_ip=customer_ip,
        )
        return await self._attempt(order, number, page)

    async def refund(self, payment: str, number: int, amount: Money, *, notes: str | None) -> Payment:
        """Give money back. ``payment`` is a reference, or the transaction of a duplicate charge.

        ``number`` counts its refunds, so that the same form pays once.
        """
        self._store.begin_refund(payment, number)
        refund = partial(self.gateway.refund, payment, amount, idempotency_key=f"{payment}:{number}", notes=notes)
        given_back = await self._remember(refund(), lambda ref: self._store.remember_refund(payment, number, ref))
        self._look_after(given_back)
        return given_back

    async def _attempt(self, order: Order, number: int, pay: Callable[..., Awaitable[Payment]]) -> Payment:
        """Make one attempt under the key that stands for it: the same number again never charges again."""
        latest, payment = await self.latest(order)
        is_new = latest is None or number > latest.number
        if is_new and not standing_of(order, latest, payment).may_pay:
            raise StaleForm
        waiting = payment.ref if payment is not None and payment.status is PaymentStatus.ACTION_REQUIRED else None
        attempt = self._store.begin(order.number, number, supersedes=waiting)
        if attempt is None:
            raise StaleForm
        paying = pay(order=str(order.number), idempotency_key=attempt.key, supersedes=attempt.supersedes)
        try:
            payment = await self._remember(paying, partial(self._store.remember, attempt))
        except (NotAllowed, InvalidValue):
            self._store.withdraw(attempt)
            raise
        self._look_after(payment)
        return payment

    async def _remember(self, work: Awaitable[Payment], remember: Callable[[str], None]) -> Payment:
        """Keep the reference of what was done, whatever came of it."""
        try:
            payment = await work
        except (NotAllowed, InvalidValue, JournalUnavailable):
            raise  # the journal has no such payment, or can't tell
        except PaymentOptionsError as error:
            if error.ref is not None:
                remember(error.ref)
            if error.payment is not None:
                self._look_after(error.payment)
            raise
        remember(payment.ref)
        return payment

    def _look_after(self, payment: Payment) -> None:
        """Ask for what is not final until it is. Webhooks are quicker, but they may never come."""
        if not payment.is_final:
            task = asyncio.get_running_loop().create_task(self._wait(payment.ref))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _wait(self, ref: str) -> None:
        with suppress(PaymentOptionsError):  # it stays in `unresolved`, which the staff's page shows
            await self.gateway.wait(ref, timeout=PATIENCE)


class Fulfilment:
    """Delivers. Nothing else in the shop does: not a return from the bank's page, not a webhook, not an answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def on_payment(self, event: PaymentEvent) -> None:
        """Take in one confirmed change. It may come again, so it is kept together with what was done for it."""
        with self._store.once(event.id) as is_first:
            if is_first:
                self._take_in(event)

    def _take_in(self, event: PaymentEvent) -> None:
        payment = event.payment
        order = self._store.order_of(payment)
        if order is None:
            return  # a refund; what is left of a payment is read from the journal
        self._store.learn(payment)
        if event.event == "contradiction":
            self._store.hold(order, "The gateway contradicts itself about this payment. Hold the parcel; look it up.")
        elif payment.status is PaymentStatus.PARTIALLY_APPROVED:
            self._store.flag(order, f"Only {payment.approved_amount} was approved. Refund it, or ask the buyer.")
        elif payment.status.took_money:
            self._deliver(order, payment)
        if payment.duplicate_charges:
            self._store.flag(order, "Paid twice. Refund one of the payments.")

    def _deliver(self, order: Order, payment: Payment) -> None:
        self._store.mark_paid(order, payment.ref)
        if payment.stored_payment_method_id is not None:
            card = payment.card
            label = f"{(card.scheme or 'card').capitalize()} ending in {card.last4}" if card else "Card on file"
            self._store.keep_card(order, payment.stored_payment_method_id, label)
