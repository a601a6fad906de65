"""The default wire: aiohttp's pool, which sends once and records what left.

It takes connections from aiohttp's connector and reads answers with aiohttp's parser, and writes requests itself. So
there is nothing of a session to switch off (redirects, cookies, netrc, sending again without telling, telling a proxy
the keys), the instant before the first byte is ours to see, and an exchange costs less than one of a session.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections.abc import Awaitable, Callable
from errno import ECONNREFUSED
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakSet

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.evidence import Stage
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.deadlines import Deadlines, Until
from paymentoptions_async.wire.exchange import Reply, Request
from paymentoptions_async.wire.guard import LoopGuard
from paymentoptions_async.wire.heads import Heads
from paymentoptions_async.wire.reading import (
    MAX_BODY,
    Passage,
    TooLarge,
    Undecodable,
    checked_base_url,
    decoded,
)

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.http_parser import RawResponseMessage

    _Reader = Callable[[], Awaitable[tuple[RawResponseMessage, aiohttp.StreamReader]]]

_INTERIM: Final = frozenset(range(100, 200)) - {101}
"""Statuses after which the answer is still to come (RFC 9110, 15.2); 101 is the last that is HTTP."""

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
        route = _Route(base.origin(), URL(proxy) if proxy is not None else None, ssl_context)
        self._guard = LoopGuard()
        self._closed = False
        self._deadlines = Deadlines()
        heads = Heads(base, credentials)
        self._asking = _Lane(route, heads, connections, idle=15.0, max_body=max_body, watchful=False)
        self._charging = _Lane(route, heads, connections, idle=charging_idle, max_body=max_body, watchful=True)

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
            with Until(self._deadlines, request.deadline, loop):
                await lane.exchange(passage, request, loop)
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


class _Route(NamedTuple):
    """Where the requests go, and how they get there."""

    origin: URL
    proxy: URL | None
    ssl_context: ssl.SSLContext | None

    def connector(self, loop: asyncio.AbstractEventLoop, idle: float) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(
            limit=0,  # the gate bounds
            keepalive_timeout=idle,
            ssl=self.ssl_context if self.ssl_context is not None else True,
            loop=loop,
        )

    def destination(self, loop: asyncio.AbstractEventLoop) -> ClientRequest:
        """What a connector wants to know of a request. It is never sent, so that one serves for all."""
        return ClientRequest("GET", self.origin, proxy=self.proxy, loop=loop)


class _Lane:
    """One pool. The gate, not the pool, makes exchanges wait, so that a cancelled one can't take a slot with it."""

    def __init__(
        self, route: _Route, heads: Heads, connections: int, *, idle: float, max_body: int, watchful: bool
    ) -> None:
        self._gate = asyncio.Semaphore(connections)
        self._route = route
        self._heads = heads
        self._idle = idle
        self._max_body = max_body
        self._watchful = watchful
        self._used: WeakSet[ResponseHandler] = WeakSet()
        self._opened: tuple[aiohttp.TCPConnector, ClientRequest] | None = None

    async def exchange(self, passage: Passage, request: Request, loop: asyncio.AbstractEventLoop) -> None:
        async with self._gate:
            passage.stage = Stage.CONNECT
            connection = await self._connect(loop)
            protocol, transport = connection.protocol, connection.transport
            assert protocol is not None
            assert transport is not None
            try:
                protocol.set_response_params(read_until_eof=True, auto_decompress=False)
                next_message = protocol.read  # an aiohttp without it is to be found out before anything leaves
                self._write(passage, request, transport)
                await self._read(passage, next_message)
            except BaseException:
                _cut_off(connection, transport)
                raise
            if protocol.writing_paused:  # answered before it had taken the whole request
                _cut_off(connection, transport)
            else:
                connection.release()  # which keeps it only if the answer allows that
        passage.body = decoded(passage.body, passage.headers.get("Content-Encoding"), self._max_body)

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> Connection:
        if self._opened is None:
            self._opened = self._route.connector(loop, self._idle), self._route.destination(loop)
        connector, destination = self._opened
        while True:
            connection = await connector.connect(destination, traces=[], timeout=_NO_TIMEOUT)
            protocol = connection.protocol
            assert protocol is not None
            if protocol not in self._used:
                if connection.closed or protocol.should_close:  # lost already, or spoke before it was asked
                    connection.close()
                    raise ConnectionResetError
                self._used.add(protocol)
                return connection
            if not (protocol.should_close or (self._watchful and _has_something_to_read(connection))):
                return connection
            connection.close()  # and take another: nothing was written to this one

    def _write(self, passage: Passage, request: Request, transport: asyncio.Transport) -> None:
        """Hand the whole request to the transport. Its bytes are in no variable: tracebacks are shown with theirs."""
        if not request.departure.leave():
            raise _NotDeparted
        passage.stage = Stage.SENDING
        transport.write(self._heads.with_body(request))

    async def _read(self, passage: Passage, next_message: _Reader) -> None:
        message, content = await next_message()
        while message.code in _INTERIM:
            message, content = await next_message()
        passage.status = message.code
        passage.headers = message.headers
        passage.stage = Stage.HEADERS
        while not content.at_eof():
            chunk = await content.readany()
            if chunk:
                passage.stage = Stage.BODY
                passage.body = passage.body + chunk if passage.body else chunk
                if len(passage.body) > self._max_body:
                    passage.body = b""
                    raise TooLarge

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened[0].close()


class _NotDeparted(Exception):
    """The gate was closed: whoever waited has gone. Nothing was written."""


def _cut_off(connection: Connection, transport: asyncio.Transport) -> None:
    """Close at once: what was not written yet must not leave later."""
    transport.abort()
    connection.close()


def _has_something_to_read(connection: Connection) -> bool:
    """True where a server closed a kept connection, or spoke unasked, and the loop has not seen it yet."""
    assert connection.transport is not None
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
        case Undecodable() | HttpProcessingError():
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
