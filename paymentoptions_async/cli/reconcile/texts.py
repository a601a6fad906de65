"""A run in words: what it will do, how far it is, how it goes on. Pure."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from urllib.parse import urlsplit

from paymentoptions_async.cli.options import write_duration
from paymentoptions_async.reconcile.events import Plan, Progress, Snapshot
from paymentoptions_async.reconcile.glance import Look

_MINUTE, _HOUR = 60, 3_600
_NO_FINDING = (Look.MATCHED, Look.UNCHECKED)
"""What was not answered is told among the troubles."""


def in_words(seconds: float) -> str:
    """About how long something takes, for people: ``about 3 hours 20 minutes``."""
    if seconds < _MINUTE:
        return "less than a minute"
    minutes = max(1, round(seconds / _MINUTE))
    if seconds >= _HOUR:
        minutes = round(minutes / 5) * 5  # nobody can say it to the minute
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [_counted(count, unit) for count, unit in ((days, "day"), (hours, "hour"), (minutes, "minute")) if count]
    return "about " + " ".join(parts[:2])


def number(count: int) -> str:
    """A count as people read it: ``12,345``."""
    return f"{count:,}"


def per_second(rate: float) -> str:
    """A rate with as many digits as matter."""
    return f"{rate:,.0f}/s" if rate >= 100 else f"{rate:.1f}/s"  # noqa: PLR2004  three digits


def rate(meant: float | None) -> str:
    """The rate that a plan means."""
    return "as fast as the gateway answers" if meant is None or math.isinf(meant) else f"{meant:,.10g} a second"


def ledger(snapshot: Snapshot) -> str:
    """How many rows were read."""
    invalid = f", {number(snapshot.invalid)} of them invalid" if snapshot.invalid else ""
    return f"{_counted(snapshot.rows, 'row')}{invalid}"


def plan(snapshot: Snapshot | None, planned: Plan) -> Iterator[tuple[str, str]]:
    """What a run will do, as names and values."""
    if snapshot is not None:
        yield "Ledger", ledger(snapshot)
    if planned.confirmed:
        yield "Confirmed before", f"{transactions(planned.confirmed)}, not asked for again"
    if planned.asked:
        yield "Answered already", f"{transactions(planned.asked)}, in an earlier try"
    yield "To ask for", transactions(planned.left) if planned.left else "nothing"
    if planned.left:
        yield "Rate", rate(planned.rate)
        yield "Will take", in_words(planned.seconds)


def progress(now: Progress) -> str:
    """How far the questions are, in one line."""
    share = f" ({100 * now.done // now.total} %)" if now.total else ""
    left = f", {write_duration(now.seconds_left)} left" if now.seconds_left is not None else ""
    head = f"{number(now.done)} of {number(now.total)}{share}, {per_second(now.rate)}{left}"
    return f"{head}; {'; '.join([so_far(now.findings), *troubles(now)])}"


def so_far(findings: Mapping[str, int]) -> str:
    """A first look at what was found, the most frequent first."""
    found = [(look, count) for look, count in findings.items() if count and look not in _NO_FINDING]
    if not found:
        return "no findings so far"
    ranked = sorted(found, key=lambda item: (-item[1], item[0]))
    return "so far: " + ", ".join(f"{look} {number(count)}" for look, count in ranked)


def troubles(now: Progress) -> Iterator[str]:
    """What went wrong on the way, if anything did."""
    if now.retries:
        yield f"retries {number(now.retries)}"
    if now.failed:
        yield f"not answered {number(now.failed)}"


def transactions(count: int) -> str:
    """So many transactions."""
    return _counted(count, "transaction")


def quoted(word: str) -> str:
    """A word as a shell reads it."""
    return shlex.quote(word)


def file_name(path: str) -> str:
    """The last part of a path."""
    return PurePath(path).name


def command(name: str, typed: Sequence[str]) -> str:
    """A command line for a shell. Of a database's address that may hold a password nothing is shown."""
    words: list[str] = []
    for before, word in zip(["", *typed], typed, strict=False):
        if before == "--sql":
            words.append(_shown_address(word))
        elif word.startswith("--sql="):
            words.append("--sql=" + _shown_address(word.removeprefix("--sql=")))
        else:
            words.append(shlex.quote(word))
    return " ".join(["paymentoptions", name, *words])


def _shown_address(address: str) -> str:
    if address.startswith("@"):
        return shlex.quote(address)
    try:
        parts = urlsplit(address)
    except ValueError:
        return "URL"
    return "URL" if parts.password is not None or parts.query else shlex.quote(address)


def _counted(count: int, what: str) -> str:
    return f"{number(count)} {what}" if count == 1 else f"{number(count)} {what}s"
