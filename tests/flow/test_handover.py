"""Handing confirmed changes over: at least once, in each payment's order, from every source. Time passes at once."""

from __future__ import annotations

import asyncio
import contextlib
from random import Random
from typing import Any

import pytest

from paymentoptions_async import settling
from paymentoptions_async.errors import (
    ConfigurationError,
    Contradiction,
    InvalidRequest,
    JournalUnavailable,
    NotAllowed,
    NotSent,
    OutcomeUnknown,
)
from paymentoptions_async.handover import AT_ONCE, HANDLER_TIMEOUT, LOOK, Handover
from paymentoptions_async.intent import PaymentEvent
from paymentoptions_async.journal import MemoryJournal
from paymentoptions_async.payment import Operation, PaymentStatus
from paymentoptions_async.values import Money
from tests.support.scripted import OTHER_TRANSACTION, TRANSACTION, answer, envelope, lost, not_sent, redirect
from tests.support.status_desk import StatusDesk
from tests.support.virtual_time import in_virtual_time, rounds, unix_time

MINUTE = 60.0


class Listener:
    """An application's handler: notes what it hears; ``does`` says what comes of each call, in order."""

    def __init__(self, *does: Any) -> None:
        self.heard: list[PaymentEvent] = []
        self.does = list(does)

    async def __call__(self, event):
        self.heard.append(event)
        step = self.does.pop(0) if self.does else None
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, float):
            await asyncio.sleep(step)
        elif step is not None:
            await step(event)

    @property
    def told(self):
        return [(event.payment.ref, event.event, event.payment.status.value) for event in self.heard]


@pytest.fixture
def desk(shop):
    """The bank's side of the shop, in virtual time."""
    shop.wire = StatusDesk()
    shop.journal = MemoryJournal(clock=unix_time)
    shop.flow = shop.another_flow()
    return shop.wire


@pytest.fixture
def listen(shop, desk):
    """Begin to hand over to a handler, as a process with a client would; `stop` ends it."""

    async def listen(handler, *, hears=None):
        handover = Handover(shop.journal, shop.intent().scope, handler, random=Random(3))
        if hears is not None:
            hears.on_record = handover.look
        await handover.start()
        return handover

    return listen


async def confirm(shop, ref, told, transaction_id=TRANSACTION, flow=None):
    """Let a status query of the gateway answer so."""
    shop.wire.enter(transaction_id, told)
    record = await shop.journal.get(ref)
    await (flow or shop.flow).confirm(record, transaction_id, asyncio.get_running_loop().time() + 5)


async def settle(shop, ref, verdict):
    scope = shop.intent().scope
    prepared = await settling.prepare(shop.journal, scope, ref, verdict, by="Ann", note="looked in the portal")
    return await settling.settle(shop.journal, prepared)


async def unknown(shop, key="1042:1"):
    shop.wire.then(lost())
    with pytest.raises(OutcomeUnknown) as error:
        await shop.pay(key)
    return error.value.payment.ref


async def waiting(shop, key="1042:1"):
    shop.wire.then(answer(redirect(), 200))
    return (await shop.pay(key)).ref


# Each confirmed change, from every source, once -----------------------------------------------------------------------


@pytest.mark.parametrize(("code", "status"), [(0, "approved"), (5, "declined")])
@in_virtual_time
async def test_a_direct_answer_is_heard_of_at_once(shop, desk, listen, code, status):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref(), code=code)))
    paid = await shop.pay()
    await asyncio.sleep(0.01)
    assert heard.told == [(paid.ref, "answered", status)]
    assert heard.heard[0].payment == paid
    await asyncio.sleep(10 * MINUTE)
    assert len(heard.heard) == 1


@in_virtual_time
async def test_a_status_answer_is_heard_of(shop, desk, listen):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    ref = await waiting(shop)
    await confirm(shop, ref, envelope(ref))
    await asyncio.sleep(0.01)
    await confirm(shop, ref, envelope(ref))
    await asyncio.sleep(MINUTE)
    assert heard.told == [(ref, "confirmed", "approved")]


