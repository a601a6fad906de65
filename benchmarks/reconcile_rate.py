"""How fast a reconciliation asks without a limit, beside bare aiohttp and the generated client.

    python -m benchmarks.reconcile_rate [--rounds 5] [--rows 5000]

All ask the same server, which has another CPU, for the same transactions, 64 at once. Bare aiohttp takes each answer
and does not look at it. Of a run, fetching is measured: from the plan on, until every answer is checked, looked up in
the journal, held against the ledger, masked, and durable. The facade alone is `observe`, whose answers nobody keeps;
the generated client, which is far slower, asks for a tenth. In each round one is measured after the other, so that
whatever else the machine does hits all alike; the medians of the rounds are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import aiohttp
from paymentoptions_client import AuthenticatedClient
from paymentoptions_client.api.payments import get_transaction_status
from paymentoptions_client.models import PaymentReply

from benchmarks.gateway_server import STATUS_PATH
from benchmarks.processes import server
from benchmarks.reconcile_runs import client, write_ledger
from paymentoptions_async.reconcile import LedgerFile, reconcile
from paymentoptions_async.reconcile.events import Comparing, Event, Plan
from paymentoptions_async.reconcile.running import CONCURRENCY
from paymentoptions_async.wire.credentials import Credentials

KEYS = Credentials("benchmark-key", "benchmark-x-key").headers()
LEAST_RATE = 0.6
"""Of bare aiohttp's rows per second."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one row, in microseconds: how long it took, and the client's CPU."""

    time: float
    cpu: float


class Watch:
    """Measures from `begin` to `end`."""

    def begin(self) -> None:
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def end(self, rows: int) -> None:
        took, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
        self.cost = Cost(took / rows * 1e6, cpu / rows * 1e6)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table and what became of the target."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rounds", type=int, default=5)
    given.add_argument("--rows", type=int, default=5000, help="of each measurement")
    options = given.parse_args(arguments)
    with server() as url, tempfile.TemporaryDirectory() as directory:
        report(asyncio.run(measure(url, options.rounds, options.rows, Path(directory))))


async def measure(url: str, rounds: int, rows: int, directory: Path) -> dict[str, list[Cost]]:
    """What a row costs, by who asks, for each round."""
    found: dict[str, list[Cost]] = defaultdict(list)
    ledger = directory / "ledger.csv"
    ids = write_ledger(ledger, rows)
    for number in range(rounds + 1):
        for name, (ask_all, share) in ASKERS.items():
            watch = Watch()
            await ask_all(url, ids[: rows // share], watch)
            if number:  # the first round imports, and fills caches
                found[name].append(watch.cost)
        watch = Watch()
        await run(url, ledger, directory / f"run-{number}", watch)
        if number:
            found["run"].append(watch.cost)
    return found


async def bare_aiohttp(url: str, ids: Sequence[str], watch: Watch) -> None:
    async with aiohttp.ClientSession(headers=KEYS) as session:

        async def ask(transaction_id: str) -> None:
            async with session.get(url + STATUS_PATH + transaction_id) as response:
                await response.read()

        await ask_many(ask, ids, watch)


async def generated(url: str, ids: Sequence[str], watch: Watch) -> None:
    async with AuthenticatedClient(url, authorization=KEYS["Authorization"], x_api_key=KEYS["x-api-key"]) as gateway:

        async def ask(transaction_id: str) -> None:
            reply = await get_transaction_status.asyncio(transaction_id, client=gateway)
            assert isinstance(reply, PaymentReply)

        await ask_many(ask, ids, watch)


async def facade(url: str, ids: Sequence[str], watch: Watch) -> None:
    async with client(url) as gateway:

        async def ask(transaction_id: str) -> None:
            await gateway.observe(transaction_id)

        await ask_many(ask, ids, watch)


async def ask_many(ask: Callable[[str], Awaitable[None]], ids: Sequence[str], watch: Watch) -> None:
    """Ask for all, as many at once as a run does."""
    left = iter(ids)

    async def keep_asking() -> None:
        for transaction_id in left:
            await ask(transaction_id)

    watch.begin()
    await asyncio.gather(*(keep_asking() for _ in range(CONCURRENCY)))
    watch.end(len(ids))


async def run(url: str, ledger: Path, out: Path, watch: Watch) -> None:
    """Reconcile, and measure the fetching."""
    rows = 0

    def notice(event: Event) -> None:
        nonlocal rows
        match event:
            case Plan(left=left):
                rows = left
                watch.begin()
            case Comparing():
                watch.end(rows)

    async with client(url) as gateway:
        found = await reconcile(gateway, LedgerFile(path=ledger), out, rate=inf, on_event=notice)
    assert found.is_clean


ASKERS = {"aiohttp": (bare_aiohttp, 1), "generated": (generated, 10), "facade": (facade, 1)}
"""Who asks besides, and for what part of the rows."""


def report(found: dict[str, list[Cost]]) -> None:
    """Print medians and ratios, and whether a run keeps up.

    A ratio is the median of the rounds' own ratios: what slows one round slows both sides of it.
    """
    print(f"one row of a reconciliation, {CONCURRENCY} in flight (beside bare aiohttp)")
    print(f"{'':12}{'rows per second':>22}{'client CPU in µs':>22}")
    for name, costs in found.items():
        rate, cpu = statistics.median(1e6 / cost.time for cost in costs), statistics.median(c.cpu for c in costs)
        cells = f"{rate:8,.0f} ({speed(found, name):4.2f})", f"{cpu:8.0f} ({1 / economy(found, name):4.2f})"
        print(f"{name:12}" + "".join(f"{cell:>22}" for cell in cells))
    for what, reached in (("rows per second", speed(found, "run")), ("rows per second of CPU", economy(found, "run"))):
        verdict = "yes" if reached >= LEAST_RATE else "NO"
        print(f"run / aiohttp in {what} = {reached:.2f}, to be at least {LEAST_RATE}: {verdict}")


def speed(found: dict[str, list[Cost]], name: str) -> float:
    """How many times the rows per second of bare aiohttp."""
    return statistics.median(bare.time / cost.time for bare, cost in zip(found["aiohttp"], found[name], strict=True))


def economy(found: dict[str, list[Cost]], name: str) -> float:
    """How many times the rows per second of CPU."""
    return statistics.median(bare.cpu / cost.cpu for bare, cost in zip(found["aiohttp"], found[name], strict=True))


if __name__ == "__main__":
    main()
