"""The plan of a subscription."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.values.texts import check_text

_PAGE = "vendor's subscription page"
_MAX_TEXT = 255  # ours: the page names no limit
_WHOLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionPlan:
    """How often a subscription bills, how long, and what it costs at first. Checked together.

    The amount is that of `subscribe`. ``cycle_type`` is the unit of ``cycle_interval`` and ``end_type`` says what ends
    it; ``DAYS`` and ``CYCLE`` are the values that the vendor shows, and others are passed on as they are (inferred).
    A trial lasts ``trial_duration`` of ``trial_duration_type``; a discount of ``discount_percentage`` (above 0, at
    most 100) holds for the first ``discount_cycles``. Raises `InvalidValue`.
    """

    name: str
    description: str = ""
    cycle_type: str = "DAYS"
    cycle_interval: int
    end_type: str = "CYCLE"
    max_cycles: int | None = None
    trial_duration: int | None = None
    trial_duration_type: str = "DAYS"
    discount_percentage: Decimal | int | None = None
    discount_cycles: int | None = None

    def __post_init__(self) -> None:
        check_text("plan.name", self.name, _MAX_TEXT, "kept short")
        if self.description:
            check_text("plan.description", self.description, _MAX_TEXT, "kept short")
        for field in ("cycle_type", "end_type", "trial_duration_type"):
            _check_word(f"plan.{field}", getattr(self, field))
        _check_count("plan.cycle_interval", self.cycle_interval)
        if self.end_type == "CYCLE" and self.max_cycles is None:
            raise InvalidValue(f"plan.max_cycles: needed where end_type is CYCLE ({_PAGE})", field="plan.max_cycles")
        for field in ("max_cycles", "trial_duration", "discount_cycles"):
            if getattr(self, field) is not None:
                _check_count(f"plan.{field}", getattr(self, field))
        self._check_discount()

    def _check_discount(self) -> None:
        percentage = self.discount_percentage
        if (percentage is None) != (self.discount_cycles is None):
            raise InvalidValue(
                f"plan.discount_percentage: goes with discount_cycles, one is not enough ({_PAGE})",
                field="plan.discount_percentage",
            )
        if percentage is None:
            return
        exact = isinstance(percentage, (Decimal, int)) and not isinstance(percentage, bool)
        if not exact or not 0 < percentage <= _WHOLE:
            raise InvalidValue(
                "plan.discount_percentage: needs an int or Decimal above 0, at most 100",
                field="plan.discount_percentage",
            )
        if self.max_cycles is not None and self.discount_cycles is not None and self.discount_cycles > self.max_cycles:
            raise InvalidValue("plan.discount_cycles: more than max_cycles", field="plan.discount_cycles")

    @property
    def first_differs(self) -> bool:
        """True where the first charge is not the plan's amount: after a trial, or at a discount."""
        return self.trial_duration is not None or self.discount_percentage is not None

    def to_wire(self, ref: str) -> dict[str, Any]:
        """The request's ``subscription`` object; ``plan_desc`` ends with our reference."""
        return {
            "plan_name": self.name,
            "plan_desc": f"{self.description} {ref}".strip(),
            "cycle_type": self.cycle_type,
            "subscription_end_type": self.end_type,
            "cycle_interval": self.cycle_interval,
            **_given(max_cycle_count=self.max_cycles),
            "has_trial_period": self.trial_duration is not None,
            **_given(trial_period_duration=self.trial_duration),
            **_given(trial_period_duration_type=self.trial_duration_type if self.trial_duration else None),
            "has_discount": self.discount_percentage is not None,
            **_given(discount_percentage=self.discount_percentage, discount_duration=self.discount_cycles),
        }


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _check_count(field: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 9999:  # noqa: PLR2004  four digits
        raise InvalidValue(f"{field}: needs an int of 1 to 9999", field=field)


def _check_word(field: str, value: object) -> None:
    if not isinstance(value, str) or not value.isascii() or not value.replace("_", "").isalpha():
        raise InvalidValue(f"{field}: needs a word such as DAYS ({_PAGE})", field=field)
