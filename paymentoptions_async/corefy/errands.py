"""How a sale is carried out: make the invoice, write down its id, charge once, and read the invoice.

Only the sale charges. An invoice that was not answered is asked for again under the same reference, which the gateway
does not take twice; a sale is never sent again, because its outcome can always be read from the invoice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from random import Random

from paymentoptions_async import policy
from paymentoptions_async.corefy import replies, requests
from paymentoptions_async.corefy.gateway import CorefyGateway
from paymentoptions_async.corefy.replies import Session
from paymentoptions_async.evidence import Evidence
from paymentoptions_async.flow import GIVEN_UP, Answer, Call, Flow
from paymentoptions_async.intent import Entry, Intent, Record
from paymentoptions_async.payment import Family, PaymentStatus, Progress, Reading, Refusal
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Departure, Reply, Wire

_SPARE = 30.0
"""Seconds that a bearer must still be good for when a sale begins."""
LEAST_FOR_SALE = 10.0
"""Seconds that must be left for a sale: one that is cut off would be unknown, and one that is not begun is not."""

ELSEWHERE = "its reference was used before, and not under this journal"


class Gates(Departure):
    """The gate of the invoice, and behind it that of the sale. Whoever gives up closes both.

    So a caller who leaves in between is not charged, although a request has left.
    """

    __slots__ = ("sale",)

    def __init__(self) -> None:
        super().__init__()
        self.sale = Departure()

    def forbid(self) -> bool:
        """See `Departure.forbid`: True only if nothing at all had left."""
        self.sale.forbid()
        return super().forbid()


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    """An invoice as it was answered.

    ``is_new`` is True where this answer is the one that made it, so that nobody can have paid it yet; ``is_ours`` is
    False where it may have been made outside of this journal.
    """

    reply: Reply
    reading: Reading
    is_new: bool = False
    is_ours: bool = True

    @property
    def evidence(self) -> Evidence:
        """What the wire recorded of the answer."""
        return self.reply.evidence

    @property
    def answer(self) -> Answer:
        """What it says, as the answer to the errand."""
        return Answer(self.reading, self.evidence)


@dataclass(frozen=True, slots=True, repr=False)
class Invoicing:
    """Making an invoice. By itself the errand of a page on which the buyer pays.

    ``reveal_body`` gives the body, which may hold a stored card's token.
    """

    intent: Intent
    reveal_body: Callable[[], bytes]
    gateway: CorefyGateway
    random: Random
    departure: Gates = field(default_factory=Gates)

    async def carry_out(self, flow: Flow, record: Record, deadline: float) -> Answer:
        """Make the invoice, and give what its answer says of the page."""
        return (await self.invoice(flow, record, deadline)).answer

    async def invoice(self, flow: Flow, record: Record, deadline: float) -> Made:
        """The invoice of this intent: read where its id is known, else made, or found under its reference."""
        known = record.payment.transaction_id
        if known is not None:
            return await self._read(flow, known, deadline)
        made, is_lost = await self._make(flow, deadline)
        if made.reading.refusal is not Refusal.DUPLICATE:
            return made
        is_ours = is_lost or _may_have_made(await flow.journal.history(record.ref))
        return await self._find(flow, replace(made, is_ours=is_ours), deadline)

    async def _make(self, flow: Flow, deadline: float) -> tuple[Made, bool]:
        """Ask for the invoice until it is answered; tell also whether an earlier try may have made it."""
        loop = asyncio.get_running_loop()
        lost: Made | None = None
        for attempt in range(1, policy.MAX_ATTEMPTS + 1):
            reply = await flow.send(self._call(), deadline)
            made = Made(reply, self._reading(reply), is_new=True)
            if reply.evidence.not_sent and lost is not None:
                return lost, True  # that nothing left this time does not prove that nothing ever did
            if reply.evidence.not_sent or _is_answered(made.reading):
                return made, lost is not None
            lost = lost or made
            delay = policy.delay_before(attempt, self.random)
            if self.departure.sale.forbidden or loop.time() + delay >= deadline:
                break
            await asyncio.sleep(delay)
        assert lost is not None, "whatever was answered has returned"
        return lost, True

    async def _find(self, flow: Flow, refused: Made, deadline: float) -> Made:
        """Find an invoice that was made before under the same reference, in the list (inferred: the latest are in it).

        There is no other way: a duplicate is refused, not answered again, and references can't be asked for.
        """
        listed = await flow.ask(requests.INVOICES, deadline)
        found = replies.find_reference(listed.status, listed.body, self.intent.ref)
        if found is not None:
            return replace(await self._read(flow, found, deadline), is_ours=refused.is_ours)
        if refused.is_ours:
            why = "an earlier request with its reference was not answered; nothing was charged, use a new key"
            return replace(refused, reading=replace(refused.reading, message=why))
        if self.intent.operation.family is Family.LINK:
            why = f"{ELSEWHERE}; look the invoice up in the portal before you use a new key"
            return replace(refused, reading=replace(refused.reading, message=why))
        unclear = Reading(status=PaymentStatus.UNKNOWN, doubts=(ELSEWHERE,), http_status=refused.reading.http_status)
        return replace(refused, reading=unclear)

    async def _read(self, flow: Flow, invoice_id: str, deadline: float) -> Made:
        """Read an invoice. Given up before anything left, it stops at once."""
        gate = self.departure
        if gate.forbidden:
            return Made(GIVEN_UP, self._reading(GIVEN_UP))
        asking = asyncio.ensure_future(flow.ask(self.gateway.status_path(invoice_id), deadline))
        gate.on_forbid = asking.cancel
        try:
            reply = await asking
        except asyncio.CancelledError:
            if not gate.forbidden:
                asking.cancel()
                raise
            reply = GIVEN_UP
        return Made(reply, self._reading(reply))

    def _call(self) -> Call:
        return Call(self.intent, requests.INVOICES, self.reveal_body(), self._reading, self.departure)

    def _reading(self, reply: Reply) -> Reading:
        return self.gateway.read_created(reply, self.intent)

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
    def departure(self) -> Gates:
        """See `flow.Errand`."""
        return self.invoicing.departure

    async def carry_out(self, flow: Flow, record: Record, deadline: float) -> Answer:
        """See `flow.Errand`."""
        made = await self.invoicing.invoice(flow, record, deadline)
        session = self._session(made)
        if isinstance(session, Answer):
            return session
        learned = await flow.learn(record, session.invoice_id)
        if not _is_owned(learned, record.owner):
            return _uncharged(made, "it was settled or taken over meanwhile")  # what stands is the answer
        if deadline - asyncio.get_running_loop().time() < LEAST_FOR_SALE:
            return _uncharged(made, "making the invoice took so long that no time was left for the sale")
        sold = await self._sell(flow, session, deadline)
        if sold.reading.status is PaymentStatus.ACTION_REQUIRED or sold.evidence.not_sent:
            return sold
        return await self._settled(flow, session, sold, deadline)

    def _session(self, made: Made) -> Session | Answer:
        """The invoice's session at the cardgate; or the answer, where there is nothing to sell, or no longer."""
        reading = made.reading
        if made.evidence.not_sent or (reading.status.is_final and reading.refusal is None):
            return made.answer
        if not made.is_ours:  # a sale of it may be under way that this journal does not know
            return Answer(replace(reading, doubts=reading.doubts or (ELSEWHERE,)), made.evidence)
        if reading.status is not PaymentStatus.PENDING:
            return _uncharged(made, "; ".join(reading.doubts) or None)
        if not made.is_new and replies.is_being_paid(reading):
            return made.answer
        session = replies.read_session(made.reply.body)
        if session is None or session.bearer is None:
            return _refused(made, "the invoice has no bearer for the cardgate; nothing was charged, use a new key")
        if not made.is_new and session.ends_at is not None and session.ends_at - _SPARE < self.clock():
            return _refused(made, "the invoice's bearer is no longer good; nothing was charged, use a new key")
        return session

    async def _sell(self, flow: Flow, session: Session, deadline: float) -> Answer:
        """Send the sale. What it is proven not to have sent may go again, all else never."""
        assert session.bearer is not None
        departure = self.departure.sale
        departure.closes_at = self.departure.closes_at
        call = Call(
            self.intent,
            requests.SALE,
            self.reveal_body(),
            lambda reply: self._gateway.read_sale(reply, self.intent, session.invoice_id),
            departure,
            wire=self.cardgate,
            authentication=Authentication({"Authorization": f"Bearer {session.bearer.reveal()}"}),
        )
        reply = await flow.send(call, deadline)
        return Answer(call.read(reply), reply.evidence)

    async def _settled(self, flow: Flow, session: Session, sold: Answer, deadline: float) -> Answer:
        """What the invoice says of a sale, whose own answer is never the end, unless it refuses and nothing came."""
        reply = await flow.ask(self._gateway.status_path(session.invoice_id), deadline)
        told = self._gateway.read_created(reply, self.intent)
        about_it = told.transaction_id == session.invoice_id and told.refusal is None
        if about_it and (told.status.is_final or told.doubts):
            return Answer(told, sold.evidence)
        said = sold.reading
        if about_it and said.status is not PaymentStatus.PENDING and replies.is_being_paid(told):
            return Answer(told, sold.evidence)  # lost or refused, yet a payment of it is under way
        if said.refusal is not None or said.status is PaymentStatus.PENDING:
            return Answer(replace(said, transaction_id=session.invoice_id), sold.evidence)
        unclear = Reading(
            status=PaymentStatus.UNKNOWN,
            doubts=said.doubts or (str(sold.evidence),),
            transaction_id=session.invoice_id,
            http_status=said.http_status,
            raw=said.raw,
        )
        return Answer(unclear, sold.evidence)

    @property
    def _gateway(self) -> CorefyGateway:
        return self.invoicing.gateway

    def __repr__(self) -> str:
        return f"<Sale {self.intent.operation} {self.intent.ref}>"


