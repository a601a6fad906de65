"""Waiting until a payment is final, whichever source brings it."""

from __future__ import annotations

import asyncio
from random import Random

from paymentoptions_async import policy
from paymentoptions_async.errors import GatewayUnavailable, InvalidValue, NotFinal, RateLimited
from paymentoptions_async.flow import Flow
from paymentoptions_async.intent import Record
from paymentoptions_async.masking import mask_text
from paymentoptions_async.payment import Payment

MAX_IDS = 4
"""Transactions asked for under one reference in one go: a flood of webhooks must not become a flood of queries."""


async def wait(flow: Flow, ref: str, *, timeout: float, random: Random) -> Payment:
    """Return a payment once it is final, or raise `NotFinal` with its last known state after ``timeout`` seconds.

    News that reaches the journal (a webhook, another call) ends the wait at once. Where a transaction id is known,
    its status is asked at growing intervals; where none is, only the journal can bring news.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    record = await known(flow, ref)
    attempt = 0
    while not record.payment.is_final:
        left = deadline - loop.time()
        if left <= 0:
            raise NotFinal(
                f"payment {ref} is {record.payment.status} after {timeout:g} s; wait again later",
                payment=record.payment,
            )
        ids = await transaction_ids(flow, record)
        pause = min(left, policy.poll_delay(attempt, random)) if ids else left
        news = await flow.journal.changed(ref, after=record.version, timeout=pause)
        if news is not None and news.version == record.version and loop.time() < deadline:
            news = await _poll(flow, news, deadline)
            attempt += 1
        record = news or await known(flow, ref)
    return record.payment


async def resolve(flow: Flow, ref: str, *, deadline: float) -> Payment:
    """Ask for every transaction known under a reference, and return the payment as it then stands.

    Known are the transaction of the payment itself and those that its recorded webhooks name. ``deadline`` is an
    instant of the loop's clock. Raises what `Flow.confirm` raises.
    """
    record = await known(flow, ref)
    for transaction_id in await transaction_ids(flow, record):
        record = await flow.confirm(record, transaction_id, deadline)
    return record.payment


async def known(flow: Flow, ref: str) -> Record:
    """The record of a reference, or `InvalidValue` where the journal has none."""
    record = await flow.journal.get(ref)
    if record is None:
        raise InvalidValue(f"ref: the journal has no payment {mask_text(str(ref))!r}", field="ref")
    return record


async def transaction_ids(flow: Flow, record: Record) -> tuple[str, ...]:
    """Ids to ask for: the payment's own first, then the latest that webhooks named, at most `MAX_IDS`."""
    named = [i for notice in reversed(await flow.journal.notices(record.ref)) for i in notice.transaction_ids]
    own = [record.payment.transaction_id] if record.payment.transaction_id else []
    return tuple(dict.fromkeys(own + named))[:MAX_IDS]


def _still(record: Record, timeout: float) -> str:
    """Say where a payment stands, and what could bring news."""
    payment = record.payment
    news = (
        "wait again later" if payment.transaction_id else "no transaction of it is known, so only a webhook brings news"
    )
    return f"payment {record.ref} is {payment.status} after {timeout:g} s; {news}"


async def _poll(flow: Flow, record: Record, deadline: float) -> Record:
    """Ask once; a gateway that is busy or away is asked again later."""
    for transaction_id in await transaction_ids(flow, record):
        try:
            record = await flow.confirm(record, transaction_id, deadline)
        except (GatewayUnavailable, RateLimited):
            continue
    return record
