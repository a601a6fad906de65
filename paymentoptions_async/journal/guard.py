"""A journal belongs to one event loop of one process; using it elsewhere is refused before anything is written."""

from __future__ import annotations

import asyncio
import os

from paymentoptions_async.errors import ConfigurationError


class LoopGuard:
    """Remembers the event loop and the process of its first use, and refuses every other."""

    __slots__ = ("_loop", "_pid")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    def check(self) -> asyncio.AbstractEventLoop:
        """Return the running loop; raise ConfigurationError if it or the process is not that of the first use."""
        pid = os.getpid()
        if self._pid not in (0, pid):  # looked at first: in the child of a fork no loop counts as running
            raise ConfigurationError(
                "This journal was used before the process forked, and what it has open belongs to the parent. "
                "Open a new one after the fork, in each worker. Nothing was written."
            )
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop, self._pid = loop, pid
        if self._loop is not loop:
            raise ConfigurationError(
                "This journal is bound to the event loop it was first used in, and this is another one. "
                "Open one journal per event loop, inside it; several may keep the same payments. Nothing was written."
            )
        return loop
