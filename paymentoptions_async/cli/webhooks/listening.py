"""`paymentoptions webhooks listen` and `… resend`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from urllib.parse import urlsplit

import click
import httpx
from rich.console import Console
from rich.text import Text

from paymentoptions_async.cli.failure import Failure
from paymentoptions_async.cli.webhooks import deliveries
from paymentoptions_async.cli.webhooks.deliveries import Answer, Delivery
from paymentoptions_async.values.urls import is_loopback, split_url

PORT = 8481


def _loopback_host(_: click.Context, __: click.Parameter, value: str) -> str:
    if not is_loopback(value):
        raise click.BadParameter(f"it listens on loopback only (127.0.0.1, ::1, localhost), not on {value}")
    return value


def _loopback_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = split_url(value)
    if parts is None or not is_loopback(parts.hostname or "") or parts.query or parts.fragment:
        raise click.BadParameter("needs a URL on loopback without a query, for example http://127.0.0.1:8000")
    return value


@click.command("listen", short_help="Show each webhook that comes in, and pass it on.")
@click.option(
    "--forward-to", metavar="URL", callback=_loopback_url, help="Where your application listens, on loopback."
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, callback=_loopback_host, help="A loopback address or localhost."
)
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 picks a free one.")
def listen(forward_to: str | None, host: str, port: int) -> None:
    """Show each webhook as it comes in, and pass it on to your application, until interrupted.

    Set PAYMENTOPTIONS_PUBLIC_URL of your application to the address that this prints, or to that of a tunnel which
    leads here. Buyers who come back pass through as well. Nothing is written to disk.
    """
    if forward_to is not None and port and urlsplit(forward_to).port == port:
        raise click.BadParameter(
            "it would pass on to itself: name your application's own port", param_hint="--forward-to"
        )
    try:
        asyncio.run(_listen(Console(highlight=False), forward_to, host, port))
    except OSError as error:
        raise Failure(f"can't listen on {host}:{port}: {os.strerror(error.errno or 0)}") from None


@click.command("resend", short_help="Let `listen` pass one on again.")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(1, 65535), help="Where listen listens.")
@click.option("--host", default="127.0.0.1", show_default=True, callback=_loopback_host, help="The same.")
def resend(number: int, port: int, host: str) -> None:
    """Let a running `webhooks listen` pass delivery NUMBER on again.

    Exit code 0 if your application took it (2xx), 1 if it did not, 2 if it was not sent.
    """
    from paymentoptions_async.cli.webhooks.listener import RESEND_HEADER, RESEND_PATH, TIMEOUT

    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{RESEND_PATH.format(number=number)}"
    try:
        reply = httpx.post(url, headers={RESEND_HEADER: "1"}, timeout=TIMEOUT + 5, trust_env=False)
    except httpx.TransportError:
        raise Failure(f"No `paymentoptions webhooks listen` on port {port}; --port names another one.") from None
    match _read(reply):
        case {"told": told, "status": status}:
            click.echo(f"#{number} again: {told}")
            if status not in range(200, 300):
                raise click.exceptions.Exit(1)
        case {"problem": problem}:
            raise Failure(problem)
        case _:
            raise Failure(f"What listens on port {port} is no `paymentoptions webhooks listen`.")


def _read(reply: httpx.Response) -> Any:
    try:
        return reply.json()
    except ValueError:
        return None


async def _listen(console: Console, forward_to: str | None, host: str, port: int) -> None:
    from paymentoptions_async.cli.webhooks.listener import Listener, NoSuchDelivery

    def show(delivery: Delivery, answer: Answer | None, again: bool) -> None:  # noqa: FBT001
        console.print(deliveries.shown(delivery, answer, again=again), soft_wrap=True)

    async def send_again(typed: str) -> None:
        try:
            await listener.resend(int(typed.lstrip("#")))
        except NoSuchDelivery as error:
            console.print(Text(f"{error}", "yellow"))
        except ValueError:
            console.print(Text("Type the number of a delivery, and Enter.", "yellow"))

    listener = Listener(forward_to=forward_to, show=show)
    async with listener.serve(host, port) as url:
        stop = _when_interrupted()
        with _typed_lines(send_again) as can_type:
            console.print(_welcome(url, forward_to, can_type=can_type and forward_to is not None), soft_wrap=True)
            await stop.wait()
    console.print("\nStopped.")


def _welcome(url: str, forward_to: str | None, *, can_type: bool) -> Text:
    text = Text("Listening for webhooks on ").append(url, "bold").append("  (Ctrl-C stops)\n\n")
    text.append(f"  Your application    PAYMENTOPTIONS_PUBLIC_URL={url}\n")
    if forward_to is None:
        return text.append("  Forwards to         nobody: everything is answered 200; see --forward-to\n")
    text.append(f"  Forwards to         {forward_to}\n")
    port = url.rpartition(":")[2]
    again = f"paymentoptions webhooks resend NUMBER --port {port}"
    return text.append(f"  To send one again   {'its number and Enter, or ' if can_type else ''}{again}\n")


def _when_interrupted() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers; Ctrl-C raises there
            loop.add_signal_handler(number, stop.set)
    return stop


@contextlib.contextmanager
def _typed_lines(take: Callable[[str], Coroutine[Any, Any, None]]) -> Iterator[bool]:
    """Call ``take`` with each line that a person types; yields whether anyone can."""
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def ready() -> None:
        line = sys.stdin.readline()
        if not line:
            loop.remove_reader(sys.stdin)
        elif line.strip():
            task = loop.create_task(take(line.strip()))
            running.add(task)
            task.add_done_callback(running.discard)

    if not sys.stdin.isatty() or sys.platform == "win32":  # where a loop can't wait for a terminal
        yield False
        return
    loop.add_reader(sys.stdin, ready)
    try:
        yield True
    finally:
        loop.remove_reader(sys.stdin)
