"""Who may send: one key, one intent; one order, one payment; no balance exceeded.

Pure. Journals call these inside a transaction with the rows locked; nothing here reads a clock or talks to anyone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from paymentoptions_async.balance import check_following
from paymentoptions_async.errors import IdempotencyConflict, NotAllowed
from paymentoptions_async.intent import Change, Intent, Record
from paymentoptions_async.payment import PaymentStatus, Progress, Source
from paymentoptions_async.transitions import as_of


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether whoever asked may send, and the record that stands under the key after the decision."""

    send: bool
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a journal has around an intent, locked.

    ``standing`` is the record under the same key, ``attempts`` those of the same order, ``parent`` the record that is
    captured, voided or refunded (`parent_of`), ``followers`` all that followed it.
    """

    standing: Record | None = None
    attempts: Sequence[Record] = ()
    parent: Record | None = None
    followers: Sequence[Record] = ()


def parent_of(intent: Intent, named: Record | None, owner: Record | None) -> Record | None:
    """What an intent follows: the record of the reference that it names, or the owner of the transaction.

    Asked for by its transaction, a payment may have become known since; its balance counts all the same. A renewal or
    a duplicate charge is money of its own, of which the balance of the payment beside it says nothing.
    """
    if named is not None or owner is None:
        return named
    is_its_own = owner.payment.transaction_id == intent.parent and owner.ref != intent.ref
    return owner if is_its_own else None


def followers_of(ref: str | None, records: Mapping[str, Record], children: Mapping[str, Iterable[str]]) -> list[Record]:
    """Children and theirs: captures and voids of an authorisation, refunds of those captures.

    ``children`` has them under what they name: a reference, or a transaction id where the journal did not know the
    payment yet. Each is told once, also where the gateway answers with the id of the transaction that was followed.
    """
    found: dict[str, Record] = {}
    names = [] if ref is None else [ref]
    for name in names:  # grows meanwhile
        known = records.get(name)
        by_id = None if known is None else known.payment.transaction_id
        for child in (*children.get(name, ()), *children.get(by_id or "", ())):
            if child not in found:
                found[child] = records[child]
                names.append(child)
    return list(found.values())


def may_send(intent: Intent, around: Surroundings, now: float) -> bool:
    """Decide whether an intent may be put on the wire at ``now``, by the journal's clock.

    False means that what stands under its key is the answer. Raises `IdempotencyConflict` or `NotAllowed`.
    """
    standing = as_of(around.standing, now) if around.standing is not None else None
    if standing is not None:
        may_go_again = standing.payment.progress in (Progress.NOT_SENT, Progress.REFUSED)
        differing = intent.differs_from(standing.intent)
        if not may_go_again and _for_another_order(intent, standing.intent):
            differing = (*differing, "order")
        if differing:
            raise IdempotencyConflict(
                f"idempotency key {intent.idempotency_key!r} stands for another request ({', '.join(differing)}); "
                "use a new key for a new attempt",
                fields=differing,
                ref=intent.ref,
                operation=intent.operation,
            )
        if not may_go_again:
            return False
    _check_order(intent, [attempt for attempt in around.attempts if attempt.ref != intent.ref], now)
    if intent.operation.follows:
        check_following(intent, around.parent, [as_of(follower, now) for follower in around.followers])
    return True


def _for_another_order(intent: Intent, standing: Intent) -> bool:
    """Would the payment of one order be returned for another, which nobody has paid?"""
    return None not in (intent.order, standing.order) and intent.order != standing.order


def _check_order(intent: Intent, attempts: list[Record], now: float) -> None:
    """Refuse a new attempt while another of its order may take, or has taken, the money."""
    given_up = {attempt.intent.supersedes for attempt in attempts} | {intent.supersedes}
    for attempt in attempts:
        why = _stands_in_the_way(attempt, given_up, now)
        if why:
            raise NotAllowed(
                f"order {intent.order!r}: attempt {attempt.ref} {why}",
                ref=intent.ref,
                operation=intent.operation,
                payment=as_of(attempt, now).payment,
            )
    if intent.supersedes is not None and intent.supersedes not in {attempt.ref for attempt in attempts}:
        raise NotAllowed(
            f"supersedes={intent.supersedes!r}: no attempt of order {intent.order!r} has this reference",
            ref=intent.ref,
            operation=intent.operation,
        )


def _stands_in_the_way(attempt: Record, given_up: set[str | None], now: float) -> str | None:
    if attempt.in_flight(now):
        return "is in flight; wait for it"
    status = as_of(attempt, now).payment.status
    if status.took_money:
        return f"is {status}; the order is paid"
    if status is PaymentStatus.UNKNOWN:
        return "is unknown and may have charged the card; resolve it first"
    if status is PaymentStatus.PENDING:
        return "is pending at the gateway; wait for it"
    if status is PaymentStatus.ACTION_REQUIRED and attempt.ref not in given_up:
        return f"waits for its buyer; to give it up pass supersedes={attempt.ref!r}"
    return None


def opened(intent: Intent, standing: Record | None, *, owner: str, lease: float, now: float) -> tuple[Record, Change]:
    """The record of an intent that may be sent, before its version is counted, and the change that opens it.

    ``standing`` is what was under the key before, proven not sent or refused.
    """
    since = now if standing is None else standing.opened_at
    known = None if standing is None else standing.payment.transaction_id
    payment = replace(intent.opened(), opened_at=datetime.fromtimestamp(since, UTC), transaction_id=known)
    record = Record(
        intent=intent,
        payment=payment,
        owner=owner,
        deadline=now + lease,
        opened_at=since,
        changed_at=now,
        version=0 if standing is None else standing.version,
    )
    return record, Change(payment, Source.CALLER, "opened" if standing is None else "opened again")
