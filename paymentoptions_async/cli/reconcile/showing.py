"""What is shown of a run while it goes on: a bar on a terminal, lines in a log, JSON for programs.

Events come from the loop and from threads.
"""

from __future__ import annotations

import json
import math
import textwrap
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from paymentoptions_async.cli.options import write_duration
from paymentoptions_async.cli.reconcile import texts
from paymentoptions_async.cli.reconcile.carrying_out import typed_line
from paymentoptions_async.reconcile.events import Comparing, Event, Plan, Progress, Saved, Snapshot, Written

_UNBOUND = 200
"""Columns where nobody looks, so that a line is not broken for a file or a mail."""
_LINE_EVERY = 10.0
_JSON_EVERY = 1.0
_REFRESHED = 4
"""Times a second."""

Clock = Callable[[], float]


def open_console(file: TextIO) -> Console:
    """The terminal; or a page that is wide enough, where there is none. Nothing that is printed is markup."""
    width = None if file.isatty() else _UNBOUND
    return _Console(file=file, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # rich would exit with 1 from wherever that is, and 1 means differences here


class Screen(ABC):
    """Shows people how a run goes on."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._snapshot: Snapshot | None = None
        self._plan: Plan | None = None
        self._asks = False

    def __call__(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Snapshot():
                self._snapshot = event
                self.show_reading(event)
            case Plan():
                self._plan = event
                self.rest()
                self.console.print(facts(texts.plan(self._snapshot, event), width=self.console.width))
                self.console.print()
            case Progress():
                self.show_asking(event)
            case Comparing():
                self.show_comparing()
            case Written():
                self.show_writing(event)
            case Saved():
                pass  # how far the questions are tells more

    def say(self, words: str, style: str = "") -> None:
        """Print a line that stays."""
        self._end_question()
        self.console.print(Text(words, style), soft_wrap=True)

    async def agreed(self, question: str) -> bool:
        """Ask, and wait for what a person types; no unless it is yes."""
        self.console.print(Text(f"{question} [y/N]: "), end="")
        self._asks = True
        typed = await typed_line()
        if typed.endswith("\n"):
            self._asks = False
        return typed.strip().lower() in ("y", "yes")

    def rest(self) -> None:
        """Take away whatever moves, so that somebody may type or read."""
        self._end_question()

    def _end_question(self) -> None:
        """Nobody answered it, so its line has no end."""
        if self._asks:
            self.console.print()
            self._asks = False

    @abstractmethod
    def show_reading(self, snapshot: Snapshot) -> None:
        """The ledger is being read, or is."""

    @abstractmethod
    def show_asking(self, now: Progress) -> None:
        """The gateway is being asked."""

    @abstractmethod
    def show_comparing(self) -> None:
        """The tables are being joined."""

    @abstractmethod
    def show_writing(self, written: Written) -> None:
        """A file of the report is there."""


class Terminal(Screen):
    """A bar that moves."""

    def __init__(self, console: Console, *, clock: Clock) -> None:
        super().__init__(console)
        self._clock = clock
        self._live: Live | None = None
        self._spinner = Spinner("dots" if console.encoding.startswith("utf") else "line")
        self._shown: RenderableType = ""
        self._began: float | None = None
        self._latest: Progress | None = None

    def rest(self) -> None:
        """See `Screen.rest`."""
        super().rest()
        live, self._live = self._live, None
        if live is not None:
            live.stop()

    def show_reading(self, snapshot: Snapshot) -> None:
        """See `Screen.show_reading`."""
        self._spin(f"Reading the ledger: {texts.ledger(snapshot)}")

    def show_asking(self, now: Progress) -> None:
        """See `Screen.show_asking`."""
        if self._began is None:
            self._began = self._clock()
        self._latest = now
        self._show(self._bar(now))

    def show_comparing(self) -> None:
        """See `Screen.show_comparing`."""
        self._spin("Comparing")
        self._say_what_was_asked()

    def show_writing(self, written: Written) -> None:
        """See `Screen.show_writing`."""
        self._spin(f"Writing the report: {texts.file_name(written.path)}")

    def _say_what_was_asked(self) -> None:
        if self._began is None or self._latest is None or self._plan is None:
            return
        asked = texts.transactions(self._latest.done - self._plan.asked)
        took = write_duration(self._clock() - self._began)
        self.say("; ".join([f"Asked for {asked} in {took}", *texts.troubles(self._latest)]))

    def _bar(self, now: Progress) -> RenderableType:
        line = Table.grid(padding=(0, 1), expand=True)
        for _ in range(3):
            line.add_column(no_wrap=True)
        line.columns[1].ratio = 1
        left = "" if now.seconds_left is None else f"{write_duration(now.seconds_left)} left"
        counts = f"{texts.number(now.done)}/{texts.number(now.total)}  {texts.per_second(now.rate)}  {left}"
        line.add_row(self._spinner, ProgressBar(total=max(1, now.total), completed=now.done), Text(counts))
        about = [f"in flight {now.in_flight}", *texts.troubles(now)]
        if now.allowed is not None:
            about.insert(0, f"up to {texts.per_second(now.allowed)}")
        return Group(
            line, Text("  " + "  ".join(about), "dim"), Padding(Text(texts.so_far(now.findings)), (0, 0, 0, 2))
        )

    def _spin(self, words: str) -> None:
        line = Table.grid(padding=(0, 1))
        line.add_row(self._spinner, Text(words))
        self._show(line)

    def _show(self, what: RenderableType) -> None:
        self._shown = what
        if self._live is None:
            self._live = Live(
                get_renderable=lambda: self._shown,
                console=self.console,
                refresh_per_second=_REFRESHED,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()


class Log(Screen):
    """A line every ten seconds, with the time before it."""

    def __init__(self, console: Console, *, clock: Clock) -> None:
        super().__init__(console)
        self._clock = clock
        self._last = clock()
        self._unsaid: Progress | None = None

    def show_reading(self, snapshot: Snapshot) -> None:
        """See `Screen.show_reading`."""
        if not snapshot.done and self._is_time():
            self._stamped(f"reading the ledger: {texts.ledger(snapshot)}")

    def show_asking(self, now: Progress) -> None:
        """See `Screen.show_asking`."""
        if self._is_time():
            self._stamped(texts.progress(now))
            self._unsaid = None
        else:
            self._unsaid = now

    def show_comparing(self) -> None:
        """See `Screen.show_comparing`."""
        if self._unsaid is not None:
            self._stamped(texts.progress(self._unsaid))
            self._unsaid = None
        self._stamped("comparing")

    def show_writing(self, written: Written) -> None:
        """See `Screen.show_writing`."""

    def _is_time(self) -> bool:
        if self._clock() - self._last < _LINE_EVERY:
            return False
        self._last = self._clock()
        return True

    def _stamped(self, words: str) -> None:
        at = datetime.fromtimestamp(self._clock(), UTC)
        self.console.print(Text(f"{at:%Y-%m-%dT%H:%M:%SZ}  {words}"), soft_wrap=True)


class JsonLines:
    """One object for each event, a line each; of progress at most one a second."""

    def __init__(self, file: TextIO, *, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._last = -math.inf
        self._unsaid: Progress | None = None
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        """Write an event down."""
        if isinstance(event, Progress):
            if self._clock() - self._last < _JSON_EVERY:
                self._unsaid = event
                return
            self._last = self._clock()
        elif self._unsaid is not None:
            self._write(self._unsaid)
        self._unsaid = None
        self._write(event)

    def tell(self, name: str, **about: Any) -> None:
        """Write a line that is no event of the engine: how it ended, or that it is stopping."""
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"event": name, "at": at, **about})
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def _write(self, event: Event) -> None:
        about = asdict(event)
        if isinstance(event, Plan):
            has_rate = event.rate is not None and math.isfinite(event.rate)
            about |= {"left": event.left, "rate": event.rate if has_rate else None}
        self.tell(type(event).__name__.lower(), **about)


def facts(pairs: Iterable[tuple[str, str]], *, width: int) -> Text:
    """Names and values, below each other, within so many columns. No line ends with blanks: logs keep them."""
    pairs = list(pairs)
    indent = max(len(name) for name, _ in pairs) + 2
    lines: list[Text] = []
    for name, value in pairs:
        first, *others = textwrap.wrap(value, max(20, width - indent)) or [""]
        lines.append(Text.assemble((name.ljust(indent), "dim"), first))
        lines += [Text(" " * indent + other) for other in others]
    return Text("\n").join(lines)
