"""What importing costs: the package, and its parts, beside httpx.

    python -m benchmarks.import_time [--rounds 15]

Each import is timed inside a fresh interpreter, in turn, and the median is shown. The package must add at most 15 ms
until a client is made.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

STATEMENTS = {
    "the package": "import paymentoptions_async",
    "its values": "from paymentoptions_async import Address, Card, Money, PaymentStatus",
    "its client": "from paymentoptions_async import PaymentOptions",
    "aiohttp": "import aiohttp",
    "httpx": "import httpx",
}
MOST = 15.0
"""Milliseconds that the package may add."""

_TIMED = "import time; before = time.perf_counter(); {}; print((time.perf_counter() - before) * 1e3)"


def main() -> None:
    """Measure, and print a table and whether the package is light enough."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rounds", type=int, default=15)
    rounds = given.parse_args().rounds
    found: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for number in range(rounds + 1):
        for name, statement in STATEMENTS.items():
            took = milliseconds(statement)
            if number:  # the first round reads the disk
                found[name].append(took)
    print("import in ms (median)")
    for name, times in found.items():
        print(f"{name:12}{statistics.median(times):8.1f}   {STATEMENTS[name]}")
    took = statistics.median(found["the package"])
    print(f"the package adds {took:.1f} ms, to be at most {MOST:.0f}: {'yes' if took <= MOST else 'NO'}")


def milliseconds(statement: str) -> float:
    """Time one import in a fresh interpreter."""
    command = [sys.executable, "-c", _TIMED.format(statement)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


if __name__ == "__main__":
    main()
