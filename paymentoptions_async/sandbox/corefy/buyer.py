"""What a buyer does on Corefy's pages, in this process; for tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from .books import CorefyBooks, Invoice
from .cardgate import COMPLETE_PATH
from .cards import COREFY_CARDS
from .resources import page_url


class Buyer:
    """Fill in the pages; each call returns where the buyer is sent, if anywhere."""

    def __init__(self, books: CorefyBooks, transport: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._books = books
        self._transport = transport

    async def pay(self, url: str, card: str, fields: Mapping[str, str]) -> str | None:
        """Pay on the checkout whose URL is an invoice's `flow_data.action` or `hpp_url`."""
        number = next((one.number for one in COREFY_CARDS if one.name == card), card)
        filled = {"number": number, "expiry": "12/29", "cvc": "100", "name": "Test Buyer", "answer": "pay", **fields}
        invoice = self._invoice(url)
        return await self._post(page_url(invoice), {"attempt": str(len(invoice.attempts)), **filled})

    async def answer_bank(self, handed: Mapping[str, Any] | str, answer: str, code: str) -> str | None:
        """Answer the bank's page that an `auth_payload` leads to, or whose URL the checkout led to."""
        url = handed if isinstance(handed, str) else await self._post(handed["action"], handed["params"])
        if url is None:
            raise ValueError("the bank's page was not opened; were the fields sent as they were handed out?")
        parts = urlsplit(url)
        complete = f"{parts.scheme}://{parts.netloc}{COMPLETE_PATH}?{parts.query}"
        return await self._post(complete, {"answer": answer, "code": code})

    def _invoice(self, url: str) -> Invoice:
        parts = urlsplit(url)
        named = parse_qs(parts.query).get("cpi", [""])[0]
        invoice = self._books.find(named) or self._books.by_session(parts.path.rpartition("/")[2])
        if invoice is None:
            raise ValueError("no such invoice; was it made by this sandbox, and not reset since?")
        return invoice

    async def _post(self, url: str, form: Mapping[str, str]) -> str | None:
        async with httpx.AsyncClient(transport=self._transport()) as browser:
            reply = await browser.post(url, data=dict(form))
        location: str | None = reply.headers.get("location")
        return location
