"""The hosts' processes, as the conductor hears them and lets them end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.hosts.host import Assignment
from tests.hosts.pair import Addresses

ROOT = Path(__file__).parents[2]
HOSTS = (
    ("application", "shop-1"),
    ("application", "shop-2"),
    ("receiver", "receiver-1"),
    ("receiver", "receiver-2"),
    ("resolver", "resolver-1"),
    ("resolver", "resolver-2"),
)
"""Each first one knows both servers' addresses, each second one an address that moves."""
APPLICATIONS = 2
ENOUGH = 8
"""Buyers whom each application serves between two blows."""
LONGEST = 100.0
"""Seconds in which anything that is waited for must have happened."""


class Crew:
    """All hosts, as the conductor hears them."""

    def __init__(self) -> None:
        self.ready: set[str] = set()
        self.ports: list[int] = []
        self.sold: set[str] = set()
        self.unavailable: set[str] = set()
        """Applications whose callers were told that the journal is away."""
        self.told: Counter[str] = Counter()
        self.news = asyncio.Event()
        self.process: asyncio.subprocess.Process
        self._lines: dict[str, asyncio.StreamWriter] = {}

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One host, until it ends."""
        name = (await reader.readline()).decode().strip()
        self._lines[name] = writer
        async for line in reader:
            match line.decode().split():
                case ["ready", *port]:
                    self.ready.add(name)
                    self.ports += map(int, port)
                case ["told"]:
                    self.told[name] += 1
                case ["unavailable"]:
                    self.unavailable.add(name)
                case ["sold"]:
                    self.sold.add(name)
            self.news.set()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Wait for what hosts tell of; no longer than the first of them ends."""
        async with asyncio.timeout(LONGEST):
            while not happened():
                assert self.process.returncode is None, "the hosts have ended"
                self.news.clear()
                await self.news.wait()

    async def until_more_is_sold(self) -> None:
        """Until each application has served some more buyers."""
        goal = {name: self.told[name] + ENOUGH for role, name in HOSTS if role == "application"}
        await self.until(lambda: all(self.told[name] >= told for name, told in goal.items()))

    async def enough(self) -> None:
        """Let the applications sell no more; their handlers go on."""
        for writer in self._lines.values():
            writer.write(b"enough\n")
        await self.until(lambda: len(self.sold) == APPLICATIONS)

    async def over(self) -> int:
        """Let all hosts end; tell how they did."""
        for writer in self._lines.values():
            writer.close()
        async with asyncio.timeout(LONGEST):
            return await self.process.wait()


@asynccontextmanager
async def crewed(directory: Path, where: Addresses, bank: str, seed: int) -> AsyncIterator[Crew]:
    """Start all hosts; they end with this, in order or not."""
    crew, conductor = Crew(), directory / "conductor"
    assignments = [
        Assignment(
            role=role,
            name=name,
            seed=seed,
            journal=where.of_both if name.endswith("1") else where.that_moves,
            bank=bank,
            directory=str(directory),
            conductor=str(conductor),
        )
        for role, name in HOSTS
    ]
    async with await asyncio.start_unix_server(crew.hear, conductor):
        with (directory / "stderr.txt").open("wb") as errors:
            crew.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.hosts.host", *(one.dumps() for one in assignments)),
                stderr=errors,
                cwd=ROOT,
                start_new_session=True,
            )
        try:
            await crew.until(lambda: len(crew.ready) == len(HOSTS))
            yield crew
        finally:
            if crew.process.returncode is None:
                os.killpg(crew.process.pid, signal.SIGKILL)
                await crew.process.wait()
