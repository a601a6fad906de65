"""The `paymentoptions` command. Each subcommand is a module of this package, imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import Any

try:
    import click

    from paymentoptions_async.cli.failure import Failure, stop_saying
except ImportError:
    sys.exit("The paymentoptions command needs click: pip install 'paymentoptions-async[cli,sandbox]'")

SUBCOMMANDS = {
    "compare-again": "Compare what a reconciliation has asked by other rules.",
    "journal": "Look into the journal, and settle what only a person can know.",
    "poll": "Ask for what is pending or unknown, and settle what the gateway has decided.",
    "reconcile": "Hold a ledger against the gateway, and report where they differ.",
    "sandbox": "Serve a stand-in gateway on this machine.",
    "webhooks": "Watch webhooks come in, and make test deliveries.",
}

_EXTRAS = {"compare-again": "cli,reconcile", "reconcile": "cli,reconcile", "sandbox": "cli,sandbox"}


class _Lazy(click.Group):
    """Know the subcommands' names and one line about each; import one only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return sorted(SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        if cmd_name not in SUBCOMMANDS:
            return None
        try:
            module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        except ModuleNotFoundError as missing:
            extras = _EXTRAS.get(cmd_name, "cli")
            message = f"{cmd_name} needs {missing.name}: pip install 'paymentoptions-async[{extras}]'"
            raise click.ClickException(message) from None
        command = module.command
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Where it was interrupted, or its reader has gone, exit as for what could not be done: 1 is an answer's."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Failure("Interrupted.") from None
        except BrokenPipeError:
            stop_saying()
            raise Failure("Nobody reads what it says any more.") from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(sorted(SUBCOMMANDS.items()))


@click.group(cls=_Lazy)
@click.version_option(package_name="paymentoptions-async")
def main() -> None:
    """Work with the PaymentOptions gateway from a terminal."""
