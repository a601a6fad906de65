"""What a run tells of itself while it goes on. Whoever shows it decides how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The ledger is read: how many rows, and how many of them can't be used. Told now and then, and at the end."""

    rows: int
    invalid: int
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done. ``seconds`` is how long it will take; ``rate`` questions a second are meant, None: adaptive.

    ``asked`` of the ``total`` transactions have answers from an earlier try; ``confirmed`` need no question.
    """

    total: int
    asked: int
    confirmed: int
    rate: float | None
    seconds: float

    @property
    def left(self) -> int:
        """How many are to be asked for now."""
        return self.total - self.asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the questions are. ``rate`` is a second's, lately; ``findings`` are a first look: the join decides.

    ``allowed`` is the rate that the pace allows at present, None: as many as will go.
    """

    done: int
    total: int
    rate: float
    allowed: float | None
    seconds_left: float | None
    in_flight: int
    retries: int
    failed: int
    findings: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A part is durable: what is in it is never asked for again."""

    part: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """All is asked; the tables are joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file of the report is there."""

    path: str


Event = Snapshot | Plan | Progress | Saved | Comparing | Written
OnEvent = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Tell nobody."""
