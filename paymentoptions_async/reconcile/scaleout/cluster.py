"""The run's side: hand chunks to a cluster, take in what they answered, and keep one rate on its scheduler."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from hashlib import sha256
from secrets import token_hex
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from distributed import Client, Future, KilledWorker
from distributed.client import FutureCancelledError

from paymentoptions_async.errors import InvalidValue, PaymentOptionsError
from paymentoptions_async.reconcile.asking import GIVE_UP_AFTER, GatewayGaveUp
from paymentoptions_async.reconcile.events import OnEvent, Plan, Progress, Saved
from paymentoptions_async.reconcile.fetching import questions_left
from paymentoptions_async.reconcile.glance import Question
from paymentoptions_async.reconcile.parts import Answered, keep_part, next_number
from paymentoptions_async.reconcile.scaleout.rate_desk import RateDesk
from paymentoptions_async.reconcile.scaleout.storage import Storage
from paymentoptions_async.reconcile.scaleout.worker import Chunk, Done, Observer, Station, ask_chunk
from paymentoptions_async.reconcile.threads import in_thread
from paymentoptions_async.reconcile.workspace import Workspace

CHUNK = 2048
"""Questions that go to a worker together at most, and are asked again if it dies."""
CHUNK_SECONDS = 10.0
"""What a chunk may take of the whole rate: how far a run is, is told when chunks end."""
AHEAD = 2
"""Chunks that wait at each thread of a worker besides the one that it works on."""
LATELY = 32
"""Chunks over which the rate is counted."""


class ClusterFailed(PaymentOptionsError):
    """The cluster can't do the work: it can't be reached, or its workers die. What was answered is saved."""


class Cluster:
    """Asks on the workers of the Dask scheduler at ``address``.

    ``observer`` opens a client on a worker, from the worker's own settings: no key leaves its host. ``rate`` is that of
    all workers together, ``inf`` for as many as will go. ``storage`` is a URL that the workers and this process reach,
    under which each run has a directory of its own; one in the run's directory unless it is given, which all of them
    then must see under the same path. ``concurrency`` is how many questions one chunk may have in flight; a worker has
    as many chunks at a time as it has threads.
    """

    def __init__(
        self,
        address: str,
        observer: Observer,
        *,
        rate: float,
        storage: str | None = None,
        concurrency: int = 64,
        chunk: int | None = None,
    ) -> None:
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not rate > 0:
            raise InvalidValue(f"rate: {rate!r}; a cluster needs requests a second above 0, or inf", field="rate")
        self._address, self._observer, self._storage = address, observer, storage
        self._rate, self._concurrency = float(rate), concurrency
        self._chunk = chunk or max(1, int(min(CHUNK, rate * CHUNK_SECONDS)))

    @property
    def rate(self) -> float | None:
        """Requests a second that are meant; None where there is no limit."""
        return None if math.isinf(self._rate) else self._rate

    async def fetch(self, run: Workspace, plan: Plan, on_event: OnEvent) -> None:
        """Ask for whatever has no answer yet. What was answered is durable when this returns or raises.

        A chunk whose worker died is asked again elsewhere. Cancelled, the workers end what is in flight.

        Raises:
            GatewayGaveUp: See `Asking.ask`.
            ClusterFailed: The scheduler is gone, or one chunk cost several workers their lives.
            PaymentOptionsError: What a question raised on a worker; a worker has settings of another merchant.
        """
        if not plan.left:
            return
        storage = Storage(self._directory(run))
        taking = await in_thread(lambda _: _Taking(run, storage))
        taken = await in_thread(lambda _: taking.left_over())
        if taken == plan.left:
            return
        async with self._open(storage, run.manifest.scope) as (client, name):
            handing = _Handing(client, name, taking, plan, self, on_event=on_event, before=plan.asked + taken)
            await handing.go(run)

    def _directory(self, run: Workspace) -> str:
        """One that no other run has, and the same one has again."""
        if self._storage is None:
            return f"file://{run.path / 'incoming'}"
        return f"{self._storage.rstrip('/')}/run-{sha256(run.manifest.as_json().encode()).hexdigest()[:16]}"

    @property
    def chunk(self) -> int:
        """How many questions go to a worker together."""
        return self._chunk

    @property
    def concurrency(self) -> int:
        """How many questions of a chunk may be in flight."""
        return self._concurrency

    @asynccontextmanager
    async def _open(self, storage: Storage, scope: str) -> AsyncIterator[tuple[Client, str]]:
        name = token_hex(6)
        station = Station(name, self._observer, storage, scope=scope, concurrency=self._concurrency)
        async with _connected(self._address) as client:
            desk = RateDesk(name, self._rate, client=client.id)
            await _register(client, desk)
            try:
                await _register(client, station)
                try:
                    yield client, name
                finally:
                    if _is_connected(client):  # else the cluster is gone, and they with it
                        with suppress(*_GONE, ValueError):
                            await client.unregister_worker_plugin(station.name)
            finally:
                if _is_connected(client):
                    with suppress(*_GONE, ValueError):
                        await client.unregister_scheduler_plugin(desk.name)


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[Client]:
    try:
        client = await Client(address, asynchronous=True, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterFailed(f"no Dask scheduler answers at {address}: {error}") from error
    async with client:
        yield client


def _is_connected(client: Client) -> bool:
    """False while Dask tries to reach a scheduler again that it has lost: that would be waited for."""
    return bool(client.status == "running")


_GONE = (OSError, RuntimeError)
"""What Dask raises where the scheduler is gone; the second one after it has given up."""


async def _register(client: Client, plugin: RateDesk | Station) -> None:
    try:
        await client.register_plugin(plugin)
    except Exception as error:  # whatever their surroundings lack
        raise ClusterFailed(
            f"the cluster can't take this in ({type(error).__name__}: {error}); scheduler and workers need the same "
            "versions of Python and of this package as the run"
        ) from error


class _Handing:
    """Keeps as many chunks on the cluster as its workers can take, and takes in what comes back."""

    def __init__(
        self, client: Client, name: str, taking: _Taking, plan: Plan, how: Cluster, *, on_event: OnEvent, before: int
    ) -> None:
        self._client, self._name, self._taking, self._how = client, name, taking, how
        self._total, self._before, self._on_event = plan.total, before, on_event
        self._out: dict[asyncio.Task[Done], _Out] = {}
        self._threads = 0
        self._asked = self._failed = self._retries = 0
        self._findings: Counter[str] = Counter()
        self._clock = asyncio.get_running_loop().time
        self._lately = deque([(self._clock(), 0)], maxlen=1 + LATELY)
        self._failing_since: float | None = None

    async def go(self, run: Workspace) -> None:
        self._tell()
        try:
            async for questions in _chunked(questions_left(run), self._how.chunk):
                self._hand_out(questions)
                while len(self._out) >= await self._most():
                    await self._take_in_some()
            while self._out:
                await self._take_in_some()
        finally:
            await self._end()

    def _hand_out(self, questions: Sequence[Question]) -> None:
        chunk = Chunk(f"{self._name}-{questions[0].n:012}", questions)
        future = self._client.submit(ask_chunk, self._name, chunk, key=f"ask-{chunk.name}", pure=False)
        self._out[asyncio.ensure_future(_result(future))] = _Out(future, len(questions))

    async def _most(self) -> int:
        """Enough for every thread of every worker; one at least, for workers that are still to come."""
        try:
            self._threads = sum((await self._client.nthreads()).values())
        except _GONE as error:
            raise ClusterFailed(f"the Dask scheduler is gone: {error}") from error
        return max(1, self._threads * (1 + AHEAD))

    async def _take_in_some(self) -> None:
        done, _ = await asyncio.wait(self._out, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            self._out.pop(task)
            await self._take_in(task)

    async def _take_in(self, task: asyncio.Task[Done]) -> None:
        if task.cancelled():
            raise ClusterFailed("the Dask scheduler is gone, or has dropped the work")
        done = task.result()
        await self._keep(done)
        self._asked += done.asked
        self._failed += done.failed
        self._retries += done.retries
        self._findings.update(done.findings)
        self._tell()
        if done.error is not None:
            raise done.error
        self._give_up_if_it_lasts(done)

    async def _keep(self, done: Done) -> None:
        if done.asked:
            part = await in_thread(lambda _: self._taking.take(done.name))
            self._on_event(Saved(part=part, rows=done.asked))

    def _give_up_if_it_lasts(self, done: Done) -> None:
        """A chunk may be too small to see for itself that nobody answers."""
        if done.failed < done.asked:
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = self._clock()
        elif self._clock() - self._failing_since >= GIVE_UP_AFTER:
            raise GatewayGaveUp(f"no question was answered for {self._clock() - self._failing_since:.0f} s")

    def _tell(self) -> None:
        moment, (before, asked_before) = self._clock(), self._lately[0]
        self._lately.append((moment, self._asked))
        rate = (self._asked - asked_before) / (moment - before) if moment > before else 0.0
        done = self._before + self._asked
        out = sum(one.questions for one in self._out.values())
        self._on_event(
            Progress(
                done=done,
                total=self._total,
                rate=rate,
                allowed=self._how.rate,
                seconds_left=(self._total - done) / rate if rate else None,
                in_flight=min(out, self._threads * self._how.concurrency),  # as far as that is known from here
                retries=self._retries,
                failed=self._failed,
                findings=dict(self._findings),
            )
        )

    async def _end(self) -> None:
        """Have the workers end, and take in what they have answered until then."""
        if not self._out:
            return
        if not await self._is_told():
            for task in self._out:  # nothing will come of them; the workers' files are found by the next try
                task.cancel()
            await asyncio.gather(*self._out, return_exceptions=True)
            return
        while self._out:
            done, _ = await asyncio.wait(self._out, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._out.pop(task)
                if task.cancelled() or task.exception() is not None:
                    continue
                await self._keep(task.result())

    async def _is_told(self) -> bool:
        """Tell the scheduler to give out nothing more; False where it is gone."""
        scheduler: Any = self._client.scheduler
        try:
            if _is_connected(self._client):
                await scheduler.paymentoptions_end(run=self._name)
                return True
        except _GONE:
            pass
        return False


class _Out:
    """A chunk that is on the cluster, as long as its future is kept."""

    def __init__(self, future: Future[Any], questions: int) -> None:
        self.future, self.questions = future, questions


async def _result(future: Future[Any]) -> Done:
    try:
        done: Done = await future
    except (PaymentOptionsError, OSError):
        raise
    except FutureCancelledError as error:
        raise ClusterFailed("the Dask scheduler is gone, or has dropped the work") from error
    except KilledWorker as error:
        raise ClusterFailed(f"workers died too often over one chunk: {error}") from error
    except Exception as error:
        raise ClusterFailed(f"a worker failed: {type(error).__name__}: {error}") from error
    return done


class _Taking:
    """Moves answers from the storage into the parts of a run, each once."""

    def __init__(self, run: Workspace, storage: Storage) -> None:
        self._run, self._storage = run, storage
        self._number = next_number(run.parts)

    def left_over(self) -> int:
        """Take in what workers had finished when an earlier try ended; return how many questions that answers."""
        self._storage.clear()
        names = self._storage.names()
        if not names:
            return 0
        total = pq.read_metadata(self._run.work).num_rows
        before, taken = Answered(self._run.parts, total), set[int]()
        for name in names:
            table = self._storage.get(name)
            numbers = table.column("n").to_pylist()
            if not all(0 <= n < total for n in numbers):
                raise self._storage.refused(name, "it is not of this run")
            is_new = [n not in before and n not in taken for n in numbers]
            self._keep(table.filter(pa.array(is_new, pa.bool_())))
            taken.update(n for n, new in zip(numbers, is_new, strict=True) if new)
            self._storage.remove(name)
        return Answered(self._run.parts, total).count - before.count

    def take(self, name: str) -> str:
        """Take in what a chunk answered; return the part's name."""
        part = self._keep(self._storage.get(name))
        self._storage.remove(name)
        return part

    def _keep(self, table: Any) -> str:
        if not len(table):
            return ""
        path = keep_part(self._run.parts, self._number, table)
        self._number += 1
        return path.name


async def _chunked(batches: AsyncGenerator[Iterable[Question]], size: int) -> AsyncIterator[Sequence[Question]]:
    """The same questions, so many at a time."""
    waiting: list[Question] = []
    async with aclosing(batches):
        async for batch in batches:
            waiting.extend(batch)
            while len(waiting) >= size:
                yield waiting[:size]
                del waiting[:size]
    if waiting:
        yield waiting
