"""The story of a run: take the ledger down, see what is to be asked, ask, compare, report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.journal import Journal
from paymentoptions_async.reconcile.comparing import compare
from paymentoptions_async.reconcile.database import MEMORY
from paymentoptions_async.reconcile.events import Comparing, OnEvent, Plan, Snapshot, ignore
from paymentoptions_async.reconcile.fetching import fetch
from paymentoptions_async.reconcile.known import keep_known
from paymentoptions_async.reconcile.ledger import Counts, describe, take_snapshot
from paymentoptions_async.reconcile.options import Ledger, Rules, Selection, check_memory
from paymentoptions_async.reconcile.pace import Pacer, Rate, make_pace
from paymentoptions_async.reconcile.report import Report, write_report
from paymentoptions_async.reconcile.threads import in_thread
from paymentoptions_async.reconcile.work import plan_work
from paymentoptions_async.reconcile.workspace import Manifest, RunRefused, Workspace, now

CONCURRENCY = 64
"""Questions in flight at most."""


class Client(Protocol):
    """An open `PaymentOptions` or `Corefy`, as far as a run needs it."""

    @property
    def scope(self) -> str:
        """Gateway, environment and merchant, as `Intent.scope`."""
        ...

    @property
    def journal(self) -> Journal:
        """Its journal."""
        ...

    async def observe(self, transaction_id: str, /, *, timeout: float = ..., pace: Pace | None = None) -> Observation:
        """Ask for one transaction."""
        ...


class Executor(Protocol):
    """What asks the questions of a run: this process, or a cluster (`scaleout.cluster`)."""

    @property
    def rate(self) -> float | None:
        """Requests a second that are meant; None where that is found out, or where there is no limit."""
        ...

    async def fetch(self, run: Workspace, plan: Plan, on_event: OnEvent) -> None:
        """Ask for whatever has no answer yet. What was answered is durable when this returns or raises."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """Asks in this process."""

    gateway: Client
    pace: Pacer
    concurrency: int

    @property
    def rate(self) -> float | None:
        """See `Executor.rate`."""
        return self.pace.rate

    async def fetch(self, run: Workspace, plan: Plan, on_event: OnEvent) -> None:
        """See `Executor.fetch`."""
        await fetch(self.gateway.observe, run, plan, pace=self.pace, concurrency=self.concurrency, on_event=on_event)


async def reconcile(
    gateway: Client,
    ledger: Ledger,
    out: Path,
    *,
    selection: Selection | None = None,
    rules: Rules | None = None,
    rate: Rate = None,
    concurrency: int = CONCURRENCY,
    memory: int = MEMORY,
    executor: Executor | None = None,
    on_event: OnEvent = ignore,
    approve: Callable[[Plan], Awaitable[bool]] | None = None,
) -> Report:
    """Hold a ledger against the gateway, and write down where they differ.

    The run lives in the directory ``out``. Called again with the same ledger and rules after whatever end, it goes on
    where it was; what was answered is not asked again. Cancelled, it lets what is in flight come in, and saves it.

    Args:
        gateway: An open client. Answers about payments that its journal knows are taken in there, as by `status`.
        ledger: A file or a query.
        out: A directory: empty, new, or that of the same run.
        selection: Which rows and transactions are looked at; all of them unless it says so.
        rules: How they are compared; exactly unless they say so.
        rate: Questions a second, exactly; ``"auto"`` to find out what the gateway serves well; ``inf`` for as many as
            will go. Left out, a cautious 50 a second, and as many as will go in the sandbox.
        concurrency: How many questions may be in flight.
        memory: Bytes that a join may take before it puts the rest on disk; at least `LEAST_MEMORY`.
        executor: What asks instead of this process; ``rate`` and ``concurrency`` are then its own.
        on_event: Called with each `events.Event`.
        approve: Asked before the first question, with what is planned; False ends the run with `RunRefused`.

    Raises:
        RunRefused: The directory is another run's, or somebody works in it; or ``approve`` said no.
        LedgerUnreadable: It can't be read, or lacks a column.
        JoinTooLarge: It needs more ``memory``, or disk; the same call with more of it goes on.
        GatewayGaveUp: The gateway refused the keys, or answered nothing for minutes. What was answered is saved.
    """
    selection, rules, memory = selection or Selection(), rules or Rules(), check_memory(memory)
    manifest = Manifest(
        scope=gateway.scope,
        ledger=await in_thread(partial(describe, ledger)),
        selection=selection.described(),
        rules=rules.described(),
        begun=now(),
    )
    with Workspace.open(out, manifest) as run:
        if run.ledger.exists():
            kept = Counts.read(run.ledger)
            on_event(Snapshot(rows=kept.rows, invalid=kept.invalid, done=True))
        else:
            await in_thread(partial(take_snapshot, ledger, run, selection=selection, on_event=on_event))
        if not run.known.exists():
            await keep_known(gateway.journal, run)
        if executor is None:
            pace = make_pace(rate, scope=gateway.scope, concurrency=concurrency)
            executor = Here(gateway, pace, concurrency)
        plan = await in_thread(partial(plan_work, run, selection=selection, rate=executor.rate, memory=memory))
        on_event(plan)
        if plan.left and approve is not None and not await approve(plan):
            raise RunRefused(f"{run.path}: nobody was asked; the same call goes on from here")
        await executor.fetch(run, plan, on_event)
        on_event(Comparing())
        await in_thread(partial(compare, run, run.findings, rules=rules, memory=memory))
        return await in_thread(partial(write_report, run, run.path, rules=rules, memory=memory, on_event=on_event))


async def compare_again(
    run: Path, out: Path, *, rules: Rules, memory: int = MEMORY, on_event: OnEvent = ignore
) -> Report:
    """Compare what a run has asked by other rules, and write another report. Asks nobody.

    ``run`` is the directory of a run, ``out`` one for the new report, which must not be a run's. Raises `RunRefused`.
    """
    check_memory(memory)
    with Workspace.reopen(run) as found, found.beside(out) as place:
        on_event(Comparing())
        await in_thread(partial(compare, found, place / found.findings.name, rules=rules, memory=memory))
        return await in_thread(partial(write_report, found, place, rules=rules, memory=memory, on_event=on_event))
