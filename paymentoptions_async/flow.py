"""Record, send, interpret, settle: the one path that every operation takes.

The story of a charging call: its intent is durable before the first byte leaves; it is sent once, or again only where
it is proven that nothing left; what comes back is recorded before the caller sees it; and whatever the caller does
meanwhile, the exchange is brought to its end within its own deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import InitVar, dataclass, field, replace
from enum import Enum, auto
from functools import partial
from random import Random
from secrets import token_hex
from typing import Any, Protocol, TypeVar

from paymentoptions_async import policy, transitions
from paymentoptions_async.errors import (
    AuthenticationFailed,
    ConfigurationError,
    Contradiction,
    EnvironmentMismatch,
    GatewayUnavailable,
    InvalidRequest,
    JournalUnavailable,
    MayBeCalledAgain,
    NotSent,
    OutcomeUnknown,
    PaymentOptionsError,
    RateLimited,
)
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Expected, Family, Payment, PaymentStatus, Progress, Reading, Refusal
from paymentoptions_async.transitions import Decision
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Departure, Reply, Request, Wire, uptime

log = logging.getLogger("paymentoptions_async")

T = TypeVar("T")

GIVEN_UP = Reply(None, {}, b"", Evidence(Left.NOTHING, Stage.POOL, failure="cancelled"))
"""What a call comes to whose caller left before its first byte did."""

_NOTHING_SENT = Reading(status=PaymentStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Answer:
    """What carrying out an errand came to."""

    reading: Reading
    evidence: Evidence


class Errand(Protocol):
    """An intent, and how it is carried out, once its record says that it may be."""

    @property
    def intent(self) -> Intent:
        """What is to be done."""
        ...

    @property
    def departure(self) -> Departure:
        """The gate of its first request."""
        ...

    async def carry_out(self, flow: Flow, record: Record, deadline: float) -> Answer:
        """Send what is to be sent, each charging request once, and read what comes back.

        Ends by ``deadline``, an instant of the loop's clock. Where the departure is forbidden before anything left, the
        answer's evidence says so.
        """
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """The errand of one charging request.

    ``read`` turns the reply into a `Reading`. The body may hold a card number, so a Call has no repr of its parts, and
    keeps the body where nothing that lists attributes finds it: calls are among the locals of every traceback.
    ``wire`` and ``authentication`` are those of the flow unless they are given.
    """

    intent: Intent
    path: str
    body: InitVar[bytes]
    read: Callable[[Reply], Reading]
    departure: Departure = field(default_factory=Departure)
    wire: Wire | None = None
    authentication: Authentication | None = None
    reveal_body: Callable[[], bytes] = field(init=False)

    def __post_init__(self, body: bytes) -> None:
        object.__setattr__(self, "reveal_body", lambda: body)

    async def carry_out(self, flow: Flow, record: Record, deadline: float) -> Answer:  # noqa: ARG002  see `Errand`
        """Send the request and read its reply."""
        reply = await flow.send(self, deadline)
        return Answer(self.read(reply), reply.evidence)

    def __repr__(self) -> str:
        return f"<Call {self.intent.operation} {self.intent.ref}>"


@dataclass(slots=True)
class Observation:
    """What asking for one transaction came to. Nobody changes one, but it is not frozen: that takes time, each time.

    ``reading`` is what the answer says, ``record`` what the journal has of it now, if anything. ``contradicts`` says
    that the answer contradicted what was settled there: both are in the history.
    """

    reading: Reading
    evidence: Evidence
    record: Record | None = None
    contradicts: bool = False


class Pace(Protocol):
    """How fast questions may be asked, for whoever asks very many."""

    async def permit(self, *, again: bool = False) -> None:
        """Return when the next request may leave. ``again``: it is a further try of a question."""
        ...

    def saw(self, reply: Reply) -> None:
        """Learn from an answer, or from its absence. Its evidence has the seconds that it took."""
        ...


class Confirmation(Enum):
    """What came of asking for a transaction's status."""

    TOLD = auto()
    """The answer was about a payment known here, and is taken in."""
    NOT_NOW = auto()
    """It may be about one that is on the wire just now: ask again later."""
    NOT_FOUND = auto()
    """The gateway knows no such transaction, or not yet."""
    NOTHING = auto()
    """It says nothing of any payment known here."""


