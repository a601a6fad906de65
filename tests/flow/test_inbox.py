"""Webhooks that can't be confirmed at once: kept, and asked about later, without a storm. Time passes at once."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest

from paymentoptions_async.errors import JournalUnavailable, OutcomeUnknown, WebhookRejected
from paymentoptions_async.intent import NoticeState
from paymentoptions_async.journal import MemoryJournal
from paymentoptions_async.payment import Operation, PaymentStatus
from paymentoptions_async.redirects import Purpose
from paymentoptions_async.values import Money
from paymentoptions_async.webhooks import (
    APPEARS_WITHIN,
    MAX_AT_ONCE,
    MAX_NOTICES,
    TAKEN_UP_AT_ONCE,
    Inbox,
)
from tests.support.scripted import OTHER_TRANSACTION, TRANSACTION, Held, answer, envelope, lost, redirect
from tests.support.status_desk import NOT_FOUND, StatusDesk
from tests.support.virtual_time import in_virtual_time, unix_time

DOWN = answer({"message": "down"}, 503)
HOUR = 3600.0


@pytest.fixture
def desk(shop):
    """The bank's side of the shop, in virtual time."""
    shop.wire = StatusDesk()
    shop.journal = MemoryJournal(clock=unix_time)
    shop.flow = shop.another_flow()
    return shop.wire


@pytest.fixture
def open_inbox(shop, desk):
    def open_inbox():
        signer, scope = shop.settings.signer, shop.intent().scope
        return Inbox(shop.another_flow(), signer, scope=scope, clock=unix_time, random=Random(7))

    return open_inbox


@pytest.fixture
def inbox(open_inbox):
    return open_inbox()


@pytest.fixture
def receive(shop, inbox):
    async def receive(ref, body, *, by=inbox):
        token = shop.settings.signer.token(ref, Purpose.WEBHOOK)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await by.receive(ref, token, headers={}, body=content)

    return receive


@pytest.fixture
def waiting(shop, desk):
    """Begin payments that wait for their buyers; their references, each with the id of its transaction."""

    async def waiting(count=1):
        begun = {}
        for number in range(count):
            shop.wire.then(answer(redirect(), 200))
            payment = await shop.pay(f"1042:{number}")
            begun[payment.ref] = f"{number:08x}-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
        return begun

    return waiting


def paid(ref, transaction_id=TRANSACTION, **about):
    return envelope(ref, transaction_id=transaction_id, **about)


async def status_of(shop, ref):
    return (await shop.journal.get(ref)).payment.status


async def states_of(shop, ref):
    return [notice.state for notice in await shop.journal.notices(ref)]


@in_virtual_time
async def test_a_webhook_is_confirmed_when_the_gateway_is_back(shop, desk, receive, waiting):
    [(ref, own)] = (await waiting()).items()
    desk.enter(own, paid(ref, own))
    desk.away = DOWN
    await receive(ref, paid(ref, own))
    await asyncio.sleep(HOUR)
    assert await states_of(shop, ref) == [NoticeState.WAITING]
    desk.away = None
    await asyncio.sleep(60)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED
    assert await states_of(shop, ref) == [NoticeState.CONFIRMED]


@in_virtual_time
async def test_a_gateway_that_is_away_for_a_day_is_still_asked_after_it(shop, desk, receive, waiting):
    [(ref, own)] = (await waiting()).items()
    desk.enter(own, paid(ref, own))
    desk.away = lost()
    await receive(ref, paid(ref, own))
    await asyncio.sleep(24 * HOUR)
    desk.away = None
    await asyncio.sleep(60)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED


@in_virtual_time
async def test_a_gateway_that_is_away_meets_no_storm_however_much_waits(shop, desk, receive, waiting):
    begun = await waiting(50)
    desk.away, desk.seconds = lost(), 5.0
    for ref, own in begun.items():
        await receive(ref, paid(ref, own))
    await asyncio.sleep(120)
    assert desk.most_at_once == MAX_AT_ONCE
    desk.asked.clear()
    desk.most_at_once = 0
    await asyncio.sleep(HOUR)
    assert desk.most_at_once == 1
    assert desk.asked.total() < HOUR / 5


