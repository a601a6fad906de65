"""The default wire: aiohttp's pool, which sends once and records what left.

It uses aiohttp's connector, request and response, and not its session. So there is nothing of a session to switch off
(redirects, cookies, netrc, sending again without telling, telling a proxy the keys), the instant before the first byte
is ours to see, and a request costs a tenth less.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from errno import ECONNREFUSED
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from multidict import CIMultiDict
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
        self._base_url = checked_base_url(base_url)
        if proxy is not None and not self._base_url.startswith("https:"):
            raise ConfigurationError("proxy: a proxy is used only for https; it would read everything else.")
        base = URL(self._base_url)
        self._origin, self._prefix = base.origin(), base.raw_path.rstrip("/")
        self._guard = LoopGuard()
        self._closed = False
        lane = _LaneSettings(
            {**PLAIN_HEADERS, **credentials.headers()},
            connections,
            URL(proxy) if proxy is not None else None,
            ssl_context,
        )
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
        except (AttributeError, TypeError):
            if request.departure.left:
                return passage.reply(loop.time(), "unproven")
            raise ConfigurationError(
                f"aiohttp {aiohttp.__version__} is not of a version that this package can send with. Nothing was sent."
            ) from None
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
    proxy: URL | None
    ssl_context: ssl.SSLContext | None


class _Lane:
    """One pool. The gate, not the pool, makes exchanges wait, so that a cancelled one can't take a slot with it."""

    def __init__(self, settings: _LaneSettings, *, idle: float, max_body: int, watchful: bool) -> None:
        self.gate = asyncio.Semaphore(settings.connections)
        self._settings = settings
        self._headers = CIMultiDict(settings.headers)
        self._headers_with_body = CIMultiDict({**settings.headers, "Content-Type": JSON})
        self._idle = idle
        self._max_body = max_body
        self._used: WeakSet[ResponseHandler] | None = WeakSet() if watchful else None
        self._connector: aiohttp.TCPConnector | None = None

    async def exchange(self, passage: Passage, request: Request, url: URL, loop: asyncio.AbstractEventLoop) -> None:
        connector = self._connector
        if connector is None:
            connector = self._connector = self._open(loop)
        outgoing = ClientRequest(
            request.method,
            url,
            headers=self._headers_of(request),
            data=request.body,
            skip_auto_headers=("Content-Type",),  # a request without a body has no type of one
            proxy=self._settings.proxy,
            response_class=aiohttp.ClientResponse,
            loop=loop,
        )
        connection = await self._connect(connector, outgoing)
        try:
            response = await self._depart(passage, outgoing, connection)
            try:
                await response.start(connection)
                passage.status = response.status
                passage.headers = response.headers
                passage.stage = Stage.HEADERS
                await self._read(response.content, passage)
            finally:
                if response.connection is not None:  # not read whole, or no longer HTTP
                    response.close()
        except BaseException:
            connection.close()
            raise
        passage.body = decoded(passage.body, passage.headers.get("Content-Encoding"), self._max_body)

    async def _connect(self, connector: aiohttp.TCPConnector, outgoing: ClientRequest) -> Connection:
        while True:
            connection = await connector.connect(outgoing, traces=[], timeout=_NO_TIMEOUT)
            if connection.closed:  # fresh, and lost already
                connection.close()
                raise ConnectionResetError
            if self._used is None or not _is_stale(connection, self._used):
                return connection
            connection.close()  # and take another: nothing was written to this one

    def _headers_of(self, request: Request) -> CIMultiDict[str]:
        headers = self._headers if request.body is None else self._headers_with_body
        return (
            headers if request.authentication is None else CIMultiDict({**headers, **request.authentication.headers()})
        )

    async def _depart(
        self, passage: Passage, outgoing: ClientRequest, connection: Connection
    ) -> aiohttp.ClientResponse:
        assert connection.protocol is not None
        connection.protocol.set_response_params(
            skip_payload=outgoing.method == "HEAD", read_until_eof=True, auto_decompress=False
        )
        if not passage.departure.leave():
            raise _NotDeparted
        passage.stage = Stage.SENDING
        return await outgoing.send(connection)

    async def _read(self, content: aiohttp.StreamReader, passage: Passage) -> None:
        while not content.at_eof():
            chunk = await content.readany()
            if chunk:
                passage.stage = Stage.BODY
                passage.body = passage.body + chunk if passage.body else chunk
                if len(passage.body) > self._max_body:
                    passage.body = b""
                    raise TooLarge

    async def aclose(self) -> None:
        connector, self._connector = self._connector, None
        if connector is not None:
            await connector.close()

    def _open(self, loop: asyncio.AbstractEventLoop) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            limit=0,  # the gate bounds
            keepalive_timeout=self._idle,
            ssl=self._settings.ssl_context if self._settings.ssl_context is not None else True,
            loop=loop,
        )


class _NotDeparted(Exception):
    """The gate was closed: whoever waited has gone. Nothing was written."""


def _is_stale(connection: Connection, used: WeakSet[ResponseHandler]) -> bool:
    """True for a kept connection with something to read: the server closed it, and the loop has not seen it yet."""
    assert connection.protocol is not None
    assert connection.transport is not None
    if connection.protocol not in used:
        used.add(connection.protocol)
        return False
    sock = connection.transport.get_extra_info("socket")
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
