"""Settling by hand what only a person can know, because the gateway can't be asked by reference."""

from __future__ import annotations

from functools import partial

from paymentoptions_async import polling, requests, settlement
from paymentoptions_async.client.base import Base
from paymentoptions_async.errors import InvalidValue, NotAllowed
from paymentoptions_async.intent import Record
from paymentoptions_async.payment import Payment, PaymentStatus, Progress
from paymentoptions_async.settlement import Verdict


class Settling(Base):
    """What a person says of a payment, after a look in the portal."""

    async def settle(
        self, ref: str, verdict: Verdict | str, *, by: str, note: str, transaction_id: str | None = None
    ) -> Payment:
        """Record what a person found in the portal of a payment that is not final.

        Its key never sends again. Should the gateway ever say something else, that is recorded as a contradiction and
        raised, by whatever asked.

        Args:
            ref: The payment's reference, as the portal shows it.
            verdict: ``happened``, ``not_happened``, or ``abandoned`` for what waits for its buyer.
            by: Who says so. Kept in the history.
            note: Why, for example where it was looked up. Kept in the history.
            transaction_id: The gateway's id of it, if the portal shows one: then `status` can confirm it.

        Raises:
            NotAllowed: It is final, in flight, or changed meanwhile.
            InvalidValue: The journal has no such payment of this merchant, or an argument breaks a rule.
        """
        self._check_usable()
        by, note = settlement.check_words(by, note)
        record = await polling.known(self._flow, ref)
        self._check_ours(record)
        if transaction_id is not None:
            transaction_id = await self._check_free(record, transaction_id)
        return await self._settle(record, _verdict(verdict), by=by, note=note, transaction_id=transaction_id)

    async def settle_abandoned(self, *, older_than: float, by: str, note: str) -> list[Payment]:
        """Close as EXPIRED what has waited for its buyer for ``older_than`` seconds; return what was closed.

        A buyer who pays after all is not lost: the webhook's confirmation is recorded as a contradiction.
        """
        self._check_usable()
        by, note = settlement.check_words(by, note)
        closed = []
        for record in await self._journal.unresolved(self._scope, older_than=older_than):
            if record.payment.status is not PaymentStatus.ACTION_REQUIRED:
                continue
            try:
                closed.append(await self._settle(record, Verdict.ABANDONED, by=by, note=note, transaction_id=None))
            except NotAllowed:
                continue  # it changed meanwhile, so it was not abandoned
        return closed

    async def _settle(
        self, record: Record, verdict: Verdict, *, by: str, note: str, transaction_id: str | None
    ) -> Payment:
        payment = record.payment
        if payment.progress is Progress.SENDING and payment.status is PaymentStatus.PENDING:
            raise NotAllowed(f"{record.ref} is in flight; wait for its end", payment=payment)
        decide = partial(
            settlement.settled,
            verdict=verdict,
            seen=record.version,
            by=by,
            note=note,
            transaction_id=transaction_id,
        )
        changed = await self._journal.change(record.ref, decide)
        self._flow.recorded()
        if changed.version != record.version + 1:
            raise NotAllowed(f"{record.ref} changed meanwhile: it is {changed.payment.status}", payment=changed.payment)
        return changed.payment

    def _check_ours(self, record: Record) -> None:
        if record.intent.scope != self._scope:
            raise InvalidValue(f"ref: {record.ref} is of {record.intent.scope}, not of {self._scope}", field="ref")

    async def _check_free(self, record: Record, transaction_id: str) -> str:
        """A transaction belongs to one payment, and the id must be one that can be asked for."""
        transaction_id = requests.check_transaction_id(transaction_id, "transaction_id")
        known = await self._journal.find(transaction_id)
        if known is not None and known.ref != record.ref:
            raise InvalidValue(f"transaction_id: belongs to {known.ref}", field="transaction_id")
        return transaction_id


def _verdict(value: Verdict | str) -> Verdict:
    try:
        return Verdict(value)
    except ValueError:
        raise InvalidValue(f"verdict: one of {', '.join(Verdict)}", field="verdict") from None
