from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields, is_dataclass
from functools import partial
from types import TracebackType
from typing import Any

import httpx

from paymentoptions_async import Address, Card, PaymentOptions

PAN = "5200000000001005"
CVC = "9417"
API_KEY = "key-f8b1c2d3e4"
X_API_KEY = "second-a9b8c7d6e5"
SIGNING_SECRET = "a signing secret that nobody sees"
TOKEN = "c0ffee00-26f5-4906-92ae-d849edc3c3a1"
LINK_TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"
ENCODED_KEY = "a2V5LWY4YjFjMmQzZTQ6"  # Basic of API_KEY
MARKS = (PAN, API_KEY, X_API_KEY, SIGNING_SECRET, TOKEN, LINK_TOKEN, ENCODED_KEY)
_CVC = re.compile(rf"(?<![0-9a-fA-F]){CVC}(?![0-9a-fA-F])")
ADDRESS = Address(country="JP", email="buyer@example.com", city="Tokyo", postal_code="1600022")


def card() -> Card:
    return Card(number=PAN, cvc=CVC, expiry_month=12, expiry_year=2029, name="John Doe")


def marks_in(text: str) -> list[str]:
    """What of the secrets stands in a text, blanks and hyphens in the card number or not."""
    found = [mark for mark in MARKS if mark in text]
    return found + ([CVC] if _CVC.search(text) else []) + ([PAN] if PAN in re.sub(r"[ -]", "", text) else [])


def shown_by(error: BaseException) -> Iterator[tuple[str, str, str]]:
    """Yield frame, local and secret for whatever the locals of our frames show: by repr, and field by field."""
    seen: set[int] = set()
    pending = [error]
    while pending:
        one = pending.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield from ((type(one).__name__, "text", mark) for mark in marks_in(f"{one!s} {one!r} {vars(one)!r}"))
        yield from _shown_in(one.__traceback__)
        pending += [further for further in (one.__cause__, one.__context__) if further is not None]


def _shown_in(traceback: TracebackType | None) -> Iterator[tuple[str, str, str]]:
    while traceback is not None:
        frame = traceback.tb_frame
        if "paymentoptions_async" in frame.f_globals.get("__name__", ""):
            for name, value in frame.f_locals.items():
                for text in _texts(value):
                    yield from ((frame.f_code.co_qualname, name, mark) for mark in marks_in(text))
        traceback = traceback.tb_next


def _texts(value: object, depth: int = 6) -> Iterator[str]:
    """The repr of a value and of what it holds: as far as a reporter of errors may look."""
    yield repr(value)
    if depth == 0:
        return
    inner: list[object] = []
    if is_dataclass(value) and not isinstance(value, type):
        inner = [getattr(value, field.name, None) for field in fields(value) if not _kept(value, field.name)]
    elif isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = list(value)
    elif isinstance(value, partial):
        inner = [*value.args, *value.keywords.values()]
    for one in inner:
        yield from _texts(one, depth - 1)


def _kept(value: object, name: str) -> bool:
    """What must be held in clear by its nature: secrets that sign, links and tokens for the caller."""
    return (type(value).__name__, name) in {
        ("Signer", "secrets"),
        ("Payment", "redirect_url"),
        ("Payment", "stored_payment_method_id"),
        ("Reading", "redirect_url"),
        ("Reading", "stored_payment_method_id"),
    }


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