class Gateway(Protocol):
    """What the flow, the inbox and the waiting need to know of a gateway."""

    def expected(self, record: Record, transaction_id: str) -> Expected:
        """What a status answer must agree with before it may settle a record."""
        ...

    def status_path(self, transaction_id: str) -> str:
        """Where a transaction's status is asked."""
        ...

    def read_status(self, reply: Reply, expected: Expected) -> Reading:
        """Read a status answer."""
        ...


class Flow:
    """Carries calls through journal and wire. One for each client; bound to one event loop.

    ``random`` gives the jitter; times are seconds of the running loop's clock.
    """

    def __init__(self, *, journal: Journal, wire: Wire, gateway: Gateway, random: Random | None = None) -> None:
        self.journal = journal
        self.gateway = gateway
        self._wire = wire
        self._random = random or Random()  # noqa: S311  jitter is no secret
        self._background: set[asyncio.Task[Any]] = set()
        self._mismatch: EnvironmentMismatch | None = None
        self.on_record: Callable[[], None] | None = None
        """Called after anything was recorded."""

    async def operate(self, call: Errand, *, timeout: float) -> Payment:
        """Carry out a charging call and return its payment, or raise what it came to.

        ``timeout`` bounds the caller, in seconds. Cancelled or timed out before the first byte, the call is closed as
        not sent; after it, the exchange goes on in the background and settles the journal.
        """
        if self._mismatch is not None:
            raise EnvironmentMismatch(f"this client charges no more: {self._mismatch}", payment=self._mismatch.payment)
        deadline = asyncio.get_running_loop().time() + timeout
        task = self.spawn(self._perform(call, deadline))
        try:
            await asyncio.wait({task}, timeout=timeout)
        except asyncio.CancelledError:
            if call.departure.forbid():
                log.info("%r cancelled before anything left", call)
            raise
        if not task.done():
            return await self._overtaken(call, task)
        return task.result()

    async def ask(self, path: str, deadline: float, pace: Pace | None = None) -> Reply:
        """Ask a question (GET), again with full jitter while that may help, and return the last reply.

        With a ``pace``, whoever calls has its permit for the first request; each further one gets its own. It is then
        the pace that obeys Retry-After, for everybody, and waiting for its permits does not count against the deadline.
        """
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            reply = await self._wire.send(Request("GET", path, deadline))
            attempt += 1
            if pace is not None:
                pace.saw(reply)
            if not policy.may_ask_again(reply.evidence, attempt):
                return reply
            told = policy.retry_after(reply.headers) if pace is None else None
            delay = policy.delay_before(attempt, self._random, told)
            if loop.time() + delay >= deadline:
                return reply
            await asyncio.sleep(delay)
            if pace is not None:
                asked_at = loop.time()
                await pace.permit(again=True)
                deadline += loop.time() - asked_at

    async def learn(self, record: Record, transaction_id: str) -> Record:
        """Record the gateway's id of an intent before its charging request leaves."""
        name = partial(transitions.named, transaction_id=transaction_id, owner=record.owner)
        return await self.journal.change(record.ref, name)

    async def tell(self, request: Request) -> Reply:
        """Send something that moves no money, once."""
        return await self._wire.send(request)

    async def own_ids(self, record: Record) -> list[str]:
        """Under which ids the gateway can be asked for a record, as far as it is known."""
        return [] if record.payment.transaction_id is None else [record.payment.transaction_id]

    async def confirm(
        self, record: Record, transaction_id: str, deadline: float, pace: Pace | None = None
    ) -> Confirmation:
        """Ask for a transaction's status and take in what it says: of a record, or of what followed it.

        For ``pace`` see `ask`.

        Raises `GatewayUnavailable`, `AuthenticationFailed` or `RateLimited` where there was no readable answer, and
        `Contradiction` where the answer contradicts what was settled. A 404 settles nothing.
        """
        reply = await self.ask(self.gateway.status_path(transaction_id), deadline, pace)
        reading = self.gateway.read_status(reply, self.gateway.expected(record, transaction_id))
        require_answer(reading, reply.evidence, record.ref)
        if reading.refusal is Refusal.NOT_FOUND:
            return Confirmation.NOT_FOUND
        known = await self.journal.find(transaction_id)
        if known is not None and known.ref != record.ref:
            reading = self.gateway.read_status(reply, self.gateway.expected(known, transaction_id))
            await self.take_in(known, reading)
            return Confirmation.TOLD
        decision = Decision(partial(transitions.after_status, reading=reading))
        record = await self.take_in_by(record, decision)
        if known is not None or decision.change is not None or record.payment.transaction_id == transaction_id:
            return Confirmation.TOLD
        return await self.of_a_follower(record, reply, transaction_id)

    async def of_a_follower(self, charge: Record, reply: Reply, transaction_id: str) -> Confirmation:
        """A capture, refund or void whose answer was lost is told under its charge's reference, if at all (inferred).

        Only where exactly one open intent can be the one that the transaction carried out is it taken for that.
        """
        followers = await self.journal.followers(charge.ref)
        if any(follower.payment.transaction_id == transaction_id for follower in followers):
            return Confirmation.TOLD  # another process was quicker
        readings = {
            follower.ref: self.gateway.read_status(reply, self.gateway.expected(follower, transaction_id))
            for follower in followers
        }
        ref = charge.intent.merchant_txn_ref
        matching = [m for m in transitions.matching(followers, readings) if readings[m.ref].merchant_txn_ref == ref]
        if any(match.payment.progress is Progress.SENDING and not _lapsed(match) for match in matching):
            return Confirmation.NOT_NOW  # its own answer is under way, and may say that it is another one's
        if len(matching) != 1:
            return Confirmation.NOTHING
        [match] = matching
        decision = Decision(partial(transitions.after_notice, reading=readings[match.ref]))
        await self.take_in_by(match, decision)
        return Confirmation.NOT_NOW if decision.change is None else Confirmation.TOLD

    async def take_in(self, record: Record, reading: Reading) -> Record:
        """Record what a status answer says of an intent; raise `Contradiction` if it contradicts what was settled.

        ``record`` is as it was read after the answer came. Where the answer says nothing new of it, that is all that is
        to be done: as if it had been locked then.
        """
        decision = Decision(partial(transitions.after_status, reading=reading))
        if record.payment.progress is Progress.ANSWERED and decision(record) is None:
            return record
        return await self.take_in_by(record, decision)

    async def take_in_by(self, record: Record, decision: Decision) -> Record:
        """Record what was decided about an intent; raise `Contradiction` if it contradicts what was settled."""
        changed = await self.journal.change(record.ref, decision)
        self.recorded()
        if decision.contradicts:
            raise contradiction(changed.payment)
        return changed

    def recorded(self) -> None:
        """Something was recorded: whoever hands events to the application looks for them."""
        if self.on_record is not None:
            self.on_record()

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work that outlives its caller; `drain` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._ended)
        return task

    async def drain(self) -> None:
        """Wait for everything under way. Each exchange has its own deadline, so this ends."""
        while self._background:
            await asyncio.wait(self._background)

    async def _perform(self, call: Errand, deadline: float) -> Payment:
        """Claim the intent, or find what stands under its key; send; settle.

        A call that was given up meanwhile comes here too: what stands is its answer all the same, and what it claims
        is closed at once as not sent.
        """
        owner = token_hex(16)
        loop = asyncio.get_running_loop()
        while True:
            exchange_deadline = max(deadline, loop.time() + policy.EXCHANGE_FLOOR)
            lease = exchange_deadline - loop.time() + policy.LEASE_MARGIN
            call.departure.closes_at = uptime() + lease  # counted from before the journal counts it
            admission = await self.journal.admit(call.intent, owner=owner, lease=lease)
            if admission.send:
                return await self._exchange(call, admission.record, owner, exchange_deadline)
            if admission.record.payment.progress is not Progress.SENDING or _lapsed(admission.record):
                return _standing(admission.record)
            await self._await_other(admission.record, deadline)

    async def _await_other(self, record: Record, deadline: float) -> None:
        """Wait for whoever has the same intent on the wire, within the caller's deadline."""
        left = deadline - asyncio.get_running_loop().time()
        news = await self.journal.changed(record.ref, after=record.version, timeout=left)
        if news is None or news.version > record.version or _lapsed(news):
            return
        raise OutcomeUnknown(
            f"{record.intent.operation} {record.ref} is in flight in another call, and did not end in time",
            payment=news.payment,
            settled_by=("the call that has it on the wire", f"payment({record.ref!r}) later"),
        )

    async def _exchange(self, call: Errand, record: Record, owner: str, deadline: float) -> Payment:
        try:
            answer = await call.carry_out(self, record, deadline)
        except ConfigurationError:
            if call.departure.forbid():  # a wire that can't be used: nothing left, and nothing will
                await self._settle(record, _NOTHING_SENT, GIVEN_UP.evidence, owner)
            raise
        reading, evidence = answer.reading, answer.evidence
        if reading.foreign is not None:
            self._mismatch = EnvironmentMismatch(reading.foreign, payment=record.payment)
        record, contradicts = await self._settle(record, reading, evidence, owner)
        if reading.foreign is not None:
            self._mismatch = EnvironmentMismatch(reading.foreign, payment=record.payment)
        log.info("%s %s is %s (%s)", record.intent.operation, record.ref, record.payment.status, evidence)
        if contradicts:
            raise contradiction(record.payment)
        return self._outcome(record, reading, evidence)

    async def send(self, call: Call, deadline: float) -> Reply:
        """Send a charging request; or stop wherever it is, before anything left, once the departure is forbidden."""
        if call.departure.forbidden:
            return GIVEN_UP
        sending = asyncio.get_running_loop().create_task(self._send(call, deadline))
        call.departure.on_forbid = sending.cancel
        try:
            return await sending
        except asyncio.CancelledError:
            if not call.departure.forbidden:
                raise
            return GIVEN_UP

    async def _settle(self, record: Record, reading: Reading, evidence: Evidence, owner: str) -> tuple[Record, bool]:
        """Record what an exchange came to, and tell whether it contradicts what was settled meanwhile.

        Where that fails, say what may have happened besides, and by what id it can be asked for: nothing else kept it.
        """
        settle = Decision(partial(transitions.after_exchange, reading=reading, evidence=evidence, owner=owner))
        try:
            changed = await self.journal.change(record.ref, settle)
        except JournalUnavailable as error:
            known = reading.transaction_id
            later = (
                "" if known is None else f". The gateway calls it {known[:64]!r}: its status, asked later, settles it"
            )
            raise JournalUnavailable(
                f"{record.intent.operation} {record.ref}: what it came to could not be recorded ({evidence}): {error}"
                f"{later}",
                payment=record.payment,
                evidence=evidence,
            ) from error
        self.recorded()
        return changed, settle.contradicts

    async def _send(self, call: Call, deadline: float) -> Reply:
        """Send once; again only where it is proven that nothing of it left."""
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            request = Request(
                "POST",
                call.path,
                deadline,
                call.reveal_body(),
                charging=True,
                departure=call.departure,
                authentication=call.authentication,
            )
            reply = await (call.wire or self._wire).send(request)
            attempt += 1
            delay = policy.delay_before(attempt, self._random)
            again = policy.may_send_again(reply.evidence, attempt) and loop.time() + delay < deadline
            if not again or call.departure.forbidden:
                return Reply(reply.status, reply.headers, reply.body, replace(reply.evidence, attempts=attempt))
            await asyncio.sleep(delay)

    def _outcome(self, record: Record, reading: Reading, evidence: Evidence) -> Payment:
        """Return the payment that an exchange came to, or raise."""
        payment = record.payment
        about: dict[str, Any] = {"payment": payment, "evidence": evidence}
        if reading.foreign is not None:
            raise EnvironmentMismatch(reading.foreign, **about)
        if payment.progress is Progress.NOT_SENT:
            raise NotSent(f"{payment.operation} {payment.ref} was not sent: {evidence}", **about)
        if payment.progress is Progress.REFUSED and reading.refusal in (None, Refusal.UNANSWERED):
            why = _before_charging(payment, reading)
            raise GatewayUnavailable(
                f"{payment.operation} {payment.ref}: {why}; nothing was charged, use the same key again", **about
            )
        if payment.progress is Progress.REFUSED:
            raise refused(reading, evidence, f"{payment.operation} {payment.ref}", payment=payment)
        if payment.status is PaymentStatus.UNKNOWN:
            raise _unknown(payment, evidence)
        return payment

    async def _overtaken(self, call: Errand, task: asyncio.Task[Payment]) -> Payment:
        """The caller's deadline passed. Close what has not left; leave to the background what has."""
        if call.departure.forbid():
            return await asyncio.shield(task)
        try:
            record = await self.journal.get(call.intent.ref)
        except JournalUnavailable:
            payment = call.intent.opened()  # as it was admitted: what became of it since can't be read
        else:
            if record is None:
                return await asyncio.shield(task)
            payment = record.payment
        if task.done():
            return await asyncio.shield(task)
        raise OutcomeUnknown(
            f"{call.intent.operation} {call.intent.ref} was not answered in time; its exchange goes on behind it",
            payment=payment,
            ref=call.intent.ref,
            operation=call.intent.operation,
            settled_by=("its exchange in the background", "the webhook", "status with a known transaction id"),
        )

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, PaymentOptionsError):
            log.error("work in the background failed with %s", type(error).__name__)


