"""Workers on this machine, for as long as they have something to ask."""

from __future__ import annotations

import signal
from typing import Any

from distributed import LocalCluster, Worker

from paymentoptions_async.reconcile.events import OnEvent, Plan
from paymentoptions_async.reconcile.scaleout.cluster import Cluster
from paymentoptions_async.reconcile.scaleout.worker import Observer
from paymentoptions_async.reconcile.workspace import Workspace

THREADS = 2
"""Chunks at a time on each worker: while the answers of one are written, the other one asks."""


class LocalWorkers:
    """A `Cluster` of so many processes, which is otherwise told the same."""

    def __init__(self, workers: int, observer: Observer, *, rate: float, **how: Any) -> None:
        self._workers = workers
        self._observer, self._rate, self._how = observer, rate, how

    @property
    def rate(self) -> float | None:
        """See `Cluster.rate`."""
        return self._at("").rate

    async def fetch(self, run: Workspace, plan: Plan, on_event: OnEvent) -> None:
        """See `Cluster.fetch`."""
        if not plan.left:
            return
        async with local_cluster(self._workers) as cluster:
            await self._at(cluster.scheduler_address).fetch(run, plan, on_event)

    def _at(self, address: str) -> Cluster:
        return Cluster(address, self._observer, rate=self._rate, **self._how)


def local_cluster(workers: int) -> LocalCluster:
    """Processes that listen on loopback only; to be opened with ``async with``."""
    # Without an address, the scheduler's page would want port 8787, and warn where another cluster has it.
    page: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "scheduler_kwargs": {"dashboard": False}}
    options: dict[str, Any] = {"host": "127.0.0.1", "preload": __name__, "asynchronous": True, **page}
    return LocalCluster(n_workers=workers, threads_per_worker=THREADS, processes=True, **options)


def dask_setup(_: Worker) -> None:
    """Called by Dask in each worker's process. Ctrl-C goes to all processes of a terminal: only the run minds it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
