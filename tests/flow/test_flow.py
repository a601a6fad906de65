"""The one path: what leaves, what is recorded, what the caller gets."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async.errors import (
    AuthenticationFailed,
    EnvironmentMismatch,
    IdempotencyConflict,
    InvalidRequest,
    JournalUnavailable,
    NotSent,
    OutcomeUnknown,
    RateLimited,
)
from paymentoptions_async.payment import PaymentStatus, Progress
from paymentoptions_async.values import Money
from tests.support.scripted import Held, ScriptedWire, answer, envelope, lost, not_sent, redirect


async def test_an_approved_charge_is_recorded_before_it_is_returned(shop):
    shop.wire.then(answer(envelope(shop.ref())))
    payment = await shop.pay()
    assert payment.status is PaymentStatus.APPROVED
    assert (await shop.journal.get(payment.ref)).payment == payment
    assert [entry.event for entry in await shop.journal.history(payment.ref)] == ["opened", "answered"]


async def test_the_intent_stands_in_the_journal_when_the_request_leaves(shop):
    async def look(request):
        record = await shop.journal.get(shop.ref())
        assert record.payment.progress is Progress.SENDING
        request.departure.leave()
        return answer(envelope(shop.ref()))

    shop.wire.then(look)
    await shop.pay()


async def test_nothing_leaves_when_the_journal_cannot_write(shop):
    await shop.journal.aclose()
    with pytest.raises(JournalUnavailable):
        await shop.pay()
    assert shop.wire.sent == []


async def test_an_answer_that_cannot_be_recorded_is_not_given_to_the_caller(shop):
    async def close_the_journal(request):
        request.departure.leave()
        await shop.journal.aclose()
        return answer(envelope(shop.ref()))

    shop.wire.then(close_the_journal)
    with pytest.raises(JournalUnavailable):
        await shop.pay()


async def test_a_decline_is_returned(shop):
    shop.wire.then(answer(envelope(shop.ref(), code=51), 201))
    payment = await shop.pay()
    assert payment.status is PaymentStatus.DECLINED
    assert payment.decline.reason == "insufficient_funds"


async def test_a_3d_secure_start_waits_for_the_buyer(shop):
    shop.wire.then(answer(redirect(), 200))
    payment = await shop.pay()
    assert payment.status is PaymentStatus.ACTION_REQUIRED
    assert payment.redirect_url.startswith("https://checkout-dev.paymentoptions.com/")
    assert payment.transaction_id is None


@pytest.mark.parametrize(
    "reply",
    [lost(), lost("deadline"), lost("eof"), answer(b"<html>", 502), answer({}, 200), answer(b"", 201), answer({}, 302)],
    ids=["reset", "deadline", "eof", "html 502", "empty object", "empty body", "redirect"],
)
async def test_whatever_may_have_charged_is_unknown_and_never_sent_again(shop, reply):
    shop.wire.then(reply)
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.pay()
    assert unknown.value.payment.status is PaymentStatus.UNKNOWN
    assert unknown.value.evidence is not None
    with pytest.raises(OutcomeUnknown) as again:
        await shop.pay()
    assert again.value.payment.ref == unknown.value.payment.ref
    assert shop.wire.charges == 1


async def test_what_provably_did_not_leave_goes_again(shop, no_delay):
    shop.wire.then(not_sent(), not_sent("dns"), answer(envelope(shop.ref())))
    assert (await shop.pay()).status is PaymentStatus.APPROVED
    assert shop.wire.charges == 1


async def test_never_sent_is_said_so_and_the_same_key_may_be_used_again(shop, no_delay):
    shop.wire.then(*[not_sent()] * 4)
    with pytest.raises(NotSent) as error:
        await shop.pay()
    assert error.value.payment.progress is Progress.NOT_SENT
    assert error.value.evidence.attempts == 4
    shop.wire.then(answer(envelope(shop.ref())))
    assert (await shop.pay()).ref == error.value.ref


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (422, InvalidRequest),
        (401, AuthenticationFailed),
        (403, AuthenticationFailed),
        (429, RateLimited),
    ],
)
async def test_a_refusal_is_raised_and_may_be_called_again(shop, status, kind):
    shop.wire.then(answer({"message": "no"}, status, {"Retry-After": "7"}), answer(envelope(shop.ref())))
    with pytest.raises(kind) as error:
        await shop.pay()
    assert error.value.ref == shop.ref()
    assert (await shop.pay()).status is PaymentStatus.APPROVED


async def test_the_same_key_again_is_the_recorded_payment_without_a_request(shop):
    shop.wire.then(answer(envelope(shop.ref())))
    first = await shop.pay()
    assert await shop.pay() == first
    assert await shop.pay(flow=shop.another_flow()) == first
    assert len(shop.wire.sent) == 1


@pytest.mark.parametrize(
    ("about", "fields"),
    [
        ({"amount": Money("1001", "JPY")}, ("amount",)),
        ({"amount": Money("1000", "USD")}, ("currency",)),
        ({"amount": Money("10", "USD")}, ("currency", "amount")),
        ({"instrument": "400000******1091 12/29"}, ("instrument",)),
    ],
)
async def test_a_key_that_stands_for_something_else_is_a_conflict(shop, about, fields):
    shop.wire.then(answer(envelope(shop.ref())))
    await shop.pay()
    with pytest.raises(IdempotencyConflict) as conflict:
        await shop.pay(**about)
    assert conflict.value.fields == fields
    assert len(shop.wire.sent) == 1


async def test_twenty_calls_with_one_key_send_once_and_all_get_the_payment(shop):
    held = Held(answer(envelope(shop.ref())), after_leaving=True)
    shop.wire.then(held)
    calls = [asyncio.create_task(shop.pay(flow=shop.another_flow())) for _ in range(20)]
    await held.reached.wait()
    held.release()
    payments = await asyncio.gather(*calls)
    assert {payment.status for payment in payments} == {PaymentStatus.APPROVED}
    assert len(shop.wire.sent) == 1


async def test_a_second_call_of_the_same_key_does_not_wait_past_its_own_deadline(shop):
    held = Held(answer(envelope(shop.ref())), after_leaving=True)
    shop.wire.then(held)
    first = asyncio.create_task(shop.pay())
    await held.reached.wait()
    with pytest.raises(OutcomeUnknown, match="in flight"):
        await shop.pay(flow=shop.another_flow(), timeout=0.01)
    held.release()
    assert (await first).status is PaymentStatus.APPROVED


async def test_cancelled_before_the_first_byte_it_never_sends(shop):
    held = Held(answer(envelope(shop.ref())), after_leaving=False)
    shop.wire.then(held)
    call = asyncio.create_task(shop.pay())
    await held.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    async with asyncio.timeout(5):
        await shop.flow.drain()
    assert (await shop.journal.get(shop.ref())).payment.progress is Progress.NOT_SENT
    assert shop.wire.charges == 0


async def test_cancelled_after_the_first_byte_the_exchange_ends_in_the_background(shop):
    held = Held(answer(envelope(shop.ref())), after_leaving=True)
    shop.wire.then(held)
    call = asyncio.create_task(shop.pay())
    await held.reached.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    held.release()
    await shop.flow.drain()
    assert (await shop.journal.get(shop.ref())).payment.status is PaymentStatus.APPROVED


async def test_a_caller_out_of_time_learns_that_the_exchange_goes_on(shop):
    held = Held(answer(envelope(shop.ref())), after_leaving=True)
    shop.wire.then(held)
    with pytest.raises(OutcomeUnknown, match="goes on") as unknown:
        await shop.pay(timeout=0.01)
    assert unknown.value.payment.status is PaymentStatus.PENDING
    held.release()
    await shop.flow.drain()
    assert (await shop.journal.get(shop.ref())).payment.status is PaymentStatus.APPROVED


async def test_a_caller_out_of_time_before_anything_left_is_told_that_nothing_was_sent(shop):
    shop.wire.then(Held(answer(envelope(shop.ref())), after_leaving=False))
    with pytest.raises(NotSent):
        await shop.pay(timeout=0.01)
    assert shop.wire.charges == 0


async def test_an_owner_that_never_came_back_leaves_an_unknown(shop):
    await shop.journal.admit(shop.intent(), owner="gone", lease=45.0)
    shop.now += 46
    with pytest.raises(OutcomeUnknown, match="may or may not"):
        await shop.pay()
    assert shop.wire.sent == []


async def test_an_answer_of_another_environment_is_recorded_and_stops_the_client(shop):
    shop.wire.then(answer(envelope(shop.ref(), live=True)))
    with pytest.raises(EnvironmentMismatch) as mismatch:
        await shop.pay()
    assert mismatch.value.payment.status is PaymentStatus.UNKNOWN
    assert (await shop.journal.get(shop.ref())).payment.status is PaymentStatus.UNKNOWN
    with pytest.raises(EnvironmentMismatch, match="charges no more"):
        await shop.pay("another")
    assert shop.wire.charges == 1


@pytest.mark.parametrize(
    "about",
    [
        {"amount": 999},
        {"currency": "USD"},
        {"code": 94},
        {"code": 68},
        {"code": 85},
        {"success": False},
        {"code": 51, "success": True},
    ],
    ids=str,
)
async def test_answers_that_contradict_themselves_or_the_request_are_unknown(shop, about):
    shop.wire.then(answer(envelope(shop.ref(), **about)))
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.pay()
    assert unknown.value.payment.doubts


async def test_errors_that_escape_hold_no_request_and_no_reply(shop):
    shop.wire.then(lost())
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.pay()
    assert unknown.value.__cause__ is None
    assert unknown.value.__context__ is None
    assert isinstance(shop.wire, ScriptedWire)


@pytest.mark.parametrize("timeout", [0.5, 60.0, 100.0])
async def test_nobody_calls_an_intent_unknown_before_its_exchange_is_over(shop, timeout):
    left = []

    async def look(request):
        record = await shop.journal.get(shop.ref())
        left.append((request.deadline - asyncio.get_running_loop().time(), record.deadline - shop.now))
        assert request.departure.leave()
        return answer(envelope(shop.ref()))

    shop.wire.then(look)
    await shop.pay(timeout=timeout)
    [(exchange, lease)] = left
    assert exchange == pytest.approx(max(timeout, 35.0), abs=0.4)
    assert lease > exchange + 5
