"""Closing a client: what is on the wire comes to its end first."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async import MemoryJournal
from tests.facade.conftest import client


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
    assert merchant.gateway._wires[0]._closed
    assert merchant.gateway._journal._closed


async def test_a_journal_that_was_passed_in_stays_open():
    journal = MemoryJournal()
    async with client("http://127.0.0.1", journal=journal):
        pass
    assert await journal.get("PONONE") is None
