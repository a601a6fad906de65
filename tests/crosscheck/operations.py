"""Every operation of the client, called as a merchant would: one line each to add another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

from paymentoptions_async import (
    Address,
    BrowserInfo,
    Card,
    EnvironmentMismatch,
    GatewayUnavailable,
    Money,
    OutcomeUnknown,
    Payment,
    PaymentOptions,
    PaymentOptionsError,
    PaymentStatus,
    SubscriptionPlan,
    SubscriptionStatus,
)
from paymentoptions_async.sandbox import API_KEY, MERCHANT_ID, X_API_KEY

# What the document's examples name.
TRANSACTION = "ab8444e7-fec0-40dd-994d-0ad813785f74"
SUBSCRIPTION = "3f1f7c9e-3c1d-4e6a-9a43-0a3f1f6f2b10"
TOKEN = "094db781-fabc-4c6d-8fcd-18bee06a527a"

YEN = Money("1000", "JPY")
CARD = Card(number="5200000000001005", cvc="100", expiry_month=12, expiry_year=2039, name="John Doe")
ADDRESS = Address(
    country="JP",
    email="billing@example.com",
    phone_number="8112345678",
    address1="1-2-3 Shinjuku",
    city="Shinjuku-ku",
    state="Tokyo",
    postal_code="1600022",
)


def client(url: str, **settings: Any) -> PaymentOptions:
    """A client of the gateway at a URL on loopback."""
    return PaymentOptions(
        api_key=API_KEY,
        x_api_key=X_API_KEY,
        merchant_id=MERCHANT_ID,
        environment="sandbox",
        sandbox_url=url,
        public_url="http://127.0.0.1:9/pay",
        signing_secrets="a signing secret of the tests",
        **settings,
    )


BROWSER = BrowserInfo(
    accept_header="text/html",
    language="en-GB",
    user_agent="Mozilla/5.0",
    screen_color_depth=24,
    screen_height=1200,
    screen_width=1600,
    challenge_window=4,
    java_enabled=False,
)
PLAN = SubscriptionPlan(
    name="Monthly box",
    description="One box a month",
    cycle_interval=30,
    max_cycles=10,
    trial_duration=14,
    discount_percentage=10,
    discount_cycles=2,
)
PESOS = Money("1000", "PHP")
KEY: Any = {"idempotency_key": "1042:1"}
DETAILS: Any = KEY | {
    "billing_address": ADDRESS,
    "shipping_address": ADDRESS,
    "customer_ip": "203.0.113.7",
    "time_zone": "Asia/Tokyo",
}
WITH_CARD: Any = DETAILS | {"card": CARD, "browser_info": BROWSER}
NOTED: Any = KEY | {"notes": "first part"}
PAGE: Any = DETAILS | {"merchant_email": "shop@example.com"}


Outcome = type[PaymentOptionsError] | PaymentStatus | SubscriptionStatus | tuple[SubscriptionStatus, ...]
"""What a call came to: what it raised, or the status of what it returned."""

# What the examples come to: as they stand, with our merchant in them, and with all that was asked for.
Outcomes = tuple[Outcome, Outcome, Outcome]
CHALLENGED: Outcomes = (PaymentStatus.ACTION_REQUIRED,) * 3
TAKES: Outcomes = (EnvironmentMismatch, OutcomeUnknown, PaymentStatus.APPROVED)
HOLDS: Outcomes = (EnvironmentMismatch, OutcomeUnknown, PaymentStatus.AUTHORIZED)
# Asked for by its transaction, not by a reference; the example is of that very transaction.
NAMED: Outcomes = (EnvironmentMismatch, PaymentStatus.APPROVED, PaymentStatus.APPROVED)
LINKS: Outcomes = (GatewayUnavailable, GatewayUnavailable, PaymentStatus.ACTION_REQUIRED)
# The example's subscription is active: only resuming it finds what was asked for.
ACTIVE: Outcomes = (SubscriptionStatus.ACTIVE,) * 3
LISTED: Outcomes = ((SubscriptionStatus.ACTIVE,),) * 3
PAUSED: Outcomes = (GatewayUnavailable, GatewayUnavailable, SubscriptionStatus.PAUSED)
CANCELLED: Outcomes = (GatewayUnavailable, GatewayUnavailable, SubscriptionStatus.CANCELLED)


@dataclass(frozen=True)
class Operation:
    """One call, and what the document's examples come to.

    ``document_id`` names it in the document, ``kind`` is what the gateway calls its transaction. ``example`` is what
    comes of the example as it stands, ``ours`` of the one with our merchant in it, ``echoed`` of one that repeats all
    that was asked for.
    """

    name: str
    document_id: str
    kind: str | None
    call: Callable[[PaymentOptions], Awaitable[Any]]
    example: Outcome
    ours: Outcome
    echoed: Outcome

    @property
    def moves_money(self) -> bool:
        """Whether a lost answer leaves open if money moved."""
        return self.kind is not None and self.name != "status"


OPERATIONS = (
    Operation("purchase", "processPaymentV2", "CAPTURE", lambda g: g.purchase(YEN, **WITH_CARD), *CHALLENGED),
    Operation("purchase v1", "processPayment", "CAPTURE", lambda g: g.purchase(YEN, version=1, **WITH_CARD), *TAKES),
    Operation(
        "store card", "processPayment", "CAPTURE", lambda g: g.purchase(YEN, store_card=True, **WITH_CARD), *TAKES
    ),
    Operation(
        "use token", "processPayment", "CAPTURE", lambda g: g.purchase_with_token(YEN, token=TOKEN, **DETAILS), *TAKES
    ),
    Operation("authorize", "authorizePaymentV2", "PRE_AUTH", lambda g: g.authorize(YEN, **WITH_CARD), *CHALLENGED),
    Operation(
        "authorize v1", "authorizePayment", "PRE_AUTH", lambda g: g.authorize(YEN, version=1, **WITH_CARD), *HOLDS
    ),
    Operation("capture", "captureAuthorization", "CAPTURE", lambda g: g.capture(TRANSACTION, YEN, **NOTED), *NAMED),
    Operation("void", "voidAuthorization", "VOID", lambda g: g.void(TRANSACTION, **KEY), *TAKES),
    Operation("refund", "refundPayment", "REFUND", lambda g: g.refund(TRANSACTION, YEN, **NOTED), *TAKES),
    Operation("status", "getTransactionStatus", "CAPTURE", lambda g: g.status(TRANSACTION), *NAMED),
    Operation("hosted page", "generateLink", None, lambda g: g.hosted_page(YEN, store_card=True, **PAGE), *LINKS),
    Operation("open hosted page", "generateLink", None, lambda g: g.hosted_page(currency="JPY", **PAGE), *LINKS),
    Operation("wallet", "generateLink", None, lambda g: g.hosted_page(PESOS, method="gcash", **DETAILS), *LINKS),
    Operation("subscribe", "createSubscription", "CAPTURE", lambda g: g.subscribe(YEN, plan=PLAN, **WITH_CARD), *TAKES),
    Operation("subscriptions", "listSubscriptions", None, lambda g: g.subscriptions(), *LISTED),
    Operation("subscription", "getSubscription", None, lambda g: g.subscription(SUBSCRIPTION), *ACTIVE),
    Operation("pause subscription", "pauseSubscription", None, lambda g: g.pause_subscription(SUBSCRIPTION), *PAUSED),
    Operation(
        "resume subscription", "resumeSubscription", None, lambda g: g.resume_subscription(SUBSCRIPTION), *ACTIVE
    ),
    Operation(
        "cancel subscription", "cancelSubscription", None, lambda g: g.cancel_subscription(SUBSCRIPTION), *CANCELLED
    ),
)


async def outcome_of(call: Awaitable[Any]) -> tuple[Outcome, Payment | None]:
    """Wait for a call; return what it came to, and the payment that it returned or raised. Anything else is raised."""
    try:
        result = await call
    except PaymentOptionsError as error:
        return type(error), error.payment
    if isinstance(result, tuple):
        return tuple(one.status for one in result), None
    assert isinstance(result.status, PaymentStatus | SubscriptionStatus)
    return result.status, result if isinstance(result, Payment) else None


def put_merchant(answer: Any, _: Any) -> None:
    """Put our merchant into an example."""
    for place, name in ((answer.get("merchant_details"), "mid"), (answer, "merchant_id")):
        if isinstance(place, dict) and name in place:
            place[name] = MERCHANT_ID


def put_all(operation: Operation, answer: Any, asked: Any) -> None:
    """Put into an example what was asked for: merchant, reference, amount, kind of transaction, or status."""
    put_merchant(answer, asked)
    asked = asked or {}
    reference = asked.get("merchant_txn_ref")
    if "payment_details" in answer:
        answer["transaction_type"] = operation.kind
        answer["merchant_details"]["merchant_txn_ref"] = reference
        answer["transaction_details"]["merchant_txn_ref"] = reference
        answer["payment_details"]["amount"] = int(Decimal(asked.get("amount", "1000")))
    elif "merchant_txn_ref" in answer:
        answer |= {"merchant_txn_ref": reference, "currency": asked["currency"]}
    elif isinstance(operation.echoed, SubscriptionStatus):
        answer["subscription_details"]["status"] = operation.echoed.name


class NoJitter(Random):
    """Questions that are asked again need not wait here."""

    def uniform(self, a: float, b: float) -> float:
        """Return the least."""
        return min(a, b)
