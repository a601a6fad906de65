"""Settling by hand: a person looked in the portal, and says what became of a payment. Pure.

The gateway can't be asked by reference, so where no webhook comes, only a person can know. What a person says is kept
with name and reason, closes the key for good, and is contradicted aloud by whatever the gateway says later.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from paymentoptions_async.errors import InvalidValue, NotAllowed
from paymentoptions_async.intent import Change, Record
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Operation, Payment, PaymentStatus, Progress, Source

_LONGEST_NOTE = 500
_LONGEST_NAME = 100


class Verdict(StrEnum):
    """What a person found in the portal."""

    HAPPENED = "happened"
    """The portal shows it as done: money moved, or is held."""
    NOT_HAPPENED = "not_happened"
    """The portal shows nothing under the reference, or shows it as failed."""
    ABANDONED = "abandoned"
    """The buyer never came back. Only for what waits for its buyer."""


def check_words(by: object, note: object) -> tuple[str, str]:
    """Return who settles and why, masked, or raise `InvalidValue`: both are needed, in 100 and 500 characters."""
    return _words("by", by, _LONGEST_NAME), _words("note", note, _LONGEST_NOTE)


def settled(
    record: Record, verdict: Verdict, *, seen: int, by: str, note: str, transaction_id: str | None = None
) -> Change | None:
    """Take in what a person says of a payment. None where the record is no longer at version ``seen``.

    Raises `NotAllowed` where there is nothing to settle. Whether an intent is in flight is for the caller to check,
    who has it as it reads now; a later version than the one seen means that it was.
    """
    if record.version != seen:
        return None
    payment = record.payment
    if payment.is_final:
        raise NotAllowed(f"{payment.ref} is {payment.status}; there is nothing to settle", payment=payment)
    if verdict is Verdict.ABANDONED and payment.status is not PaymentStatus.ACTION_REQUIRED:
        raise NotAllowed(
            f"{payment.ref} is {payment.status} and does not wait for its buyer; say whether it happened",
            payment=payment,
        )
    if verdict is Verdict.HAPPENED and payment.operation is Operation.HOSTED_PAGE and payment.amount is None:
        raise NotAllowed(f"{payment.ref} has no amount of its own; only a status answer can tell it", payment=payment)
    told = replace(
        payment,
        status=_status(payment, verdict),
        progress=Progress.ANSWERED,
        source=Source.PERSON,
        doubts=(),
        contradicted=False,
        redirect_url=None,
        redirect_form=None,
        transaction_id=transaction_id or payment.transaction_id,
        approved_amount=None,  # an answer that was in doubt may have named another one
    )
    return Change(told, Source.PERSON, "settled", by=by, note=note)


def _status(payment: Payment, verdict: Verdict) -> PaymentStatus:
    if verdict is Verdict.NOT_HAPPENED:
        return PaymentStatus.CANCELLED
    if verdict is Verdict.ABANDONED:
        return PaymentStatus.EXPIRED
    return PaymentStatus.AUTHORIZED if payment.operation is Operation.AUTHORIZE else PaymentStatus.APPROVED


def _words(name: str, value: object, longest: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidValue(f"{name}: needs a few words; they are kept in the history", field=name)
    words = " ".join(value.split())
    if len(words) > longest or not words.isprintable():
        raise InvalidValue(f"{name}: at most {longest} printable characters are kept in the history", field=name)
    return mask_text(words)
