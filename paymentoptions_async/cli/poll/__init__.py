"""`paymentoptions poll`: ask for all that is open in a journal, once or again and again."""

from __future__ import annotations

import asyncio
import math
import sys
from typing import Any

import click

from paymentoptions_async import gateway as paymentoptions
from paymentoptions_async.cli.clients import make_client
from paymentoptions_async.cli.failure import Failure, stop_saying
from paymentoptions_async.cli.journal.texts import plain
from paymentoptions_async.cli.options import GATEWAYS, Duration, Rate, check_existing
from paymentoptions_async.cli.poll.rounds import Rounds, heard
from paymentoptions_async.cli.poll.telling import JsonLines, Lines, Summary
from paymentoptions_async.errors import PaymentOptionsError
from paymentoptions_async.flow import Pace

_SHORTEST = 1.0


def _check_interval(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and value < _SHORTEST:
        raise click.BadParameter("a second or more")
    return value


@click.command("poll")
@click.option(
    "--every",
    type=Duration(),
    callback=_check_interval,
    help="Go on with a round so often, until interrupted: 60s, 5m. Without it there is one round.",
)
@click.option(
    "--older-than",
    type=Duration(),
    default="2m",
    show_default=True,
    help="Leave out what was opened since: whoever opened it may be waiting for it.",
)
@click.option(
    "--rate",
    type=Rate(),
    metavar="N|auto|unlimited",
    help="Questions a second of this process; unlimited unless given.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=16,
    show_default=True,
    metavar="N",
    help="Questions in flight at most.",
)
@click.option(
    "--alarm-after",
    type=Duration(),
    default="1d",
    show_default=True,
    help="What has been pending or unknown for so long needs a person.",
)
@click.option("--json", "as_json", is_flag=True, help="A line with an object for each round.")
@click.option(
    "--gateway",
    type=click.Choice(GATEWAYS),
    default=paymentoptions.NAME,
    show_default=True,
    help="Or corefy, whose settings come from COREFY_*.",
)
def command(as_json: bool, **how: Any) -> None:  # noqa: FBT001  click's own
    """Ask for what is pending or unknown, and settle what the gateway has decided.

    May run beside the application, and in several places at once: each payment is asked for by one of them at a time,
    and less and less often. No money is moved.

    Exit codes: 0 when all that was due was asked for, 1 if something needs a person, 2 if the round could not be done.
    """
    try:
        with asyncio.Runner() as runner:
            code = runner.run(_poll(as_json=as_json, **how))
    except PaymentOptionsError as error:
        raise Failure(plain(error)) from None
    except BrokenPipeError:
        stop_saying()
        raise Failure("Nobody reads what it says any more.") from None
    sys.exit(code)


async def _poll(
    *,
    every: float | None,
    older_than: float,
    rate: float | str | None,
    concurrency: int,
    alarm_after: float,
    as_json: bool,
    gateway: str,
) -> int:
    """Make a client and go round; no webhooks are taken up, which are the application's. Return the exit code."""
    client = make_client(gateway, concurrency=concurrency)
    try:
        check_existing(client.journal)
        telling = (JsonLines if as_json else Lines if every is not None else Summary)(
            client.scope, alarm_after=alarm_after
        )
        rounds = Rounds(
            client,
            telling=telling,
            older_than=older_than,
            concurrency=concurrency,
            alarm_after=alarm_after,
            pace=_make_pace(rate, scope=client.scope, concurrency=concurrency),
        )
        with heard(rounds.stop):
            return await (rounds.once() if every is None else rounds.every(every))
    finally:
        await client.aclose()


def _make_pace(rate: float | str | None, *, scope: str, concurrency: int) -> Pace | None:
    if rate is None or rate == math.inf:
        return None
    try:
        from paymentoptions_async.reconcile.pace import make_pace
    except ModuleNotFoundError as missing:
        raise Failure(f"--rate needs {missing.name}: pip install 'paymentoptions-async[cli,reconcile]'") from None
    return make_pace("auto" if isinstance(rate, str) else rate, scope=scope, concurrency=concurrency)
