"""The pace of a worker, in virtual time: it asks at the desk's instants, or hardly later, or not at all."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from paymentoptions_async.reconcile.scaleout.desk import SLOT, Desk, Lease
from paymentoptions_async.reconcile.scaleout.leased import GRACE, DeskClock, LeasedPace
from tests.reconcile.pace_world import BusyLoop, SimGateway, fullest_second, keep_busy, reply, within
from tests.support.virtual_time import in_virtual_time, rounds


class Office:
    """A desk behind a network: its clock shows something else, and it takes time to reach."""

    def __init__(self, rate: float, latency: float = 0.0, *, spread: float = 0.0, apart: float = 777.0) -> None:
        self.desk = Desk(rate, asyncio.get_running_loop().time() + apart)
        self.latency, self.spread, self.apart = latency, spread, apart
        self.away = False
        self.asked = 0
        self._random = Random(3)
        self._names = iter("abcdefgh")

    def pace(self, concurrency: int = 64) -> LeasedPace:
        name = next(self._names)

        async def borrow(wanted: float, pause: float, /) -> Lease:
            self.asked += 1
            await asyncio.sleep(self.latency + self._random.uniform(0, self.spread))
            if self.away:
                raise ConnectionResetError("away")
            now = asyncio.get_running_loop().time() + self.apart
            if pause:
                self.desk.pause(pause, now)
            lease = self.desk.lease(name, wanted, now)
            await asyncio.sleep(self.latency + self._random.uniform(0, self.spread))
            return lease

        return LeasedPace(borrow, concurrency=concurrency)


@asynccontextmanager
async def kept_going(*paces: LeasedPace) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(pace.run()) for pace in paces]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def asking(pace: LeasedPace, gateway: SimGateway, at_once: int = 64) -> AsyncIterator[None]:
    """So many ask one question after the other."""

    async def keep_asking() -> None:
        while True:
            await pace.permit()
            pace.saw(await gateway.answer())

    tasks = [asyncio.ensure_future(keep_asking()) for _ in range(at_once)]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def gateway(seconds: float = 0.02, **how) -> SimGateway:
    return SimGateway(seconds=seconds, random=Random(5), **how)


@pytest.mark.parametrize(("latency", "spread"), [(0.0, 0.0), (0.001, 0.004), (0.03, 0.0)])
@pytest.mark.parametrize("rate", [7.0, 200.0, 1_000.0])
@in_virtual_time
async def test_two_workers_keep_one_rate(rate, latency, spread):
    office, bank = Office(rate, latency, spread=spread), gateway()
    one, two = office.pace(), office.pace()
    async with kept_going(one, two), asking(one, bank), asking(two, bank):
        await asyncio.sleep(12)
    began = asyncio.get_running_loop().time() - 12
    assert within(bank.sent, began + 1, began + 11) >= 0.98 * 10 * rate - 1
    assert fullest_second(bank.sent) <= max(1.02 * rate, math.ceil(rate) + 1)


def test_a_busy_worker_asks_late_or_not_at_all():
    async def busy() -> None:
        office, bank = Office(1_000.0, 0.001), gateway()
        one, two = office.pace(), office.pace()
        random = Random(9)
        business = asyncio.ensure_future(keep_busy(random, 0.05))
        async with kept_going(one, two), asking(one, bank), asking(two, bank):
            await asyncio.sleep(10)
        business.cancel()
        assert fullest_second(bank.sent) <= 1_020
        assert len(bank.sent) > 5_000

    with asyncio.Runner(loop_factory=BusyLoop) as runner:
        runner.run(busy())


@in_virtual_time
async def test_who_has_less_to_ask_leaves_the_rest_to_the_other():
    office, bank = Office(1_000.0, 0.001), gateway(seconds=0.1)
    slow, quick = office.pace(), office.pace()
    async with kept_going(slow, quick), asking(slow, bank, at_once=5), asking(quick, bank, at_once=500):
        await asyncio.sleep(6)
    now = asyncio.get_running_loop().time()
    assert within(bank.sent, now - 5, now) >= 4_900


@in_virtual_time
async def test_an_idle_worker_keeps_nothing_from_the_other():
    office, bank = Office(400.0, 0.001), gateway()
    idle, busy = office.pace(), office.pace()
    async with kept_going(idle, busy), asking(busy, bank):
        await asyncio.sleep(4)
    now = asyncio.get_running_loop().time()
    assert within(bank.sent, now - 3, now) >= 1_180


@in_virtual_time
async def test_a_lease_that_comes_too_late_is_void_and_nothing_is_made_up_for():
    office, bank = Office(500.0), gateway()
    pace = office.pace()
    async with kept_going(pace), asking(pace, bank):
        await asyncio.sleep(2)
        office.latency = 0.4  # longer than what is given ahead
        await asyncio.sleep(3)
        office.latency = 0.0
        await asyncio.sleep(3)
    assert fullest_second(bank.sent) <= 510
    now = asyncio.get_running_loop().time()
    assert within(bank.sent, now - 2, now) >= 980


@in_virtual_time
async def test_a_desk_that_stalls_for_a_slot_costs_nothing():
    office, bank = Office(500.0), gateway()
    pace = office.pace()
    async with kept_going(pace), asking(pace, bank):
        await asyncio.sleep(2)
        office.latency = SLOT / 2
        await asyncio.sleep(1)
        office.latency = 0.0
        await asyncio.sleep(2)
    now = asyncio.get_running_loop().time()
    assert within(bank.sent, now - 4, now) >= 0.98 * 2_000


@in_virtual_time
async def test_without_a_desk_nobody_asks_and_with_it_they_go_on(caplog):
    office, bank = Office(100.0), gateway()
    pace = office.pace()
    async with kept_going(pace), asking(pace, bank):
        await asyncio.sleep(1)
        office.away = True
        await asyncio.sleep(1)
        asked, turns = len(bank.sent), rounds()
        await asyncio.sleep(5)
        assert len(bank.sent) == asked
        assert rounds() - turns < 1_000
        office.away = False
        await asyncio.sleep(2)
    assert len(bank.sent) >= asked + 150
    assert len(caplog.records) == 1, "said once"


@in_virtual_time
async def test_one_refusal_stops_all_workers():
    office, bank = Office(200.0, 0.001), gateway()
    one, two = office.pace(), office.pace()
    loop = asyncio.get_running_loop()
    async with kept_going(one, two), asking(one, bank), asking(two, bank):
        await asyncio.sleep(1)
        one.saw(reply(429, 0.01, {"Retry-After": "3"}))
        refused_at = loop.time()
        await asyncio.sleep(6)
    assert within(bank.sent, refused_at + SLOT + 0.01, refused_at + 3) == 0
    assert within(bank.sent, refused_at + 3.1, refused_at + 6) >= 0.98 * 2.9 * 200
    assert fullest_second(bank.sent) <= 204


@in_virtual_time
async def test_one_refusal_stops_all_workers_where_there_is_no_limit():
    office, bank = Office(math.inf), gateway()
    one, two = office.pace(), office.pace()
    loop = asyncio.get_running_loop()
    async with kept_going(one, two), asking(one, bank, 4), asking(two, bank, 4):
        await asyncio.sleep(1)
        assert len(bank.sent) > 200
        one.saw(reply(429, 0.01))
        refused_at = loop.time()
        await asyncio.sleep(3)
    assert within(bank.sent, refused_at + SLOT + 0.01, refused_at + 1) == 0
    assert within(bank.sent, refused_at + 1.2, refused_at + 3) > 300


@in_virtual_time
async def test_the_end_is_told():
    office = Office(10.0)
    pace = office.pace()
    async with kept_going(pace):
        await asyncio.sleep(1)
        assert not pace.ending.is_set()
        office.desk.end()
        await asyncio.sleep(2 * SLOT)
        assert pace.ending.is_set()


@in_virtual_time
async def test_a_permit_that_nobody_waits_for_any_more_is_the_next_ones():
    office = Office(10.0)
    pace = office.pace()
    first = asyncio.ensure_future(pace.permit())
    second = asyncio.ensure_future(pace.permit(again=True))
    await asyncio.sleep(0)
    first.cancel()
    async with kept_going(pace):
        await asyncio.wait_for(second, 0.2)
    assert pace.retries == 1


@in_virtual_time
async def test_an_instant_may_be_used_a_little_later_and_then_no_more():
    office = Office(10.0)
    pace = office.pace()
    loop = asyncio.get_running_loop()
    async with kept_going(pace):
        await pace.permit()
        at = loop.time()
        await asyncio.sleep(0.1 + GRACE / 2)
        await pace.permit()
        assert loop.time() - at < 0.1 + GRACE
        await asyncio.sleep(0.1 + GRACE)
        now = loop.time()
        await pace.permit()
        assert loop.time() > now + 0.05


@in_virtual_time
async def test_a_clock_that_turns_out_to_be_early_makes_no_burst():
    desk, loop, bank = Desk(1_000.0, asyncio.get_running_loop().time()), asyncio.get_running_loop(), gateway()

    async def borrow(wanted: float, pause: float, /) -> Lease:
        lease = desk.lease("a", wanted, loop.time())
        await asyncio.sleep(0.1 if loop.time() < 1_001.0 else 0.0)  # on the way back alone
        return lease

    pace = LeasedPace(borrow, concurrency=64)
    async with kept_going(pace), asking(pace, bank):
        await asyncio.sleep(4)
    assert fullest_second(bank.sent) <= 1_020
    assert within(bank.sent, loop.time() - 2, loop.time()) >= 1_960


def test_a_clock_that_is_heard_quickly_once_is_known_from_then_on():
    clock = DeskClock()
    clock.heard(100.0, 10.0, 10.4)  # apart by 90 to 89.6
    assert clock.here(100.0) == pytest.approx(10.2)
    clock.heard(101.0, 11.0, 11.002)
    assert clock.here(101.0) == pytest.approx(11.002, abs=1e-3)
    known = clock.here(200.0)
    clock.heard(102.0, 12.0, 12.4)
    assert clock.here(200.0) == known, "what says less changes nothing"


def test_a_clock_that_was_stopped_is_believed_anew():
    clock = DeskClock()
    clock.heard(100.0, 10.0, 10.002)
    clock.heard(500.0, 11.0, 11.002)
    assert clock.here(500.0) == pytest.approx(11.001, abs=2e-3)
