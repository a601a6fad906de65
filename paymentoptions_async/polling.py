"""Waiting until a payment is final, whichever source brings it."""

from __future__ import annotations

import asyncio
from random import Random

from paymentoptions_async import policy
from paymentoptions_async.errors import GatewayUnavailable, InvalidRequest, InvalidValue, NotFinal, RateLimited
from paymentoptions_async.flow import Flow
from paymentoptions_async.intent import Record
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Payment
from paymentoptions_async.refs import may_be_ref

MAX_IDS = 4
"""Transactions asked for under one reference in one go: a flood of webhooks must not become a flood of queries."""


async def wait(flow: Flow, ref: str, *, timeout: float, random: Random) -> Payment:
    """Return a payment once it is final, or raise `NotFinal` with its last known state after ``timeout`` seconds.

    News that reaches the journal (a webhook, another call) ends the wait at once, or when a question that is under
    way is answered. At growing intervals the status of the transactions that are known is asked; where none is, what
    webhooks named since is looked up.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    record = await known(flow, ref)
    attempt, patience = 0, 0.0
    while not record.payment.is_final:
        left = deadline - loop.time()
        if left <= 0:
            raise NotFinal(_still(record, timeout), payment=record.payment)
        pause = min(left, max(policy.poll_delay(attempt, random), patience))
        news = await flow.journal.changed(ref, after=record.version, timeout=pause)
        if news is not None and news.version == record.version and loop.time() < deadline:
            patience = await _poll(flow, news, deadline)
            attempt += 1
            news = None
        record = news or await known(flow, ref)
    return record.payment


async def resolve(flow: Flow, ref: str, *, deadline: float) -> Payment:
    """Ask for every transaction known under a reference, and return the payment as it then stands.

    Known are the transaction of the payment itself and those that its recorded webhooks name; for a capture, refund
    or void also those that its charge's webhooks name and nobody knows. ``deadline`` is an instant of the loop's
    clock. Raises what `Flow.confirm` raises.
    """
    record = await known(flow, ref)
    for about, transaction_id in await questions(flow, record):
        await flow.confirm(about, transaction_id, deadline)
    return (await known(flow, ref)).payment


async def questions(flow: Flow, record: Record) -> list[tuple[Record, str]]:
    """What can be asked to settle a record: each transaction, and the record that it is taken to be of."""
    asked = [(record, transaction_id) for transaction_id in await transaction_ids(flow, record)]
    if record.intent.operation.follows and record.payment.transaction_id is None:
        asked += await _of_charge(flow, record)
    return asked


async def known(flow: Flow, ref: str) -> Record:
    """The record of a reference, or `InvalidValue` where the journal has none."""
    record = await flow.journal.get(ref) if may_be_ref(ref) else None
    if record is None:
        raise InvalidValue(f"ref: the journal has no payment {mask_text(str(ref))!r}", field="ref")
    return record


async def transaction_ids(flow: Flow, record: Record) -> tuple[str, ...]:
    """Ids to ask for: the payment's own first, then the latest that webhooks named, at most `MAX_IDS`."""
    return tuple(dict.fromkeys(await flow.own_ids(record) + await _named(flow, record.ref)))[:MAX_IDS]


async def _named(flow: Flow, ref: str) -> list[str]:
    """The transactions that the webhooks of a reference named, the latest first."""
    return [i for notice in reversed(await flow.journal.notices(ref)) for i in notice.transaction_ids]


async def _of_charge(flow: Flow, follower: Record) -> list[tuple[Record, str]]:
    """What the charge's webhooks named and nobody knows: it may be this capture, refund or void."""
    charge = await flow.journal.get(follower.intent.charge_ref or "")
    if charge is None:
        return []
    named = await _named(flow, charge.ref)
    unknown = [i for i in dict.fromkeys(named) if await flow.journal.find(i) is None]
    return [(charge, transaction_id) for transaction_id in unknown[:MAX_IDS]]


def _still(record: Record, timeout: float) -> str:
    """Say where a payment stands, and what could bring news."""
    payment = record.payment
    news = (
        "wait again later" if payment.transaction_id else "no transaction of it is known, so only a webhook brings news"
    )
    return f"payment {record.ref} is {payment.status} after {timeout:g} s; {news}"


async def _poll(flow: Flow, record: Record, deadline: float) -> float:
    """Ask once, no longer than any question takes; return for how many seconds the gateway asks to be left alone.

    A gateway that is busy or away, or refuses to answer for one of them, is asked again later.
    """
    deadline = min(deadline, asyncio.get_running_loop().time() + policy.GET_TIMEOUT)
    for transaction_id in await transaction_ids(flow, record):
        try:
            await flow.confirm(record, transaction_id, deadline)
        except (GatewayUnavailable, InvalidRequest):
            continue  # or it is no transaction at all: anyone may have put it into a webhook
        except RateLimited as busy:
            return busy.retry_after or 0.0
    return 0.0
