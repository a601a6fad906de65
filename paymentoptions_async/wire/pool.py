"""The default wire: aiohttp's pool, which sends once and records what left."""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from errno import ECONNREFUSED
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from yarl import URL

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.evidence import Stage
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Reply, Request
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
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)
"""The request's deadline bounds everything; a second clock would only cost."""


class AiohttpWire:
    """Send through aiohttp's pool: once, following no redirect, keeping no cookie.

    ``base_url`` is https, or http on loopback. ``connections`` bounds the exchanges under way, for charging requests
    and for the others apart, so that neither starves the other. ``charging_idle`` is the age in seconds up to which
    a kept connection may carry a charging request. ``max_body`` is in bytes. ``proxy`` is an http or https URL, and
    is never taken from the environment. Raises ConfigurationError for what is unsafe.
    """

    def __init__(
        self,
        base_url: str,
        credentials: Authentication,
        *,
        connections: int = 100,
        proxy: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        charging_idle: float = 2.0,
        max_body: int = MAX_BODY,
    ) -> None:
        if not iscoroutinefunction(getattr(ClientRequest, "send", None)):
            raise ConfigurationError("This version of aiohttp is not supported: its requests have no gate to pass.")
        self._base_url = checked_base_url(base_url)
        if proxy is not None and not self._base_url.startswith("https:"):
            raise ConfigurationError("proxy: a proxy is used only for https; it would read everything else.")
        base = URL(self._base_url)
        self._origin, self._prefix = base.origin(), base.raw_path.rstrip("/")
        self._guard = LoopGuard()
        self._closed = False
        lane = _LaneSettings({**PLAIN_HEADERS, **credentials.headers()}, connections, proxy, ssl_context)
        self._asking = _Lane(lane, idle=15.0, max_body=max_body, watchful=False)
        self._charging = _Lane(lane, idle=charging_idle, max_body=max_body, watchful=True)

    def __repr__(self) -> str:
        return f"<AiohttpWire {self._base_url}>"

    async def send(self, request: Request) -> Reply:
        """Send once. Raises only CancelledError, and ConfigurationError where this wire can't be used."""
        loop = self._guard.check()
        if self._closed:
            raise ConfigurationError("This client is closed. Nothing was sent.")
        passage = Passage(request.departure, loop.time())
        if passage.started >= request.deadline:
            return passage.reply(passage.started, "deadline")
        lane = self._charging if request.charging else self._asking
        try:
            async with asyncio.timeout_at(request.deadline), lane.gate:
                passage.stage = Stage.CONNECT
                await lane.exchange(
                    passage, request, self._origin.with_path(self._prefix + request.path, encoded=True), loop
                )
        except TimeoutError:
            return passage.reply(loop.time(), "deadline")
        except Exception as error:  # noqa: BLE001 whatever it is, the evidence is what was recorded
            return passage.reply(loop.time(), _failure(error, passage.stage))
        passage.stage = Stage.DONE
        return passage.reply(loop.time())

    async def aclose(self) -> None:
        """Close both pools. Idempotent."""
        self._closed = True
        await self._asking.aclose()
        await self._charging.aclose()


@dataclass(frozen=True, slots=True, repr=False)
class _LaneSettings:
    headers: Mapping[str, str]
    connections: int
    proxy: str | None
    ssl_context: ssl.SSLContext | None


