"""How fast questions are asked: exactly as fast as was said, or as fast as the gateway serves them well."""

from __future__ import annotations

import math
from typing import Literal, Protocol

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.flow import Pace
from paymentoptions_async.reconcile.pace.pacers import Adaptive, Steady
from paymentoptions_async.settings import Environment

Rate = float | Literal["auto"] | None
"""Questions a second; ``inf`` for as many as will go; ``"auto"`` to find out; None for what is usual."""

CAUTIOUS = 50.0
"""Questions a second where nobody said how many: the gateway does not document its limit."""


class Pacer(Pace, Protocol):
    """A `flow.Pace` that tells of itself. For one event loop."""

    @property
    def rate(self) -> float | None:
        """Requests a second that are meant; None where that is found out, or where there is no limit."""
        ...

    @property
    def allowed(self) -> float | None:
        """Requests a second that are allowed at present; None: as many as will go."""
        ...

    @property
    def concurrency(self) -> int:
        """How many questions may be in flight at present. Whoever asks keeps to it."""
        ...

    @property
    def retries(self) -> int:
        """How many requests were a further try of a question."""
        ...


def make_pace(rate: Rate, *, scope: str, concurrency: int) -> Pacer:
    """Make the pace of a run against the gateway of a ``scope`` (`Intent.scope`).

    ``concurrency`` is how many questions may be in flight at most. Raises `InvalidValue`.
    """
    if isinstance(concurrency, bool) or not isinstance(concurrency, int) or concurrency < 1:
        raise InvalidValue(f"concurrency: {concurrency!r}; needs a whole number of at least 1", field="concurrency")
    if rate is None:
        rate = math.inf if scope.split("/")[1:2] == [Environment.SANDBOX] else CAUTIOUS
    if rate == "auto":
        return Adaptive(concurrency)
    return Steady(_check_rate(rate), concurrency)


def _check_rate(rate: object) -> float:
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not rate > 0:
        raise InvalidValue(
            f"rate: {rate!r}; needs requests a second above 0, 'auto' to find out what the gateway serves well, "
            "or inf for as many as will go",
            field="rate",
        )
    return float(rate)
