"""Take payments against the sandbox, over real HTTP, and hold the bank's books against the journal: ``make demo``.

Three parties run in this one process: a bank (the sandbox), a shop (a small web application, as yours would be), and
a buyer's browser. The exit code is 0 only if everything went as promised.
"""

from __future__ import annotations

import asyncio
import html
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from secrets import token_urlsafe
from urllib.parse import urljoin

import httpx
from aiohttp import web
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from paymentoptions_async import (
    Address,
    Card,
    JournalUnavailable,
    Money,
    OutcomeUnknown,
    Payment,
    PaymentOptions,
    PaymentStatus,
    WebhookRejected,
)
from paymentoptions_async.sandbox import API_KEY, CARDS, MERCHANT_ID, X_API_KEY, Sandbox, serve

NUMBERS = {card.name: card.number for card in CARDS}
COLOURS = {
    PaymentStatus.APPROVED: "green",
    PaymentStatus.DECLINED: "red",
    PaymentStatus.ACTION_REQUIRED: "cyan",
    PaymentStatus.UNKNOWN: "yellow",
}


class Shop:
    """The merchant's own application: it charges cards, takes in webhooks, and welcomes buyers back."""

    gateway: PaymentOptions
    webhooks = 0

    async def charge(self, order: str, card: str, amount: str) -> Payment:
        """Charge one of the sandbox's test cards, in yen. The key names the first attempt at this order."""
        return await self.gateway.purchase(
            Money(amount, "JPY"),
            card=Card(number=NUMBERS[card], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
            billing_address=Address(country="JP", email="buyer@example.com", city="Tokyo", postal_code="100-0001"),
            customer_ip="203.0.113.7",
            order=order,
            idempotency_key=f"{order}:1",
        )

    async def take_webhook(self, request: web.Request) -> web.Response:
        """Hand a webhook to the gateway's inbox, which checks, records and confirms it."""
        ref, token = request.match_info["ref"], request.match_info["token"]
        try:
            await self.gateway.webhooks.receive(ref, token, headers=request.headers, body=await request.read())
        except WebhookRejected as rejected:
            return web.Response(status=rejected.http_status)
        except JournalUnavailable:
            return web.Response(status=503)
        self.webhooks += 1
        return web.Response()

    async def welcome_back(self, request: web.Request) -> web.Response:
        """Thank the buyer. Nothing is delivered here: anyone can open this page, so it proves nothing."""
        return web.Response(text=f"Thank you. We are checking your payment ({request.match_info['how']}).")

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine and yield the public URL."""
        app = web.Application()
        app.router.add_post("/webhook/{ref}/{token}", self.take_webhook)
        app.router.add_get("/return/{how}/{ref}/{token}", self.welcome_back)
        runner = web.AppRunner(app, access_log=None)  # paths hold tokens
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def answer_challenge(url: str) -> str:
    """Do as a buyer does on the bank's 3-D Secure page: type the code, confirm, and return to the shop."""
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
        page = await browser.get(url)
        form = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert form is not None, "the bank shows no form"
        target = urljoin(url, html.unescape(form[1]))
        shown = await browser.post(target, data={"code": "123456", "answer": "confirm"})
        return shown.raise_for_status().text


class Report:
    """What the terminal shows, and whether every promise held."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.broken = 0
        self._steps = 0

    def step(self, title: str) -> None:
        """Begin a numbered step."""
        self._steps += 1
        self.console.print(f"\n[bold]{self._steps}. {escape(title)}[/]")

    def say(self, text: str) -> None:
        """Print what happened."""
        self.console.print(f"   {text}", soft_wrap=False)

    def payment(self, payment: Payment) -> None:
        """Print a payment."""
        why = f" ({payment.decline.reason})" if payment.decline else ""
        self.say(f"{payment.amount}: {coloured(payment.status)}{why}, reference {payment.ref}")

    def promise(self, text: str, held: bool) -> None:  # noqa: FBT001
        """Print a promise and whether it held."""
        self.broken += not held
        self.say(f"[green]ok[/]   {escape(text)}" if held else f"[bold red]NOT[/]  {escape(text)}")


def coloured(status: PaymentStatus) -> str:
    """The status in its colour."""
    return f"[{COLOURS.get(status, 'default')}]{status.upper()}[/]"


async def demonstrate(report: Report, bank: Sandbox, shop: Shop) -> list[Payment]:
    """Walk through five ways that a payment can go; return what became of each."""
    report.step("A card that is approved")
    approved = await shop.charge("1041", "approved", "1000")
    report.payment(approved)
    report.promise(
        "approved, and the bank took it once", approved.status is PaymentStatus.APPROVED and once(bank, approved)
    )

    report.step("A card without enough money")
    declined = await shop.charge("1042", "insufficient_funds", "2000")
    report.payment(declined)
    report.promise(
        "a decline is returned, not raised, with its reason",
        declined.decline is not None and declined.decline.reason == "insufficient_funds",
    )

    report.step("The first order again, as after a double click or a crash")
    again = await shop.charge("1041", "approved", "1000")
    report.payment(again)
    report.promise("the same payment, and still one charge", again.ref == approved.ref and once(bank, approved))

    report.step("A card that asks for 3-D Secure")
    started = await shop.charge("1043", "challenge", "3000")
    report.payment(started)
    assert started.redirect_url is not None
    shown = await answer_challenge(started.redirect_url)
    report.say(f'the buyer confirms at the bank, and the shop says: "{shown}"')
    authenticated = await shop.gateway.wait(started.ref, timeout=10)
    report.payment(authenticated)
    report.promise("approved, told by a status query that the webhook set off", authenticated.source == "status")
    assert authenticated.transaction_id is not None
    asked = await shop.gateway.status(authenticated.transaction_id)
    report.promise("the gateway, asked directly, says the same", asked.status is authenticated.status)

    report.step("A reply that gets lost after the card was charged")
    bank.faults.add("paymentv2", "reset", when="after", times=1)
    try:
        lost = await shop.charge("1044", "approved", "4000")
        report.promise("an outcome that nobody knows is raised", held=False)
    except OutcomeUnknown as unknown:
        assert unknown.payment is not None
        report.payment(unknown.payment)
        report.say(f"[dim]{unknown.evidence}[/]")
        lost = await shop.gateway.wait(unknown.payment.ref, timeout=10)
    report.payment(lost)
    report.promise(
        "the webhook settled it, and nothing was sent twice", lost.status is PaymentStatus.APPROVED and once(bank, lost)
    )
    return [approved, declined, authenticated, lost]


def once(bank: Sandbox, payment: Payment) -> bool:
    """Did the bank take exactly this amount, in exactly one charge?"""
    charges = bank.books.charges(payment.ref)
    return len(charges) == 1 and payment.amount is not None and charges[0].charged == payment.amount.amount


def compare(report: Report, bank: Sandbox, payments: list[Payment]) -> None:
    """Hold the bank's books against the journal."""
    report.step("What the journal says beside what the bank did")
    table = Table("Order", "Journal", "Amount", "Charges", "Bank took", box=None, pad_edge=False, header_style="dim")
    for payment in payments:
        charges = bank.books.charges(payment.ref)
        took = f"{sum(charge.charged for charge in charges)} JPY" if charges else "nothing"
        table.add_row(payment.order, coloured(payment.status), str(payment.amount), str(len(charges)), took)
    report.console.print(table)
    agree = all(
        once(bank, payment) if payment.status.took_money else not bank.books.charges(payment.ref)
        for payment in payments
    )
    report.promise("every approved order was charged once, the declined one not at all", agree)
    report.promise(
        "the bank knows no charge beyond these", len(bank.books.charges()) == sum(p.status.took_money for p in payments)
    )


async def main() -> int:
    """Run the three parties and return the exit code."""
    report, bank, shop = Report(), Sandbox(), Shop()
    async with (
        serve(bank) as bank_url,
        shop.serve() as shop_url,
        PaymentOptions(
            api_key=API_KEY,
            x_api_key=X_API_KEY,
            merchant_id=MERCHANT_ID,
            environment="sandbox",
            sandbox_url=bank_url,
            public_url=shop_url,
            signing_secrets=token_urlsafe(32),
        ) as shop.gateway,
    ):
        report.console.print(f"The bank is the sandbox on {bank_url}, the shop listens on {shop_url}. No money moves.")
        payments = await demonstrate(report, bank, shop)
        compare(report, bank, payments)
    if report.broken:
        report.console.print(f"\n[bold red]{report.broken} promises were broken.[/]")
        return 1
    report.console.print("\n[bold green]Everything as promised.[/]")
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
