"""Waiting until a payment is final: how often the gateway is asked, and what ends a wait. Time passes at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random

import pytest

from paymentoptions_async import policy, polling, settling
from paymentoptions_async.errors import AuthenticationFailed, Contradiction, NotFinal
from paymentoptions_async.intent import Change, Notice
from paymentoptions_async.payment import PaymentStatus, Source
from tests.support.scripted import OTHER_TRANSACTION, TRANSACTION, answer, envelope
from tests.support.virtual_time import in_virtual_time, rounds


def wait(shop, ref, timeout=600.0, seed=1):
    return polling.wait(shop.flow, ref, timeout=timeout, random=Random(seed))


async def past(seconds):
    """How long the loop's clock went on meanwhile."""
    before = asyncio.get_running_loop().time()
    await seconds
    return asyncio.get_running_loop().time() - before


@in_virtual_time
async def test_5000_waiters_have_one_schedule_each_and_no_busy_loop(shop, desk, begin):
    begun = await begin(5000)
    for ref, own in begun.items():
        desk.enter(own, envelope(ref, code=578, transaction_id=own))
    before, shop.journal.reads = rounds(), 0
    waits = [asyncio.create_task(wait(shop, ref, 6.0, seed)) for seed, ref in enumerate(begun)]
    ends = await asyncio.gather(*waits, return_exceptions=True)
    assert {type(end) for end in ends} == {NotFinal}
    polls = desk.asked.total()
    shortest_pauses = [0.5, 0.8, 1.28, 2.048]
    assert max(desk.asked.values()) <= len(shortest_pauses)
    assert 1.5 * 5000 < polls < 3.5 * 5000
    assert shop.journal.sleeps <= polls + 5000  # one before each poll, and the one to the deadline
    assert shop.journal.reads <= 5 * (polls + 5000)
    assert rounds() - before < 6 * (polls + 5000)
    assert not shop.journal._waiters


@in_virtual_time
async def test_5000_waiters_without_a_transaction_ask_nobody_and_end_with_their_news(shop, desk, begin):
    begun = await begin(5000, PaymentStatus.ACTION_REQUIRED)
    waits = [asyncio.create_task(wait(shop, ref, 3600.0, seed)) for seed, ref in enumerate(begun)]
    await asyncio.sleep(5)
    assert not desk.asked
    before = rounds()
    for ref in begun:
        await shop.journal.change(ref, lambda known: Change(approved(known.payment), Source.STATUS, "confirmed"))
    payments = await asyncio.gather(*waits)
    assert {payment.status for payment in payments} == {PaymentStatus.APPROVED}
    assert rounds() - before < 10 * 5000


def approved(payment):
    return replace(payment, status=PaymentStatus.APPROVED)


@in_virtual_time
async def test_a_wait_asks_less_and_less_often(shop, desk, begin):
    [ref] = await begin(1)
    with pytest.raises(NotFinal):
        await wait(shop, ref, timeout=3600.0)
    assert 3600 / 45 <= desk.asked.total() <= 3600 / 15 + 10


@in_virtual_time
async def test_news_ends_a_wait_at_once(shop, desk, begin):
    [(ref, own)] = (await begin(1)).items()
    waiting = asyncio.create_task(wait(shop, ref))
    await asyncio.sleep(100)
    desk.enter(own, envelope(ref, transaction_id=own))
    await shop.another_flow().confirm(await shop.journal.get(ref), own, asyncio.get_running_loop().time() + 5)
    assert await past(waiting) == 0
    assert (await waiting).status is PaymentStatus.APPROVED


@in_virtual_time
async def test_a_question_that_hangs_holds_a_wait_up_no_longer_than_any_question(shop, desk, begin):
    [(ref, own)] = (await begin(1)).items()
    desk.seconds = 10_000.0
    waiting = asyncio.create_task(wait(shop, ref, timeout=3000.0))
    await asyncio.sleep(5)
    desk.seconds = 0.0
    desk.enter(own, envelope(ref, transaction_id=own))
    await shop.another_flow().confirm(await shop.journal.get(ref), own, asyncio.get_running_loop().time() + 5)
    assert await past(waiting) <= policy.GET_TIMEOUT
    assert (await waiting).status is PaymentStatus.APPROVED


