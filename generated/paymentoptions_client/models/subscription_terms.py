from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, boolean, integer, number, text


@define
class SubscriptionTerms(Model):
    """The plan that the card is charged by.

    Attributes:
        plan_name: Name of the plan.
        plan_desc: Description of the plan.
        cycle_type: Unit of the interval.
        subscription_end_type: What ends the subscription.
        cycle_interval: Units between two charges.
        max_cycle_count: Number of charges.
        has_trial_period: Whether a trial comes first.
        trial_period_duration_type: Unit of the trial.
        trial_period_duration: Units of the trial.
        has_discount: Whether the first cycles are cheaper.
        discount_percentage: Discount in per cent.
        discount_duration: Cycles with the discount.
    """

    plan_name: str | Unset = UNSET
    plan_desc: str | Unset = UNSET
    cycle_type: str | Unset = UNSET
    subscription_end_type: str | Unset = UNSET
    cycle_interval: int | Unset = UNSET
    max_cycle_count: int | Unset = UNSET
    has_trial_period: bool | Unset = UNSET
    trial_period_duration_type: str | Unset = UNSET
    trial_period_duration: int | Unset = UNSET
    has_discount: bool | Unset = UNSET
    discount_percentage: Number | Unset = UNSET
    discount_duration: int | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "plan_name": ("plan_name", text),
            "plan_desc": ("plan_desc", text),
            "cycle_type": ("cycle_type", text),
            "subscription_end_type": ("subscription_end_type", text),
            "cycle_interval": ("cycle_interval", integer),
            "max_cycle_count": ("max_cycle_count", integer),
            "has_trial_period": ("has_trial_period", boolean),
            "trial_period_duration_type": ("trial_period_duration_type", text),
            "trial_period_duration": ("trial_period_duration", integer),
            "has_discount": ("has_discount", boolean),
            "discount_percentage": ("discount_percentage", number),
            "discount_duration": ("discount_duration", integer),
        }
