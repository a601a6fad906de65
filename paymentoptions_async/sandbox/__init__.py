"""A stateful stand-in for the PaymentOptions gateway, on loopback only.

It is written from the vendor's documents alone and shares no code with the client, so the two can't share a mistake.

    async with serve(Sandbox()) as url: ...                     # over HTTP; webhooks go out by themselves
    httpx.AsyncClient(transport=Sandbox().transport(), base_url="http://127.0.0.1")     # in this process

`sandbox.books` is what the bank saw, `sandbox.operations.balance` what is left of a payment, `sandbox.subscriptions`
what will be charged, `sandbox.faults` what goes wrong, and `sandbox.advance` moves its clock.
`sandbox.corefy` is the second gateway on the same server; see `corefy`.
"""

from .books import Books, Challenge, Transaction
from .cards import CARDS, OUTCOMES, Outcome, TestCard
from .catalogue import Catalogue, CorefyCatalogue, Plan
from .clock import Clock
from .corefy.cards import COREFY_CARDS, CorefyCard
from .corefy.corefy import Corefy
from .corefy.settings import (
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    COREFY_LIVE_SECRET,
    COREFY_TEST_SECRET,
    CorefySettings,
)
from .faults import FaultPlan, PlanError, Rule
from .operations import Balance
from .risk import RISK_RULES, RiskRule
from .sandbox import Sandbox
from .server import NotLoopback, serve, serve_in_thread
from .settings import API_KEY, MERCHANT_ID, X_API_KEY, Settings
from .traffic import Traffic
from .webhooks import Attempt, Delivery, is_loopback, to_asgi

__all__ = [
    "API_KEY",
    "CARDS",
    "COREFY_ACCOUNT_ID",
    "COREFY_API_KEY",
    "COREFY_CARDS",
    "COREFY_LIVE_SECRET",
    "COREFY_TEST_SECRET",
    "MERCHANT_ID",
    "OUTCOMES",
    "RISK_RULES",
    "X_API_KEY",
    "Attempt",
    "Balance",
    "Books",
    "Catalogue",
    "Challenge",
    "Clock",
    "Corefy",
    "CorefyCard",
    "CorefyCatalogue",
    "CorefySettings",
    "Delivery",
    "FaultPlan",
    "NotLoopback",
    "Outcome",
    "Plan",
    "PlanError",
    "RiskRule",
    "Rule",
    "Sandbox",
    "Settings",
    "TestCard",
    "Traffic",
    "Transaction",
    "is_loopback",
    "serve",
    "serve_in_thread",
    "to_asgi",
]
