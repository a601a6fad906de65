"""How much a reconciliation asks twice that was killed and taken up again.

    python -m benchmarks.reconcile_resume [--tries 5] [--rows 20000] [--seed 1]

Each try runs in a process that is killed (SIGKILL) at a random moment of the time that an uninterrupted run took, and
then again until it is done. The server counts the questions for each transaction; what both runs report must be the
same to the byte as what the uninterrupted one does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from random import Random

from benchmarks.processes import server
from benchmarks.reconcile_runs import client, noted, write_ledger
from paymentoptions_async.reconcile import LedgerFile, reconcile
from paymentoptions_async.reconcile.asking import CHUNK

EARLIEST, LATEST = 0.2, 0.95
"""Of an uninterrupted run, imports included: where it may be killed."""


@dataclass(frozen=True, slots=True)
class Try:
    """A run that was killed: at what part of its time, how many questions were asked by then, and how many twice."""

    moment: float
    asked: int
    twice: int
    same: bool
    """It reports what an uninterrupted run does, and has asked for everything."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Kill and go on, and print what became of each try."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--tries", type=int, default=5)
    given.add_argument("--rows", type=int, default=20_000)
    given.add_argument("--seed", type=int, default=1, help="of the moments")
    given.add_argument("--run", nargs=3, metavar=("URL", "LEDGER", "OUT"), help=argparse.SUPPRESS)
    options = given.parse_args(arguments)
    if options.run:
        url, *paths = options.run
        asyncio.run(run(url, *map(Path, paths)))
        return
    random = Random(options.seed)
    with server("--noting") as url, tempfile.TemporaryDirectory() as directory:
        ledger = Path(directory) / "ledger.csv"
        write_ledger(ledger, options.rows)
        whole = Path(directory) / "whole"
        began = time.perf_counter()
        with started(url, ledger, whole) as process:
            process.wait()
        took = time.perf_counter() - began
        assert len(noted(url)) == options.rows
        print(f"{options.rows:,} rows, killed and taken up again; uninterrupted it takes {took:.1f} s")
        for number in range(options.tries):
            moment = random.uniform(EARLIEST, LATEST)
            out = Path(directory) / f"try-{number}"
            report(attempt(url, ledger, out, moment, seconds=moment * took, whole=whole))


def attempt(url: str, ledger: Path, out: Path, moment: float, *, seconds: float, whole: Path) -> Try:
    """Kill a run after so many seconds, let another go on to its end, and see what was asked."""
    with started(url, ledger, out) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    first = Counter(transaction_id for _, transaction_id in noted(url))
    with started(url, ledger, out) as process:
        assert process.wait() == 0, "it could not go on"
    asked = first + Counter(transaction_id for _, transaction_id in noted(url))
    rows = len(ledger.read_text().splitlines()) - 1
    same = len(asked) == rows and told(out) == told(whole)
    return Try(moment, first.total(), asked.total() - rows, same)


def told(out: Path) -> tuple[bytes, object]:
    """What a run found, as it is handed on: all findings, and how many there are of which verdict."""
    return (out / "findings.csv").read_bytes(), json.loads((out / "report.json").read_text())["verdicts"]


def report(one: Try) -> None:
    """Print a try."""
    twice, same = ("yes" if met else "NO" for met in (one.twice <= CHUNK, one.same))
    print(
        f"killed after {one.moment:4.0%} of the time, with {one.asked:6,} asked: {one.twice:5,} asked twice, "
        f"to be at most {CHUNK:,}: {twice}; the same report: {same}",
        flush=True,
    )


def started(url: str, ledger: Path, out: Path) -> subprocess.Popen[bytes]:
    """A process that reconciles until it is done."""
    command = [sys.executable, "-m", "benchmarks.reconcile_resume", "--run", url, str(ledger), str(out)]
    return subprocess.Popen(command)  # noqa: S603


async def run(url: str, ledger: Path, out: Path) -> None:
    """Reconcile in this process."""
    async with client(url) as gateway:
        await reconcile(gateway, LedgerFile(path=ledger), out, rate=inf)


if __name__ == "__main__":
    main()
