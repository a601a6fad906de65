"""What every gateway's client is: a journal, a flow, and whoever waits for news, from opening to closing.

`PaymentOptions` and `Corefy` differ in what they send and how they read; what they keep, settle, wait for and hand
over is alike, and is here.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
import os
from collections.abc import Callable, Sequence
from random import Random
from types import TracebackType
from typing import Any, Self, cast

from paymentoptions_async import policy, polling, redirects, refs, settlement, settling, transitions
from paymentoptions_async.balance import Balance, balance_of
from paymentoptions_async.discreet import discreet
from paymentoptions_async.errors import ConfigurationError, InvalidValue, WebhookRejected
from paymentoptions_async.flow import Flow, Gateway, Pace
from paymentoptions_async.handover import Handover, OnPayment
from paymentoptions_async.intent import Entry, Intent, Record, make_scope
from paymentoptions_async.journal import Journal
from paymentoptions_async.journal.opening import open_journal
from paymentoptions_async.payment import Operation, Payment, PaymentStatus
from paymentoptions_async.redirects import Signer
from paymentoptions_async.resolving import Resolver, Round
from paymentoptions_async.settlement import Verdict
from paymentoptions_async.values import Money
from paymentoptions_async.webhooks import Inbox
from paymentoptions_async.wire.exchange import Wire
from paymentoptions_async.wire.guard import LoopGuard

log = logging.getLogger("paymentoptions_async")

JournalSetting = str | os.PathLike[str] | Journal | None

_SHOWN = 10
"""References named in one line of the log."""


class Door:
    """One merchant of one gateway in one environment, on one event loop.

    ``signer`` holds merchant and environment besides the secrets; ``wires`` are closed with the client, the first one
    carries the flow. ``flow`` and ``inbox`` are kinds of `Flow` and `Inbox`, where a gateway needs its own.
    """

    def __init__(
        self,
        *,
        name: str,
        signer: Signer,
        journal: JournalSetting,
        needs_journal: bool,
        is_live: bool,
        wires: Sequence[Wire],
        gateway: Gateway,
        on_payment: OnPayment | None,
        clock: Callable[[], float],
        random: Random | None,
        flow: type[Flow] = Flow,
        inbox: Callable[..., Inbox] = Inbox,
    ) -> None:
        self._name = name
        self._signer = signer
        self._scope = make_scope(name, signer.environment, signer.merchant_id)
        self._clock = clock
        self._random = random or Random()  # noqa: S311  jitter is no secret
        self._guard = LoopGuard()
        self._closed = False
        self._owns_journal = journal is None or isinstance(journal, (str, os.PathLike))
        self._journal = _open_journal(journal, needed=needs_journal, is_live=is_live, clock=clock)
        self._wires = wires
        self._flow = flow(journal=self._journal, wire=wires[0], gateway=gateway, random=self._random)
        self.webhooks = inbox(
            self._flow, signer, scope=self._scope, clock=clock, random=self._random, guard=self._guard
        )
        """Takes in webhooks: ``await gateway.webhooks.receive(ref, token, headers=…, body=…)``."""
        self._handover: Handover | None = None
        if on_payment is not None:
            self._handover = Handover(self._journal, self._scope, _check_handler(on_payment), random=self._random)
            self._flow.on_record = self._handover.look

    # From opening to closing ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Open the journal, report what is past its deadline, and take up what an earlier process left."""
        self._check_open()
        try:
            await self._look_back()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def drain(self) -> None:
        """Wait for all that goes on in the background: exchanges, confirmations, and events due for ``on_payment``.

        For tests. A client that is closed waits for what is under way too, but leaves events whose handler it has not
        called yet to the next one on the journal. Raises `ConfigurationError` inside an ``on_payment`` handler, which
        it would wait for.
        """
        self._check_outside_handlers("drain")
        await self._flow.drain()
        if self._handover is not None:
            await self._handover.drain()
            await self._flow.drain()

    async def aclose(self) -> None:
        """Let what is on the wire come to its end, then close pool and journal.

        Idempotent; one that was cancelled meanwhile is taken up again where it stopped. Raises `ConfigurationError`
        inside an ``on_payment`` handler, which it would wait for.
        """
        self._check_outside_handlers("close")
        self._closed = True
        self.webhooks.close()
        await self._flow.drain()
        if self._handover is not None:
            await self._handover.stop()
            await self._flow.drain()
        for wire in self._wires:
            await wire.aclose()
        await self._flow.drain()  # what began meanwhile was not sent, and its record says so
        if self._owns_journal:
            await self._journal.aclose()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._signer.environment} {self._signer.merchant_id}>"

    @property
    def scope(self) -> str:
        """Whose client it is: gateway, environment and merchant, as the journal names them."""
        return self._scope

    @property
    def journal(self) -> Journal:
        """Its journal."""
        return self._journal

    # What the journal knows -------------------------------------------------------------------------------------------

    @discreet
    async def payment(self, ref: str) -> Payment:
        """Read a payment from the journal, asking nobody. Raises `InvalidValue` for an unknown reference."""
        self._check_usable()
        return (await polling.known(self._flow, ref)).payment

    @discreet
    async def history(self, ref: str) -> Sequence[Entry]:
        """All that was ever recorded of a payment, oldest first: what changed, when, and told by whom.

        Raises `InvalidValue` for an unknown reference.
        """
        self._check_usable()
        await polling.known(self._flow, ref)
        return await self._journal.history(ref)

    @discreet
    async def balance(self, ref: str) -> Balance:
        """Add up what was captured, refunded and voided of a charge or capture, from the journal alone.

        What is unknown, in flight or pending is told apart, and counts as if it had happened.
        """
        self._check_usable()
        record = await polling.known(self._flow, ref)
        return balance_of(record.payment, await self._journal.followers(ref))

    @discreet
    async def unresolved(self, *, kind: PaymentStatus | None = None, older_than: float = 0.0) -> list[Payment]:
        """List what is not final: subscriptions first, because they keep billing; then what is unknown or pending.

        Last comes what waits for its buyer. Each group is oldest first; ``payment.opened_at`` says how old. ``kind``
        keeps one status; ``older_than`` those opened at least so many seconds ago.
        """
        self._check_usable()
        records = await settling.unresolved(self._journal, self._scope, kind=kind, older_than=older_than)
        return [record.payment for record in records]

    # Waiting for news, and settling where none comes ------------------------------------------------------------------

    @discreet
    async def wait(self, ref: str, *, timeout: float) -> Payment:
        """Return a payment once it is final, whichever source brings it: webhook, polling, or another call.

        Raises `NotFinal`, which carries the last known state, after ``timeout`` seconds; `Contradiction`;
        `AuthenticationFailed`.
        """
        self._check_usable()
        return await polling.wait(self._flow, ref, timeout=policy.check_timeout(timeout), random=self._random)

    @discreet
    async def resolve(self, ref: str, *, timeout: float = policy.GET_TIMEOUT) -> Payment:
        """Try what can settle a payment: ask for its transaction, and for those that its webhooks named.

        Returns it as it then stands, UNKNOWN included. Raises what a status query raises.
        """
        self._check_usable()
        deadline = self._guard.check().time() + policy.check_timeout(timeout)
        return await polling.resolve(self._flow, ref, deadline=deadline)

    @discreet
    async def resolve_open(
        self,
        *,
        older_than: float = 120.0,
        concurrency: int = 16,
        pace: Pace | None = None,
        stop: asyncio.Event | None = None,
    ) -> Round:
        """Ask once for all that is open: pending, unknown, or waiting for its buyer. For a job that runs now and then.

        Safe beside the application and other processes that do the same: each payment is one's to ask for, and is put
        off when it was asked for in vain, from a minute up to an hour. Where the gateway does not answer, the round
        ends before it has asked for everything. Cancelled, it leaves to others what it has not settled.

        Args:
            older_than: Leave out what was opened within so many seconds; whoever opened it may be waiting for it.
            concurrency: How many questions may be in flight.
            pace: How fast they may leave, for example `reconcile.pace.make_pace`.
            stop: Set it to end the round early: what is in flight comes in, and the rest is left to others.

        Raises:
            AuthenticationFailed: The gateway refuses the keys.
            JournalUnavailable: Nothing more can be asked, because it could not be kept.
            InvalidValue: An argument breaks a rule.
        """
        self._check_usable()
        if concurrency < 1:
            raise InvalidValue("concurrency: must be at least 1", field="concurrency")
        if not 0 <= older_than < math.inf:
            raise InvalidValue(f"older_than: {older_than!r} s; needs 0 or more, and finite", field="older_than")
        resolver = Resolver(
            self._flow,
            self._scope,
            older_than=older_than,
            concurrency=concurrency,
            pace=pace,
            random=self._random,
            stop=stop,
        )
        return await resolver.run()

    @discreet
    async def returned(self, purpose: str, ref: str, token: str) -> Payment:
        """Take in a buyer who comes back: check the return URL, and tell how the payment really stands.

        ``purpose`` is ``success``, ``decline`` or ``cancel``, the part of the path before the reference. It is where
        the gateway sent the buyer, and proves nothing: show ``payment.status``. Nothing is settled by a return.

        Raises `WebhookRejected`: answer its ``http_status``, 404 for a bad token and 410 for an expired one.
        """
        self._check_usable()
        if purpose not in redirects.RETURNS:
            raise WebhookRejected("no return URL ends so", http_status=404)
        self._signer.verify(ref, redirects.Purpose(purpose), token, now=self._clock())
        record = await self._journal.get(ref)
        if record is None:
            raise WebhookRejected("a return to a payment that the journal does not know", http_status=404)
        return record.payment

    @discreet
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
        by, note = settlement.check_words(by, note)  # masked before anything is raised of them
        prepared = await settling.prepare(
            self._journal, self._scope, ref, verdict, by=by, note=note, transaction_id=transaction_id
        )
        payment = await settling.settle(self._journal, prepared)
        self._flow.recorded()
        return payment

    @discreet
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

    # For the clients --------------------------------------------------------------------------------------------------

    def _check_usable(self) -> None:
        self._check_open()
        if self._handover is not None and not self._handover.has_started:
            raise ConfigurationError("on_payment: would never be called; open the client with `async with`")

    def _check_open(self) -> None:
        self._guard.check()
        if self._closed and not self._in_handler:  # those that run may end what they began: it waits for them
            raise ConfigurationError("this client is closed; make a new one")

    @property
    def _in_handler(self) -> bool:
        return self._handover is not None and self._handover.calls_us

    def _check_outside_handlers(self, doing: str) -> None:
        """What waits for all handlers would wait for itself inside of one."""
        if self._in_handler:
            raise ConfigurationError(
                f"on_payment: a handler can't {doing} the client, which waits for that handler; let it tell the "
                "application to do so, and return"
            )

    def _intent(self, operation: Operation, *, idempotency_key: str, **about: Any) -> Intent:
        """Name one call that may move money."""
        key = refs.check_key("idempotency_key", idempotency_key)
        for name in ("order", "supersedes"):
            if about.get(name) is not None:
                refs.check_key(name, about[name])
        if about.get("supersedes") is not None and about.get("order") is None:
            raise InvalidValue("supersedes: needs order=, because attempts are grouped by it", field="supersedes")
        environment, merchant_id = self._signer.environment, self._signer.merchant_id
        return Intent(
            gateway=self._name,
            environment=environment,
            merchant_id=merchant_id,
            operation=operation,
            idempotency_key=key,
            ref=refs.make_ref(
                gateway=self._name,
                environment=environment,
                merchant_id=merchant_id,
                family=operation.family,
                idempotency_key=key,
            ),
            signing_key=None if operation.follows else next(iter(self._signer.key_ids), None),
            **about,
        )

    async def _look_back(self) -> None:
        unresolved = await self._journal.unresolved(self._scope, in_flight=True)
        self._check_secrets(unresolved)
        lapsed = [record.ref for record in unresolved if record.payment.doubts == (transitions.LAPSED,)]
        if lapsed:
            shown = ", ".join(lapsed[:_SHOWN]) + (", …" if len(lapsed) > _SHOWN else "")
            log.warning("%d payments passed their deadline without an answer; unresolved() has %s", len(lapsed), shown)
        if self._handover is not None:
            await self._handover.start()
        await self.webhooks.take_up()

    def _check_secrets(self, unresolved: Sequence[Record]) -> None:
        """No secret is retired while an open payment's webhook needs it."""
        accepted = {None, *self._signer.key_ids}
        orphaned = [record.ref for record in unresolved if record.intent.signing_key not in accepted]
        if orphaned:
            raise ConfigurationError(
                f"signing_secrets: {len(orphaned)} open payments ({orphaned[0]}, …) have webhook URLs signed with a "
                "secret that is no longer among them; add it again, behind the others, until they are settled"
            )


