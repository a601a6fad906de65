"""A person settles what nobody else can know, over the journal; whoever answers meanwhile, or later, is heard."""

from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async import polling, settling
from paymentoptions_async.errors import Contradiction, IdempotencyConflict, InvalidValue, NotAllowed, OutcomeUnknown
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Source
from paymentoptions_async.settlement import Verdict
from paymentoptions_async.values import Money
from tests.support.scripted import (
    OTHER_TRANSACTION,
    TRANSACTION,
    Held,
    answer,
    envelope,
    lost,
    not_sent,
    redirect,
)

SCOPE = "paymentoptions/sandbox/JP00000001"
WORDS = {"by": "Ann", "note": "looked in the portal"}


async def settle(shop, ref, verdict, **more):
    prepared = await settling.prepare(shop.journal, SCOPE, ref, verdict, **(WORDS | more))
    return await settling.settle(shop.journal, prepared)


async def resolve(shop, ref):
    return await polling.resolve(shop.flow, ref, deadline=asyncio.get_running_loop().time() + 5)


@pytest.fixture
async def unknown(shop):
    """A purchase whose answer was lost."""
    shop.wire.then(lost())
    with pytest.raises(OutcomeUnknown) as error:
        await shop.pay(order="1042")
    return error.value.payment


@pytest.fixture
def in_flight(shop):
    """A purchase whose answer is under way: the task, and what holds the answer back."""

    async def begin(reply):
        held = Held(reply, after_leaving=True)
        shop.wire.then(held)
        call = asyncio.create_task(shop.pay())
        await held.reached.wait()
        return call, held

    return begin


@pytest.mark.parametrize(
    ("verdict", "status"), [("happened", PaymentStatus.APPROVED), (Verdict.NOT_HAPPENED, PaymentStatus.CANCELLED)]
)
async def test_a_settled_key_never_sends_again(shop, unknown, verdict, status):
    settled = await settle(shop, unknown.ref, verdict)
    assert (settled.status, settled.progress, settled.source) == (status, Progress.ANSWERED, Source.PERSON)
    for flow in (shop.flow, shop.another_flow()):
        assert await shop.pay(order="1042", flow=flow) == settled
    with pytest.raises(IdempotencyConflict):
        await shop.pay(amount=Money("1001", "JPY"), order="1042")
    assert shop.wire.charges == 1
    last = (await shop.journal.history(unknown.ref))[-1]
    assert (last.event, last.source, last.by, last.note) == ("settled", Source.PERSON, "Ann", "looked in the portal")


async def test_an_order_goes_on_once_a_person_says_that_nothing_happened(shop, unknown):
    with pytest.raises(NotAllowed, match="resolve it first"):
        await shop.pay("1042:2", order="1042")
    await settle(shop, unknown.ref, "not_happened")
    shop.wire.then(answer(envelope(shop.ref("1042:2"))))
    assert (await shop.pay("1042:2", order="1042")).status is PaymentStatus.APPROVED


async def test_an_order_is_paid_once_a_person_says_so(shop, unknown):
    await settle(shop, unknown.ref, "happened")
    with pytest.raises(NotAllowed, match="is paid"):
        await shop.pay("1042:2", order="1042")


async def test_an_order_that_went_on_tells_of_both_charges_when_the_person_was_wrong(shop, unknown):
    await settle(shop, unknown.ref, "not_happened")
    shop.wire.then(answer(envelope(shop.ref("1042:2"), transaction_id=OTHER_TRANSACTION)))
    await shop.pay("1042:2", order="1042")
    shop.wire.then(answer(envelope(unknown.ref), 200))
    deadline = asyncio.get_running_loop().time() + 5
    with pytest.raises(Contradiction):
        await shop.flow.confirm(await shop.journal.get(unknown.ref), TRANSACTION, deadline)
    with pytest.raises(NotAllowed, match=r"is paid|unknown"):
        await shop.pay("1042:3", order="1042")
    shop.wire.then(answer(envelope(unknown.ref), 200))
    both = await resolve(shop, unknown.ref)
    assert (both.status, both.duplicate_charges) == (PaymentStatus.APPROVED, (OTHER_TRANSACTION,))