@in_virtual_time
async def test_a_wait_ends_at_its_deadline_though_a_question_hangs(shop, desk, begin):
    [ref] = await begin(1)
    desk.seconds = 10_000.0
    with pytest.raises(NotFinal) as given_up:
        await asyncio.wait_for(wait(shop, ref, timeout=20.0), 20.5)
    assert given_up.value.payment.status is PaymentStatus.PENDING


@in_virtual_time
async def test_a_gateway_that_asks_for_patience_gets_it(shop, desk, begin):
    [(ref, own)] = (await begin(1)).items()
    desk.away = answer({"message": "slow down"}, 429, {"Retry-After": "120"})
    waiting = asyncio.create_task(wait(shop, ref))
    await asyncio.sleep(60)
    asked = desk.asked.total()
    desk.away = None
    desk.enter(own, envelope(ref, transaction_id=own))
    await asyncio.sleep(60)
    assert desk.asked.total() == asked
    assert (await waiting).status is PaymentStatus.APPROVED


@pytest.mark.parametrize("said", [answer(b"<html>", 502), answer({"message": "no"}, 400)], ids=["502", "400"])
@in_virtual_time
async def test_an_id_that_is_never_answered_does_not_hide_another(shop, desk, begin, said):
    [(ref, own)] = (await begin(1)).items()
    desk.books[own] = said
    body = {"transaction_details": {"id": OTHER_TRANSACTION}}
    await shop.journal.note(Notice(ref=ref, digest="1", transaction_ids=(OTHER_TRANSACTION,), body=body))
    desk.enter(OTHER_TRANSACTION, envelope(ref, transaction_id=OTHER_TRANSACTION))
    assert (await wait(shop, ref)).status is PaymentStatus.APPROVED


@in_virtual_time
async def test_keys_that_are_refused_end_a_wait(shop, desk, begin):
    [ref] = await begin(1)
    desk.away = answer({"message": "no"}, 401)
    with pytest.raises(AuthenticationFailed):
        await wait(shop, ref)


@in_virtual_time
async def test_a_contradiction_ends_a_wait(shop, desk, begin):
    [(ref, own)] = (await begin(1)).items()
    waiting = asyncio.create_task(wait(shop, ref))
    await asyncio.sleep(0)
    desk.enter(own, envelope(ref, transaction_id=own))
    prepared = await settling.prepare(
        shop.journal, shop.intent().scope, ref, "not_happened", by="Ann", note="looked", transaction_id=own
    )
    await settling.settle(shop.journal, prepared)
    assert (await waiting).status is PaymentStatus.CANCELLED
    with pytest.raises(Contradiction):
        await polling.resolve(shop.flow, ref, deadline=asyncio.get_running_loop().time() + 5)


@in_virtual_time
async def test_what_is_final_is_not_waited_for(shop, desk):
    desk.then(answer(envelope(shop.ref())))
    paid = await shop.pay()
    assert await past(wait(shop, paid.ref)) == 0
    assert not desk.asked


@in_virtual_time
async def test_a_wait_hears_of_a_call_in_another_process(shop, desk):
    await shop.journal.admit(shop.intent(), owner="another process", lease=45.0)
    waiting = asyncio.create_task(wait(shop, shop.ref()))
    await asyncio.sleep(60)
    assert (await shop.journal.get(shop.ref())).payment.status is PaymentStatus.UNKNOWN
    desk.enter(TRANSACTION, envelope(shop.ref()))
    await shop.flow.confirm(await shop.journal.get(shop.ref()), TRANSACTION, asyncio.get_running_loop().time() + 5)
    assert (await waiting).status is PaymentStatus.APPROVED
