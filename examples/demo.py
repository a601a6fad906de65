"""Take payments against the sandbox, over real HTTP, and hold the bank's books against the journal: ``make demo``.

Three parties run in this process: a bank (the sandbox), a shop (a small web application, as yours would be), and a
buyer's browser. The exit code is 0 only if everything went as promised.
"""

from __future__ import annotations

import asyncio
import html
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from secrets import token_urlsafe
from urllib.parse import urljoin

import httpx
from aiohttp import web
from rich.console import Console
from rich.padding import Padding
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
    Source,
    WebhookRejected,
)
from paymentoptions_async.corefy import Corefy, Customer
from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    COREFY_TEST_SECRET,
    MERCHANT_ID,
    X_API_KEY,
    Sandbox,
    serve,
)

NUMBERS = {card.name: card.number for card in CARDS}
COLOURS = {"approved": "green", "declined": "red", "action_required": "cyan", "unknown": "yellow"}


class Shop:
    """The merchant's own application: it charges cards, takes in webhooks, and welcomes buyers back."""

    gateway: PaymentOptions
    corefy: Corefy

    def __init__(self, report: Report) -> None:
        self.webhooks: set[str] = set()
        self._report = report

    async def charge(self, order: str, card: str, amount: str) -> Payment:
        """Charge one of the sandbox's test cards, in yen. The key names the first attempt at this order."""
        buyers_card = Card(number=NUMBERS[card], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe")
        self._report.line("charge", f"order {order}, {amount} JPY, card {buyers_card.masked}")
        return await self.gateway.purchase(
            Money(amount, "JPY"),
            card=buyers_card,
            billing_address=Address(country="JP", email="buyer@example.com", city="Tokyo", postal_code="100-0001"),
            customer_ip="203.0.113.7",
            order=order,
            idempotency_key=f"{order}:1",
        )

    async def take_webhook(self, request: web.Request) -> web.Response:
        """Hand a webhook to its gateway's inbox, which checks, records and confirms it."""
        ref, token, body = request.match_info["ref"], request.match_info["token"], await request.read()
        gateway = self.corefy if request.path.startswith("/corefy/") else self.gateway
        try:
            await gateway.webhooks.receive(ref, token, headers=request.headers, body=body)
        except WebhookRejected as rejected:
            return web.Response(status=rejected.http_status)
        except JournalUnavailable:
            return web.Response(status=503)
        self.webhooks.add(ref)
        return web.Response()

    async def welcome_back(self, _: web.Request) -> web.Response:
        """Thank the buyer. Nothing is delivered here: anyone can open this page, so it proves nothing."""
        return web.Response(text="Thank you! We are checking your payment.")

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine and yield the public URL."""
        app = web.Application()
        for below in ("", "/corefy"):
            app.router.add_post(f"{below}/webhook/{{ref}}/{{token}}", self.take_webhook)
            app.router.add_get(f"{below}/return/{{how}}/{{ref}}/{{token}}", self.welcome_back)
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
        action = html.unescape(page.text.partition(' action="')[2].partition('"')[0])
        shown = await browser.post(urljoin(url, action), data={"code": "123456", "answer": "confirm"})
        return shown.raise_for_status().text


class Report:
    """What the terminal shows, and how many promises were broken."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self.broken = 0
        self._steps = 0

    def step(self, title: str) -> None:
        """Begin a numbered step."""
        self._steps += 1
        self.console.print(f"\n[bold]{self._steps}. {title}[/]")

    def line(self, label: str, text: str) -> None:
        """Print one line of a step; what is too long stays in its column."""
        row = Table.grid(padding=(0, 1))
        row.add_column(min_width=10, justify="right")
        row.add_row(label if "[" in label else f"[dim]{label}[/]", text)
        self.console.print(row)

    def payment(self, label: str, payment: Payment) -> None:
        """Print what is known of a payment."""
        self.line(label, coloured(payment.status) + (f", {payment.decline.reason}" if payment.decline else ""))

    def promise(self, held: bool, text: str) -> None:  # noqa: FBT001
        """Print a promise, and whether it held."""
        self.broken += not held
        self.line("[bold green]ok[/]" if held else "[bold red]BROKEN[/]", text)


def coloured(status: PaymentStatus) -> str:
    """The status in its colour."""
    return f"[{COLOURS.get(status.value, 'default')}]{status.upper()}[/]"


async def demonstrate(report: Report, bank: Sandbox, shop: Shop) -> list[Payment]:
    """Walk through five ways that a payment can go; return what became of each order."""
    report.step("A card that is approved")
    approved = await shop.charge("1041", "approved", "1000")
    report.payment("answer", approved)
    report.promise(once(bank, approved), "the bank took 1000 JPY, in one charge")

    report.step("A card without enough money")
    declined = await shop.charge("1042", "insufficient_funds", "2000")
    report.payment("answer", declined)
    report.promise(
        declined.decline is not None and not bank.books.charges(declined.ref),
        "a decline is returned with its reason, not raised",
    )

    report.step("The first order again, as after a double click or a restart")
    again = await shop.charge("1041", "approved", "1000")
    report.payment("answer", again)
    report.promise(again.ref == approved.ref and once(bank, again), "the same payment: nothing sent, nothing charged")

    report.step("A card that asks for 3-D Secure")
    started = await shop.charge("1043", "challenge", "3000")
    report.payment("answer", started)
    assert started.redirect_url is not None
    report.line("browser", "opens the bank's page, types the code, and confirms")
    report.line("shop", await answer_challenge(started.redirect_url))
    authenticated = await shop.gateway.wait(started.ref, timeout=10)
    report.line("webhook", "received; the gateway was asked whether it is true")
    report.payment("waited for", authenticated)
    report.promise(
        authenticated.source is Source.STATUS and started.ref in shop.webhooks and once(bank, authenticated),
        "the answer to that question settled it, in one charge",
    )
    assert authenticated.transaction_id is not None
    asked = await shop.gateway.status(authenticated.transaction_id)
    report.payment("status", asked)
    report.promise(asked.status is PaymentStatus.APPROVED, "asked again, the gateway says the same")

    report.step("An answer that is lost after the card was charged")
    bank.faults.add("paymentv2", "reset", when="after", times=1)
    lost = await charge_and_lose_the_answer(report, shop)
    settled = await shop.gateway.wait(lost.ref, timeout=10)
    report.line("webhook", "received; the gateway was asked whether it is true")
    report.payment("waited for", settled)
    report.promise(lost.ref in shop.webhooks and once(bank, settled), "found out without a second charge")
    return [approved, declined, authenticated, settled]


async def charge_and_lose_the_answer(report: Report, shop: Shop) -> Payment:
    """Charge while the bank breaks the connection; return the payment that nobody knows the outcome of."""
    try:
        payment = await shop.charge("1044", "approved", "4000")
    except OutcomeUnknown as unknown:
        assert unknown.payment is not None
        report.line("raised", f"OutcomeUnknown: it is {coloured(unknown.payment.status)}")
        report.line("evidence", str(unknown.evidence))
        return unknown.payment
    report.promise(held=False, text="an outcome that nobody knows is raised")
    return payment


def once(bank: Sandbox, payment: Payment) -> bool:
    """Tell whether a payment is approved, and the bank was asked once and took exactly its amount, once."""
    assert payment.amount is not None
    charged = [charge.charged for charge in bank.books.charges(payment.ref)]
    asked = sum(line.method == "POST" and line.merchant_txn_ref == payment.ref for line in bank.requests)
    return payment.status is PaymentStatus.APPROVED and charged == [payment.amount.amount] and asked == 1


def compare(report: Report, bank: Sandbox, payments: list[Payment]) -> None:
    """Hold the bank's books against the journal."""
    report.step("What the journal says, beside what the bank did")
    table = Table("Order", "Journal", "Bank's books", box=None, header_style="dim")
    for payment in payments:
        charges = [f"{charge.charged} JPY" for charge in bank.books.charges(payment.ref)]
        table.add_row(payment.order, coloured(payment.status), f"charges: {', '.join(charges) or 'none'}")
    report.console.print(Padding(table, (0, 0, 0, 9), expand=False))
    paid = [payment for payment in payments if payment.status is PaymentStatus.APPROVED]
    report.promise(
        len(paid) == len(bank.books.charges()) and all(once(bank, payment) for payment in paid),
        "every approved order was charged once, and nothing else was",
    )


async def keep_a_card(report: Report, bank: Sandbox, shop: Shop) -> None:
    """Have the other gateway put a card on file, and charge it once more with nobody there."""
    report.step("Another gateway, Corefy: a card on file, charged with nobody there")
    customer = Customer(reference_id="customer-7", name="John Doe")
    page = await shop.corefy.checkout(Money("10.00", "USD"), customer=customer, tokenize=True, idempotency_key="1045:1")
    report.payment("invoice", page)
    assert page.redirect_url is not None
    report.line("browser", "opens the gateway's page and pays with card 551928******0000")
    await bank.corefy.pay_page(page.redirect_url)
    await bank.flush()
    paid = await shop.corefy.wait(page.ref, timeout=10)
    report.line("callback", "received, its signature checked; then the invoice was read")
    report.payment("waited for", paid)
    token = paid.stored_payment_method_id
    report.promise(page.ref in shop.webhooks and token is not None, "the paid invoice has a token of the card")
    assert token is not None
    bank.faults.add("corefy_sale", "reset", when="after", times=1)
    report.line("write-off", "12 USD by token; the bank takes them, and its answer is lost")
    charged = await shop.corefy.write_off(
        Money("12.00", "USD"), token=token, customer=customer, idempotency_key="1046:1"
    )
    report.payment("answer", charged)
    taken = [charge.charged for charge in bank.corefy.books.charges(charged.ref)]
    report.promise(
        charged.status is PaymentStatus.APPROVED and taken == [Decimal(12)],
        "the invoice was known before the charge, so it told: charged once",
    )
    await bank.flush()


async def main() -> int:
    """Let the three parties meet, and return the exit code."""
    report, bank = Report(), Sandbox()
    shop = Shop(report)
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
        report.line("bank", f"{bank_url} (the sandbox; no money moves)")
        report.line("shop", shop_url)
        compare(report, bank, await demonstrate(report, bank, shop))
        async with Corefy(
            account_id=COREFY_ACCOUNT_ID,
            api_key=COREFY_API_KEY,
            private_url=f"{bank_url}/corefy/api",
            cardgate_url=f"{bank_url}/corefy/cardgate",
            test_mode=True,
            callback_secrets=COREFY_TEST_SECRET,
            public_url=f"{shop_url}/corefy",
            signing_secrets=token_urlsafe(32),
        ) as shop.corefy:
            await keep_a_card(report, bank, shop)
    verdict = f"[bold red]Broken promises: {report.broken}[/]" if report.broken else "[bold green]All as promised.[/]"
    report.console.print(f"\n{verdict}")
    return 1 if report.broken else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
