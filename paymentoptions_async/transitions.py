"""How news changes what is known.

Pure. Journals call these inside a transaction with the record locked; nothing here reads a clock or talks to anyone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from paymentoptions_async.evidence import Evidence
from paymentoptions_async.intent import Change, Record
from paymentoptions_async.payment import Family, Operation, Payment, PaymentStatus, Progress, Reading, Source
from paymentoptions_async.replies import KINDS

LAPSED = "its owner's deadline passed without a recorded answer"
CONTRADICTION = "contradiction"
"""The history's word for evidence against what was settled."""
CHARGED_BACK = "charged_back"
"""The history's word for money that the buyer's bank took back, or gave back again."""


class Decision:
    """Remembers what a decision about a record was: a journal tells only what the record became."""

    def __init__(self, decide: Callable[[Record], Change | None]) -> None:
        self._decide = decide
        self.change: Change | None = None

    def __call__(self, record: Record) -> Change | None:
        """Decide; the last time counts, where a journal asks again."""
        self.change = self._decide(record)
        return self.change

    @property
    def contradicts(self) -> bool:
        """True where it contradicts what was settled."""
        return self.change is not None and self.change.event == CONTRADICTION


def as_of(record: Record, now: float) -> Record:
    """The record as it reads at an instant: past its deadline without an answer it is UNKNOWN.

    A link that nobody received charges nothing, so past its deadline it may be made again; so may a charge that would
    have been named before it was sent, and was not.
    """
    payment = record.payment
    if payment.progress is not Progress.SENDING or now < record.deadline:
        return record
    lapsed = replace(payment, status=PaymentStatus.UNKNOWN, source=Source.CLOCK, doubts=(LAPSED,))
    unnamed = record.intent.named_first and payment.transaction_id is None
    if payment.operation.family is Family.LINK or unnamed:
        lapsed = replace(lapsed, status=PaymentStatus.CANCELLED, progress=Progress.REFUSED)
    return replace(record, payment=lapsed)


def beside_attempts(change: Change, attempts: Iterable[Record]) -> Change:
    """Name the other charges of an order in a change that makes one more of its attempts take money.

    A superseded attempt may still be paid by its buyer; both charges are real, and neither is hidden. One of them names
    the other, and not the other way round as well: whoever refunds what is named must not refund both.
    """
    payment = change.payment
    if not payment.status.took_money:
        return change
    own = {payment.ref, payment.transaction_id}
    paid = [attempt.payment for attempt in attempts if attempt.ref != payment.ref and attempt.payment.status.took_money]
    paid = [other for other in paid if own.isdisjoint(other.duplicate_charges)]
    others = [other.transaction_id or other.ref for other in paid]
    new = tuple(other for other in others if other not in payment.duplicate_charges)
    if not new:
        return change
    found = replace(payment, duplicate_charges=payment.duplicate_charges + new)
    return replace(change, payment=found, event="duplicate_charge")


def is_news(before: Payment, change: Change) -> bool:
    """Is it a confirmed change, of which the application must hear? An outcome, or one more charge."""
    after = change.payment
    if change.event == CONTRADICTION:
        return True
    if (after.duplicate_charges, after.renewals) != (before.duplicate_charges, before.renewals):
        return True
    if after.charged_back != before.charged_back:
        return True
    told = before.is_final and before.progress is Progress.ANSWERED and before.status is after.status
    return after.is_final and after.progress is Progress.ANSWERED and not told


