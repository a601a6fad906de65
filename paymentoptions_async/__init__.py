"""Async client for the PaymentOptions card gateway that does not charge twice.

Names are loaded when first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; importing typing costs more than all the rest of this file
if TYPE_CHECKING:
    from typing import Any

    from paymentoptions_async.balance import Balance
    from paymentoptions_async.client import PaymentOptions
    from paymentoptions_async.errors import (
        AuthenticationFailed,
        ConfigurationError,
        Contradiction,
        EnvironmentMismatch,
        GatewayUnavailable,
        IdempotencyConflict,
        InvalidRequest,
        InvalidValue,
        JournalUnavailable,
        MayBeCalledAgain,
        NotAllowed,
        NotApproved,
        NotFinal,
        NotSent,
        OutcomeUnknown,
        PaymentOptionsError,
        RateLimited,
        WebhookRejected,
    )
    from paymentoptions_async.evidence import Evidence, Left, Stage
    from paymentoptions_async.intent import Entry, PaymentEvent
    from paymentoptions_async.journal import Journal, MemoryJournal
    from paymentoptions_async.payment import Decline, Operation, Payment, PaymentStatus, Progress, Source
    from paymentoptions_async.resolving import Round
    from paymentoptions_async.settings import Environment
    from paymentoptions_async.settlement import Verdict
    from paymentoptions_async.subscription import Subscription, SubscriptionCharge, SubscriptionStatus
    from paymentoptions_async.values import (
        Address,
        BrowserInfo,
        Card,
        MaskedCard,
        Money,
        ReturnUrls,
        SubscriptionPlan,
    )

__version__ = "0.1.0"

_HOMES = {
    "balance": ("Balance",),
    "client": ("PaymentOptions",),
    "errors": (
        "AuthenticationFailed",
        "ConfigurationError",
        "Contradiction",
        "EnvironmentMismatch",
        "GatewayUnavailable",
        "IdempotencyConflict",
        "InvalidRequest",
        "InvalidValue",
        "JournalUnavailable",
        "MayBeCalledAgain",
        "NotAllowed",
        "NotApproved",
        "NotFinal",
        "NotSent",
        "OutcomeUnknown",
        "PaymentOptionsError",
        "RateLimited",
        "WebhookRejected",
    ),
    "evidence": ("Evidence", "Left", "Stage"),
    "intent": ("Entry", "PaymentEvent"),
    "journal": ("Journal", "MemoryJournal"),
    "payment": ("Decline", "Operation", "Payment", "PaymentStatus", "Progress", "Source"),
    "resolving": ("Round",),
    "settings": ("Environment",),
    "settlement": ("Verdict",),
    "subscription": ("Subscription", "SubscriptionCharge", "SubscriptionStatus"),
    "values": ("Address", "BrowserInfo", "Card", "MaskedCard", "Money", "ReturnUrls", "SubscriptionPlan"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Address",
    "AuthenticationFailed",
    "Balance",
    "BrowserInfo",
    "Card",
    "ConfigurationError",
    "Contradiction",
    "Decline",
    "Entry",
    "Environment",
    "EnvironmentMismatch",
    "Evidence",
    "GatewayUnavailable",
    "IdempotencyConflict",
    "InvalidRequest",
    "InvalidValue",
    "Journal",
    "JournalUnavailable",
    "Left",
    "MaskedCard",
    "MayBeCalledAgain",
    "MemoryJournal",
    "Money",
    "NotAllowed",
    "NotApproved",
    "NotFinal",
    "NotSent",
    "Operation",
    "OutcomeUnknown",
    "Payment",
    "PaymentEvent",
    "PaymentOptions",
    "PaymentOptionsError",
    "PaymentStatus",
    "Progress",
    "RateLimited",
    "ReturnUrls",
    "Round",
    "Source",
    "Stage",
    "Subscription",
    "SubscriptionCharge",
    "SubscriptionPlan",
    "SubscriptionStatus",
    "Verdict",
    "WebhookRejected",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
