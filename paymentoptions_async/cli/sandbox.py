"""`paymentoptions sandbox`: serve the sandbox until it is interrupted, and say how to use it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

import click

from paymentoptions_async.sandbox import (
    CARDS,
    COREFY_CARDS,
    OUTCOMES,
    FaultPlan,
    NotLoopback,
    PlanError,
    Sandbox,
    Settings,
    serve,
)
from paymentoptions_async.sandbox.corefy.settings import API_PREFIX, CARDGATE_PREFIX


@click.command("sandbox")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address or localhost.")
@click.option("--port", default=8480, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
@click.option("--seed", default=0, show_default=True, help="Fixes ids, tokens and faults.")
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
def command(  # noqa: PLR0917  click passes by name
    host: str,
    port: int,
    seed: int,
    faults: Path | None,
    echo_pan: bool,  # noqa: FBT001
    decline_status: int,
) -> None:
    """Serve a stand-in gateway on this machine, until interrupted.

    It keeps books, shows 3-D Secure pages, sends webhooks to loopback addresses, and takes test cards only.
    """
    plan = FaultPlan(seed=seed)
    try:
        if faults is not None:
            plan.load_file(faults)
    except PlanError as error:
        raise click.BadParameter(str(error), param_hint="--faults") from None
    settings = Settings(echo_pan=echo_pan, decline_status=decline_status)
    try:
        asyncio.run(_serve(Sandbox(seed=seed, settings=settings, faults=plan), host, port))
    except NotLoopback as error:
        raise click.BadParameter(str(error), param_hint="--host") from None
    except OSError as error:
        raise click.ClickException(f"can't listen on {host}:{port}: {error.strerror or error}") from None


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