def after_exchange(record: Record, reading: Reading, evidence: Evidence, owner: str) -> Change | None:
    """Take in what the exchange of its owner brought: an answer, a refusal, or only evidence.

    Making a link charges nothing, and one whose answer was lost reached nobody: it may be made again. None where the
    record is no longer this owner's to answer, and nothing new was learned.
    """
    payment = record.payment
    source = Source.TRANSPORT if evidence.failure else Source.REPLY
    if payment.progress is not Progress.SENDING or record.owner != owner:
        change = _late_answer(record, reading, source, owner)
        return None if change is None else replace(change, evidence=evidence)
    if evidence.not_sent:
        closed = replace(payment, status=PaymentStatus.CANCELLED, progress=Progress.NOT_SENT, source=source)
        return Change(closed, source, "not sent", evidence)
    lost_link = payment.operation.family is Family.LINK and reading.status is PaymentStatus.UNKNOWN
    if reading.refusal is not None or lost_link:
        closed = replace(_learned(payment, reading, source), status=PaymentStatus.CANCELLED, progress=Progress.REFUSED)
        return Change(closed, source, "lost" if lost_link else "refused", evidence)
    return Change(_learned(payment, reading, source), source, "answered", evidence)


def _late_answer(record: Record, reading: Reading, source: Source, owner: str) -> Change | None:
    """An answer to what others have settled meanwhile. Without a transaction it can only contradict a person."""
    payment = record.payment
    if reading.transaction_id is not None:
        return _from_status(record, reading, Source.REPLY)
    by_person = record.owner == owner and payment.source is Source.PERSON and payment.is_final
    says_nothing = reading.status is PaymentStatus.UNKNOWN
    if not by_person or says_nothing or payment.status.took_money is reading.status.took_money:
        return None
    return _contradicted(payment, reading, source)


def named(record: Record, transaction_id: str, owner: str) -> Change | None:
    """Take in the gateway's id of an intent whose charging request is still to come. None if it is not its owner's."""
    payment = record.payment
    if payment.progress is not Progress.SENDING or record.owner != owner or payment.transaction_id == transaction_id:
        return None
    return Change(replace(payment, transaction_id=transaction_id, source=Source.REPLY), Source.REPLY, "named")


def after_charge_back(change: Change | None, record: Record, reading: Reading) -> Change | None:
    """Tell besides that the buyer's bank took money back, or gave it back again; an approval stays one."""
    payment = record.payment if change is None else change.payment
    told, known = reading.charged_back, record.payment.charged_back
    nothing_new = told is None or told == known or (known is None and not told.is_positive)
    if nothing_new or not payment.status.took_money or not _same_transaction(payment, reading):
        return change
    return Change(replace(payment, charged_back=told, raw=reading.raw), Source.STATUS, CHARGED_BACK)


def after_status(record: Record, reading: Reading) -> Change | None:
    """Take in a status answer that is about this reference. None where it changes nothing."""
    return _from_status(record, reading, Source.STATUS)


def repeats(record: Record, reading: Reading) -> bool:
    """Does a status answer, read as if nobody knew its transaction, say again just what the gateway has settled?

    Then reading it anew, as an answer about this record, can change nothing: it either says the same, or is in doubt;
    and a doubt with the amount that is known contradicts nothing.
    """
    payment = record.payment
    return (
        payment.is_final
        and payment.progress is Progress.ANSWERED
        and payment.source is not Source.PERSON
        and payment.transaction_id is not None
        and reading.transaction_id == payment.transaction_id
        and reading.status is payment.status
        and reading.approved_amount == payment.approved_amount
    )


def after_notice(record: Record, reading: Reading) -> Change | None:
    """Take in the status of a transaction that can only be this capture, refund or void (`matching`)."""
    payment = record.payment
    if not _may_be(record, reading):
        return None
    if payment.is_final and payment.status.took_money is not reading.status.took_money:
        return _contradicted(payment, reading, Source.STATUS)
    return Change(_learned(payment, reading, Source.STATUS), Source.STATUS, "confirmed")


def matching(followers: Iterable[Record], readings: Mapping[str, Reading]) -> list[Record]:
    """The open captures, refunds and voids that a transaction nobody knows may be. Only where it is one is it sure.

    The gateway tells of it under the charge's reference, so only parent, type and amount tell what it is (inferred).
    What a person settled without naming its transaction is among them: it may confirm or contradict them.
    ``readings`` has, for each reference, the answer as it reads for that intent.
    """
    return [follower for follower in followers if _may_be(follower, readings[follower.ref])]


