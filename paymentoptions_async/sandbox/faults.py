"""The fault plan: which requests and webhooks go wrong, and how.

A plan is JSON: `{"seed": 7, "rules": [{"on": "paymentv2", "fault": "reset", "when": "after", "nth": 1}, …]}`.
Every rule counts what passes it and draws from a generator of its own, so that the same plan on the same order of
requests goes wrong in the same places.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

ENDPOINTS = (
    "payment",
    "paymentv2",
    "status",
    "link",
    "authorization",
    "authorizationv2",
    "capture",
    "void",
    "refund",
    "subscription_create",
    "subscription_list",
    "subscription_show",
    "subscription_pause",
    "subscription_resume",
    "subscription_cancel",
    "corefy_create",
    "corefy_show",
    "corefy_list",
    "corefy_refund",
    "corefy_sale",
)

REQUEST_FAULTS = {
    "delay": "wait `seconds` before or after charging",
    "error": "answer HTTP `status` with the body that belongs to it, and Retry-After: `seconds` if given",
    "redirect": "answer 302",
    "garbage": "answer bytes that are no JSON",
    "html": "answer an HTML page",
    "empty": "answer with an empty body",
    "half_body": "answer a well-framed reply whose JSON stops half-way",
    "change": "answer with the fields in `set` (dotted paths) changed",
    "reset": "reset the connection without an answer",
    "close": "close the connection without an answer",
    "half_head": "close the connection within the reply's headers",
    "half_reply": "close the connection within the reply's body",
    "hang": "never answer, and keep the connection open",
}
WEBHOOK_FAULTS = {
    "duplicate": "deliver it `copies` times more",
    "reorder": "hold it back until the next webhook has been tried, or for a minute",
    "late": "deliver it `seconds` later",
    "missing": "never deliver it",
    "garbage": "deliver bytes that are no JSON",
    "change": "deliver it with the fields in `set` (dotted paths) changed",
}
CALLBACK_FAULTS = {
    **WEBHOOK_FAULTS,
    "forged": "sign it with a secret that is not ours",
    "live_secret": "sign it with the secret of the live mode",
    "unsigned": "deliver it without its signature",
    "batch": "merge it into the next one about the same invoice, or deliver it alone after a minute",
}
_TOLD = {"webhook": WEBHOOK_FAULTS, "corefy_callback": CALLBACK_FAULTS}
WHENS = ("before", "after")


class PlanError(ValueError):
    """Say what is wrong with a fault plan."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One way to go wrong.

    `on` is one of ENDPOINTS, `*` for all of them, or what is told: `webhook` or `corefy_callback`. `when` says whether
    the operation is done first (`after`, charged) or never (`before`, not charged); a delayed one is done either way.
    Which of the passing requests: `nth` (1 is the first; one number or several), or all; of these each with
    `probability`, and at most `times` in all.
    """

    on: str
    fault: str
    when: str = "after"
    nth: tuple[int, ...] = ()
    probability: float = 1.0
    times: int | None = None
    seconds: float = 0.0
    status: int = 500
    copies: int = 1
    set: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_types()
        known = _TOLD.get(self.on, REQUEST_FAULTS)
        if self.on not in (*_TOLD, "*", *ENDPOINTS):
            raise PlanError(f"on is one of {', '.join((*_TOLD, '*', *ENDPOINTS))}; not {self.on!r}")
        if self.fault not in known:
            raise PlanError(f"a fault on {self.on} is one of {', '.join(known)}; not {self.fault!r}")
        if self.when not in WHENS:
            raise PlanError(f"when is before or after; not {self.when!r}")
        if not 0 <= self.probability <= 1:
            raise PlanError("probability lies between 0 and 1")
        if self.fault in ("delay", "late") and not self.seconds > 0:
            raise PlanError(f"{self.fault} needs seconds above 0")
        if self.fault == "error" and self.status not in range(400, 600):
            raise PlanError("an error's status lies between 400 and 599")
        if self.fault == "change" and (not self.set or self.when == "before"):
            raise PlanError("change needs set, a table of dotted paths and values, and comes after charging")

    @classmethod
    def read(cls, table: object) -> Rule:
        """Build a rule from decoded JSON; PlanError for unknown or ill-typed fields."""
        if not isinstance(table, Mapping):
            raise PlanError("a rule is a table")
        known = {item.name for item in fields(cls)}
        if unknown := sorted(set(table) - known):
            raise PlanError(f"a rule has no {', '.join(map(str, unknown))}; it has {', '.join(sorted(known))}")
        if missing := sorted({"on", "fault"} - set(table)):
            raise PlanError(f"a rule needs {' and '.join(missing)}")
        nth = table.get("nth", ())
        return cls(**{**table, "nth": tuple(nth) if isinstance(nth, list | tuple) else (nth,)})

    def _check_types(self) -> None:
        kinds: dict[str, tuple[type, ...]] = {
            "on": (str,),
            "fault": (str,),
            "when": (str,),
            "probability": (int, float),
            "times": (int, type(None)),
            "seconds": (int, float),
            "status": (int,),
            "copies": (int,),
            "set": (Mapping,),
        }
        for name, kind in kinds.items():
            if not isinstance(getattr(self, name), kind):
                raise PlanError(f"{name} is {' or '.join(one.__name__ for one in kind)}")
        if not all(isinstance(one, int) and one > 0 for one in self.nth):
            raise PlanError("nth is a whole number from 1 on, or several")

    def table(self) -> dict[str, Any]:
        """Return the rule as JSON-like data, without what is left at its default."""
        values = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {name: value for name, (value, default) in values.items() if value not in (default, {})}


class FaultPlan:
    """Decide what goes wrong. `fired` lists every rule that struck, in order, with the name of what it struck."""

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed
        self.rules: list[Rule] = []
        self.fired: list[tuple[str, Rule]] = []
        self._passed: list[int] = []
        self._struck: list[int] = []
        self._random: list[random.Random] = []

    def add(self, on: str, fault: str, **options: Any) -> Rule:
        """Add one rule, with the fields of `Rule`, and return it; PlanError if it makes no sense."""
        rule = Rule.read({"on": on, "fault": fault, **options})
        self._append(rule)
        return rule

    def load(self, plan: object) -> None:
        """Replace the plan by decoded JSON; PlanError, and nothing changed, if it makes no sense."""
        if not isinstance(plan, Mapping) or set(plan) - {"seed", "rules"}:
            raise PlanError("a plan is a table with seed and rules")
        rules = plan.get("rules", [])
        if not isinstance(rules, list):
            raise PlanError("rules is a list")
        read = [Rule.read(table) for table in rules]
        seed = plan.get("seed", self.seed)
        if not isinstance(seed, int):
            raise PlanError("seed is a whole number")
        self.clear()
        self.seed = seed
        for rule in read:
            self._append(rule)

    def load_file(self, path: Path) -> None:
        """Replace the plan by that of a JSON file; PlanError if it can't be read."""
        try:
            self.load(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError) as error:
            raise PlanError(f"{path.name}: {error}") from None

    def clear(self) -> None:
        """Drop all rules and what they counted."""
        self.rules, self.fired = [], []
        self._passed, self._struck, self._random = [], [], []

    def restart(self) -> None:
        """Keep the rules, and count and draw from the beginning again."""
        self.load(self.table())

    def table(self) -> dict[str, Any]:
        """Return the plan as JSON-like data."""
        return {"seed": self.seed, "rules": [rule.table() for rule in self.rules]}

    def draw(self, what: str) -> list[Rule]:
        """Return the rules that strike this request (by its endpoint's name), webhook or callback, and count them."""
        struck = []
        for index, rule in enumerate(self.rules):
            if rule.on != what and not (rule.on == "*" and what not in _TOLD):
                continue
            self._passed[index] += 1
            if rule.nth and self._passed[index] not in rule.nth:
                continue
            if self._random[index].random() >= rule.probability:
                continue
            if rule.times is not None and self._struck[index] >= rule.times:
                continue
            self._struck[index] += 1
            struck.append(rule)
        self.fired.extend((what, rule) for rule in struck)
        return struck

    def _append(self, rule: Rule) -> None:
        self._random.append(random.Random(f"{self.seed}:{len(self.rules)}"))  # noqa: S311  faults that a seed repeats
        self._passed.append(0)
        self._struck.append(0)
        self.rules.append(rule)


def changed(body: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of the JSON-like `body` with each dotted path set; tables on the way are made when missing."""
    copy = dict(body)
    for path, value in changes.items():
        first, _, rest = path.partition(".")
        inner = copy.get(first)
        copy[first] = changed(inner if isinstance(inner, Mapping) else {}, {rest: value}) if rest else value
    return copy
