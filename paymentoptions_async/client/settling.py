"""Settling by hand what only a person can know, because the gateway can't be asked by reference."""

from __future__ import annotations

from paymentoptions_async import settlement, settling
from paymentoptions_async.client.base import Base
from paymentoptions_async.payment import Payment, PaymentStatus
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
        prepared = await settling.prepare(
            self._journal, self._scope, ref, verdict, by=by, note=note, transaction_id=transaction_id
        )
        payment = await settling.settle(self._journal, prepared)
        self._flow.recorded()
        return payment

    async def settle_abandoned(self, *, older_than: float, by: str, note: str) -> list[Payment]:
        """Close as EXPIRED what has waited for its buyer for ``older_than`` seconds; return what was closed.

        A buyer who pays after all is not lost: the webhook's confirmation is recorded as a contradiction.
        """
        self._check_usable()
        by, note = settlement.check_words(by, note)
        waiting = PaymentStatus.ACTION_REQUIRED
        records = await settling.unresolved(self._journal, self._scope, kind=waiting, older_than=older_than)
        closed = await settling.settle_abandoned(self._journal, records, by=by, note=note)
        self._flow.recorded()
        return closed
