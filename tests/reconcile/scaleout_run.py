"""A run on a cluster, in a process that can be killed: ``scaleout_run.py ADDRESS LEDGER OUT CHUNK RATE``."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from paymentoptions_async import PaymentOptions
from paymentoptions_async.reconcile import LedgerFile, reconcile
from paymentoptions_async.reconcile.scaleout.cluster import Cluster
from tests.reconcile import scaleout_observer


async def main(address: str, ledger: Path, out: Path, chunk: int, rate: float) -> None:
    executor = Cluster(address, scaleout_observer.observer, rate=rate, chunk=chunk, concurrency=4)
    settings = json.loads(Path(os.environ[scaleout_observer.VARIABLE]).read_text())  # noqa: ASYNC240  a few bytes
    async with PaymentOptions(**settings) as client:
        await reconcile(client, LedgerFile(path=ledger), out, executor=executor)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])))
