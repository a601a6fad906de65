"""A tour of everything a client can be asked to do, and of every way in which the gateway can fail it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

from paymentoptions_async import (
    Address,
    BrowserInfo,
    Card,
    Money,
    Payment,
    PaymentEvent,
    PaymentOptions,
    PaymentOptionsError,
    SubscriptionPlan,
)
from paymentoptions_async.sandbox import CARDS, MERCHANT_ID, Sandbox, Settings, serve
from paymentoptions_async.sandbox.faults import REQUEST_FAULTS
from tests.safety.marks import API_KEY, CVC, PAN, SIGNING_SECRET, TOKEN, X_API_KEY, Marks

YEN = Money("1000", "JPY")
PUBLIC_URL = "http://127.0.0.1:9/pay"
NUMBERS = {card.name: card.number for card in CARDS}
ADDRESS = Address(
    country="JP",
    email="buyer@example.com",
    city="Tokyo",
    postal_code="1600022",
    address1="1-2-3 Shinjuku",
    phone_number="+81312345678",
    state="Tokyo",
)
ECHO = {
    "gateway_response.message": f"card {PAN} cvc={CVC} api_key={API_KEY}",
    "payment_details.card.number": PAN,
    "payment_details.card.cvc": CVC,
    "api_key": API_KEY,
    "x-api-key": X_API_KEY,
    "notes": f"https://shop.example/pay/{API_KEY}",
}
"""What an unkind gateway would put into its answer."""


@contextmanager
def elsewhere() -> Iterator[None]:
    """What buyers do with their browsers, no log of the shop has."""
    logger = logging.getLogger("httpx")
    logger.disabled = True
    yield
    logger.disabled = False


class Prompt(Random):
    """Draws nothing but the least: nobody waits for jitter."""

    def random(self) -> float:
        return 0.0


@dataclass
class Shop:
    """A client of a sandbox, all that it ever gave back or raised, and the events that it was handed."""

    gateway: PaymentOptions
    bank: Sandbox
    marks: Marks
    returned: list[object] = field(default_factory=list)
    raised: list[BaseException] = field(default_factory=list)
    _keys: Iterator[str] = field(default_factory=lambda: map("{}:1".format, range(1, 10_000)))

    async def see(self, call: Awaitable[Any]) -> Any:
        """Keep what a call gives back or raises; what it raised is given back too."""
        try:
            answer = await call
        except (PaymentOptionsError, asyncio.CancelledError, TimeoutError, AttributeError, TypeError) as error:
            self.raised.append(error)
            return error
        self.returned += answer if isinstance(answer, (list, tuple)) else [answer]
        return answer

    async def fulfil(self, event: PaymentEvent) -> None:
        self.returned.append(event)

    def key(self) -> str:
        return next(self._keys)

    def card(self, name: str = "approved") -> Card:
        return Card(number=NUMBERS[name], cvc=CVC, expiry_month=12, expiry_year=2029, name="John Doe")

    async def receive(self, url: str, body: bytes) -> int:
        ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
        await self.gateway.webhooks.receive(ref, token, headers={"content-type": "application/json"}, body=body)
        return 200

    async def settle(self) -> None:
        """Let the bank say what it has to say, and the client confirm it and hand it over."""
        await self.bank.flush()
        await self.gateway.drain()

    def asked(self, **more: Any) -> dict[str, Any]:
        """What each charge of a card is given."""
        return {
            "card": self.card(more.pop("named", "approved")),
            "billing_address": ADDRESS,
            "customer_ip": "203.0.113.7",
            "idempotency_key": self.key(),
            **more,
        }

    async def purchase(self, named: str = "approved", **more: Any) -> Any:
        return await self.see(self.gateway.purchase(YEN, **self.asked(named=named, **more)))

    async def purchase_with_token(self, token: str = TOKEN, **more: Any) -> Any:
        asked = {"token": token, "billing_address": ADDRESS, "idempotency_key": self.key(), **more}
        return await self.see(self.gateway.purchase_with_token(YEN, **asked))

    async def authorize(self, named: str = "approved", **more: Any) -> Any:
        return await self.see(self.gateway.authorize(YEN, **self.asked(named=named, **more)))

    async def hosted_page(self, **more: Any) -> Any:
        asked: dict[str, Any] = {"merchant_email": "shop@example.com", "billing_address": ADDRESS}
        return await self.see(self.gateway.hosted_page(YEN, idempotency_key=self.key(), **asked, **more))

    async def subscribe(self, named: str = "approved", **more: Any) -> Any:
        plan = SubscriptionPlan(name="Coffee", cycle_interval=30, max_cycles=12)
        return await self.see(self.gateway.subscribe(YEN, plan=plan, **self.asked(named=named, **more)))


@asynccontextmanager
async def opened(wire: str, marks: Marks, **settings: Any) -> AsyncIterator[Shop]:
    """A shop whose client sends in this process (``mock``), or over HTTP through the default ``pool`` or ``httpx``."""
    shop: Shop

    async def deliver(url: str, body: bytes) -> int:
        return await shop.receive(url, body)

    async def fulfil(event: PaymentEvent) -> None:
        await shop.fulfil(event)

    bank = Sandbox(settings=Settings(api_key=API_KEY, x_api_key=X_API_KEY, echo_pan=True), deliver=deliver)
    async with AsyncExitStack() as stack:
        url = "http://127.0.0.1" if wire == "mock" else await stack.enter_async_context(serve(bank))
        if wire != "pool":
            settings["transport"] = bank.transport() if wire == "mock" else httpx.AsyncHTTPTransport(verify=False)
        gateway = PaymentOptions(
            api_key=API_KEY,
            x_api_key=X_API_KEY,
            merchant_id=MERCHANT_ID,
            environment="sandbox",
            sandbox_url=url,
            public_url=PUBLIC_URL,
            signing_secrets=SIGNING_SECRET,
            on_payment=fulfil,
            random=Prompt(),
            **settings,
        )
        shop = Shop(gateway, bank, marks)
        async with gateway:
            yield shop


async def take(shop: Shop, *, share: slice = slice(None)) -> None:
    """Everything that goes well, then everything that does not: a ``share`` of the faults for each endpoint."""
    await all_operations(shop)
    await all_faults(shop, FAULTS[share])
    await all_refusals(shop)
    shop.marks.private |= {one.token for one in shop.bank.books.challenges} | {one.code for one in shop.bank.links.all}
    shop.marks.private |= {one.redirect_url for one in shop.returned if isinstance(one, Payment) and one.redirect_url}


async def all_operations(shop: Shop) -> None:
    gateway, bank, see = shop.gateway, shop.bank, shop.see
    browser = BrowserInfo(
        java_enabled=False,
        screen_color_depth=24,
        screen_width=1280,
        screen_height=720,
        challenge_window="5",
        language="en",
        user_agent="Mozilla/5.0",
        accept_header="text/html",
    )
    paid = await shop.purchase(order="1042", browser_info=browser, shipping_address=ADDRESS, time_zone="Asia/Tokyo")
    await shop.purchase("insufficient_funds")
    await shop.purchase("pending")
    await shop.purchase("timeout_charged")
    stored = await shop.purchase(store_card=True)
    shop.marks.private.add(stored.stored_payment_method_id)
    await shop.purchase_with_token(stored.stored_payment_method_id)
    waiting = await shop.purchase("challenge")
    forgotten = await shop.purchase("challenge")
    with elsewhere():
        await bank.answer_challenge(waiting.redirect_url)
    held = await shop.authorize()
    await see(gateway.capture(held.ref, Money("400", "JPY"), idempotency_key=shop.key(), notes="half"))
    await see(gateway.capture(held.ref))
    await see(gateway.void((await shop.authorize()).ref))
    await see(gateway.refund(paid.ref, Money("1", "JPY"), idempotency_key=shop.key(), notes="one"))
    page = await shop.hosted_page(store_card=True)
    with elsewhere():
        await bank.pay_hosted_page(page.redirect_url, "approved", cvc=CVC)
    await shop.hosted_page()
    wallet = await see(gateway.hosted_page(Money("1000", "PHP"), idempotency_key=shop.key(), method="gcash"))
    with elsewhere():
        await bank.answer_wallet(wallet.redirect_url)
    plan = await shop.subscribe()
    for change in (gateway.pause_subscription, gateway.resume_subscription, gateway.cancel_subscription):
        await see(change(plan.subscription_id))
    await see(gateway.subscriptions())
    await see(gateway.subscription(plan.subscription_id))
    await see(gateway.check_units(card=shop.card(), billing_address=ADDRESS, customer_ip="203.0.113.7"))
    await shop.settle()
    on_file = await see(gateway.payment(page.ref))
    shop.marks.private.add(on_file.stored_payment_method_id)
    await see(gateway.status(paid.transaction_id))
    await see(gateway.resolve(paid.ref))
    await see(gateway.wait(waiting.ref, timeout=5))
    await see(gateway.wait(forgotten.ref, timeout=0.01))
    await come_back(shop, paid.ref)
    await see(gateway.unresolved())
    await see(gateway.settle(forgotten.ref, "not_happened", by="Jo", note=f"not there; card {PAN}, cvc: {CVC}"))
    await see(gateway.settle_abandoned(older_than=0.001, by=f"Jo {PAN}", note=f"x-api-key: {X_API_KEY}"))
    for one in (paid, held, page, wallet, forgotten):
        await see(gateway.balance(one.ref))
        await see(gateway.history(one.ref))


async def come_back(shop: Shop, ref: str) -> None:
    """A buyer returns: with a good token, a bad one, and to what nobody knows."""
    transaction = next(one for one in shop.bank.books.charges(ref))
    *_, token = transaction.order.urls["success_url"].split("/")
    await shop.see(shop.gateway.returned("success", ref, token))
    await shop.see(shop.gateway.returned("decline", ref, token))
    await shop.see(shop.gateway.returned("elsewhere", ref, token))
    await shop.see(shop.gateway.returned("success", ref, f"{token}0"))


CHARGES: dict[str, Callable[[Shop], Awaitable[Any]]] = {
    "paymentv2": Shop.purchase,
    "payment": Shop.purchase_with_token,
    "authorizationv2": Shop.authorize,
    "authorization": lambda shop: shop.authorize(version=1),
    "link": Shop.hosted_page,
    "subscription_create": Shop.subscribe,
}
FAULTS: list[tuple[str, dict[str, Any]]] = [
    *((fault, {}) for fault in REQUEST_FAULTS if fault not in ("delay", "error", "change", "hang")),
    *(("error", {"status": status}) for status in (400, 401, 403, 404, 429, 500, 503)),
    ("change", {"set": ECHO}),
    ("change", {"set": {**ECHO, "payment_details.amount": 999}}),
    ("change", {"set": {**ECHO, "payment_details.response_code": 94}}),
]


async def all_faults(shop: Shop, faults: list[tuple[str, dict[str, Any]]]) -> None:
    """Whatever can become of a request and its answer, for each endpoint."""
    gateway, bank = shop.gateway, shop.bank
    charge = await shop.purchase()
    held = [await shop.authorize() for _ in faults]
    plan = await shop.subscribe()
    questions: dict[str, Callable[[], Awaitable[Any]]] = {
        "status": lambda: gateway.status(charge.transaction_id),
        "subscription_list": gateway.subscriptions,
        "subscription_show": lambda: gateway.subscription(plan.subscription_id),
        "subscription_pause": lambda: gateway.pause_subscription(plan.subscription_id),
        "subscription_resume": lambda: gateway.resume_subscription(plan.subscription_id),
        "subscription_cancel": lambda: gateway.cancel_subscription(plan.subscription_id),
    }
    for number, (fault, options) in enumerate(faults):
        for endpoint, act in CHARGES.items():
            bank.faults.add(endpoint, fault, **options)
            await act(shop)
            bank.faults.clear()
        ref = held[number].ref
        for endpoint in ("capture", "void", "refund"):
            bank.faults.add(endpoint, fault, **options)
            amount = {} if endpoint == "void" else {"amount": Money("1", "JPY")}
            of = charge.ref if endpoint == "refund" else ref
            await shop.see(getattr(gateway, endpoint)(of, **amount, idempotency_key=shop.key()))
            bank.faults.clear()
        for endpoint, ask in questions.items():
            bank.faults.add(endpoint, fault, **options)
            await shop.see(ask())
            bank.faults.clear()
    await all_patience(shop, questions)
    bank.faults.add("webhook", "change", set=ECHO)
    await shop.settle()
    bank.faults.clear()


async def all_patience(shop: Shop, questions: dict[str, Callable[[], Awaitable[Any]]]) -> None:
    """Nobody answers, until the caller's patience ends or the caller is gone."""
    shop.bank.faults.add("*", "hang")
    for ask in questions.values():
        await shop.see(asyncio.wait_for(ask(), 0.03))
    for charge in (shop.purchase, shop.purchase_with_token, shop.authorize, shop.hosted_page, shop.subscribe):
        await charge(timeout=0.03)
        await shop.see(asyncio.wait_for(charge(timeout=0.1), 0.03))
    shop.bank.faults.clear()


async def all_refusals(shop: Shop) -> None:
    """What this side refuses: keys that stand for something else, rules, and buyers and banks that nobody knows."""
    gateway, see = shop.gateway, shop.see
    key = shop.key()
    paid = await shop.purchase(idempotency_key=key, order="7")
    await shop.purchase("approved_visa", idempotency_key=key)
    await shop.purchase(order="7")
    await shop.purchase(idempotency_key=f"card {PAN}")
    await shop.purchase(order=PAN)
    await shop.purchase_with_token(PAN)
    await shop.purchase(billing_address=None)
    await shop.purchase_with_token(billing_address=None)
    await see(gateway.void(paid.ref))
    await see(gateway.refund(paid.ref, Money("1001", "JPY"), idempotency_key=shop.key()))
    await see(gateway.refund(PAN))
    await see(gateway.payment(PAN))
    for body in (json.dumps({"card": {"number": PAN, "cvc": CVC}}).encode(), f"<cvc>{CVC}</cvc>".encode()):
        url = next(iter(shop.bank.books.charges(paid.ref))).order.urls["webhook_url"]
        await see(shop.receive(url, body))
        await see(shop.receive(url + "x", body))
        await see(shop.receive(url, body * 10_000))
