"""The resolver: every open payment is asked for once, by one process at a time, less and less often."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from random import Random

import pytest

from paymentoptions_async import resolving
from paymentoptions_async.errors import AuthenticationFailed, JournalUnavailable
from paymentoptions_async.intent import Notice
from paymentoptions_async.payment import PaymentStatus
from paymentoptions_async.resolving import Resolver, Round
from tests.support.scripted import answer, envelope
from tests.support.virtual_time import in_virtual_time


def resolve(shop, *, older_than=0.0, concurrency=4, pace=None, flow=None, stop=None):
    scope = shop.intent().scope
    resolver = Resolver(
        flow or shop.flow,
        scope,
        older_than=older_than,
        concurrency=concurrency,
        pace=pace,
        random=Random(1),
        stop=stop,
    )
    return resolver.run()


@in_virtual_time
async def test_what_the_gateway_has_decided_is_settled(shop, desk, begin):
    begun = await begin(10)
    for number, (ref, own) in enumerate(begun.items()):
        desk.enter(own, envelope(ref, code=578 if number < 3 else 0, transaction_id=own))
    assert await resolve(shop) == Round(settled=7, still_open=3)
    assert set(desk.asked.values()) == {1}
    statuses = [(await shop.journal.get(ref)).payment.status for ref in begun]
    assert statuses == [PaymentStatus.PENDING] * 3 + [PaymentStatus.APPROVED] * 7


@in_virtual_time
async def test_what_has_no_transaction_is_not_asked_for(shop, desk, begin):
    await begin(5, PaymentStatus.UNKNOWN)
    assert await resolve(shop) == Round(not_askable=5)
    assert not desk.asked


@in_virtual_time
async def test_what_is_young_is_left_to_who_waits_for_it(shop, desk, begin):
    await begin(2)
    await asyncio.sleep(100)
    begun = await begin(4)  # the first two of them stand already
    assert (await resolve(shop, older_than=100.0)).visited == 2
    assert set(desk.asked) == set(list(begun.values())[:2])


@in_virtual_time
async def test_what_was_asked_for_in_vain_is_asked_for_less_and_less_often(shop, desk, begin):
    [(ref, own)] = (await begin(1)).items()
    desk.enter(own, envelope(ref, code=578, transaction_id=own))
    asked_at = []
    for _ in range(24 * 60):
        if (await resolve(shop)).visited:
            asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(60)
    pauses = [later - earlier for earlier, later in pairwise(asked_at)]
    assert pauses[0] <= 180
    assert all(later >= earlier * 0.5 for earlier, later in pairwise(pauses))
    assert 24 <= len(asked_at) <= 40
    assert max(pauses) <= 4600


@in_virtual_time
async def test_several_share_the_payments_and_none_is_asked_for_twice(shop, desk, begin):
    begun = await begin(500)
    desk.seconds = 0.2
    for ref, own in begun.items():
        desk.enter(own, envelope(ref, transaction_id=own))
    rounds = await asyncio.gather(*(resolve(shop, concurrency=8, flow=shop.another_flow()) for _ in range(4)))
    assert sum(one.settled for one in rounds) == 500
    assert min(one.settled for one in rounds) > 50
    assert set(desk.asked.values()) == {1}


@in_virtual_time
async def test_questions_in_flight_are_bounded(shop, desk, begin):
    await begin(40)
    desk.seconds = 1.0
    await resolve(shop, concurrency=3)
    assert desk.most_at_once == 3


@in_virtual_time
async def test_what_a_killed_process_had_taken_is_free_after_its_lease(shop, desk, begin):
    begun = await begin(3)
    await shop.journal.claim_open(shop.intent().scope, owner="killed", lease=resolving.LEASE, limit=10)
    assert (await resolve(shop)).visited == 0
    await asyncio.sleep(resolving.LEASE)
    assert (await resolve(shop)).visited == len(begun)


@in_virtual_time
async def test_who_is_stopped_leaves_the_rest_to_others(shop, desk, begin):
    await begin(20)
    desk.seconds = 5.0
    running = asyncio.create_task(resolve(shop))
    await asyncio.sleep(7)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    desk.seconds = 0.0
    assert (await resolve(shop)).visited == 16, "four were asked for, and put off"


@in_virtual_time
async def test_refused_keys_end_it_and_leave_the_rest_to_others(shop, desk, begin):
    await begin(20)
    desk.away = answer({"message": "Forbidden"}, 403)
    with pytest.raises(AuthenticationFailed):
        await resolve(shop)
    assert desk.asked.total() <= 4
    desk.away = None
    assert (await resolve(shop)).visited == 20


@in_virtual_time
async def test_a_gateway_that_is_away_is_asked_again_later(shop, desk, begin, no_delay):
    await begin(3)
    desk.away = answer({"message": "busy"}, 503)
    assert await resolve(shop) == Round(unanswered=3)
    assert (await resolve(shop)).visited == 0
    await asyncio.sleep(90)
    desk.away = None
    assert (await resolve(shop)).still_open == 3


@in_virtual_time
async def test_a_busy_gateway_is_left_alone_for_as_long_as_it_says(shop, desk, begin):
    await begin(8)
    desk.away = answer({"message": "busy"}, 429, {"Retry-After": "40"})
    before = asyncio.get_running_loop().time()
    assert await resolve(shop, concurrency=2) == Round(unanswered=8)
    assert asyncio.get_running_loop().time() - before >= 3 * 40
    assert desk.asked.total() == 8


@in_virtual_time
async def test_a_contradiction_is_named_and_the_others_go_on(shop, desk, begin):
    begun = await begin(5)
    refs = list(begun)
    for ref, own in begun.items():
        desk.enter(own, envelope(ref, transaction_id=own))
    odd = refs[2]
    desk.enter(begun[odd], envelope(odd, transaction_id=begun[odd], amount=999_999))
    found = await resolve(shop)
    assert found.settled == 4
    assert (found.still_open, found.contradictions) in [(1, []), (0, [odd])]
    assert (await shop.journal.get(odd)).payment.status is PaymentStatus.UNKNOWN


class Pace:
    """Gives permits after ``seconds``, and notes what it was asked and told."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.noted = []

    async def permit(self, *, again=False):
        await asyncio.sleep(self.seconds)
        self.noted.append("again" if again else "first")

    def saw(self, reply):
        self.noted.append(reply.status)


