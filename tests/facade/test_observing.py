"""Asking for one transaction and being told what the answer says, whatever that is."""

from __future__ import annotations

from paymentoptions_async import Money, PaymentStatus
from paymentoptions_async.payment import Refusal

YEN = Money("1000", "JPY")


async def test_what_the_answer_says_stands_beside_what_the_journal_has(merchant):
    paid = await merchant.pay()
    seen = await merchant.gateway.observe(paid.transaction_id)
    assert (seen.reading.status, seen.reading.approved_amount) == (PaymentStatus.APPROVED, YEN)
    assert (seen.reading.merchant_txn_ref, seen.contradicts) == (paid.ref, False)
    assert seen.record is not None
    assert seen.record.payment == await merchant.gateway.payment(paid.ref)


async def test_an_answer_that_says_nothing_new_locks_and_writes_nothing(merchant, monkeypatch):
    paid = await merchant.pay()
    changes: list[object] = []
    monkeypatch.setattr(merchant.gateway._journal, "change", changes.append)
    await merchant.gateway.observe(paid.transaction_id)
    assert changes == []
    assert [entry.event for entry in await merchant.gateway.history(paid.ref)] == ["opened", "answered"]


async def test_what_it_says_is_taken_in(merchant):
    started = await merchant.pay("challenge")
    merchant.bank.faults.add("webhook", "missing")
    await merchant.bank.answer_challenge(started.redirect_url)
    [charge] = merchant.bank.books.charges()
    seen = await merchant.gateway.observe(charge.id)
    assert seen.record is not None
    assert (seen.record.ref, seen.record.payment.status) == (started.ref, PaymentStatus.APPROVED)
    assert (await merchant.gateway.payment(started.ref)).transaction_id == charge.id


async def test_an_answer_that_contradicts_what_was_settled_is_told_with_it(merchant):
    paid = await merchant.pay()
    merchant.bank.faults.add("status", "change", set={"payment_details.amount": 900})
    seen = await merchant.gateway.observe(paid.transaction_id)
    assert seen.contradicts
    assert (seen.reading.status, seen.reading.approved_amount) == (PaymentStatus.APPROVED, Money("900", "JPY"))
    assert seen.record is not None
    assert seen.record.payment.status is PaymentStatus.UNKNOWN


async def test_one_of_another_merchant_or_environment_is_told_as_foreign(merchant):
    paid = await merchant.pay()
    for changed in ({"is_live": True}, {"merchant_details.mid": "JP99999999"}):
        merchant.bank.faults.add("status", "change", set=changed, times=1)
        seen = await merchant.gateway.observe(paid.transaction_id)
        assert (seen.reading.foreign is not None, seen.record) == (True, None)
    assert (await merchant.gateway.payment(paid.ref)).status is PaymentStatus.APPROVED


async def test_a_transaction_that_nobody_knows_is_told_as_not_found(merchant):
    seen = await merchant.gateway.observe("00000000-0000-4000-8000-000000000000")
    assert (seen.reading.refusal, seen.record, seen.contradicts) == (Refusal.NOT_FOUND, None, False)


async def test_what_a_refunds_transaction_says_is_its_own(merchant):
    taken = await merchant.pay()
    refund = await merchant.gateway.refund(taken.ref, Money("300", "JPY"), idempotency_key="1 back")
    seen = await merchant.gateway.observe(refund.transaction_id)
    assert seen.record is not None
    assert (seen.record.ref, seen.reading.approved_amount) == (refund.ref, Money("300", "JPY"))
    assert (await merchant.gateway.payment(taken.ref)).status is PaymentStatus.APPROVED


async def test_an_answer_that_repeats_what_is_settled_is_read_once(merchant, monkeypatch):
    paid = await merchant.pay()
    readings: list[object] = []
    read = type(merchant.gateway._gateway).read_status

    def count(gateway, reply, expected):
        readings.append(expected)
        return read(gateway, reply, expected)

    monkeypatch.setattr(type(merchant.gateway._gateway), "read_status", count)
    seen = await merchant.gateway.observe(paid.transaction_id)
    assert seen.record is not None
    assert (seen.record.ref, len(readings)) == (paid.ref, 1)
