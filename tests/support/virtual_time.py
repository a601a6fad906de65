"""Tests whose time passes at once: when everything waits, the event loop's clock jumps to whatever is due next.

Only for what stays in this process: no sockets, no threads.
"""

from __future__ import annotations

import asyncio
import inspect
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec

P = ParamSpec("P")

_TICK = 1e-6
"""A timer that comes a rounding error early, and waits again for what is left, must not do so without end."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that never sleeps. ``rounds`` counts its turns: a busy loop shows in it."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.rounds = 0
        super().__init__(_Unhurried(self))

    def time(self) -> float:
        return self.now


class _Unhurried(selectors.DefaultSelector):
    """Instead of waiting for a time-out, let it have passed."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.rounds += 1
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits, and nothing will ever happen"
            least = 0.0 if self._loop._ready else _TICK  # type: ignore[attr-defined]
            self._loop.now += max(timeout, least)
        return ready


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test function in a loop of its own, whose time passes at once."""
    assert inspect.iscoroutinefunction(test)

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(test(*args, **kwargs))

    return run


def unix_time() -> float:
    """Seconds of a clock that goes with the running virtual loop, for journals and clients."""
    return 1_700_000_000.0 + asyncio.get_running_loop().time()


def rounds() -> int:
    """How often the running virtual loop has turned. What waits does not turn it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop.rounds
