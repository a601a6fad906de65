"""What a whole reconciliation takes of memory and time, by its number of rows.

    python -m benchmarks.reconcile_memory [--rows 1e5 1e6] [--directory DIR]

Each run is a process of its own. The gateway is in it: the sandbox's catalogue answers without HTTP, so that memory and
time are those of the run, and of computing the answers (some 30 µs each). 1e7 rows need 10 GB of disk, and an hour or
more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import wraps
from math import inf
from pathlib import Path
from typing import ParamSpec, TypeVar

from paymentoptions_async import PaymentOptions
from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.reconcile import LedgerFile, Rules, Verdict, reconcile, running
from paymentoptions_async.reconcile.events import Comparing, Event, Plan, Snapshot
from paymentoptions_async.reconcile.report import write_report
from paymentoptions_async.sandbox import Catalogue
from paymentoptions_async.sandbox import Plan as Planted
from paymentoptions_async.sandbox.catalogue import UNTIL
from paymentoptions_async.sandbox.settings import Settings
from paymentoptions_async.wire.exchange import Reply, Request
from paymentoptions_async.wire.opening import replace_opener

SEED = 7
STAGES = ("snapshot", "plan", "fetch", "compare", "report")
MOST_MEMORY = 1000.0
MOST_GROWTH = 1.25
"""Times the memory, and the CPU per row, of the next smaller run from `LARGE` rows on."""
LARGE = 1_000_000
_MEGABYTE = 1e6

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stage took: seconds, seconds of CPU, and the most memory it had, in megabytes."""

    stage: str
    seconds: float
    cpu: float
    memory: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Run each size, and print what its stages took and what became of the targets."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rows", nargs="+", type=float, default=[1e5, 1e6])
    given.add_argument("--directory", type=Path, help="where ledgers and runs are written, for a while")
    given.add_argument("--run", nargs=2, metavar=("LEDGER", "ROWS"), help=argparse.SUPPRESS)
    options = given.parse_args(arguments)
    if options.run:
        ledger, rows = options.run
        asyncio.run(run_one(Path(ledger), int(rows)))
        return
    print("one reconciliation: µs per row and µs of CPU per row, and the most memory in MB")
    print(f"{'rows':>12}" + "".join(f"{stage:>20}" for stage in STAGES) + f"{'in all':>20}", flush=True)
    report({rows: measure(rows, options.directory) for rows in sorted(map(int, options.rows))})


