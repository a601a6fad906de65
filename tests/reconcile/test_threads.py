"""Work in a thread comes to its end before a cancelled run goes on, and soon."""

from __future__ import annotations

import asyncio
import threading

import duckdb
import pytest

from paymentoptions_async.reconcile import threads
from paymentoptions_async.reconcile.threads import Stop, StoppedError, in_thread

LONG = "SELECT count(*) FROM range(100000) a, range(20000) b WHERE a.range * b.range % 7 = 1"
"""Half a minute's work."""


async def test_cancelled_however_often_it_has_ended_when_it_raises() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work(_: Stop) -> None:
        begun.set()
        may_end.wait()
        ended.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(begun.wait)
    for _ in range(3):
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    has_raised = task.done()
    may_end.set()
    assert not has_raised
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_an_interrupt_that_came_between_two_statements_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB forgets one that comes while it does nothing."""
    monkeypatch.setattr(threads, "AGAIN", 0.01)
    between, interrupted, done = threading.Event(), threading.Event(), threading.Event()

    def work(stop: Stop) -> None:
        with duckdb.connect(":memory:", config={"threads": "1"}) as connection:

            def interrupt() -> None:
                connection.interrupt()
                interrupted.set()

            with stop.interrupting(interrupt):
                connection.execute("SELECT 1").fetchall()
                between.set()
                interrupted.wait()
                connection.execute(LONG).fetchall()
                done.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(between.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not done.is_set()


def test_told_to_end_just_before_it_can_be_interrupted_it_does_not_begin() -> None:
    stop, calls = Stop(), list[str]()
    stop.set()
    with pytest.raises(StoppedError), stop.interrupting(lambda: calls.append("interrupted")):
        calls.append("worked")
    stop.set()
    assert calls == []


def test_what_has_just_been_closed_need_not_be_interrupted() -> None:
    stop = Stop()
    connection = duckdb.connect(":memory:")

    def close_and_be_told() -> None:
        with stop.interrupting(connection.interrupt):
            connection.close()
            stop.set()

    with pytest.raises(StoppedError):
        close_and_be_told()