@in_virtual_time
async def test_all_that_waited_is_confirmed_however_much_it_is(shop, desk, receive, waiting):
    begun = await waiting(250)
    desk.away = DOWN
    for ref, own in begun.items():
        desk.enter(own, paid(ref, own))
        await receive(ref, paid(ref, own))
    await asyncio.sleep(120)
    desk.away, desk.seconds = None, 0.05
    await asyncio.sleep(120)
    assert {await status_of(shop, ref) for ref in begun} == {PaymentStatus.APPROVED}


@in_virtual_time
async def test_what_a_process_left_waiting_the_next_one_takes_up(shop, receive, waiting, inbox, open_inbox):
    desk = shop.wire
    begun = await waiting(3)
    desk.away = DOWN
    for ref, own in begun.items():
        desk.enter(own, paid(ref, own))
        await receive(ref, paid(ref, own))
    await asyncio.sleep(60)
    inbox.close()
    desk.away = None
    desk.asked.clear()
    await asyncio.sleep(HOUR)
    assert not desk.asked
    assert await open_inbox().take_up() == 3
    await asyncio.sleep(1)
    assert {await status_of(shop, ref) for ref in begun} == {PaymentStatus.APPROVED}


@in_virtual_time
async def test_closing_ends_what_is_being_taken_up(desk, receive, waiting, inbox, open_inbox):
    begun = await waiting(20)
    desk.away = DOWN
    for ref, own in begun.items():
        await receive(ref, paid(ref, own))
    await asyncio.sleep(60)
    inbox.close()
    desk.away, desk.seconds = None, 2.0
    desk.asked.clear()
    following = open_inbox()
    await following.take_up()
    await asyncio.sleep(3)
    following.close()
    await following._flow.drain()
    assert 1 <= desk.asked.total() <= 1 + TAKEN_UP_AT_ONCE


@in_virtual_time
async def test_a_gateway_that_asks_for_patience_gets_it(shop, desk, receive, waiting):
    [(ref, own)] = (await waiting()).items()
    desk.enter(own, paid(ref, own))
    desk.away = answer({"message": "slow down"}, 429, {"Retry-After": "900"})
    await receive(ref, paid(ref, own))
    await asyncio.sleep(60)
    desk.away = None
    asked = desk.asked.total()
    await asyncio.sleep(800)
    assert desk.asked.total() == asked
    await asyncio.sleep(120)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED


@in_virtual_time
async def test_patience_that_a_gateway_asks_for_holds_for_all_that_waits_and_all_that_comes(
    shop, desk, receive, waiting
):
    begun = await waiting(3)
    [(first, own), (second, another), (third, last)] = begun.items()
    for ref, transaction_id in begun.items():
        desk.enter(transaction_id, paid(ref, transaction_id))
    desk.away = DOWN
    await receive(first, paid(first, own))
    await asyncio.sleep(5)  # it will be asked for again in a moment
    desk.away = answer({"message": "slow down"}, 429, {"Retry-After": "900"})
    await receive(second, paid(second, another))
    await asyncio.sleep(60)
    desk.away = None
    asked = desk.asked.total()
    await receive(third, paid(third, last))
    await asyncio.sleep(700)
    assert desk.asked.total() == asked
    await asyncio.sleep(240)
    assert {await status_of(shop, ref) for ref in begun} == {PaymentStatus.APPROVED}


@in_virtual_time
async def test_what_fails_later_is_asked_for_again_before_what_may_wait_longer(shop, desk, receive, waiting):
    begun = await waiting(2)
    [(slow, own), (quick, another)] = begun.items()
    desk.away = DOWN
    await receive(slow, paid(slow, own))
    await asyncio.sleep(2 * HOUR)  # by now it is asked for twice a minute
    desk.away = None
    desk.enter(another, paid(quick, another))
    desk.books[another], told = DOWN, desk.books[another]
    await receive(quick, paid(quick, another))
    desk.books[another] = told
    await asyncio.sleep(60)
    assert await status_of(shop, quick) is PaymentStatus.APPROVED