def require_answer(reading: Reading, evidence: Evidence, ref: str | None = None) -> None:
    """Raise unless a question was answered readably. A 404 is an answer: it says nothing that settles."""
    if evidence.failure is not None:
        raise GatewayUnavailable(f"the gateway did not answer: {evidence}", ref=ref, evidence=evidence)
    if reading.refusal is Refusal.NOT_FOUND:
        return
    if reading.refusal is not None:
        raise refused(reading, evidence, "status", ref=ref)
    if reading.transaction_id is None:
        doubts = "; ".join(reading.doubts) or "not readable"
        raise GatewayUnavailable(f"the gateway's answer says nothing: {doubts}", ref=ref, evidence=evidence)


def refused(reading: Reading, evidence: Evidence, what: str, **about: Any) -> MayBeCalledAgain:
    """The exception for a request that the gateway refused."""
    said = f"{what} was refused with HTTP {evidence.http_status}" + (f": {reading.message}" if reading.message else "")
    if reading.refusal is Refusal.AUTHENTICATION:
        return AuthenticationFailed(f"{said}; check the API keys", evidence=evidence, **about)
    if reading.refusal is Refusal.RATE_LIMITED:
        return RateLimited(said, retry_after=reading.retry_after, evidence=evidence, **about)
    return InvalidRequest(said, evidence=evidence, **about)


