"""The exit codes: 0 for a delivery that was taken, 1 for one that was not, 2 where it did not come to that."""

from __future__ import annotations

import click


class Failure(click.ClickException):
    """What was asked for could not be done."""

    exit_code = 2