@in_virtual_time
async def test_the_truth_behind_a_flood_is_learned_without_anybodys_doing(shop, desk, receive, waiting):
    """A page on which someone tries stolen cards, and then a buyer pays."""
    [(ref, own)] = (await waiting()).items()
    for number in range(MAX_NOTICES + 5):
        declined = f"{number:08x}-dead-4c0e-8f0e-1d2f3a4b5c6d"
        desk.enter(declined, paid("ANOTHER", declined, code=5))
        await receive(ref, paid(ref, declined, code=5))
    desk.enter(own, paid(ref, own))
    await receive(ref, paid(ref, own))
    await asyncio.sleep(1)
    assert desk.asked.total() == MAX_NOTICES
    await asyncio.sleep(600)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED
    assert desk.most_at_once <= MAX_NOTICES


@in_virtual_time
async def test_one_that_is_never_answered_holds_up_no_other(shop, desk, receive, waiting):
    begun = await waiting(12)
    desk.away = DOWN
    for ref, own in begun.items():
        desk.enter(own, paid(ref, own))
        await receive(ref, paid(ref, own))
    [first, *others] = begun
    desk.books[begun[first]] = answer(b"<html>", 502)
    await asyncio.sleep(60)
    desk.away = None
    await asyncio.sleep(2 * HOUR)
    assert {await status_of(shop, ref) for ref in others} == {PaymentStatus.APPROVED}
    assert await states_of(shop, first) == [NoticeState.WAITING]


@pytest.mark.parametrize("code", [400, 500])
@in_virtual_time
async def test_an_id_that_is_no_transaction_does_not_have_a_webhook_asked_about_for_good(
    shop, desk, receive, waiting, code
):
    [(ref, own)] = (await waiting()).items()
    desk.enter(own, paid(ref, own))
    desk.books[OTHER_TRANSACTION] = answer({"message": "no"}, code)
    await receive(ref, {**paid(ref, own), "batch": OTHER_TRANSACTION})
    await asyncio.sleep(60)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED
    assert await states_of(shop, ref) == [NoticeState.WAITING]  # it may yet be one, for example a second charge
    await asyncio.sleep(APPEARS_WITHIN)
    assert await states_of(shop, ref) == [NoticeState.CONFIRMED]
    asked = desk.asked.total()
    await asyncio.sleep(HOUR)
    assert desk.asked.total() == asked


@in_virtual_time
async def test_many_webhooks_at_once_are_confirmed_a_few_at_a_time(shop, desk, receive, waiting):
    begun = await waiting(40)
    desk.seconds = 1.0
    for ref, own in begun.items():
        desk.enter(own, paid(ref, own))
        await receive(ref, paid(ref, own))
    await asyncio.sleep(10)
    assert desk.most_at_once == MAX_AT_ONCE
    assert {await status_of(shop, ref) for ref in begun} == {PaymentStatus.APPROVED}


@in_virtual_time
async def test_the_same_webhook_is_asked_about_once_at_a_time_while_it_is_taken_up(
    shop, desk, receive, waiting, open_inbox
):
    [(ref, own)] = (await waiting()).items()
    desk.enter(own, paid(ref, own))
    desk.away = DOWN
    await receive(ref, paid(ref, own))
    await asyncio.sleep(20)
    desk.away, desk.seconds = None, 2.0
    desk.asked.clear()
    desk.most_at_once = 0
    following = open_inbox()
    await following.take_up()
    await asyncio.sleep(1)
    for _ in range(5):
        await receive(ref, paid(ref, own), by=following)
        await following.take_up()
    await following._flow.drain()
    assert desk.most_at_once <= 2  # the first inbox may be asking as well
    assert desk.asked[own] <= 2


# The journal is away --------------------------------------------------------------------------------------------------


