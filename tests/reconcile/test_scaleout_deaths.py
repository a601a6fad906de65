"""What dies in the middle of a run on a cluster: its scheduler, and the run itself. By SIGKILL, on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("distributed", reason="the extra dask is not installed")

from paymentoptions_async import PaymentOptions
from paymentoptions_async.reconcile import LedgerFile, reconcile
from paymentoptions_async.reconcile.scaleout.cluster import Cluster, ClusterFailed
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
from tests.reconcile import scaleout_observer

ROOT = Path(__file__).parents[2]
COUNT, CHUNK, RATE = 360, 40, 150.0
SOON = 30
"""Seconds, on a busy machine; mostly it is one or two."""


class World:
    """A served sandbox with a past, and a cluster of processes."""

    def __init__(self, home: Path, bank: Sandbox, url: str) -> None:
        assert bank.catalogue is not None
        self.home, self.bank = home, bank
        self.ledger = home / "ledger.csv"
        bank.catalogue.write_ledger(self.ledger)
        self.settings = {
            "api_key": API_KEY,
            "x_api_key": X_API_KEY,
            "merchant_id": MERCHANT_ID,
            "environment": "sandbox",
            "sandbox_url": url,
        }
        self._settings_file = home / "settings.json"
        self._settings_file.write_text(json.dumps(self.settings))
        self._stack = ExitStack()

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a Python of our own; it is killed in the end."""
        environment = os.environ | {scaleout_observer.VARIABLE: str(self._settings_file), "PYTHONPATH": str(ROOT)}
        return self._stack.enter_context(_process([sys.executable, *words], environment))

    async def cluster(self, name: str) -> tuple[subprocess.Popen[str], str]:
        """Start a scheduler and a worker; give the scheduler, and its address."""
        told = self.home / f"{name}.json"
        options = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(told))
        scheduler = self.start("-m", "distributed.cli.dask_scheduler", "--port", "0", *options)
        await self.until(lambda: told.exists() and told.read_text().rstrip().endswith("}"))
        self.start("-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "2", *options)
        return scheduler, json.loads(told.read_text())["address"]

    async def reconcile(self, out: str, executor: Cluster | None) -> Any:
        async with PaymentOptions(**self.settings) as client:  # type: ignore[arg-type]
            return await reconcile(client, LedgerFile(path=self.ledger), self.home / out, executor=executor)

    def findings(self, out: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = pq.read_table(self.home / out / "findings.parquet").to_pylist()
        return found

    def asked(self) -> Counter[str]:
        return Counter(line.path for line in self.bank.requests)

    async def until(self, happens: Any) -> None:
        async with asyncio.timeout(SOON):
            while not happens():  # noqa: ASYNC110  other processes tell nobody
                await asyncio.sleep(0.02)

    async def nobody_asks_any_more(self) -> int:
        """Wait until for half a second nothing came, where there were many; how many came until then."""
        seen = -1
        async with asyncio.timeout(SOON):
            while seen != len(self.bank.requests):
                seen = len(self.bank.requests)
                await asyncio.sleep(0.5)
        return seen

    def close(self) -> None:
        self._stack.close()


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=nowhere, stderr=nowhere, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def opened(tmp_path):
    @asynccontextmanager
    async def opened() -> AsyncIterator[World]:
        bank = Sandbox(
            catalogue=Catalogue(seed=3, count=COUNT, plan=Plan()), settings=Settings(traffic=Traffic(latency=0.02))
        )
        async with serve(bank) as url:
            world = World(tmp_path, bank, url)
            try:
                yield world
            finally:
                await asyncio.to_thread(world.close)

    return opened


def on(address: str) -> Cluster:
    return Cluster(address, scaleout_observer.observer, rate=RATE, chunk=CHUNK, concurrency=4)


async def test_a_scheduler_that_is_killed_ends_the_run_and_another_one_goes_on(opened):
    async with opened() as world:
        scheduler, address = await world.cluster("first")
        run = asyncio.ensure_future(world.reconcile("run", on(address)))
        await world.until(lambda: len(world.bank.requests) > 100)
        scheduler.kill()
        async with asyncio.timeout(SOON / 2):  # Dask itself goes on trying for half a minute
            with pytest.raises(ClusterFailed, match="scheduler is gone"):
                await run
        before = await world.nobody_asks_any_more()
        assert before < COUNT - CHUNK
        _, address = await world.cluster("second")
        await world.reconcile("run", on(address))
        assert max(world.asked().values()) == 1, "workers have written what they had asked"
        await world.reconcile("here", None)
        assert world.findings("run") == world.findings("here")


async def test_a_run_that_is_killed_leaves_nobody_asking_and_the_same_one_goes_on(opened):
    async with opened() as world:
        _, address = await world.cluster("only")
        about = (address, str(world.ledger), str(world.home / "run"), str(CHUNK), str(RATE))
        run = world.start("-m", "tests.reconcile.scaleout_run", *about)
        await world.until(lambda: len(world.bank.requests) > 100)
        run.kill()
        before = await world.nobody_asks_any_more()
        assert before < COUNT - CHUNK
        await world.reconcile("run", on(address))
        assert max(world.asked().values()) == 1, "workers have written what they had asked"
        await world.reconcile("here", None)
        assert world.findings("run") == world.findings("here")
