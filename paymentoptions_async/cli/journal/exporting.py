"""The journal's records as lines for accountants and scripts: CSV or JSON Lines, a page of records at a time.

Everything in a record is masked already. What opens a page or charges a stored card is left out.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from paymentoptions_async.intent import Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Source
from paymentoptions_async.values import Money

_PAGE = 1000


async def pages(
    journal: Journal, scope: str, *, since: float = 0.0, statuses: Collection[str] = ()
) -> AsyncIterator[list[Record]]:
    """All records of a scope that changed since, in one of the statuses or any, in the order of their references."""
    after = ""
    while records := await journal.records(scope, after=after, limit=_PAGE):
        after = records[-1].ref
        yield [r for r in records if _changed_at(r) >= since and (not statuses or r.payment.status in statuses)]


def as_object(record: Record) -> dict[str, Any]:
    """One record. Amounts are text, exact to the digit; times are ISO 8601, UTC."""
    return {name: read(record) for name, read in _FIELDS.items()}


def jsonl(records: Iterable[Record]) -> str:
    """One object a line, in ASCII, so that nothing in it steers a terminal."""
    return "".join(json.dumps(as_object(record)) + "\n" for record in records)


def csv_heading() -> str:
    """The names of the columns."""
    return _csv([list(_FIELDS)])


def csv_lines(records: Iterable[Record]) -> str:
    """Comma-separated, without a heading. What lists have is joined by semicolons."""
    return _csv([_cell(value) for value in as_object(record).values()] for record in records)


def _changed_at(record: Record) -> float:
    """When it last changed; what passed its deadline without an answer changed then."""
    return record.deadline if record.payment.source is Source.CLOCK else record.changed_at


def _amount(money: Money | None) -> str | None:
    return f"{money.amount:f}" if money is not None else None


def _currency(money: Money | None) -> str | None:
    return money.currency if money is not None else None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


_FIELDS: dict[str, Callable[[Record], Any]] = {
    "ref": lambda r: r.ref,
    "operation": lambda r: r.payment.operation.value,
    "status": lambda r: r.payment.status.value,
    "amount": lambda r: _amount(r.payment.amount),
    "currency": lambda r: _currency(r.payment.amount) or r.intent.currency,
    "approved_amount": lambda r: _amount(r.payment.approved_amount),
    "approved_currency": lambda r: _currency(r.payment.approved_amount),
    "order": lambda r: r.intent.order,
    "idempotency_key": lambda r: r.intent.idempotency_key,
    "parent": lambda r: r.intent.parent,
    "transaction_id": lambda r: r.payment.transaction_id,
    "transaction_type": lambda r: r.payment.transaction_type,
    "subscription_id": lambda r: r.payment.subscription_id,
    "response_code": lambda r: r.payment.response_code,
    "gateway_code": lambda r: r.payment.gateway_code,
    "auth_code": lambda r: r.payment.auth_code,
    "decline_reason": lambda r: r.payment.decline.reason if r.payment.decline is not None else None,
    "card": lambda r: str(r.payment.card) if r.payment.card is not None else None,
    "duplicate_charges": lambda r: list(r.payment.duplicate_charges),
    "renewals": lambda r: list(r.payment.renewals),
    "doubts": lambda r: list(r.payment.doubts),
    "told_by": lambda r: r.payment.source.value,
    "progress": lambda r: r.payment.progress.value,
    "opened_at": lambda r: _time(r.opened_at),
    "changed_at": lambda r: _time(_changed_at(r)),
    "gateway_time": lambda r: r.payment.gateway_time.isoformat() if r.payment.gateway_time is not None else None,
    "environment": lambda r: r.intent.environment,
    "merchant_id": lambda r: r.intent.merchant_id,
}


def _csv(rows: Iterable[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  some spreadsheets take them too


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: text that would be a formula gets an apostrophe before it."""
    if isinstance(value, list):
        value = "; ".join(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