@in_virtual_time
async def test_what_a_person_settles_is_heard_of(shop, desk, listen):
    heard = Listener()
    await listen(heard)
    first, second = await unknown(shop, "1"), await unknown(shop, "2")
    await settle(shop, first, "happened")
    await settle(shop, second, "not_happened")
    await asyncio.sleep(MINUTE)
    assert sorted(heard.told) == sorted([(first, "settled", "approved"), (second, "settled", "cancelled")])


@in_virtual_time
async def test_what_another_process_records_is_heard_of_within_seconds(shop, desk, listen):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    other = shop.another_flow()
    desk.then(answer(envelope(shop.ref())))
    paid = await shop.pay(flow=other)
    await asyncio.sleep(1.5 * LOOK)
    assert heard.told == [(paid.ref, "answered", "approved")]


@in_virtual_time
async def test_a_contradiction_and_its_end_are_heard_of(shop, desk, listen):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    ref = (await shop.pay()).ref
    with pytest.raises(Contradiction):
        await confirm(shop, ref, envelope(ref, code=5))
    await confirm(shop, ref, envelope(ref))
    await asyncio.sleep(MINUTE)
    assert [(event, status) for _, event, status in heard.told] == [
        ("answered", "approved"),
        ("contradiction", "unknown"),
        ("confirmed", "approved"),
    ]


@in_virtual_time
async def test_a_second_charge_is_heard_of(shop, desk, listen):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    ref = (await shop.pay()).ref
    told = envelope(ref, transaction_id=OTHER_TRANSACTION)
    for _ in range(2):
        await confirm(shop, ref, told, OTHER_TRANSACTION)
    await asyncio.sleep(MINUTE)
    assert [event for _, event, _ in heard.told] == ["answered", "duplicate_charge"]
    assert heard.heard[1].payment.duplicate_charges == (OTHER_TRANSACTION,)


@in_virtual_time
async def test_a_refund_is_heard_of_under_its_own_reference(shop, desk, listen):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    ref = (await shop.pay()).ref
    told = envelope(ref, kind="REFUND", amount=300, transaction_id=OTHER_TRANSACTION)
    desk.then(lost())
    about = {"operation": Operation.REFUND, "parent": ref, "charge_ref": ref, "instrument": None}
    with pytest.raises(OutcomeUnknown) as error:
        await shop.pay("r:1", amount=Money("300", "JPY"), **about)
    await confirm(shop, ref, told, OTHER_TRANSACTION)
    await asyncio.sleep(MINUTE)
    assert heard.told == [(ref, "answered", "approved"), (error.value.payment.ref, "confirmed", "approved")]


@pytest.mark.parametrize(
    ("step", "raises"),
    [
        (not_sent(), NotSent),
        (answer({"message": "no"}, 400), InvalidRequest),
        (lost(), OutcomeUnknown),
        (answer(redirect(), 200), None),
        (answer(envelope("POVX3H3UM6I7FYDRVZB7JKQOQHL33FBFI3", code=578)), None),
    ],
    ids=["not sent", "refused", "unknown", "waits for its buyer", "pending"],
)
@in_virtual_time
async def test_what_is_no_outcome_is_not_heard_of(shop, desk, listen, step, raises):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    desk.then(*[step] * 4)
    if raises is None:
        await shop.pay()
    else:
        with pytest.raises(raises):
            await shop.pay()
    await asyncio.sleep(10 * MINUTE)
    assert heard.heard == []


@in_virtual_time
async def test_a_declined_card_on_an_open_page_is_not_heard_of(shop, desk, listen):
    heard = Listener()
    await listen(heard, hears=shop.flow)
    desk.then(answer(redirect() | {"merchant_txn_ref": shop.ref("page", Operation.HOSTED_PAGE)}, 200))
    page = await shop.pay("page", operation=Operation.HOSTED_PAGE, instrument="scheme")
    await confirm(shop, page.ref, envelope(page.ref, code=51))
    await asyncio.sleep(MINUTE)
    assert heard.heard == []
    assert (await shop.journal.get(page.ref)).payment.decline.reason == "insufficient_funds"


