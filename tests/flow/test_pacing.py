"""Questions asked at a pace: who waits for a permit, what a pace is told, and what that does to a deadline."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paymentoptions_async.reconcile.pace import make_pace
from paymentoptions_async.wire.exchange import Reply
from tests.support.scripted import answer, lost
from tests.support.virtual_time import in_virtual_time

PATH = "/status/ab8444e7-fec0-40dd-994d-0ad813785f74"
BUSY = answer({"message": "busy"}, 503)
OK = answer({}, 200)


class Noted:
    """A pace that notes what it was asked and told. Each permit takes ``seconds``."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.told: list[Any] = []

    async def permit(self, *, again: bool = False) -> None:
        self.told.append("again" if again else "first")
        await asyncio.sleep(self.seconds)

    def saw(self, reply: Reply) -> None:
        self.told.append(reply.status or reply.evidence.failure)


def clock() -> float:
    return asyncio.get_running_loop().time()


@in_virtual_time
async def test_each_further_try_has_a_permit_of_its_own_and_each_answer_is_told(shop):
    shop.wire.then(BUSY, lost("reset"), OK)
    pace = Noted()
    assert await shop.flow.ask(PATH, clock() + 15, pace) is OK
    assert pace.told == [503, "again", "reset", "again", 200]


@in_virtual_time
async def test_the_last_answer_is_told_too(shop):
    shop.wire.then(BUSY, BUSY, BUSY, BUSY)
    pace = Noted()
    assert await shop.flow.ask(PATH, clock() + 15, pace) is BUSY
    assert pace.told == [503, "again", 503, "again", 503, "again", 503]


@in_virtual_time
async def test_waiting_for_a_permit_does_not_count_against_the_deadline(shop):
    shop.wire.then(BUSY, OK)
    assert await shop.flow.ask(PATH, clock() + 15, Noted(seconds=600)) is OK
    [_, second] = shop.wire.sent
    assert 0 < second.deadline - clock() <= 15


@in_virtual_time
async def test_without_a_pace_nobody_waits_beyond_the_deadline(shop):
    shop.wire.then(answer({}, 429, {"Retry-After": "20"}))
    began = clock()
    assert (await shop.flow.ask(PATH, began + 15)).status == 429
    assert clock() == began


@in_virtual_time
async def test_with_a_pace_a_question_survives_a_retry_after_that_is_longer_than_its_deadline(shop):
    shop.wire.then(answer({}, 429, {"Retry-After": "60"}), OK)
    pace = make_pace(1000.0, scope="paymentoptions/live/JP00000001", concurrency=4)
    began = clock()
    await pace.permit()
    assert await shop.flow.ask(PATH, began + 15, pace) is OK
    assert 60 <= clock() - began < 61
    assert pace.retries == 1


@in_virtual_time
async def test_one_refusal_holds_back_all_who_ask(shop):
    shop.wire.then(answer({}, 429, {"Retry-After": "30"}), *[OK] * 9)
    pace = make_pace(100.0, scope="paymentoptions/live/JP00000001", concurrency=4)
    left: list[float] = []

    async def question() -> None:
        await pace.permit()
        left.append(clock())
        await shop.flow.ask(PATH, clock() + 15, pace)

    began = clock()
    await asyncio.gather(*[question() for _ in range(9)])
    early = [at for at in left if at < began + 1]
    assert len(early) < 9  # the burst that was permitted at once, before anything was answered
    assert all(30 <= at - began < 31 for at in left if at not in early)
    assert clock() - began < 32


@in_virtual_time
async def test_cancelled_while_it_waits_for_a_permit_nothing_is_asked_again(shop):
    shop.wire.then(BUSY)
    asking = asyncio.create_task(shop.flow.ask(PATH, clock() + 15, Noted(seconds=600)))
    await asyncio.sleep(60)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(shop.wire.sent) == 1
