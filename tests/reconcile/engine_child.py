"""A run in a process of its own, which dies by SIGKILL at a moment that was said.

``engine_child.py DIR LOG DIE_AT_QUESTION DIE_AT_SYNC CHUNK``; 0 is never. LOG gets a line for each question, which
outlives the process.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from itertools import count
from pathlib import Path

from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.reconcile.events import ignore
from paymentoptions_async.reconcile.fetching import fetch
from tests.reconcile.engine_runs import Desk, Free, begin, plan


async def main(out: Path, log: Path, die_at_question: int, die_at_sync: int, chunk: int) -> None:
    questions, syncs = count(1), count(1)
    sync, desk = os.fsync, Desk(seconds=0.0)
    asked = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def dying_sync(handle: int) -> None:
        if next(syncs) == die_at_sync:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(handle)

    async def observe(transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        os.write(asked, f"{transaction_id}\n".encode())
        if next(questions) == die_at_question:
            os.kill(os.getpid(), signal.SIGKILL)
        return await desk.observe(transaction_id, pace=pace)

    os.fsync = dying_sync  # type: ignore[assignment]
    with begin(out) as run:
        await fetch(observe, run, plan(run), pace=Free(16), concurrency=16, on_event=ignore, chunk=chunk)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])))
