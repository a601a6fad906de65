"""A client belongs to one event loop: used from another, it says so before it does anything."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from paymentoptions_async import ConfigurationError
from paymentoptions_async.redirects import Purpose
from tests.facade.conftest import client

REF = "PO" + "A" * 32


async def test_a_webhook_on_another_event_loop_is_refused_and_not_recorded():
    async with client("http://127.0.0.1") as gateway:
        token = gateway._settings.signer.token(REF, Purpose.WEBHOOK)

        async def receive() -> None:
            await gateway.webhooks.receive(REF, token, headers={}, body=b"{}")

        with ThreadPoolExecutor(1) as thread, pytest.raises(ConfigurationError, match="loop"):
            await asyncio.wrap_future(thread.submit(asyncio.run, receive()))
        assert not await gateway._journal.notices(REF)
        await receive()
        assert await gateway._journal.notices(REF)
