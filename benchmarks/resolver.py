"""How many pending payments are settled per second by one, two and four processes on one journal.

    python -m benchmarks.resolver [--payments 1000] [--concurrency 16] [--postgres URL]

Each process goes one round (`PaymentOptions.resolve_open`) at the same time as the others, against a server that has
decided all of them. The server counts: no payment is asked for twice. SQLite commits with synchronous=FULL into a
temporary directory, PostgreSQL runs as a cluster of its own with fsync on where no URL is given.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from secrets import token_hex
from time import monotonic

from benchmarks.gateway_server import MERCHANT_ID, REPLY, STATUS_PATH
from paymentoptions_async import Money, Operation, Payment, PaymentOptions, PaymentStatus, Progress, Source, refs
from paymentoptions_async.intent import Change, Intent, Record
from paymentoptions_async.journal.opening import open_journal
from tests.support.postgres import Cluster, is_installed

PROCESSES = (1, 2, 4)
NAME, ENVIRONMENT = "paymentoptions", "sandbox"


def main() -> None:
    """Measure, and print a line for each journal."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--payments", type=int, default=1000, help="of each measurement")
    given.add_argument("--concurrency", type=int, default=16, help="of each process")
    given.add_argument("--postgres", help="URL of a database that may be written to")
    given.add_argument("--serve", metavar="BOOKS", help=argparse.SUPPRESS)
    given.add_argument("--settle", nargs=2, metavar=("JOURNAL", "GATEWAY"), help=argparse.SUPPRESS)
    options = given.parse_args()
    if options.serve:
        asyncio.run(serve(dict(line.split() for line in Path(options.serve).read_bytes().splitlines())))
        return
    if options.settle:
        asyncio.run(settle(*options.settle, concurrency=options.concurrency))
        return
    print(f"pending payments settled per second, {options.concurrency} in flight in each process")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        journals = {"SQLite": str(directory / "journal.db")}
        if options.postgres:
            journals["PostgreSQL"] = options.postgres
        elif is_installed():
            cluster = Cluster.create()
            stack.callback(cluster.leave)
            journals["PostgreSQL"] = cluster.url()
        for name, journal in journals.items():
            rates = [
                measure(
                    journal, directory / "books", processes, payments=options.payments, concurrency=options.concurrency
                )
                for processes in PROCESSES
            ]
            told = "   ".join(f"{n} {rate:6.0f}/s" for n, rate in zip(PROCESSES, rates, strict=True))
            print(f"  {name:12}processes: {told}")


def measure(journal: str, books: Path, processes: int, *, payments: int, concurrency: int) -> float:
    """Payments per second of so many processes, from when they begin until the last one has ended."""
    begun = asyncio.run(begin(journal, payments))
    books.write_text("".join(f"{transaction_id} {ref}\n" for ref, transaction_id in begun.items()))
    with server(books) as url:
        command = [sys.executable, "-m", "benchmarks.resolver", "--settle", journal, url]
        command += ["--concurrency", str(concurrency)]
        start = partial(subprocess.Popen, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        running = [start(command) for _ in range(processes)]
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        began = monotonic()
        for process in running:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        settled = [int(process.communicate()[0]) for process in running]
        took = monotonic() - began
        with urllib.request.urlopen(f"{url}/asked") as answer:  # noqa: S310  our own server
            asked = json.load(answer)
    assert sum(settled) == payments, settled
    assert min(settled) > 0, settled
    assert asked == dict.fromkeys(begun.values(), 1), "a payment was asked for twice, or not at all"
    return payments / took


async def begin(location: str, payments: int) -> dict[str, str]:
    """Put so many pending payments into a journal; the transaction of each reference."""
    journal = open_journal(location, clock=long_ago)
    begun = {}

    async def one() -> None:
        key, transaction_id = token_hex(12), str(uuid.uuid4())
        ref = refs.make_ref(
            gateway=NAME,
            environment=ENVIRONMENT,
            merchant_id=MERCHANT_ID,
            family=Operation.PURCHASE.family,
            idempotency_key=key,
        )
        intent = Intent(
            gateway=NAME,
            environment=ENVIRONMENT,
            merchant_id=MERCHANT_ID,
            operation=Operation.PURCHASE,
            idempotency_key=key,
            ref=ref,
            amount=Money("1000", "JPY"),
        )
        await journal.admit(intent, owner="benchmark", lease=45.0)
        await journal.change(ref, partial(pending, transaction_id=transaction_id))
        begun[ref] = transaction_id

    try:
        for left in range(payments, 0, -200):
            await asyncio.gather(*(one() for _ in range(min(200, left))))
    finally:
        await journal.aclose()
    return begun


def pending(record: Record, *, transaction_id: str) -> Change:
    """The gateway has it, and has not decided."""
    payment: Payment = replace(
        record.payment, status=PaymentStatus.PENDING, progress=Progress.ANSWERED, transaction_id=transaction_id
    )
    return Change(payment, Source.REPLY, "answered")


def long_ago() -> float:
    """When they were opened, in Unix seconds, by SQLite's journal; PostgreSQL has a clock of its own."""
    return 1_700_000_000.0


async def settle(journal: str, url: str, *, concurrency: int) -> None:
    """One process: be ready, wait for the word, go one round, and tell how many were settled."""
    gateway = PaymentOptions(
        api_key="benchmark-key",
        x_api_key="benchmark-x-key",
        merchant_id=MERCHANT_ID,
        environment=ENVIRONMENT,
        sandbox_url=url,
        journal=journal,
    )
    async with gateway:
        await gateway.journal.get("")  # connects
        print("ready", flush=True)
        sys.stdin.readline()
        found = await gateway.resolve_open(older_than=0.0, concurrency=concurrency)
    assert found.visited == found.settled, found
    print(found.settled)


@contextmanager
def server(books: Path) -> Iterator[str]:
    """Serve a gateway that has decided what is in the books; give its URL."""
    command = [sys.executable, "-m", "benchmarks.resolver", "--serve", str(books)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


class _Gateway(asyncio.Protocol):
    """Answers status queries from the books, and counts them; ``GET /asked`` tells the counts."""

    def __init__(self, books: dict[bytes, bytes], asked: Counter[bytes]) -> None:
        self._books, self._asked = books, asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1]
        if path == b"/asked":
            body = json.dumps({name.decode(): count for name, count in self._asked.items()}).encode()
        else:
            name = path.removeprefix(STATUS_PATH.encode())
            self._asked[name] += 1
            body = _BODY.replace(b"$REF", self._books[name]).replace(b"$ID", name)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )


_BODY = (
    json.dumps(REPLY).encode().replace(b"order-1042", b"$REF").replace(b"ab8444e7-fec0-40dd-994d-0ad813785f74", b"$ID")
)


async def serve(books: dict[bytes, bytes]) -> None:
    """Serve until terminated. ``books`` has the reference of each transaction."""
    asked: Counter[bytes] = Counter()
    listening = await asyncio.get_running_loop().create_server(
        lambda: _Gateway(books, asked), "127.0.0.1", 0, backlog=1024
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    main()
