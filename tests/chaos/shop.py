"""The shop that tells the stories: it charges, follows up, and leads its buyers to the bank's pages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from paymentoptions_async import (
    Address,
    EnvironmentMismatch,
    Money,
    Payment,
    PaymentOptions,
    PaymentOptionsError,
    PaymentStatus,
    SubscriptionPlan,
)
from tests.chaos.buyers import Browser
from tests.chaos.callers import Caller, Question
from tests.chaos.facts import Facts
from tests.chaos.marks import card
from tests.chaos.workload import Story

ADDRESS = Address(
    country="JP",
    email="buyer@example.com",
    phone_number="8112345678",
    postal_code="1600022",
    state="Tokyo",
    city="Tokyo",
    address1="1-2-3 Shinjuku",
)
BUYER: dict[str, Any] = {"billing_address": ADDRESS, "customer_ip": "203.0.113.7"}


class Teller:
    """Tells stories. ``is_stopped`` once the gateway answered from another environment: it charges no more."""

    _tellings: dict[str, Callable[[Story, Caller, Random], Awaitable[None]]]

    def __init__(self, facts: Facts, seed: str) -> None:
        self._facts = facts
        self._seed = seed
        self.is_stopped = False

    async def tell(self, story: Story) -> None:
        """Tell a story to its end. Telling it again, with the same keys, must change nothing."""
        random = Random(f"{self._seed}:{story.number}")
        try:
            await self._tellings[story.kind](story, Caller(self._facts, random), random)
        except EnvironmentMismatch:
            self.is_stopped = True


class Shop(Teller):
    """One worker's shop."""

    def __init__(self, gateway: PaymentOptions, facts: Facts, browser: Browser, seed: str) -> None:
        super().__init__(facts, seed)
        self._gateway = gateway
        self._browser = browser
        self._tellings = {
            "plain": self._plain,
            "retried": self._retried,
            "challenged": self._plain,
            "superseded": self._superseded,
            "two_tabs": self._two_tabs,
            "stored": self._stored,
            "authorised": self._authorised,
            "refunded": self._refunded,
            "hosted": self._hosted,
            "subscribed": self._subscribed,
            "conflicting": self._conflicting,
        }

    async def _plain(self, story: Story, caller: Caller, random: Random) -> None:
        payment = await caller.ask(self._purchase(story, "1", story.cards[0]))
        await self._lead_buyer(payment, story, random)

    async def _retried(self, story: Story, caller: Caller, random: Random) -> None:
        first = await caller.ask(self._purchase(story, "1", story.cards[0]))
        if first is None or first.status is PaymentStatus.DECLINED or story.late:  # a new attempt past an open one
            await caller.ask(self._purchase(story, "2", story.cards[1]))

    async def _superseded(self, story: Story, caller: Caller, random: Random) -> None:
        first = await caller.ask(self._purchase(story, "1", story.cards[0]))
        if first is None or first.redirect_url is None:
            return
        second = await caller.ask(self._purchase(story, "2", story.cards[1], supersedes=first.ref))
        await self._lead_buyer(second, story, random)
        if story.late:
            await self._browser.answer(first.redirect_url, "confirm")

    async def _two_tabs(self, story: Story, caller: Caller, random: Random) -> None:
        tabs = [self._purchase(story, f"tab {n}", name) for n, name in enumerate(story.cards)]
        await asyncio.gather(*(caller.ask(tab) for tab in tabs))

    async def _stored(self, story: Story, caller: Caller, random: Random) -> None:
        first = await caller.ask(self._purchase(story, "1", story.cards[0], store_card=True))
        token = first.stored_payment_method_id if first is not None else None
        if token is None:
            return
        for number in (1, 2):
            key, order = story.key(f"token {number}"), f"{story.order}, again {number}"
            call = partial(
                self._gateway.purchase_with_token,
                story.parts[number],
                token=token,
                billing_address=ADDRESS,
                order=order,
                idempotency_key=key,
            )
            await caller.ask(Question("purchase_with_token", key, order, story.parts[number], timed(call)))

    async def _authorised(self, story: Story, caller: Caller, random: Random) -> None:
        key = story.key("hold")
        call = partial(
            self._gateway.authorize,
            story.amount,
            card=card(story.cards[0]),
            order=story.order,
            idempotency_key=key,
            **BUYER,
        )
        held = await caller.ask(Question("authorize", key, story.order, story.amount, timed(call)))
        if held is None or not held.status.took_money:
            return
        wanted = [self._capture(story, held, number) for number in range(len(story.parts))]
        if story.answer in ("decline", "leave"):  # the shop lets go, while its other half may still capture
            wanted = [self._void(story, held), *wanted[: 1 if story.late else 0]]
        captured = await asyncio.gather(*(caller.ask(question) for question in wanted))
        for payment in captured:
            if payment is not None and payment.operation == "capture" and payment.status.took_money:
                await caller.ask(self._refund(story, payment, payment.parent or "", payment.amount))

    async def _refunded(self, story: Story, caller: Caller, random: Random) -> None:
        bought = await caller.ask(self._purchase(story, "1", story.cards[0]))
        if bought is None or not bought.status.took_money:
            return
        wanted = [self._refund(story, bought, str(number), part) for number, part in enumerate(story.parts)]
        await asyncio.gather(*(caller.ask(question) for question in wanted))

    async def _hosted(self, story: Story, caller: Caller, random: Random) -> None:
        key = story.key("page")
        call = partial(
            self._gateway.hosted_page,
            story.amount,
            idempotency_key=key,
            merchant_email="shop@example.com",
            billing_address=ADDRESS,
            order=story.order,
        )
        page = await caller.ask(Question("hosted_page", key, story.order, story.amount, timed(call)))
        if page is None or page.redirect_url is None or story.answer == "leave":
            return
        tried = ["declined", *story.cards[:1]] if story.answer == "decline" else [*story.cards[:1]]
        for attempt, name in enumerate(tried * 2 if story.answer == "twice" else tried):
            await self._browser.pay(page.redirect_url, name, attempt=attempt)

    async def _subscribed(self, story: Story, caller: Caller, random: Random) -> None:
        key = story.key("plan")
        plan = SubscriptionPlan(name="Beans", cycle_interval=1, max_cycles=2 if story.renews else 1)
        call = partial(
            self._gateway.subscribe,
            story.amount,
            plan=plan,
            card=card(story.cards[0]),
            order=story.order,
            idempotency_key=key,
            **BUYER,
        )
        started = await caller.ask(Question("subscribe", key, story.order, story.amount, timed(call)))
        if started is None or started.subscription_id is None or story.answer == "confirm":
            return
        with suppress(PaymentOptionsError):  # the subscription may have ended
            await self._gateway.pause_subscription(started.subscription_id, timeout=2.0)
            await self._gateway.resume_subscription(started.subscription_id, timeout=2.0)
            await self._gateway.subscriptions(timeout=2.0)

    async def _conflicting(self, story: Story, caller: Caller, random: Random) -> None:
        await caller.ask(self._purchase(story, "1", story.cards[0]))
        await caller.ask(self._purchase(story, "1", story.cards[0], amount=story.parts[0]))

    async def _lead_buyer(self, payment: Payment | None, story: Story, random: Random) -> None:
        """Send the buyer to the bank's page, if there is one; some shops wait for news, others leave it to webhooks."""
        if payment is None or payment.redirect_url is None or story.answer == "leave":
            return
        await self._browser.answer(payment.redirect_url, "decline" if story.answer == "decline" else "confirm")
        if random.random() < 0.3:
            with suppress(PaymentOptionsError):
                await self._gateway.wait(payment.ref, timeout=1.0)

    def _purchase(self, story: Story, attempt: str, name: str, *, amount: Money | None = None, **more: Any) -> Question:
        key, amount = story.key(attempt), amount or story.amount
        call = partial(
            self._gateway.purchase, amount, card=card(name), order=story.order, idempotency_key=key, **BUYER, **more
        )
        return Question("purchase", key, story.order, amount, timed(call))

    def _capture(self, story: Story, held: Payment, number: int) -> Question:
        key, part = story.key(f"capture {number}"), story.parts[number]
        call = partial(self._gateway.capture, held.ref, part, idempotency_key=key, notes="part of the order")
        return Question("capture", key, story.order, part, timed(call))

    def _void(self, story: Story, held: Payment) -> Question:
        key = story.key("void")
        call = partial(self._gateway.void, held.ref, idempotency_key=key)
        return Question("void", key, story.order, None, timed(call))

    def _refund(self, story: Story, charge: Payment, name: str, amount: Money | None) -> Question:
        key = story.key(f"refund {charge.idempotency_key} {name}"[:40])
        call = partial(self._gateway.refund, charge.ref, amount, idempotency_key=key)
        return Question("refund", key, story.order, amount, timed(call))


def timed(call: Callable[..., Awaitable[Payment]]) -> Callable[[float], Awaitable[Payment]]:
    """Take the timeout as the only argument."""
    return lambda timeout: call(timeout=timeout)
