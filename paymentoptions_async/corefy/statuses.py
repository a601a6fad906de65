"""What an invoice's status means, in one place. Statuses and resolutions are open sets. Pure.

Source: Corefy's status lists; where they contradict each other (``partially_processed``, ``terminated``) the safer
meaning is taken. That refunds and charge-backs follow a success is the vendor's; that they leave the sale a success is
ours: a `Balance` tells what was given back.
"""

from __future__ import annotations

from types import MappingProxyType

from paymentoptions_async.payment import PaymentStatus

_NOT_YET = ("created", "processing", "process_pending", "process_error")
_AFTER_SUCCESS = (
    "refunding",
    "refund_pending",
    "refund_error",
    "refund_failed",
    "partially_refunded",
    "refunded",
    "charged_back",
    "partially_charged_back",
)

STATUSES = MappingProxyType(
    {
        **dict.fromkeys(_NOT_YET, PaymentStatus.PENDING),
        "processed": PaymentStatus.APPROVED,
        "partially_processed": PaymentStatus.PARTIALLY_APPROVED,
        **dict.fromkeys(_AFTER_SUCCESS, PaymentStatus.APPROVED),
        "process_failed": PaymentStatus.DECLINED,
        "expired": PaymentStatus.EXPIRED,
        "terminated": PaymentStatus.CANCELLED,
        "rejected": PaymentStatus.CANCELLED,
    }
)
"""The invoice's status -> ours. Whatever is not in it is UNKNOWN; the ``verify`` flow, which takes no money, is not."""

REFUND_STATUSES = MappingProxyType(
    {
        "processed": PaymentStatus.APPROVED,
        "process_failed": PaymentStatus.DECLINED,
        **dict.fromkeys(("created", "processing", "process_pending", "process_error"), PaymentStatus.PENDING),
    }
)
"""A refund's status -> ours. The vendor's list is not at hand: ``processed`` is documented, the others are inferred."""

_HOPEFUL = frozenset(
    {
        "auth_fatal_error",
        "client_auth_failed",
        "error",
        "insufficient_funds",
        "invalid_3ds_code",
        "invalid_cvv",
        "invalid_otp",
        "limit_violation",
        "provider_error",
    }
)


def new_attempt_may_help(resolution: str) -> bool:
    """Tell whether the same card may be tried again later, as a new attempt (inferred from the resolutions' names)."""
    return resolution in _HOPEFUL
