"""The thread behind a SQLite journal: in groups, in order, and to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from paymentoptions_async.journal.sqlite.worker import LARGEST_GROUP, Job, Worker


class Runner:
    """Does each job with its number in the order of all, and remembers the groups."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.done = 0
        self.closed = False

    def run(self, jobs: Sequence[Job[Any]]) -> Sequence[str]:
        self.groups.append(len(jobs))
        for job in jobs:
            try:
                job.succeed(job.work(self.done))
            except ValueError as error:
                job.fail(error)
            self.done += 1
        return ()

    def close(self) -> None:
        self.closed = True


@asynccontextmanager
async def working(runner: Runner):
    worker = Worker(runner, name="worker of a test", loop=asyncio.get_running_loop(), tell=lambda _: None)
    yield worker
    await worker.stop()


async def test_what_comes_in_one_turn_is_done_in_the_fewest_groups_in_order() -> None:
    runner = Runner()
    async with working(runner) as worker:
        number = 3 * LARGEST_GROUP + 10
        assert await asyncio.gather(*(worker.do(lambda n: n) for _ in range(number))) == list(range(number))
        assert runner.groups == [LARGEST_GROUP] * 3 + [10]
        assert await worker.do(lambda n: n) == number


async def test_what_was_asked_for_before_it_is_stopped_is_done() -> None:
    runner = Runner()
    async with working(runner) as worker:
        asked = [worker.do(lambda n: n) for _ in range(LARGEST_GROUP + 1)]
        await worker.stop()
        assert [one.result() for one in asked] == list(range(LARGEST_GROUP + 1))
        assert runner.closed


async def test_one_that_fails_and_one_that_nobody_waits_for_leave_the_others_alone() -> None:
    runner = Runner()

    def fail(_: int) -> None:
        raise ValueError("this one")

    async with working(runner) as worker:
        left, bad, good = worker.do(lambda n: n), worker.do(fail), worker.do(lambda n: n)
        left.cancel()
        with pytest.raises(ValueError, match="this one"):
            await bad
        assert await good == 2
        assert runner.done == 3, "what nobody waits for is done all the same"
