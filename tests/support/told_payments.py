"""Payments that a ledger lacks, as an application would know of them: by its journal, or by a webhook alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Change, Intent, Notice, Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Source
from paymentoptions_async.values import Money

ANSWERED = Evidence(Left.MAYBE, Stage.DONE, http_status=201)


async def enter_payments(journal: Journal, scope: str, rows: Iterable[Mapping[str, str]]) -> None:
    """Let a journal know of rows of a catalogue's ledger, as of purchases that its application made."""
    gateway, environment, merchant_id = scope.split("/")
    for row in rows:
        approved, status = Money(row["amount"], row["currency"]), PaymentStatus(row["status"])
        asked = Money(2 * approved.amount, row["currency"]) if status is PaymentStatus.PARTIALLY_APPROVED else approved
        intent = Intent(
            gateway=gateway,
            environment=environment,
            merchant_id=merchant_id,
            operation=Operation.CHECKOUT if gateway == "corefy" else Operation.PURCHASE,
            idempotency_key=row["order_id"],
            ref=row["merchant_txn_ref"],
            amount=asked,
            order=row["order_id"],
        )
        await journal.admit(intent, owner="application", lease=60)
        await journal.change(intent.ref, partial(_answered, status, approved, row["transaction_id"]))


async def enter_webhooks(journal: Journal, scope: str, rows: Iterable[Mapping[str, str]]) -> None:
    """Let a journal have webhooks about rows of a catalogue's ledger, which belong to no payment of its own."""
    for row in rows:
        await journal.note(
            Notice(
                ref=row["merchant_txn_ref"],
                digest=row["transaction_id"],
                transaction_ids=(row["transaction_id"],),
                body={"success": True},
                scope=scope,
                known=False,
            )
        )


def _answered(status: PaymentStatus, approved: Money, transaction_id: str, record: Record) -> Change:
    """The gateway's direct answer."""
    told = replace(
        record.payment,
        status=status,
        progress=Progress.ANSWERED,
        source=Source.REPLY,
        transaction_id=transaction_id,
        approved_amount=approved,
    )
    return Change(told, Source.REPLY, "answered", ANSWERED)
