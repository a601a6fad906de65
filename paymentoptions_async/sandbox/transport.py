"""The sandbox without a network: an httpx transport over the ASGI application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from .spoiling import CUT_HEADER

if TYPE_CHECKING:
    from .sandbox import Sandbox


class SandboxTransport(httpx.AsyncBaseTransport):
    """Call one sandbox in this process; where the TCP front would cut a reply, raise what httpx raises then."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._inner = httpx.ASGITransport(sandbox.app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        reply = await self._inner.handle_async_request(request)
        cut = reply.headers.pop(CUT_HEADER, None)
        match cut:
            case None:
                return reply
            case "reset":
                raise httpx.ReadError("", request=request)
            case "hang":
                raise httpx.ReadTimeout("", request=request)
            case "close":
                raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
            case _:
                raise httpx.RemoteProtocolError("peer closed connection within its reply", request=request)
