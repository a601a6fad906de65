"""Closing a client: what is on the wire comes to its end first."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from paymentoptions_async import (
    Balance,
    Card,
    ConfigurationError,
    MemoryJournal,
    Money,
    Progress,
    SubscriptionStatus,
)
from paymentoptions_async.sandbox import Sandbox
from tests.facade.conftest import ADDRESS, NUMBERS, client

PURCHASE: dict[str, Any] = {
    "card": Card(number=NUMBERS["approved"], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
    "billing_address": ADDRESS,
    "customer_ip": "203.0.113.7",
    "idempotency_key": "1042:1",
}


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
    refused: list[str] = []

    async def on_payment(_event):
        if refused:
            return
        try:
            await getattr(gateway, method)()
        except ConfigurationError as error:
            refused.append(str(error))
            raise

    async with client("http://127.0.0.1", transport=Sandbox().transport(), on_payment=on_payment) as gateway:
        payment = await gateway.purchase(Money("1000", "JPY"), **PURCHASE)
        async with asyncio.timeout(30):
            await gateway.drain()
        assert len(refused) == 1
        assert "a handler can't" in refused[0]
        assert (await gateway.payment(payment.ref)).ref == payment.ref, "the client goes on"


async def test_a_handler_that_runs_while_the_client_closes_may_use_it_and_nobody_else():
    runs, closing = asyncio.Event(), asyncio.Event()
    balances: list[Balance] = []

    async def on_payment(event):
        if event.payment.parent is not None:
            return
        runs.set()
        await closing.wait()
        await gateway.refund(event.payment.ref, Money("100", "JPY"), idempotency_key="1042:back")
        balances.append(await gateway.balance(event.payment.ref))

    gateway = client("http://127.0.0.1", transport=Sandbox().transport(), on_payment=on_payment)
    async with gateway:
        await gateway.purchase(Money("1000", "JPY"), **PURCHASE)
        await runs.wait()
        closes = asyncio.create_task(gateway.aclose())
        await asyncio.sleep(0)
        with pytest.raises(ConfigurationError, match="closed"):
            await gateway.unresolved()
        closing.set()
        await closes
    assert [str(balance.refunded) for balance in balances] == ["100 JPY"]


async def test_a_client_that_could_never_call_its_handler_sends_nothing():
    bank = Sandbox()

    async def on_payment(event):
        raise AssertionError(event)

    gateway = client("http://127.0.0.1", transport=bank.transport(), on_payment=on_payment)
    with pytest.raises(ConfigurationError, match=r"never be called.*async with"):
        await gateway.purchase(Money("1000", "JPY"), **PURCHASE)
    assert not bank.books.charges()
    await gateway.aclose()


async def test_events_that_a_closing_client_does_not_hand_over_are_left_to_the_next():
    journal, bank, heard = MemoryJournal(), Sandbox(), []

    async def hear(event):
        heard.append(event.payment.ref)

    options = {"journal": journal, "transport": bank.transport(), "on_payment": hear}
    async with client("http://127.0.0.1", **options) as gateway:
        paid = await gateway.purchase(Money("1000", "JPY"), **PURCHASE)
    async with client("http://127.0.0.1", **options) as gateway:
        await gateway.drain()
    assert heard == [paid.ref]


async def test_closing_waits_for_a_change_of_a_subscription_that_is_on_the_wire():
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def bank(_request: httpx.Request) -> httpx.Response:
        reached.set()
        await go_on.wait()
        details = {"id": "sub-1", "status": "CANCELLED"}
        return httpx.Response(201, json={"success": True, "subscription_details": details})

    async with client("http://127.0.0.1", transport=httpx.MockTransport(bank)) as gateway:
        cancelling = asyncio.create_task(gateway.cancel_subscription("sub-1"))
        await reached.wait()
        closing = asyncio.create_task(gateway.aclose())
        await asyncio.sleep(0)
        go_on.set()
        assert (await cancelling).status is SubscriptionStatus.CANCELLED
        await closing


async def test_a_refund_that_is_admitted_while_the_client_closes_is_recorded_as_not_sent():
    bank = Sandbox()
    transport, reading, closing, admitted = bank.transport(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def aclose() -> None:
        closing.set()
        await admitted.wait()

    transport.aclose = aclose  # type: ignore[method-assign]
    async with client("http://127.0.0.1", transport=transport) as gateway:
        journal: Any = gateway.journal
        paid = await gateway.purchase(Money("1000", "JPY"), **PURCHASE)
        followers, admit = journal.followers, journal.admit

        async def read(ref: str) -> Any:
            reading.set()
            await closing.wait()
            return await followers(ref)

        async def let_in(*intent: Any, **how: Any) -> Any:
            admission = await admit(*intent, **how)
            admitted.set()
            return admission

        journal.followers, journal.admit = read, let_in
        refunding = asyncio.create_task(gateway.refund(paid.ref))
        await reading.wait()
        await gateway.aclose()
        with pytest.raises(ConfigurationError, match="Nothing was sent"):
            await refunding
        [refund] = [record.payment for record in journal._records.values() if record.intent.parent == paid.ref]
        assert refund.progress is Progress.NOT_SENT  # and not in flight, and then unknown for good
