"""The report of a run: a summary for programs, the findings for a spreadsheet, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from paymentoptions_async.reconcile.database import database, view
from paymentoptions_async.reconcile.events import OnEvent, Written
from paymentoptions_async.reconcile.options import Rules
from paymentoptions_async.reconcile.report.described import describe
from paymentoptions_async.reconcile.report.itemised import first_rows, write_csv
from paymentoptions_async.reconcile.report.page import render
from paymentoptions_async.reconcile.report.summary import Amounts, Coverage, Summary, summarise
from paymentoptions_async.reconcile.report.words import NOT_COMPARED
from paymentoptions_async.reconcile.sampling import Sample
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.verdicts import Verdict
from paymentoptions_async.reconcile.workspace import Workspace, now, written

__all__ = ["Amounts", "Coverage", "Report", "write_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run came to, and where it is written.

    ``verdicts`` and ``flags`` count findings, by precedence; a finding has one verdict, and may have several flags.
    ``amounts`` are sums by currency and kind. ``sample`` is set where only some rows were drawn. ``seconds`` are
    percentiles of how long answers took.
    """

    page: Path
    findings: Path
    table: Path
    summary: Path
    verdicts: Mapping[Verdict, int]
    flags: Mapping[Verdict, int]
    amounts: tuple[Amounts, ...]
    coverage: Coverage
    sample: Sample | None
    seconds: Mapping[int, float]

    @property
    def differences(self) -> int:
        """How many findings are a difference between ledger and gateway."""
        return sum(
            count for verdict, count in self.verdicts.items() if verdict.is_difference and verdict not in NOT_COMPARED
        )

    @property
    def not_compared(self) -> int:
        """Of how many findings nobody knows whether they are a difference."""
        return sum(self.verdicts.get(verdict, 0) for verdict in NOT_COMPARED)

    @property
    def in_question(self) -> dict[str, Decimal]:
        """What the differences are about, by currency, in major units; currencies without any are left out."""
        found: dict[str, Decimal] = {}
        for one in self.amounts:
            found[one.currency] = found.get(one.currency, Decimal(0)) + one.in_question
        return {currency: amount for currency, amount in found.items() if amount}

    @property
    def is_clean(self) -> bool:
        """True if all was compared, and nothing differs."""
        return not self.differences and not self.not_compared and not self.coverage.unchecked


def write_report(run: Workspace, out: Path, stop: Stop, *, rules: Rules, memory: int, on_event: OnEvent) -> Report:
    """Write the report of the findings in a directory: ``findings.csv``, ``report.json`` and ``report.html``.

    ``memory`` is in bytes. Raises `StoppedError` when it is told to end; each file is there whole or not at all.
    """
    findings = out / run.findings.name
    report = {name: out / name for name in ("findings.csv", "report.json", "report.html")}
    with database(run.spill, memory=memory) as db, stop.interrupting(db.interrupt):
        view(db, "findings", findings)
        summary = summarise(db, run, rules=rules)
        rows = first_rows(db, summary.verdicts)
        with written(report["findings.csv"]) as new:
            write_csv(db, new)
    on_event(Written(path=str(report["findings.csv"])))
    described = describe(summary, run.manifest, rules=rules, at=now())
    with written(report["report.json"]) as new:
        new.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    on_event(Written(path=str(report["report.json"])))
    stop.check()
    with written(report["report.html"]) as new:
        new.write_text(render(summary, described, rows), encoding="utf-8")
    on_event(Written(path=str(report["report.html"])))
    return _report(summary, findings, report)


def _report(summary: Summary, findings: Path, report: Mapping[str, Path]) -> Report:
    return Report(
        page=report["report.html"],
        findings=findings,
        table=report["findings.csv"],
        summary=report["report.json"],
        verdicts=summary.verdicts,
        flags=summary.flags,
        amounts=summary.amounts,
        coverage=summary.coverage,
        sample=summary.sample,
        seconds=summary.questions.percentiles,
    )
