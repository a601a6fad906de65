"""How what an invoice says changes what is known of its charge. Pure.

An invoice is there before its sale, and says that it is pending from the beginning. So what is pending says nothing of
a sale that is still to come, nor of a buyer who is at the bank.
"""

from __future__ import annotations

from dataclasses import replace

from paymentoptions_async import transitions
from paymentoptions_async.corefy.replies import is_blocked
from paymentoptions_async.intent import Change, Record
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Progress, Reading, Source


def after_invoice(record: Record, reading: Reading, seen: Record) -> Change | None:
    """Take in what an invoice says of the charge that it was made for. None where it changes nothing.

    ``seen`` is the record as it read when it was asked about: past its deadline, `transitions.as_of` has closed it.
    """
    current = seen if record.version == seen.version else record
    if reading.foreign is not None or (not reading.status.is_final and is_in_flight(current)):
        return None
    change = transitions.after_charge_back(_after(current, reading), current, reading)
    return change if change is None or change.payment != record.payment else None


def is_in_flight(record: Record) -> bool:
    """Is its owner still about to say what became of it?"""
    return record.payment.progress is Progress.SENDING and record.payment.status is PaymentStatus.PENDING


def _after(record: Record, reading: Reading) -> Change | None:
    payment = record.payment
    never_sold = payment.progress in (Progress.NOT_SENT, Progress.REFUSED)
    if never_sold and not reading.status.is_final and payment.operation is not Operation.CHECKOUT:
        return _named(record, reading)
    waits = payment.status is PaymentStatus.ACTION_REQUIRED and reading.status is PaymentStatus.PENDING
    if waits and not is_blocked(reading):
        return None
    if _is_completed(payment, reading):
        payment = replace(payment, status=PaymentStatus.PENDING, approved_amount=None)
        return transitions.after_status(replace(record, payment=payment), reading)
    return transitions.after_status(record, reading)


def _named(record: Record, reading: Reading) -> Change | None:
    """A sale that was never sent, and an invoice that waits for it: the same key goes on with this one."""
    payment = record.payment
    is_its = reading.transaction_id is not None and reading.merchant_txn_ref == record.ref
    if not is_its or payment.transaction_id is not None:
        return None
    return Change(replace(payment, transaction_id=reading.transaction_id), Source.STATUS, "named")


def _is_completed(payment: Payment, reading: Reading) -> bool:
    """Was more processed since? Whether ``partially_processed`` is final, the vendor's pages say both."""
    before, now = payment.approved_amount, reading.approved_amount
    partial = payment.status is PaymentStatus.PARTIALLY_APPROVED and payment.transaction_id == reading.transaction_id
    return partial and reading.status.took_money and before is not None and now is not None and now > before
