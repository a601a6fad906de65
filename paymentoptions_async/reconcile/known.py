"""What the journal knows, and the webhooks that belong to no payment, as a table beside the ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from paymentoptions_async.intent import Notice, Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Progress, Source
from paymentoptions_async.reconcile.schemas import KNOWN
from paymentoptions_async.reconcile.threads import Stop, in_thread
from paymentoptions_async.reconcile.workspace import Workspace, written
from paymentoptions_async.refs import is_ref
from paymentoptions_async.reply_fields import transaction_id_of

PAGE = 1000
"""Records that are asked of the journal at once."""
GROUP = 50_000
"""Rows that are kept in memory, about: 10 MB."""


async def keep_known(journal: Journal, run: Workspace) -> None:
    """Write down what the journal knows of the run's merchant: see `schemas.KNOWN`. In constant memory.

    All of it, whatever the run's window: a row of the ledger may be of another day than its payment. What the journal
    names is not always named once: a void may have the transaction of its charge, and another attempt of an order,
    which was paid too, is a payment's duplicate charge beside being its own payment.

    Raises `JournalUnavailable`.
    """
    scope = run.manifest.scope
    with written(run.known) as new, pq.ParquetWriter(new, KNOWN, compression="zstd") as file:
        kept: list[pa.RecordBatch] = []
        async for rows in _pages(journal, scope):
            kept.append(_batch(rows))
            if sum(map(len, kept)) >= GROUP:
                await in_thread(partial(_write, file, kept))
                kept = []
        await in_thread(partial(_write, file, kept))


class Row(NamedTuple):
    """A row, its fields those of `schemas.KNOWN`. ``opened_at`` is in microseconds since 1970."""

    ref: str
    reference: str | None
    transaction_id: str | None
    role: str
    operation: str | None
    status: str | None
    confirmed: bool
    contradicted: bool
    amount: Decimal | None
    currency: str | None
    charged_back: Decimal | None
    transaction_type: str | None
    parent: str | None
    order_name: str | None
    opened_at: int


assert list(Row._fields) == KNOWN.names


async def _pages(journal: Journal, scope: str) -> AsyncIterator[list[Row]]:
    ref = ""
    while records := await journal.records(scope, after=ref, limit=PAGE):
        yield [row for record in records for row in rows_of(record)]
        ref = records[-1].ref
    place, names = ("", ""), set[str]()
    while notices := await journal.orphans(scope, after=place, limit=PAGE):
        rows = []
        for notice in notices:
            names = names if notice.ref == place[0] else set()
            rows += [_orphan(notice, name) for name in notice.transaction_ids if name not in names]
            names.update(notice.transaction_ids)  # what follows about the same reference repeats them
            place = (notice.ref, notice.digest)
        yield rows


def rows_of(record: Record) -> Iterator[Row]:
    """A record's own transaction, or that it has none; and each further one that was charged under its name.

    What those came to was confirmed once, and is not kept: only asking tells.
    """
    intent, payment = record.intent, record.payment
    amount = payment.approved_amount or payment.amount
    own = Row(
        ref=intent.ref,
        reference=intent.merchant_txn_ref,
        transaction_id=transaction_id_of(payment.transaction_id),
        role="own",
        operation=intent.operation.value,
        status=payment.status.value,
        confirmed=_is_confirmed(record),
        contradicted=payment.contradicted,
        amount=None if amount is None else amount.amount,
        currency=intent.currency if amount is None else amount.currency,
        charged_back=None if payment.charged_back is None else payment.charged_back.amount,
        transaction_type=payment.transaction_type,
        parent=intent.parent,
        order_name=intent.order,
        opened_at=_microseconds(record.opened_at),
    )
    yield own
    for role, others in (("duplicate", payment.duplicate_charges), ("renewal", payment.renewals)):
        for other in others:
            if not is_ref(other):  # another attempt, whose transaction was not known then, has a row of its own
                yield own._replace(
                    transaction_id=transaction_id_of(other),
                    role=role,
                    status=None,
                    confirmed=False,
                    amount=None,
                    currency=None,
                    charged_back=None,
                    transaction_type=None,
                )


def _is_confirmed(record: Record) -> bool:
    payment = record.payment
    told = payment.source in (Source.REPLY, Source.STATUS) and payment.progress is Progress.ANSWERED
    return told and payment.is_final and not payment.contradicted


def _orphan(notice: Notice, transaction_id: str) -> Row:
    """A transaction that a webhook named. Nothing else in it is worth keeping: nobody has confirmed it."""
    return Row(
        ref=notice.ref,
        reference=notice.ref or None,
        transaction_id=transaction_id,
        role="orphan",
        operation=None,
        status=None,
        confirmed=False,
        contradicted=False,
        amount=None,
        currency=None,
        charged_back=None,
        transaction_type=None,
        parent=None,
        order_name=None,
        opened_at=_microseconds(notice.received_at),
    )


def _microseconds(at: float) -> int:
    return round(at * 1_000_000)


def _batch(rows: Sequence[Row]) -> pa.RecordBatch:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(KNOWN)
    return pa.record_batch([_array(column, field) for column, field in zip(columns, KNOWN, strict=True)], schema=KNOWN)


def _array(values: Sequence[Any], field: pa.Field) -> pa.Array:
    try:
        return pa.array(values, field.type)
    except UnicodeEncodeError:  # half a character, in a text that came from outside
        texts = [value if value is None else value.encode("utf-8", "replace").decode() for value in values]
        return pa.array(texts, field.type)


def _write(file: pq.ParquetWriter, batches: Sequence[pa.RecordBatch], stop: Stop) -> None:
    stop.check()
    file.write_table(pa.Table.from_batches(batches, KNOWN))
