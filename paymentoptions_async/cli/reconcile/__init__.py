"""`paymentoptions reconcile`: hold a ledger against the gateway, with the application's own variables."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from paymentoptions_async import gateway as paymentoptions
from paymentoptions_async.cli.clients import make_client
from paymentoptions_async.cli.failure import Failure
from paymentoptions_async.cli.options import GATEWAYS, Rate
from paymentoptions_async.cli.reconcile import arguments, cluster, grouped, texts
from paymentoptions_async.cli.reconcile.arguments import When, Workers
from paymentoptions_async.cli.reconcile.grouped import (
    GroupedCommand,
    memory_option,
    option,
    output_options,
    rules_options,
)
from paymentoptions_async.cli.reconcile.showing import Screen
from paymentoptions_async.cli.reconcile.telling import Telling
from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.journal import Journal, MemoryJournal
from paymentoptions_async.journal.sqlite import SqliteJournal
from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.reconcile.events import Plan
from paymentoptions_async.reconcile.options import Columns, Kind, Ledger, LedgerFile, LedgerQuery, Selection
from paymentoptions_async.reconcile.report import Report
from paymentoptions_async.reconcile.running import CONCURRENCY, reconcile
from paymentoptions_async.reconcile.workspace import RunRefused, read_manifest

ASKS_FROM = 4 * 3_600.0
"""Seconds from which a run asks before it begins."""

_ledger = partial(option, group="Ledger")
_columns = partial(option, group="What its columns mean")
_asked = partial(option, group="What is asked for")
_speed = partial(option, group="Speed")
_output = partial(option, group="Output")


@click.command("reconcile", cls=GroupedCommand)
@click.argument("ledger", required=False, type=click.Path(dir_okay=False, path_type=Path))
@_ledger("--sql", type=arguments.TextOrFile(), metavar="URL|@FILE", help="A database, as SQLAlchemy names it.")
@_ledger("--query", type=arguments.TextOrFile(), metavar="TEXT|@FILE", help="What to read there.")
@_ledger("--delimiter", type=arguments.Delimiter(), metavar="CHAR", help="Of a CSV file; guessed unless given.")
@_ledger("--encoding", type=arguments.Encoding(), metavar="NAME", help="Of a CSV file; UTF-8 unless given.")
@_columns(
    "--column",
    "columns",
    multiple=True,
    type=arguments.NamedColumn(),
    metavar="NAME=COLUMN",
    help="Where transaction_id, reference, order, kind, status, amount, currency, refunded or at stands, if under no "
    "usual name. Repeatable, and so are the next two.",
)
@_columns(
    "--status",
    "statuses",
    multiple=True,
    type=arguments.Translation(PaymentStatus),
    metavar="WORD=STATUS",
    help="What a word of the ledger means: settled=approved.",
)
@_columns(
    "--kind",
    "kinds",
    multiple=True,
    type=arguments.Translation(Kind),
    metavar="WORD=KIND",
    help="The same for kinds: sale=payment, credit=refund.",
)
@_columns(
    "--assume",
    type=click.Choice([status.value for status in PaymentStatus]),
    metavar="STATUS",
    default=PaymentStatus.APPROVED.value,
    show_default=True,
    help="Of every row, where no column says it.",
)
@_columns("--currency", metavar="CCY", help="Of every row, where no column says it.")
@_columns("--minor-units", is_flag=True, help="Amounts are in minor units: 1050 is 10.50 USD.")
@_columns("--decimal-comma", is_flag=True, help="Amounts are written 1234,56.")
@_asked("--since", type=arguments.Moment(), metavar="WHEN", help="Rows from then on: 2026-01-31 (UTC), or 7d for ago.")
@_asked("--until", type=arguments.Moment(), metavar="WHEN", help="Rows before then.")
@_asked(
    "--only-unconfirmed",
    is_flag=True,
    help="Leave out what the journal, or an --earlier run, has as final from the gateway.",
)
@_asked(
    "--earlier",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The directory of an earlier run. Repeatable.",
)
@_asked("--sample", type=click.IntRange(min=1), metavar="N", help="Only so many rows, drawn at random.")
@_asked("--seed", type=int, default=0, metavar="S", help="Which ones are drawn: the same for the same seed.")
@rules_options
@_speed(
    "--rate",
    type=Rate(),
    metavar="N|auto|unlimited",
    help="Questions a second, never more; or as many as the gateway serves well. 50 unless given; unlimited in the "
    "sandbox.",
)
@_speed(
    "--concurrency",
    type=click.IntRange(1, 10_000),
    default=CONCURRENCY,
    show_default=True,
    metavar="N",
    help="Questions in flight at most.",
)
@_speed(
    "--dask",
    type=arguments.Dask(),
    metavar="ADDRESS|local:N",
    help="Ask on the workers of a Dask scheduler (tcp://10.0.0.5:8786), or on N processes here. --rate is then that of "
    "all together, --concurrency that of each thread.",
)
@_speed(
    "--storage",
    metavar="URL",
    help="Where workers put what is answered: a directory, or s3://…, that all of them reach. DIR unless given.",
)
@memory_option
@output_options("A directory for this run: new, or the same one to go on.")
@_output("--yes", is_flag=True, help="Do not ask before a run of more than 4 hours.")
@option(
    "--gateway",
    type=click.Choice(GATEWAYS),
    metavar="NAME",
    default=paymentoptions.NAME,
    show_default=True,
    help="Or corefy, whose settings come from COREFY_*.",
)
@click.pass_context
def command(  # noqa: PLR0917  click passes by name
    context: click.Context,
    /,
    out: Path,
    gateway: str,
    rate: Any,
    concurrency: int,
    memory: int,
    dask: Workers | None,
    storage: str | None,
    yes: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
    **given: Any,
) -> None:
    """Hold a ledger against the gateway, and report where they differ.

    LEDGER is a CSV or Parquet file; --sql and --query read a database instead. Each transaction is asked for once. The
    same command goes on after whatever end. No money is moved.

    Exit codes: 0 for no differences, 1 for some, 2 where that could not be told.
    """
    telling = Telling(as_json=as_json)
    try:
        since, until, as_of = (_anchored(given.pop(name), name, out) for name in ("since", "until", "as_of"))
        rules = grouped.rules(tolerances=given.pop("tolerances"), pending_for=given.pop("pending_for"), as_of=as_of)
        selected = {name: given.pop(name) for name in ("only_unconfirmed", "earlier", "sample", "seed")}
        selection = Selection(since=since, until=until, **selected)
        ledger = _the_ledger(**given)
        cluster.check(dask, rate=rate, storage=storage)
    except InvalidValue as error:
        raise click.UsageError(str(error)) from None
    except RunRefused as error:
        raise Failure(str(error)) from None
    asking = partial(
        _ask,
        telling,
        gateway,
        ledger=ledger,
        out=out,
        selection=selection,
        rules=rules,
        rate=rate,
        concurrency=concurrency,
        memory=memory,
        executor=cluster.executor(dask, gateway, rate=rate, concurrency=concurrency, storage=storage),
        approve=partial(_approve, telling.screen, yes=yes),
    )
    telling.carry_out(asking, run=out, go_on=texts.command("reconcile", grouped.typed(context)))


async def _ask(telling: Telling, gateway: str, *, concurrency: int, **how: Any) -> Report:
    client = make_client(gateway, concurrency=concurrency)
    warning = _about_journal(client.journal)
    if warning is not None:
        telling.screen.say(warning, "yellow")
    async with client:
        return await reconcile(client, concurrency=concurrency, on_event=telling, **how)


def _about_journal(journal: Journal) -> str | None:
    """Warn of one that knows nothing: it may be another than the application's."""
    if isinstance(journal, MemoryJournal):
        return "No journal is set, so what the ledger lacks can't be found."
    if isinstance(journal, SqliteJournal) and not Path(journal.path).exists():
        return f"The journal {journal.path} is new. Is it the application's? What the ledger lacks can't be found."
    return None


