"""What buyers do on the bank's pages, over HTTP, in a browser that loads a page again when it did not come."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import aiohttp

from tests.chaos.marks import CARD_NUMBERS, CVC

TRIES = 8


class Browser:
    """A buyer's browser. It shows nobody what it sends."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2.0))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    async def answer(self, url: str, answer: str) -> None:
        """Answer a 3-D Secure page: confirm or decline. Answering again changes nothing."""
        await self._post(url, {"answer": answer, "code": "123456"})

    async def pay(self, url: str, card: str, *, attempt: int) -> None:
        """Pay a hosted page by card. Sending the same attempt again pays nothing."""
        form = {"number": CARD_NUMBERS[card], "expiry": "12/29", "cvc": CVC, "name": "Test Buyer"}
        await self._post(url, {"attempt": str(attempt), "answer": "pay", **form})

    async def _post(self, url: str, form: dict[str, str]) -> None:
        for tried in range(TRIES):
            try:
                async with self._session.post(url, data=form, allow_redirects=False):
                    return
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1 * (tried + 1))
