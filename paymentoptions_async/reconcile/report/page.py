"""``report.html``: one file for people, which needs nothing besides itself and lets nothing else in.

Whatever ledger and gateway say is escaped, or is data that the script shows as text. The content policy names the two
scripts and the style sheets by their hashes, so nothing that slipped through would run, or send anything anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from paymentoptions_async.reconcile.report.charts import COLOURS, make_charts
from paymentoptions_async.reconcile.report.summary import Summary
from paymentoptions_async.reconcile.report.words import (
    CANNOT_LIST,
    GROUP_OF,
    GROUPS,
    LABELS,
    MEANINGS,
    SHOWN,
    Group,
    between,
    counted,
    decimals_of,
    moment,
    money,
)
from paymentoptions_async.reconcile.schemas import FINDING
from paymentoptions_async.reconcile.verdicts import Verdict

_GATEWAYS = {"paymentoptions": "PaymentOptions", "corefy": "Corefy"}
_HEADLINE_CURRENCIES = 6


def render(summary: Summary, described: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Write the page: ``described`` is ``report.json``, and ``rows`` are the findings that it shows."""
    plotly, script, style = get_plotlyjs(), _own("report.js"), _own("report.css") + _of_groups()
    charts = make_charts(summary)
    return (
        _environment()
        .get_template("report.html")
        .render(
            policy=_policy([plotly, script], [style]),
            style=Markup(style),  # noqa: S704  our own files
            script=Markup(script),  # noqa: S704
            plotly=Markup(plotly),  # noqa: S704
            unwanted=_STYLES_FOR_MAPS.findall(plotly),
            about=described,
            summary=summary,
            gateway=_GATEWAYS.get(described["scope"]["gateway"], described["scope"]["gateway"]),
            ledger=_ledger_name(described["ledger"]),
            facts=list(_facts(summary, described)),
            in_question=_in_question(summary),
            groups=list(_tiles(summary.verdicts)),
            charts=charts,
            figures=[{"key": one.key, "data": one.data, "layout": one.layout} for one in charts],
            findings=_findings(rows),
            shown=len(rows),
            currencies=sorted({row[name] for row in rows for name in _CURRENCY_COLUMNS if row[name]}),
            verdicts=[Verdict(verdict) for verdict in dict.fromkeys(row["verdict"] for row in rows)],
            limits=CANNOT_LIST,
        )
    )


def _tiles(counts: Mapping[Verdict, int]) -> Iterator[tuple[Group, int, list[tuple[Verdict, int]]]]:
    for group in GROUPS:
        of_group = [(verdict, counts.get(verdict, 0)) for verdict in group.verdicts]
        yield group, sum(count for _, count in of_group), of_group


_CURRENCY_COLUMNS = ("ledger_currency", "gateway_currency")


def _findings(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Give the script the findings as compactly as they can be said."""
    return {
        "columns": FINDING.names,
        "rows": [list(row.values()) for row in rows],
        "labels": {verdict.value: LABELS[verdict] for verdict in SHOWN},
        "groups": {verdict.value: GROUP_OF[verdict].key for verdict in Verdict},
    }


def _facts(summary: Summary, described: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    scope, rules, selection = described["scope"], described["rules"], described["selection"]
    questions = summary.questions
    yield "Merchant", scope["merchant_id"]
    yield "Environment", scope["environment"]
    yield "Window, UTC", _window(selection.get("since"), selection.get("until"))
    yield "Begun", moment(datetime.fromisoformat(described["begun"]))
    if questions.first is not None and questions.last is not None:
        yield "Gateway asked", between(questions.first, questions.last)
    yield "Tolerance", _tolerance(rules["tolerance"], rules["tolerances"])
    yield "Open too long", f"after {rules['pending_for'] / 86_400:g} days"
    yield "Written", moment(datetime.fromisoformat(described["written"]))


def _window(since: str | None, until: str | None) -> str:
    parts = [
        f"{word} {moment(datetime.fromisoformat(at)).removesuffix(' UTC')}"
        for word, at in (("from", since), ("before", until))
        if at
    ]
    return ", ".join(parts) or "all rows"


def _tolerance(common: str, others: Mapping[str, str]) -> str:
    usual = "none" if not Decimal(common) else f"{common} of any currency"
    return "; ".join([usual, *(f"{amount} {currency}" for currency, amount in others.items())])


def _ledger_name(ledger: Mapping[str, Any]) -> str:
    return str(ledger.get("name") or ledger.get("url") or "a ledger")


def _in_question(summary: Summary) -> tuple[list[tuple[str, str]], int]:
    """Return the sums of the headline, and how many currencies are left to the table below it."""
    sums: dict[str, Decimal] = {}
    counts: dict[str, int] = {}
    for one in summary.amounts:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.in_question
        counts[one.currency] = counts.get(one.currency, 0) + one.differences
    ranked = sorted((currency for currency in sums if sums[currency]), key=lambda one: (-counts[one], one))
    shown = ranked[:_HEADLINE_CURRENCIES]
    return [(currency, money(sums[currency], currency)) for currency in shown], len(ranked) - len(shown)


# One file that lets nothing in ----------------------------------------------------------------------------------------

_BY_PLOTLY = ("",)
"""What the style sheets hold that plotly makes: it fills them afterwards, rule by rule."""
_STYLES_FOR_MAPS = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
"""The name of another one, which it leaves out where an element has that name."""


def _policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hashes(scripts)}",
            f"style-src {_hashes([*styles, *_BY_PLOTLY])}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hashes(texts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)


def _of_groups() -> str:
    return "\n".join(f".{key} {{ --group: {colour}; }}" for key, colour in COLOURS.items()) + "\n"


def _own(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"LABELS": LABELS, "MEANINGS": MEANINGS, "GROUP_OF": GROUP_OF, "VERDICTS": tuple(Verdict)}
    environment.filters |= {"money": money, "counted": counted, "places": decimals_of}
    return environment
