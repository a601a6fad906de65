from __future__ import annotations

import asyncio

import pytest

from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.journal import Journal
from paymentoptions_async.payment import Operation, PaymentStatus, Source
from paymentoptions_async.values import Money
from tests.journal.conftest import Store
from tests.journal.making import LEASE, MERCHANT, admitted, becomes, make_id, make_intent, make_notice, not_sent, paid

SCOPE = make_intent().scope


async def test_what_is_not_there_is_not_found(journal: Journal) -> None:
    assert await journal.get("POUNKNOWN") is None
    assert await journal.find(make_id()) is None
    assert await journal.history("POUNKNOWN") == ()
    assert list(await journal.followers("POUNKNOWN")) == []
    assert list(await journal.unresolved(SCOPE)) == []
    assert list(await journal.records(SCOPE)) == []


async def test_an_intent_past_its_deadline_reads_as_unknown(store: Store) -> None:
    record = await admitted(store.journal, make_intent())
    store.clock.advance(LEASE - 0.001)
    assert await store.journal.get(record.ref) == record
    store.clock.advance(0.001)
    lapsed = await store.journal.get(record.ref)
    assert lapsed is not None
    assert (lapsed.payment.status, lapsed.payment.source) == (PaymentStatus.UNKNOWN, Source.CLOCK)
    assert (lapsed.version, lapsed.changed_at) == (1, record.changed_at)


async def test_a_payment_is_found_by_every_transaction_it_has(journal: Journal) -> None:
    own, duplicate, renewal = make_id(), make_id(), make_id()
    payment = await paid(
        journal, make_intent(), transaction_id=own, duplicate_charges=(duplicate,), renewals=(renewal,)
    )
    for transaction_id in (own, duplicate, renewal):
        found = await journal.find(transaction_id)
        assert found is not None
        assert found.payment == payment


async def test_a_payment_is_found_by_its_transaction_or_else_by_its_reference(store: Store) -> None:
    journal = store.another()
    payment, other = await paid(store.journal, make_intent("1")), await paid(store.journal, make_intent("2"))
    assert payment.transaction_id is not None
    by_both = await journal.about(payment.transaction_id, other.ref)
    by_ref = await journal.about(make_id(), other.ref)
    assert by_both == await journal.get(payment.ref)
    assert by_ref == await journal.get(other.ref)
    assert await journal.about(make_id(), "POUNKNOWN") is None
    store.clock.advance(LEASE)
    lapsed = await admitted(store.journal, make_intent("3"))
    store.clock.advance(LEASE)
    found = await journal.about("", lapsed.ref)
    assert found is not None
    assert found.payment.status is PaymentStatus.UNKNOWN


async def test_many_are_looked_up_at_once_each_gets_its_own(store: Store) -> None:
    """More than a journal does in one go, some of them twice."""
    payments = await asyncio.gather(*(paid(store.journal, make_intent(f"{n}")) for n in range(300)))
    asked = [*payments, *payments[:100]]
    found = await asyncio.gather(*(store.journal.about(one.transaction_id or "", "POUNKNOWN") for one in asked))
    assert [record.payment if record else None for record in found] == asked


async def test_what_follows_a_charge_is_found_down_to_the_refunds_of_its_captures(journal: Journal) -> None:
    held = await paid(journal, make_intent(operation=Operation.AUTHORIZE), PaymentStatus.AUTHORIZED)
    by_ref = make_intent("c1", operation=Operation.CAPTURE, parent=held.ref, amount=Money("300", "JPY"))
    captured = await paid(journal, by_ref)
    by_id = make_intent("c2", operation=Operation.CAPTURE, parent=held.transaction_id, amount=Money("200", "JPY"))
    await paid(journal, by_id)
    refund = make_intent("r1", operation=Operation.REFUND, parent=captured.ref, amount=Money("100", "JPY"))
    await admitted(journal, refund)
    refund_by_id = make_intent(
        "r2", operation=Operation.REFUND, parent=captured.transaction_id, amount=Money("50", "JPY")
    )
    await admitted(journal, refund_by_id)
    await paid(journal, make_intent("another"))

    async def followers(name: str | None) -> set[str]:
        found = [record.ref for record in await journal.followers(name or "")]
        assert len(found) == len(set(found))
        return set(found)

    assert await followers(held.ref) == {by_ref.ref, by_id.ref, refund.ref, refund_by_id.ref}
    assert await followers(captured.ref) == {refund.ref, refund_by_id.ref}
    assert await followers(held.transaction_id) == {by_id.ref}
    assert await followers(refund.ref) == set()


