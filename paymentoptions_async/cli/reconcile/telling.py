"""Who is told of a run: people, and with --json programs too. And how a command ends."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NoReturn

from paymentoptions_async.cli.failure import Failure, stop_saying
from paymentoptions_async.cli.reconcile import results
from paymentoptions_async.cli.reconcile.carrying_out import Interrupted, carry_out
from paymentoptions_async.cli.reconcile.showing import JsonLines, Log, Screen, Terminal, open_console
from paymentoptions_async.reconcile.events import Event
from paymentoptions_async.reconcile.report import Report

CLEAN, DIFFERENCES = 0, 1


class Telling:
    """Passes events on. With ``as_json`` objects go to standard output, and what is for people to standard error."""

    def __init__(self, *, as_json: bool, clock: Callable[[], float] = time.time) -> None:
        console = open_console(sys.stderr if as_json else sys.stdout)
        moves = console.file.isatty() and not console.is_dumb_terminal
        self.screen: Screen = (Terminal if moves else Log)(console, clock=clock)
        self._json = JsonLines(sys.stdout, clock=clock) if as_json else None

    def __call__(self, event: Event) -> None:
        """Tell of an event."""
        self.screen(event)
        if self._json is not None:
            self._json(event)

    def carry_out(self, work: Callable[[], Coroutine[Any, Any, Report]], *, run: Path, go_on: str) -> NoReturn:
        """Do it, tell what came of it, and exit.

        ``run`` is the directory of the run, ``go_on`` the command that takes it up again.
        """
        try:
            report = carry_out(work, stopping=self._stopping, stop=lambda: self._stopped(go_on))
        except Interrupted:
            try:
                self._stopped(go_on)
            except BrokenPipeError:
                stop_saying()
            raise SystemExit(Failure.exit_code) from None
        except Failure as failure:
            self.screen.rest()
            with contextlib.suppress(BrokenPipeError):  # that may be why
                self._tell("failed", exit_code=failure.exit_code, message=failure.message)
            raise
        self.screen.rest()
        code = CLEAN if report.is_clean else DIFFERENCES
        try:
            results.show(self.screen.console, report, run=run)
            self._tell("done", exit_code=code, **results.as_object(report))
        except BrokenPipeError:
            stop_saying()  # and exit as ever: the report is there, whoever reads this
        raise SystemExit(code)

    def _stopping(self) -> None:
        self.screen.say("Finishing what is in flight …; once more to stop at once", "yellow")
        self._tell("stopping")

    def _stopped(self, go_on: str) -> None:
        self.screen.rest()
        self.screen.say("Stopped. What was answered is saved; the same command goes on from there:")
        self.screen.console.print(f"  {go_on}", soft_wrap=True)
        self._tell("stopped", exit_code=Failure.exit_code, go_on=go_on)

    def _tell(self, name: str, **about: Any) -> None:
        if self._json is not None:
            self._json.tell(name, **about)