@in_virtual_time
async def test_every_question_has_its_permit_and_the_pace_learns_from_every_answer(shop, desk, begin):
    await begin(3)
    pace = Pace()
    await resolve(shop, pace=pace, concurrency=1)
    assert pace.noted == ["first", 404] * 3
    await asyncio.sleep(90)
    desk.away = answer({"message": "busy"}, 503)
    pace.noted.clear()
    await resolve(shop, pace=pace, concurrency=1)
    assert pace.noted == ["first", 503, "again", 503, "again", 503, "again", 503] * 3


@pytest.fixture
def name(shop):
    """Let a webhook of a payment name transactions, the first of them last."""

    async def name(ref, *transaction_ids):
        for at, transaction_id in enumerate(reversed(transaction_ids)):
            notice = Notice(
                ref=ref, digest=transaction_id, transaction_ids=(transaction_id,), body={}, received_at=float(at)
            )
            await shop.journal.note(notice)

    return name


IDS = [f"{number:08x}-2b1c-4c0e-8f0e-1d2f3a4b5c6d" for number in range(4)]


@in_virtual_time
async def test_what_is_no_transaction_holds_up_none_that_is(shop, desk, begin, name, no_delay):
    [ref] = await begin(1, PaymentStatus.UNKNOWN)
    await name(ref, *IDS[:3])
    desk.books[IDS[0]] = answer({"message": "what is that?"}, 400)
    desk.books[IDS[1]] = answer({"message": "busy"}, 503)
    desk.enter(IDS[2], envelope(ref, transaction_id=IDS[2]))
    assert await resolve(shop) == Round(settled=1)


@in_virtual_time
async def test_nothing_is_asked_or_in_flight_once_it_may_be_anothers(shop, desk, begin, name):
    [ref] = await begin(1, PaymentStatus.UNKNOWN)
    await name(ref, *IDS)
    assert await resolve(shop, pace=Pace(140.0)) == Round(still_open=1)
    assert desk.asked.total() == 2, "the third would have been asked at 420 s"
    await asyncio.sleep(90)
    desk.asked.clear()
    desk.away = answer({"message": "busy"}, 503)
    running = asyncio.create_task(resolve(shop, pace=Pace(120.0)))
    await asyncio.sleep(resolving.LEASE)
    asked = desk.asked.total()
    assert (await running).unanswered == 1
    assert desk.asked.total() == asked, "its further tries would have waited for their permits"


@in_virtual_time
async def test_a_gateway_that_is_away_is_not_asked_for_everything(shop, desk, begin, no_delay):
    begun = await begin(200)
    desk.away = answer({"message": "busy"}, 503)
    found = await resolve(shop)
    assert not found.is_complete
    assert resolving.IN_VAIN <= found.visited <= resolving.IN_VAIN + 4
    assert found == Round(unanswered=found.visited, is_complete=False)
    desk.away = None
    assert (await resolve(shop)).visited == len(begun) - found.visited, "the rest was not put off"


@in_virtual_time
async def test_failures_among_answers_end_nothing(shop, desk, begin, no_delay):
    begun = await begin(100)
    for number, own in enumerate(begun.values()):
        if number % 10:
            desk.books[own] = answer({"message": "busy"}, 503)
    assert await resolve(shop) == Round(still_open=10, unanswered=90)