def _is_owned(record: Record, owner: str) -> bool:
    """Is it still this owner's to send? A call that took too long may have been given up, or taken over, by others."""
    payment = record.payment
    in_flight = payment.progress is Progress.SENDING and payment.status is PaymentStatus.PENDING
    return in_flight and record.owner == owner


def _is_answered(reading: Reading) -> bool:
    """Does an answer say what became of the request for an invoice: made, or refused?"""
    return reading.transaction_id is not None or reading.refusal is not None


def _may_have_made(history: Sequence[Entry]) -> bool:
    """May an earlier call under this key have made the invoice? Its answer was lost, or it never came to an end."""
    openings = ("opened", "opened again")
    for entry, following in pairwise(history):
        lapsed = entry.event in openings and following.event in openings
        evidence = following.evidence
        lost = evidence is not None and not evidence.not_sent and not 400 <= (evidence.http_status or 0) < 500  # noqa: PLR2004
        if lapsed or lost:
            return True
    return False


def _uncharged(made: Made, why: str | None) -> Answer:
    """Whatever became of the invoice, no sale was sent, so nothing was charged, and the same key may go on."""
    return _closed(made, made.reading.refusal or Refusal.UNANSWERED, why)


def _refused(made: Made, why: str) -> Answer:
    """The invoice is of no use any more. Nothing was charged."""
    return _closed(made, Refusal.INVALID_REQUEST, why)


def _closed(made: Made, refusal: Refusal, why: str | None) -> Answer:
    reading = replace(
        made.reading,
        status=PaymentStatus.CANCELLED,
        refusal=refusal,
        message=made.reading.message if why is None else why,
        doubts=(),
    )
    return Answer(reading, made.evidence)
