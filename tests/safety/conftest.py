from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from paymentoptions_async import Address, Card, PaymentOptions
from tests.safety.marks import API_KEY, CVC, PAN, SIGNING_SECRET, X_API_KEY

ADDRESS = Address(country="JP", email="buyer@example.com", city="Tokyo", postal_code="1600022")


def card() -> Card:
    return Card(number=PAN, cvc=CVC, expiry_month=12, expiry_year=2029, name="John Doe")


Answer = Callable[[bytes], tuple[int, bytes]]


@asynccontextmanager
async def shop(wire: str, answer: Answer, **more: Any) -> AsyncIterator[PaymentOptions]:
    """A client whose gateway gives one answer, through the default wire or httpx's own over real HTTP, or a mock.

    ``answer`` takes a request's body and returns status and body; raising ConnectionError it loses the answer.
    """
    settings: dict[str, Any] = {
        "api_key": API_KEY,
        "x_api_key": X_API_KEY,
        "merchant_id": "JP00000001",
        "environment": "sandbox",
        "sandbox_url": "http://127.0.0.1:9",
        "public_url": "http://127.0.0.1:9/pay",
        "signing_secrets": SIGNING_SECRET,
    } | more
    if wire == "mock":

        def handle(request: httpx.Request) -> httpx.Response:
            status, body = answer(request.content)
            return httpx.Response(status, content=body)

        async with PaymentOptions(**settings, transport=httpx.MockTransport(handle)) as gateway:
            yield gateway
        return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            status, body = answer(await reader.readexactly(int(length[1])) if length else b"")
            writer.write(
                b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body
            )
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        if wire == "httpx":
            settings["transport"] = httpx.AsyncHTTPTransport(verify=False)  # http on loopback
        async with PaymentOptions(**settings | {"sandbox_url": f"http://127.0.0.1:{port}"}) as gateway:
            yield gateway
