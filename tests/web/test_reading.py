"""How much of a body is held, and what becomes of it when its sender goes away; no framework."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from paymentoptions_async import WebhookRejected
from paymentoptions_async.notices import MAX_BODY
from paymentoptions_async.web.endpoints import Answer, Endpoints


class Gateway:
    """Keeps what it receives, as soon as it may."""

    def __init__(self) -> None:
        self.webhooks = self
        self.bodies: list[bytes] = []
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()

    async def receive(self, ref: str, token: str, *, headers: Mapping[str, str], body: bytes) -> None:
        self.entered.set()
        await self.go_on.wait()
        self.bodies.append(body)
        if len(body) > MAX_BODY:
            raise WebhookRejected("too large", http_status=413)

    async def returned(self, purpose: str, ref: str, token: str) -> Any:
        raise NotImplementedError


async def post(gateway: Gateway, chunks: AsyncIterator[bytes]) -> Answer:
    endpoints: Endpoints[None] = Endpoints(gateway)
    return await endpoints.webhook(None, method="POST", ref="r", token="t", headers={}, chunks=chunks)


@pytest.mark.parametrize("size", [1, 1000, MAX_BODY, MAX_BODY + 1, 10 * MAX_BODY])
async def test_no_more_is_held_than_tells_that_it_is_too_much(size):
    taken = 0

    async def without_end() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += size
            yield b" " * size

    gateway = Gateway()
    gateway.go_on.set()
    assert (await post(gateway, without_end())).status == 413
    assert [len(body) for body in gateway.bodies] == [MAX_BODY + 1]
    assert taken < MAX_BODY + 1 + size


async def test_a_webhook_that_is_being_recorded_is_recorded_though_its_request_is_cancelled():
    async def chunks() -> AsyncIterator[bytes]:
        yield b"{}"

    gateway = Gateway()
    request = asyncio.create_task(post(gateway, chunks()))
    await gateway.entered.wait()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    gateway.go_on.set()
    await asyncio.sleep(0)
    assert gateway.bodies == [b"{}"]
