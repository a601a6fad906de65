"""What a request is on the wire: its line, its headers and its body, as bytes."""

from __future__ import annotations

from collections.abc import Mapping

from yarl import URL

from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Request
from paymentoptions_async.wire.reading import JSON, PLAIN_HEADERS


class Heads:
    """Writes requests to one base URL. What never changes of them is put together once.

    Nothing here can end a line before its time: the base URL, each `Request` and each `Authentication` were checked
    when they were made.
    """

    __slots__ = ("_headers", "_lines", "_prefix")

    def __init__(self, base: URL, credentials: Authentication) -> None:
        self._prefix = base.raw_path.rstrip("/")
        self._headers = {"Host": base.host_port_subcomponent or "", **PLAIN_HEADERS, **credentials.headers()}
        self._lines = _lines(self._headers)

    def with_body(self, request: Request) -> bytes:
        """The bytes of a request, from its first to its last."""
        own = request.authentication
        lines = self._lines if own is None else _lines({**self._headers, **own.headers()})
        start = f"{request.method} {self._prefix}{request.path} HTTP/1.1\r\n{lines}"
        if request.body is not None:
            length = len(request.body)
            return f"{start}Content-Type: {JSON}\r\nContent-Length: {length}\r\n\r\n".encode("ascii") + request.body
        if request.method == "GET":
            return f"{start}\r\n".encode("ascii")
        return f"{start}Content-Length: 0\r\n\r\n".encode("ascii")  # RFC 9110, 8.6: a method that could have content


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
