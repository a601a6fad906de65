"""Attempts of one order: never two that may both take money without anyone knowing."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async.errors import IdempotencyConflict, NotAllowed, NotSent, OutcomeUnknown
from paymentoptions_async.payment import PaymentStatus
from tests.support.scripted import OTHER_TRANSACTION, Held, answer, envelope, lost, not_sent, redirect


async def test_an_order_that_is_paid_takes_no_further_attempt(shop):
    shop.wire.then(answer(envelope(shop.ref("1042:1"))))
    paid = await shop.pay("1042:1", order="1042")
    with pytest.raises(NotAllowed, match="is paid") as refused:
        await shop.pay("1042:2", order="1042")
    assert refused.value.payment.ref == paid.ref
    assert len(shop.wire.sent) == 1


async def test_after_a_decline_another_card_may_be_tried(shop):
    shop.wire.then(answer(envelope(shop.ref("1042:1"), code=5)), answer(envelope(shop.ref("1042:2"))))
    assert (await shop.pay("1042:1", order="1042")).status is PaymentStatus.DECLINED
    second = await shop.pay("1042:2", order="1042", instrument="400000******1091 12/29")
    assert second.status is PaymentStatus.APPROVED


async def test_an_unknown_attempt_blocks_the_order(shop):
    shop.wire.then(lost())
    with pytest.raises(OutcomeUnknown):
        await shop.pay("1042:1", order="1042")
    with pytest.raises(NotAllowed, match="may have charged"):
        await shop.pay("1042:2", order="1042")


async def test_a_double_click_in_two_tabs_is_refused_while_the_first_is_in_flight(shop):
    held = Held(answer(envelope(shop.ref("1042:1"))), after_leaving=True)
    shop.wire.then(held)
    first = asyncio.create_task(shop.pay("1042:1", order="1042"))
    await held.reached.wait()
    with pytest.raises(NotAllowed, match="in flight"):
        await shop.pay("1042:2", order="1042")
    held.release()
    assert (await first).status is PaymentStatus.APPROVED


async def test_an_attempt_that_waits_for_its_buyer_must_be_superseded_by_name(shop):
    shop.wire.then(answer(redirect(), 200))
    waiting = await shop.pay("1042:1", order="1042")
    with pytest.raises(NotAllowed, match=f"supersedes='{waiting.ref}'"):
        await shop.pay("1042:2", order="1042")
    shop.wire.then(answer(redirect(), 200))
    second = await shop.pay("1042:2", order="1042", supersedes=waiting.ref)
    with pytest.raises(NotAllowed, match=second.ref):
        await shop.pay("1042:3", order="1042")
    shop.wire.then(answer(envelope(shop.ref("1042:3"))))
    third = await shop.pay("1042:3", order="1042", supersedes=second.ref)
    assert third.status is PaymentStatus.APPROVED


async def test_superseding_an_attempt_that_is_not_of_the_order_is_refused(shop):
    with pytest.raises(NotAllowed, match="no attempt of order"):
        await shop.pay("1042:2", order="1042", supersedes="POELSEWHERE")


async def test_two_attempts_that_both_end_approved_are_both_told(shop):
    shop.wire.then(answer(redirect(), 200), answer(envelope(shop.ref("1042:2"))))
    waiting = await shop.pay("1042:1", order="1042")
    paid = await shop.pay("1042:2", order="1042", supersedes=waiting.ref)
    shop.wire.then(answer(envelope(waiting.ref, transaction_id=OTHER_TRANSACTION), 200))
    record = await shop.journal.get(waiting.ref)
    await shop.flow.confirm(record, OTHER_TRANSACTION, asyncio.get_running_loop().time() + 5)
    late = await shop.journal.get(waiting.ref)
    assert late.payment.status is PaymentStatus.APPROVED
    assert late.payment.duplicate_charges == (paid.transaction_id,)
    assert (await shop.journal.history(waiting.ref))[-1].event == "duplicate_charge"


async def test_orders_of_other_numbers_do_not_meet(shop):
    shop.wire.then(answer(envelope(shop.ref("1042:1"))), answer(envelope(shop.ref("1043:1"))))
    await shop.pay("1042:1", order="1042")
    assert (await shop.pay("1043:1", order="1043")).status is PaymentStatus.APPROVED


async def test_an_attempt_counts_for_the_order_that_it_was_sent_for_in_the_end(shop, no_delay):
    shop.wire.then(*[not_sent()] * 4)
    with pytest.raises(NotSent):
        await shop.pay("1042:1", order="a slip of the keyboard")
    shop.wire.then(answer(envelope(shop.ref("1042:1"))))
    await shop.pay("1042:1", order="1042")
    with pytest.raises(NotAllowed, match="is paid"):
        await shop.pay("1042:2", order="1042")
    shop.wire.then(answer(envelope(shop.ref("1042:3"))))
    await shop.pay("1042:3", order="a slip of the keyboard")


async def test_a_pending_attempt_blocks_the_order(shop):
    shop.wire.then(answer(envelope(shop.ref("1042:1"), code=578)))
    assert (await shop.pay("1042:1", order="1042")).status is PaymentStatus.PENDING
    with pytest.raises(NotAllowed, match="is pending"):
        await shop.pay("1042:2", order="1042")
    with pytest.raises(NotAllowed, match="is pending"):
        await shop.pay("1042:2", order="1042", supersedes=shop.ref("1042:1"))


async def test_an_attempt_whose_owner_never_came_back_blocks_the_order(shop):
    await shop.journal.admit(shop.intent("1042:1", order="1042"), owner="gone", lease=45.0)
    shop.now += 46
    with pytest.raises(NotAllowed, match="may have charged"):
        await shop.pay("1042:2", order="1042")
    assert shop.wire.sent == []


async def test_a_key_of_another_order_is_a_mistake_and_not_an_order_that_is_paid(shop):
    shop.wire.then(answer(envelope(shop.ref("1"))))
    await shop.pay("1", order="1042")
    with pytest.raises(IdempotencyConflict) as conflict:
        await shop.pay("1", order="1043")
    assert conflict.value.fields == ("order",)
    assert (await shop.pay("1")).status is PaymentStatus.APPROVED
    assert shop.wire.charges == 1
