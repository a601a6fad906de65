"""What several subcommands take: which journal, whose payments, how long ago."""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from paymentoptions_async import gateway as paymentoptions
from paymentoptions_async.cli.failure import Failure
from paymentoptions_async.corefy import gateway as corefy
from paymentoptions_async.corefy.settings import from_environment, read_mode
from paymentoptions_async.corefy.values import check_account_id
from paymentoptions_async.errors import ConfigurationError, InvalidValue, PaymentOptionsError
from paymentoptions_async.intent import make_scope
from paymentoptions_async.journal import Journal, MemoryJournal
from paymentoptions_async.journal.opening import open_journal
from paymentoptions_async.journal.sqlite import SqliteJournal
from paymentoptions_async.settings import Environment
from paymentoptions_async.values import check_merchant_id

T = TypeVar("T")

GATEWAYS = [paymentoptions.NAME, corefy.NAME]
ENVIRONMENTS = {
    paymentoptions.NAME: [environment.value for environment in Environment],
    corefy.NAME: ["live", "test"],
}
_ALL_ENVIRONMENTS = list(dict.fromkeys(name for names in ENVIRONMENTS.values() for name in names))
_CHECKS = {paymentoptions.NAME: check_merchant_id, corefy.NAME: check_account_id}


class Duration(click.ParamType[float]):
    """Seconds, written as people do: ``90s``, ``15m``, ``2h``, ``3d``, ``1d12h``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType.convert`."""
        if isinstance(value, (int, float)):
            return float(value)
        seconds = read_duration(value)
        if seconds is None:
            self.fail(f"{value!r} is no duration; write 90s, 15m, 2h, 3d or 1d12h", param, ctx)
        return seconds


class Instant(click.ParamType[float]):
    """Unix seconds, written as an ISO date or time (UTC where it has no zone), or as how long ago."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType.convert`."""
        if isinstance(value, (int, float)):
            return float(value)
        ago = read_duration(value)
        if ago is not None:
            return time.time() - ago
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-01-31, 2026-01-31T09:00 (UTC) or, for ago, 7d", param, ctx)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


class Rate(click.ParamType["float | str"]):
    """Questions a second, ``auto``, or ``unlimited``."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """See `click.ParamType.convert`."""
        if value == "auto":
            return "auto"
        if value == "unlimited":
            return math.inf
        try:
            rate = float(value)
        except ValueError:
            rate = math.nan
        if not 0 < rate < math.inf:
            self.fail(
                f"{value!r} is no rate; write questions a second, for example 50, or auto, or unlimited", param, ctx
            )
        return rate


_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?", re.ASCII)


def read_duration(text: str) -> float | None:
    """Seconds of a text like ``1d12h``; None if it is none."""
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        return None
    return float(sum(int(count or 0) * size for count, size in zip(found.groups(), _UNITS.values(), strict=True)))


def write_duration(seconds: float) -> str:
    """The two largest units of a duration, rounded down, as `Duration` reads them: ``1d12h``, ``15m``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}" if count else "")
    return "".join(parts[:2]) or "0s"


@dataclass(frozen=True, slots=True)
class Access:
    """Which journal, and whose payments in it."""

    location: str
    environment: str | None
    merchant: str | None
    gateway: str = paymentoptions.NAME

    @property
    def whose(self) -> str | None:
        """Environment and merchant in words; None where they were not given."""
        return f"{self.environment} {self.merchant}" if self.environment and self.merchant else None

    @property
    def scope(self) -> str:
        """The scope of environment and merchant, which must have been given."""
        if not self.environment or not self.merchant:
            raise click.UsageError(
                "Whose payments? Pass --environment and --merchant, "
                "or set PAYMENTOPTIONS_ENVIRONMENT and PAYMENTOPTIONS_MERCHANT_ID "
                "(with --gateway corefy, COREFY_TEST_MODE and COREFY_ACCOUNT_ID)."
            )
        if self.environment not in ENVIRONMENTS[self.gateway]:
            one_of = ", ".join(ENVIRONMENTS[self.gateway])
            raise click.BadParameter(f"{self.gateway} has {one_of}.", param_hint="--environment")
        try:
            return make_scope(self.gateway, self.environment, _CHECKS[self.gateway](self.merchant))
        except InvalidValue as error:
            raise click.BadParameter(str(error), param_hint="--merchant") from None

    def run(self, work: Callable[[Journal], Awaitable[T]]) -> T:
        """Open the journal, do something with it, and close it. What is expected to fail becomes a `Failure`."""
        try:
            return asyncio.run(self._run(work))
        except PaymentOptionsError as error:
            raise Failure(str(error)) from None

    async def _run(self, work: Callable[[Journal], Awaitable[T]]) -> T:
        journal = open_existing(self.location)
        try:
            return await work(journal)
        finally:
            await journal.aclose()


def journal_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command its `Access` as first argument, from options or from the application's own variables."""

    @click.option(
        "--gateway",
        type=click.Choice(GATEWAYS),
        default=paymentoptions.NAME,
        show_default=True,
        help="Of the payments. With corefy, COREFY_* come first.",
    )
    @click.option(
        "--journal",
        "location",
        envvar="PAYMENTOPTIONS_JOURNAL",
        show_envvar=True,
        help="A SQLite file, or postgresql://…",
    )
    @click.option(
        "--environment",
        envvar="PAYMENTOPTIONS_ENVIRONMENT",
        show_envvar=True,
        type=click.Choice(_ALL_ENVIRONMENTS),
        help="Of the payments.",
    )
    @click.option("--merchant", envvar="PAYMENTOPTIONS_MERCHANT_ID", show_envvar=True, help="Of the payments.")
    @wraps(command)
    def with_access(gateway: str, **given: Any) -> Any:
        names = ("location", "environment", "merchant")
        told = {name: given.pop(name) for name in names}
        if gateway == corefy.NAME:
            told |= _of_corefy(told)
        if not told["location"]:
            raise click.UsageError("Which journal? Pass --journal, or set PAYMENTOPTIONS_JOURNAL.")
        return command(Access(**told, gateway=gateway), **given)

    return with_access


def _of_corefy(told: dict[str, Any]) -> dict[str, Any]:
    """What was not given outright, from ``COREFY_*``. Both gateways may share a journal, but nothing else."""
    try:
        variables = from_environment({})
        mode = variables.get("test_mode")
        found = {
            "location": variables.get("journal") or told["location"],
            "environment": None if mode is None else "test" if read_mode(mode) else "live",
            "merchant": variables.get("account_id"),
        }
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None
    source = click.get_current_context().get_parameter_source
    return {name: value for name, value in found.items() if source(name) is not ParameterSource.COMMANDLINE}


def open_existing(location: str) -> Journal:
    """Open a journal that is there. One made anew, because of a slip of the pen, would say that all is well."""
    journal = open_journal(location, clock=time.time)
    check_existing(journal)
    return journal


def check_existing(journal: Journal) -> None:
    """Raise `Failure` unless a journal is one that other processes write to."""
    if isinstance(journal, MemoryJournal):
        raise Failure("A journal in memory is seen by its own process alone; name a file or a database.")
    if isinstance(journal, SqliteJournal) and not Path(journal.path).exists():
        raise Failure(f"There is no journal {journal.path}.")
