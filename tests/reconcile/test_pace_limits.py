"""Permits at a rate: never more in any second than the tolerance allows, and hardly fewer than were meant."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paymentoptions_async.reconcile.pace.limiter import Limiter
from tests.reconcile.pace_world import BusyLoop, fullest_second, keep_busy
from tests.support.virtual_time import in_virtual_time


def most(rate: float) -> int:
    """The most that a second may have."""
    return max(math.floor(rate * 1.02), math.ceil(rate))


def now() -> float:
    return asyncio.get_running_loop().time()


async def permits(
    limiter: Limiter, askers: int, until: float, before: Callable[[], object] = lambda: None
) -> list[float]:
    """When each of them left, asked for by so many at once, until an instant. ``before`` is done before any leaves."""
    left: list[float] = []

    async def ask() -> None:
        while True:
            await limiter.permit()
            before()
            left.append(now())

    asking = [asyncio.create_task(ask()) for _ in range(askers)]
    await asyncio.sleep(until - now())
    await cancel(asking)
    return left


async def cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def in_busy_time(work: Callable[[], Awaitable[list[float]]], *others: Callable[[], Coroutine[Any, Any, None]]):
    """Do it in a loop that others keep busy meanwhile."""

    async def main() -> list[float]:
        busy = [asyncio.create_task(other()) for other in others]
        try:
            return await work()
        finally:
            await cancel(busy)

    with asyncio.Runner(loop_factory=BusyLoop) as runner:
        return runner.run(main())


def hold_up(random: Random, longest: float) -> None:
    """Let time pass, now and then."""
    if random.random() < 0.01:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, BusyLoop)
        loop.now += random.uniform(0, longest)


async def stall(random: Random, every: float) -> None:
    """Let nothing happen for 50 to 100 ms, again and again, as on a machine that does other things first."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, BusyLoop)
    while True:
        await asyncio.sleep(random.uniform(0, 2 * every))
        loop.now += random.uniform(0.050, 0.100)


def kept(left: list[float], rate: float) -> float:
    """Which part of the rate was used."""
    return (len(left) - 1) / (left[-1] - left[0]) / rate


@settings(max_examples=30, deadline=None)
@given(
    rate=st.one_of(st.integers(1, 600), st.floats(0.5, 300)),
    longest=st.floats(0.0001, 0.1),
    held_up=st.floats(0, 0.1),
    seed=st.integers(0, 2**32),
    askers=st.integers(1, 64),
)
def test_no_second_ever_has_more_than_the_tolerance_allows(rate, longest, held_up, seed, askers):
    """Whatever the loop is kept busy by, and even where who has a permit is held up before anything leaves."""
    random = Random(seed)

    async def ask() -> list[float]:
        return await permits(Limiter(rate), askers, now() + 3, lambda: hold_up(random, held_up))

    left = in_busy_time(ask, lambda: keep_busy(random, longest), lambda: stall(random, every=0.5))
    assert fullest_second(left) <= most(rate)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rate", [1000, 3000])
def test_nor_do_more_arrive_in_a_second_though_some_are_under_way_for_longer(rate, seed):
    random = Random(seed)
    left = in_busy_time(lambda: permits(Limiter(rate), 64, now() + 4), lambda: stall(random, every=1))
    arrived = [at + random.uniform(0, 0.024) for at in left]
    assert fullest_second(arrived) <= most(rate)


@settings(max_examples=25, deadline=None)
@given(rate=st.integers(1, 500), seed=st.integers(0, 2**32))
def test_nor_where_they_are_asked_for_in_fits_and_starts(rate, seed):
    random = Random(seed)

    async def in_fits() -> list[float]:
        limiter, left = Limiter(rate), []
        for _ in range(4):
            left += await permits(limiter, 16, now() + random.uniform(0, 1.5))
            await asyncio.sleep(random.uniform(0, 1.5))
            if random.random() < 0.3:
                limiter.pause(random.uniform(0, 1))
        return left

    left = in_busy_time(in_fits, lambda: keep_busy(random, 0.002))
    assert fullest_second(left) <= most(rate)


@pytest.mark.parametrize("rate", [1, 10, 10.5, 49, 50, 60, 99, 100, 1000, 2000, 3000])
def test_98_per_cent_are_kept_though_the_loop_is_busy(rate):
    seconds = 20 if rate < 10 else 8
    left = in_busy_time(lambda: permits(Limiter(rate), 64, now() + seconds), lambda: keep_busy(Random(7), 0.010))
    assert 0.98 <= kept(left, rate) <= 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rate", [20, 60, 1000])