@in_virtual_time
async def test_who_wants_to_be_left_alone_for_long_is(shop, desk, begin):
    await begin(50)
    desk.away = answer({"message": "busy"}, 429, {"Retry-After": "1800"})
    before = asyncio.get_running_loop().time()
    found = await resolve(shop)
    assert found == Round(unanswered=found.visited, is_complete=False)
    assert found.visited <= 4
    assert asyncio.get_running_loop().time() - before < 60


@in_virtual_time
async def test_told_to_stop_it_takes_in_what_is_in_flight_and_leaves_the_rest(shop, desk, begin):
    begun = await begin(20)
    for ref, own in begun.items():
        desk.enter(own, envelope(ref, transaction_id=own))
    desk.seconds = 5.0
    stop = asyncio.Event()
    running = asyncio.create_task(resolve(shop, stop=stop))
    await asyncio.sleep(7)
    stop.set()
    assert await running == Round(settled=8, is_complete=False)
    assert (await resolve(shop)).settled == 12


@pytest.mark.parametrize("waits_for", ["pace", "gateway"])
@in_virtual_time
async def test_told_to_stop_it_waits_for_nothing_else(shop, desk, begin, waits_for):
    await begin(20)
    if waits_for == "gateway":
        desk.away = answer({"message": "busy"}, 429, {"Retry-After": "200"})
    stop = asyncio.Event()
    pace = Pace(250.0) if waits_for == "pace" else None
    running = asyncio.create_task(resolve(shop, stop=stop, pace=pace))
    await asyncio.sleep(30)
    stop.set()
    before = asyncio.get_running_loop().time()
    visited = (await running).visited
    assert asyncio.get_running_loop().time() == before
    desk.away = None
    assert (await resolve(shop)).visited == 20 - visited


@in_virtual_time
async def test_a_contradiction_names_the_payment_that_it_is_about(shop, desk, begin, name):
    [ref, other] = begun = await begin(2)
    await name(ref, begun[other])
    for one, own in begun.items():
        desk.enter(own, envelope(one, transaction_id=own))
    await shop.flow.confirm(await shop.journal.get(other), begun[other], asyncio.get_running_loop().time() + 15)
    desk.enter(begun[other], envelope(other, success=False, code=5, transaction_id=begun[other]))
    assert (await resolve(shop)).contradictions == [other]
    assert (await shop.journal.get(ref)).payment.status is PaymentStatus.APPROVED


@in_virtual_time
async def test_a_journal_that_is_lost_ends_it(shop, desk, begin):
    await begin(20)
    end_visit = shop.journal.end_visit

    async def lost(ref, *, owner, again_in):
        raise JournalUnavailable("lost")

    shop.journal.end_visit = lost
    with pytest.raises(JournalUnavailable):
        await resolve(shop)
    shop.journal.end_visit = end_visit
    assert (await resolve(shop)).visited == 16, "the lease of four is not over"


@in_virtual_time
async def test_stopped_while_it_looks_up_what_to_ask_it_asks_nothing_and_waits_for_no_pace(
    shop, desk, begin, monkeypatch
):
    begun = await begin(8)
    stop, notices = asyncio.Event(), shop.journal.notices

    async def slow(*args, **options):
        await asyncio.sleep(1)
        return await notices(*args, **options)

    monkeypatch.setattr(shop.journal, "notices", slow)

    class Slow:
        async def permit(self, *, again=False):
            await asyncio.sleep(20)

        def saw(self, reply):
            pass

    asyncio.get_running_loop().call_later(0.5, stop.set)
    began = asyncio.get_running_loop().time()
    found = await resolve(shop, pace=Slow(), stop=stop)
    assert not found.is_complete
    assert not desk.asked
    assert asyncio.get_running_loop().time() - began < 5
    monkeypatch.undo()
    for ref, own in begun.items():
        desk.enter(own, envelope(ref, code=0, transaction_id=own))
    assert (await resolve(shop)).settled == 8


@in_virtual_time
async def test_cancelled_while_it_takes_payments_it_leaves_them_to_others(shop, desk, begin, monkeypatch):
    begun = await begin(8)
    for ref, own in begun.items():
        desk.enter(own, envelope(ref, code=0, transaction_id=own))
    claim_open = shop.journal.claim_open

    async def slow(*args, **options):
        page = await claim_open(*args, **options)
        await asyncio.sleep(1)
        return page

    monkeypatch.setattr(shop.journal, "claim_open", slow)
    resolving_ = asyncio.create_task(resolve(shop))
    await asyncio.sleep(0.5)
    resolving_.cancel()
    await asyncio.wait({resolving_})
    monkeypatch.undo()
    assert (await resolve(shop)).settled == 8
