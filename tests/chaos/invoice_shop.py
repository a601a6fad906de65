"""The shop's other half, which is paid by Corefy's invoices: sales by card, cards on file, pages, and refunds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

from paymentoptions_async import BrowserInfo, Money, Payment, PaymentOptionsError, PaymentStatus
from paymentoptions_async.corefy import Corefy, Customer
from tests.chaos.buyers import Browser
from tests.chaos.callers import Caller, Question
from tests.chaos.facts import Facts
from tests.chaos.marks import corefy_card
from tests.chaos.shop import Teller, timed
from tests.chaos.workload import Story

BROWSER = BrowserInfo(accept_header="text/html", language="en", user_agent="Mozilla/5.0")


class InvoiceShop(Teller):
    """One worker's shop at Corefy's."""

    def __init__(self, corefy: Corefy, facts: Facts, browser: Browser, seed: str) -> None:
        super().__init__(facts, seed)
        self._corefy = corefy
        self._browser = browser
        self._tellings = {
            "invoice_sold": self._sold,
            "invoice_challenged": self._challenged,
            "invoice_on_file": self._on_file,
            "invoice_page": self._page,
            "invoice_refunded": self._refunded,
        }

    async def _sold(self, story: Story, caller: Caller, random: Random) -> None:
        first = await caller.ask(self._sale(story, "1", story.cards[0]))
        if first is None or first.status is PaymentStatus.DECLINED or story.late:  # a new attempt past an open one
            await caller.ask(self._sale(story, "2", story.cards[1]))

    async def _challenged(self, story: Story, caller: Caller, random: Random) -> None:
        asked = await caller.ask(self._sale(story, "1", story.cards[0]))
        if asked is None or asked.redirect_url is None or story.answer == "leave":
            return
        answer = "decline" if story.answer == "decline" else "confirm"
        await self._browser.answer_bank(asked.redirect_url, asked.redirect_form or {}, answer)
        if random.random() < 0.3:
            with suppress(PaymentOptionsError):
                await self._corefy.wait(asked.ref, timeout=1.0)

    async def _on_file(self, story: Story, caller: Caller, random: Random) -> None:
        first = await caller.ask(self._sale(story, "1", story.cards[0], tokenize=True))
        token = first.stored_payment_method_id if first is not None else None
        if token is None:
            return
        for number in (1, 2):
            key, order = story.key(f"token {number}"), f"{story.order}, again {number}"
            call = partial(
                self._corefy.write_off,
                story.parts[number],
                token=token,
                customer=_customer(story),
                order=order,
                idempotency_key=key,
            )
            await caller.ask(Question("write_off", key, order, story.parts[number], timed(call)))

    async def _page(self, story: Story, caller: Caller, random: Random) -> None:
        key = story.key("page")
        call = partial(
            self._corefy.checkout,
            story.amount,
            customer=_customer(story),
            tokenize=story.late,
            order=story.order,
            idempotency_key=key,
        )
        page = await caller.ask(Question("checkout", key, story.order, story.amount, timed(call)))
        if page is None or page.redirect_url is None or story.answer == "leave":
            return
        if story.answer == "decline":
            await self._browser.cancel_invoice(page.redirect_url)
            return
        for _ in range(2 if story.answer == "twice" else 1):  # a double click
            await self._browser.pay_invoice(page.redirect_url, story.cards[0], "confirm")

    async def _refunded(self, story: Story, caller: Caller, random: Random) -> None:
        bought = await caller.ask(self._sale(story, "1", story.cards[0]))
        if bought is None or not bought.status.took_money:
            return
        wanted = [self._refund(story, bought, str(number), part) for number, part in enumerate(story.parts)]
        if story.late:  # all that is left, whatever the others come to
            wanted = [*wanted[:1], self._refund(story, bought, "whole", None)]
        await asyncio.gather(*(caller.ask(question) for question in wanted))

    def _sale(self, story: Story, attempt: str, name: str, **more: Any) -> Question:
        key = story.key(attempt)
        call = partial(
            self._corefy.sale,
            story.amount,
            card=corefy_card(name),
            customer=_customer(story),
            browser_info=BROWSER,
            customer_ip="203.0.113.7",
            order=story.order,
            idempotency_key=key,
            **more,
        )
        return Question("sale", key, story.order, story.amount, timed(call))

    def _refund(self, story: Story, charge: Payment, name: str, amount: Money | None) -> Question:
        key = story.key(f"refund {name}")
        call = partial(self._corefy.refund, charge.ref, amount, idempotency_key=key)
        return Question("refund", key, story.order, amount, timed(call))


def _customer(story: Story) -> Customer:
    return Customer(reference_id=f"customer {story.number % 50}", name="John Doe", email="buyer@example.com")