async def test_followers_read_as_they_are_now(store: Store) -> None:
    charge = await paid(store.journal, make_intent())
    refund = make_intent("r", operation=Operation.REFUND, parent=charge.ref, amount=Money("1", "JPY"))
    await admitted(store.journal, refund)
    store.clock.advance(LEASE)
    (found,) = await store.journal.followers(charge.ref)
    assert found.payment.status is PaymentStatus.UNKNOWN


async def test_unresolved_are_what_is_neither_final_nor_in_flight(store: Store) -> None:
    journal = store.journal
    lapsed = await admitted(journal, make_intent("lapsed"))
    lapsed_link = await admitted(journal, make_intent("link", operation=Operation.HOSTED_PAGE))
    store.clock.advance(10)
    unknown = await paid(journal, make_intent("unknown"), PaymentStatus.UNKNOWN)
    store.clock.advance(10)
    waiting = await paid(journal, make_intent("waiting"), PaymentStatus.ACTION_REQUIRED)
    pending = await paid(journal, make_intent("pending"), PaymentStatus.PENDING)
    for n, status in enumerate((PaymentStatus.APPROVED, PaymentStatus.DECLINED, PaymentStatus.EXPIRED)):
        await paid(journal, make_intent(f"final {n}"), status)
    await admitted(journal, make_intent("not sent"))
    await journal.change(make_intent("not sent").ref, not_sent)
    await paid(journal, make_intent("foreign", merchant="JP00000002"), PaymentStatus.UNKNOWN)
    store.clock.advance(LEASE - 20)
    in_flight = await admitted(journal, make_intent("in flight"))

    found = await journal.unresolved(SCOPE)
    assert [record.ref for record in found] == [lapsed.ref, unknown.ref, waiting.ref, pending.ref]
    assert found[0].payment.status is PaymentStatus.UNKNOWN
    assert lapsed_link.ref not in {record.ref for record in found}
    old = await journal.unresolved(SCOPE, older_than=LEASE - 10)
    assert [record.ref for record in old] == [lapsed.ref, unknown.ref]
    every = await journal.unresolved(SCOPE, in_flight=True)
    assert [record.ref for record in every] == [lapsed.ref, unknown.ref, waiting.ref, pending.ref, in_flight.ref]


async def test_what_was_settled_is_no_longer_unresolved(journal: Journal) -> None:
    unknown = await paid(journal, make_intent(), PaymentStatus.UNKNOWN)
    await journal.change(unknown.ref, becomes(PaymentStatus.DECLINED))
    assert list(await journal.unresolved(SCOPE)) == []
    await journal.change(unknown.ref, becomes(PaymentStatus.UNKNOWN))
    assert [record.ref for record in await journal.unresolved(SCOPE)] == [unknown.ref]


async def test_all_records_come_page_by_page(journal: Journal) -> None:
    refs = sorted([(await admitted(journal, make_intent(f"{n}"))).ref for n in range(7)])
    await admitted(journal, make_intent("foreign", merchant="JP00000002"))
    found, after = [], ""
    while page := await journal.records(SCOPE, after=after, limit=3):
        assert len(page) <= 3
        found += [record.ref for record in page]
        after = found[-1]
    assert found == refs
    assert len(await journal.records(SCOPE)) == 7


async def test_a_closed_journal_says_so(journal: Journal) -> None:
    record = await admitted(journal, make_intent())
    await journal.aclose()
    await journal.aclose()
    notice = make_notice(record.ref)
    for call in (
        lambda: journal.get(record.ref),
        lambda: journal.admit(make_intent(merchant=MERCHANT), owner="second", lease=LEASE),
        lambda: journal.change(record.ref, not_sent),
        lambda: journal.changed(record.ref, after=0, timeout=1),
        lambda: journal.note(notice),
        lambda: journal.unresolved(SCOPE),
    ):
        with pytest.raises(JournalUnavailable, match="closed"):
            await call()
