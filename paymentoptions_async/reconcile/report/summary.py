"""The figures of a report, from the tables of a run. Read by DuckDB, whatever their size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import duckdb

from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.reconcile.answers import Origin, Outcome
from paymentoptions_async.reconcile.database import view
from paymentoptions_async.reconcile.ledger import Counts
from paymentoptions_async.reconcile.options import Rules
from paymentoptions_async.reconcile.parts import view_answers
from paymentoptions_async.reconcile.report.words import AGREED, NOT_COMPARED
from paymentoptions_async.reconcile.sampling import Sample
from paymentoptions_async.reconcile.verdicts import PRECEDENCE, Verdict
from paymentoptions_async.reconcile.workspace import Workspace

_SHARES = (50, 90, 95, 99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What was looked at.

    ``rows`` of the ledger can be used, ``invalid`` ones can't, and ``outside`` are not in the window. The usable ones,
    the journal and webhooks name ``transactions``: ``asked`` have an answer of this run, ``journal`` and ``earlier``
    are confirmed by the journal and by an earlier run, and of ``unchecked`` nothing is known.
    """

    rows: int
    invalid: int
    outside: int
    asked: int
    journal: int
    earlier: int
    unchecked: int

    @property
    def transactions(self) -> int:
        """How many transactions there are to know of."""
        return self.asked + self.journal + self.earlier + self.unchecked


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Sums of one currency, in major units; ``kind`` is of `options.Kind`, None where nobody says.

    What was declined or cancelled counts as a row, but in no sum. ``ledger`` is the sum of the ledger, ``agreed`` the
    gateway's sum of the rows that agree, and ``not_compared`` the ledger's of those that could not be compared.
    ``in_question`` is what the differences are about, each by its amount and without sign; ``net`` is the gateway's
    amounts less the ledger's, where both have one.
    """

    currency: str
    kind: str | None
    rows: int
    ledger: Decimal
    agreed_rows: int
    agreed: Decimal
    not_compared: Decimal
    differences: int
    in_question: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What this run asked. ``milliseconds`` counts answers by how long they took, from asking to answer."""

    outcomes: Mapping[Outcome, int]
    first: datetime | None
    last: datetime | None
    milliseconds: Mapping[int, int]

    @property
    def total(self) -> int:
        """How many questions were asked, however often each was repeated."""
        return sum(self.outcomes.values())

    @property
    def percentiles(self) -> dict[int, float]:
        """Within how many seconds so many percent of the answers were there."""
        answers = sum(self.milliseconds.values())
        if not answers:
            return {}
        found: dict[int, float] = {}
        seen = 0
        for milliseconds, count in sorted(self.milliseconds.items()):
            seen += count
            found |= {
                share: milliseconds / 1000 for share in _SHARES if share not in found and seen * 100 >= answers * share
            }
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All figures of a report.

    ``by_currency``, ``by_day`` and ``by_age`` count findings: differences by currency, and by the first day of a
    ``step`` (day, week, month or year), ``undated`` of which have no day; and open ones by their age in days, if known.
    ``sample`` is set where only some rows were drawn.
    """

    verdicts: Mapping[Verdict, int]
    flags: Mapping[Verdict, int]
    amounts: tuple[Amounts, ...]
    coverage: Coverage
    questions: Questions
    by_currency: tuple[tuple[str, Verdict, int], ...]
    step: str
    by_day: tuple[tuple[date, Verdict, int], ...]
    undated: int
    by_age: tuple[tuple[int | None, Verdict, int], ...]
    sample: Sample | None = None


def summarise(db: duckdb.DuckDBPyConnection, run: Workspace, *, rules: Rules) -> Summary:
    """Work the figures out, from the view ``findings`` and the files of the run."""
    db.execute(_WORDS)
    view_answers(db, run.path)
    view(db, "work", run.work)
    step, by_day, undated = _by_day(db)
    return Summary(
        verdicts=_counts(db, "SELECT verdict, count(*) FROM findings GROUP BY verdict"),
        flags=_counts(db, "SELECT flag, count(*) FROM (SELECT unnest(flags) AS flag FROM findings) GROUP BY flag"),
        amounts=_amounts(db),
        coverage=_coverage(db, run),
        questions=_questions(db),
        by_currency=_by_verdict(db, _BY_CURRENCY),
        step=step,
        by_day=by_day,
        undated=undated,
        by_age=_by_verdict(db, _BY_AGE, {"as_of": rules.as_of or run.manifest.begun}),
        sample=_sample(db, run),
    )


# Once, by SQL ---------------------------------------------------------------------------------------------------------


def _listed(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


_WORDS = f"""
    CREATE OR REPLACE MACRO took_money(status) AS
        coalesce(status IN ({_listed(status for status in PaymentStatus if status.took_money)}), false);
    CREATE OR REPLACE MACRO differs(verdict) AS
        verdict IN ({_listed(verdict for verdict in Verdict if verdict.is_difference and verdict not in NOT_COMPARED)});
    CREATE OR REPLACE MACRO agrees(verdict) AS verdict IN ({_listed(AGREED)});
