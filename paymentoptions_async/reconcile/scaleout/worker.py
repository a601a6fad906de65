"""A worker's side: one client and one pace for all chunks that come to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from paymentoptions_async.errors import ConfigurationError, PaymentOptionsError
from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.reconcile.answers import Row
from paymentoptions_async.reconcile.asking import Asking
from paymentoptions_async.reconcile.glance import Question
from paymentoptions_async.reconcile.scaleout.desk import Lease
from paymentoptions_async.reconcile.scaleout.leased import LeasedPace
from paymentoptions_async.reconcile.scaleout.storage import Storage


class Asker(Protocol):
    """A client, as far as a worker needs it."""

    @property
    def scope(self) -> str:
        """Gateway, environment and merchant, as `Intent.scope`."""
        ...

    async def observe(self, transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        """Ask for one transaction."""
        ...


Observer = Callable[[int], AbstractAsyncContextManager[Asker]]
"""Opens a client for so many connections, from a worker's own settings. A function of a module that workers have."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Questions that are asked on one worker. ``name`` is that of the file which its answers go to."""

    name: str
    questions: Sequence[Question]


@dataclass(frozen=True, slots=True)
class Done:
    """What a chunk came to. ``error`` ended it before all was asked; what was answered before is in the file."""

    name: str
    asked: int
    failed: int
    retries: int
    findings: dict[str, int]
    error: Exception | None


class Station(WorkerPlugin):
    """On every worker of a run, late ones and restarted ones included: its client, and its pace.

    ``scope`` is the run's: whoever has settings of another merchant or environment asks nothing.
    """

    def __init__(self, run: str, observer: Observer, storage: Storage, *, scope: str, concurrency: int) -> None:
        self.name = station_name(run)
        self._run, self._observer, self._storage = run, observer, storage
        self._scope, self._concurrency = scope, concurrency

    def setup(self, worker: Worker) -> None:
        """See `WorkerPlugin.setup`. Nothing is opened before the first chunk."""
        self._worker = worker
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: Asker | None = None
        self._pace: LeasedPace | None = None
        self._busy: set[asyncio.Task[Any]] = set()

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002  see `WorkerPlugin.teardown`
        """End what is asked, and close the client."""
        if self._pace is not None:
            self._pace.ending.set()
        if self._busy:
            await asyncio.wait(self._busy)
        await self._open.aclose()

    def __getstate__(self) -> dict[str, Any]:
        kept = ("name", "_run", "_observer", "_storage", "_scope", "_concurrency")
        return {name: self.__dict__[name] for name in kept}

    async def ask(self, chunk: Chunk) -> Done:
        """Ask all questions of a chunk, and put the answers where the run finds them."""
        asking = asyncio.ensure_future(self._ask(chunk))
        self._busy.add(asking)
        asking.add_done_callback(self._busy.discard)
        return await asking

    async def _ask(self, chunk: Chunk) -> Done:
        client, pace = await self._ready()
        answers: list[Row] = []

        async def keep(rows: Sequence[Row]) -> None:
            answers.extend(rows)

        retries = pace.retries
        asking = Asking(
            client.observe,
            keep,
            pace=pace,
            concurrency=self._concurrency,
            clock=asyncio.get_running_loop().time,
            chunk=2 * len(chunk.questions),
        )
        error = await _ask_until(pace.ending, asking, chunk.questions)
        if answers:
            await asyncio.to_thread(self._storage.put, chunk.name, answers)
        findings = {look.value: number for look, number in asking.findings.items()}
        return Done(chunk.name, len(answers), asking.failed, pace.retries - retries, findings, error)

    async def _ready(self) -> tuple[Asker, LeasedPace]:
        async with self._opening:
            if self._client is None or self._pace is None:
                connections = self._concurrency * self._worker.state.nthreads
                client = await self._open.enter_async_context(self._observer(connections))
                if client.scope != self._scope:
                    raise ConfigurationError(
                        f"the settings of worker {self._worker.address} are those of {client.scope}, "
                        f"and the run is of {self._scope}"
                    )
                self._client, self._pace = client, LeasedPace(self._borrow, concurrency=self._concurrency)
                borrowing = asyncio.ensure_future(self._pace.run())
                self._open.push_async_callback(_end, borrowing)
        return self._client, self._pace

    async def _borrow(self, wanted: float, pause: float) -> Lease:
        lease = await self._worker.scheduler.paymentoptions_lease(
            run=self._run, worker=self._worker.address, wanted=wanted, pause=pause
        )
        return Lease(**lease)


def station_name(run: str) -> str:
    """What Dask calls the `Station` of a run."""
    return f"paymentoptions-station-{run}"


async def ask_chunk(run: str, chunk: Chunk) -> Done:
    """The task that Dask carries out."""
    station = get_worker().plugins[station_name(run)]
    assert isinstance(station, Station)
    return await station.ask(chunk)


async def _ask_until(ending: asyncio.Event, asking: Asking, questions: Sequence[Question]) -> Exception | None:
    """Ask until all is asked or nothing more is to be; return what went wrong."""
    if ending.is_set():
        return None
    work = asyncio.ensure_future(asking.ask(_once(questions)))
    told_to_end = asyncio.ensure_future(ending.wait())
    with suppress(asyncio.CancelledError):  # by a worker that closes, as it has lost its scheduler: the same end
        await asyncio.wait({work, told_to_end}, return_when=asyncio.FIRST_COMPLETED)
    told_to_end.cancel()
    if not work.done():
        work.cancel()
    try:
        await work
    except asyncio.CancelledError:
        return None
    except Exception as error:  # noqa: BLE001  told to the run, with what was answered before
        return error.bare() if isinstance(error, PaymentOptionsError) else error
    return None


async def _once(questions: Sequence[Question]) -> AsyncIterator[Sequence[Question]]:
    yield questions


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
