"""The workers' processes: started, killed, frozen, and started again with what they had not finished."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.chaos.timing import LEASE
from tests.chaos.worker import Assignment

ROOT = Path(__file__).parents[2]
TOLD_AGAIN = 5
"""Finished stories that a worker tells once more after it was started again: nothing may come of it."""
ENDS_WITHIN = 40.0


@dataclass
class _Member:
    """One worker through all its lives."""

    life: int = 0
    first: int = 0
    begun: set[int] = field(default_factory=set)
    done: list[int] = field(default_factory=list)
    idle: bool = False
    process: asyncio.subprocess.Process | None = None


class Crew:
    """All workers. ``finished`` is set once all of them have told their stories."""

    def __init__(self, like: Assignment, receivers: dict[int, int]) -> None:
        self._like = like
        self._receivers = receivers
        self._members = [_Member() for _ in range(like.workers)]
        self._reading: set[asyncio.Task[None]] = set()
        self._random = Random(f"{like.seed}:crew")
        self._ending = False
        self.told = 0
        self.progressed = asyncio.Event()
        self.finished = asyncio.Event()
        self.troubles: list[str] = []
        self.struck: Counter[str] = Counter()

    async def start(self) -> None:
        """Start all workers."""
        await asyncio.gather(*(self._start(worker) for worker in range(len(self._members))))

    async def kill(self, worker: int) -> None:
        """End a worker's process without a warning; it is started again."""
        process = self._members[worker].process
        if process is not None and process.returncode is None:
            self.struck["worker killed (kill -9)"] += 1
            process.kill()

    async def freeze(self, worker: int) -> None:
        """Stop a worker until all it had in flight is past its lease, and let it go on."""
        process = self._members[worker].process
        if process is None or process.returncode is not None:
            return
        self.struck["worker stopped past its lease"] += 1
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(LEASE + 1.0)
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)

    async def end(self) -> None:
        """Let all workers finish what they have in flight, and end."""
        self._ending = True
        processes = [member.process for member in self._members if member.process is not None]
        for process in processes:
            _close_input(process)
        try:
            async with asyncio.timeout(ENDS_WITHIN):
                await asyncio.gather(*(process.wait() for process in processes))
        except TimeoutError:
            self.troubles.append("a worker did not end: something in the background never came to its end")
            await self.abandon()
        self.troubles += [
            f"a worker ended with code {one.returncode}; see its log" for one in processes if one.returncode
        ]

    async def abandon(self) -> None:
        """End all processes at once."""
        self._ending = True
        for member in self._members:
            if member.process is not None and member.process.returncode is None:
                member.process.kill()
                await member.process.wait()
        await asyncio.gather(*self._reading, return_exceptions=True)

    async def _start(self, worker: int) -> None:
        member = self._members[worker]
        member.life += 1
        again = sorted(member.begun - set(member.done))
        if member.done:
            again += self._random.sample(member.done, min(TOLD_AGAIN, len(member.done)))
        fields = {"worker": worker, "life": member.life, "first": member.first, "again": tuple(again)}
        assignment = Assignment(**{name: getattr(self._like, name) for name in self._like.__slots__} | fields)
        with (Path(assignment.directory) / f"stderr-{assignment.name}.txt").open("wb") as errors:
            member.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tests.chaos.worker", assignment.dumps()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, "PYTHONHASHSEED": "0"},
            )
        reading = asyncio.create_task(self._read(worker, member, member.process))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)

    async def _read(self, worker: int, member: _Member, process: asyncio.subprocess.Process) -> None:
        """Hear what a worker says until its process ends; then start it again."""
        assert process.stdout is not None, "it is a pipe"
        async for line in process.stdout:
            self._heard(worker, member, process, line.decode().split())
        code = await process.wait()
        self._receivers.pop(worker, None)
        if self._ending:
            return
        if code not in (0, -signal.SIGKILL):
            self.troubles.append(f"worker {worker} ended with code {code}; see stderr-{worker}-{member.life}.txt")
            if len(self.troubles) > len(self._members):
                self.finished.set()
                return
        await self._start(worker)

    def _heard(self, worker: int, member: _Member, process: asyncio.subprocess.Process, words: list[str]) -> None:
        match words:
            case ["ready", port]:
                self._receivers[worker] = int(port)
            case ["begun", number]:
                member.begun.add(int(number))
                member.first = max(member.first, int(number) + 1)
            case ["done", number]:
                if int(number) not in member.done[-TOLD_AGAIN * 40 :]:
                    member.done.append(int(number))
                    self.told += 1
            case ["stopped"]:
                self.struck["client stopped by an answer of another environment"] += 1
                _close_input(process)
            case ["idle"]:
                member.idle = True
                if all(one.idle for one in self._members):
                    self.finished.set()
        self.progressed.set()


def _close_input(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None, "it is a pipe"
    process.stdin.close()
