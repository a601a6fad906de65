"""Closing a client: what is on the wire comes to its end first."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async import Card, ConfigurationError, MemoryJournal, Money
from paymentoptions_async.sandbox import Sandbox
from tests.facade.conftest import ADDRESS, NUMBERS, client


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


@pytest.mark.parametrize("method", ["aclose", "drain"])
async def test_a_handler_is_told_at_once_that_it_can_not_wait_for_itself(method):
    refused = []

    async def on_payment(_event):
        if refused:
            return
        try:
            await getattr(gateway, method)()
        except ConfigurationError as error:
            refused.append(str(error))
            raise

    async with client("http://127.0.0.1", transport=Sandbox().transport(), on_payment=on_payment) as gateway:
        payment = await gateway.purchase(
            Money("1000", "JPY"),
            card=Card(number=NUMBERS["approved"], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
            billing_address=ADDRESS,
            customer_ip="203.0.113.7",
            idempotency_key="1042:1",
        )
        async with asyncio.timeout(30):
            await gateway.drain()
        assert len(refused) == 1
        assert "a handler can't" in refused[0]
        assert (await gateway.payment(payment.ref)).ref == payment.ref, "the client goes on"
