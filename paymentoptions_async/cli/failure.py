"""Ending with an exit code that says what is so, whether or not anybody reads what is said beside it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO, Any

import click


class Failure(click.ClickException):
    """What was asked for could not be done. Exit code 1 is left to answers, so that scripts can tell them apart."""

    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it, if anybody listens."""
        with contextlib.suppress(OSError):
            super().show(file)


def stop_saying() -> None:
    """Say nothing more on standard output, whose reader has gone: else Python complains once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