def check_amount(amount: object) -> Money:
    """Return an amount to move, or raise `InvalidValue`: a `Money` above zero."""
    if not isinstance(amount, Money):
        raise InvalidValue(f"amount: needs a Money, got {type(amount).__name__}", field="amount")
    if not amount.is_positive:
        raise InvalidValue("amount: needs to be above zero", field="amount")
    return amount


def _check_handler(handler: object) -> OnPayment:
    """Return an ``on_payment`` handler, or raise `ConfigurationError`: it is called with one event, and awaited."""
    called = handler if inspect.isroutine(handler) else getattr(handler, "__call__", None)  # noqa: B004  its kind
    if not inspect.iscoroutinefunction(called):
        raise ConfigurationError("on_payment: needs a coroutine function that takes one PaymentEvent")
    return cast("OnPayment", handler)


def _open_journal(given: JournalSetting, *, needed: bool, is_live: bool, clock: Callable[[], float]) -> Journal:
    if given is None and needed:
        raise ConfigurationError("journal is not set, and this environment needs a durable one: pass journal=…")
    named = "memory:" if given is None else given
    journal = open_journal(named, clock=clock) if isinstance(named, (str, os.PathLike)) else named
    if is_live and not journal.durable:
        raise ConfigurationError("journal: live payments need one that survives the process")
    return journal
