"""The charts of the page, as plotly draws them, and the same figures as tables for who can't see them. Pure.

Text and lines are coloured by the page's style sheet, so that they suit light, dark and paper; the colours of the bars
stand out from each of these. Each group has a pattern besides, so that colour is never all that tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from paymentoptions_async.reconcile.report.summary import Questions, Summary
from paymentoptions_async.reconcile.report.words import GROUP_OF, GROUPS, LABELS, Group, counted, day, money
from paymentoptions_async.reconcile.verdicts import Verdict

COLOURS: Mapping[str, str] = {
    "missing": "#d2504a",
    "twice": "#a463c9",
    "money": "#c2711c",
    "outcome": "#3d7fd0",
    "open": "#1f918a",
    "skipped": "#7b8698",
    "agreed": "#35935a",
}
_PATTERNS = {"missing": "", "twice": "x", "money": "/", "outcome": ".", "open": "-", "skipped": "\\", "agreed": ""}
_CURRENCIES = 12
"""So many have a bar of their own."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart: what plotly is given, what it shows in a sentence, and its figures."""

    key: str
    title: str
    says: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def make_charts(summary: Summary) -> list[Chart]:
    """Return the charts that there are figures for."""
    found = (_verdicts(summary), _currencies(summary), _days(summary), _ages(summary), _latency(summary.questions))
    return [chart for chart in found if chart is not None]


def _verdicts(summary: Summary) -> Chart | None:
    counts = {verdict: count for verdict, count in summary.verdicts.items() if verdict is not Verdict.MATCHED}
    if not counts:
        return None
    shown = sorted(counts, key=lambda verdict: counts[verdict])
    matched = summary.verdicts.get(Verdict.MATCHED, 0)
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [LABELS[verdict] for verdict in shown],
        "x": [counts[verdict] for verdict in shown],
        "text": [f"{counts[verdict]:,}" for verdict in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{y}: %{x:,}<extra></extra>",
        "marker": {"color": [COLOURS[GROUP_OF[verdict].key] for verdict in shown]},
    }
    return Chart(
        key="verdicts",
        title="By verdict",
        says=f"Besides {counted(matched, 'finding', 'findings')} where both agree.",
        data=[bars],
        layout=_layout(height=80 + 26 * len(shown), xaxis=_counts(max(counts.values()), room=1.18)),
        head=("Verdict", "Findings"),
        rows=[(LABELS[verdict], f"{counts[verdict]:,}") for verdict in reversed(shown)],
    )


def _currencies(summary: Summary) -> Chart | None:
    if not summary.by_currency:
        return None
    worth: dict[str, Decimal] = {}
    for one in summary.amounts:
        worth[one.currency] = worth.get(one.currency, Decimal(0)) + one.in_question
    totals = _totals(summary.by_currency)
    ranked = sorted(totals, key=lambda currency: (-totals[currency], currency))
    shown = ranked[:_CURRENCIES]
    bars = _stacked(shown, [one for one in summary.by_currency if one[0] in shown], across=True)
    labels = {
        "type": "scatter",
        "mode": "text",
        "y": shown,
        "x": [totals[currency] for currency in shown],
        "text": [f"  {money(worth[currency], currency)} {currency}" for currency in shown],
        "textposition": "middle right",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "showlegend": False,
    }
    left = len(ranked) - len(shown)
    says = "How many differences, and what they are about."
    if left:
        says += f" {counted(left, 'currency', 'currencies')} with fewer are left out."
    return Chart(
        key="currencies",
        title="Differences by currency",
        says=says,
        data=[*bars, labels],
        layout=_layout(
            height=130 + 34 * len(shown),
            xaxis=_counts(max(totals.values()), room=1.75),
            yaxis={"type": "category", "categoryarray": shown[::-1], "automargin": True},
        ),
        head=("Currency", "Differences", "In question"),
        rows=[(currency, f"{totals[currency]:,}", money(worth[currency], currency)) for currency in ranked],
    )


_STEP_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_DAY = 86_400_000
"""In milliseconds, as plotly counts."""
_FEW = 5
"""So many values have each a tick of their own."""


def _days(summary: Summary) -> Chart | None:
    if not summary.by_day:
        return None
    by_day = [(start.isoformat(), verdict, count) for start, verdict, count in summary.by_day]
    totals = _totals(by_day)
    most = max(totals, key=lambda start: (totals[start], start))
    when = "on" if summary.step == "day" else f"in the {summary.step} of"
    says = f"Most {when} {day(most)}: {counted(totals[most], 'difference', 'differences')}."
    if summary.undated:
        says += f" {counted(summary.undated, 'difference has', 'differences have')} no day."
    bars = _stacked(list(totals), by_day, across=False)
    ticks: Mapping[str, Any] = {"nticks": 8}
    if len(totals) <= _FEW:
        ticks = {"tickvals": list(totals), "tickformat": "%-d %b %Y"}
    return Chart(
        key="days",
        title=f"Differences by {summary.step}",
        says=says,
        data=[{**bar, "width": 0.7 * _STEP_DAYS[summary.step] * _DAY} for bar in bars],
        layout=_layout(xaxis={"type": "date", "automargin": True, **ticks}, yaxis=_counts(max(totals.values()))),
        head=(summary.step.capitalize(), "Differences"),
        rows=[(day(start), f"{count:,}") for start, count in totals.items()],
    )


_AGES = ((1, "under a day"), (3, "1 to 3 days"), (7, "3 to 7 days"), (30, "7 to 30 days"), (90, "30 to 90 days"))
_OLDER, _NO_AGE = "over 90 days", "unknown"


