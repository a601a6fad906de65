"""The wire over any httpx transport: respx, MockTransport, ASGITransport, a company's own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.evidence import Stage
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Departure, Reply, Request
from paymentoptions_async.wire.guard import LoopGuard
from paymentoptions_async.wire.reading import (
    JSON,
    MAX_BODY,
    PLAIN_HEADERS,
    Passage,
    TooLarge,
    Undecodable,
    checked_base_url,
    decoded,
)

if TYPE_CHECKING:
    import httpcore
    import httpx


class HttpxWire:
    """Send through an httpx transport: once, following no redirect, keeping no cookie.

    ``connections`` bounds the exchanges under way; keep it at or below the transport's own ``max_connections``, so
    that its pool never makes a request wait (one that is cancelled there takes its slot with it for good:
    encode/httpcore#1093). ``max_body`` is in bytes. The wire closes the transport.

    What left is known only from `httpx.AsyncHTTPTransport` itself, by httpcore's ``trace`` extension. Through every
    other transport, and where httpcore traced nothing, a request may have left as soon as the transport had it.
    The age of kept connections is the transport's affair: ``httpx.Limits(keepalive_expiry=2)`` suits charging.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Authentication,
        transport: httpx.AsyncBaseTransport,
        *,
        connections: int = 100,
        max_body: int = MAX_BODY,
    ) -> None:
        import httpx

        self._base_url = checked_base_url(base_url)
        self._headers = {**PLAIN_HEADERS, **credentials.headers()}
        self._transport = transport
        self._traced = type(transport) is httpx.AsyncHTTPTransport
        self._max_body = max_body
        self._gate = asyncio.Semaphore(connections)
        self._guard = LoopGuard()
        self._closed = self._is_done = False
        self._exchanges: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<HttpxWire {self._base_url} through {type(self._transport).__name__}>"

    async def send(self, request: Request) -> Reply:
        """Send once. Raises only CancelledError, and ConfigurationError where this wire can't be used."""
        loop = self._guard.check()
        if self._closed:
            raise ConfigurationError("This client is closed. Nothing was sent.")
        passage = _TracedPassage(request.departure, loop.time())
        if passage.started >= request.deadline:
            return passage.reply(passage.started, "deadline")
        try:
            async with asyncio.timeout_at(request.deadline):
                await self._gate.acquire()
                await self._exchange_apart(passage, request)
        except TimeoutError:
            return passage.reply(loop.time(), "deadline")
        except Exception as error:  # noqa: BLE001 whatever it is, the evidence is what was recorded
            return passage.reply(loop.time(), _failure(error, passage.stage))
        passage.stage = Stage.DONE
        return passage.reply(loop.time())

    async def aclose(self) -> None:
        """Close the transport, after what is being cancelled has let go of it. Idempotent."""
        if self._is_done:
            return
        self._closed = True
        for task in self._exchanges:
            task.cancel()
        if self._exchanges:
            await asyncio.wait(self._exchanges)
        await self._transport.aclose()
        self._is_done = True

    async def _exchange_apart(self, passage: _TracedPassage, request: Request) -> None:
        """Run the exchange in a task of its own, which a cancelled caller leaves behind to close its connection.

        The slot is free again only when the connection is: a caller that is cancelled twice can't lose one.
        """
        task = asyncio.get_running_loop().create_task(self._exchange(passage, request))
        self._exchanges.add(task)
        task.add_done_callback(self._ended)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            passage.unproven()
            passage.abandoned = True  # a transport may be slow to hear of the cancelling
            if passage.cancellable or not self._traced:
                task.cancel()
            else:  # its next step forward ends it
                asyncio.get_running_loop().call_later(_GRACE, task.cancel)
            raise

    def _headers_of(self, request: Request) -> dict[str, str]:
        own = {} if request.authentication is None else request.authentication.headers()
        return {**self._headers, **({} if request.body is None else {"Content-Type": JSON}), **own}

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        self._gate.release()
        if not task.cancelled():
            task.exception()  # whoever waited has it, or has gone

    async def _exchange(self, passage: _TracedPassage, request: Request) -> None:
        import httpx

        if passage.abandoned:
            raise _Abandoned
        passage.stage = Stage.CONNECT
        if not self._traced:
            passage.depart()
        outgoing = httpx.Request(
            request.method,
            self._base_url + request.path,
            headers=self._headers_of(request),
            content=request.body,
            extensions={"trace": (trace := _Trace(passage)), "timeout": _NO_TIMEOUTS},
        )
        try:
            response = await self._transport.handle_async_request(outgoing)
        except BaseException:
            passage.unproven()
            await trace.close_half_open()
            raise
        try:
            passage.unproven()
            passage.status = response.status_code
            passage.headers = cast("Mapping[str, str]", response.headers)
            passage.stage = Stage.HEADERS
            await self._read(cast("AsyncIterable[bytes]", response.stream), passage)
        finally:
            await response.aclose()
        passage.body = decoded(passage.body, passage.headers.get("Content-Encoding"), self._max_body)

    async def _read(self, stream: AsyncIterable[bytes], passage: Passage) -> None:
        async for chunk in stream:
            if chunk:
                passage.stage = Stage.BODY
                passage.body += chunk
                if len(passage.body) > self._max_body:
                    passage.body = b""
                    raise TooLarge


