"""A server on loopback that does exactly what a test tells it, and both wires to send to it."""

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import pytest

from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.exchange import Departure, Request, Wire
from paymentoptions_async.wire.httpx_adapter import HttpxWire
from paymentoptions_async.wire.pool import AiohttpWire

KEYS = Credentials("test-api-key", "test-x-api-key")


class Peer:
    """The server's side of one connection."""

    def __init__(self, server: "Server", reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.reader = reader
        self.writer = writer

    async def request(self) -> bytes:
        """One whole request: its head and body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.server.received += head
        length = re.search(rb"(?i)content-length: (\d+)", head)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        self.server.received += body
        self.server.requests.append(head + body)
        self.server.asked.set()
        return head + body

    async def answer(self, status: int = 200, body: bytes = b"{}", headers: str = "") -> None:
        await self.send(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self) -> None:
        """Wait until the client closes, counting what it still sends."""
        while data := await self.reader.read(65536):
            self.server.received += data

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class Server:
    """Runs a script for each connection, and counts every byte of a request that reached it."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.received = b""
        self.requests: list[bytes] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._port = 0
        self._tls = False

    async def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls is not None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        self._port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"https://localhost:{self._port}" if self._tls else f"http://127.0.0.1:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    async def stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)

    async def quiet(self) -> None:
        """Wait until every connection's script has ended, so that all that was sent has been counted."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            await self.script(Peer(self, reader, writer))
        except asyncio.IncompleteReadError as error:
            self.received += error.partial
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    async with AsyncExitStack() as stack:

        async def start(script: Script, tls: ssl.SSLContext | None = None) -> Server:
            server = Server(script)
            await server.start(tls)
            stack.push_async_callback(server.stop)
            return server

        yield start


@pytest.fixture(params=["aiohttp", "httpx"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def wire_to(kind: str) -> AsyncIterator[Callable[..., Wire]]:
    """Open the wire of this test's kind to a base URL."""
    async with AsyncExitStack() as stack:

        def open_(
            url: str,
            *,
            connections: int = 100,
            max_body: int = 1 << 20,
            ssl_context: ssl.SSLContext | None = None,
            proxy: str | None = None,
        ) -> Wire:
            wire: Wire
            if kind == "aiohttp":
                wire = AiohttpWire(
                    url, KEYS, connections=connections, max_body=max_body, ssl_context=ssl_context, proxy=proxy
                )
            else:
                transport = httpx.AsyncHTTPTransport(
                    verify=ssl_context or not url.startswith("http:") or _no_tls(),
                    limits=httpx.Limits(max_connections=connections),
                    proxy=proxy,
                )
                wire = HttpxWire(url, KEYS, transport, connections=connections, max_body=max_body)
            stack.push_async_callback(wire.aclose)
            return wire

        yield open_


def _no_tls() -> ssl.SSLContext:
    """Loading the system's certificates takes longer than most of these tests."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def get(path: str = "/status/1", within: float = 5.0, departure: Departure | None = None) -> Request:
    deadline = asyncio.get_running_loop().time() + within
    return Request("GET", path, deadline, departure=departure or Departure())


def post(
    path: str = "/payment", within: float = 5.0, departure: Departure | None = None, body: bytes = b'{"amount":"1"}'
) -> Request:
    deadline = asyncio.get_running_loop().time() + within
    return Request("POST", path, deadline, body=body, charging=True, departure=departure or Departure())


@pytest.fixture(params=[get, post], ids=["GET", "POST"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Request]:
    """Make a request of this test's method."""
    maker: Callable[..., Request] = request.param
    return maker


@pytest.fixture(name="get")
def get_() -> Callable[..., Request]:
    return get


@pytest.fixture(name="post")
def post_() -> Callable[..., Request]:
    return post


@pytest.fixture
async def pooled():
    """Opens wires over aiohttp's pool, and closes them."""
    wires = []

    def open_(url, **settings):
        wires.append(AiohttpWire(url, KEYS, **settings))
        return wires[-1]

    yield open_
    for wire in wires:
        await wire.aclose()
