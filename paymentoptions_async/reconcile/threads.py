"""Long work in a thread, which a cancelled run can bring to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

T = TypeVar("T")

AGAIN = 0.5
"""Seconds until work that has not ended yet is interrupted once more."""


class StoppedError(Exception):
    """Work in a thread was told to end."""


class Stop:
    """How work in a thread learns that it is to end: by looking now and then, or by being interrupted."""

    def __init__(self) -> None:
        self._stopped = False
        self._interrupt: Callable[[], object] | None = None

    def check(self) -> None:
        """Raise `StoppedError` if the work is to end. Cheap: call it for each batch."""
        if self._stopped:
            raise StoppedError

    @contextmanager
    def interrupting(self, interrupt: Callable[[], object]) -> Iterator[None]:
        """Have ``interrupt`` called from another thread when the work is to end, for what can't look by itself."""
        self._interrupt = interrupt
        try:
            self.check()  # only now: who tells it to end meanwhile finds either this or what to call
            yield
        except Exception:
            self.check()
            raise
        finally:
            self._interrupt = None
        self.check()

    def set(self) -> None:
        """Tell the work to end."""
        self._stopped = True
        if (interrupt := self._interrupt) is not None:
            with suppress(Exception):  # what it would end has just been closed
                interrupt()


async def in_thread(work: Callable[[Stop], T]) -> T:
    """Do work in a thread. Cancelled, it is told to end, and has ended when this raises."""
    stop = Stop()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():  # cancelled again, it can't end sooner: whoever lets go of its files must wait
            stop.set()  # again: an interrupt that comes between two statements is forgotten
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task}, timeout=AGAIN)
        if not task.cancelled():
            task.exception()  # seen, whatever it is
        raise
