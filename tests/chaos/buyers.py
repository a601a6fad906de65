"""What buyers do on the bank's pages, over HTTP, in a browser that loads a page again when it did not come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import aiohttp

from tests.chaos.marks import CARD_NUMBERS, COREFY_NUMBERS, CVC

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

    async def answer_bank(self, url: str, form: Mapping[str, str], answer: str) -> None:
        """Go where a sale by invoice leads, by the form that came with it, and answer there."""
        await self._answer_acs(await self._post(url, form), answer)

    async def pay_invoice(self, url: str, card: str, answer: str) -> None:
        """Pay an invoice's page by card, and answer the bank where it asks. Sending it again pays nothing."""
        form = {"number": COREFY_NUMBERS[card], "expiry": "12/29", "cvc": CVC, "name": "Test Buyer"}
        await self._answer_acs(await self._post(url, {"attempt": "0", "answer": "pay", **form}), answer)

    async def cancel_invoice(self, url: str) -> None:
        """Give an invoice's page up by its own button."""
        await self._post(url, {"answer": "cancel"})

    async def _answer_acs(self, page: str | None, answer: str) -> None:
        if page is not None and "/acs?" in page:
            await self._post(page.replace("/acs?", "/complete-auth?"), {"answer": answer, "code": "123456"})

    async def _post(self, url: str, form: Mapping[str, str]) -> str | None:
        """Post a form, and return where the browser is sent; None, too, where nobody answers."""
        for tried in range(TRIES):
            try:
                async with self._session.post(url, data=form, allow_redirects=False) as answer:
                    return answer.headers.get("location")
            except (aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.1 * (tried + 1))
        return None
