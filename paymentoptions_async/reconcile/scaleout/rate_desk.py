"""The desk on the scheduler of a cluster, where all workers reach it."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

from distributed import Scheduler
from distributed.diagnostics.plugin import SchedulerPlugin

from paymentoptions_async.reconcile.scaleout.desk import SLOT, Desk, Lease


class RateDesk(SchedulerPlugin):
    """Gives out the one rate of a run to all workers: see `Desk`. Ends the run's questions when its ``client`` goes."""

    def __init__(self, run: str, rate: float, *, client: str) -> None:
        self.name = desk_name(run)
        self.rate = rate
        self._client = client

    async def start(self, scheduler: Scheduler) -> None:
        """See `SchedulerPlugin.start`."""
        self.desk = Desk(self.rate, asyncio.get_running_loop().time())
        _serve(scheduler)

    def remove_worker(self, scheduler: Scheduler, worker: str, **_: Any) -> None:  # noqa: ARG002  Dask's signature
        """See `SchedulerPlugin.remove_worker`."""
        self.desk.gone(worker)

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """See `SchedulerPlugin.remove_client`. Whoever begins the run again would ask beside those who still ask."""
        if client == self._client:
            self.desk.end()
            scheduler.remove_plugin(self.name)


def desk_name(run: str) -> str:
    """What Dask calls the `RateDesk` of a run."""
    return f"paymentoptions-desk-{run}"


def _serve(scheduler: Scheduler) -> None:
    """Have the scheduler answer for the desks of all runs; those that are over give nothing."""

    def desk_of(run: str) -> RateDesk | None:
        found = scheduler.plugins.get(desk_name(run))
        return found if isinstance(found, RateDesk) else None

    def lease(run: str, worker: str, wanted: float, pause: float) -> dict[str, Any]:
        desk, now = desk_of(run), asyncio.get_running_loop().time()
        if desk is None:
            return asdict(Lease(now, now + SLOT, (), ending=True))
        if pause:
            desk.desk.pause(pause, now)
        return asdict(desk.desk.lease(worker, wanted, now))

    def end(run: str) -> None:
        desk = desk_of(run)
        if desk is not None:
            desk.desk.end()

    scheduler.handlers |= {"paymentoptions_lease": lease, "paymentoptions_end": end}
