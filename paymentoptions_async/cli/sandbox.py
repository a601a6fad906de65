"""`paymentoptions sandbox`: serve the sandbox until it is interrupted, and say how to use it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from paymentoptions_async.sandbox import (
    CARDS,
    COREFY_CARDS,
    OUTCOMES,
    Catalogue,
    CorefyCatalogue,
    FaultPlan,
    NotLoopback,
    Plan,
    PlanError,
    Sandbox,
    Settings,
    Traffic,
    serve,
)
from paymentoptions_async.sandbox.corefy.settings import API_PREFIX, CARDGATE_PREFIX

F = TypeVar("F", bound=Callable[..., Any])

_CATALOGUES = {"paymentoptions": Catalogue, "corefy": CorefyCatalogue}


def _catalogue_options(command: F) -> F:
    """What makes a catalogue: given alike to the sandbox and to its ledger, they go together."""
    for option in (
        click.option(
            "--until",
            type=click.DateTime(["%Y-%m-%d"]),
            help="The catalogue's transactions are of the year before this day, UTC. Today unless given.",
        ),
        click.option(
            "--discrepancies",
            default=0.0,
            show_default=True,
            type=click.FloatRange(0, 1),
            help="About which share of them differs from the ledger, in all the ways there are.",
        ),
        click.option("--seed", default=0, show_default=True, help="Fixes ids, tokens, faults, and the catalogue."),
    ):
        command = option(command)
    return command


@click.group("sandbox", invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address or localhost.")
@click.option("--port", default=8480, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option(
    "--faults",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A fault plan (JSON): what goes wrong, when.",
)
@click.option("--echo-pan", is_flag=True, help="Repeat whole (test) card numbers in replies, as vendor samples do.")
@click.option(
    "--decline-status",
    default=201,
    show_default=True,
    type=click.IntRange(200, 499),
    help="The HTTP status of a decline.",
)
@click.option(
    "--catalogue",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Know so many old transactions, and invoices of Corefy's. sandbox ledger writes what goes with them.",
)
@_catalogue_options
@click.option("--limit-rate", type=float, help="Answer 429 above so many requests a second.")
@click.option("--no-retry-after", is_flag=True, help="Do not say then when to come again.")
@click.option("--latency", default=0.0, show_default=True, type=float, help="Seconds that each answer takes.")
@click.option("--capacity", type=float, help="Requests a second that are served; more of them have to wait.")
@click.option("--failing-every", type=float, help="Be down once in so many seconds,")
@click.option("--failing-for", default=0.0, show_default=True, type=float, help="for so many.")
@click.pass_context
def command(  # noqa: PLR0917  click passes by name
    context: click.Context,
    /,
    host: str,
    port: int,
    seed: int,
    faults: Path | None,
    echo_pan: bool,  # noqa: FBT001
    decline_status: int,
    catalogue: int,
    discrepancies: float,
    until: datetime | None,
    limit_rate: float | None,
    no_retry_after: bool,  # noqa: FBT001
    **load: Any,
) -> None:
    """Serve a stand-in gateway on this machine, until interrupted.

    It keeps books, shows 3-D Secure pages, sends webhooks to loopback addresses, and takes test cards only.
    """
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    plan = FaultPlan(seed=seed)
    try:
        if faults is not None:
            plan.load_file(faults)
    except PlanError as error:
        raise click.BadParameter(str(error), param_hint="--faults") from None
    try:
        traffic = Traffic(limit_rate=limit_rate, tell_retry_after=not no_retry_after, **load)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    settings = Settings(echo_pan=echo_pan, decline_status=decline_status, traffic=traffic)
    old: dict[str, Any] = {"seed": seed, "count": catalogue, "plan": Plan.even(discrepancies), "until": _day(until)}
    sandbox = Sandbox(
        seed=seed,
        settings=settings,
        faults=plan,
        catalogue=Catalogue(**old) if catalogue else None,
        corefy_catalogue=CorefyCatalogue(**old) if catalogue else None,
    )
    try:
        asyncio.run(_serve(sandbox, host, port))
    except NotLoopback as error:
        raise click.BadParameter(str(error), param_hint="--host") from None
    except OSError as error:
        raise click.ClickException(f"can't listen on {host}:{port}: {error.strerror or error}") from None


@command.command("ledger")
@click.argument("ledger", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--rows", "--catalogue", required=True, type=click.IntRange(0), help="As --catalogue of the sandbox.")
@_catalogue_options
@click.option(
    "--expected", type=click.Path(dir_okay=False, path_type=Path), help="Write there which verdict each row deserves."
)
@click.option("--gateway", default="paymentoptions", show_default=True, type=click.Choice([*_CATALOGUES]))
def ledger_command(  # noqa: PLR0917  click passes by name
    ledger: Path,
    rows: int,
    seed: int,
    discrepancies: float,
    until: datetime | None,
    expected: Path | None,
    gateway: str,
) -> None:
    """Write the ledger that goes with a sandbox's catalogue, as CSV.

    The sandbox must have been given the same --seed, --discrepancies, --until and number.
    """
    catalogue = _CATALOGUES[gateway](seed=seed, count=rows, plan=Plan.even(discrepancies), until=_day(until))
    try:
        written = catalogue.write_ledger(ledger)
        if expected is not None:
            catalogue.write_expected(expected)
    except OSError as error:
        raise click.ClickException(f"can't write {error.filename}: {error.strerror}") from None
    click.echo(f"{ledger}: {written} rows")


def _day(until: datetime | None) -> datetime:
    """Return the beginning of a day, of today unless it is given."""
    if until is not None:
        return until.replace(tzinfo=UTC)
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _refuse_options(context: click.Context) -> None:
    """Refuse what would be without effect: options of the sandbox before a subcommand."""
    for name in context.params:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} goes behind {context.invoked_subcommand}")


async def _serve(sandbox: Sandbox, host: str, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers; Ctrl-C raises there
            loop.add_signal_handler(number, stop.set)
    async with serve(sandbox, host=host, port=port) as url:
        click.echo(_welcome(url, sandbox))
        await stop.wait()
    click.echo("\nStopped.")


def _welcome(url: str, sandbox: Sandbox) -> str:
    settings, plan, corefy = sandbox.settings, sandbox.faults, sandbox.settings.corefy
    lines = [
        f"PaymentOptions sandbox on {url}  (no real money moves; Ctrl-C stops it)",
        "",
        f"  What the bank saw   {url}/_sandbox/",
        f"  API key             {settings.api_key}",
        f"  x-api-key           {settings.x_api_key}",
        f"  Merchant id         {settings.merchant_id}",
        "",
        f"  Corefy API          {url}{API_PREFIX}",
        f"  Corefy cardgate     {url}{CARDGATE_PREFIX}",
        f"  Account id          {corefy.account_id}",
        f"  API key             {corefy.api_key}",
        f"  Callback secret     {corefy.test_secret}",
    ]
    if sandbox.catalogue is not None:
        lines.append(f"  Catalogue           {sandbox.catalogue.count} transactions, seed {sandbox.seed}")
    if plan.rules:
        lines.append(f"  Faults              {len(plan.rules)} rules, seed {plan.seed}")
    lines += ["", "  Test cards (any expiry, any security code; others are refused)", ""]
    for card in CARDS:
        outcome = OUTCOMES[card.outcome]
        what = f"3-D Secure, then: {outcome.description}" if card.challenge else outcome.description
        lines.append(f"    {card.number}  {outcome.code:>5}  {what}")
    lines += ["", "  Test cards of Corefy (any security code; the expiry of one that fails selects why)", ""]
    for one in COREFY_CARDS:
        what = "processed" if one.succeeds else "declined"
        lines.append(f"    {one.number}         {f'3-D Secure, then: {what}' if one.challenge else what}")
    return "\n".join(lines)
