"""The plan of a subscription: its terms read and checked together, what each cycle costs, and when it is due.

The vendor shows one sample: cycles in DAYS, ending after a number of CYCLEs, with trial and discount. That weeks,
months and years are called WEEKS, MONTHS and YEARS is inferred, as are all limits here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dateutil.relativedelta import relativedelta

from .books import decimals_of
from .endpoint import Refused

UNITS = ("DAYS", "WEEKS", "MONTHS", "YEARS")
WHOLE = 100  # per cent
SMALLEST_DISCOUNT = Decimal("0.0001")
MAX_CYCLES = 1000
MAX_DAYS = 36_600  # a hundred years, so that every date of a plan exists
_DAYS = {"DAYS": 1, "WEEKS": 7, "MONTHS": 31, "YEARS": 366}


@dataclass(frozen=True)
class Plan:
    """What a card is charged, in major units, and when. Without trial or discount their durations are 0."""

    name: str
    description: str
    amount: Decimal
    currency: str
    unit: str
    interval: int
    cycles: int
    trial_unit: str
    trial: int
    discount_percentage: Decimal
    discounted_cycles: int

    def price(self, cycle: int) -> Decimal:
        """Return what a cycle (1 is the first) costs, rounded to the currency's decimals."""
        if cycle > self.discounted_cycles:
            return self.amount
        smallest = Decimal(1).scaleb(-(decimals_of(self.currency) or 0))
        return (self.amount * (WHOLE - self.discount_percentage) / WHOLE).quantize(smallest, rounding=ROUND_HALF_UP)

    def first_date(self, start: datetime) -> datetime:
        """Return when a subscription made at `start` is charged first."""
        return start + _span(self.trial_unit, self.trial) if self.trial else start

    def date(self, first: datetime, number: int) -> datetime:
        """Return the date `number` (0 is the first) of the schedule; months are counted from the first date."""
        return first + _span(self.unit, self.interval * number)


def read(terms: Mapping[str, Any], amount: Decimal, currency: str) -> Plan:
    """Return the plan of a request's `subscription` object; Refused, with all that is wrong, if it makes no sense."""
    wrong = [*_cycle_faults(terms), *_trial_faults(terms), *_discount_faults(terms)]
    if wrong:
        raise Refused(400, "; ".join(f"subscription.{fault}" for fault in wrong), "BAD_REQUEST")
    on_trial, discounted = terms.get("has_trial_period") is True, terms.get("has_discount") is True
    plan = Plan(
        name=terms["plan_name"],
        description=terms.get("plan_desc", ""),
        amount=amount,
        currency=currency,
        unit=terms["cycle_type"],
        interval=terms["cycle_interval"],
        cycles=terms["max_cycle_count"],
        trial_unit=terms["trial_period_duration_type"] if on_trial else "NONE",
        trial=terms["trial_period_duration"] if on_trial else 0,
        discount_percentage=Decimal(terms["discount_percentage"]).normalize() if discounted else Decimal(0),
        discounted_cycles=terms["discount_duration"] if discounted else 0,
    )
    if plan.price(1) <= 0:
        raise Refused(400, "subscription.discount_percentage leaves nothing to charge", "BAD_REQUEST")
    return plan


def _cycle_faults(terms: Mapping[str, Any]) -> list[str]:
    faults = []
    if not terms.get("plan_name"):
        faults.append("plan_name is missing")
    if terms.get("cycle_type") not in UNITS:
        faults.append(f"cycle_type must be one of {', '.join(UNITS)}")
    if terms.get("subscription_end_type") != "CYCLE":
        faults.append("subscription_end_type must be CYCLE, the only one documented")
    cycles: Any = terms.get("max_cycle_count")
    interval: Any = terms.get("cycle_interval")
    if not _between(interval, MAX_DAYS):
        faults.append("cycle_interval must be 1 or more")
    if not _between(cycles, MAX_CYCLES):
        faults.append(f"max_cycle_count must lie between 1 and {MAX_CYCLES}")
    if not faults and interval * cycles * _DAYS[terms["cycle_type"]] > MAX_DAYS:
        faults.append("max_cycle_count cycles last longer than a hundred years")
    return faults


def _trial_faults(terms: Mapping[str, Any]) -> list[str]:
    if terms.get("has_trial_period") is not True:
        return []
    faults = []
    if terms.get("trial_period_duration_type") not in UNITS:
        faults.append(f"trial_period_duration_type must be one of {', '.join(UNITS)} with has_trial_period")
    days = _DAYS.get(terms.get("trial_period_duration_type", ""), 1)
    if not _between(terms.get("trial_period_duration"), MAX_DAYS // days):
        faults.append(f"trial_period_duration must lie between 1 and {MAX_DAYS // days} with has_trial_period")
    return faults


def _discount_faults(terms: Mapping[str, Any]) -> list[str]:
    if terms.get("has_discount") is not True:
        return []
    faults = []
    percentage = terms.get("discount_percentage")
    if percentage is None or not 0 < percentage < WHOLE or percentage % SMALLEST_DISCOUNT:
        faults.append("discount_percentage must lie between 0 and 100, in steps of 0.0001, with has_discount")
    cycles: Any = terms.get("max_cycle_count")
    if not _between(terms.get("discount_duration"), cycles if _between(cycles, MAX_CYCLES) else MAX_CYCLES):
        faults.append("discount_duration must lie between 1 and max_cycle_count with has_discount")
    return faults


def _between(number: Any, most: int) -> bool:
    return number is not None and 1 <= number <= most


def _span(unit: str, count: int) -> relativedelta:
    match unit:
        case "DAYS":
            return relativedelta(days=count)
        case "WEEKS":
            return relativedelta(weeks=count)
        case "MONTHS":
            return relativedelta(months=count)
        case _:
            return relativedelta(years=count)