# At least once, whatever happens --------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_handler_that_raises_is_called_again_until_it_returns(shop, desk, listen, caplog):
    heard = Listener(ValueError("card 4000002500003155"), KeyError("x"), RuntimeError())
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    ref = (await shop.pay()).ref
    await asyncio.sleep(10 * MINUTE)
    assert [event.attempt for event in heard.heard] == [1, 2, 3, 4]
    assert len({event.id for event in heard.heard}) == 1
    assert heard.heard[0].id == f"{ref}:2"
    assert "raised ValueError" in caplog.text
    assert "4000002500003155" not in caplog.text  # what it says is the application's own


@in_virtual_time
async def test_a_handler_that_fails_for_days_is_still_called(shop, desk, listen):
    failing = True

    async def handler(event):
        if failing:
            raise ValueError
        done.append(event)

    done: list[PaymentEvent] = []
    await listen(handler, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(24 * 60 * MINUTE)
    failing = False
    await asyncio.sleep(MINUTE)
    assert len(done) == 1
    assert done[0].attempt > 1510  # where the growth of the pauses would overflow


@in_virtual_time
async def test_a_process_that_dies_leaves_its_events_to_the_others(shop, desk, listen):
    dead, heard = Listener(3600.0), Listener()
    crashed = await listen(dead, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(1)
    assert len(dead.heard) == 1
    for task in (crashed._task, *crashed._running):
        task.cancel()
    await listen(heard)
    await asyncio.sleep(HANDLER_TIMEOUT)
    assert heard.heard == []  # it may still be at it, as far as anyone knows
    await asyncio.sleep(MINUTE)
    assert [event.attempt for event in heard.heard] == [2]
    assert heard.heard[0].id == dead.heard[0].id


@in_virtual_time
async def test_a_slow_handler_is_cancelled_and_called_again_and_holds_up_no_other_payment(shop, desk, listen):
    heard = Listener(1000.0)
    await listen(heard, hears=shop.flow)
    for key in ("slow", "other"):
        desk.then(answer(envelope(shop.ref(key), transaction_id=TRANSACTION if key == "slow" else OTHER_TRANSACTION)))
        await shop.pay(key)
    await asyncio.sleep(1)
    assert [event.payment.ref for event in heard.heard] == [shop.ref("slow"), shop.ref("other")]
    await asyncio.sleep(HANDLER_TIMEOUT + 10)
    assert [event.attempt for event in heard.heard] == [1, 1, 2]
    await asyncio.sleep(10 * MINUTE)
    assert len(heard.heard) == 3


@in_virtual_time
async def test_a_handler_that_cancels_itself_is_called_again(shop, desk, listen):
    heard = Listener(asyncio.CancelledError())
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(MINUTE)
    assert [event.attempt for event in heard.heard] == [1, 2]


class Odd(BaseException):
    """Such as pytest.fail raises."""


@in_virtual_time
async def test_a_handler_that_raises_what_no_handler_should_is_called_again_as_soon_as_others(shop, desk, listen):
    heard = Listener(Odd())
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(5)
    assert [event.attempt for event in heard.heard] == [1, 2]


@in_virtual_time
async def test_what_the_client_refuses_to_a_handler_is_told_in_the_log(shop, desk, listen, caplog):
    await listen(Listener(NotAllowed("refund: nothing is left of 4000002500003155")), hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(1)
    assert "raised NotAllowed: refund: nothing is left of 400000" in caplog.text
    assert "4000002500003155" not in caplog.text


@in_virtual_time
async def test_a_handler_that_takes_no_notice_of_being_cancelled_is_not_called_beside_itself(shop, desk, listen):
    running = most = 0

    async def stubborn(event):
        nonlocal running, most
        running += 1
        most = max(most, running)
        over = asyncio.get_running_loop().create_task(asyncio.sleep(5 * MINUTE))
        while not over.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(over)
        running -= 1

    heard = Listener(stubborn)
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(10 * MINUTE)
    assert most == 1
    assert len(heard.heard) == 1  # it did return in the end, so the event is done


@in_virtual_time
async def test_whatever_a_journal_raises_once_events_go_on_after_it(shop, desk, listen, monkeypatch):
    heard, works, times = Listener(), shop.journal.claim_events, 0

    async def fails_once(*args, **options):
        nonlocal times
        times += 1
        if times == 1:
            raise ConfigurationError("written by a newer version")
        return await works(*args, **options)

    monkeypatch.setattr(shop.journal, "claim_events", fails_once)
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    paid = await shop.pay()
    await asyncio.sleep(10)
    assert heard.told == [(paid.ref, "answered", "approved")]


@pytest.mark.parametrize("method", ["claim_events", "close_event", "put_back_event"])
@in_virtual_time
async def test_a_journal_that_is_away_for_a_while_loses_no_event(shop, desk, listen, monkeypatch, method):
    heard = Listener(ValueError())
    await listen(heard, hears=shop.flow)
    works = getattr(shop.journal, method)
    back_at = asyncio.get_running_loop().time() + 5 * MINUTE

    async def fails(*args, **options):
        if asyncio.get_running_loop().time() < back_at:
            raise JournalUnavailable("the disk is full")
        return await works(*args, **options)

    monkeypatch.setattr(shop.journal, method, fails)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(10 * MINUTE)
    calls = len(heard.heard)
    assert calls >= 2
    assert len({event.id for event in heard.heard}) == 1
    await asyncio.sleep(10 * MINUTE)
    assert len(heard.heard) == calls


@in_virtual_time
async def test_events_of_before_there_was_a_handler_of_this_process_are_handed_over(shop, desk, listen):
    before = await listen(Listener())
    await before.stop()
    desk.then(answer(envelope(shop.ref())))
    paid = await shop.pay()
    heard = Listener()
    await listen(heard)
    await asyncio.sleep(0.01)
    assert heard.told == [(paid.ref, "answered", "approved")]


@in_virtual_time
async def test_nothing_is_kept_for_whoever_never_had_a_handler(shop, desk, listen):
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    heard = Listener()
    await listen(heard)
    await asyncio.sleep(MINUTE)
    assert heard.heard == []


# In order, and each to one only ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_the_events_of_a_payment_come_in_their_order_though_the_first_fails(shop, desk, listen):
    heard = Listener(ValueError(), 5.0)
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    ref = (await shop.pay()).ref
    await confirm(shop, ref, envelope(ref, transaction_id=OTHER_TRANSACTION), OTHER_TRANSACTION)
    with pytest.raises(Contradiction):
        await confirm(shop, ref, envelope(ref, code=5))
    await asyncio.sleep(10 * MINUTE)
    assert [event.event for event in heard.heard] == ["answered", "answered", "duplicate_charge", "contradiction"]


@in_virtual_time
async def test_two_clients_share_the_events_and_none_is_handed_over_twice(shop, desk, listen):
    listeners = [Listener(), Listener()]
    for heard in listeners:
        await listen(heard)
    refs = []
    for number in range(60):
        own = f"{number:08x}-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
        desk.then(answer(envelope(shop.ref(str(number)), transaction_id=own)))
        refs.append((await shop.pay(str(number))).ref)
    await asyncio.sleep(MINUTE)
    told = [event.payment.ref for one in listeners for event in one.heard]
    assert sorted(told) == sorted(refs)
    assert all(one.heard for one in listeners)


def slowly(monkeypatch, journal, seconds=0.1):
    """Let events be claimed as slowly as a database may."""
    claim = journal.claim_events

    async def claim_events(*args, **options):
        await asyncio.sleep(seconds)
        claimed = await claim(*args, **options)
        await asyncio.sleep(seconds)
        return claimed

    monkeypatch.setattr(journal, "claim_events", claim_events)


@in_virtual_time
async def test_at_most_a_few_handlers_run_at_once(shop, desk, listen, monkeypatch):
    running = most = 0

    async def handler(event):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(1)
        running -= 1

    slowly(monkeypatch, shop.journal)
    handover = await listen(handler, hears=shop.flow)
    for number in range(3 * AT_ONCE):
        own = f"{number:08x}-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
        desk.then(answer(envelope(shop.ref(str(number)), transaction_id=own)))
        await shop.pay(str(number))
    await handover.drain()
    assert most == AT_ONCE


@in_virtual_time
async def test_a_handler_may_pay_and_its_own_payments_are_heard_of_too(shop, desk, listen):
    """A handler that captures what was authorised must not wait for itself."""

    async def pay_again(event):
        desk.then(answer(envelope(shop.ref("again"), transaction_id=OTHER_TRANSACTION)))
        await shop.pay("again")

    heard = Listener(pay_again)
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(MINUTE)
    assert [event.payment.ref for event in heard.heard] == [shop.ref(), shop.ref("again")]


@in_virtual_time
async def test_a_handler_sees_the_payment_as_it_was_after_its_change(shop, desk, listen):
    heard = Listener(ValueError())
    await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    ref = (await shop.pay()).ref
    await asyncio.sleep(0.01)
    with pytest.raises(Contradiction):
        await confirm(shop, ref, envelope(ref, code=5))
    await asyncio.sleep(MINUTE)
    assert [event.payment.status for event in heard.heard] == [
        PaymentStatus.APPROVED,
        PaymentStatus.APPROVED,
        PaymentStatus.UNKNOWN,
    ]


# Draining and stopping ------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_stopping_waits_for_the_handlers_that_run_and_begins_no_other(shop, desk, listen):
    heard = Listener(30.0)
    handover = await listen(heard, hears=shop.flow)
    desk.then(answer(envelope(shop.ref())))
    await shop.pay()
    await asyncio.sleep(1)
    stopping = asyncio.create_task(handover.stop())
    await asyncio.sleep(1)
    desk.then(answer(envelope(shop.ref("late"), transaction_id=OTHER_TRANSACTION)))
    await shop.pay("late")
    before = asyncio.get_running_loop().time()
    await stopping
    assert asyncio.get_running_loop().time() - before < 29
    await handover.stop()
    assert len(heard.heard) == 1
    following = Listener()
    await listen(following)
    await asyncio.sleep(1)
    assert [event.payment.ref for event in following.heard] == [shop.ref("late")]


@in_virtual_time
async def test_stopping_while_events_are_claimed_waits_for_their_handlers(shop, desk, listen, monkeypatch):
    finished = []

    async def handler(event):
        await asyncio.sleep(5)
        finished.append(event)

    slowly(monkeypatch, shop.journal, 1.0)
    desk.then(answer(envelope(shop.ref())))
    handover = await listen(handler, hears=shop.flow)
    await shop.pay()
    await asyncio.sleep(1.5)
    await handover.stop()
    assert len(finished) == 1
    assert await shop.journal.claim_events(shop.intent().scope, owner="next", lease=1.0, limit=10) == []


@in_virtual_time
async def test_draining_hands_over_what_is_due_and_not_what_failed(shop, desk, listen):
    heard = Listener(ValueError())
    handover = await listen(heard)
    for key, own in (("1", TRANSACTION), ("2", OTHER_TRANSACTION)):
        desk.then(answer(envelope(shop.ref(key), transaction_id=own)))
        await shop.pay(key)
    await handover.drain()
    assert len(heard.heard) == 2
    await asyncio.sleep(MINUTE)
    await handover.drain()
    assert len(heard.heard) == 3


@in_virtual_time
async def test_waiting_for_events_is_no_busy_loop(shop, desk, listen):
    await listen(Listener(), hears=shop.flow)
    before = rounds()
    await asyncio.sleep(60 * MINUTE)
    assert rounds() - before < 8 * 3600 / LOOK
