"""What a run came to: for people a table, for programs an object."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from paymentoptions_async.cli.reconcile import texts
from paymentoptions_async.cli.reconcile.showing import facts
from paymentoptions_async.reconcile.report import Coverage, Report
from paymentoptions_async.reconcile.report.words import CANNOT_LIST, LABELS, money, of_sample
from paymentoptions_async.reconcile.verdicts import PRECEDENCE, Verdict


def show(console: Console, report: Report, *, run: Path) -> None:
    """Print how many rows have which verdict, what was looked at, where the report is, and what to do next.

    ``run`` is the directory of the run that it is about.
    """
    width = min(console.width, _READABLE)
    console.print()
    console.print(_verdicts(report))
    console.print()
    console.print(facts(_coverage(report), width=width))
    console.print()
    for said in ([of_sample(report.sample)] if report.sample is not None else []) + [CANNOT_LIST]:
        console.print(Text("\n".join(textwrap.wrap(said, width)), "dim"))
        console.print()
    console.print(
        Text.assemble(("Report  ", "dim"), (str(report.page), f"link {report.page.as_uri()}")), soft_wrap=True
    )
    for path in (report.table, report.summary):
        console.print(Text(f"        {path}"), soft_wrap=True)
    for advice in _advice(report, run):
        console.print(Text(f"→ {advice}"), soft_wrap=True)


def as_object(report: Report) -> dict[str, Any]:
    """The same for programs. All figures are in ``report.json``."""
    coverage = report.coverage
    return {
        "clean": report.is_clean,
        "differences": report.differences,
        "not_compared": report.not_compared,
        "verdicts": {verdict.value: count for verdict, count in report.verdicts.items()},
        "in_question": {currency: str(amount) for currency, amount in report.in_question.items()},
        "transactions": coverage.transactions,
        "unchecked": coverage.unchecked,
        "report": str(report.page),
        "findings": str(report.table),
        "summary": str(report.summary),
    }


_READABLE = 100
"""Columns beyond which nobody likes to read a sentence."""


def _verdicts(report: Report) -> Text:
    """Those that need somebody first, by precedence; what agrees last."""
    counts = {verdict: texts.number(report.verdicts[verdict]) for verdict in PRECEDENCE if report.verdicts.get(verdict)}
    widest = max(map(len, counts.values()), default=0)
    label = max((len(LABELS[verdict]) for verdict in counts), default=0)
    lines = [
        Text.assemble((LABELS[verdict].ljust(label + 2), _style(verdict)), count.rjust(widest))
        for verdict, count in counts.items()
    ]
    return Text("\n").join(lines or [Text("The ledger has no rows.")])


def _style(verdict: Verdict) -> str:
    if verdict.is_difference:
        return "bold red"
    return "green" if verdict in (Verdict.MATCHED, Verdict.AMOUNT_WITHIN_TOLERANCE) else "yellow"


def _coverage(report: Report) -> Iterator[tuple[str, str]]:
    coverage = report.coverage
    rows = f"{texts.number(coverage.rows)} used, {texts.number(coverage.invalid)} invalid"
    yield (
        "Rows of the ledger",
        rows + (f", {texts.number(coverage.outside)} outside of the window" if coverage.outside else ""),
    )
    yield "Transactions", f"{texts.number(coverage.transactions)}: {', '.join(_sources(coverage))}"
    if report.in_question:
        yield "In question", ", ".join(f"{money(sum_, name)} {name}" for name, sum_ in report.in_question.items())


def _sources(coverage: Coverage) -> Iterator[str]:
    yield f"{texts.number(coverage.asked)} answered by the gateway"
    if coverage.journal:
        yield f"{texts.number(coverage.journal)} confirmed by the journal"
    if coverage.earlier:
        yield f"{texts.number(coverage.earlier)} confirmed by earlier runs"
    if coverage.unchecked:
        yield f"{texts.number(coverage.unchecked)} not checked"


def _advice(report: Report, run: Path) -> Iterator[str]:
    if report.is_clean:
        yield "All was compared, and nothing differs."
        return
    yield f"Open {report.page.name} in a browser: each finding, what it means, and what to do."
    if report.coverage.unchecked:
        yield "To ask again for what was not answered, and for nothing else: the command of the run once more."
    if report.verdicts.get(Verdict.AMOUNT_MISMATCH):
        yield f"Other tolerances need no new questions: paymentoptions compare-again {texts.quoted(str(run))} …"
