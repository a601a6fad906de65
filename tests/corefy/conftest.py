from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from paymentoptions_async import BrowserInfo, Card, Money, OutcomeUnknown, Payment
from paymentoptions_async.corefy import Corefy, Customer
from paymentoptions_async.errors import PaymentOptionsError
from paymentoptions_async.sandbox import (
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    COREFY_CARDS,
    COREFY_TEST_SECRET,
    CorefySettings,
    Sandbox,
    Settings,
    serve,
)
from paymentoptions_async.sandbox.corefy.books import Invoice

PUBLIC_URL = "http://127.0.0.1:9/pay"
SIGNING_SECRET = "a signing secret of the tests"
NUMBERS = {card.name: card.number for card in COREFY_CARDS}
BUYER = Customer(reference_id="customer-1", name="John Doe", email="buyer@example.com")
BROWSER = BrowserInfo(accept_header="text/html", language="en", user_agent="Mozilla/5.0", java_enabled=False)
TEN = Money("10.00", "USD")


def client(url: str, **more: Any) -> Corefy:
    return Corefy(
        account_id=COREFY_ACCOUNT_ID,
        api_key=COREFY_API_KEY,
        **{
            "private_url": f"{url}/corefy/api",
            "cardgate_url": f"{url}/corefy/cardgate",
            "test_mode": True,
            "callback_secrets": COREFY_TEST_SECRET,
            "public_url": PUBLIC_URL,
            "signing_secrets": SIGNING_SECRET,
            "random": Random(1),
            **more,
        },
    )


def card(name: str = "processed", expiry: tuple[int, int] = (10, 2031)) -> Card:
    month, year = expiry
    return Card(number=NUMBERS[name], cvc="123", expiry_month=month, expiry_year=year, name="John Doe")


@dataclass
class Merchant:
    """A client bound to a sandbox, and the bank's own view of it."""

    corefy: Corefy
    bank: Sandbox
    url: str
    told: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)

    async def sale(self, name: str = "processed", amount: Money = TEN, key: str = "1:1", **more: Any) -> Payment:
        expiry = more.pop("expiry", (10, 2031))
        corefy = more.pop("corefy", self.corefy)
        paid: Payment = await corefy.sale(
            amount,
            card=card(name, expiry),
            idempotency_key=key,
            browser_info=BROWSER,
            customer_ip="203.0.113.7",
            **{"customer": BUYER, **more},
        )
        return paid

    async def token(self) -> str:
        """The token of a card that the bank has put on file."""
        paid = await self.sale(tokenize=True, key="to tokenise")
        assert paid.stored_payment_method_id is not None
        return paid.stored_payment_method_id

    async def write_off(self, token: str, amount: Money = TEN, key: str = "2:1", **more: Any) -> Payment:
        return await self.corefy.write_off(amount, token=token, customer=BUYER, idempotency_key=key, **more)

    async def settle(self) -> None:
        """Deliver what the bank has to say, and let the inbox confirm it."""
        await self.bank.flush()
        await self.corefy.drain()

    def invoice(self, payment: Payment | str) -> Invoice:
        ref = payment if isinstance(payment, str) else payment.ref
        found = self.bank.corefy.books.by_reference(ref)
        assert found is not None
        return found

    async def pay_page(self, payment: Payment, name: str = "processed") -> None:
        """Do as a buyer does on the gateway's page."""
        assert payment.redirect_url is not None
        await self.bank.corefy.pay_page(payment.redirect_url, name)

    def charged(self) -> Decimal:
        return self.bank.corefy.books.total_charged()

    def requests(self, name: str) -> int:
        return sum(line.endpoint == name for line in self.bank.requests)


async def outcome(call: Awaitable[Payment | PaymentOptionsError]) -> Payment | PaymentOptionsError:
    """What a call comes to, returned or raised."""
    try:
        return await call
    except PaymentOptionsError as error:
        return error


async def of(call: Awaitable[Payment | PaymentOptionsError]) -> Payment:
    """The payment that a call returns, or whose outcome it says is unknown."""
    answer = await outcome(call)
    if not isinstance(answer, OutcomeUnknown):
        assert isinstance(answer, Payment), answer
        return answer
    assert answer.payment is not None
    return answer.payment


MakeMerchant = Callable[..., Any]


@pytest.fixture
async def open_merchant() -> AsyncIterator[MakeMerchant]:
    """Make a merchant: in process, or over HTTP; with settings of the sandbox's Corefy, and of the client."""
    async with AsyncExitStack() as stack:

        async def make(*, over_http: bool = False, settings: dict[str, Any] | None = None, **more: Any) -> Merchant:
            async def deliver(url: str, body: bytes, headers: Mapping[str, str]) -> int:
                made.told.append((url, body, headers))
                ref, token = url.removeprefix(f"{PUBLIC_URL}/webhook/").split("/")
                await made.corefy.webhooks.receive(ref, token, headers=headers, body=body)
                return 200

            bank = Sandbox(settings=Settings(corefy=CorefySettings(**settings or {})), deliver_callback=deliver)
            if over_http:
                url = await stack.enter_async_context(serve(bank))
            else:
                url = "http://127.0.0.1:8480"
                more.setdefault("transport", bank.transport())
            made = Merchant(client(url, **more), bank, url)
            await stack.enter_async_context(made.corefy)
            return made

        yield make


@pytest.fixture(params=["in process", "over HTTP"])
async def merchant(request: pytest.FixtureRequest, open_merchant: MakeMerchant) -> Merchant:
    """The same tests through the adapter for httpx transports, and through the default wire over real HTTP."""
    made: Merchant = await open_merchant(over_http=request.param == "over HTTP")
    return made


@pytest.fixture
async def nearby(open_merchant: MakeMerchant) -> Merchant:
    """In process alone, where the network makes no difference."""
    made: Merchant = await open_merchant()
    return made


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exchanges end with their callers, and retries come at once."""
    monkeypatch.setattr("paymentoptions_async.policy.EXCHANGE_FLOOR", 0.5)
    monkeypatch.setattr("paymentoptions_async.policy.GET_TIMEOUT", 0.5)
    monkeypatch.setattr("paymentoptions_async.policy.delay_before", lambda *_: 0.0)
    monkeypatch.setattr("paymentoptions_async.corefy.errands.LEAST_FOR_SALE", 0.1)


def invoice_document(ref: str, **attributes: Any) -> dict[str, Any]:
    """An invoice as the gateway writes one (seed 003), and what newer samples add."""
    return {
        "data": {
            "type": "payment-invoices",
            "id": attributes.pop("id", "cpi_ADzwZTG99f3q3utQ"),
            "attributes": {
                "status": "process_pending",
                "resolution": "ok",
                "moderation_required": False,
                "amount": 10,
                "currency": "USD",
                "reference_id": ref,
                "test_mode": True,
                "processed_amount": None,
                "refunded_amount": None,
                "metadata": [],
                "flow_data": {
                    "action": "https://cardgate.example.io/hpp/cgi_ZzhRb7xLro7cIf0N",
                    "method": "GET",
                    "params": [],
                    "metadata": {"sid": "cgi_ZzhRb7xLro7cIf0N", "token": "eyJ0eXAi.eyJzaWQi.c2ln"},
                },
                "created": 1585175055,
                "updated": 1585175056,
                "payload": None,
                **attributes,
            },
        }
    }


def encoded(document: Any) -> bytes:
    return json.dumps(document).replace("/", "\\/").encode()
