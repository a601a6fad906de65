"""A caller that gives up, a wire or journal that fails: nobody is told less, or more, than what is known."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async import policy
from paymentoptions_async.errors import (
    ConfigurationError,
    EnvironmentMismatch,
    InvalidRequest,
    JournalUnavailable,
    NotSent,
    OutcomeUnknown,
)
from paymentoptions_async.payment import PaymentStatus, Progress
from tests.support.scripted import TRANSACTION, Held, answer, envelope
from tests.support.virtual_time import in_virtual_time


async def test_a_call_that_waited_for_another_never_says_not_sent_of_what_the_other_sent(shop, monkeypatch):
    held = Held(answer(envelope(shop.ref())), after_leaving=True)
    shop.wire.then(held)
    first = asyncio.create_task(shop.pay())
    await held.reached.wait()
    changed = shop.journal.changed

    async def hears_of_it_just_after_its_deadline(ref, *, after, timeout):
        await changed(ref, after=after, timeout=timeout)
        await asyncio.sleep(0.01)
        held.release()
        return await changed(ref, after=after, timeout=5)

    monkeypatch.setattr(shop.journal, "changed", hears_of_it_just_after_its_deadline)
    second = await shop.pay(flow=shop.another_flow(), timeout=0.01)
    assert second == await first
    assert second.status is PaymentStatus.APPROVED


async def test_given_up_while_the_journal_writes_it_is_closed_without_reaching_the_wire(shop, monkeypatch):
    admit = shop.journal.admit

    async def slow(*args, **options):
        await asyncio.sleep(0.02)
        return await admit(*args, **options)

    monkeypatch.setattr(shop.journal, "admit", slow)
    with pytest.raises(NotSent):
        await shop.pay(timeout=0.01)
    assert shop.wire.sent == []
    assert (await shop.journal.get(shop.ref())).payment.progress is Progress.NOT_SENT


async def test_cancelled_while_the_journal_writes_it_never_sends(shop, monkeypatch):
    admit, reached = shop.journal.admit, asyncio.Event()

    async def slow(*args, **options):
        reached.set()
        await asyncio.sleep(0.01)
        return await admit(*args, **options)

    monkeypatch.setattr(shop.journal, "admit", slow)
    call = asyncio.create_task(shop.pay())
    await reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await shop.flow.drain()
    assert shop.wire.sent == []
    assert (await shop.journal.get(shop.ref())).payment.progress is Progress.NOT_SENT


async def test_cancelled_twice_the_exchange_still_ends_in_the_background(shop):
    held = Held(answer(envelope(shop.ref())), after_leaving=True)
    shop.wire.then(held)
    call = asyncio.create_task(shop.pay())
    await held.reached.wait()
    call.cancel()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    draining = asyncio.create_task(shop.flow.drain())
    await asyncio.sleep(0)
    draining.cancel()
    with pytest.raises(asyncio.CancelledError):
        await draining
    held.release()
    await shop.flow.drain()
    assert (await shop.journal.get(shop.ref())).payment.status is PaymentStatus.APPROVED


@in_virtual_time
async def test_after_waiting_for_another_call_an_exchange_has_its_whole_time(shop, monkeypatch):
    monkeypatch.setattr(policy, "EXCHANGE_FLOOR", 0.5)
    held = Held(answer({"message": "no"}, 400), after_leaving=True)
    left = []

    def answers(request):
        left.append(request.deadline - asyncio.get_running_loop().time())
        assert request.departure.leave()
        return answer(envelope(shop.ref()))

    shop.wire.then(held, answers)
    first = asyncio.create_task(shop.pay())
    await held.reached.wait()
    asyncio.get_running_loop().call_later(0.2, held.release)
    await shop.pay(flow=shop.another_flow(), timeout=0.4)
    with pytest.raises(InvalidRequest):
        await first
    assert left[0] > 0.4


async def test_a_wire_that_cannot_be_used_leaves_nothing_unknown(shop):
    def refuses(request):
        raise ConfigurationError("This client is closed. Nothing was sent.")

    shop.wire.then(refuses, answer(envelope(shop.ref())))
    with pytest.raises(ConfigurationError):
        await shop.pay()
    assert (await shop.journal.get(shop.ref())).payment.progress is Progress.NOT_SENT
    assert (await shop.pay()).status is PaymentStatus.APPROVED


async def test_a_wire_that_fails_oddly_after_the_first_byte_proves_nothing(shop):
    def breaks(request):
        assert request.departure.leave()
        raise ConfigurationError("it says that nothing was sent, and is wrong")

    shop.wire.then(breaks)
    with pytest.raises(ConfigurationError):
        await shop.pay()
    assert (await shop.journal.get(shop.ref())).payment.progress is Progress.SENDING


async def test_an_answer_that_could_not_be_recorded_says_that_it_may_have_been_charged(shop):
    async def close_the_journal(request):
        assert request.departure.leave()
        await shop.journal.aclose()
        return answer(envelope(shop.ref()))

    shop.wire.then(close_the_journal)
    with pytest.raises(JournalUnavailable, match=f"may have left.*The gateway calls it '{TRANSACTION}'") as error:
        await shop.pay()
    assert error.value.ref == shop.ref()
    assert error.value.operation == "purchase"
    assert not error.value.evidence.not_sent


async def test_whatever_a_client_refuses_after_a_mismatch_carries_the_payment_that_showed_it(shop):
    shop.wire.then(answer(envelope(shop.ref(), live=True)))
    with pytest.raises(EnvironmentMismatch):
        await shop.pay()
    with pytest.raises(EnvironmentMismatch, match="charges no more") as refused:
        await shop.pay("another")
    assert refused.value.payment.ref == shop.ref()
    assert refused.value.payment.status is PaymentStatus.UNKNOWN


async def test_overtaken_after_it_left_while_the_journal_is_away_it_is_unknown_and_not_unsent(shop, monkeypatch):
    held = Held(answer(envelope(shop.ref())), after_leaving=True)
    shop.wire.then(held)

    async def away(ref):
        raise JournalUnavailable("the server is shutting down")

    paying = asyncio.create_task(shop.pay(timeout=0.05))
    await held.reached.wait()
    with monkeypatch.context() as patch:
        patch.setattr(shop.journal, "get", away)
        with pytest.raises(OutcomeUnknown) as raised:
            await paying
    assert raised.value.payment.ref == shop.ref()
    held.release()
    await shop.flow.drain()
    assert (await shop.journal.get(shop.ref())).payment.status is PaymentStatus.APPROVED
