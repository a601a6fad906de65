"""`paymentoptions compare-again`: compare what `reconcile` has asked by other rules. Needs no API keys."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from paymentoptions_async.cli.reconcile import grouped, texts
from paymentoptions_async.cli.reconcile.arguments import When
from paymentoptions_async.cli.reconcile.grouped import GroupedCommand, memory_option, output_options, rules_options
from paymentoptions_async.cli.reconcile.telling import Telling
from paymentoptions_async.reconcile.running import compare_again


@click.command("compare-again", cls=GroupedCommand)
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@rules_options
@memory_option
@output_options("A directory for the new report, which is not RUN.")
@click.pass_context
def command(  # noqa: PLR0917  click passes by name
    context: click.Context,
    /,
    run: Path,
    out: Path,
    tolerances: tuple[object, ...],
    pending_for: float,
    as_of: When | None,
    memory: int,
    as_json: bool,  # noqa: FBT001
) -> None:
    """Compare what a reconciliation has asked by other rules, and write another report.

    RUN is the directory of the reconciliation. Nobody is asked again, and its own report stays. A rule that is not
    given is the usual one, whatever RUN had.

    Exit codes: 0 for no differences, 1 for some, 2 where that could not be told.
    """
    rules = grouped.rules(tolerances=tolerances, pending_for=pending_for, as_of=None if as_of is None else as_of.at)
    telling = Telling(as_json=as_json)
    compare = partial(compare_again, run, out, rules=rules, memory=memory, on_event=telling)
    telling.carry_out(compare, run=run, go_on=texts.command("compare-again", grouped.typed(context)))
