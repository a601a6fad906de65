"""Serve a sandbox over HTTP on loopback: uvicorn behind the TCP front, in the running loop or in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import uvicorn

from .front import Front
from .sandbox import Sandbox


class NotLoopback(ValueError):
    """Refuse to listen on anything but a loopback address."""


@contextlib.asynccontextmanager
async def serve(sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve `sandbox` in the running loop and yield its base URL; port 0 picks a free one.

    NotLoopback for any other host; OSError when the port is taken.
    """
    check_loopback(host)
    address = "127.0.0.1" if host == "localhost" else host  # one address, so that port 0 is one port
    inner = _listen()
    server = _Server(
        uvicorn.Config(
            sandbox.app,
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,  # a 3-D Secure page's URL holds its token
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[inner]))
    front = Front(upstream=inner.getsockname()[:2])
    try:
        await server.is_up.wait()
        await front.open(address, port)
        background = asyncio.create_task(sandbox.run())
        try:
            yield f"http://{f'[{host}]' if ':' in host else host}:{front.port}"
        finally:
            background.cancel()
            await asyncio.gather(background, return_exceptions=True)
            await front.close()
    finally:
        server.stop()
        await serving
        inner.close()


@contextlib.contextmanager
def serve_in_thread(sandbox: Sandbox, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve `sandbox` in a thread of its own and yield its base URL, for programs that are not asynchronous."""
    up: threading.Event = threading.Event()
    outcome: list[str | BaseException] = []
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        stopping = asyncio.Event()
        async with serve(sandbox, host=host, port=port) as url:
            stop.append((asyncio.get_running_loop(), stopping))
            outcome.append(url)
            up.set()
            await stopping.wait()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as problem:  # noqa: BLE001  told to whoever waits for the server
            outcome.append(problem)
        finally:
            up.set()

    thread = threading.Thread(target=run, name="paymentoptions-sandbox", daemon=True)
    thread.start()
    up.wait()
    if isinstance(problem := outcome[0], BaseException):
        raise problem
    try:
        yield problem
    finally:
        loop, stopping = stop[0]
        loop.call_soon_threadsafe(stopping.set)
        thread.join()


def check_loopback(host: str) -> None:
    """Raise NotLoopback unless `host` is `localhost` or a loopback address."""
    try:
        if host == "localhost" or ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise NotLoopback(
        f"the sandbox listens on loopback only (127.0.0.1, ::1, localhost), not on {host}: "
        "it has no real authentication, and its keys are public"
    )


def _listen() -> socket.socket:
    # The protocol is named because asyncio takes Nagle's delay off only where it is: without, every reply on a
    # connection that is kept would wait 40 ms for the acknowledgement of its own head.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    return listening


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers, which belong to the program around us; `is_up` is set once it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self._stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    def stop(self) -> None:
        """Stop at once, and drop what is still being answered (a delay that would never end, for one)."""
        self.should_exit = self.force_exit = True
        self._stopping.set()
        for task in self.server_state.tasks:
            task.cancel()

    async def main_loop(self) -> None:
        """Do uvicorn's housekeeping ten times a second, but end as soon as `stop` is called."""
        count = 0
        while not await self.on_tick(count):
            count += 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await self._stopping.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.is_up.set()
