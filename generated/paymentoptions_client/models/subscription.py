from __future__ import annotations

import datetime
from functools import cache
from typing import TYPE_CHECKING

from attrs import define

from ..types import UNSET, Model, Reader, Unset, date_time, either, integer, list_of, nothing, text

if TYPE_CHECKING:
    from ..models.subscription_plan import SubscriptionPlan
    from ..models.subscription_transaction import SubscriptionTransaction


@define
class Subscription(Model):
    """A subscription.

    Attributes:
        id: Subscription id.
        type_: What ends the subscription.
        max_cycle_count: Number of charges.
        status: State of the subscription.
        completed_payment_cycle: Charges made so far.
        last_payment_status: Outcome of the latest charge.
        next_payment_date: When the next charge is due.
        next_payment_cycle: Number of the next charge.
        subscription_plan_details: The plan.
        subscription_transaction_details: The charges made so far.
    """

    id: str | None | Unset = UNSET
    type_: str | None | Unset = UNSET
    max_cycle_count: int | None | Unset = UNSET
    status: str | None | Unset = UNSET
    completed_payment_cycle: int | None | Unset = UNSET
    last_payment_status: str | None | Unset = UNSET
    next_payment_date: datetime.datetime | None | Unset = UNSET
    next_payment_cycle: int | None | Unset = UNSET
    subscription_plan_details: SubscriptionPlan | None | Unset = UNSET
    subscription_transaction_details: list[SubscriptionTransaction] | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        from ..models.subscription_plan import SubscriptionPlan
        from ..models.subscription_transaction import SubscriptionTransaction

        return {
            "id": ("id", either(text, nothing)),
            "type_": ("type", either(text, nothing)),
            "max_cycle_count": ("max_cycle_count", either(integer, nothing)),
            "status": ("status", either(text, nothing)),
            "completed_payment_cycle": ("completed_payment_cycle", either(integer, nothing)),
            "last_payment_status": ("last_payment_status", either(text, nothing)),
            "next_payment_date": ("next_payment_date", either(date_time, nothing)),
            "next_payment_cycle": ("next_payment_cycle", either(integer, nothing)),
            "subscription_plan_details": ("subscription_plan_details", either(SubscriptionPlan.from_dict, nothing)),
            "subscription_transaction_details": (
                "subscription_transaction_details",
                either(list_of(SubscriptionTransaction.from_dict), nothing),
            ),
        }