class _Lane:
    """One pool. The gate, not the pool, makes exchanges wait, so that a cancelled one can't take a slot with it."""

    def __init__(self, settings: _LaneSettings, *, idle: float, max_body: int, watchful: bool) -> None:
        self.gate = asyncio.Semaphore(settings.connections)
        self._settings = settings
        self._idle = idle
        self._max_body = max_body
        self._used: WeakSet[ResponseHandler] | None = WeakSet() if watchful else None
        self._session: aiohttp.ClientSession | None = None

    async def exchange(self, passage: Passage, request: Request, url: URL, loop: asyncio.AbstractEventLoop) -> None:
        session = self._session
        if session is None:
            session = self._session = self._open(loop)
        token = _BOARDING.set((passage, self._settings.headers, self._used))
        try:
            while True:
                try:
                    # No headers yet: aiohttp would say a session's own to a proxy. They are put on at the gate.
                    response = await session.request(request.method, url, data=request.body, allow_redirects=False)
                    break
                except _Stale:  # nothing was written, and aiohttp has closed that connection
                    continue
        finally:
            _BOARDING.reset(token)
        passage.status = response.status
        passage.headers = headers = response.headers
        passage.stage = Stage.HEADERS
        try:
            await self._read(response, passage)
        except BaseException:
            response.close()
            raise
        passage.body = decoded(passage.body, headers.get("Content-Encoding"), self._max_body)

    async def _read(self, response: aiohttp.ClientResponse, passage: Passage) -> None:
        content = response.content
        while not content.at_eof():
            chunk = await content.readany()
            if chunk:
                passage.stage = Stage.BODY
                passage.body = passage.body + chunk if passage.body else chunk
                if len(passage.body) > self._max_body:
                    passage.body = b""
                    raise TooLarge

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        settings = self._settings
        connector = aiohttp.TCPConnector(
            limit=0,  # the gate bounds
            keepalive_timeout=self._idle,
            ssl=settings.ssl_context if settings.ssl_context is not None else True,
            loop=loop,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            auto_decompress=False,
            request_class=_GatedRequest,
            trust_env=False,
            proxy=settings.proxy,
        )
        # aiohttp sends a GET again after a lost connection, without telling; what may be repeated is policy's to say.
        session._retry_connection = False  # noqa: SLF001 there is no public switch
        return session


class _NotDeparted(Exception):
    """The gate was closed: whoever waited has gone. Nothing was written."""


class _Stale(Exception):
    """The server closed this kept connection, or spoke out of turn. Nothing was written."""


class _SentTwice(Exception):
    """Something asked to write the same request again."""


_BOARDING: ContextVar[tuple[Passage, Mapping[str, str], WeakSet[ResponseHandler] | None]] = ContextVar("_BOARDING")


class _GatedRequest(ClientRequest):
    """aiohttp calls `send` when a connection is ours, just before the first byte: the place of the gate.

    The keys are put on here, so that nothing can charge that has not passed the gate. A CONNECT to a proxy is a
    request of aiohttp's own class, and passes none.
    """

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        passage, headers, used = _BOARDING.get()
        protocol = conn.protocol
        if protocol is None or not protocol.is_connected():
            raise ConnectionResetError
        if used is not None and _is_stale(protocol, used):
            raise _Stale
        if passage.stage is not Stage.CONNECT:
            raise _SentTwice
        if not passage.departure.leave():
            raise _NotDeparted
        passage.stage = Stage.SENDING
        self.headers.update(headers)
        if self.body:
            self.headers["Content-Type"] = JSON
        return await super().send(conn)


def _is_stale(protocol: ResponseHandler, used: WeakSet[ResponseHandler]) -> bool:
    """True for a kept connection with something to read: the server closed it, and the loop has not seen it yet."""
    if protocol not in used:
        used.add(protocol)
        return False
    assert protocol.transport is not None
    sock = protocol.transport.get_extra_info("socket")
    if sock is None:
        return False
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


def _failure(error: Exception, stage: Stage) -> str:
    """Name a failure. The name decides nothing: what left was recorded."""
    match error:
        case _NotDeparted():
            return "cancelled"
        case TooLarge():
            return "too_large"
        case Undecodable() | aiohttp.ClientResponseError() if stage is not Stage.CONNECT:
            return "protocol"
        case aiohttp.ClientPayloadError() | aiohttp.ServerDisconnectedError():
            return "eof"
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientSSLError() | ssl.SSLError() | aiohttp.ServerFingerprintMismatch():
            return "tls"
        case OSError() if stage is Stage.CONNECT:
            return "refused" if error.errno == ECONNREFUSED else "connect"
        case OSError():
            return "reset"
    return "connect" if stage is Stage.CONNECT else "unproven"
