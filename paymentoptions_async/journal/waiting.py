"""Who in this process waits for news of which record: what the journals' watches have in common."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Waiter:
    """One call that waits for a record to pass the version ``seen``."""

    __slots__ = ("_news", "seen")

    def __init__(self, seen: int) -> None:
        self.seen = seen
        self._news = asyncio.Event()

    def tell(self) -> None:
        """There may be news."""
        self._news.set()

    async def wait(self, timeout: float) -> None:
        """Return with news, also with such as came since the last wait, or after ``timeout`` seconds without."""
        try:
            async with asyncio.timeout(max(0.0, timeout)):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()


class Waiters:
    """All who wait, by the reference that they wait for."""

    def __init__(self) -> None:
        self._by_ref: defaultdict[str, set[Waiter]] = defaultdict(set)

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._by_ref)

    @contextmanager
    def join(self, ref: str, seen: int) -> Iterator[Waiter]:
        """Take part. What happens to the record from now on is not missed."""
        waiter = Waiter(seen)
        self._by_ref[ref].add(waiter)
        try:
            yield waiter
        finally:
            self._by_ref[ref].discard(waiter)
            if not self._by_ref[ref]:
                del self._by_ref[ref]

    def refs(self) -> tuple[str, ...]:
        """What is waited for."""
        return tuple(self._by_ref)

    def of(self, ref: str) -> tuple[Waiter, ...]:
        """Those who wait for one record."""
        return tuple(self._by_ref.get(ref, ()))

    def tell(self, refs: Iterable[str]) -> None:
        """Wake whoever waits for these records."""
        for ref in refs:
            for waiter in self._by_ref.get(ref, ()):
                waiter.tell()

    def tell_all(self) -> None:
        """Wake everybody."""
        self.tell(self._by_ref)
