"""What the two endpoints do, alike in every framework. Knows none of them."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Generic, Protocol, TypeVar

from paymentoptions_async.errors import JournalUnavailable, WebhookRejected
from paymentoptions_async.notices import MAX_BODY
from paymentoptions_async.payment import Payment

log = logging.getLogger("paymentoptions_async")

PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""On every answer, because its URL holds a token, which no cache keeps and no other site is told."""


class Inbox(Protocol):
    """Takes in webhooks."""

    async def receive(self, ref: str, token: str, *, headers: Mapping[str, str], body: bytes) -> None:
        """Record one; raises `WebhookRejected` or `JournalUnavailable`."""
        ...


class Gateway(Protocol):
    """What the endpoints need of a client."""

    @property
    def webhooks(self) -> Inbox:
        """Where webhooks go."""
        ...

    async def returned(self, purpose: str, ref: str, token: str) -> Payment:
        """The payment whose buyer came back; raises `WebhookRejected` or `JournalUnavailable`."""
        ...


T = TypeVar("T")
Request = TypeVar("Request")
GatewayOf = Gateway | Callable[[Request], Gateway | Awaitable[Gateway]]
"""A client, or a function or coroutine function that finds it, given the framework's request."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of ours: nothing but a status, so that it tells nothing."""

    status: int
    text: str = ""
    allow: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Its headers, without the content type, which is plain text."""
        return PRIVATE if self.allow is None else {**PRIVATE, "Allow": self.allow}


class Endpoints(Generic[Request]):
    """The webhook's and the return's endpoint of one client."""

    def __init__(self, gateway: GatewayOf[Request]) -> None:
        self._gateway = gateway
        self._receiving: set[asyncio.Task[None]] = set()

    async def webhook(
        self,
        request: Request,
        *,
        method: str,
        ref: str,
        token: str,
        headers: Mapping[str, str],
        chunks: AsyncIterable[bytes],
    ) -> Answer:
        """Take in a webhook; ``chunks`` are its body as it arrives.

        Everything but POST is refused with 405 and touches nothing. GET is not answered 200, because a proxy's
        redirect may turn a POST into a GET without its body, and that webhook would be taken for delivered.
        """
        if method != "POST":
            return Answer(405, allow="POST")
        body = await _read(chunks)
        gateway = await self._gateway_of(request)
        try:
            await self._to_its_end(gateway.webhooks.receive(ref, token, headers=headers, body=body))
        except WebhookRejected as rejected:
            log.info("webhook rejected: %s", rejected)
            return Answer(rejected.http_status)
        except JournalUnavailable as error:
            log.error("webhook not recorded: %s", error)  # noqa: TRY400  no traceback: the message says it all
            return Answer(503)
        return Answer(200)

    async def returned(self, request: Request, *, method: str, purpose: str, ref: str, token: str) -> Payment | Answer:
        """The payment to show to a buyer who came back, or the answer to give instead.

        GET and POST, because some banks' pages send the buyer back by POST (inferred). HEAD is checked and shows
        nothing, so that whoever only probes a link sets nothing off.
        """
        if method not in ("GET", "HEAD", "POST"):
            return Answer(405, allow="GET, HEAD, POST")
        gateway = await self._gateway_of(request)
        try:
            payment = await gateway.returned(purpose, ref, token)
        except WebhookRejected as rejected:
            log.info("return rejected: %s", rejected)
            return _page(rejected.http_status)
        except JournalUnavailable as error:
            log.error("return not shown: %s", error)  # noqa: TRY400  no traceback: the message says it all
            return _page(503)
        return Answer(200) if method == "HEAD" else payment

    async def _gateway_of(self, request: Request) -> Gateway:
        if not callable(self._gateway):
            return self._gateway
        return await call(self._gateway, request)

    async def _to_its_end(self, work: Coroutine[Any, Any, None]) -> None:
        """Await work that goes on when the request is cancelled: a sender who hangs up may believe it has delivered."""
        task = asyncio.get_running_loop().create_task(work)
        self._receiving.add(task)
        task.add_done_callback(self._receiving.discard)
        await asyncio.shield(task)


async def call(
    function: Callable[..., T | Awaitable[T]], *about: Any, in_thread: Callable[..., Awaitable[Any]] | None = None
) -> T:
    """Call one of the application's functions; a plain one the way its framework does, where that is in a thread."""
    if in_thread is None or inspect.iscoroutinefunction(function):
        found = function(*about)
    else:
        found = await in_thread(function, *about)
    return await found if inspect.isawaitable(found) else found


async def _read(chunks: AsyncIterable[bytes]) -> bytes:
    """Read the body, whatever Content-Length says, but no more than one byte above what is taken in, which tells so."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk[: MAX_BODY + 1 - len(body)]
        if len(body) > MAX_BODY:
            break
    return bytes(body)


def _page(status: int) -> Answer:
    return Answer(status, f"{status} {HTTPStatus(status).phrase}\n")
