"""How exactly a reconciliation keeps to its rate, as the server sees it.

    python -m benchmarks.reconcile_kept [--rate 1000] [--seconds 20]

The server, on another CPU, notes when each question arrives. The whole run must use the rate, and no second of it, from
whichever question on it is counted, may have more. When each question left is known as well, from the run's own record:
on a busy machine the server sees late, and all at once, what left evenly.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.processes import server
from benchmarks.reconcile_runs import client, noted, write_ledger
from paymentoptions_async.reconcile import LedgerFile, reconcile

LEAST, MOST = 0.98, 1.02
"""Of the rate: over the run, and in any one second."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Reconcile at a rate, and print how it was kept."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rate", type=float, default=1000.0, help="questions a second")
    given.add_argument("--seconds", type=float, default=20.0, help="how long the run is to take")
    options = given.parse_args(arguments)
    with server("--noting") as url, tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "run"
        asyncio.run(run(url, out, options.rate, options.seconds))
        arrived = [second for second, _ in noted(url)]
        left = departures(out)
    print(f"a run at {options.rate:,.0f} questions a second for {options.seconds:,.0f} s")
    for what, moments in (("as they arrived", arrived), ("as they left", left)):
        report(what, moments, options.rate)


async def run(url: str, out: Path, rate: float, seconds: float) -> None:
    """Reconcile so many rows that it takes so long."""
    ledger = out.with_name("ledger.csv")
    write_ledger(ledger, round(rate * seconds))
    async with client(url) as gateway:
        found = await reconcile(gateway, LedgerFile(path=ledger), out, rate=rate)
    assert found.is_clean


def departures(out: Path) -> list[float]:
    """When the questions of a run left, in seconds, in order."""
    asked_at = pq.read_table(out / "parts", columns=["asked_at"])["asked_at"]
    return sorted(moment / 1e6 for moment in pc.cast(asked_at, "int64").to_pylist())


def report(what: str, moments: Sequence[float], rate: float) -> None:
    """Print how much of the rate was used, and the most that was in any second."""
    used = (len(moments) - 1) / (moments[-1] - moments[0]) / rate
    fullest = most_in_a_second(moments) / rate
    judged = "".join(
        f"; {name} {part:.2%}, to be at {bound} {limit:.0%}: {'yes' if met else 'NO'}"
        for name, part, bound, limit, met in (
            ("of the run", used, "least", LEAST, used >= LEAST),
            ("of the fullest second", fullest, "most", MOST, fullest <= MOST),
        )
    )
    print(f"{what}{judged}")


def most_in_a_second(moments: Sequence[float]) -> int:
    """How many lie within a half-open second, wherever it begins."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 1:
            first += 1
        most = max(most, last - first + 1)
    return most


if __name__ == "__main__":
    main()
