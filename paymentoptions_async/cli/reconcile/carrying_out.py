"""Carry work out until it ends, or somebody interrupts it, and say in a line why it could not be done."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from paymentoptions_async.cli.failure import Failure, stop_saying
from paymentoptions_async.cli.journal.texts import plain
from paymentoptions_async.errors import PaymentOptionsError

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(Exception):
    """Somebody ended it. What it had was saved."""


def carry_out(
    work: Callable[[], Coroutine[Any, Any, T]], *, stopping: Callable[[], None], stop: Callable[[], None]
) -> T:
    """Run ``work`` in an event loop of its own.

    The first interrupt cancels it, after calling ``stopping``; it may take its time to end. With the second one the
    process ends where it is, after calling ``stop``: whatever is on disk then is whole.

    Raises:
        Interrupted: It was cancelled so, and has ended.
        Failure: It raised what may be expected of gateways, ledgers and disks.
    """
    try:
        return asyncio.run(_interruptible(work, stopping, stop))
    except PaymentOptionsError as error:
        raise Failure(plain(error)) from None
    except BrokenPipeError:
        stop_saying()
        raise Failure("Nobody reads what it says any more.") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Failure(plain(f"{where}{error.strerror or error}")) from None
    except (duckdb.Error, pa.ArrowException) as error:  # a full disk, or a file of the run that was damaged
        raise Failure(plain(f"The run's files can't be read or written: {error}")) from None


async def _interruptible(
    work: Callable[[], Coroutine[Any, Any, T]], stopping: Callable[[], None], stop: Callable[[], None]
) -> T:
    task = asyncio.ensure_future(work())

    def interrupt() -> None:
        again = task.cancelling()
        with contextlib.suppress(OSError):  # nobody reads it any more, which is no reason to go on
            (stop if again else stopping)()
        if again:
            os._exit(Failure.exit_code)
        task.cancel()

    with _heard(interrupt):
        try:
            return await task
        except asyncio.CancelledError:
            raise Interrupted from None


@contextlib.contextmanager
def _heard(interrupt: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def typed_line() -> str:
    """Wait for a line that a person types on the terminal; empty where there is none any more."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sys.stdin, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()