def measure(rows: int, directory: Path | None) -> list[Cost]:
    """Let a process reconcile a ledger of so many rows; print what each stage took as soon as it is over."""
    print(f"{rows:>12,}", end="", flush=True)
    costs = []
    with tempfile.TemporaryDirectory(dir=directory, prefix="reconcile-") as place:
        ledger = Path(place) / "ledger.csv"
        make_catalogue(rows).write_ledger(ledger)
        command = [sys.executable, "-m", "benchmarks.reconcile_memory", "--run", str(ledger), str(rows)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
            assert process.stdout is not None
            for line in process.stdout:
                costs.append(Cost(**json.loads(line)))
                print(_cell(costs[-1], rows), end="", flush=True)
        if process.returncode:
            raise SystemExit(f"the run ended with {process.returncode}")
    print(_cell(total(costs), rows), flush=True)
    return costs


def total(costs: Sequence[Cost]) -> Cost:
    """What all stages took together."""
    return Cost("all", sum(c.seconds for c in costs), sum(c.cpu for c in costs), max(c.memory for c in costs))


def report(found: dict[int, list[Cost]]) -> None:
    """Print how memory and time grow."""
    before: tuple[int, Cost] | None = None
    for rows, costs in found.items():
        cost = total(costs)
        print(f"{rows:,} rows: {cost.seconds:,.0f} s, CPU {cost.cpu:,.0f} s")
        _judge(f"{rows:,} rows: {cost.memory:.0f} MB, to be below {MOST_MEMORY:.0f}", met=cost.memory < MOST_MEMORY)
        if before is not None and rows >= LARGE:
            fewer, smaller = before
            growth = cost.cpu / rows / (smaller.cpu / fewer)
            what = f"{rows:,} rows: CPU per row is {growth:.2f} times that of {fewer:,}"
            _judge(f"{what}, to be at most {MOST_GROWTH}", met=growth <= MOST_GROWTH)
            if fewer >= LARGE:
                growth = cost.memory / smaller.memory
                what = f"{rows:,} rows: memory is {growth:.2f} times that of {fewer:,}"
                _judge(f"{what}, to be at most {MOST_GROWTH}", met=growth <= MOST_GROWTH)
        before = rows, cost


async def run_one(ledger: Path, rows: int) -> None:
    """Reconcile in this process, and print a line of JSON for each stage."""
    watch = Watch()
    writing = watch.beginning("report", write_report)
    # No event tells that comparing is over.
    running.write_report = writing  # type: ignore[attr-defined]

    def notice(event: Event) -> None:
        match event:
            case Snapshot(done=True):
                watch.begin("plan")
            case Plan():
                watch.begin("fetch")
            case Comparing():
                watch.begin("compare")

    catalogue, settings = make_catalogue(rows), Settings()
    replace_opener(lambda _, __: CatalogueWire(catalogue))
    rules = Rules(tolerances=catalogue.tolerances, as_of=UNTIL)
    async with PaymentOptions(
        api_key=settings.api_key,
        x_api_key=settings.x_api_key,
        merchant_id=settings.merchant_id,
        environment="sandbox",
        sandbox_url="http://127.0.0.1",
    ) as gateway:
        watch.begin("snapshot")
        out = ledger.parent / "run"
        found = await reconcile(gateway, LedgerFile(path=ledger), out, rules=rules, rate=inf, on_event=notice)
        watch.end()
    planted = catalogue.counts(tolerant=True)
    del planted[Verdict.MISSING_IN_LEDGER]  # there is no journal to know them
    assert found.verdicts == planted, f"{found.verdicts} found, {planted} planted"


def make_catalogue(rows: int) -> Catalogue:
    """A bank of so many transactions, one in a hundred of which differs; it answers about each."""
    return Catalogue(seed=SEED, count=rows, plan=replace(Planted.even(0.01), unanswered=0.0))


class CatalogueWire:
    """Answers from a catalogue, after a turn of the event loop."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._answer = catalogue.answer

    async def send(self, request: Request) -> Reply:
        request.departure.leave()
        await asyncio.sleep(0)
        status, body = self._answer(request.path.rpartition("/")[2])
        return Reply(status, _HEADERS, body, Evidence(Left.MAYBE, Stage.DONE, http_status=status))

    async def aclose(self) -> None:
        pass


_HEADERS = {"Content-Type": "application/json"}


class Watch:
    """Tells of each stage when the next one begins."""

    def __init__(self) -> None:
        self._stage: str | None = None
        self._began = self._cpu = 0.0

    def begin(self, stage: str) -> None:
        """A stage begins, and that before it is over."""
        if self._stage is not None:
            self.end()
        self._stage = stage
        forget_peak()
        self._began, self._cpu = time.perf_counter(), time.process_time()

    def beginning(self, stage: str, work: Callable[P, T]) -> Callable[P, T]:
        """Let a stage begin when something is called."""

        @wraps(work)
        def begin(*args: P.args, **kwargs: P.kwargs) -> T:
            self.begin(stage)
            return work(*args, **kwargs)

        return begin

    def end(self) -> None:
        """The last one is over."""
        assert self._stage is not None
        seconds, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
        print(json.dumps(asdict(Cost(self._stage, seconds, cpu, peak_memory()))), flush=True)


def forget_peak() -> None:
    """Let the kernel count the peak anew, where it can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> float:
    """The most resident memory since `forget_peak`, in megabytes; since the beginning where nobody can forget."""
    for line in _own_status():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / _MEGABYTE
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / _MEGABYTE


def _own_status() -> Iterator[str]:
    try:
        yield from Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return


def _cell(cost: Cost, rows: int) -> str:
    per_row, cpu = cost.seconds / rows * 1e6, cost.cpu / rows * 1e6
    return f"{f'{per_row:.1f} {cpu:.1f} {cost.memory:.0f}':>20}"


def _judge(what: str, *, met: bool) -> None:
    print(f"{what}: {'yes' if met else 'NO'}")


if __name__ == "__main__":
    main()
