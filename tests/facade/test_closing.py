"""Closing a client: what is on the wire comes to its end first."""

from __future__ import annotations

import asyncio

import pytest


async def test_closing_that_was_cancelled_is_taken_up_again(merchant):
    started, over = asyncio.Event(), asyncio.Event()

    async def work():
        started.set()
        await over.wait()

    merchant.gateway._flow.spawn(work())
    closing = asyncio.create_task(merchant.gateway.aclose())
    await started.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    over.set()
    await merchant.gateway.aclose()
    assert merchant.gateway._wire._closed
    assert merchant.gateway._journal._closed
