"""What `reconcile` and `compare-again` have in common: options under headings, and those of rules, pace and output."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial, reduce
from pathlib import Path
from typing import Any

import click

from paymentoptions_async.cli.options import Duration, write_duration
from paymentoptions_async.cli.reconcile import arguments
from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.reconcile.options import Rules

_OTHER = "Other"
_TYPED = "paymentoptions_async.typed"
_DEFAULT = Rules()

Decorator = Callable[[Any], Any]


class GroupedOption(click.Option):
    """An option that --help shows under a heading."""

    def __init__(self, *arguments: Any, group: str = _OTHER, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.group = group


class GroupedCommand(click.Command):
    """Shows options under their headings, in the order in which they were declared; remembers what was typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        ctx.meta[_TYPED] = tuple(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Command.format_options`."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                groups.setdefault(getattr(parameter, "group", _OTHER), []).append(record)
        groups[_OTHER] = groups.pop(_OTHER)  # --help at least, and last
        width = max(len(names) for records in groups.values() for names, _ in records)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl([(names.ljust(width), words) for names, words in records])


def typed(context: click.Context) -> tuple[str, ...]:
    """The words after the name of a `GroupedCommand`, as they were typed."""
    words: tuple[str, ...] = context.meta[_TYPED]
    return words


option = partial(click.option, cls=GroupedOption)

_rule = partial(option, group="How it is compared")
_RULES = (
    _rule(
        "--tolerance",
        "tolerances",
        multiple=True,
        type=arguments.Tolerance(),
        metavar="[CCY=]AMOUNT",
        help="The largest difference that is none, in major units: 0.01, or JPY=1 for one currency. Repeatable.",
    ),
    _rule(
        "--pending-for",
        type=Duration(),
        metavar="DURATION",
        default=write_duration(_DEFAULT.pending_for),
        show_default=True,
        help="What is open for longer is stale: 12h, 3d.",
    ),
    _rule(
        "--as-of",
        type=arguments.Moment(),
        metavar="WHEN",
        help="When that is counted; the beginning of the run unless given.",
    ),
)


def rules_options(command: Any) -> Any:
    """Give a command the options that `rules` takes."""
    return _applied(_RULES, command)


def rules(*, tolerances: tuple[Any, ...], pending_for: float, as_of: datetime | None) -> Rules:
    """The rules of these options, or a usage error."""
    own = dict(arguments.only_once("--tolerance", tolerances))
    general = own.pop(None, _DEFAULT.tolerance)
    try:
        return Rules(tolerance=general, tolerances=own, pending_for=pending_for, as_of=as_of)
    except InvalidValue as error:
        raise click.UsageError(str(error)) from None


memory_option = option(
    "--memory",
    group="Speed",
    type=arguments.Memory(),
    default="384MiB",
    show_default=True,
    metavar="SIZE",
    help="What comparing may take before it uses the disk.",
)


def output_options(out: str) -> Decorator:
    """Give a command ``--out``, about which ``out`` is said, and ``--json``."""
    output = partial(option, group="Output")
    options = (
        output("--out", required=True, type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help=out),
        output("--json", "as_json", is_flag=True, help="One object a line for scripts; words go to standard error."),
    )
    return partial(_applied, options)


def _applied(options: tuple[Decorator, ...], command: Any) -> Any:
    return reduce(lambda made, one: one(made), reversed(options), command)