async def _approve(screen: Screen, plan: Plan, *, yes: bool) -> bool:
    """Let a person agree to a run that takes long."""
    if yes or plan.seconds <= ASKS_FROM:
        return True
    long = f"It would take {texts.in_words(plan.seconds)}"
    if not (sys.stdin.isatty() and screen.console.file.isatty()):
        raise Failure(f"{long}, and nobody is here to agree to that: pass --yes, or another --rate.")
    return await screen.agreed(f"{long}. Interrupted, it goes on later where it was. Begin?")


def _the_ledger(
    *,
    ledger: Path | None,
    sql: str | None,
    query: str | None,
    delimiter: str | None,
    encoding: str | None,
    **columns: Any,
) -> Ledger:
    """The ledger of the options, or a usage error where they do not belong together."""
    described = _the_columns(**columns)
    if sql is None and query is None:
        if ledger is None:
            raise click.UsageError("Which ledger? Name a CSV or Parquet file, or pass --sql and --query.")
        of_file = {"encoding": encoding} if encoding is not None else {}
        return LedgerFile(path=ledger, columns=described, delimiter=delimiter, **of_file)
    if ledger is not None:
        raise click.UsageError("A file, or --sql with --query: not both.")
    if sql is None or query is None:
        raise click.UsageError("--sql and --query belong together.")
    if delimiter is not None or encoding is not None:
        raise click.UsageError("--delimiter and --encoding belong to a CSV file.")
    return LedgerQuery(url=sql, query=query, columns=described)


def _the_columns(
    *,
    columns: tuple[Any, ...],
    statuses: tuple[Any, ...],
    kinds: tuple[Any, ...],
    assume: str,
    currency: str | None,
    minor_units: bool,
    decimal_comma: bool,
) -> Columns:
    return Columns(
        **arguments.only_once("--column", columns),
        statuses=arguments.only_once("--status", statuses),
        kinds=arguments.only_once("--kind", kinds),
        assume=PaymentStatus(assume),
        one_currency=currency,
        minor_units=minor_units,
        decimal_comma=decimal_comma,
    )


_SLACK = 3_600.0
"""Seconds that may pass between a command and the beginning of its run, which reads the whole ledger before."""


def _anchored(given: When | None, name: str, out: Path) -> datetime | None:
    """An instant; one that was said as how long ago is that of the run in ``out``, which the same command takes up."""
    if given is None:
        return None
    found = read_manifest(out) if given.ago is not None else None
    kept = None if found is None else found.selection.get(name) or found.rules.get(name)
    if found is None or kept is None or given.ago is None:
        return given.at
    at = datetime.fromisoformat(kept)
    lag = (found.begun - at).total_seconds() - given.ago
    return at if 0 <= lag < _SLACK else given.at
