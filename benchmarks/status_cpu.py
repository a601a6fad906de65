"""Client CPU per status query: the facade beside its wire alone, bare aiohttp, plain httpx and the generated client.

    python -m benchmarks.status_cpu [--rounds 5] [--seconds 0.5]

The server runs in a process of its own on another CPU. In each round every client is measured at every number of
queries in flight, one after the other, so that whatever else the machine does hits all alike; the medians of the
rounds are shown.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import cycle
from random import Random

import aiohttp
import httpx
from paymentoptions_client import AuthenticatedClient
from paymentoptions_client.api.payments import get_transaction_status
from paymentoptions_client.models import PaymentReply

from benchmarks.gateway_server import MERCHANT_ID, STATUS_PATH
from benchmarks.processes import server
from paymentoptions_async import PaymentOptions
from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.exchange import Request
from paymentoptions_async.wire.opening import open_wire

IN_FLIGHT = (1, 32, 200)
KEYS = Credentials("benchmark-key", "benchmark-x-key")
TARGETS = (("aiohttp", 1.5), ("httpx", 1 / 8))
"""At 32 in flight, the facade's CPU is to be at most so many times theirs."""

Query = Callable[[str], Awaitable[None]]


def main() -> None:
    """Measure, and print a table and what became of the targets."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rounds", type=int, default=5)
    given.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    options = given.parse_args()
    with server() as url:
        report(asyncio.run(measure(url, options.rounds, options.seconds)))


async def measure(url: str, rounds: int, seconds: float) -> dict[tuple[str, int], list[float]]:
    """CPU of this process in microseconds per query, by client and number in flight, for each round."""
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    random = Random(1)
    ids = cycle([str(uuid.UUID(int=random.getrandbits(128), version=4)) for _ in range(20_000)])
    async with AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(opened(url)) for name, opened in CLIENTS.items()}
        for query in clients.values():  # connect, import, fill caches
            await asyncio.gather(*(query(next(ids)) for _ in range(max(IN_FLIGHT))))
        for _ in range(rounds):
            for in_flight in IN_FLIGHT:
                for name, query in clients.items():
                    found[name, in_flight].append(await cost(query, ids, in_flight, seconds))
    return found


async def cost(query: Query, ids: Iterator[str], in_flight: int, seconds: float) -> float:
    """CPU microseconds of one query, with so many in flight for so long."""
    done = 0
    end = time.perf_counter() + seconds

    async def keep_asking() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await query(next(ids))
            done += 1

    before = time.process_time()
    await asyncio.gather(*(keep_asking() for _ in range(in_flight)))
    return (time.process_time() - before) / done * 1e6


def report(found: dict[tuple[str, int], list[float]]) -> None:
    """Print medians and ratios, and how the facade stands at 32 in flight.

    A ratio is the median of the rounds' own ratios: what slows one round slows both sides of it.
    """
    print("CPU of the client in µs per status query (times bare aiohttp)")
    print(f"{'in flight':12}" + "".join(f"{number:>18}" for number in IN_FLIGHT))
    for name in CLIENTS:
        cells = (
            f"{statistics.median(found[name, n]):8.0f} ({ratio(found, name, 'aiohttp', n):5.2f})" for n in IN_FLIGHT
        )
        print(f"{name:12}" + "".join(f"{cell:>18}" for cell in cells))
    for other, most in TARGETS:
        reached = ratio(found, "facade", other, 32)
        verdict = "yes" if reached <= most else "NO"
        print(f"at 32: facade / {other} = {reached:.3f}, to be at most {most:.3f}: {verdict}")


def ratio(found: dict[tuple[str, int], list[float]], one: str, other: str, in_flight: int) -> float:
    rounds = zip(found[one, in_flight], found[other, in_flight], strict=True)
    return statistics.median(a / b for a, b in rounds)


@asynccontextmanager
async def facade(url: str) -> AsyncIterator[Query]:
    async with PaymentOptions(
        api_key="benchmark-key",
        x_api_key="benchmark-x-key",
        merchant_id=MERCHANT_ID,
        environment="sandbox",
        sandbox_url=url,
    ) as gateway:

        async def query(transaction_id: str) -> None:
            payment = await gateway.status(transaction_id)
            assert payment.status is PaymentStatus.APPROVED

        yield query


@asynccontextmanager
async def wire_alone(url: str) -> AsyncIterator[Query]:
    wire = open_wire(url, KEYS)
    loop = asyncio.get_running_loop()

    async def query(transaction_id: str) -> None:
        reply = await wire.send(Request("GET", STATUS_PATH + transaction_id, loop.time() + 15))
        assert json.loads(reply.body)["success"]

    yield query
    await wire.aclose()


@asynccontextmanager
async def bare_aiohttp(url: str) -> AsyncIterator[Query]:
    async with aiohttp.ClientSession(headers=KEYS.headers()) as session:

        async def query(transaction_id: str) -> None:
            async with session.get(url + STATUS_PATH + transaction_id) as response:
                assert json.loads(await response.read())["success"]

        yield query


@asynccontextmanager
async def plain_httpx(url: str) -> AsyncIterator[Query]:
    async with httpx.AsyncClient(headers=dict(KEYS.headers())) as client:

        async def query(transaction_id: str) -> None:
            response = await client.get(url + STATUS_PATH + transaction_id)
            assert response.json()["success"]

        yield query


@asynccontextmanager
async def generated(url: str) -> AsyncIterator[Query]:
    async with AuthenticatedClient(
        url, authorization=KEYS.headers()["Authorization"], x_api_key=KEYS.headers()["x-api-key"]
    ) as client:

        async def query(transaction_id: str) -> None:
            reply = await get_transaction_status.asyncio(transaction_id, client=client)
            assert isinstance(reply, PaymentReply)

        yield query


CLIENTS = {
    "facade": facade,
    "wire": wire_alone,
    "aiohttp": bare_aiohttp,
    "httpx": plain_httpx,
    "generated": generated,
}


if __name__ == "__main__":
    main()