def _may_be(follower: Record, reading: Reading) -> bool:
    intent, payment = follower.intent, follower.payment
    is_open = payment.source is Source.PERSON or not payment.is_final
    may_have_happened = is_open and payment.progress in (Progress.SENDING, Progress.ANSWERED)
    same_kind = _is_of(reading, intent.operation)
    same_amount = intent.amount is None or reading.approved_amount == intent.amount
    ref = reading.merchant_txn_ref
    clear = reading.status.is_final and ref is not None and intent.charge_ref in (None, ref)
    return may_have_happened and payment.transaction_id is None and clear and same_kind and same_amount


def _from_status(record: Record, reading: Reading, source: Source) -> Change | None:
    payment = record.payment
    if not _is_about(record, reading, source):
        return None
    if payment.operation is Operation.HOSTED_PAGE and reading.status is PaymentStatus.DECLINED:
        return _declined_attempt(payment, reading, source)
    if payment.source is Source.PERSON and payment.is_final and _agree(payment, reading):
        return _as_a_person_said(payment, reading, source)
    if payment.status.took_money:
        then = _approved_again if _claims_money(reading) else _against_approval
        return then(payment, reading, source)
    if payment.is_final and payment.progress is Progress.ANSWERED:  # a refusal is no answer about a transaction
        if _contradicts_no_money(payment, reading):
            return _contradicted(payment, reading, source)
        if not reading.status.took_money:
            return None
    return _news(payment, reading, source)


def _news(payment: Payment, reading: Reading, source: Source) -> Change | None:
    """What an answer says of a payment that is open, or that it overrides."""
    if not _same_transaction(payment, reading) and not reading.status.took_money:
        # Another attempt's end says nothing of the transaction that we know; but money of it is not hidden.
        return _approved_again(payment, reading, source) if _claims_money(reading) else None
    if payment.contradicted and not reading.status.took_money:
        return None  # money that was said to have moved is not unsaid by asking twice
    learned = _learned(payment, reading, source)
    if replace(learned, raw=payment.raw, source=payment.source) == payment:
        return None
    if _may_have_charged(payment) and not _same_transaction(payment, reading):
        assert payment.transaction_id is not None, "else it would be the same"
        beside = replace(learned, duplicate_charges=(*learned.duplicate_charges, payment.transaction_id))
        return Change(beside, source, "duplicate_charge")
    return Change(learned, source, "confirmed" if learned.is_final else "asked")


def _may_have_charged(payment: Payment) -> bool:
    """Was money said to have moved by the transaction that is known, be it in doubt, and not unsaid since?"""
    unsaid = payment.is_final or payment.decline is not None
    return not unsaid and (payment.contradicted or payment.approved_amount is not None)


def _agree(payment: Payment, reading: Reading) -> bool:
    return reading.status.is_final and payment.status.took_money is reading.status.took_money


def _is_about(record: Record, reading: Reading, source: Source) -> bool:
    """Is an answer about this intent's own transaction? Status data must say so; a direct answer must not deny it."""
    if reading.refusal is not None or reading.transaction_id is None or reading.foreign is not None:
        return False
    ref = record.intent.merchant_txn_ref
    unnamed = source is Source.REPLY and reading.merchant_txn_ref is None
    if ref is not None and reading.merchant_txn_ref != ref and not unnamed:
        return False
    if record.intent.operation.follows:  # the whole chain shares one reference, so only what is its own tells
        own = record.payment.transaction_id == reading.transaction_id or reading.own_ref == record.ref
        return source is Source.REPLY or own
    follows = _is_of(reading, Operation.REFUND, Operation.VOID)
    return not follows and not _captures(record.payment, reading)