"""

_AMOUNTS = """
    WITH findings AS (
        SELECT *, coalesce(ledger_currency, gateway_currency) AS currency,
            took_money(ledger_status) AS took_here, took_money(gateway_status) AS took_there
        FROM findings
    )
    SELECT currency, kind, count(ledger_amount),
        sum(ledger_amount) FILTER (WHERE took_here),
        count(*) FILTER (WHERE agrees(verdict)),
        sum(gateway_amount) FILTER (WHERE agrees(verdict) AND took_here AND took_there),
        sum(ledger_amount) FILTER (WHERE verdict = 'unchecked' AND took_here),
        count(*) FILTER (WHERE differs(verdict)),
        sum(CASE verdict
            WHEN 'amount_mismatch' THEN abs(difference)
            WHEN 'refund_mismatch' THEN abs(coalesce(gateway_refunded, 0) - coalesce(ledger_refunded, 0))
            ELSE coalesce(ledger_amount, gateway_amount)
        END) FILTER (WHERE differs(verdict) AND (took_here OR took_there OR verdict = 'stale_pending')),
        sum(difference) FILTER (WHERE took_here AND took_there)
    FROM findings WHERE currency IS NOT NULL GROUP BY currency, kind ORDER BY currency, kind NULLS LAST
"""
"""In the order of `Amounts`."""

_LATENCY = """
    SELECT round(seconds * 1000)::BIGINT AS milliseconds, count(*)
    FROM parts WHERE outcome <> 'failed' GROUP BY milliseconds ORDER BY milliseconds
"""
_BY_CURRENCY = """
    SELECT coalesce(ledger_currency, gateway_currency) AS currency, verdict, count(*)
    FROM findings WHERE differs(verdict) AND currency IS NOT NULL GROUP BY ALL ORDER BY ALL
"""
_SPAN = """
    SELECT date_diff('day', min(coalesce("at", gateway_time)), max(coalesce("at", gateway_time))),
        count(*) FILTER (WHERE coalesce("at", gateway_time) IS NULL)
    FROM findings WHERE differs(verdict)
"""
_BY_DAY = """
    SELECT date_trunc($step, coalesce("at", gateway_time))::DATE AS day, verdict, count(*)
    FROM findings WHERE differs(verdict) AND day IS NOT NULL GROUP BY ALL ORDER BY ALL
"""
_BY_AGE = """
    SELECT date_diff('second', coalesce(gateway_time, "at"), $as_of::TIMESTAMPTZ) // 86400 AS age, verdict, count(*)
    FROM findings WHERE verdict IN ('stale_pending', 'timing_pending') GROUP BY ALL ORDER BY ALL
