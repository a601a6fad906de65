"""A stateful stand-in for the PaymentOptions gateway, on loopback only.

It is written from the vendor's documents alone and shares no code with the client, so the two can't share a mistake.
"""

from .books import Books, Challenge, Transaction
from .cards import CARDS, OUTCOMES, Outcome, TestCard
from .clock import Clock
from .faults import FaultPlan, PlanError, Rule
from .sandbox import Sandbox
from .server import NotLoopback, serve, serve_in_thread
from .settings import API_KEY, MERCHANT_ID, X_API_KEY, Settings
from .webhooks import Attempt, Delivery, is_loopback, to_asgi

__all__ = [
    "API_KEY",
    "CARDS",
    "MERCHANT_ID",
    "OUTCOMES",
    "X_API_KEY",
    "Attempt",
    "Books",
    "Challenge",
    "Clock",
    "Delivery",
    "FaultPlan",
    "NotLoopback",
    "Outcome",
    "PlanError",
    "Rule",
    "Sandbox",
    "Settings",
    "TestCard",
    "Transaction",
    "is_loopback",
    "serve",
    "serve_in_thread",
    "to_asgi",
]
