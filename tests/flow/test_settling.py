"""From a hint to a settled payment: inbox, status answers, waiting."""

from __future__ import annotations

import asyncio
import json
from random import Random

import pytest

from paymentoptions_async import polling
from paymentoptions_async.errors import (
    Contradiction,
    GatewayUnavailable,
    InvalidRequest,
    InvalidValue,
    NotAllowed,
    NotFinal,
    OutcomeUnknown,
    WebhookRejected,
)
from paymentoptions_async.intent import NoticeState
from paymentoptions_async.payment import Operation, PaymentStatus
from paymentoptions_async.redirects import Purpose
from paymentoptions_async.webhooks import MAX_NOTICES, PERIOD, Inbox
from tests.support.scripted import OTHER_TRANSACTION, TRANSACTION, Held, answer, envelope, lost, redirect

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def waiting(shop):
    """A payment that waits for its buyer."""
    shop.wire.then(answer(redirect(), 200))
    return await shop.pay()


@pytest.fixture
def inbox(shop):
    return Inbox(shop.flow, shop.settings.signer, scope=shop.intent().scope, clock=lambda: shop.now)


@pytest.fixture
def receive(shop, inbox):
    async def receive(ref, body, headers=JSON):
        token = shop.settings.signer.token(ref, Purpose.WEBHOOK)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        await inbox.receive(ref, token, headers=headers, body=content)
        await shop.flow.drain()

    return receive


async def status_of(shop, ref):
    return (await shop.journal.get(ref)).payment.status


async def test_a_webhook_changes_nothing_before_a_status_answer_confirms_it(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref, code=51), 200))
    await receive(waiting.ref, envelope(waiting.ref))  # it claims an approval
    assert await status_of(shop, waiting.ref) is PaymentStatus.DECLINED


async def test_a_confirmed_webhook_settles(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.APPROVED
    [notice] = await shop.journal.notices(waiting.ref)
    assert notice.state is NoticeState.CONFIRMED


async def test_the_same_webhook_again_asks_nobody(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref), 200))
    for _ in range(3):
        await receive(waiting.ref, envelope(waiting.ref))
    assert len(shop.wire.sent) == 2


async def test_a_forged_token_stores_nothing(shop, waiting, inbox):
    with pytest.raises(WebhookRejected) as rejected:
        await inbox.receive(waiting.ref, "forged", headers=JSON, body=b"{}")
    assert rejected.value.http_status == 404
    assert not await shop.journal.notices(waiting.ref)


async def test_an_oversized_webhook_is_refused(shop, waiting, receive):
    with pytest.raises(WebhookRejected) as rejected:
        await receive(waiting.ref, b"x" * 100_000)
    assert rejected.value.http_status == 413


async def test_a_token_of_another_reference_is_refused(shop, waiting, inbox):
    token = shop.settings.signer.token(shop.ref("other"), Purpose.WEBHOOK)
    with pytest.raises(WebhookRejected):
        await inbox.receive(waiting.ref, token, headers=JSON, body=b"{}")


