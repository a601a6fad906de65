"""What a reconciliation on two Dask workers keeps of its rate, and costs beside a single process.

    python -m benchmarks.reconcile_dask [--rate 1000] [--seconds 40] [--rows 20000] [--rounds 3]

The rate is counted where the questions arrive: by a server in a process of its own, which notes each. First with two
workers from end to end, then again while one of them is killed in the middle. A second is any half-open second, not
one of a clock. What is kept is the mean from a second after the first question until 85 % of all have arrived: in the
end one chunk after the other has nothing left to ask, and the part of the rate that its worker held is not used.

The overhead is that of asking without a limit, in seconds for each 100,000 rows: two workers beside a single process,
one after the other in each round, so that whatever else the machine does hits both; the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from distributed import Client, LocalCluster

from benchmarks.gateway_server import MERCHANT_ID
from benchmarks.processes import server, use_every_cpu
from benchmarks.reconcile_runs import client, noted, write_ledger
from paymentoptions_async import PaymentOptions
from paymentoptions_async.reconcile import LedgerFile, reconcile
from paymentoptions_async.reconcile.events import Comparing, Event, Plan
from paymentoptions_async.reconcile.scaleout.cluster import Cluster
from paymentoptions_async.reconcile.scaleout.local import local_cluster
from paymentoptions_async.reconcile.scaleout.observers import paymentoptions

WORKERS = 2
LEAST, MOST = 0.98, 1.02
"""Of the rate: what must be kept, and what no second may have."""
ROWS = 100_000
"""For which the overhead is shown."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Of the rate."""

    mean: float
    fullest: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and say what became of the targets."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rate", type=float, default=1000.0)
    given.add_argument("--seconds", type=float, default=40.0, help="of each measurement of the rate")
    given.add_argument("--rows", type=int, default=20_000, help="of each measurement of the overhead")
    given.add_argument("--rounds", type=int, default=3)
    options = given.parse_args(arguments)
    with server("--noting") as url, tempfile.TemporaryDirectory() as directory:
        use_every_cpu()
        as_environment(url)
        asyncio.run(measure(url, Path(directory), options))


def as_environment(url: str) -> None:
    """Set what workers make their clients from, before they start."""
    os.environ |= {
        "PAYMENTOPTIONS_API_KEY": "benchmark-key",
        "PAYMENTOPTIONS_X_API_KEY": "benchmark-x-key",
        "PAYMENTOPTIONS_MERCHANT_ID": MERCHANT_ID,
        "PAYMENTOPTIONS_ENVIRONMENT": "sandbox",
        "PAYMENTOPTIONS_SANDBOX_URL": url,
    }


async def measure(url: str, directory: Path, options: Any) -> None:
    """Print one figure after the other."""
    print(f"{WORKERS} workers, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}")
    ledger = directory / "rate.csv"
    write_ledger(ledger, round(options.rate * options.seconds))
    began = time.perf_counter()
    async with local_cluster(WORKERS) as cluster:
        print(f"start of the cluster: {time.perf_counter() - began:.1f} s")
        for name, kill in (("all live", False), ("one is killed", True)):
            kept = await rate_kept(url, cluster, ledger, directory / f"rate-{kill}", rate=options.rate, kill=kill)
            print(
                f"{options.rate:,.0f} a second, {name}: {kept.mean:.2%} kept, to be at least {LEAST:.0%}: "
                f"{yes(kept.mean >= LEAST)}; fullest second {kept.fullest:.2%}, to be at most {MOST:.0%}: "
                f"{yes(kept.fullest <= MOST)}"
            )
    write_ledger(ledger, options.rows)
    async with local_cluster(WORKERS) as cluster:
        await overhead(url, cluster, ledger, rounds=options.rounds, rows=options.rows)


def yes(reached: bool) -> str:  # noqa: FBT001  says it
    return "yes" if reached else "NO"


