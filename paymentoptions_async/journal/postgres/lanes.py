"""What is asked while a lane's connections are busy is done together, in one go, as soon as one is free."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from paymentoptions_async.journal.postgres.connections import Connections
from paymentoptions_async.journal.postgres.faults import Fault, Kind, fault_of
from paymentoptions_async.journal.postgres.session import Connection

PATIENCE = 10.0
"""Seconds for which what failed is tried again: a server that restarts or fails over is back by then."""
TRY_TIMEOUT = 5.0
"""Seconds for one try of a batch: a silent connection leaves time for a try over another."""
LARGEST_BATCH = 200
"""Things asked. More would make the first wait for the last."""
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0

A = TypeVar("A")
R = TypeVar("R")

Work = Callable[[Connection, Sequence[A]], Awaitable[Sequence[R | Exception]]]
"""Does a batch and says for each thing asked, in the same order, what came of it; a `Fault` is as if it were raised."""


class Lane(Generic[A, R]):
    """Things of one kind that are asked of the database.

    At most ``width`` batches are under way at once, each of at most ``largest`` things.
    """

    def __init__(
        self, connections: Connections, work: Work[A, R], *, width: int = 1, largest: int = LARGEST_BATCH
    ) -> None:
        self._connections = connections
        self._work = work
        self._width = width
        self._largest = largest
        self._queue: deque[_Asked[A, R]] = deque()
        self._workers: set[asyncio.Task[None]] = set()

    async def do(self, ask: A) -> R:
        """Ask, and wait for the answer. Raises what came of it, or why nothing could come of it."""
        return await self._ask(self._connections.check(), ask)

    def post(self, ask: A) -> None:
        """Ask, and let the answer be; also that there is none."""
        self._ask(asyncio.get_running_loop(), ask).add_done_callback(asyncio.Future.exception)

    async def drain(self) -> None:
        """Wait until nothing is under way."""
        while self._workers:
            await asyncio.wait(self._workers)

    def _ask(self, loop: asyncio.AbstractEventLoop, ask: A) -> asyncio.Future[R]:
        asked = _Asked[A, R](ask, loop.create_future(), loop.time() + PATIENCE)
        self._queue.append(asked)
        if len(self._workers) < self._width:
            self._workers.add(loop.create_task(self._serve()))
        return asked.answer

    async def _serve(self) -> None:
        """Do batches until nothing is queued. What is asked from then on starts the next worker."""
        worker = asyncio.current_task()
        assert worker is not None
        try:
            await self._serve_all()
        finally:
            self._workers.discard(worker)  # not in a callback of its end, which would come too late for who asks now

    async def _serve_all(self) -> None:
        pause = FIRST_PAUSE
        while self._queue:
            batch: list[_Asked[A, R]] = []
            try:
                async with self._connections.use(until=self._queue[0].expires) as connection:
                    batch = self._take()
                    if not batch:
                        continue
                    answers = await self._try(connection, batch)
            except Exception as error:  # noqa: BLE001  whatever it is, it must reach who asked
                fault = fault_of(error)
            else:
                self._deliver(batch, answers)
                pause = FIRST_PAUSE
                continue
            self._failed(batch, fault)
            if fault.kind is Kind.PASSING:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def _try(self, connection: Connection, batch: Sequence[_Asked[A, R]]) -> Sequence[R | Exception]:
        async with asyncio.timeout(TRY_TIMEOUT):
            answers = await self._work(connection, [asked.ask for asked in batch])
        if connection.is_closed():
            raise Fault("what was committed was not confirmed")
        return answers

    def _take(self) -> list[_Asked[A, R]]:
        """The next batch, without those whom nobody waits for any more."""
        batch: list[_Asked[A, R]] = []
        while self._queue and len(batch) < self._largest:
            if self._queue[0].alone and batch:
                break
            asked = self._queue.popleft()
            if not asked.answer.done():
                batch.append(asked)
                if asked.alone:
                    break
        return batch

    def _deliver(self, batch: Sequence[_Asked[A, R]], answers: Sequence[R | Exception]) -> None:
        for asked, answer in zip(batch, answers, strict=True):
            if asked.answer.done():
                continue
            if isinstance(answer, Fault):
                self._failed([asked], answer)
            elif isinstance(answer, Exception):
                asked.answer.set_exception(answer)
            else:
                asked.answer.set_result(answer)

    def _failed(self, batch: Sequence[_Asked[A, R]], fault: Fault) -> None:
        """Queue again what may still work, and answer the rest. ``batch`` is empty where there was no connection."""
        if fault.kind is Kind.PASSING:
            self._queue.extendleft(reversed(batch))
            now = asyncio.get_running_loop().time()
            self._answer([asked for asked in self._queue if asked.expires <= now], fault)
            self._queue = deque(asked for asked in self._queue if not asked.answer.done())
        elif len(batch) > 1:
            for asked in batch:
                asked.alone = True  # one may have spoilt it for all
            self._queue.extendleft(reversed(batch))
        else:
            self._answer(batch or self._queue, fault)
            self._queue = deque(asked for asked in self._queue if not asked.answer.done())

    def _answer(self, hopeless: Iterable[_Asked[A, R]], fault: Fault) -> None:
        for asked in hopeless:
            if not asked.answer.done():
                asked.answer.set_exception(self._connections.unavailable(fault))


@dataclass(slots=True, eq=False)
class _Asked(Generic[A, R]):
    """One thing that was asked. ``expires`` is when its asker learns that it does not work, by the loop's clock."""

    ask: A
    answer: asyncio.Future[R]
    expires: float
    alone: bool = False
