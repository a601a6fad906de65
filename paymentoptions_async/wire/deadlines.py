"""The deadlines of all that is under way, watched by one timer of the loop."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadlines:
    """Ends what is still under way at its deadline, as `asyncio.timeout_at` does.

    A timer for each exchange costs a tenth of it, and hardly any of them goes off. So there is one, set to the
    earliest deadline while anything is under way.
    """

    __slots__ = ("_timer", "_under_way")

    def __init__(self) -> None:
        self._under_way: set[Until] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, until: Until, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a block that is being entered."""
        self._under_way.add(until)
        if self._timer is None or until.deadline < self._timer.when():
            self._set_timer(until.deadline, loop)

    def end(self, until: Until) -> None:
        """Forget a block that is being left."""
        self._under_way.discard(until)
        if not self._under_way and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(when, self._ring, loop)

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for until in self._under_way:
            if until.deadline <= now:
                until.expire()
        left = [until.deadline for until in self._under_way if not until.expired]
        self._timer = None
        if left:
            self._set_timer(min(left), loop)


class Until:
    """A block that raises TimeoutError where its deadline, by the loop's clock, cut it off."""

    __slots__ = ("_cancelling", "_deadlines", "_loop", "_task", "deadline", "expired")

    def __init__(self, deadlines: Deadlines, deadline: float, loop: asyncio.AbstractEventLoop) -> None:
        self.deadline = deadline
        self.expired = False
        self._deadlines = deadlines
        self._loop = loop

    def __enter__(self) -> None:
        task = asyncio.current_task(self._loop)
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._deadlines.begin(self, self._loop)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._deadlines.end(self)
        # Somebody else may have cancelled the task as well: that must be told, and not a deadline.
        if self.expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cut the block off, once."""
        if not self.expired:
            self.expired = True
            self._task.cancel()