@pytest.mark.parametrize(
    "about",
    [{"merchant": "JP99999999"}, {"kind": "REFUND"}, {"kind": "VOID"}, {"live": True}],
    ids=str,
)
async def test_a_transaction_that_is_not_this_payments_changes_nothing(shop, waiting, receive, about):
    shop.wire.then(answer(envelope(waiting.ref, **about), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.ACTION_REQUIRED
    [notice] = await shop.journal.notices(waiting.ref)
    assert notice.state is NoticeState.REJECTED


async def test_a_transaction_of_another_reference_changes_nothing(shop, waiting, receive):
    shop.wire.then(answer(envelope("SOMEONEELSE"), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.ACTION_REQUIRED


async def test_a_status_answer_without_reference_settles_nothing(shop, waiting, receive):
    told = envelope(waiting.ref)
    del told["merchant_details"]["merchant_txn_ref"]
    shop.wire.then(answer(told, 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.ACTION_REQUIRED


async def test_another_amount_is_unknown(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref, amount=1), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.UNKNOWN


async def test_a_404_settles_nothing(shop, waiting, receive):
    shop.wire.then(answer({"message": "not found"}, 404))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.ACTION_REQUIRED


async def test_an_unreadable_webhook_is_kept_masked_with_the_ids_it_contains(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await receive(waiting.ref, f'{{"card": "4000000000001091", "id": "{TRANSACTION}"'.encode())
    [notice] = await shop.journal.notices(waiting.ref)
    assert "4000000000001091" not in str(notice)
    assert notice.transaction_ids == (TRANSACTION,)
    assert await status_of(shop, waiting.ref) is PaymentStatus.APPROVED


async def test_a_form_is_read(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref), 200))
    form = f"id={TRANSACTION}&success=true".encode()
    await receive(waiting.ref, form, {"content-type": "application/x-www-form-urlencoded"})
    assert await status_of(shop, waiting.ref) is PaymentStatus.APPROVED


async def test_a_good_token_for_a_reference_nobody_knows_is_kept_as_an_orphan(shop, receive):
    await receive(shop.ref("never asked"), envelope("X"))
    [notice] = await shop.journal.notices(shop.ref("never asked"))
    assert notice.known is False
    assert shop.wire.sent == []


async def test_a_webhook_that_cannot_be_confirmed_now_is_confirmed_by_resolve(shop, waiting, receive, no_delay):
    shop.wire.then(*[lost()] * 4)
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.ACTION_REQUIRED
    shop.wire.then(answer(envelope(waiting.ref), 200))
    settled = await polling.resolve(shop.flow, waiting.ref, deadline=asyncio.get_running_loop().time() + 5)
    assert settled.status is PaymentStatus.APPROVED


async def test_an_unknown_charge_is_settled_by_its_webhook(shop, receive):
    shop.wire.then(lost())
    with pytest.raises(OutcomeUnknown):
        await shop.pay()
    shop.wire.then(answer(envelope(shop.ref()), 200))
    await receive(shop.ref(), envelope(shop.ref()))
    assert (await shop.pay()).status is PaymentStatus.APPROVED
    assert shop.wire.charges == 1


async def test_a_late_decline_of_another_transaction_does_not_undo_an_approval(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    shop.wire.then(answer(envelope(waiting.ref, code=5, transaction_id=OTHER_TRANSACTION), 200))
    await receive(waiting.ref, envelope(waiting.ref, code=5, transaction_id=OTHER_TRANSACTION))
    assert await status_of(shop, waiting.ref) is PaymentStatus.APPROVED


async def test_a_second_charge_under_one_reference_is_never_hidden(shop, waiting, receive):
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    shop.wire.then(answer(envelope(waiting.ref, transaction_id=OTHER_TRANSACTION), 200))
    await receive(waiting.ref, envelope(waiting.ref, transaction_id=OTHER_TRANSACTION))
    record = await shop.journal.get(waiting.ref)
    assert record.payment.status is PaymentStatus.APPROVED
    assert record.payment.duplicate_charges == (OTHER_TRANSACTION,)
    assert (await shop.journal.find(OTHER_TRANSACTION)).ref == waiting.ref


async def test_a_contradiction_is_recorded_and_raised(shop):
    shop.wire.then(answer(envelope(shop.ref())))
    paid = await shop.pay()
    shop.wire.then(answer(envelope(paid.ref, code=5), 200))
    with pytest.raises(Contradiction) as found:
        await polling.resolve(shop.flow, paid.ref, deadline=asyncio.get_running_loop().time() + 5)
    assert found.value.payment.status is PaymentStatus.UNKNOWN
    assert (await shop.journal.history(paid.ref))[-1].event == "contradiction"


async def test_wait_ends_with_the_news_of_a_webhook(shop, waiting, receive):
    waiter = asyncio.create_task(polling.wait(shop.flow, waiting.ref, timeout=5, random=Random(1)))
    await asyncio.sleep(0)
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert (await waiter).status is PaymentStatus.APPROVED


async def test_wait_polls_where_an_id_is_known_and_survives_a_busy_gateway(shop, monkeypatch, no_delay):
    monkeypatch.setattr("paymentoptions_async.policy.poll_delay", lambda *_: 0.001)
    pending = answer(envelope(shop.ref(), code=578))
    shop.wire.then(pending)
    assert (await shop.pay()).status is PaymentStatus.PENDING
    shop.wire.then(*[answer({"message": "busy"}, 503)] * 4, answer(envelope(shop.ref(), code=578), 200))
    shop.wire.then(answer(envelope(shop.ref()), 200))
    payment = await polling.wait(shop.flow, shop.ref(), timeout=5, random=Random(1))
    assert payment.status is PaymentStatus.APPROVED


async def test_wait_gives_up_with_the_last_known_state(shop, waiting):
    with pytest.raises(NotFinal) as given_up:
        await polling.wait(shop.flow, waiting.ref, timeout=0.01, random=Random(1))
    assert given_up.value.payment == waiting
    assert isinstance(given_up.value, TimeoutError)


async def test_a_reference_the_journal_does_not_know_is_said_so(shop):
    with pytest.raises(InvalidValue, match="no payment"):
        await polling.wait(shop.flow, "POUNKNOWN", timeout=1, random=Random(1))


async def test_a_question_that_nobody_answers_is_unavailable(shop, waiting, no_delay):
    shop.wire.then(*[answer(b"<html>", 502)] * 4)
    record = await shop.journal.get(waiting.ref)
    with pytest.raises(GatewayUnavailable):
        await shop.flow.confirm(record, TRANSACTION, asyncio.get_running_loop().time() + 5)
    assert len(shop.wire.sent) == 5


@pytest.mark.parametrize(("code", "status"), [(578, PaymentStatus.PENDING), (0, PaymentStatus.APPROVED)])
async def test_a_refused_request_that_has_a_transaction_all_the_same_is_never_sent_again(shop, receive, code, status):
    shop.wire.then(answer({"message": "no"}, 400))
    with pytest.raises(InvalidRequest):
        await shop.pay()
    shop.wire.then(answer(envelope(shop.ref(), code=code), 200))
    await receive(shop.ref(), envelope(shop.ref()))
    assert (await shop.pay()).status is status
    assert shop.wire.charges == 1


async def test_a_flood_of_webhooks_asks_no_more_than_a_few_times_and_not_for_good(shop, waiting, receive):
    ids = [f"{number:08x}-1b1c-4c0e-8f0e-1d2f3a4b5c6d" for number in range(MAX_NOTICES + 5)]
    for one in ids[:MAX_NOTICES]:
        shop.wire.then(answer({"message": "not found"}, 404))
        await receive(waiting.ref, {"id": one})
    for one in ids[MAX_NOTICES:]:
        await receive(waiting.ref, {"id": one})
    assert len(shop.wire.sent) == 1 + MAX_NOTICES
    assert len(await shop.journal.notices(waiting.ref)) == MAX_NOTICES + 5
    shop.now += PERIOD + 1
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.APPROVED


@pytest.mark.parametrize(
    ("code", "left_out"),
    [(5, ("merchant_details", "mid")), (0, ("merchant_details", "mid")), (0, ("transaction_type",))],
    ids=str,
)
async def test_a_status_answer_that_leaves_out_whose_or_what_it_is_settles_nothing(
    shop, waiting, receive, code, left_out
):
    told = envelope(waiting.ref, code=code)
    *path, last = left_out
    inner = told
    for name in path:
        inner = inner[name]
    del inner[last]
    shop.wire.then(answer(told, 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert not (await shop.journal.get(waiting.ref)).payment.is_final


async def test_asking_twice_does_not_unsay_an_approval(shop):
    shop.wire.then(answer(envelope(shop.ref())))
    paid = await shop.pay(order="1042")
    shop.wire.then(*[answer(envelope(paid.ref, code=5), 200)] * 2)
    with pytest.raises(Contradiction):
        await polling.resolve(shop.flow, paid.ref, deadline=asyncio.get_running_loop().time() + 5)
    still = await polling.resolve(shop.flow, paid.ref, deadline=asyncio.get_running_loop().time() + 5)
    assert (still.status, still.contradicted) == (PaymentStatus.UNKNOWN, True)
    with pytest.raises(NotAllowed):
        await shop.pay("1042:2", order="1042")
    shop.wire.then(answer(envelope(paid.ref), 200))
    settled = await polling.resolve(shop.flow, paid.ref, deadline=asyncio.get_running_loop().time() + 5)
    assert (settled.status, settled.contradicted) == (PaymentStatus.APPROVED, False)


async def test_a_repeated_webhook_is_confirmed_if_the_first_could_not_be(shop, waiting, receive, no_delay):
    shop.wire.then(*[lost()] * 4)
    await receive(waiting.ref, envelope(waiting.ref))
    shop.wire.then(answer(envelope(waiting.ref), 200))
    await receive(waiting.ref, envelope(waiting.ref))
    assert await status_of(shop, waiting.ref) is PaymentStatus.APPROVED


async def test_a_link_whose_maker_died_may_be_made_again_and_blocks_no_order(shop):
    about = {"operation": Operation.HOSTED_PAGE, "instrument": "scheme", "order": "1042"}
    await shop.journal.admit(shop.intent("link", **about), owner="gone", lease=45.0)
    shop.now += 46
    assert (await shop.journal.admit(shop.intent("link", **about), owner="next", lease=45.0)).send
    shop.now += 46
    shop.wire.then(answer(envelope(shop.ref("1042:1"))))
    assert (await shop.pay("1042:1", order="1042")).status is PaymentStatus.APPROVED


async def test_a_flood_of_one_webhook_is_asked_about_once_at_a_time(shop, waiting, inbox):
    held = Held(answer(envelope(waiting.ref), 200), after_leaving=True)
    shop.wire.then(held)
    token = shop.settings.signer.token(waiting.ref, Purpose.WEBHOOK)
    body = json.dumps(envelope(waiting.ref)).encode()
    for _ in range(50):
        await inbox.receive(waiting.ref, token, headers=JSON, body=body)
        await asyncio.sleep(0)
    held.release()
    await shop.flow.drain()
    assert len(shop.wire.sent) == 2
    assert await status_of(shop, waiting.ref) is PaymentStatus.APPROVED


@pytest.mark.parametrize(("code", "meanwhile"), [(578, PaymentStatus.PENDING), (68, PaymentStatus.UNKNOWN)])
async def test_an_attempt_on_a_page_that_ends_declined_leaves_it_open(shop, receive, code, meanwhile):
    page = redirect() | {"merchant_txn_ref": shop.ref("page", Operation.HOSTED_PAGE)}
    shop.wire.then(answer(page, 200))
    link = await shop.pay("page", operation=Operation.HOSTED_PAGE, instrument="scheme")
    shop.wire.then(answer(envelope(link.ref, code=code), 200))
    await receive(link.ref, envelope(link.ref, code=code))
    assert await status_of(shop, link.ref) is meanwhile
    shop.wire.then(answer(envelope(link.ref, code=5), 200))
    await receive(link.ref, envelope(link.ref, code=5))
    open_page = (await shop.journal.get(link.ref)).payment
    assert (open_page.status, open_page.decline.code) == (PaymentStatus.ACTION_REQUIRED, 5)
    assert open_page.redirect_url == link.redirect_url
    for next_code, status in ((578, PaymentStatus.PENDING), (0, PaymentStatus.APPROVED)):
        told = envelope(link.ref, code=next_code, transaction_id=OTHER_TRANSACTION)
        shop.wire.then(answer(told, 200))
        await receive(link.ref, told)
        assert await status_of(shop, link.ref) is status
