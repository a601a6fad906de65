"""Bad input of every kind: a clear error, before anything is sent, naming the field, the rule, and its source."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest

from paymentoptions_async import (
    Address,
    BrowserInfo,
    Card,
    ConfigurationError,
    InvalidValue,
    Money,
    NotAllowed,
    PaymentOptions,
    ReturnUrls,
    SubscriptionPlan,
)
from paymentoptions_async.sandbox import API_KEY, MERCHANT_ID, X_API_KEY
from tests.facade.conftest import ADDRESS, client

CARD: dict[str, Any] = {
    "number": "5200000000001005",
    "cvc": "100",
    "expiry_month": 12,
    "expiry_year": 2029,
    "name": "John Doe",
}
PAN = "5200000000001005"
ANY_FLOAT: Any = 10.5
UUID = "fc565b43-26f5-4906-92ae-d849edc3c3a1"

VALUES = [
    (lambda: Money(ANY_FLOAT, "USD"), "floats are not exact"),
    (lambda: Money("10.505", "USD"), "USD has 2 decimals (ISO 4217)"),
    (lambda: Money("1.5", "JPY"), "JPY has no decimals (ISO 4217)"),
    (lambda: Money("-1", "USD"), "amount: a str needs digits"),
    (lambda: Money(Decimal("NaN"), "USD"), "amount: is NaN"),
    (lambda: Money("12345678901", "JPY"), "the gateway takes at most 10 (vendor's manual of 2023)"),
    (lambda: Money("1", "usd"), "write 'USD', in capitals (ISO 4217)"),
    (lambda: Money("1", "XAU"), "none of ISO 4217's currencies that have minor units"),
    (lambda: Card(**CARD | {"number": "5200000000001006"}), "card.number: "),
    (lambda: Card(**CARD | {"number": "52000000000010051"}), "17 digits; the gateway takes at most 16"),
    (lambda: Card(**CARD | {"number": "520000000000100x"}), "card.number: needs digits"),
    (lambda: Card(**CARD | {"cvc": "12"}), "card.cvc: needs 3 digits"),
    (lambda: Card(**CARD | {"expiry_month": 13}), "card.expiry_month: needs 1 to 12"),
    (lambda: Card(**CARD | {"expiry_year": 129}), "card.expiry_year: needs two or four digits"),
    (lambda: Card(**CARD | {"name": "x" * 256}), "256 characters; the gateway takes at most 255"),
    (lambda: Card(**CARD | {"name": PAN}), "card.name: reads as a card number"),
    (lambda: Address(country="JPN"), "country"),
    (lambda: Address(country="JP", email="x" * 50 + "@example.com"), "the gateway takes at most 45"),
    (lambda: Address(country="JP", city="a\nb"), "control characters"),
    (lambda: BrowserInfo(screen_width=123456), "screen"),
    (lambda: ReturnUrls(webhook_url="http://shop.example/", success_url="x", decline_url="x"), "https"),
    (lambda: SubscriptionPlan(name="Box", cycle_interval=0, max_cycles=1), "plan.cycle_interval"),
]

PURCHASES = [
    ({"amount": "1000"}, InvalidValue, "amount: needs a Money, got str"),
    ({"amount": Money("0", "JPY")}, InvalidValue, "amount: needs to be above zero"),
    ({"card": PAN}, InvalidValue, "card: needs a Card, got str"),
    ({"customer_ip": "nowhere"}, InvalidValue, "customer_ip: is no IPv4 or IPv6 address"),
    ({"time_zone": "JST+9:00"}, InvalidValue, "time_zone: needs an IANA name"),
    ({"idempotency_key": ""}, InvalidValue, "idempotency_key: 0 characters"),
    ({"idempotency_key": PAN}, InvalidValue, "idempotency_key: reads as a card number"),
    ({"supersedes": "PO1"}, InvalidValue, "supersedes: needs order="),
    ({"timeout": None}, InvalidValue, "no call waits without end"),
    ({"version": 3}, InvalidValue, "version: 3; the gateway has 1 and 2"),
    (
        {"return_urls": ReturnUrls("https://a.example/", "https://a.example/", "https://a.example/")},
        ConfigurationError,
        "needs {ref} and {token}",
    ),
    ({"order": "1042", "supersedes": "PO1"}, NotAllowed, "no attempt of order '1042' has this reference"),
]

OTHERS = [
    ("status", ("../void",), {}, InvalidValue, "transaction_id: needs a UUID"),
    ("payment", ("PONONE",), {}, InvalidValue, "the journal has no payment 'PONONE'"),
    ("capture", ("PONONE",), {}, InvalidValue, "payment: needs a reference that the journal knows, or a UUID"),
    ("refund", (UUID,), {}, InvalidValue, "amount: needed, because the journal does not know the payment"),
    ("refund", (UUID, Money("1", "JPY")), {}, InvalidValue, "idempotency_key: needed where an amount is given"),
    (
        "refund",
        (UUID, Money("1", "JPY")),
        {"idempotency_key": "1", "notes": "x" * 120},
        InvalidValue,
        "notes: 155 characters; the gateway takes at most 128",
    ),
    ("subscription", ("a/../b",), {}, InvalidValue, "subscription_id: needs the id that the gateway gave"),
    ("hosted_page", (), {"idempotency_key": "1", "method": "gcash"}, InvalidValue, "currency: needed where the buyer"),
    ("hosted_page", (Money("1", "JPY"),), {"idempotency_key": "1"}, InvalidValue, "merchant_email and billing_address"),
    (
        "hosted_page",
        (Money("1", "JPY"),),
        {"idempotency_key": "1", "method": "no such/"},
        InvalidValue,
        "method: needs a type as the vendor spells it",
    ),
    (
        "purchase_with_token",
        (Money("1", "JPY"),),
        {"token": "x", "billing_address": ADDRESS, "idempotency_key": "1"},
        InvalidValue,
        "token: needs the UUID",
    ),
]


def nothing_may_be_sent(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.method} {request.url.path} was sent")


@pytest.fixture
async def gateway():
    async with client("http://127.0.0.1", transport=httpx.MockTransport(nothing_may_be_sent)) as gateway:
        yield gateway


@pytest.mark.parametrize(("make", "says"), VALUES, ids=[says for _, says in VALUES])
def test_values_refuse_what_breaks_a_rule(make, says):
    with pytest.raises(InvalidValue) as error:
        make()
    assert says in str(error.value)
    assert PAN not in str(error.value)


@pytest.mark.parametrize(("changed", "kind", "says"), PURCHASES, ids=[says for _, _, says in PURCHASES])
async def test_a_purchase_with_bad_input_sends_nothing(gateway, changed, kind, says):
    asked: dict[str, Any] = {
        "amount": Money("1000", "JPY"),
        "card": Card(**CARD),
        "billing_address": ADDRESS,
        "customer_ip": "203.0.113.7",
        "idempotency_key": "1",
    }
    with pytest.raises(kind) as error:
        await gateway.purchase(**asked | changed)
    assert says in str(error.value)
    assert PAN not in str(error.value)


@pytest.mark.parametrize("other", OTHERS, ids=[f"{o[0]} {o[4]}" for o in OTHERS])
async def test_other_calls_with_bad_input_send_nothing(gateway, other):
    method, given, named, kind, says = other
    with pytest.raises(kind) as error:
        await getattr(gateway, method)(*given, **named)
    assert says in str(error.value)


async def test_an_expired_card_is_refused_in_the_live_environment_alone(gateway):
    class Durable:
        durable = True

    durable: Any = Durable()  # only its promise is looked at
    live = PaymentOptions(
        api_key=API_KEY,
        x_api_key=X_API_KEY,
        merchant_id=MERCHANT_ID,
        environment="live",
        journal=durable,
        transport=httpx.MockTransport(nothing_may_be_sent),
    )
    with pytest.raises(InvalidValue, match="last month is over"):
        await live.purchase(
            Money("1000", "JPY"),
            card=Card(**CARD | {"expiry_year": 2020}),
            billing_address=ADDRESS,
            customer_ip="203.0.113.7",
            idempotency_key="1",
        )
