"""Closing an httpx wire."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from paymentoptions_async.wire.credentials import Authentication
from paymentoptions_async.wire.exchange import Request
from paymentoptions_async.wire.httpx_adapter import HttpxWire


async def test_closing_that_was_cancelled_closes_the_transport_when_it_is_taken_up_again():
    reached, let_go = asyncio.Event(), asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        closed = False

        async def handle_async_request(self, _request: httpx.Request) -> httpx.Response:
            reached.set()
            try:
                await asyncio.Event().wait()
            finally:
                await let_go.wait()
            raise AssertionError

        async def aclose(self) -> None:
            self.closed = True

    transport = Slow()
    wire = HttpxWire("http://127.0.0.1", Authentication({}), transport)
    asking = asyncio.create_task(wire.send(Request("GET", "/x", asyncio.get_running_loop().time() + 60)))
    await reached.wait()
    closing = asyncio.create_task(wire.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    let_go.set()
    await wire.aclose()
    assert transport.closed
    await asyncio.wait({asking})
