from __future__ import annotations

from functools import cache

from attrs import define

from ..types import UNSET, Model, Number, Reader, Unset, either, integer, nothing, number, text


@define
class SubscriptionPlan(Model):
    """The plan.

    Attributes:
        name: Name of the plan.
        desc: Description of the plan.
        billing_cycle_type: Unit of the interval.
        billing_cycle_interval: Units between two charges.
        amount: Amount of one charge in major units.
        ccy: ISO 4217 code of the currency.
        trial_period_duration: Units of the trial; empty without one.
        trial_period_duration_type: Unit of the trial.
        plan_discount_percentage: Discount in per cent.
        plan_discount_duration: Cycles with the discount.
    """

    name: str | None | Unset = UNSET
    desc: str | None | Unset = UNSET
    billing_cycle_type: str | None | Unset = UNSET
    billing_cycle_interval: int | None | Unset = UNSET
    amount: Number | None | Unset = UNSET
    ccy: str | None | Unset = UNSET
    trial_period_duration: str | None | Unset = UNSET
    trial_period_duration_type: str | None | Unset = UNSET
    plan_discount_percentage: Number | None | Unset = UNSET
    plan_discount_duration: int | None | Unset = UNSET

    @staticmethod
    @cache
    def _readers() -> dict[str, tuple[str, Reader]]:
        return {
            "name": ("name", either(text, nothing)),
            "desc": ("desc", either(text, nothing)),
            "billing_cycle_type": ("billing_cycle_type", either(text, nothing)),
            "billing_cycle_interval": ("billing_cycle_interval", either(integer, nothing)),
            "amount": ("amount", either(number, nothing)),
            "ccy": ("ccy", either(text, nothing)),
            "trial_period_duration": ("trial_period_duration", either(text, nothing)),
            "trial_period_duration_type": ("trial_period_duration_type", either(text, nothing)),
            "plan_discount_percentage": ("plan_discount_percentage", either(number, nothing)),
            "plan_discount_duration": ("plan_discount_duration", either(integer, nothing)),
        }
