"""``report.json``: the figures of a report for programs. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from paymentoptions_async import __version__
from paymentoptions_async.reconcile.options import Rules
from paymentoptions_async.reconcile.report.summary import Amounts, Summary
from paymentoptions_async.reconcile.report.words import CANNOT_LIST, NOT_COMPARED, exact, of_sample
from paymentoptions_async.reconcile.sampling import CONFIDENCE, Sample
from paymentoptions_async.reconcile.workspace import Manifest

FORMAT = 1


def describe(summary: Summary, manifest: Manifest, *, rules: Rules, at: datetime) -> dict[str, Any]:
    """Say all figures as JSON: amounts as exact decimals in strings, times in ISO 8601, durations in seconds.

    The same findings give the same, but for ``written``, which is ``at``.
    """
    gateway, environment, merchant = manifest.scope.split("/", 2)
    coverage, questions = summary.coverage, summary.questions
    differences = {verdict: count for verdict, count in summary.verdicts.items() if verdict.is_difference}
    not_compared = sum(differences.pop(verdict, 0) for verdict in NOT_COMPARED)
    return {
        "format": FORMAT,
        "version": __version__,
        "scope": {"gateway": gateway, "environment": environment, "merchant_id": merchant},
        "ledger": dict(manifest.ledger),
        "selection": dict(manifest.selection),
        "rules": rules.described(),
        "begun": _time(manifest.begun),
        "written": _time(at),
        "clean": not differences and not not_compared and not coverage.unchecked,
        "findings": sum(summary.verdicts.values()),
        "differences": sum(differences.values()),
        "not_compared": not_compared,
        "verdicts": {verdict.value: count for verdict, count in summary.verdicts.items()},
        "flags": {flag.value: count for flag, count in summary.flags.items()},
        "amounts": [_amounts(one) for one in summary.amounts],
        "coverage": {
            "ledger": {"rows": coverage.rows, "outside_window": coverage.outside, "invalid": coverage.invalid},
            "transactions": {
                "all": coverage.transactions,
                "answered_in_this_run": coverage.asked,
                "confirmed_by_journal": coverage.journal,
                "confirmed_by_earlier_run": coverage.earlier,
                "unchecked": coverage.unchecked,
            },
            "sample": None if summary.sample is None else _sample(summary.sample),
            "limits": CANNOT_LIST,
        },
        "questions": {
            "asked": questions.total,
            "outcomes": {outcome.value: count for outcome, count in questions.outcomes.items()},
            "first": _time(questions.first),
            "last": _time(questions.last),
            "seconds": {f"p{share}": seconds for share, seconds in questions.percentiles.items()},
        },
    }


def _amounts(one: Amounts) -> dict[str, Any]:
    sums = ("ledger", "agreed", "not_compared", "in_question", "net")
    written = {name: exact(getattr(one, name), one.currency) for name in sums}
    counts = {"rows": one.rows, "agreed_rows": one.agreed_rows, "differences": one.differences}
    return {"currency": one.currency, "kind": one.kind} | counts | written


def _sample(sample: Sample) -> dict[str, Any]:
    return {
        "rows": sample.rows,
        "drawn": sample.drawn,
        "compared": sample.compared,
        "differences": sample.differences,
        "confidence": CONFIDENCE,
        "share_at_most": sample.at_most,
        "rows_at_most": sample.rows_at_most,
        "says": of_sample(sample),
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
