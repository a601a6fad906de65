"""One sandbox: its books, clock, faults and webhooks, and the ASGI application over them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from starlette.types import Receive, Scope, Send

from . import app as routes
from . import document
from .books import Books
from .cards import CARDS
from .catalogue import Catalogue, CorefyCatalogue
from .clock import Clock
from .corefy.callbacks import DeliverCallback
from .corefy.corefy import Corefy
from .dialect import PaymentOptionsDialect
from .faults import FaultPlan
from .gateway import REQUESTS_KEPT, Gateway, RequestLine
from .hosted_links import LinkDesk
from .hosted_pages import HostedPages
from .links import Links
from .operations import Operations
from .payments import Counter
from .settings import Settings
from .subscription_desk import SubscriptionDesk
from .subscriptions import Subscriptions
from .three_d_secure import ThreeDSecure
from .transport import SandboxTransport
from .validation import RequestRules
from .webhooks import Deliver, Webhooks

IN_PROCESS_ORIGIN = "http://127.0.0.1"


class Sandbox:
    """A stateful gateway for tests and demonstrations; it shares nothing with another one.

    `seed` fixes ids, tokens and faults. `clock` follows the wall clock unless it is given. `deliver` replaces HTTP for
    webhooks, and `deliver_callback` for Corefy's callbacks. Served over HTTP (see `server`), it settles and delivers by
    itself; in this process, `flush` and `advance` do. Status queries and invoices are answered from `catalogue` and
    `corefy_catalogue` as well, whatever their size; no table shows what is in them.
    """

    books: Books
    links: Links
    webhooks: Webhooks
    operations: Operations
    subscriptions: Subscriptions
    corefy: Corefy
    _requests: deque[RequestLine]

    def __init__(
        self,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        clock: Clock | None = None,
        faults: FaultPlan | None = None,
        catalogue: Catalogue | None = None,
        corefy_catalogue: CorefyCatalogue | None = None,
        deliver: Deliver | None = None,
        deliver_callback: DeliverCallback | None = None,
    ) -> None:
        self.seed = seed
        self.settings = settings or Settings()
        self.clock = clock or Clock()
        self.faults = faults or FaultPlan(seed=seed)
        self.catalogue = catalogue
        self.corefy_catalogue = corefy_catalogue
        self._deliver = deliver
        self._deliver_callback = deliver_callback
        self._wake: Callable[[], object] | None = None
        self._open()

    def reset(self) -> None:
        """Forget every transaction, webhook and request, and start the fault plan from its beginning."""
        self.faults.restart()
        self.webhooks.stop()
        self.corefy.callbacks.stop()
        self._open()

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve as an ASGI application; it stays the same object when the sandbox is reset."""
        await self._app(scope, receive, send)

    @property
    def requests(self) -> deque[RequestLine]:
        """Return the latest API requests and how they were answered, oldest first."""
        return self._requests

    def settle(self) -> None:
        """Settle and charge what is due, and queue its webhooks."""
        for transaction in self.books.settle_due():
            self.webhooks.announce(transaction)
        self.subscriptions.charge_due()
        self.corefy.settle()

    async def flush(self) -> None:
        """Settle and deliver everything that is due now."""
        self.settle()
        await self.webhooks.flush()
        await self.corefy.callbacks.flush()

    async def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`, stopping at every moment at which something falls due."""
        until = self.clock.now().timestamp() + seconds
        if seconds < 0:
            raise ValueError("a clock does not go back")
        await self.flush()
        while (due := self._next_due()) is not None and due < until:
            self.clock.advance(max(0.0, due - self.clock.now().timestamp()) + 1e-6)
            await self.flush()
        self.clock.advance(max(0.0, until - self.clock.now().timestamp()))
        await self.flush()

    async def pay_hosted_page(self, url: str, card: str = "approved", **fields: str) -> str | None:
        """Fill in the hosted page as a buyer would, in this process; return where the buyer is sent, if anywhere.

        `card` is a test card's name or number; `fields` replace others of the form (`amount`, `email`, …). The way
        leads to the shop, to a 3-D Secure page (see `answer_challenge`), or back to the same page after a refusal.
        """
        number = next((one.number for one in CARDS if one.name == card), card)
        filled = {"number": number, "expiry": "12/29", "cvc": "100", "name": "Test Buyer", **fields}
        return await self._answer_link(url, "pay", filled)

    async def answer_wallet(
        self, url: str, answer: Literal["approve", "decline", "cancel"] = "approve", **fields: str
    ) -> str | None:
        """Answer the wallet's page as a buyer would, in this process; return where the buyer is sent, if anywhere."""
        return await self._answer_link(url, answer, {"pin": "1234", **fields})

    async def answer_challenge(
        self, redirect_url: str, answer: Literal["confirm", "decline"] = "confirm", *, code: str = "123456"
    ) -> str | None:
        """Answer the 3-D Secure page as a buyer would, in this process; return where the buyer is sent, if anywhere."""
        return await self._post(redirect_url, {"answer": answer, "code": code})

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return an httpx transport that calls the application in this process, faults below HTTP included."""
        return SandboxTransport(self)

    async def run(self) -> None:
        """Settle and deliver whenever something falls due, until cancelled; servers run this beside the application."""
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        self._wake = lambda: loop.call_soon_threadsafe(changed.set)
        try:
            while True:
                changed.clear()
                self.settle()
                self.webhooks.start_due()
                self.corefy.callbacks.start_due()
                await self._until_due(changed)
        finally:
            self._wake = None
            self.webhooks.stop()
            self.corefy.callbacks.stop()

    async def _answer_link(self, url: str, answer: str, fields: dict[str, str]) -> str | None:
        link = self.links.find(urlsplit(url).path.rpartition("/")[2])
        if link is None:
            raise ValueError("no such link; was it made by this sandbox, and not reset since?")
        return await self._post(url, {"attempt": str(len(link.attempts)), "answer": answer, **fields})

    async def _post(self, url: str, form: dict[str, str]) -> str | None:
        async with httpx.AsyncClient(transport=self.transport()) as browser:
            reply = await browser.post(url, data=form)
        location: str | None = reply.headers.get("location")
        return location

    async def _until_due(self, changed: asyncio.Event) -> None:
        due = self._next_due()
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(changed.wait())]
        if due is not None:
            waits.append(asyncio.create_task(self.clock.sleep(due - self.clock.now().timestamp())))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _next_due(self) -> float | None:
        moments = (
            self.books.next_settlement(),
            self.subscriptions.next_due(),
            self.webhooks.next_due(),
            self.corefy.next_due(),
        )
        return min((moment.timestamp() for moment in moments if moment is not None), default=None)

    def _open(self) -> None:
        self.books = Books(
            seed=self.seed,
            clock=self.clock,
            challenge_seconds=self.settings.challenge_seconds,
            on_change=self._changed,
        )
        self.webhooks = Webhooks(
            clock=self.clock,
            settings=self.settings,
            plan=self.faults,
            deliver=self._deliver,
            on_change=self._changed,
        )
        self.operations = Operations(self.books, self.clock, self.settings, self.webhooks)
        self.subscriptions = Subscriptions(
            seed=self.seed, books=self.books, clock=self.clock, webhooks=self.webhooks, on_change=self._changed
        )
        self.links = Links(seed=self.seed, clock=self.clock, books=self.books, settings=self.settings)
        counter = Counter(self.books, self.settings, self.webhooks, self.catalogue)
        self._requests = deque(maxlen=REQUESTS_KEPT)
        self._gateway = Gateway(
            dialect=PaymentOptionsDialect(self.settings),
            endpoints=(
                *counter.endpoints(),
                *LinkDesk(self.links, self.settings).endpoints(),
                *self.operations.endpoints(),
                *SubscriptionDesk(self.subscriptions, counter).endpoints(),
            ),
            rules=_rules,
            plan=self.faults,
            clock=self.clock,
            seed=f"{self.seed}:requests",
            log=self._requests,
            before_reading=self.settle,
            traffic=self.settings.traffic,
        )
        self.corefy = Corefy(
            seed=self.seed,
            clock=self.clock,
            settings=self.settings.corefy,
            merchant=self.settings.merchant_name,
            plan=self.faults,
            log=self._requests,
            deliver=self._deliver_callback,
            on_change=self._changed,
            before_reading=self.settle,
            transport=self.transport,
            traffic=self.settings.traffic,
            catalogue=self.corefy_catalogue,
        )
        three_d_secure = ThreeDSecure(books=self.books, webhooks=self.webhooks, settings=self.settings)
        hosted_pages = HostedPages(links=self.links, counter=counter, clock=self.clock)
        self._app = routes.build(self, self._gateway, three_d_secure, hosted_pages)
        self._changed()

    def _changed(self) -> None:
        if self._wake is not None:
            self._wake()


@cache
def _rules() -> RequestRules:
    return RequestRules(document.load())
