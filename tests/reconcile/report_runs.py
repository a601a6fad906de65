"""Runs as the comparer leaves them, made up from a seed, to write reports of."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from paymentoptions_async.reconcile.database import MEMORY
from paymentoptions_async.reconcile.events import OnEvent, ignore
from paymentoptions_async.reconcile.options import Rules, Selection
from paymentoptions_async.reconcile.report import Report, write_report
from paymentoptions_async.reconcile.schemas import ANSWER, FINDING, INVALID, KNOWN, LEDGER, WORK
from paymentoptions_async.reconcile.threads import Stop
from paymentoptions_async.reconcile.verdicts import Verdict
from paymentoptions_async.reconcile.workspace import Manifest, Workspace

BEGUN = datetime(2026, 11, 3, 6, 30, tzinfo=UTC)
CONFIRMED = ANSWER.append(pa.field("source", pa.string(), nullable=False))
SCOPE = "paymentoptions/live/JP00000001"


def a_run(
    path: Path,
    findings: Iterable[Mapping[str, Any]],
    *,
    scope: str = SCOPE,
    selection: Selection | None = None,
    ledger: Mapping[str, Any] | None = None,
    answers: Sequence[Mapping[str, Any]] = (),
    confirmed: Sequence[Mapping[str, Any]] = (),
    outside: int = 0,
    work: int | None = None,
) -> Workspace:
    """Make the directory of a run that is compared; findings and answers lack what does not matter to them."""
    manifest = Manifest(
        scope,
        ledger or {"kind": "csv", "name": "october.csv"},
        (selection or Selection()).described(),
        Rules().described(),
        BEGUN,
    )
    run = Workspace.open(path, manifest)
    rows = list(findings)
    unread = [one for one in rows if one["verdict"] == Verdict.INVALID_ROW]
    in_ledger = [one for one in rows if one["line"] is not None and one not in unread]
    write(run.findings, FINDING, rows)
    counts = {"rows": len(in_ledger) + len(unread) + outside, "invalid": len(unread), "outside": outside}
    metadata = {name: str(count) for name, count in counts.items()}
    write(run.ledger, LEDGER.with_metadata(metadata), [_ledger_row(one) for one in in_ledger])
    write(run.invalid, INVALID, [{"line": one["line"], "reason": "?", "cells": ""} for one in unread])
    write(run.known, KNOWN, [])
    write(run.work, WORK, [{"n": n, "transaction_id": str(n)} for n in range(len(answers) if work is None else work)])
    write(run.confirmed, CONFIRMED, [answer(**one) for one in confirmed])
    if answers:
        write(run.parts / "part-00000001.parquet", ANSWER, [answer(**{"n": n, **one}) for n, one in enumerate(answers)])
    return run


def report_of(run: Workspace, *, rules: Rules | None = None, on_event: OnEvent = ignore) -> Report:
    return write_report(run, run.path, Stop(), rules=rules or Rules(), memory=MEMORY, on_event=on_event)


def write(path: Path, schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(list(rows), schema), path)


def finding(verdict: Verdict = Verdict.MATCHED, **cells: Any) -> dict[str, Any]:
    return {"line": 2, "verdict": verdict.value, "flags": [verdict.value], **cells}


def answer(**cells: Any) -> dict[str, Any]:
    about = {"n": 0, "transaction_id": "t", "outcome": "answered", "contradicts": False}
    return {**about, "seconds": 0.2, "asked_at": BEGUN, **cells}


def _ledger_row(one: Mapping[str, Any]) -> dict[str, Any]:
    names = ("line", "transaction_id", "reference", "order_name", "kind", "at")
    sums = {"amount": one.get("ledger_amount") or Decimal(0), "currency": one.get("ledger_currency") or "USD"}
    return {name: one.get(name) for name in names} | {"status": one.get("ledger_status") or "approved"} | sums


WORTH = {"JPY": 12000, "USD": 80, "EUR": 65, "KWD": 25, "PHP": 1500}
PLACES = {"JPY": 0, "KWD": 3}
ODDS = {
    Verdict.MATCHED: 3000,
    Verdict.AMOUNT_WITHIN_TOLERANCE: 24,
    Verdict.TIMING_PENDING: 41,
    Verdict.STALE_PENDING: 9,
    Verdict.REFUND_MISMATCH: 17,
    Verdict.STATUS_MISMATCH: 26,
    Verdict.AMOUNT_MISMATCH: 33,
    Verdict.CURRENCY_MISMATCH: 4,
    Verdict.DUPLICATE_AT_GATEWAY: 6,
    Verdict.UNKNOWN: 3,
    Verdict.MISSING_IN_LEDGER: 12,
    Verdict.MISSING_AT_GATEWAY: 19,
    Verdict.DUPLICATE_IN_LEDGER: 8,
    Verdict.UNCHECKED: 14,
    Verdict.INVALID_ROW: 7,
}


def october(path: Path, *, seed: int = 7, odds: Mapping[Verdict, int] = MappingProxyType(ODDS)) -> Workspace:
    """A month of a shop: so many findings of each verdict, in the order of the ledger."""
    chance = random.Random(seed)
    verdicts = [verdict for verdict, count in odds.items() for _ in range(count)]
    chance.shuffle(verdicts)
    findings = [_chance_finding(chance, verdict, line) for line, verdict in enumerate(verdicts, 2)]
    findings.sort(key=lambda one: (one["line"] is None, one["line"]))
    count = len(findings)
    answers = [
        {"seconds": min(9.0, chance.lognormvariate(-1.6, 0.6)), "asked_at": BEGUN + timedelta(seconds=n / 40)}
        for n in range(count - 300)
    ]
    answers += [{"outcome": "failed", "asked_at": BEGUN}] * odds.get(Verdict.UNCHECKED, 0)
    confirmed = [{"source": "journal" if n % 3 else "earlier", "n": -1} for n in range(260)]
    month = Selection(since=datetime(2026, 10, 1, tzinfo=UTC), until=datetime(2026, 11, 1, tzinfo=UTC))
    return a_run(path, findings, answers=answers, confirmed=confirmed, selection=month, outside=12)


def _chance_finding(chance: random.Random, verdict: Verdict, line: int) -> dict[str, Any]:
    currency = chance.choices(tuple(WORTH), (5, 9, 6, 1, 2))[0]
    unit = Decimal(1).scaleb(-PLACES.get(currency, 2))
    amount = (WORTH[currency] * Decimal(chance.randint(20, 400)) / 100).quantize(unit)
    at = BEGUN - timedelta(seconds=int(chance.triangular(0, 31, 6) * 86_400))
    kind = chance.choices(("payment", "refund", "capture"), (12, 2, 1))[0]
    order = f"A-{10_000 + line}"
    common = {
        "line": line,
        "transaction_id": str(UUID(int=chance.getrandbits(128), version=4)),
        "reference": f"{order}-1-{chance.getrandbits(32):08x}",
        "order_name": order,
        "kind": kind,
        "at": at,
        "source": chance.choices(("gateway", "journal", "earlier"), (20, 2, 1))[0],
    }
    here = {"ledger_status": "approved", "ledger_amount": amount, "ledger_currency": currency}
    there = {
        "gateway_status": "approved",
        "gateway_amount": amount,
        "gateway_currency": currency,
        "gateway_time": at + timedelta(seconds=4),
        "gateway_type": "SALE",
        "difference": Decimal(0),
    }
    return finding(verdict, **(common | here | there | _DIFFERING[verdict](chance, amount, unit, currency)))


def _differing_by(much: int) -> Callable[..., dict[str, Any]]:
    def make(chance: random.Random, amount: Decimal, unit: Decimal, _currency: str) -> dict[str, Any]:
        less = chance.choice((-1, 1)) * chance.randint(1, much) * unit
        told = max(amount + less, unit)
        reason = f"the gateway has {told}, the ledger {amount}"
        return {"gateway_amount": told, "difference": told - amount, "reason": reason}

    return make


def _always(**cells: Any) -> Callable[..., dict[str, Any]]:
    return lambda *_: cells


_NO_ANSWER = {"gateway_status": None, "gateway_amount": None, "gateway_currency": None, "gateway_time": None}
_NO_ANSWER |= {"gateway_type": None, "difference": None}
_NO_ROW = {"line": None, "at": None, "ledger_status": None, "ledger_amount": None, "ledger_currency": None}
_NO_CELLS = {"transaction_id": None, "reference": None, "order_name": None, "kind": None, "source": None, "at": None}

_DIFFERING: Mapping[Verdict, Callable[..., dict[str, Any]]] = {
    Verdict.MATCHED: _always(),
    Verdict.AMOUNT_WITHIN_TOLERANCE: _differing_by(2),
    Verdict.TIMING_PENDING: lambda chance, *_: {
        "gateway_status": "pending",
        "at": BEGUN - timedelta(hours=chance.randint(1, 70)),
        "gateway_time": None,
        "reason": "open since less than 3 days",
    },
    Verdict.STALE_PENDING: lambda chance, *_: {
        "gateway_status": "pending",
        "at": BEGUN - timedelta(days=chance.randint(4, 30)),
        "gateway_time": None,
        "reason": "open for more than 3 days",
    },
    Verdict.REFUND_MISMATCH: lambda _chance, amount, *_: {
        "ledger_refunded": amount,
        "gateway_refunded": Decimal(0),
        "reason": "the gateway gave nothing back",
    },
    Verdict.STATUS_MISMATCH: _always(gateway_status="declined", difference=None, reason="declined: insufficient funds"),
    Verdict.AMOUNT_MISMATCH: _differing_by(2500),
    Verdict.CURRENCY_MISMATCH: lambda _chance, _amount, _unit, currency: {
        "gateway_currency": "EUR" if currency != "EUR" else "USD",
        "difference": None,
        "reason": "the currencies differ",
    },
    Verdict.DUPLICATE_AT_GATEWAY: _always(
        flags=["duplicate_at_gateway", "refund_mismatch"], reason="charged twice under one reference"
    ),
    Verdict.UNKNOWN: _always(gateway_status="unknown", difference=None, reason="answered with another amount, code 94"),
    Verdict.MISSING_IN_LEDGER: _always(**_NO_ROW, difference=None, reason="a webhook knows of it"),
    Verdict.MISSING_AT_GATEWAY: _always(**_NO_ANSWER, reason="the gateway knows no such transaction"),
    Verdict.DUPLICATE_IN_LEDGER: _always(reason="line 17 has the same transaction"),
    Verdict.UNCHECKED: _always(**_NO_ANSWER, reason="no answer in 30 seconds"),
    Verdict.INVALID_ROW: _always(
        **_NO_ANSWER,
        **_NO_CELLS,
        ledger_status=None,
        ledger_amount=None,
        ledger_currency=None,
        reason="amount: needs digits with at most one point: '12,5O'",
    ),
}
