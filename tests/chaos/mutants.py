"""Each promise broken on purpose, in a worker's own process, to prove that the campaign would notice.

Nothing in the product switches these: they replace its functions from here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from secrets import token_hex
from typing import Any

from paymentoptions_async import admission, balance, policy, refs, replies, transitions
from paymentoptions_async.corefy.errands import Sale
from paymentoptions_async.corefy.replies import Session
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.flow import Answer, Call, Errand, Flow
from paymentoptions_async.gateway_json import json_default
from paymentoptions_async.handover import Handover
from paymentoptions_async.intent import Change, Intent, Notice, NoticeState, PaymentEvent, Record
from paymentoptions_async.payment import Payment, PaymentStatus, Progress, Reading, Source
from paymentoptions_async.webhooks import Inbox
from paymentoptions_async.wire.exchange import Reply, Request
from paymentoptions_async.wire.pool import AiohttpWire

MUTANTS: dict[str, tuple[Callable[[], None], str]] = {}
"""What breaks which promise, by name, with a sentence about it."""


def apply(name: str) -> None:
    """Break a promise in this process."""
    MUTANTS[name][0]()


def _mutant(sentence: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(breaks: Callable[[], None]) -> Callable[[], None]:
        MUTANTS[breaks.__name__.strip("_").replace("_", "-")] = (breaks, sentence)
        return breaks

    return enter


@_mutant("the request leaves before its intent is written")
def _send_before_write() -> None:
    written_first = Flow._perform

    async def perform(self: Flow, call: Errand, deadline: float) -> Payment:
        if not isinstance(call, Call) or await self.journal.get(call.intent.ref) is not None:
            return await written_first(self, call, deadline)
        reply = await self.send(call, deadline)
        admitted = await self.journal.admit(call.intent, owner="me", lease=1.0)
        record, _ = await self._settle(admitted.record, call.read(reply), reply.evidence, "me")
        return self._outcome(record, call.read(reply), reply.evidence)

    vars_of(Flow)(_perform=perform)


@_mutant("the caller is told before the answer is written")
def _tell_before_write() -> None:
    settle_first = Flow._settle

    async def settle(
        self: Flow, record: Record, reading: Reading, evidence: Evidence, owner: str
    ) -> tuple[Record, bool]:
        async def later() -> None:
            await asyncio.sleep(1.2)
            await settle_first(self, record, reading, evidence, owner)

        self.spawn(later())
        change = transitions.after_exchange(record, reading, evidence, owner)
        return (record if change is None else replace(record, payment=change.payment)), False

    vars_of(Flow)(_settle=settle)


@_mutant("a charging request goes again after an ambiguous failure")
def _send_again() -> None:
    def may_send_again(evidence: Evidence, attempt: int) -> bool:
        failed = evidence.failure is not None or (evidence.http_status or 0) >= 500
        return failed and attempt < policy.MAX_ATTEMPTS

    vars(policy).update(may_send_again=may_send_again)


@_mutant("the same key gets a new reference each time")
def _new_reference() -> None:
    derived = refs.make_ref

    def make_ref(**about: Any) -> str:
        return derived(**{**about, "idempotency_key": token_hex(8)})

    vars(refs).update(make_ref=make_ref)


@_mutant("an intent that was in flight when its process died counts as not sent")
def _crash_means_not_sent() -> None:
    as_it_reads = transitions.as_of

    def as_of(record: Record, now: float) -> Record:
        read = as_it_reads(record, now)
        if read is record:
            return record
        closed = replace(read.payment, status=PaymentStatus.CANCELLED, progress=Progress.NOT_SENT)
        return replace(read, payment=closed)

    _replace_everywhere("as_of", as_of)


@_mutant("a webhook is believed without asking")
def _believe_webhooks() -> None:
    async def confirm(self: Inbox, record: Record, notice: Notice) -> None:
        import json

        flow = self._flow
        body = json.dumps(dict(notice.body), default=json_default).encode()
        reply = Reply(200, {}, body, Evidence(Left.MAYBE, Stage.DONE, http_status=200))
        for transaction_id in notice.transaction_ids[:1]:
            reading = flow.gateway.read_status(reply, flow.gateway.expected(record, transaction_id))
            await flow.take_in(record, reading)
        await flow.journal.close_notice(notice, NoticeState.CONFIRMED, "believed")

    vars_of(Inbox)(_confirm=confirm)


@_mutant("a lost answer is taken for a failure")
def _guess_failure() -> None:
    vars(replies).update(read_failure=lambda _: Reading(status=PaymentStatus.DECLINED))


@_mutant("a new attempt at an order is not held against the others")
def _no_order_check() -> None:
    vars(admission).update(_check_order=lambda intent, attempts, now: None)


@_mutant("what is unknown or in flight is not counted in balances")
def _balances_not_reserved() -> None:
    strict = balance.check_following

    def check_following(intent: Intent, parent: Record | None, followers: Iterable[Record]) -> None:
        strict(intent, parent, [one for one in followers if one.payment.status.took_money])

    vars(admission).update(check_following=check_following)


@_mutant("a contradiction replaces what was settled, and says nothing")
def _overwrite_silently() -> None:
    def contradicted(payment: Payment, reading: Reading, source: Source) -> Change:
        return Change(transitions._learned(payment, reading, source), source, "confirmed")

    vars(transitions).update(_contradicted=contradicted)


@_mutant("an event whose handler failed is forgotten")
def _drop_events() -> None:
    called = Handover._call

    async def call(self: Handover, event: PaymentEvent) -> str | None:
        await called(self, event)
        return None

    vars_of(Handover)(_call=call)


@_mutant("a second approval in an order is not reported")
def _hide_second_charge() -> None:
    _replace_everywhere("beside_attempts", lambda change, attempts: change)


@_mutant("request bodies are logged")
def _log_bodies() -> None:
    quietly = AiohttpWire.send

    async def send(self: AiohttpWire, request: Request) -> Reply:
        logging.getLogger("paymentoptions_async").debug("%s %r", request.path, request.body)
        return await quietly(self, request)

    vars_of(AiohttpWire)(send=send)


@_mutant("Corefy: a sale whose answer was lost is sent again")
def _sell_again() -> None:
    once = Sale._sell

    async def sell(self: Sale, flow: Flow, session: Session, deadline: float) -> Answer:
        sold = await once(self, flow, session, deadline)
        lost = sold.evidence.failure is not None or (sold.reading.http_status or 0) >= 500
        return await once(self, flow, session, deadline) if lost else sold

    vars_of(Sale)(_sell=sell)


@_mutant("Corefy: what a sale is answered is believed without reading the invoice")
def _believe_sales() -> None:
    async def settled(self: Sale, flow: Flow, session: Session, sold: Answer, deadline: float) -> Answer:
        said = (sold.reading.raw or {}).get("status")
        status = {"processed": PaymentStatus.APPROVED, "process_failed": PaymentStatus.DECLINED}.get(str(said))
        if status is None:
            return await read_first(self, flow, session, sold, deadline)
        amount = self.intent.amount if status.took_money else None
        told = replace(sold.reading, status=status, approved_amount=amount, transaction_id=session.invoice_id)
        return Answer(told, sold.evidence)

    read_first = Sale._settled
    vars_of(Sale)(_settled=settled)


def vars_of(kind: type) -> Callable[..., None]:
    """Replace methods of a class."""

    def update(**methods: Any) -> None:
        for name, method in methods.items():
            setattr(kind, name, method)

    return update


def _replace_everywhere(name: str, function: Any) -> None:
    """Replace a function of `transitions` in every module that took it by name."""
    import sys

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("paymentoptions_async") and name in vars(module):
            vars(module)[name] = function
