"""How a sale is carried out: make the invoice, write down its id, charge once, and read the invoice.

Only the sale charges. An invoice that was not answered is asked for again under the same reference, which the gateway
does not take twice; a sale is never sent again, because its outcome can always be read from the invoice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random

from paymentoptions_async import policy
from paymentoptions_async.corefy import replies, requests
from paymentoptions_async.corefy.gateway import CorefyGateway
from paymentoptions_async.corefy.replies import Session
from paymentoptions_async.flow import GIVEN_UP, Answer, Call, Flow
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import PaymentStatus, Reading, Refusal
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Departure, Reply, Wire

_FIRST_UNCLEAR = 500
"""From this HTTP status on nobody knows whether the invoice was made (vendor's questions and answers)."""
_SPARE = 30.0
"""Seconds that a bearer must still be good for when a sale begins."""


@dataclass(frozen=True, slots=True, repr=False)
class Invoicing:
    """Making an invoice. By itself the errand of a page on which the buyer pays.

    ``reveal_body`` gives the body, which may hold a stored card's token.
    """

    intent: Intent
    reveal_body: Callable[[], bytes]
    gateway: CorefyGateway
    random: Random
    departure: Departure = field(default_factory=Departure)

    async def carry_out(self, flow: Flow, record: Record, deadline: float) -> Answer:
        """Make the invoice, and give what its answer says of the page."""
        if record.payment.transaction_id is not None:
            reply = await flow.ask(self.gateway.status_path(record.payment.transaction_id), deadline)
            return Answer(self.gateway.read_created(reply, self.intent), reply.evidence)
        return self._read(await self.make(flow, deadline))

    async def make(self, flow: Flow, deadline: float) -> tuple[Reply, bool]:
        """Ask for the invoice until it is answered; tell also whether an earlier try may have made it."""
        loop = asyncio.get_running_loop()
        attempt, earlier = 0, False
        while True:
            call = Call(
                self.intent,
                requests.INVOICES,
                self.reveal_body(),
                partial(self.gateway.read_created, intent=self.intent),
                self.departure,
            )
            reply = await flow.send(call, deadline)
            attempt += 1
            lost = not reply.evidence.not_sent and (reply.status is None or reply.status >= _FIRST_UNCLEAR)
            delay = policy.delay_before(attempt, self.random)
            if not lost or attempt >= policy.MAX_ATTEMPTS or loop.time() + delay >= deadline:
                return reply, earlier
            earlier = True
            await asyncio.sleep(delay)

    def _read(self, made: tuple[Reply, bool]) -> Answer:
        reply, earlier = made
        return Answer(unmade(self.gateway.read_created(reply, self.intent), earlier=earlier), reply.evidence)

    def __repr__(self) -> str:
        return f"<Invoicing {self.intent.operation} {self.intent.ref}>"


@dataclass(frozen=True, slots=True, repr=False)
class Sale:
    """A sale over the cardgate, with a card or with the card that the invoice's token stands for.

    ``reveal_body`` gives the body of the sale; it may hold a card number. ``clock`` gives Unix seconds.
    """

    invoicing: Invoicing
    cardgate: Wire
    reveal_body: Callable[[], bytes]
    clock: Callable[[], float]

    @property
    def intent(self) -> Intent:
        """See `flow.Errand`."""
        return self.invoicing.intent

    @property
    def departure(self) -> Departure:
        """See `flow.Errand`."""
        return self.invoicing.departure

    async def carry_out(self, flow: Flow, record: Record, deadline: float) -> Answer:
        """See `flow.Errand`."""
        session = await self._session(flow, record, deadline)
        if isinstance(session, Answer):
            return session
        await flow.learn(record, session.invoice_id)
        sold = await self._sell(flow, session, deadline)
        if sold.reading.status is PaymentStatus.ACTION_REQUIRED or sold.evidence.not_sent:
            return sold
        return await self._settled(flow, session, sold, deadline)

    async def _session(self, flow: Flow, record: Record, deadline: float) -> Session | Answer:
        """The invoice's session at the cardgate; or the answer, where there is nothing to sell any more."""
        known = record.payment.transaction_id
        if known is None:
            reply, earlier = await self.invoicing.make(flow, deadline)
            reading = unmade(self._created(reply), earlier=earlier)
        elif self.departure.leave():
            reply = await flow.ask(self._gateway.status_path(known), deadline)
            reading = self._created(reply)
        else:
            return Answer(Reading(status=PaymentStatus.CANCELLED), GIVEN_UP.evidence)
        evidence = reply.evidence
        if reading.status.is_final and reading.refusal is None:
            return Answer(reading, evidence)
        session = replies.read_session(reply.body) if reading.status is PaymentStatus.PENDING else None
        del reply  # its bearer is not masked, and this frame may be shown in a traceback
        if session is None:
            return Answer(_uncharged(reading), evidence)
        if session.bearer is None or (session.ends_at is not None and session.ends_at - _SPARE < self.clock()):
            return Answer(
                _uncharged(reading, "the invoice has no bearer that is still good; nothing was charged, use a new key"),
                evidence,
            )
        return session

    async def _sell(self, flow: Flow, session: Session, deadline: float) -> Answer:
        """Send the sale. What it is proven not to have sent may go again, all else never."""
        assert session.bearer is not None
        departure = Departure()
        departure.closes_at = self.departure.closes_at
        call = Call(
            self.intent,
            requests.SALE,
            self.reveal_body(),
            lambda reply: self._gateway.read_sale(reply, self.intent, session.invoice_id),
            departure,
            wire=self.cardgate,
            authentication=Authentication({"Authorization": f"Bearer {session.bearer}"}),
        )
        reply = await flow.send(call, deadline)
        return Answer(call.read(reply), reply.evidence)

    async def _settled(self, flow: Flow, session: Session, sold: Answer, deadline: float) -> Answer:
        """What the invoice says of a sale, whose own answer is never the end, unless it refuses and nothing came."""
        reply = await flow.ask(self._gateway.status_path(session.invoice_id), deadline)
        told = self._created(reply)
        about_it = told.transaction_id == session.invoice_id and told.refusal is None
        if about_it and (told.status.is_final or told.doubts):
            return Answer(told, sold.evidence)
        if sold.reading.refusal is not None:
            return Answer(replace(sold.reading, transaction_id=session.invoice_id), sold.evidence)
        if sold.reading.status is PaymentStatus.PENDING:
            return Answer(replace(sold.reading, transaction_id=session.invoice_id), sold.evidence)
        unclear = Reading(
            status=PaymentStatus.UNKNOWN,
            doubts=sold.reading.doubts or (str(sold.evidence),),
            transaction_id=session.invoice_id,
            http_status=sold.reading.http_status,
            raw=sold.reading.raw,
        )
        return Answer(unclear, sold.evidence)

    def _created(self, reply: Reply) -> Reading:
        return self._gateway.read_created(reply, self.intent)

    @property
    def _gateway(self) -> CorefyGateway:
        return self.invoicing.gateway

    def __repr__(self) -> str:
        return f"<Sale {self.intent.operation} {self.intent.ref}>"


def unmade(reading: Reading, *, earlier: bool) -> Reading:
    """Say what a reference that was used before means: the gateway does not replay, and can't be asked by it."""
    if reading.refusal is not Refusal.DUPLICATE:
        return reading
    why = "an earlier answer to it was lost" if earlier else "it was used before, and not under this journal"
    return replace(reading, message=f"the reference is taken: {why}; nothing was charged by this call, use a new key")


def _uncharged(reading: Reading, message: str | None = None) -> Reading:
    """Whatever became of the invoice, no sale was sent, so nothing was charged."""
    refusal = reading.refusal or (Refusal.INVALID_REQUEST if message else Refusal.UNANSWERED)
    return replace(
        reading, status=PaymentStatus.CANCELLED, refusal=refusal, message=message or reading.message, doubts=()
    )
