"""Runs on a Dask cluster of processes: the report of a single process, at one rate, whatever happens to workers."""

from __future__ import annotations

import asyncio
import json
import math
import os
import pickle
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("distributed", reason="the extra dask is not installed")

import dask
import pyarrow as pa
from distributed import Client, LocalCluster

from paymentoptions_async import InvalidValue, PaymentOptions
from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.reconcile import GatewayGaveUp, LedgerFile, Report, Rules, RunRefused, reconcile
from paymentoptions_async.reconcile.answers import Row, answered
from paymentoptions_async.reconcile.events import Event, Progress, Saved
from paymentoptions_async.reconcile.scaleout.cluster import Cluster, ClusterFailed, _Taking
from paymentoptions_async.reconcile.scaleout.local import local_cluster
from paymentoptions_async.reconcile.scaleout.rate_desk import RateDesk, desk_name
from paymentoptions_async.reconcile.scaleout.storage import Storage
from paymentoptions_async.reconcile.scaleout.worker import Station
from paymentoptions_async.reconcile.workspace import now
from paymentoptions_async.sandbox import (
    API_KEY,
    MERCHANT_ID,
    X_API_KEY,
    Catalogue,
    Plan,
    Sandbox,
    Settings,
    Traffic,
    serve,
)
from paymentoptions_async.sandbox.catalogue import UNTIL
from tests.reconcile import scaleout_observer
from tests.reconcile.engine_runs import approved, begin, plan, rows_of, transaction

WORKERS, THREADS, DASHBOARD = 2, 2, 8787
PLAN = Plan(**{one.name: 0.0 if one.name == "unanswered" else 0.03 for one in fields(Plan)})
"""Nothing is asked for twice in vain: that takes seconds."""


@pytest.fixture(scope="module")
def settings_file(tmp_path_factory) -> Path:
    return Path(tmp_path_factory.mktemp("scaleout")) / "settings.json"