def failing(monkeypatch, journal, name, *, until):
    """Let a method of the journal fail until an instant of the loop's clock."""
    works = getattr(journal, name)

    async def method(*args, **options):
        if asyncio.get_running_loop().time() < until:
            raise JournalUnavailable("the disk is full")
        return await works(*args, **options)

    monkeypatch.setattr(journal, name, method)


@pytest.mark.parametrize("method", ["waiting_notices", "close_notice", "change", "find", "get"])
@in_virtual_time
async def test_a_journal_that_is_away_for_a_while_loses_no_webhook(shop, receive, waiting, monkeypatch, method):
    desk = shop.wire
    [(ref, own)] = (await waiting()).items()
    desk.enter(own, paid(ref, own))
    desk.away = DOWN
    await receive(ref, paid(ref, own))
    await asyncio.sleep(60)
    desk.away = None
    failing(monkeypatch, shop.journal, method, until=asyncio.get_running_loop().time() + 300)
    await asyncio.sleep(400)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED
    assert await states_of(shop, ref) == [NoticeState.CONFIRMED]


@in_virtual_time
async def test_a_webhook_that_can_not_be_recorded_is_not_taken_in(shop, desk, receive, waiting, monkeypatch):
    [(ref, own)] = (await waiting()).items()
    failing(monkeypatch, shop.journal, "note", until=asyncio.get_running_loop().time() + 1)
    with pytest.raises(JournalUnavailable):
        await receive(ref, paid(ref, own))
    assert not desk.asked
    await asyncio.sleep(2)
    desk.enter(own, paid(ref, own))
    await receive(ref, paid(ref, own))
    await asyncio.sleep(1)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED


# What the gateway does not know ---------------------------------------------------------------------------------------


@in_virtual_time
async def test_a_webhook_that_is_quicker_than_the_status_is_confirmed_a_little_later(shop, desk, receive, waiting):
    [(ref, own)] = (await waiting()).items()
    await receive(ref, paid(ref, own))
    await asyncio.sleep(30)
    assert await states_of(shop, ref) == [NoticeState.WAITING]
    desk.enter(own, paid(ref, own))
    await asyncio.sleep(60)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED


@in_virtual_time
async def test_a_transaction_that_never_appears_is_given_up_and_settles_nothing(shop, desk, receive, waiting):
    [(ref, own)] = (await waiting()).items()
    await receive(ref, paid(ref, own))
    await asyncio.sleep(APPEARS_WITHIN + 120)
    assert await states_of(shop, ref) == [NoticeState.REJECTED]
    assert await status_of(shop, ref) is PaymentStatus.ACTION_REQUIRED
    asked = desk.asked.total()
    assert asked < 40
    await asyncio.sleep(HOUR)
    assert desk.asked.total() == asked


@in_virtual_time
async def test_many_that_the_gateway_does_not_know_hold_up_no_other(shop, desk, receive, waiting):
    begun = await waiting(151)
    *unheard_of, real = begun
    for ref in unheard_of:
        await receive(ref, paid(ref, begun[ref]))
    await asyncio.sleep(1)
    desk.away = DOWN
    desk.enter(begun[real], paid(real, begun[real]))
    await receive(real, paid(real, begun[real]))
    await asyncio.sleep(10)
    desk.away = None
    await asyncio.sleep(120)
    assert await status_of(shop, real) is PaymentStatus.APPROVED
    assert await states_of(shop, unheard_of[0]) == [NoticeState.WAITING]


@in_virtual_time
async def test_what_waited_is_asked_for_a_few_at_a_time_once_there_are_answers(shop, desk, receive, waiting):
    begun = await waiting(40)
    desk.away = DOWN
    for ref, own in begun.items():
        desk.enter(own, paid(ref, own))
        await receive(ref, paid(ref, own))
    await asyncio.sleep(60)
    desk.away, desk.seconds, desk.most_at_once = None, 1.0, 0
    await asyncio.sleep(60)
    assert desk.most_at_once == TAKEN_UP_AT_ONCE
    assert {await status_of(shop, ref) for ref in begun} == {PaymentStatus.APPROVED}