_GRACE = 1.0
"""Seconds that an abandoned exchange has to come to its next step, before it is cancelled wherever it is."""

_NO_TIMEOUTS = {"connect": None, "read": None, "write": None, "pool": None}


class _NotDeparted(Exception):
    """The gate was closed: whoever waited has gone. Nothing was written."""


class _TracedPassage(Passage):
    """A passage that httpcore tells of. An ``abandoned`` one has been reported, and must not leave any more.

    It is ``cancellable`` inside of the steps that httpcore traces, other than the last. Cancelled between them or while
    it puts a connection back, httpcore holds that connection for taken, for good (encode/httpcore#1093).
    """

    __slots__ = ("abandoned", "cancellable", "heard")

    def __init__(self, departure: Departure, started: float) -> None:
        super().__init__(departure, started)
        self.abandoned = False
        self.cancellable = False
        self.heard = False

    def depart(self) -> None:
        if not self.departure.leave():
            raise _NotDeparted
        self.stage = Stage.SENDING

    def unproven(self) -> None:
        """Take it for gone if the transport had it and nothing was heard, as under a mock.

        That the gate would be closed by now says nothing of when the transport had it.
        """
        if self.stage is Stage.CONNECT and not self.heard and not self.departure.forbidden:
            self.departure.left = True
            self.stage = Stage.SENDING


class _Abandoned(Exception):
    """Nobody waits for this exchange any more; it ends where httpcore can put its connection in order."""


class _Trace:
    """Listens to httpcore: the first byte of the request is about to be written at ``…send_request_headers.started``.

    A CONNECT to a proxy is traced as a request too, but none of its bytes is of ours.
    """

    __slots__ = ("_half_open", "_passage")

    def __init__(self, passage: _TracedPassage) -> None:
        self._passage = passage
        self._half_open: httpcore.AsyncNetworkStream | None = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        passage = self._passage
        passage.heard = True
        passage.cancellable = event.endswith(".started") and not event.endswith(".response_closed.started")
        if passage.cancellable and passage.abandoned:
            raise _Abandoned
        if passage.stage is not Stage.CONNECT:
            return
        if event.endswith(".send_request_headers.started"):
            request = info.get("request")
            if request is None or request.method != b"CONNECT":
                passage.depart()
        elif event == "connection.connect_tcp.complete":
            self._half_open = info["return_value"]

    async def close_half_open(self) -> None:
        """Close what was connected and never used: httpcore forgets it when it is cancelled during the handshake."""
        if self._half_open is not None and self._passage.stage is Stage.CONNECT:
            await self._half_open.aclose()


def _failure(error: Exception, stage: Stage) -> str:
    """Name a failure. The name decides nothing: what left was recorded."""
    import httpx

    match error:
        case _NotDeparted():
            return "cancelled"
        case TooLarge():
            return "too_large"
        case Undecodable() | httpx.LocalProtocolError() | httpx.DecodingError():
            return "protocol"
        case httpx.RemoteProtocolError():
            # httpcore has one class for both, and tells them apart in words alone.
            return "eof" if str(error).startswith(("Server disconnected", "peer closed")) else "protocol"
        case httpx.PoolTimeout():
            return "pool"
        case httpx.ProxyError() | httpx.ConnectTimeout():
            return "connect"
        case httpx.ConnectError():
            return _connect_failure(error)
        case httpx.NetworkError() | OSError():
            return "reset"
        case httpx.TimeoutException():
            return "deadline"
    return "connect" if stage is Stage.CONNECT else "unproven"


def _connect_failure(error: BaseException) -> str:
    for cause in _causes(error):
        match cause:
            case ssl.SSLError():
                return "tls"
            case socket.gaierror():
                return "dns"
            case ConnectionRefusedError():
                return "refused"
    return "connect"


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending: list[BaseException] = [error]
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [further for further in (cause.__cause__, cause.__context__) if further is not None]
        if isinstance(cause, BaseExceptionGroup):
            pending += cause.exceptions