@pytest.fixture(scope="module")
def address(settings_file) -> Iterator[str]:
    """A cluster for all tests of this module: it takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(scaleout_observer.VARIABLE, str(settings_file))
        options: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "silence_logs": 50}
        with LocalCluster(n_workers=WORKERS, threads_per_worker=THREADS, processes=True, **options) as cluster:
            yield cluster.scheduler_address


class World:
    """A served sandbox with a past, its ledger, and workers that know its address."""

    def __init__(self, home: Path, bank: Sandbox, url: str, settings_file: Path, address: str) -> None:
        assert bank.catalogue is not None
        self.home, self.bank, self.address = home, bank, address
        self.ledger = home / "ledger.csv"
        bank.catalogue.write_ledger(self.ledger)
        self.settings = {
            "api_key": API_KEY,
            "x_api_key": X_API_KEY,
            "merchant_id": MERCHANT_ID,
            "environment": "sandbox",
            "sandbox_url": url,
        }
        self._settings_file = settings_file
        self.tell_workers()
        self.events: list[Event] = []

    def tell_workers(self, **others: str) -> None:
        self._settings_file.write_text(json.dumps(self.settings | others))

    def cluster(self, observer: Any = scaleout_observer.observer, **how: Any) -> Cluster:
        return Cluster(self.address, observer, **({"rate": math.inf, "chunk": 50} | how))

    async def reconcile(self, out: str, executor: Cluster | None) -> Report:
        async with PaymentOptions(**self.settings) as client:  # type: ignore[arg-type]
            return await reconcile(
                client,
                LedgerFile(path=self.ledger),
                self.home / out,
                rules=Rules(as_of=UNTIL),
                rate=math.inf,
                executor=executor,
                on_event=self.events.append,
            )

    def findings(self, out: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self.home / out / "findings.parquet").to_pylist()
        return found

    def asked(self) -> Counter[str]:
        return Counter(line.path for line in self.bank.requests)

    async def some_are_asked(self, count: int) -> None:
        while len(self.bank.requests) < count:  # noqa: ASYNC110  the sandbox tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture
def opened(tmp_path, settings_file, address):
    @asynccontextmanager
    async def opened(*, count: int = 600, planted: bool = True, **traffic: Any) -> AsyncIterator[World]:
        catalogue = Catalogue(seed=3, count=count, plan=PLAN if planted else Plan())
        bank = Sandbox(catalogue=catalogue, settings=Settings(traffic=Traffic(**traffic)))
        async with serve(bank) as url:
            yield World(tmp_path, bank, url, settings_file, address)

    return opened


async def test_the_report_is_that_of_a_single_process(opened):
    async with opened() as world:
        await world.reconcile("cluster", world.cluster())
        assert len({type(one) for one in world.events}) >= 6
        told = [event for event in world.events if isinstance(event, Progress)]
        assert (told[0].done, told[-1].done) == (0, told[-1].total)
        assert all(event.in_flight <= WORKERS * THREADS * 64 for event in told)
        assert sum(event.rows for event in world.events if isinstance(event, Saved)) == told[-1].total
        await world.reconcile("here", None)
        assert world.findings("cluster") == world.findings("here")
        assert not list((world.home / "cluster" / "incoming").iterdir()), "all is taken in"
        async with Client(world.address, asynchronous=True, set_as_default=False) as client:
            left = await client.run(_plugins)
            assert all(not names for names in left.values()), "clients are closed, and plugins gone"
            assert not await client.run_on_scheduler(_desks)


def _plugins(dask_worker: Any) -> list[str]:
    return [name for name in dask_worker.plugins if "paymentoptions" in name]


def _desks(dask_scheduler: Any) -> list[str]:
    return [name for name in dask_scheduler.plugins if "paymentoptions" in name]


async def test_a_worker_that_is_killed_costs_its_chunks_and_nothing_else(opened):
    async with opened(count=800, latency=0.02) as world:
        async with Client(world.address, asynchronous=True, set_as_default=False) as client:
            pids = await client.run(os.getpid)
        run = asyncio.ensure_future(world.reconcile("cluster", world.cluster(concurrency=4)))
        await world.some_are_asked(200)
        os.kill(next(iter(pids.values())), signal.SIGKILL)
        await run
        again = [transaction for transaction, times in world.asked().items() if times > 1]
        # What each of its threads worked on, and what it had just done that nobody knew of yet.
        assert 0 < len(again) <= 2 * THREADS * 50
        await world.reconcile("here", None)
        assert world.findings("cluster") == world.findings("here")


async def test_all_workers_keep_one_rate(opened):
    rate = 250.0
    async with opened(count=900, planted=False) as world:
        await world.reconcile("cluster", world.cluster(rate=rate))
        came = sorted(line.at for line in world.bank.requests)
        assert len(came) >= 890
        # At 250 a second they take 3.6 s: longer on a busy machine, and half of it where each worker had its own rate.
        assert (came[-1] - came[0]).total_seconds() > 0.75 * len(came) / rate


async def test_a_local_cluster_leaves_the_usual_port_of_schedulers_alone():
    async with local_cluster(1) as cluster:
        assert cluster.scheduler.http_server.port != DASHBOARD


async def test_refused_keys_end_the_run_and_what_was_answered_is_saved(opened):
    async with opened() as world:
        with pytest.raises(GatewayGaveUp, match="check the API keys"):
            await world.reconcile("cluster", world.cluster(scaleout_observer.refused_later, concurrency=4))
        saved = sum(event.rows for event in world.events if isinstance(event, Saved))
        assert 40 <= saved == len(world.bank.requests)
        await world.reconcile("cluster", world.cluster())
        assert len(world.asked()) == len(world.bank.requests), "what was answered is not asked again"


async def test_cancelled_it_ends_soon_saves_and_goes_on(opened):
    async with opened(count=800, latency=0.02) as world:
        run = asyncio.ensure_future(world.reconcile("cluster", world.cluster(concurrency=2, chunk=300)))
        await world.some_are_asked(100)
        run.cancel()
        async with asyncio.timeout(20):
            with pytest.raises(asyncio.CancelledError):
                await run
        assert 0 < len(world.bank.requests) < 700
        assert sum(event.rows for event in world.events if isinstance(event, Saved)) == len(world.bank.requests)
        await world.reconcile("cluster", world.cluster(rate=5_000.0))
        assert max(world.asked().values()) == 1, "what was answered is not asked again"
        await world.reconcile("here", None)
        assert world.findings("cluster") == world.findings("here")


async def test_a_worker_with_another_merchants_settings_asks_nothing(opened):
    async with opened() as world:
        world.tell_workers(merchant_id="JP99999999")
        with pytest.raises(ConfigurationError, match=r"settings of worker .* are those of .*JP99999999"):
            await world.reconcile("cluster", world.cluster())
        assert not world.bank.requests


async def test_what_fails_on_a_worker_is_told(opened):
    async with opened() as world:
        with pytest.raises(ClusterFailed, match="LookupError: nothing is set up here"):
            await world.reconcile("cluster", world.cluster(scaleout_observer.broken))


async def test_a_scheduler_that_is_not_there_is_said(opened):
    async with opened(count=20) as world:
        world.address = "tcp://127.0.0.1:1"
        impatient = dask.config.set({"distributed.comm.timeouts.connect": "300ms"})
        with impatient, pytest.raises(ClusterFailed, match="no Dask scheduler answers at tcp"):
            await world.reconcile("cluster", world.cluster())


# Without a cluster ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", ["auto", 0, -1.0, True, math.nan])
def test_a_cluster_needs_a_rate(rate):
    with pytest.raises(InvalidValue, match="rate"):
        Cluster("tcp://127.0.0.1:1", scaleout_observer.observer, rate=rate)


@pytest.mark.parametrize(("rate", "chunk"), [(math.inf, 2048), (1_000.0, 2048), (50.0, 500), (0.01, 1)])
def test_a_chunk_takes_not_long_of_the_whole_rate(rate, chunk):
    assert Cluster("", scaleout_observer.observer, rate=rate).chunk == chunk


def test_nothing_that_travels_has_a_key(monkeypatch):
    monkeypatch.setenv("PAYMENTOPTIONS_API_KEY", "the-key-itself")
    sent = [
        RateDesk("run", 10.0, client="c"),
        Station("run", scaleout_observer.observer, Storage("memory://x"), scope="s", concurrency=4),
    ]
    for one in sent:
        told = pickle.dumps(one)
        assert b"the-key-itself" not in told
        assert type(pickle.loads(told)) is type(one)  # noqa: S301  our own


def test_when_the_run_dies_the_desk_gives_nothing_more():
    class Scheduler:
        def __init__(self) -> None:
            self.plugins: dict[str, Any] = {}
            self.handlers: dict[str, Any] = {}

        def remove_plugin(self, name: str) -> None:
            del self.plugins[name]

    async def go() -> None:
        scheduler: Any = Scheduler()
        desk = RateDesk("run", 100.0, client="mine")
        scheduler.plugins[desk_name("run")] = desk
        await desk.start(scheduler)
        lease = scheduler.handlers["paymentoptions_lease"]
        assert lease("run", worker="a", wanted=10.0, pause=0.0)["instants"]
        desk.remove_client(scheduler, "another")
        assert not lease("run", worker="a", wanted=10.0, pause=0.0)["ending"]
        desk.remove_client(scheduler, "mine")
        assert lease("run", worker="a", wanted=10.0, pause=0.0)["ending"]
        assert lease("never heard of", worker="a", wanted=10.0, pause=0.0)["ending"]

    asyncio.run(go())


def row(n: int) -> Row:
    return answered(n, transaction(n), approved(transaction(n)), seconds=0.1, asked_at=now())


@pytest.fixture(params=["file", "memory"])
def storage(request, tmp_path) -> Storage:
    return Storage(f"file://{tmp_path / 'incoming'}" if request.param == "file" else f"memory://{tmp_path}/incoming")


def test_what_an_earlier_try_left_is_taken_in_once(storage, tmp_path):
    with begin(tmp_path / "run", rows_of(range(10))) as run:
        plan(run)
        storage.put("one", [row(0), row(1)])
        assert _Taking(run, storage).left_over() == 2
        storage.put("two", [row(1), row(2)])
        storage.put("three", [row(2), row(3)])
        assert _Taking(run, storage).left_over() == 2
        assert storage.names() == []
        assert plan(run).asked == 4


def test_a_chunk_that_is_written_again_is_there_once(storage):
    storage.put("one", [row(0)])
    storage.put("one", [row(0), row(1)])
    assert storage.names() == ["one"]
    assert storage.get("one").column("n").to_pylist() == [0, 1]


def test_a_file_that_no_run_wrote_is_refused(tmp_path):
    storage = Storage(f"file://{tmp_path / 'incoming'}")
    with begin(tmp_path / "run", rows_of(range(10))) as run:
        plan(run)
        storage.put("of-another", [row(10)])
        with pytest.raises(RunRefused, match=r"of-another\.parquet: it is not of this run; take it away"):
            _Taking(run, storage).left_over()
        (tmp_path / "incoming" / "of-another.parquet").write_bytes(b"not parquet at all")
        with pytest.raises(RunRefused, match=r"of-another.parquet: can't be read \(ArrowInvalid\); take it away"):
            _Taking(run, storage).left_over()
        pq.write_table(pa.table({"n": [1]}), tmp_path / "incoming" / "of-another.parquet")
        with pytest.raises(RunRefused, match="no run writes such a file"):
            _Taking(run, storage).left_over()


def test_what_was_never_finished_is_swept_up(tmp_path):
    storage = Storage(f"file://{tmp_path / 'incoming'}")
    with begin(tmp_path / "run", rows_of(range(3))) as run:
        plan(run)
        storage.put("one", [row(0)])
        (tmp_path / "incoming" / "two.1234.new").write_bytes(b"PAR1")
        assert _Taking(run, storage).left_over() == 1
        assert list((tmp_path / "incoming").iterdir()) == []


def test_what_is_finished_while_it_is_swept_up_is_kept(tmp_path, monkeypatch):
    storage = Storage(f"file://{tmp_path}")
    listed = storage._listed

    def and_then_finished() -> list[str]:
        found = listed()
        new.rename(tmp_path / "one.parquet")
        return found

    new = tmp_path / "one.1234abcd.new"
    new.touch()
    monkeypatch.setattr(storage, "_listed", and_then_finished)
    storage.clear()
    monkeypatch.undo()
    assert storage.names() == ["one"]


def test_each_run_has_a_directory_of_its_own_and_the_same_one_again(tmp_path):
    cluster = Cluster("", scaleout_observer.observer, rate=1.0, storage="s3://bucket/answers/")
    directories = []
    for name in ("one", "two", "one"):
        with begin(tmp_path / name, scope=f"paymentoptions/sandbox/{name}") as run:
            directories.append(cluster._directory(run))
    assert directories[0] == directories[2] != directories[1]
    assert all(directory.startswith("s3://bucket/answers/run-") for directory in directories)