async def test_what_is_final_is_not_settled(shop):
    shop.wire.then(answer(envelope(shop.ref())))
    paid = await shop.pay()
    with pytest.raises(NotAllowed, match="nothing to settle"):
        await settle(shop, paid.ref, "not_happened")
    assert await shop.pay() == paid


async def test_what_was_proven_not_sent_is_not_settled_and_may_still_be_sent(shop, no_delay):
    shop.wire.then(*[not_sent()] * 4)
    with pytest.raises(Exception, match="not sent"):
        await shop.pay()
    with pytest.raises(NotAllowed, match="nothing to settle"):
        await settle(shop, shop.ref(), "not_happened")
    shop.wire.then(answer(envelope(shop.ref())))
    assert (await shop.pay()).status is PaymentStatus.APPROVED


async def test_a_link_that_reads_as_lost_is_not_settled_and_may_be_made_again(shop):
    link = shop.intent("link", operation=Operation.HOSTED_PAGE, instrument="scheme")
    await shop.journal.admit(link, owner="gone", lease=45.0)
    shop.now += 46
    with pytest.raises(NotAllowed, match="nothing to settle"):
        await settle(shop, link.ref, "happened")
    assert (await shop.journal.admit(link, owner="next", lease=45.0)).send


async def test_what_is_in_flight_is_not_settled(shop, in_flight):
    call, held = await in_flight(answer(envelope(shop.ref())))
    with pytest.raises(NotAllowed, match="in flight"):
        await settle(shop, shop.ref(), "not_happened")
    held.release()
    assert (await call).status is PaymentStatus.APPROVED


@pytest.mark.parametrize("verdict", Verdict)
async def test_whoever_answers_while_a_person_decides_comes_first(shop, verdict):
    """They are shown what they decide on, and a lot may happen until they have read it."""
    shop.wire.then(answer(redirect(), 200))
    waiting = await shop.pay()
    prepared = await settling.prepare(shop.journal, SCOPE, waiting.ref, verdict, **WORDS)
    shop.wire.then(answer(envelope(waiting.ref), 200))
    deadline = asyncio.get_running_loop().time() + 5
    await shop.flow.confirm(await shop.journal.get(waiting.ref), TRANSACTION, deadline)
    with pytest.raises(NotAllowed, match="changed meanwhile: it is approved") as refused:
        await settling.settle(shop.journal, prepared)
    assert refused.value.payment.status is PaymentStatus.APPROVED
    assert [entry.event for entry in await shop.journal.history(waiting.ref)] == ["opened", "answered", "confirmed"]


async def test_of_two_people_the_first_one_settles(shop, unknown):
    first = await settling.prepare(shop.journal, SCOPE, unknown.ref, "happened", by="Ann", note="found it")
    second = await settling.prepare(shop.journal, SCOPE, unknown.ref, "happened", by="Bob", note="found it")
    await settling.settle(shop.journal, first)
    with pytest.raises(NotAllowed, match="changed meanwhile"):
        await settling.settle(shop.journal, second)
    assert [entry.by for entry in await shop.journal.history(unknown.ref)] == [None, None, "Ann"]


async def test_what_a_person_is_shown_before_they_decide_is_what_comes_of_it(shop, unknown):
    prepared = await settling.prepare(shop.journal, SCOPE, unknown.ref, "happened", transaction_id=TRANSACTION, **WORDS)
    assert (await shop.journal.get(unknown.ref)).payment == unknown
    assert await settling.settle(shop.journal, prepared) == prepared.outcome