@in_virtual_time
async def test_made_up_ids_do_not_crowd_out_a_real_one(shop, desk, receive, waiting):
    begun = await waiting(2)
    [(flooded, _), (ref, own)] = begun.items()
    for number in range(500):
        await receive(flooded, paid(flooded, f"{number:08x}-dead-4c0e-8f0e-1d2f3a4b5c6d"))
    await asyncio.sleep(0.3)  # before the first of them is asked for again
    assert desk.asked.total() == MAX_NOTICES
    desk.away = DOWN
    await receive(ref, paid(ref, own))
    desk.enter(own, paid(ref, own))
    await asyncio.sleep(60)
    desk.away = None
    await asyncio.sleep(120)
    assert await status_of(shop, ref) is PaymentStatus.APPROVED
    assert desk.most_at_once <= MAX_NOTICES
    await asyncio.sleep(HOUR)
    assert set(await states_of(shop, flooded)) == {NoticeState.REJECTED}


@in_virtual_time
async def test_an_orphan_is_taken_up_once_its_payment_is_known(shop, desk, receive, inbox):
    desk.enter(TRANSACTION, paid(shop.ref()))
    await receive(shop.ref(), paid(shop.ref()))
    assert await inbox.take_up() == 0
    desk.then(lost())
    with pytest.raises(OutcomeUnknown):
        await shop.pay()
    assert await inbox.take_up() == 1
    await inbox._flow.drain()
    assert await status_of(shop, shop.ref()) is PaymentStatus.APPROVED


# What a webhook may hold ----------------------------------------------------------------------------------------------


@in_virtual_time
async def test_refused_webhooks_are_counted_and_keep_nothing(shop, desk, waiting, inbox, receive):
    [ref] = await waiting()
    signer = shop.settings.signer
    for token in ("", "forged", signer.token("POOTHER", Purpose.WEBHOOK), signer.token(ref, Purpose.SUCCESS)):
        with pytest.raises(WebhookRejected) as refused:
            await inbox.receive(ref, token, headers={}, body=b"{}")
        assert refused.value.http_status == 404
    with pytest.raises(WebhookRejected) as refused:
        await receive(ref, b" " * (64 * 1024 + 1))
    assert refused.value.http_status == 413
    assert inbox.refused == 5
    assert await shop.journal.notices(ref) == []
    await receive(ref, b" " * (64 * 1024))
    assert inbox.refused == 5


@in_virtual_time
async def test_a_webhook_that_names_no_transaction_is_kept_and_asks_nobody(shop, desk, waiting, receive):
    [ref] = await waiting()
    for body in (b"", b"[]", b"null", b"\xff\xfe", b'{"transaction_details": {"id": "../void"}}', b"{" * 5000):
        await receive(ref, body)
    await asyncio.sleep(HOUR)
    assert set(await states_of(shop, ref)) == {NoticeState.REJECTED}
    assert not desk.asked


@in_virtual_time
async def test_a_contradiction_does_not_hide_a_second_charge_in_the_same_webhook(shop, desk, receive, waiting, caplog):
    [(ref, own)] = (await waiting()).items()
    desk.enter(own, paid(ref, own))
    await receive(ref, paid(ref, own))
    await asyncio.sleep(1)
    desk.enter(own, paid(ref, own, code=5))
    desk.enter(OTHER_TRANSACTION, paid(ref, OTHER_TRANSACTION))
    await receive(ref, paid(ref, own, code=5) | {"parent": OTHER_TRANSACTION})
    await asyncio.sleep(1)
    assert [entry.event for entry in await shop.journal.history(ref)][2:] == ["confirmed", "contradiction", "confirmed"]
    assert (await shop.journal.find(OTHER_TRANSACTION)).ref == ref
    assert "was approved, and the gateway now says declined" in caplog.text


# Captures, refunds and voids under their charge's reference -----------------------------------------------------------