def _ages(summary: Summary) -> Chart | None:
    if not summary.by_age:
        return None
    by_age = [(_age(days), verdict, count) for days, verdict, count in summary.by_age]
    totals = _totals(by_age)
    shown = [label for label in (*(label for _, label in _AGES), _OLDER, _NO_AGE) if label in totals]
    bars = [
        {
            "type": "bar",
            "name": LABELS[verdict],
            "x": shown,
            "y": [sum(n for age, other, n in by_age if (age, other) == (label, verdict)) for label in shown],
            "hovertemplate": f"%{{x}}: %{{y:,}}<extra>{LABELS[verdict]}</extra>",
            "marker": {"color": colour, "pattern": _pattern(pattern)},
        }
        for verdict, colour, pattern in (
            (Verdict.TIMING_PENDING, COLOURS["open"], ""),
            (Verdict.STALE_PENDING, COLOURS["money"], "/"),
        )
    ]
    stale = summary.verdicts.get(Verdict.STALE_PENDING, 0)
    return Chart(
        key="ages",
        title="How long payments are open",
        says=f"{counted(stale, 'payment is', 'payments are')} open for longer than anything should be.",
        data=bars,
        layout=_layout(
            xaxis={"type": "category", "automargin": True}, yaxis=_counts(max(totals.values())), barmode="stack"
        ),
        head=("Age", "Payments"),
        rows=[(label, f"{totals[label]:,}") for label in shown],
    )


def _age(days: int | None) -> str:
    if days is None:
        return _NO_AGE
    return next((label for most, label in _AGES if days < most), _OLDER)


_EDGES = (0, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


def _latency(questions: Questions) -> Chart | None:
    if not questions.milliseconds:
        return None
    bins = {
        _between(low, high): sum(n for took, n in questions.milliseconds.items() if low <= took < (high or took + 1))
        for low, high in pairwise((*_EDGES, None))
        if low is not None
    }
    filled = [n for n, count in enumerate(bins.values()) if count]
    bins = dict(list(bins.items())[filled[0] : filled[-1] + 1])
    bars = {
        "type": "bar",
        "x": list(bins),
        "y": list(bins.values()),
        "hovertemplate": "%{x}: %{y:,}<extra></extra>",
        "marker": {"color": COLOURS["outcome"]},
    }
    half, most = questions.percentiles[50], questions.percentiles[99]
    return Chart(
        key="latency",
        title="How fast the gateway answered",
        says=f"Half of the answers within {_seconds(half)}, 99 of 100 within {_seconds(most)}.",
        data=[bars],
        layout=_layout(xaxis={"type": "category", "automargin": True}, yaxis=_counts(max(bins.values()))),
        head=("Time", "Answers"),
        rows=[(label, f"{count:,}") for label, count in bins.items()],
    )


def _between(low: int, high: int | None) -> str:
    if high is None:
        return f"over {low / 1000:g} s"
    return f"{low}–{high} ms" if high < 1000 else f"{low / 1000:g}–{high / 1000:g} s"  # noqa: PLR2004, RUF001


def _seconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _stacked(
    places: Sequence[str], counts: Iterable[tuple[str, Verdict, int]], *, across: bool
) -> list[Mapping[str, Any]]:
    """Return a trace for each group of verdicts that there is."""
    heights: dict[Group, dict[str, int]] = {}
    for place, verdict, count in counts:
        of_group = heights.setdefault(GROUP_OF[verdict], dict.fromkeys(places, 0))
        of_group[place] += count
    found: list[Mapping[str, Any]] = []
    for group in GROUPS:
        if group in heights:
            values = list(heights[group].values())
            found.append(
                {
                    "type": "bar",
                    "name": group.label,
                    "orientation": "h" if across else "v",
                    "x": values if across else places,
                    "y": places if across else values,
                    "hovertemplate": f"%{{{'y' if across else 'x'}}}: %{{{'x' if across else 'y'}:,}}"
                    f"<extra>{group.label}</extra>",
                    "marker": {"color": COLOURS[group.key], "pattern": _pattern(_PATTERNS[group.key])},
                }
            )
    return found


def _totals(counts: Iterable[tuple[str, Verdict, int]]) -> dict[str, int]:
    totals: dict[str, int] = {}
    for place, _, count in counts:
        totals[place] = totals.get(place, 0) + count
    return totals


def _pattern(shape: str) -> Mapping[str, Any]:
    return {"shape": shape, "fillmode": "overlay", "fgcolor": "#fff", "fgopacity": 0.75, "size": 7, "solidity": 0.2}


def _counts(most: int, *, room: float = 1.08) -> Mapping[str, Any]:
    """Describe an axis that counts, up to the greatest count and some room for text."""
    whole = {"dtick": 1} if most <= _FEW else {"nticks": 6}
    return {"range": [0, most * room], "tickformat": ",d", "automargin": True, **whole}


def _layout(
    *, xaxis: Mapping[str, Any], yaxis: Mapping[str, Any] | None = None, height: int = 300, barmode: str = "stack"
) -> Mapping[str, Any]:
    still = {"fixedrange": True}
    return {
        "height": height,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "barmode": barmode,
        "bargap": 0.3,
        "dragmode": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "legend": {
            "orientation": "h",
            "traceorder": "normal",
            "font": {"size": 12},
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "itemclick": False,
            "itemdoubleclick": False,
        },
        "xaxis": {**xaxis, **still},
        "yaxis": {"automargin": True, "ticklabelstandoff": 6, **(yaxis or {}), **still},
    }