def _is_of(reading: Reading, *operations: Operation) -> bool:
    """Does the gateway call the transaction what it calls those of one of these operations?"""
    kind = (reading.transaction_type or "").upper()
    return any(kind in KINDS[operation] for operation in operations)


def _captures(payment: Payment, reading: Reading) -> bool:
    """Is it a capture of this authorisation, which is told under the same reference and is no second charge?

    Where the gateway calls the authorisation itself a CAPTURE, its captures can't be told from second charges.
    """
    of_authorisation = payment.operation is Operation.AUTHORIZE and payment.transaction_type not in (None, "CAPTURE")
    return of_authorisation and reading.transaction_type == "CAPTURE" and not _same_transaction(payment, reading)


def _declined_attempt(payment: Payment, reading: Reading, source: Source) -> Change | None:
    """A declined card on a page that the buyer may still pay with another: told, but not the end.

    An attempt that was pending or unclear and ended so leaves the page open again.
    """
    if payment.status.took_money:
        return _against_approval(payment, reading, source)
    if payment.is_final or payment.contradicted or payment.progress is not Progress.ANSWERED:
        return None
    if not _same_transaction(payment, reading):
        return None  # the attempt that we know is still pending or unclear
    if payment.status is PaymentStatus.ACTION_REQUIRED and payment.decline == reading.decline:
        return None
    waiting = replace(
        payment,
        status=PaymentStatus.ACTION_REQUIRED,
        decline=reading.decline,
        transaction_id=None,
        approved_amount=None,
        doubts=(),
        source=source,
    )
    return Change(waiting, source, "attempt declined")


def _as_a_person_said(payment: Payment, reading: Reading, source: Source) -> Change | None:
    """The gateway says what a person had read in the portal: its answer stands from now on."""
    if not _same_transaction(payment, reading):
        return _approved_again(payment, reading, source) if reading.status.took_money else None
    return Change(_learned(payment, reading, source), source, "confirmed")


def _approved_again(payment: Payment, reading: Reading, source: Source) -> Change | None:
    """Two approvals under one reference: the same one again, a renewal, or a second charge that is never hidden.

    A second charge for another amount is one too, although nothing about it is as it was asked for.
    """
    other = reading.transaction_id
    if _same_transaction(payment, reading):
        against = _against_approval(payment, reading, source)
        if against is not None or payment.transaction_id is not None or not reading.status.took_money:
            return against
        return Change(_learned(payment, reading, source), source, "confirmed")
    is_charge = reading.status.took_money or _is_of(reading, payment.operation)
    if other is None or not is_charge or other in payment.duplicate_charges + payment.renewals:
        return None
    if payment.operation is Operation.SUBSCRIBE:
        return Change(replace(payment, renewals=(*payment.renewals, other)), source, "renewed")
    found = replace(payment, duplicate_charges=(*payment.duplicate_charges, other))
    return Change(found, source, "duplicate_charge")


def _claims_money(reading: Reading) -> bool:
    """Does it tell of money that moved or is held, be it in doubt, for example of another amount?"""
    return reading.status.took_money or reading.approved_amount is not None


def _contradicts_no_money(payment: Payment, reading: Reading) -> bool:
    """Does an answer contradict that a payment took no money?

    A person who said so is contradicted by whatever may have charged, if it is not the transaction that they knew of.
    That another attempt under the reference was approved is no contradiction of a decline; for another amount it is.
    """
    if payment.source is Source.PERSON:
        knew_of_it = payment.transaction_id is not None and _same_transaction(payment, reading)
        return _claims_money(reading) or (not reading.status.is_final and not knew_of_it)
    in_doubt = _claims_money(reading) and not reading.status.took_money
    return in_doubt or (
        reading.status.took_money and payment.status is PaymentStatus.DECLINED and _same_transaction(payment, reading)
    )