@pytest.fixture
def charge(shop, desk):
    """A purchase of 1000 yen, and how to refund some of it."""

    async def charge():
        desk.then(answer(envelope(shop.ref())))
        paid_for = await shop.pay()

        async def refund(key, amount, step):
            desk.then(step)
            about = {"operation": Operation.REFUND, "parent": paid_for.ref, "charge_ref": paid_for.ref}
            return await shop.pay(key, amount=Money(amount, "JPY"), instrument=None, timeout=60.0, **about)

        return paid_for, refund

    return charge


def refunded(ref, amount=300, transaction_id=OTHER_TRANSACTION, **about):
    return envelope(ref, kind="REFUND", amount=amount, transaction_id=transaction_id, **about)


async def lose(refund, key, amount):
    with pytest.raises(OutcomeUnknown) as unknown:
        await refund(key, amount, lost())
    return unknown.value.payment.ref


@in_virtual_time
async def test_a_refund_whose_answer_was_lost_is_settled_by_its_webhook(shop, desk, charge, receive):
    paid_for, refund = await charge()
    ref = await lose(refund, "r:1", "300")
    desk.enter(OTHER_TRANSACTION, refunded(paid_for.ref))
    await receive(paid_for.ref, refunded(paid_for.ref))
    await asyncio.sleep(1)
    settled = (await shop.journal.get(ref)).payment
    assert (settled.status, settled.transaction_id) == (PaymentStatus.APPROVED, OTHER_TRANSACTION)
    assert await states_of(shop, paid_for.ref) == [NoticeState.CONFIRMED]
    assert (await shop.journal.get(paid_for.ref)).payment == paid_for


@pytest.mark.parametrize("amount", [301, 700])
@in_virtual_time
async def test_a_refund_of_another_amount_is_somebody_elses(shop, desk, charge, receive, amount):
    paid_for, refund = await charge()
    ref = await lose(refund, "r:1", "300")
    desk.enter(OTHER_TRANSACTION, refunded(paid_for.ref, amount))
    await receive(paid_for.ref, refunded(paid_for.ref, amount))
    await asyncio.sleep(1)
    assert await status_of(shop, ref) is PaymentStatus.UNKNOWN
    assert await states_of(shop, paid_for.ref) == [NoticeState.REJECTED]


@in_virtual_time
async def test_of_two_that_may_be_meant_neither_is_taken(shop, desk, charge, receive):
    paid_for, refund = await charge()
    refs = [await lose(refund, key, "300") for key in ("r:1", "r:2")]
    desk.enter(OTHER_TRANSACTION, refunded(paid_for.ref))
    await receive(paid_for.ref, refunded(paid_for.ref))
    await asyncio.sleep(1)
    assert {await status_of(shop, ref) for ref in refs} == {PaymentStatus.UNKNOWN}


@in_virtual_time
async def test_a_refunds_webhook_waits_for_an_answer_that_is_under_way(shop, desk, charge, receive):
    """Its own answer may say that it is it; or that it is another transaction, and then it is the unknown one's."""
    paid_for, refund = await charge()
    unknown = await lose(refund, "r:1", "300")
    own = "11111111-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
    held = Held(answer(refunded(paid_for.ref, transaction_id=own)), after_leaving=True)
    call = asyncio.create_task(refund("r:2", "300", held))
    await held.reached.wait()
    desk.enter(OTHER_TRANSACTION, refunded(paid_for.ref))
    await receive(paid_for.ref, refunded(paid_for.ref))
    await asyncio.sleep(20)
    assert await states_of(shop, paid_for.ref) == [NoticeState.WAITING]
    assert await status_of(shop, unknown) is PaymentStatus.UNKNOWN
    held.release()
    assert (await call).transaction_id == own
    await asyncio.sleep(60)
    assert (await shop.journal.get(unknown)).payment.transaction_id == OTHER_TRANSACTION
    assert await states_of(shop, paid_for.ref) == [NoticeState.CONFIRMED]


