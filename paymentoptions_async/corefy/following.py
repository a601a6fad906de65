"""Asking for an invoice, which tells of the charge and of its refunds at once."""

from __future__ import annotations

from functools import partial

from paymentoptions_async import transitions
from paymentoptions_async.corefy import news, replies
from paymentoptions_async.errors import Contradiction
from paymentoptions_async.flow import Confirmation, Flow, Pace, require_answer
from paymentoptions_async.intent import Record
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Reading, Refusal
from paymentoptions_async.transitions import Decision
from paymentoptions_async.values import Money
from paymentoptions_async.wire.exchange import Reply


class CorefyFlow(Flow):
    """The shared flow; only what is asked differs: a refund is asked for by its invoice."""

    async def own_ids(self, record: Record) -> list[str]:
        """See `Flow.own_ids`."""
        if record.intent.operation is not Operation.REFUND:
            return await super().own_ids(record)
        charge = await self.journal.get(record.intent.parent or "")
        return [] if charge is None else await super().own_ids(charge)

    async def confirm(
        self, record: Record, transaction_id: str, deadline: float, pace: Pace | None = None
    ) -> Confirmation:
        """See `Flow.confirm`. Takes in what the invoice says of its charge, and of each refund that is open."""
        charge = await self.journal.find(transaction_id) or record
        reply = await self.ask(self.gateway.status_path(transaction_id), deadline, pace)
        reading = self.gateway.read_status(reply, self.gateway.expected(charge, transaction_id))
        require_answer(reading, reply.evidence, record.ref)
        return await self.take_in_invoice(charge, reply, reading, transaction_id)

    async def take_in_invoice(self, charge: Record, reply: Reply, reading: Reading, invoice_id: str) -> Confirmation:
        """Take in what an invoice says of its charge, as it read before it was asked about, and of its refunds."""
        if reading.refusal is Refusal.NOT_FOUND:
            return Confirmation.NOT_FOUND
        if charge.intent.operation is Operation.REFUND or reading.merchant_txn_ref != charge.ref:
            return Confirmation.NOTHING  # an invoice that nobody here made
        if reading.foreign is not None:
            return Confirmation.NOTHING  # of the other mode, whatever a callback of this one says
        decision = Decision(partial(news.after_invoice, reading=reading, seen=charge))
        try:
            await self.take_in_by(charge, decision)
        except Contradiction:  # which holds up no news of its refunds: a callback is asked about once
            await self._take_in_refunds(charge, reply, invoice_id)
            raise
        await self._take_in_refunds(charge, reply, invoice_id)
        is_early = news.is_in_flight(charge) and decision.change is None
        return Confirmation.NOT_NOW if is_early else Confirmation.TOLD

    async def _take_in_refunds(self, charge: Record, reply: Reply, invoice_id: str) -> None:
        refunds = [
            follower
            for follower in await self.journal.followers(charge.ref)
            if follower.intent.operation is Operation.REFUND
        ]
        contradicts: Contradiction | None = None
        for refund in refunds:
            reading = self.gateway.read_status(reply, self.gateway.expected(refund, invoice_id))
            if reading.own_ref == refund.ref and not refund.payment.status.took_money:
                try:
                    await self.take_in(refund, reading)
                except Contradiction as error:
                    contradicts = error
        await self._settle_by_total(refunds, reply, invoice_id)
        if contradicts is not None:
            raise contradicts

    async def _settle_by_total(self, refunds: list[Record], reply: Reply, invoice_id: str) -> None:
        """Where the invoice lists no refunds: one that is open happened if the total grew by just its amount."""
        refunds = [await self.journal.get(refund.ref) or refund for refund in refunds]
        opened = [refund for refund in refunds if not refund.payment.is_final]
        if len(opened) != 1 or opened[0].intent.amount is None:
            return
        [refund] = opened
        amount = refund.intent.amount
        assert amount is not None
        known = Money.zero(amount.currency)
        for other in refunds:
            if other.payment.status.took_money:
                known += other.payment.approved_amount or other.intent.amount or Money.zero(amount.currency)
        in_flight = refund.payment.progress is Progress.SENDING and refund.payment.status is PaymentStatus.PENDING
        if in_flight or replies.refunded_total(reply.body, amount.currency) != known + amount:
            return
        expected = self.gateway.expected(refund, invoice_id)
        told = Reading(
            status=PaymentStatus.APPROVED,
            transaction_type="REFUND",
            merchant_txn_ref=expected.ref,
            approved_amount=amount,
            http_status=reply.status,
        )
        await self.take_in_by(refund, Decision(partial(transitions.after_notice, reading=told)))
