"""`paymentoptions webhooks`: see them come in, pass them on, and make test deliveries."""

from __future__ import annotations

import click

from paymentoptions_async.cli.webhooks.listening import listen, resend
from paymentoptions_async.cli.webhooks.sending import send


@click.group("webhooks")
def command() -> None:
    """Watch webhooks while you develop, deliver them again, and make test deliveries."""


command.add_command(listen)
command.add_command(resend)
command.add_command(send)