@in_virtual_time
async def test_a_refunds_webhook_that_comes_before_its_answer_is_told_of_by_both(shop, desk, charge, receive):
    paid_for, refund = await charge()
    held = Held(answer(refunded(paid_for.ref)), after_leaving=True)
    call = asyncio.create_task(refund("r:1", "300", held))
    await held.reached.wait()
    desk.enter(OTHER_TRANSACTION, refunded(paid_for.ref))
    await receive(paid_for.ref, refunded(paid_for.ref))
    await asyncio.sleep(5)
    held.release()
    back = await call
    await asyncio.sleep(60)
    assert (await shop.journal.get(back.ref)).payment.status is PaymentStatus.APPROVED
    assert [entry.event for entry in await shop.journal.history(back.ref)] == ["opened", "answered"]
    assert await states_of(shop, paid_for.ref) == [NoticeState.CONFIRMED]


@in_virtual_time
async def test_a_refund_that_is_known_is_told_by_its_own_transaction(shop, desk, charge, receive):
    paid_for, refund = await charge()
    pending = await refund("r:1", "300", answer(refunded(paid_for.ref, code=578)))
    unknown = await lose(refund, "r:2", "300")
    desk.enter(OTHER_TRANSACTION, refunded(paid_for.ref))
    await receive(paid_for.ref, refunded(paid_for.ref))
    await asyncio.sleep(1)
    assert await status_of(shop, pending.ref) is PaymentStatus.APPROVED
    assert await status_of(shop, unknown) is PaymentStatus.UNKNOWN


@in_virtual_time
async def test_a_refund_that_somebody_made_in_the_portal_is_nobodys(shop, desk, charge, receive):
    paid_for, refund = await charge()
    await refund("r:1", "300", answer(refunded(paid_for.ref)))
    portal = "22222222-1b1c-4c0e-8f0e-1d2f3a4b5c6d"
    desk.enter(portal, refunded(paid_for.ref, transaction_id=portal))
    await receive(paid_for.ref, refunded(paid_for.ref, transaction_id=portal))
    await asyncio.sleep(1)
    assert await shop.journal.find(portal) is None
    assert (await shop.journal.get(paid_for.ref)).payment == paid_for


@pytest.mark.parametrize(("names", "status"), [("the charge", "approved"), ("another", "unknown"), ("none", "unknown")])
@in_virtual_time
async def test_a_refund_by_transaction_id_is_told_once_its_charge_is_known(shop, desk, receive, names, status):
    about = {"operation": Operation.REFUND, "amount": Money("300", "JPY"), "instrument": None, "parent": TRANSACTION}
    desk.then(lost())
    with pytest.raises(OutcomeUnknown) as unknown:
        await shop.pay("r:1", **about)
    desk.then(answer(envelope(shop.ref())))
    paid_for = await shop.pay()
    told = refunded({"the charge": paid_for.ref, "another": "POANOTHER", "none": ""}[names])
    desk.enter(OTHER_TRANSACTION, told)
    await receive(paid_for.ref, told)
    await asyncio.sleep(1)
    assert await status_of(shop, unknown.value.payment.ref) == status


@in_virtual_time
async def test_what_is_to_be_asked_again_while_others_are_taken_up_is_not_forgotten(
    shop, desk, receive, waiting, open_inbox
):
    begun = await waiting(60)
    desk.away, closed = DOWN, open_inbox()
    for ref, own in begun.items():
        await receive(ref, paid(ref, own), by=closed)
        desk.enter(own, paid(ref, own))
    closed.close()
    await asyncio.sleep(30)
    desk.away, desk.seconds = NOT_FOUND, 5.0
    asyncio.get_running_loop().call_later(6, setattr, desk, "away", None)  # of the first one it learns a little late
    await open_inbox().take_up()  # takes some 40 seconds, and the alarm for the first one goes off after two
    await asyncio.sleep(300)
    assert {await status_of(shop, ref) for ref in begun} == {PaymentStatus.APPROVED}
