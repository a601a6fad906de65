"""Waiting for news of records: this process's own at once, other processes' by looking at the file now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from paymentoptions_async.errors import PaymentOptionsError
from paymentoptions_async.journal.waiting import Waiter, Waiters

SHORTEST, LONGEST, GROWTH = 0.02, 0.25, 1.5
"""Seconds between two looks at the file: short after news, longer the longer there are none."""


class Watch:
    """All who wait for news, and the one task that looks for other processes' while anybody waits.

    ``outside_version`` gives a number that changes when another process commits, ``versions`` those of some records.
    """

    def __init__(
        self,
        outside_version: Callable[[], Awaitable[int]],
        versions: Callable[[Iterable[str]], Awaitable[Mapping[str, int]]],
    ) -> None:
        self._outside_version = outside_version
        self._versions = versions
        self._waiters = Waiters()
        self._looking: asyncio.Task[None] | None = None

    @contextmanager
    def waiting(self, ref: str) -> Iterator[Waiter]:
        """Take part. What happens to the record from now on is not missed."""
        try:
            with self._waiters.join(ref, seen=-1) as waiter:
                if self._looking is None:
                    self._looking = asyncio.get_running_loop().create_task(self._look_for_others())
                yield waiter
        finally:
            if not self._waiters:
                self.stop()

    def tell(self, refs: Iterable[str]) -> None:
        """Wake whoever waits for these records."""
        self._waiters.tell(refs)

    def tell_all(self) -> None:
        """Wake everybody."""
        self._waiters.tell_all()

    def stop(self) -> None:
        """Look no more."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look_for_others(self) -> None:
        known: int | None = None
        pause = SHORTEST
        while True:
            await asyncio.sleep(pause)
            pause = min(LONGEST, pause * GROWTH)
            try:
                version = await self._outside_version()
                if version != known and await self._tell_news():
                    pause = SHORTEST
                known = version
            except PaymentOptionsError:
                self._waiters.tell_all()  # each of them finds out by itself why the journal can't be read

    async def _tell_news(self) -> bool:
        """Wake those whose record is not the one that they have seen; False if there are none."""
        versions = await self._versions(self._waiters.refs())
        news = [
            waiter for ref, version in versions.items() for waiter in self._waiters.of(ref) if version != waiter.seen
        ]
        for waiter in news:
            waiter.tell()
        return bool(news)
