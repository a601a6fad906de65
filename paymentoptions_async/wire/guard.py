"""A pool belongs to one event loop of one process; using it elsewhere is refused before anything is sent."""

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
        loop = asyncio.get_running_loop()
        pid = os.getpid()
        if self._loop is loop and self._pid == pid:
            return loop
        if self._loop is None:
            self._loop, self._pid = loop, pid
            return loop
        if self._pid != pid:
            raise ConfigurationError(
                "This client was used before the process forked, and its connections belong to the parent. "
                "Make a new client after the fork, in each worker. Nothing was sent."
            )
        raise ConfigurationError(
            "This client is bound to the event loop it was first used in, and this is another one. "
            "Make one client per event loop, inside it (asyncio.run makes a new loop each time). Nothing was sent."
        )
