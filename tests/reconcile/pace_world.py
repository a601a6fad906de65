"""Gateways that serve so much and no more, and somebody who asks them as fast as a pace allows, in virtual time."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from paymentoptions_async import policy
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.reconcile.pace import Pacer
from paymentoptions_async.wire.exchange import Reply
from tests.support.virtual_time import VirtualLoop

TURN = 20e-6
"""Seconds that a turn of a busy loop takes, with nothing to do."""


class BusyLoop(VirtualLoop):
    """A virtual loop whose turns take time."""

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        self.now += TURN


async def keep_busy(random: Random, longest: float, load: float = 0.4) -> None:
    """Take a part of the loop's time, in pieces of up to ``longest`` seconds in which nothing else happens."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, BusyLoop)
    while True:
        piece = random.uniform(0, longest)
        loop.now += piece
        await asyncio.sleep(piece * (1 - load) / load)


class SimGateway:
    """Serves in ``servers`` places, each answer taking about ``seconds``; who comes while all are taken waits.

    So its capacity is ``servers / seconds`` a second. Above ``limit`` a second it answers 429. While ``broken``, it
    answers that status. ``sent`` has when each request came, ``served`` when each good answer left, ``refused`` when
    each 429.
    """

    def __init__(
        self,
        *,
        servers: int = 10_000,
        seconds: float = 0.05,
        limit: float | None = None,
        burst: float = 5.0,
        retry_after: int | None = None,
        errors: float = 0.0,
        spread: Callable[[Random], float] = lambda random: random.uniform(0.5, 1.5),
        random: Random,
    ) -> None:
        self.seconds, self.errors, self._spread = seconds, errors, spread
        self.limit, self.burst, self.retry_after = limit, burst, retry_after
        self.broken: int | None = None
        self.sent: list[float] = []
        self.served: list[float] = []
        self.refused: list[float] = []
        self.most_at_once = self.at_once = 0
        self._random = random
        self._free: list[float] = [0.0] * servers
        self._tokens, self._filled_at = burst, 0.0

    @property
    def servers(self) -> int:
        return len(self._free)

    @servers.setter
    def servers(self, servers: int) -> None:
        last = sorted(self._free)
        self._free = last[-servers:] + [0.0] * (servers - len(last))
        heapq.heapify(self._free)

    async def answer(self) -> Reply:
        now = asyncio.get_running_loop().time()
        self.sent.append(now)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(now)
        finally:
            self.at_once -= 1

    async def _answer(self, came: float) -> Reply:
        loop = asyncio.get_running_loop()
        if self._is_too_much(came):
            await asyncio.sleep(0.01)
            self.refused.append(loop.time())
            said = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
            return reply(429, loop.time() - came, said)
        if self.broken is not None or self._random.random() < self.errors:
            await asyncio.sleep(0.01)
            return reply(self.broken or 500, loop.time() - came)
        begins = max(came, heapq.heappop(self._free))
        ends = begins + self.seconds * self._spread(self._random)
        heapq.heappush(self._free, ends)
        left = ends - came
        if left > policy.GET_TIMEOUT:
            await asyncio.sleep(policy.GET_TIMEOUT)
            return Reply(None, {}, b"", Evidence(Left.MAYBE, Stage.SENDING, "deadline", elapsed=policy.GET_TIMEOUT))
        await asyncio.sleep(left)
        self.served.append(loop.time())
        return reply(200, loop.time() - came)

    def _is_too_much(self, now: float) -> bool:
        if self.limit is None:
            return False
        self._tokens = min(self.burst, self._tokens + (now - self._filled_at) * self.limit)
        self._filled_at = now
        if self._tokens < 1:
            return True
        self._tokens -= 1
        return False


def reply(status: int, elapsed: float, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, b"{}", Evidence(Left.MAYBE, Stage.DONE, http_status=status, elapsed=elapsed))


async def ask_for(
    seconds: float, pace: Pacer, gateway: SimGateway, events: Sequence[tuple[float, Callable[[], object]]] = ()
):
    """Ask as a run does, with as many questions in flight as the pace allows, each again as `Flow.ask` asks again.

    ``events`` happen so many seconds after the beginning.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    random = Random(7)
    for at, event in events:
        loop.call_at(loop.time() + at, event)

    async def question() -> None:
        attempt = 0
        again = False
        while True:
            await pace.permit(again=again)
            got = await gateway.answer()
            pace.saw(got)
            attempt += 1
            if not policy.may_ask_again(got.evidence, attempt):
                return
            await asyncio.sleep(policy.delay_before(attempt, random))
            again = True

    async def worker() -> None:
        while loop.time() < ends and len(workers) <= pace.concurrency:
            await question()
            grow()
        workers.remove(asyncio.current_task())  # type: ignore[arg-type]

    def grow() -> None:
        while len(workers) < pace.concurrency:
            workers.add(asyncio.ensure_future(worker()))

    workers: set[asyncio.Task[Any]] = set()
    grow()
    await asyncio.sleep(seconds)
    running = list(workers)
    for one in running:
        one.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def within(times: Sequence[float], begins: float, ends: float) -> int:
    """How many of them."""
    return sum(begins <= at < ends for at in times)


def fullest_second(times: Sequence[float], second: float = 1.0) -> int:
    """The most that are within a half-open second."""
    recent: deque[float] = deque()
    most = 0
    for at in sorted(times):
        recent.append(at)
        while recent[0] <= at - second:
            recent.popleft()
        most = max(most, len(recent))
    return most
