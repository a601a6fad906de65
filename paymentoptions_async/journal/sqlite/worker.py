"""One thread with one connection: it takes what is queued, does it as a group, and answers the whole group at once."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

LARGEST_GROUP = 256
"""Jobs. More would keep other processes waiting for longer than a few dozen milliseconds."""


class Job(Generic[T]):
    """Something to do on a worker's thread, and the future of whoever waits for it.

    A waiter that was cancelled stops nothing: what it asked for is done all the same.
    """

    __slots__ = ("_error", "_future", "_result", "work")

    def __init__(self, work: Callable[[Any], T], future: asyncio.Future[T]) -> None:
        self.work = work
        self._future = future
        self._result: T | None = None
        self._error: BaseException | None = None

    def succeed(self, result: T) -> None:
        """Say on the thread what came of it."""
        self._result, self._error = result, None

    def fail(self, error: BaseException) -> None:
        """Say on the thread why nothing came of it."""
        self._error = error

    def answer(self) -> None:
        """Hand over to the waiter, on its event loop."""
        if self._future.done():
            return
        if self._error is not None:
            self._future.set_exception(self._error)
        else:
            self._future.set_result(self._result)  # type: ignore[arg-type]


class Runner(Protocol):
    """What a worker's thread does with its jobs. Every method is called on that thread."""

    def run(self, jobs: Sequence[Job[Any]]) -> Sequence[str]:
        """Do a group of jobs, each of which then has its result or its error; return the references that changed."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


class Worker:
    """Runs jobs on a thread of its own, in the order in which they came.

    ``tell`` is called on the event loop with the references that a group changed, before its waiters are answered.
    """

    def __init__(
        self, runner: Runner, *, name: str, loop: asyncio.AbstractEventLoop, tell: Callable[[Sequence[str]], None]
    ) -> None:
        self._loop = loop
        self._tell = tell
        self._jobs: SimpleQueue[list[Job[Any]] | None] = SimpleQueue()
        self._coming: list[Job[Any]] = []
        self._ended: asyncio.Future[None] = loop.create_future()
        # A program that forgot to close its journal must still be able to end; nothing unanswered was promised.
        thread = threading.Thread(target=self._serve, args=(runner,), name=name, daemon=True)
        thread.start()

    def do(self, work: Callable[[Any], T]) -> asyncio.Future[T]:
        """Queue something to do; the future has what comes of it."""
        job = Job(work, self._loop.create_future())
        if not self._coming:
            self._loop.call_soon(self._hand_over)
        self._coming.append(job)
        return job._future  # noqa: SLF001  its own

    async def stop(self) -> None:
        """Do what is queued, close the connection and end the thread. May be called again."""
        self._hand_over()
        self._jobs.put(None)
        await asyncio.shield(self._ended)

    def _hand_over(self) -> None:
        """Wake the thread once for all that came in one turn of the loop: waking it takes longer than looking up."""
        coming, self._coming = self._coming, []
        self._jobs.put(coming)

    def _serve(self, runner: Runner) -> None:
        waiting: deque[Job[Any]] = deque()
        goes_on = True
        while goes_on or waiting:
            goes_on = goes_on and self._take(waiting)
            jobs = [waiting.popleft() for _ in range(min(len(waiting), LARGEST_GROUP))]
            if jobs:
                changed = _run(runner, jobs)
                self._on_loop(self._deliver, jobs, changed)
        runner.close()
        self._on_loop(self._end)

    def _take(self, waiting: deque[Job[Any]]) -> bool:
        """Take what is queued for a group; wait only where there is nothing to do. False: that was the last."""
        try:
            came = self._jobs.get(block=not waiting)
            while came is not None:
                waiting.extend(came)
                if len(waiting) >= LARGEST_GROUP:
                    return True
                came = self._jobs.get_nowait()
        except Empty:
            return True
        return False

    def _deliver(self, jobs: Sequence[Job[Any]], changed: Sequence[str]) -> None:
        if changed:
            self._tell(changed)
        for job in jobs:
            job.answer()

    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _on_loop(self, callback: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            """The loop is closed, and with it everybody who could have waited."""


def _run(runner: Runner, jobs: Sequence[Job[Any]]) -> Sequence[str]:
    """A thread that ended would leave its waiters for ever, so that whatever is raised becomes their answer."""
    try:
        return runner.run(jobs)
    except Exception as error:  # noqa: BLE001
        for job in jobs:
            job.fail(error)
        return ()
