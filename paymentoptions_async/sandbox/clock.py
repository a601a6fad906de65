"""The sandbox's clock: it follows the wall clock, or stands still until a test moves it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Tell the time and wait.

    Without `start` it follows the wall clock. With `start` (an aware datetime) it stands still there. Both can be
    moved on by `advance`, from any thread, which wakes whoever waited for that moment.
    """

    def __init__(self, start: datetime | None = None) -> None:
        if start is not None and start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        self._frozen_at = start
        self._offset = timedelta()
        self._wakers: set[Callable[[], object]] = set()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the sandbox's time, in UTC."""
        return (self._frozen_at or datetime.now(UTC)).astimezone(UTC) + self._offset

    def advance(self, seconds: float) -> None:
        """Move the clock on by `seconds`; it never goes back."""
        if seconds < 0:
            raise ValueError("a clock does not go back")
        self._offset += timedelta(seconds=seconds)
        with self._lock:
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    async def sleep(self, seconds: float) -> None:
        """Wait until `seconds` have passed on this clock."""
        loop = asyncio.get_running_loop()
        until = self.now() + timedelta(seconds=seconds)
        moved = asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(moved.set)

        with self._lock:
            self._wakers.add(wake)
        try:
            while (left := (until - self.now()).total_seconds()) > 0:
                moved.clear()
                if (until - self.now()).total_seconds() <= 0:  # advanced from a thread between the two lines
                    return
                try:
                    async with asyncio.timeout(None if self._frozen_at else left):
                        await moved.wait()
                except TimeoutError:
                    continue
        finally:
            with self._lock:
                self._wakers.discard(wake)
