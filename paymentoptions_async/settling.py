"""What is left to settle, and settling it by hand: over a journal alone, because the command line has no API keys.

A person decides on what they have seen. So a settlement is prepared first, and kept only where the record is still the
one that was seen: whoever answers meanwhile comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

from paymentoptions_async import requests, settlement
from paymentoptions_async.errors import InvalidValue, NotAllowed
from paymentoptions_async.intent import Change, Record
from paymentoptions_async.journal import Decide, Journal
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Progress
from paymentoptions_async.refs import may_be_ref
from paymentoptions_async.settlement import Verdict

_HAS_UUIDS = "paymentoptions"
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
"""Of other gateways: ``cpi_…``, ``ref_…``."""


class Urgency(IntEnum):
    """In which order people should look at what is not final."""

    BILLING = 0
    """Subscriptions: one that nobody knows of keeps billing."""
    UNDECIDED = 1
    """Unknown or pending: money may have moved."""
    WAITING = 2
    """Its buyer has not come back."""

    @classmethod
    def of(cls, payment: Payment) -> Urgency:
        """How urgent a payment is that is not final."""
        if payment.operation is Operation.SUBSCRIBE:
            return cls.BILLING
        return cls.WAITING if payment.status is PaymentStatus.ACTION_REQUIRED else cls.UNDECIDED


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a person says of a record as they saw it. ``outcome`` is the payment as it will be."""

    record: Record
    outcome: Payment
    decide: Decide


async def unresolved(
    journal: Journal, scope: str, *, kind: PaymentStatus | None = None, older_than: float = 0.0
) -> list[Record]:
    """What is neither final nor in flight, the most urgent first and then the oldest.

    ``kind`` keeps one status; ``older_than`` those opened at least so many seconds ago.
    """
    records = await journal.unresolved(scope, older_than=older_than)
    kept = [record for record in records if kind in (None, record.payment.status)]
    return sorted(kept, key=lambda record: Urgency.of(record.payment))


async def prepare(
    journal: Journal,
    scope: str,
    ref: str,
    verdict: Verdict | str,
    *,
    by: str,
    note: str,
    transaction_id: str | None = None,
) -> Settlement:
    """Look a payment up and check that it may be settled so. Nothing is written.

    Raises `NotAllowed` for one that is final or in flight, and `InvalidValue` where the journal has no such payment
    in this scope, the transaction is another payment's, or an argument breaks a rule.
    """
    record = await journal.get(ref) if may_be_ref(ref) else None
    if record is None:
        raise InvalidValue(f"ref: the journal has no payment {mask_text(str(ref))!r}", field="ref")
    if record.intent.scope != scope:
        raise InvalidValue(f"ref: {record.ref} is of {record.intent.scope}, not of {scope}", field="ref")
    if transaction_id is not None:
        transaction_id = await _check_free(journal, record, transaction_id)
    return _prepared(record, _verdict(verdict), by=by, note=note, transaction_id=transaction_id)


async def settle(journal: Journal, settlement: Settlement) -> Payment:
    """Keep what was prepared, and return the payment. Raises `NotAllowed` where the record changed since."""
    kept: Change | None = None

    def decide(record: Record) -> Change | None:
        nonlocal kept
        kept = settlement.decide(record)  # the last time counts, where a journal asks again
        return kept

    record = await journal.change(settlement.record.ref, decide)
    if kept is None:
        raise NotAllowed(f"{record.ref} changed meanwhile: it is {record.payment.status}", payment=record.payment)
    return record.payment


async def settle_abandoned(journal: Journal, records: Iterable[Record], *, by: str, note: str) -> list[Payment]:
    """Close these as EXPIRED, and return those that were. What changed since it was seen was not abandoned."""
    closed = []
    for record in records:
        try:
            prepared = _prepared(record, Verdict.ABANDONED, by=by, note=note, transaction_id=None)
            closed.append(await settle(journal, prepared))
        except NotAllowed:
            continue
    return closed


def _prepared(record: Record, verdict: Verdict, *, by: str, note: str, transaction_id: str | None) -> Settlement:
    by, note = settlement.check_words(by, note)
    payment = record.payment
    if payment.progress is Progress.SENDING and payment.status is PaymentStatus.PENDING:
        raise NotAllowed(f"{record.ref} is in flight; wait for its end", payment=payment)
    decide = partial(
        settlement.settled, verdict=verdict, seen=record.version, by=by, note=note, transaction_id=transaction_id
    )
    change = decide(record)
    assert change is not None, "a record is at its own version"
    return Settlement(record, change.payment, decide)


async def _check_free(journal: Journal, record: Record, transaction_id: str) -> str:
    """A transaction belongs to one payment, and the id must be one that can be asked for."""
    if record.intent.gateway == _HAS_UUIDS:
        transaction_id = requests.check_transaction_id(transaction_id, "transaction_id")
    elif not isinstance(transaction_id, str) or not _ID.fullmatch(transaction_id):
        raise InvalidValue("transaction_id: needs letters, digits and underscores", field="transaction_id")
    known = await journal.find(transaction_id)
    if known is not None and known.ref != record.ref:
        raise InvalidValue(f"transaction_id: belongs to {known.ref}", field="transaction_id")
    return transaction_id


def _verdict(value: Verdict | str) -> Verdict:
    try:
        return Verdict(value)
    except ValueError:
        raise InvalidValue(f"verdict: one of {', '.join(Verdict)}", field="verdict") from None