"""

_OF_SAMPLE = """
    SELECT count(*), count(*) FILTER (WHERE verdict <> 'unchecked'), count(*) FILTER (WHERE differs(verdict))
    FROM findings WHERE line IS NOT NULL AND verdict <> 'invalid_row'
"""


def _amounts(db: duckdb.DuckDBPyConnection) -> tuple[Amounts, ...]:
    nothing = Decimal(0)
    return tuple(
        Amounts(
            currency=currency,
            kind=kind,
            rows=rows,
            ledger=ledger or nothing,
            agreed_rows=agreed_rows,
            agreed=agreed or nothing,
            not_compared=not_compared or nothing,
            differences=differences,
            in_question=in_question or nothing,
            net=net or nothing,
        )
        for currency, kind, rows, ledger, agreed_rows, agreed, not_compared, differences, in_question, net in _rows(
            db, _AMOUNTS
        )
    )


def _coverage(db: duckdb.DuckDBPyConnection, run: Workspace) -> Coverage:
    counts = Counts.read(run.ledger)
    confirmed = dict(_rows(db, "SELECT source, count(*) FROM confirmed GROUP BY source"))
    # What is answered is never asked again, so each transaction is counted once.
    asked = _count(db, "SELECT count(*) FROM parts WHERE outcome <> 'failed'")
    return Coverage(
        rows=counts.rows - counts.invalid - counts.outside,
        invalid=counts.invalid,
        outside=counts.outside,
        asked=asked,
        journal=confirmed.get(Origin.JOURNAL, 0),
        earlier=confirmed.get(Origin.EARLIER, 0),
        unchecked=_count(db, "SELECT count(*) FROM work") - asked,
    )


def _sample(db: duckdb.DuckDBPyConnection, run: Workspace) -> Sample | None:
    """What was drawn, if only a part was. What the ledger lacks was not drawn, and is no part of it."""
    if not run.sample.exists():
        return None
    counts = Counts.read(run.ledger)
    ((drawn, compared, differences),) = _rows(db, _OF_SAMPLE)
    return Sample(
        rows=counts.rows - counts.invalid - counts.outside, drawn=drawn, compared=compared, differences=differences
    )


def _questions(db: duckdb.DuckDBPyConnection) -> Questions:
    outcomes: dict[str, int] = dict(_rows(db, "SELECT outcome, count(*) FROM parts GROUP BY outcome"))
    ((first, last),) = _rows(db, "SELECT epoch_us(min(asked_at)), epoch_us(max(asked_at)) FROM parts")
    return Questions(
        outcomes={outcome: outcomes[outcome] for outcome in Outcome if outcome in outcomes},
        first=_instant(first),
        last=_instant(last),
        milliseconds=dict(_rows(db, _LATENCY)),
    )


_STEPS = (("day", 62), ("week", 366), ("month", 3660))


def _by_day(db: duckdb.DuckDBPyConnection) -> tuple[str, tuple[tuple[date, Verdict, int], ...], int]:
    """Count by day, or by a longer step where there are very many."""
    ((days, undated),) = _rows(db, _SPAN)
    step = next((step for step, most in _STEPS if (days or 0) <= most), "year")
    return step, _by_verdict(db, _BY_DAY, {"step": step}), undated


def _by_verdict(
    db: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None
) -> tuple[tuple[Any, Verdict, int], ...]:
    return tuple((found, Verdict(verdict), count) for found, verdict, count in _rows(db, query, values))


def _counts(db: duckdb.DuckDBPyConnection, query: str) -> dict[Verdict, int]:
    found: dict[str, int] = dict(_rows(db, query))
    return {verdict: found[verdict] for verdict in PRECEDENCE if verdict in found}


def _count(db: duckdb.DuckDBPyConnection, query: str) -> int:
    ((count,),) = _rows(db, query)
    return int(count)


def _rows(db: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    return db.execute(query, values or {}).fetchall()


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