def _before_charging(payment: Payment, reading: Reading) -> str:
    """Say why it was not charged, where that is neither the gateway's refusal nor the transport's evidence."""
    if payment.operation.family is Family.LINK:
        return "no link came back"
    return f"it ended before the charge: {reading.message or 'no answer came back'}"


def _standing(record: Record) -> Payment:
    """What stands under a key is the answer, without a request."""
    if record.payment.status is PaymentStatus.UNKNOWN:
        raise _unknown(record.payment, None)
    return record.payment


def _unknown(payment: Payment, evidence: Evidence | None) -> OutcomeUnknown:
    why = "; ".join(payment.doubts) or (str(evidence) if evidence else "no answer")
    known = (f"resolve({payment.ref!r})",) if payment.transaction_id else ()
    return OutcomeUnknown(
        f"{payment.operation} {payment.ref} may or may not have happened: {why}",
        payment=payment,
        evidence=evidence,
        settled_by=("its webhook", *known, "a person who looks it up in the portal by its reference"),
    )


def contradiction(payment: Payment) -> Contradiction:
    """What is raised where an answer contradicts what was settled."""
    return Contradiction(f"payment {payment.ref} {payment.doubts[0]}; look at it in the portal", payment=payment)


def _lapsed(record: Record) -> bool:
    return record.payment.progress is Progress.SENDING and record.payment.status is PaymentStatus.UNKNOWN