@pytest.mark.parametrize(
    ("about", "says"),
    [
        ({"scope": "paymentoptions/sandbox/JP99999999"}, "not of"),
        ({"scope": "paymentoptions/live/JP00000001"}, "not of"),
        ({"ref": "PONONE"}, "no payment"),
        ({"ref": "4000002500003155"}, r"400000\*{6}3155"),
        ({"verdict": "perhaps"}, "happened, not_happened, abandoned"),
        ({"by": " "}, "by"),
        ({"note": ""}, "note"),
        ({"transaction_id": "74811"}, "UUID"),
        ({"transaction_id": "../void"}, "UUID"),
        ({"transaction_id": OTHER_TRANSACTION}, "belongs to"),
    ],
    ids=str,
)
async def test_what_makes_no_sense_settles_nothing(shop, unknown, about, says):
    shop.wire.then(answer(envelope(shop.ref("another"), transaction_id=OTHER_TRANSACTION)))
    await shop.pay("another")
    asked = {"scope": SCOPE, "ref": unknown.ref, "verdict": "happened", **WORDS} | about
    with pytest.raises(InvalidValue, match=says):
        await settling.prepare(shop.journal, **asked)
    assert (await shop.journal.get(unknown.ref)).payment == unknown


async def test_a_card_number_in_the_words_is_kept_masked(shop, unknown):
    await settle(shop, unknown.ref, "happened", note="the buyer read out 4000 0025 0000 3155")
    assert (await shop.journal.history(unknown.ref))[-1].note == "the buyer read out 400000******3155"


async def test_a_named_transaction_is_known_and_confirms_what_was_said(shop, unknown):
    await settle(shop, unknown.ref, "happened", transaction_id=TRANSACTION.upper())
    assert (await shop.journal.find(TRANSACTION)).ref == unknown.ref
    shop.wire.then(answer(envelope(unknown.ref), 200))
    confirmed = await resolve(shop, unknown.ref)
    assert (confirmed.status, confirmed.source) == (PaymentStatus.APPROVED, Source.STATUS)
    assert confirmed.approved_amount == Money("1000", "JPY")


@pytest.mark.parametrize(
    ("verdict", "about"), [("happened", {"code": 5}), ("happened", {"amount": 999}), ("not_happened", {})]
)
async def test_a_person_is_contradicted_aloud(shop, unknown, verdict, about):
    await settle(shop, unknown.ref, verdict, transaction_id=TRANSACTION)
    shop.wire.then(answer(envelope(unknown.ref, **about), 200))
    with pytest.raises(Contradiction) as found:
        await resolve(shop, unknown.ref)
    assert found.value.payment.status is PaymentStatus.UNKNOWN
    told = await shop.journal.history(unknown.ref)
    assert [entry.event for entry in told][-2:] == ["settled", "contradiction"]
    assert told[-1].doubts
    assert [left.ref for left in await settling.unresolved(shop.journal, SCOPE)] == [unknown.ref]


async def test_a_contradicted_person_may_settle_it_again(shop, unknown):
    await settle(shop, unknown.ref, "not_happened", transaction_id=TRANSACTION)
    shop.wire.then(answer(envelope(unknown.ref, amount=999), 200))
    with pytest.raises(Contradiction):
        await resolve(shop, unknown.ref)
    again = await settle(shop, unknown.ref, "happened", note="999 yen, the buyer agreed")
    assert again.status is PaymentStatus.APPROVED


# The answer of whoever sent it, later than everybody waited for -------------------------------------------------------


@pytest.fixture
def late(shop, in_flight):
    """Settle a purchase whose owner is past its deadline, and then let its answer come; what the caller gets."""

    async def late(verdict, reply):
        call, held = await in_flight(reply)
        shop.now += 100
        await settle(shop, shop.ref(), verdict)
        held.release()
        return await call

    return late


async def test_a_late_answer_that_agrees_is_given_to_the_caller(shop, late):
    payment = await late("happened", answer(envelope(shop.ref())))
    assert (payment.status, payment.source) == (PaymentStatus.APPROVED, Source.REPLY)


@pytest.mark.parametrize(
    ("verdict", "reply"),
    [
        ("not_happened", answer(envelope("POVX"))),
        ("happened", answer(envelope("POVX", code=5))),
        ("happened", answer({"message": "no"}, 400)),
        ("happened", answer(redirect(), 200)),
    ],
    ids=["approved", "declined", "refused", "page"],
)
async def test_a_late_answer_that_contradicts_is_raised_to_the_caller(shop, late, verdict, reply):
    body = reply.body.replace(b"POVX", shop.ref().encode())
    with pytest.raises(Contradiction) as found:
        await late(verdict, type(reply)(reply.status, reply.headers, body, reply.evidence))
    assert found.value.payment.status is PaymentStatus.UNKNOWN
    told = (await shop.journal.history(shop.ref()))[-1]
    assert (told.event, told.source) == ("contradiction", Source.REPLY)
    assert told.evidence is not None
    with pytest.raises(OutcomeUnknown):
        await shop.pay()
    assert shop.wire.charges == 1


