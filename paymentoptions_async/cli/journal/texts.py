"""What is said of a payment: why it is open, what can settle it, where to look it up, what a verdict means. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from paymentoptions_async.corefy import gateway as corefy
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Family, Operation, PaymentStatus, Progress
from paymentoptions_async.settlement import Verdict
from paymentoptions_async.settling import Settlement


def plain(text: object) -> str:
    """Text as a terminal may print it: what the gateway or a buyer wrote must not steer the terminal."""
    return "".join(map(_printable, str(text)))


def _printable(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")


def what(intent: Intent) -> str:
    """An operation in words: ``purchase of 1000 JPY``."""
    name = intent.operation.value.replace("_", " ")
    return f"{name} of {intent.amount}" if intent.amount is not None else name


def why_open(record: Record) -> str:
    """Why a payment is not final."""
    payment = record.payment
    if payment.doubts:
        return "; ".join(payment.doubts)
    if payment.status is PaymentStatus.PENDING and payment.progress is Progress.SENDING:
        return "on its way to the gateway"
    if payment.status is PaymentStatus.PENDING:
        return "taken by the gateway, not decided yet"
    if payment.decline is not None:
        return f"its last attempt was declined ({payment.decline.reason}), and its page is still open"
    return "waits for its buyer"


def settled_by(record: Record, *, webhook_waits: bool = False) -> str:
    """What can settle a payment that is not final."""
    payment = record.payment
    if payment.status is PaymentStatus.PENDING and payment.progress is Progress.SENDING:
        return "the call that has it on the wire"
    if payment.contradicted:
        return "a person who compares its history with the portal"
    if webhook_waits:
        return "a webhook of it came; the application confirms it when it runs"
    if payment.status is PaymentStatus.ACTION_REQUIRED:
        return "its buyer; or a person, as abandoned"
    first = "its webhook" if payment.transaction_id is None else "resolve(), which asks the gateway"
    return first if payment.status is PaymentStatus.PENDING else f"{first}; or a person who looks it up in the portal"


def where_in_portal(intent: Intent) -> str:
    """How to find a payment in the vendor's portal."""
    charge = intent.charge_ref or intent.parent
    if intent.operation.follows and intent.gateway == corefy.NAME:
        return f"as the refund {intent.ref} of the invoice {charge}"
    if intent.operation is Operation.VOID:
        return f"as a void of the authorisation {charge}"
    if intent.operation.follows:
        return f"as a {intent.operation} under {charge}, whose notes end with {intent.ref}"
    if intent.operation is Operation.SUBSCRIBE:
        return f"as a subscription whose plan's description has {intent.ref}"
    return f"as reference {intent.ref}"


_MEANS = {
    Verdict.HAPPENED: "It happened",
    Verdict.NOT_HAPPENED: "It did not happen and will not",
    Verdict.ABANDONED: "The buyer never came back",
}


def consequences(settlement: Settlement, verdict: Verdict) -> Iterator[str]:
    """What follows from settling a payment so, a sentence each."""
    intent, outcome = settlement.record.intent, settlement.outcome
    yield f"{_MEANS[verdict]}: the payment becomes {outcome.status.name}, for good."
    yield f"Its key {intent.idempotency_key!r} never sends again."
    if verdict is Verdict.HAPPENED:
        yield from _of_happened(settlement)
    else:
        yield from _of_not_happened(intent, verdict)
    yield "Should the gateway ever say otherwise, that is recorded as a contradiction."


ABANDONED = (
    "Each becomes EXPIRED, for good, and its key never sends again. A buyer who still has the page may pay on it all "
    "the same: that is recorded as a contradiction, and shown by `unresolved`."
)


def _of_happened(settlement: Settlement) -> Iterator[str]:
    intent, outcome = settlement.record.intent, settlement.outcome
    if intent.order is not None:
        yield f"Order {intent.order!r} counts as paid."
    if intent.operation.follows:
        yield "It counts in the balance of what it follows."
    elif outcome.transaction_id is None:
        yield (
            "Its transaction is not known, so it can't be captured, voided or refunded by its reference: "
            "pass --transaction-id if the portal shows one."
        )


def _of_not_happened(intent: Intent, verdict: Verdict) -> Iterator[str]:
    if intent.order is not None:
        yield f"Order {intent.order!r} may be paid by a new attempt, with another key."
    if verdict is Verdict.ABANDONED:
        yield "A buyer who still has the page may pay on it all the same."
        return
    harm = {
        Family.CAPTURE: "a new capture takes the amount a second time",
        Family.REFUND: "a new refund gives the amount back a second time",
        Family.VOID: "a capture may meet an authorisation that is gone",
        Family.SUBSCRIBE: "it keeps billing, unseen",
    }.get(intent.operation.family, "a new attempt charges the buyer a second time")
    yield f"If it did happen after all, {harm}."
