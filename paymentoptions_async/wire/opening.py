"""Which wire a client gets: aiohttp's pool, or the adapter where a transport was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Wire

if TYPE_CHECKING:
    import ssl

    import httpx

    Opener = Callable[[str, Authentication], Wire]

_stand_in: Opener | None = None
"""Opens every wire instead, while a test replaces the network (`paymentoptions_async.testing`)."""


def open_wire(
    base_url: str,
    credentials: Authentication,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    connections: int = 100,
    proxy: str | None = None,
    ssl_context: ssl.SSLContext | None = None,
) -> Wire:
    """Make the wire of a client. Connects nothing yet, and may be called outside an event loop.

    ``transport`` plugs in httpx and brings its own proxy and TLS; otherwise ``connections`` bounds the exchanges
    under way, for charging requests and for the others apart. Raises ConfigurationError for what is unsafe or
    contradicts itself.
    """
    if transport is not None:
        if proxy is not None or ssl_context is not None:
            raise ConfigurationError("transport: brings its own proxy and TLS; set them there.")
        from paymentoptions_async.wire.httpx_adapter import HttpxWire

        return HttpxWire(base_url, credentials, transport, connections=connections)
    if _stand_in is not None:
        return _stand_in(base_url, credentials)
    from paymentoptions_async.wire.pool import AiohttpWire

    return AiohttpWire(base_url, credentials, connections=connections, proxy=proxy, ssl_context=ssl_context)


def replace_opener(opener: Opener | None) -> Opener | None:
    """Let ``opener`` open every wire for which no transport is given; return what did so before. For tests."""
    global _stand_in
    before, _stand_in = _stand_in, opener
    return before
