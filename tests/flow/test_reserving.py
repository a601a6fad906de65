"""Balances are reserved while operations are in flight, and while nobody knows how they ended."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from paymentoptions_async.balance import balance_of
from paymentoptions_async.errors import NotAllowed, OutcomeUnknown
from paymentoptions_async.payment import Operation, PaymentStatus
from paymentoptions_async.values import Money
from tests.support.scripted import OTHER_TRANSACTION, Held, answer, envelope, lost


@pytest.fixture
async def held(shop):
    """An authorisation of 1000 yen."""
    shop.wire.then(answer(envelope(shop.ref(), kind="PRE_AUTH")))
    return await shop.pay(operation=Operation.AUTHORIZE)


@pytest.fixture
def follow(shop, held):
    def follow(operation: Operation, amount: str | None, key: str):
        about = {"parent": held.ref, "charge_ref": held.ref, "instrument": None}
        return shop.pay(key, operation=operation, amount=amount and Money(amount, "JPY"), **about)

    return follow


capture = partial(envelope, transaction_id=OTHER_TRANSACTION, amount=600)


async def test_a_capture_in_flight_is_reserved(shop, held, follow):
    step = Held(answer(capture(held.ref)), after_leaving=True)
    shop.wire.then(step)
    first = asyncio.create_task(follow(Operation.CAPTURE, "600", "c:1"))
    await step.reached.wait()
    with pytest.raises(NotAllowed, match="400 JPY left"):
        await follow(Operation.CAPTURE, "600", "c:2")
    with pytest.raises(NotAllowed, match="captured, or may be"):
        await follow(Operation.VOID, None, "v:1")
    step.release()
    assert (await first).status is PaymentStatus.APPROVED


async def test_a_capture_whose_owner_never_came_back_stays_reserved(shop, held, follow):
    intent = shop.intent("c:1", operation=Operation.CAPTURE, amount=Money("600", "JPY"), parent=held.ref)
    await shop.journal.admit(intent, owner="gone", lease=45.0)
    shop.now += 46
    with pytest.raises(NotAllowed, match="must be resolved first"):
        await follow(Operation.CAPTURE, "600", "c:2")


async def test_a_void_that_may_have_happened_forbids_a_capture(shop, held, follow):
    shop.wire.then(lost())
    with pytest.raises(OutcomeUnknown):
        await follow(Operation.VOID, None, "v:1")
    with pytest.raises(NotAllowed, match="may be voided"):
        await follow(Operation.CAPTURE, "1", "c:1")
    balance = balance_of(held, await shop.journal.followers(held.ref))
    assert (balance.voiding, balance.capturable) == (True, Money("0", "JPY"))