def _against_approval(payment: Payment, reading: Reading, source: Source) -> Change | None:
    """News against an approval that confirms nothing: of another transaction, no news, or a contradiction."""
    if not _same_transaction(payment, reading):
        return None
    known_amount = payment.approved_amount or payment.amount
    other_amount = None not in (reading.approved_amount, known_amount) and reading.approved_amount != known_amount
    other_end = reading.status.is_final and reading.status is not payment.status
    return _contradicted(payment, reading, source) if other_amount or other_end else None


def _contradicted(payment: Payment, reading: Reading, source: Source) -> Change:
    says = "nothing of it was ever sent" if source is Source.TRANSPORT else f"the gateway now says {reading.status}"
    doubt = f"was {payment.status}, and {says}"
    unclear = replace(
        _learned(payment, reading, source),
        status=PaymentStatus.UNKNOWN,
        doubts=(doubt, *reading.doubts),
        contradicted=payment.status.took_money or reading.status.took_money,
    )
    return Change(unclear, source, CONTRADICTION)


def _same_transaction(payment: Payment, reading: Reading) -> bool:
    return payment.transaction_id is None or payment.transaction_id == reading.transaction_id


def _learned(payment: Payment, reading: Reading, source: Source) -> Payment:
    """The payment with what a reading says; what the reading does not mention stays."""
    return replace(
        payment,
        status=reading.status,
        progress=Progress.ANSWERED,
        source=source,
        doubts=reading.doubts,
        contradicted=payment.contradicted and not reading.status.took_money,
        decline=reading.decline,
        raw=reading.raw,
        redirect_url=_page(payment, reading),
        redirect_form=reading.redirect_form,
        transaction_id=reading.transaction_id or payment.transaction_id,
        transaction_type=reading.transaction_type or payment.transaction_type,
        approved_amount=reading.approved_amount or payment.approved_amount,
        charged_back=reading.charged_back or payment.charged_back,
        duplicate_charges=tuple(other for other in payment.duplicate_charges if other != reading.transaction_id),
        auth_code=reading.auth_code or payment.auth_code,
        response_code=reading.response_code if reading.response_code is not None else payment.response_code,
        gateway_code=reading.gateway_code or payment.gateway_code,
        card=reading.card or payment.card,
        stored_payment_method_id=reading.stored_payment_method_id or payment.stored_payment_method_id,
        subscription_id=reading.subscription_id or payment.subscription_id,
        gateway_time=reading.gateway_time or payment.gateway_time,
    )


def _page(payment: Payment, reading: Reading) -> str | None:
    """Where the buyer is to go. A hosted page that is not paid yet stays where it was."""
    if reading.status is PaymentStatus.ACTION_REQUIRED:
        return reading.redirect_url
    keeps = payment.operation is Operation.HOSTED_PAGE and not reading.status.took_money
    return payment.redirect_url if keeps else None


def observed(reading: Reading, *, environment: str, merchant_id: str) -> Payment:
    """A payment that the journal does not know, as a status answer shows it."""
    return Payment(
        ref=reading.merchant_txn_ref or "",
        operation=_OBSERVED.get(reading.transaction_type or "", Operation.STATUS),
        environment=environment,
        merchant_id=merchant_id,
        amount=reading.approved_amount,
        source=Source.STATUS,
        status=reading.status,
        doubts=reading.doubts,
        decline=reading.decline,
        raw=reading.raw,
        transaction_id=reading.transaction_id,
        transaction_type=reading.transaction_type,
        approved_amount=reading.approved_amount,
        charged_back=reading.charged_back,
        auth_code=reading.auth_code,
        response_code=reading.response_code,
        gateway_code=reading.gateway_code,
        card=reading.card,
        stored_payment_method_id=reading.stored_payment_method_id,
        gateway_time=reading.gateway_time,
    )


_OBSERVED = {"PRE_AUTH": Operation.AUTHORIZE, "REFUND": Operation.REFUND, "VOID": Operation.VOID}
"""CAPTURE means both a purchase and a capture, so it tells nothing."""