async def rate_kept(url: str, cluster: LocalCluster, ledger: Path, out: Path, *, rate: float, kill: bool) -> Kept:
    """Reconcile at a rate; kill a worker in the middle."""
    noted(url)
    async with client(url) as gateway:
        run = asyncio.ensure_future(
            reconcile(
                gateway,
                LedgerFile(path=ledger),
                out,
                executor=Cluster(cluster.scheduler_address, paymentoptions, rate=rate),
            )
        )
        if kill:
            await asyncio.sleep(sum(1 for _ in ledger.open()) / rate / 2)
            await kill_one(cluster)
        assert (await run).is_clean
    return kept_of([second for second, _ in await asyncio.to_thread(noted, url)], rate)


async def kill_one(cluster: LocalCluster) -> None:
    async with Client(cluster.scheduler_address, asynchronous=True, set_as_default=False) as asker:
        pids = await asker.run(os.getpid)
        os.kill(next(iter(pids.values())), signal.SIGKILL)


def kept_of(times: list[float], rate: float) -> Kept:
    times.sort()
    fullest = begin = 0
    for end, second in enumerate(times):
        while times[begin] <= second - 1:
            begin += 1
        fullest = max(fullest, end - begin + 1)
    first, last = times[0] + 1, times[round(len(times) * 0.85)]  # in the end one chunk after the other has no more
    return Kept(sum(first <= second < last for second in times) / (last - first) / rate, fullest / rate)


async def overhead(url: str, cluster: LocalCluster, ledger: Path, *, rounds: int, rows: int) -> None:
    here, there, cpu = list[float](), list[float](), list[float]()
    executor = Cluster(cluster.scheduler_address, paymentoptions, rate=inf)
    peak = list[int]()
    for number in range(rounds + 1):
        async with client(url) as gateway:
            seconds = await fetching(gateway, ledger, ledger.parent / f"here-{number}", None)
        async with client(url) as gateway, watched(cluster, peak) as busy:
            seconds_there = await fetching(gateway, ledger, ledger.parent / f"there-{number}", executor)
        if number:  # the first round imports, and fills caches
            here.append(seconds / rows * ROWS)
            there.append(seconds_there / rows * ROWS)
            cpu.append(busy[0] / rows * ROWS)
        noted(url)
    one, two = statistics.median(here), statistics.median(there)
    print(f"{ROWS:,} rows without a limit: one process {one:.1f} s, {WORKERS} workers {two:.1f} s")
    more = statistics.median(b - a for a, b in zip(here, there, strict=True))
    print(f"overhead of Dask for {ROWS:,} rows: {more:+.1f} s; CPU of its workers {statistics.median(cpu):.1f} s")
    print(f"memory of a worker: {max(peak) / 2**20:.0f} MiB at most")


async def fetching(gateway: PaymentOptions, ledger: Path, out: Path, executor: Cluster | None) -> float:
    """Seconds from the plan until every answer is durable."""
    at: list[float] = []

    def notice(event: Event) -> None:
        if isinstance(event, Plan | Comparing):
            at.append(time.perf_counter())

    report = await reconcile(
        gateway,
        LedgerFile(path=ledger),
        out,
        rate=inf if executor is None else None,
        executor=executor,
        on_event=notice,
    )
    assert report.is_clean
    return at[1] - at[0]


@contextlib.asynccontextmanager
async def watched(cluster: LocalCluster, peak: list[int]) -> AsyncIterator[list[float]]:
    """Look at the memory of all workers ten times a second; tell in the end what CPU they took."""
    async with Client(cluster.scheduler_address, asynchronous=True, set_as_default=False) as asker:
        workers = [psutil.Process(pid) for pid in (await asker.run(os.getpid)).values()]
    before, busy = sum(map(cpu_of, workers)), list[float]()

    async def look() -> None:
        while True:
            peak.append(max(worker.memory_info().rss for worker in workers))
            await asyncio.sleep(0.1)

    looking = asyncio.ensure_future(look())
    try:
        yield busy
    finally:
        looking.cancel()
        busy.append(sum(map(cpu_of, workers)) - before)


def cpu_of(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
