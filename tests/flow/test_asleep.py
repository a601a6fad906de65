"""A machine that slept, or a process that was stopped, past its lease must not send what others take for lost."""

from __future__ import annotations

import asyncio

import httpx
import pytest
import respx

from paymentoptions_async import policy
from paymentoptions_async.errors import NotSent, OutcomeUnknown
from paymentoptions_async.payment import PaymentStatus, Progress
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.exchange import Departure, Request, uptime
from paymentoptions_async.wire.httpx_adapter import HttpxWire
from tests.support.scripted import Held, answer, envelope, not_sent


@pytest.fixture
def sleep(shop, monkeypatch):
    """Let the machine sleep: the clocks of system and journal go on, the event loop's does not."""
    slept = 0.0
    monkeypatch.setattr("paymentoptions_async.flow.uptime", lambda: uptime() + slept)
    monkeypatch.setattr("paymentoptions_async.wire.exchange.uptime", lambda: uptime() + slept)

    def sleep(seconds):
        nonlocal slept
        slept += seconds
        shop.now += seconds

    return sleep


async def test_what_slept_past_its_lease_never_leaves(shop, sleep):
    held = Held(answer(envelope(shop.ref())), after_leaving=False)
    shop.wire.then(held)
    call = asyncio.create_task(shop.pay(timeout=60.0))
    await held.reached.wait()
    sleep(3600)
    with pytest.raises(OutcomeUnknown):
        await shop.pay(flow=shop.another_flow())  # another process takes it for lost
    held.release()
    with pytest.raises(NotSent):
        await call
    assert shop.wire.charges == 0
    shop.wire.then(answer(envelope(shop.ref())))
    assert (await shop.pay()).status is PaymentStatus.APPROVED
    assert shop.wire.charges == 1


async def test_what_slept_within_its_lease_leaves(shop, sleep):
    held = Held(answer(envelope(shop.ref())), after_leaving=False)
    shop.wire.then(held)
    call = asyncio.create_task(shop.pay(timeout=60.0))
    await held.reached.wait()
    sleep(60.0 + policy.LEASE_MARGIN - 1)
    held.release()
    assert (await call).status is PaymentStatus.APPROVED


async def test_what_slept_between_two_tries_does_not_go_again(shop, sleep, no_delay):
    def sleeps(request):
        sleep(3600)
        return not_sent()

    shop.wire.then(sleeps, answer(envelope(shop.ref())))
    with pytest.raises(NotSent):
        await shop.pay(timeout=60.0)
    assert shop.wire.charges == 0
    assert (await shop.journal.get(shop.ref())).payment.progress is Progress.NOT_SENT


async def test_the_lease_is_over_for_the_sender_before_it_is_for_the_journal(shop, sleep, monkeypatch):
    """However long the journal takes to write."""
    admit = shop.journal.admit

    async def slowly(*args, **options):
        sleep(30)
        return await admit(*args, **options)

    monkeypatch.setattr(shop.journal, "admit", slowly)
    held = Held(answer(envelope(shop.ref())), after_leaving=False)
    shop.wire.then(held)
    call = asyncio.create_task(shop.pay(timeout=60.0))
    await held.reached.wait()
    left = (await shop.journal.get(shop.ref())).deadline - shop.now
    sleep(left - 1)
    held.release()
    with pytest.raises(NotSent):
        await call
    assert shop.wire.charges == 0


async def test_what_a_mocked_transport_had_before_the_machine_slept_may_have_left(sleep):
    async def sleeps(request):
        sleep(3600)
        return httpx.Response(500)

    request = Request("POST", "/paymentv2", asyncio.get_running_loop().time() + 60, b"{}", charging=True)
    request.departure.closes_at = uptime() + 70
    wire = HttpxWire("http://127.0.0.1:1", Credentials("test-key", "test-x-key"), httpx.AsyncHTTPTransport())
    with respx.mock:
        respx.post("http://127.0.0.1:1/paymentv2").mock(side_effect=sleeps)
        reply = await wire.send(request)
    await wire.aclose()
    assert (reply.status, reply.evidence.not_sent) == (500, False)


def test_a_gate_that_closed_by_itself_stays_closed(monkeypatch):
    gate = Departure()
    gate.closes_at = uptime() + 1000
    assert gate.leave()
    late = Departure()
    late.closes_at = uptime()
    assert not late.leave()
    late.closes_at = uptime() + 1000
    assert not late.leave()
    assert late.forbid()
    assert not late.left