@pytest.mark.parametrize("verdict", ["happened", "not_happened"])
async def test_a_late_answer_that_was_lost_leaves_what_a_person_said(shop, late, verdict):
    payment = await late(verdict, lost())
    assert payment.source is Source.PERSON


# Many at once ---------------------------------------------------------------------------------------------------------


async def test_only_what_waits_for_its_buyer_for_long_is_abandoned(shop):
    shop.wire.then(answer(redirect(), 200), answer(envelope(shop.ref("pending"), code=578)))
    old = await shop.pay("old")
    pending = await shop.pay("pending")
    shop.now += 3600
    shop.wire.then(answer(redirect(), 200))
    new = await shop.pay("new")
    waiting = await settling.unresolved(shop.journal, SCOPE, kind=PaymentStatus.ACTION_REQUIRED, older_than=1800.0)
    [closed] = await settling.settle_abandoned(shop.journal, [*waiting, await shop.journal.get(pending.ref)], **WORDS)
    assert (closed.ref, closed.status, closed.redirect_url) == (old.ref, PaymentStatus.EXPIRED, None)
    left = {record.ref: record.payment.status for record in await settling.unresolved(shop.journal, SCOPE)}
    assert left == {new.ref: PaymentStatus.ACTION_REQUIRED, pending.ref: PaymentStatus.PENDING}


async def test_a_buyer_who_came_back_while_payments_are_closed_was_not_abandoned(shop):
    shop.wire.then(answer(redirect(), 200))
    waiting = await shop.pay()
    seen = await settling.unresolved(shop.journal, SCOPE)
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await shop.flow.confirm(seen[0], TRANSACTION, asyncio.get_running_loop().time() + 5)
    assert await settling.settle_abandoned(shop.journal, seen, **WORDS) == []
    assert (await shop.journal.get(waiting.ref)).payment.status is PaymentStatus.APPROVED


async def test_what_is_left_to_settle_is_listed_by_urgency_and_age(shop):
    steps = [answer(redirect(), 200), lost(), lost(), answer(envelope("X", code=578))]
    about = [
        ("page", {}),
        ("billing", {"operation": Operation.SUBSCRIBE}),
        ("unknown", {}),
        ("pending", {}),
    ]
    for (key, more), step in zip(about, steps, strict=True):
        ref = shop.ref(key, more.get("operation", Operation.PURCHASE))
        body = step.body.replace(b'"X"', f'"{ref}"'.encode())
        shop.wire.then(type(step)(step.status, step.headers, body, step.evidence))
        try:
            await shop.pay(key, **more)
        except OutcomeUnknown as error:
            assert error.payment.status is PaymentStatus.UNKNOWN  # noqa: PT017  some are returned
        shop.now += 10
    await shop.journal.admit(shop.intent("lapsed"), owner="gone", lease=5.0)
    shop.now += 10
    await shop.journal.admit(shop.intent("in flight"), owner="here", lease=45.0)
    left = await settling.unresolved(shop.journal, SCOPE)
    assert [record.intent.idempotency_key for record in left] == ["billing", "unknown", "pending", "lapsed", "page"]
    unknown = await settling.unresolved(shop.journal, SCOPE, kind=PaymentStatus.UNKNOWN)
    assert [record.intent.idempotency_key for record in unknown] == ["billing", "unknown", "lapsed"]
    older = await settling.unresolved(shop.journal, SCOPE, older_than=35.0)
    assert [record.intent.idempotency_key for record in older] == ["billing", "page"]
    assert await settling.unresolved(shop.journal, "paymentoptions/live/JP00000001") == []
