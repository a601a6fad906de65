"""A TCP front before the HTTP server, for faults below HTTP: resets, cut replies, silence.

It passes bytes through in both directions and looks only at the heads of replies: the application marks a reply with
`x-sandbox-cut`, and the front takes the mark off and does what it says. It relies on every reply stating its length.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from dataclasses import dataclass

from .spoiling import CUT_HEADER

_MARK = re.compile(rb"\r\n" + CUT_HEADER.encode() + rb": ([a-z_]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNK_BYTES = 64 * 1024
_LAST_REQUEST_SECONDS = 1.0
_BACKLOG = 2048


class Front:
    """Listen on `host`:`port` (0 picks one) and pass connections on to an HTTP server at `upstream`."""

    def __init__(self, *, upstream: tuple[str, int]) -> None:
        self._upstream = upstream
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, host: str, port: int) -> None:
        """Start to listen; OSError when the port is taken."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=_CHUNK_BYTES, backlog=_BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening, and drop every connection."""
        assert self._server is not None
        self._server.close()
        await asyncio.sleep(0)  # what was accepted just now begins, so that it can be ended
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # either side went away, which is what this front is for
        except asyncio.CancelledError:
            pass  # closing; the stream's own callback would report it as an error
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._upstream, limit=_CHUNK_BYTES)
        traffic = _Traffic()
        requests = asyncio.create_task(_requests(reader, up_writer, traffic))
        answers = asyncio.create_task(_answers(up_reader, writer, traffic))
        try:
            done, _ = await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
            if answers in done and answers.result() == "hang":
                await requests
            elif answers not in done and traffic.unanswered:
                # The client is gone, but what it sent in full is still done: the server needs a moment to read it.
                await asyncio.wait((answers,), timeout=_LAST_REQUEST_SECONDS)
        finally:
            up_writer.transport.abort()
            for task in (requests, answers):
                task.cancel()
            await asyncio.gather(requests, answers, return_exceptions=True)


@dataclass
class _Traffic:
    """Whether anything was asked since the last reply."""

    unanswered: bool = False


async def _requests(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, traffic: _Traffic) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK_BYTES):
            traffic.unanswered = True
            writer.write(chunk)
            await writer.drain()


async def _answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, traffic: _Traffic) -> str:
    """Pass replies on until the connection ends or one is cut, and return how it was cut."""
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            writer.close()
            return ""
        mark = _MARK.search(head)
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        traffic.unanswered = False
        if mark is None:
            writer.write(head + body)
            await writer.drain()
            continue
        await _cut(mark[1].decode(), _MARK.sub(b"", head), body, writer)
        return mark[1].decode()


async def _cut(how: str, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
    match how:
        case "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        case "close":
            writer.close()
        case "half_head":
            writer.write(head[: len(head) // 2])
            writer.close()
        case "half_reply":
            writer.write(head + body[: len(body) // 2])
            writer.close()
        case _:
            assert how == "hang", how
            return
    with contextlib.suppress(OSError):
        await writer.wait_closed()
