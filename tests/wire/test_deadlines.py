"""Many deadlines and one timer: each block ends at its own, and at no other's."""

import asyncio

import pytest

from paymentoptions_async.wire.deadlines import Deadlines, Until
from tests.support.virtual_time import in_virtual_time


@pytest.fixture
def deadlines():
    return Deadlines()


class Blocks:
    """Blocks that wait for good, each with its deadline, and the names of those that were cut off, in order."""

    def __init__(self, deadlines):
        self.deadlines = deadlines
        self.ended = []

    async def wait(self, name, seconds):
        loop = asyncio.get_running_loop()
        try:
            with Until(self.deadlines, loop.time() + seconds, loop):
                await asyncio.Event().wait()
        except TimeoutError:
            self.ended.append(name)


@pytest.fixture
def blocks(deadlines):
    return Blocks(deadlines)


@in_virtual_time
async def test_each_block_ends_at_its_own_deadline_in_whatever_order_they_began(blocks):
    await asyncio.gather(blocks.wait("third", 6), blocks.wait("first", 2), blocks.wait("second", 4))
    assert blocks.ended == ["first", "second", "third"]


@in_virtual_time
async def test_blocks_of_one_deadline_end_together(blocks, deadlines):
    await asyncio.gather(*(blocks.wait(number, 2) for number in range(3)))
    assert sorted(blocks.ended) == [0, 1, 2]
    assert deadlines._timer is None


@in_virtual_time
async def test_a_block_that_ends_in_time_is_not_cut_off(deadlines):
    loop = asyncio.get_running_loop()
    with Until(deadlines, loop.time() + 1, loop):
        await asyncio.sleep(0)
    await asyncio.sleep(3)
    assert asyncio.current_task().cancelling() == 0


async def test_no_timer_is_left_when_nothing_is_under_way(deadlines):
    loop = asyncio.get_running_loop()
    with Until(deadlines, loop.time() + 60, loop):
        timer = deadlines._timer
    assert timer.cancelled()
    assert (deadlines._timer, deadlines._under_way) == (None, set())


async def test_a_task_that_is_cancelled_says_so_at_its_deadline_too(blocks, deadlines):
    """Both happen in one turn of the loop."""
    task = asyncio.create_task(blocks.wait("cut off", 60))
    await asyncio.sleep(0)
    [until] = deadlines._under_way
    task.cancel()
    until.expire()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert blocks.ended == []


async def test_a_cancelled_block_is_forgotten(blocks, deadlines):
    task = asyncio.create_task(blocks.wait("cancelled", 60))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (deadlines._timer, deadlines._under_way) == (None, set())