def test_98_per_cent_are_kept_though_it_stalls_for_a_tenth_of_a_second_every_two(rate, seed):
    left = in_busy_time(lambda: permits(Limiter(rate), 64, now() + 12), lambda: stall(Random(seed), every=2))
    assert 0.98 <= kept(left, rate) <= 1


@pytest.mark.parametrize(("rate", "span"), [(20, 1.0), (1, 1.0), (0.5, 2.0)])
def test_small_rates_are_exceeded_by_nothing_at_all_and_kept(rate, span):
    left = in_busy_time(lambda: permits(Limiter(rate), 4, now() + 60), lambda: stall(Random(1), every=2))
    assert fullest_second(left, span) == rate * span
    assert 0.98 <= kept(left, rate) <= 1


@in_virtual_time
async def test_the_first_one_need_not_wait_and_those_after_it_come_as_evenly_as_ever():
    began = now()
    left = await permits(Limiter(1000), 64, began + 1)
    assert left[0] - began < 0.001
    assert fullest_second(left, 0.1) <= 100


@in_virtual_time
async def test_a_rate_below_one_a_second_is_kept_too():
    left = await permits(Limiter(0.1), 4, now() + 200)
    assert len(left) == pytest.approx(20, abs=1)


@in_virtual_time
async def test_they_are_given_in_the_order_in_which_they_were_asked_for():
    limiter, order = Limiter(100), []

    async def ask(name: int) -> None:
        await limiter.permit()
        order.append(name)

    await asyncio.gather(*[ask(name) for name in range(50)])
    assert order == list(range(50))


@in_virtual_time
async def test_without_a_limit_nobody_waits_unless_there_is_a_pause():
    limiter, began = Limiter(math.inf), now()
    for _ in range(100):
        await limiter.permit()
    assert now() == began
    limiter.pause(30)
    limiter.pause(10)  # a shorter one ends no longer one
    await asyncio.gather(*[limiter.permit() for _ in range(100)])
    assert now() == pytest.approx(began + 30, abs=0.001)


@in_virtual_time
async def test_who_waits_already_is_held_back_by_a_pause_as_well():
    limiter, began = Limiter(10), now()
    asking = [asyncio.create_task(limiter.permit()) for _ in range(20)]
    await asyncio.sleep(0.55)
    before = [task.done() for task in asking].count(True)
    limiter.pause(60)
    await asyncio.sleep(59)
    assert [task.done() for task in asking].count(True) == before
    await asyncio.gather(*asking)
    assert now() > began + 60


@in_virtual_time
async def test_who_no_longer_waits_takes_no_permit_and_leaves_nothing_running():
    limiter = Limiter(1)
    await limiter.permit()
    limiter.pause(3600)
    left = [asyncio.create_task(limiter.permit()) for _ in range(5)]
    await asyncio.sleep(1)
    await cancel(left)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


@in_virtual_time
async def test_who_asks_as_soon_as_the_last_one_waits_no_more_is_not_forgotten():
    limiter = Limiter(10)
    await limiter.permit()

    async def give_way() -> None:
        try:
            await limiter.permit()
        except asyncio.CancelledError:
            await limiter.permit()

    asking = asyncio.create_task(give_way())
    await asyncio.sleep(0)
    asking.cancel()
    async with asyncio.timeout(1):
        await asking


@in_virtual_time
async def test_the_others_go_on_after_one_was_cancelled():
    limiter = Limiter(10)
    asking = [asyncio.create_task(limiter.permit()) for _ in range(10)]
    await asyncio.sleep(0)
    asking[3].cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert [task.cancelled() for task in asking].count(True) == 1
    began = now()
    await limiter.permit()
    assert now() - began < 0.2


@in_virtual_time
async def test_another_rate_holds_from_the_next_permit_on_without_a_burst():
    limiter = Limiter(1000)
    await permits(limiter, 8, now() + 1)
    limiter.set_rate(10)
    changed = now()
    left = await permits(limiter, 8, changed + 2)
    assert left[0] - changed == pytest.approx(0.1, abs=0.01)
    assert len(left) == pytest.approx(20, abs=1)
