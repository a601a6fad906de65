"""Ask for what is left of a run, write the answers down part by part, and tell how far it is."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from itertools import count, starmap

from paymentoptions_async.reconcile.answers import Row
from paymentoptions_async.reconcile.asking import CHUNK, Asking, Observe
from paymentoptions_async.reconcile.events import OnEvent, Plan, Progress, Saved
from paymentoptions_async.reconcile.glance import Question
from paymentoptions_async.reconcile.pace import Pacer
from paymentoptions_async.reconcile.parts import next_number, write_part
from paymentoptions_async.reconcile.threads import Stop, in_thread
from paymentoptions_async.reconcile.work import left
from paymentoptions_async.reconcile.workspace import Workspace

TELL_EVERY = 0.5
"""Seconds between two `events.Progress`."""
LATELY = 10.0
"""Seconds over which the rate is counted."""


async def fetch(
    observe: Observe,
    run: Workspace,
    plan: Plan,
    *,
    pace: Pacer,
    concurrency: int,
    on_event: OnEvent,
    chunk: int = CHUNK,
    clock: Callable[[], float] | None = None,
) -> None:
    """Ask for whatever has no answer yet. What was answered is durable when this returns or raises: see `Asking.ask`.

    ``chunk`` is how many questions may be asked again after a crash. ``clock`` gives seconds; the loop's unless given.
    """
    if not plan.left:
        return
    clock = clock or asyncio.get_running_loop().time
    numbers = count(await in_thread(lambda _: next_number(run.parts)))

    async def save(rows: Sequence[Row]) -> None:
        path = await in_thread(lambda _: write_part(run.parts, next(numbers), rows))
        on_event(Saved(part=path.name, rows=len(rows)))

    asking = Asking(observe, save, pace=pace, concurrency=concurrency, clock=clock, chunk=chunk)
    teller = _Teller(asking, plan, pace, clock)
    telling = asyncio.ensure_future(_tell(teller, on_event))
    try:
        async with aclosing(questions_left(run)) as questions:
            await asking.ask(questions)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    on_event(teller.progress())


async def questions_left(run: Workspace) -> AsyncGenerator[Sequence[Question]]:
    """What is left, read one batch ahead."""
    stop = Stop()
    batches = left(run, stop)

    def read(_: Stop) -> Sequence[Question] | None:
        batch = next(batches, None)
        return None if batch is None else list(starmap(Question, zip(*batch.to_pydict().values(), strict=True)))

    ahead = asyncio.ensure_future(in_thread(read))
    try:
        while (found := await ahead) is not None:
            ahead = asyncio.ensure_future(in_thread(read))
            yield found
    finally:
        stop.set()
        ahead.cancel()
        await asyncio.wait({ahead})
        batches.close()


class _Teller:
    """Says how far it is, and how fast it went lately."""

    def __init__(self, asking: Asking, plan: Plan, pace: Pacer, clock: Callable[[], float]) -> None:
        self._asking, self._plan, self._pace, self._clock = asking, plan, pace, clock
        self._seen = deque([(clock(), asking.done)], maxlen=1 + round(LATELY / TELL_EVERY))

    def progress(self) -> Progress:
        asking, plan = self._asking, self._plan
        moment, done = self._clock(), asking.done
        before, done_before = self._seen[0]
        self._seen.append((moment, done))
        rate = (done - done_before) / (moment - before) if moment > before else 0.0
        return Progress(
            done=plan.asked + done,
            total=plan.total,
            rate=rate,
            allowed=self._pace.allowed,
            seconds_left=(plan.left - done) / rate if rate else None,
            in_flight=asking.in_flight,
            retries=self._pace.retries,
            failed=asking.failed,
            findings={look.value: number for look, number in asking.findings.items()},
        )


async def _tell(teller: _Teller, on_event: OnEvent) -> None:
    while True:
        await asyncio.sleep(TELL_EVERY)
        on_event(teller.progress())
