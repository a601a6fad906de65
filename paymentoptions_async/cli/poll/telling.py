"""What is said of a round: to people, and to programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from paymentoptions_async import gateway as paymentoptions
from paymentoptions_async.cli.journal.texts import plain
from paymentoptions_async.cli.options import write_duration
from paymentoptions_async.cli.poll.rounds import Outcome
from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.resolving import Round

_NAMED = 5
"""References that are named; the journal has them all."""


class Summary:
    """One round for people. What needs somebody goes to standard error, where a timer's mail takes it from."""

    def __init__(self, scope: str, *, alarm_after: float) -> None:
        self._gateway, environment, merchant = scope.split("/")
        self._whose = f"{environment} {merchant}"
        self._alarm_after = alarm_after

    def ended(self, outcome: Outcome) -> None:
        """See `Telling.ended`."""
        came = outcome.round
        due = f"{came.visited} open payment{'s' * (came.visited != 1)} due" if came.visited else "nothing due"
        click.echo(f"{self._whose}: {due}")
        for name, count, about in _counts(came):
            if count:
                click.echo(f"  {name.ljust(14)} {count:>6}  {about}".rstrip())
        for trouble in _troubles(outcome, self._gateway, self._alarm_after):
            click.echo(trouble, err=True)

    def failed(self, error: JournalUnavailable, at: float) -> None:
        """See `Telling.failed`."""
        click.echo(f"{_time(at)}  failed, and tried again: {plain(error)}", err=True)

    def stopping(self) -> None:
        """See `Telling.stopping`."""
        click.echo("Finishing what is in flight …; once more to stop at once", err=True)


class Lines(Summary):
    """A line for each of many rounds."""

    def ended(self, outcome: Outcome) -> None:
        """See `Telling.ended`."""
        came = outcome.round
        told = [f"{name} {count}" for name, count, _ in _counts(came) if count] or ["nothing due"]
        if came.contradictions:
            told[-1] += f" ({_named(came.contradictions)})"
        if outcome.overdue:
            told.append(f"open for more than {write_duration(self._alarm_after)} {outcome.overdue}")
        if not came.is_complete:
            told.append("ended before all was asked for")
        click.echo(f"{_time(outcome.at)}  {', '.join(told)}  ({outcome.seconds:.1f} s)")


class JsonLines(Summary):
    """An object for each round, a line each."""

    def ended(self, outcome: Outcome) -> None:
        """See `Telling.ended`."""
        came = outcome.round
        _write(
            "round",
            outcome.at,
            visited=came.visited,
            settled=came.settled,
            still_open=came.still_open,
            not_askable=came.not_askable,
            unanswered=came.unanswered,
            contradictions=came.contradictions,
            overdue=outcome.overdue,
            complete=came.is_complete,
            seconds=round(outcome.seconds, 3),
            exit_code=outcome.exit_code,
        )

    def failed(self, error: JournalUnavailable, at: float) -> None:
        """See `Telling.failed`."""
        _write("failed", at, message=plain(error))


def _counts(came: Round) -> Iterator[tuple[str, int, str]]:
    yield "settled", came.settled, ""
    yield "still open", came.still_open, "asked again in a minute, and then less and less often, up to an hour"
    yield "not askable", came.not_askable, "no transaction of them is known: a webhook or a person settles them"
    yield "unanswered", came.unanswered, "asked again later"
    yield "contradictions", len(came.contradictions), "the gateway says otherwise than before: a person must look"


def _troubles(outcome: Outcome, gateway: str, alarm_after: float) -> Iterator[str]:
    came, of = outcome.round, "" if gateway == paymentoptions.NAME else f" --gateway {gateway}"
    if not outcome.is_done:
        yield "Not all that was due was asked for: the gateway did not answer, or the round was stopped."
    for ref in dict.fromkeys(came.contradictions):
        yield f"A contradiction: paymentoptions journal show{of} {ref}"
    if outcome.overdue:
        age = write_duration(alarm_after)
        yield f"Open for more than {age}: {outcome.overdue}. paymentoptions journal unresolved{of} --older-than {age}"


def _named(refs: list[str]) -> str:
    return ", ".join(refs[:_NAMED]) + (", …" if len(refs) > _NAMED else "")


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _write(event: str, at: float, **about: object) -> None:
    stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    click.echo(json.dumps({"event": event, "at": stamp, **about}))
