"""What durability costs a payment: the same purchases with the journal in memory, in SQLite and in PostgreSQL.

    python -m benchmarks.journal_cost [--rounds 5] [--payments 400] [--directory DIR] [--postgres URL]

In each round every journal takes the same number of purchases at every number in flight, one after the other; the
medians of the rounds are shown. Then one and two processes pay with one journal for a while. SQLite commits with
synchronous=FULL into the directory given (a temporary one otherwise: mind what disk it is on), PostgreSQL runs as a
cluster of its own with fsync on where no URL is given.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from benchmarks.gateway_server import MERCHANT_ID
from benchmarks.processes import server, use_every_cpu
from paymentoptions_async import Address, Card, Money, PaymentOptions, PaymentStatus
from tests.support.postgres import Cluster, is_installed

IN_FLIGHT = (1, 100)
SECONDS = 5.0
ADDRESS = Address(country="JP", email="buyer@example.com")
CARD = Card(number="5200000000001005", cvc="100", expiry_month=12, expiry_year=2049, name="John Doe")
AMOUNT = Money("1000", "JPY")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one payment: milliseconds until its caller has it (median), microseconds of CPU; and payments per second."""

    latency: float
    cpu: float
    rate: float


def main() -> None:
    """Measure, and print both tables."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rounds", type=int, default=5)
    given.add_argument("--payments", type=int, default=400, help="of each measurement")
    given.add_argument("--directory", type=Path, help="where the SQLite file is written")
    given.add_argument("--postgres", help="URL of a database that may be written to")
    given.add_argument("--pay", nargs=2, metavar=("JOURNAL", "GATEWAY"), help=argparse.SUPPRESS)
    options = given.parse_args()
    if options.pay:
        use_every_cpu()
        print(asyncio.run(pay_for(*options.pay)))
        return
    with ExitStack() as stack:
        url = stack.enter_context(server())
        directory = options.directory or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journals = {"memory": "memory:", "SQLite": str(directory / "journal.db")}
        if options.postgres:
            journals["PostgreSQL"] = options.postgres
        elif is_installed():
            cluster = Cluster.create()
            stack.callback(cluster.leave)
            journals["PostgreSQL"] = cluster.url()
        else:
            print("without PostgreSQL, whose server is not installed")
        report(asyncio.run(measure(journals, url, options.rounds, options.payments)))
        print()
        report_processes({name: [together(journal, url, n) for n in (1, 2)] for name, journal in journals.items()})


async def measure(journals: dict[str, str], url: str, rounds: int, payments: int) -> dict[tuple[str, int], list[Cost]]:
    """What a payment costs, by journal and number in flight, for each round."""
    found: dict[tuple[str, int], list[Cost]] = defaultdict(list)
    for number in range(rounds + 1):
        for in_flight in IN_FLIGHT:
            for name, journal in journals.items():
                async with gateway(journal, url) as client:
                    cost = await cost_of(client, in_flight, payments)
                if number:  # the first round connects, imports, and makes files
                    found[name, in_flight].append(cost)
    return found


async def cost_of(client: PaymentOptions, in_flight: int, payments: int) -> Cost:
    """Take so many payments, so many at once."""
    await pay(client)
    latencies: list[float] = []

    async def keep_paying() -> None:
        while len(latencies) < payments:
            before = time.perf_counter()
            await pay(client)
            latencies.append((time.perf_counter() - before) * 1e3)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(keep_paying() for _ in range(in_flight)))
    took = time.perf_counter() - began
    return Cost(
        latency=statistics.median(latencies),
        cpu=(time.process_time() - cpu) / len(latencies) * 1e6,
        rate=len(latencies) / took,
    )


async def pay(client: PaymentOptions) -> None:
    """Take one payment under a new key."""
    payment = await client.purchase(
        AMOUNT,
        card=CARD,
        billing_address=ADDRESS,
        customer_ip="203.0.113.7",
        idempotency_key=token_hex(12),
        without_webhook=True,
    )
    assert payment.status is PaymentStatus.APPROVED


def gateway(journal: str, url: str) -> PaymentOptions:
    """A client as an application would make it."""
    return PaymentOptions(
        api_key="benchmark-key",
        x_api_key="benchmark-x-key",
        merchant_id=MERCHANT_ID,
        environment="sandbox",
        sandbox_url=url,
        journal=journal,
    )


async def pay_for(journal: str, url: str) -> float:
    """Payments per second of one process, 100 in flight, for `SECONDS`."""
    async with gateway(journal, url) as client:
        await pay(client)
        end = time.perf_counter() + SECONDS
        done = 0

        async def keep_paying() -> None:
            nonlocal done
            while time.perf_counter() < end:
                await pay(client)
                done += 1

        await asyncio.gather(*(keep_paying() for _ in range(100)))
        return done / SECONDS


def together(journal: str, url: str, processes: int) -> float:
    """Payments per second of so many processes on one journal."""
    command = [sys.executable, "-m", "benchmarks.journal_cost", "--pay", journal, url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]  # noqa: S603
    return sum(float(process.communicate()[0]) for process in running)


def report(found: dict[tuple[str, int], list[Cost]]) -> None:
    """Print medians, and what each journal adds to the one in memory.

    What is added is the median of the rounds' own differences: what slows one round slows both sides of it.
    """
    print("one payment: latency in ms, CPU of the client in µs (what the journal adds), payments per second")
    for in_flight in IN_FLIGHT:
        print(f"{in_flight} in flight")
        plain = found["memory", in_flight]
        for name in dict.fromkeys(name for name, _ in found):
            costs = found[name, in_flight]
            latency, cpu = (
                f"{statistics.median(here):8.{digits}f} "
                f"(+{statistics.median(a - b for a, b in zip(here, beside, strict=True)):.{digits}f})"
                for digits, here, beside in (
                    (2, [cost.latency for cost in costs], [cost.latency for cost in plain]),
                    (0, [cost.cpu for cost in costs], [cost.cpu for cost in plain]),
                )
            )
            print(f"  {name:12}{latency:>22}{cpu:>18}{statistics.median(cost.rate for cost in costs):10.0f}/s")


def report_processes(rates: dict[str, list[float]]) -> None:
    """Print payments per second of one process and of two."""
    print("payments per second, 100 in flight in each process")
    for name, (one, two) in rates.items():
        shared = "  (each with its own)" if name == "memory" else ""
        print(f"  {name:12}one process {one:6.0f}   two {two:6.0f}{shared}")


if __name__ == "__main__":
    main()
