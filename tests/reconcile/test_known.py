from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paymentoptions_async.intent import Intent, NoticeState, Record
from paymentoptions_async.journal import Journal, MemoryJournal
from paymentoptions_async.journal.sqlite import SqliteJournal
from paymentoptions_async.payment import Operation, PaymentStatus, Progress, Source
from paymentoptions_async.reconcile import known
from paymentoptions_async.reconcile.known import keep_known
from paymentoptions_async.reconcile.schemas import KNOWN
from paymentoptions_async.reconcile.workspace import Manifest, Workspace, now
from paymentoptions_async.values import Money
from tests.journal.making import Clock, admitted, becomes, make_id, make_intent, make_notice, not_sent, paid

SCOPE = make_intent().scope
TEN = Money("10.50", "USD")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(clock: Clock) -> MemoryJournal:
    return MemoryJournal(clock=clock)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "run", Manifest(SCOPE, {}, {}, {}, now())) as run:
        yield run


async def kept(journal: Journal, run: Workspace) -> list[dict[str, Any]]:
    await keep_known(journal, run)
    table = pq.read_table(run.known)
    assert table.schema.equals(KNOWN)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


async def row_of(journal: Journal, run: Workspace, intent: Intent) -> dict[str, Any]:
    [row] = [row for row in await kept(journal, run) if row["ref"] == intent.ref]
    return row


async def test_a_payment_is_told_as_the_journal_has_it(journal: MemoryJournal, run: Workspace, clock: Clock) -> None:
    clock.now = 1_700_000_000.25
    intent = make_intent(amount=TEN, order="1042")
    payment = await paid(journal, intent, transaction_type="PURCHASE", charged_back=Money("2.00", "USD"))
    assert await kept(journal, run) == [
        {
            "ref": intent.ref,
            "reference": intent.ref,
            "transaction_id": payment.transaction_id,
            "role": "own",
            "operation": "purchase",
            "status": "approved",
            "confirmed": True,
            "contradicted": False,
            "amount": Decimal("10.5000"),
            "currency": "USD",
            "charged_back": Decimal("2.0000"),
            "transaction_type": "PURCHASE",
            "parent": None,
            "order_name": "1042",
            "opened_at": datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC),
        }
    ]


async def test_what_was_approved_counts_not_what_was_asked_for(journal: MemoryJournal, run: Workspace) -> None:
    intent = make_intent(amount=TEN)
    await paid(journal, intent, PaymentStatus.PARTIALLY_APPROVED, approved_amount=Money("4.00", "USD"))
    assert (await row_of(journal, run, intent))["amount"] == Decimal("4.0000")


async def test_a_refund_is_kept_under_its_charge(journal: MemoryJournal, run: Workspace) -> None:
    charge = await paid(journal, make_intent())
    refund = make_intent("r", operation=Operation.REFUND, parent=charge.ref, charge_ref=charge.ref)
    await paid(journal, refund)
    row = await row_of(journal, run, refund)
    assert (row["operation"], row["parent"], row["reference"]) == ("refund", charge.ref, charge.ref)


async def test_a_payment_without_a_transaction_has_a_row_too(journal: MemoryJournal, run: Workspace) -> None:
    page = make_intent("page", operation=Operation.HOSTED_PAGE, amount=None, currency="EUR", instrument=None)
    await paid(journal, page, PaymentStatus.ACTION_REQUIRED, transaction_id=None, approved_amount=None)
    row = await row_of(journal, run, page)
    assert (row["transaction_id"], row["amount"], row["currency"]) == (None, None, "EUR")
    assert (row["status"], row["confirmed"]) == ("action_required", False)


async def test_each_charge_under_a_name_has_a_row(journal: MemoryJournal, run: Workspace) -> None:
    intent = make_intent(operation=Operation.SUBSCRIBE, order="1042")
    own, twice, first, second = (make_id() for _ in range(4))
    await paid(journal, intent, transaction_id=own, duplicate_charges=(twice,), renewals=(first, second))
    rows = await kept(journal, run)
    assert [(row["transaction_id"], row["role"]) for row in rows] == [
        (own, "own"),
        (twice, "duplicate"),
        (first, "renewal"),
        (second, "renewal"),
    ]
    for row in rows[1:]:
        assert (row["ref"], row["operation"], row["order_name"]) == (intent.ref, "subscribe", "1042")
        assert (row["status"], row["amount"], row["confirmed"]) == (None, None, False)


async def test_another_attempt_whose_transaction_is_not_known_is_no_transaction(
    journal: MemoryJournal, run: Workspace
) -> None:
    first, second = make_intent("1", order="1042"), make_intent("2", order="1042")
    await paid(journal, first, PaymentStatus.ACTION_REQUIRED, transaction_id=None)
    await paid(journal, replace(second, supersedes=first.ref))
    changed = await journal.change(first.ref, becomes(PaymentStatus.APPROVED, transaction_id=None))
    await journal.change(second.ref, becomes(PaymentStatus.APPROVED, duplicate_charges=(first.ref,)))
    assert changed.payment.duplicate_charges
    rows = await kept(journal, run)
    assert first.ref not in {row["transaction_id"] for row in rows}
    assert [row["role"] for row in rows if row["ref"] == second.ref] == ["own"]


@pytest.mark.parametrize(
    ("status", "about", "confirmed"),
    [
        (PaymentStatus.APPROVED, {}, True),
        (PaymentStatus.DECLINED, {"source": Source.STATUS}, True),
        (PaymentStatus.EXPIRED, {"source": Source.STATUS}, True),
        (PaymentStatus.APPROVED, {"source": Source.PERSON}, False),
        (PaymentStatus.APPROVED, {"source": Source.STATUS, "contradicted": True}, False),
        (PaymentStatus.PENDING, {"source": Source.STATUS}, False),
        (PaymentStatus.UNKNOWN, {"source": Source.TRANSPORT}, False),
        (PaymentStatus.ACTION_REQUIRED, {}, False),
    ],
)
async def test_only_what_the_gateway_said_for_good_is_confirmed(
    journal: MemoryJournal, run: Workspace, status: PaymentStatus, about: dict[str, Any], *, confirmed: bool
) -> None:
    intent = make_intent()
    await paid(journal, intent, status, **about)
    row = await row_of(journal, run, intent)
    assert row["confirmed"] is confirmed
    assert row["contradicted"] is about.get("contradicted", False)


async def test_what_was_not_sent_or_refused_is_not_confirmed(journal: MemoryJournal, run: Workspace) -> None:
    """The same key may be sent again."""
    unsent, refused = make_intent("unsent"), make_intent("refused")
    await admitted(journal, unsent)
    await journal.change(unsent.ref, not_sent)
    await admitted(journal, refused)
    change = becomes(PaymentStatus.CANCELLED)

    def refuse(record: Record) -> Any:
        said = change(record)
        assert said is not None
        return replace(said, payment=replace(said.payment, progress=Progress.REFUSED))

    await journal.change(refused.ref, refuse)
    rows = await kept(journal, run)
    assert [(row["status"], row["confirmed"]) for row in rows] == [("cancelled", False)] * 2


async def test_what_was_never_answered_is_unknown(journal: MemoryJournal, run: Workspace, clock: Clock) -> None:
    await admitted(journal, make_intent())
    clock.advance(60)
    [row] = await kept(journal, run)
    assert (row["status"], row["confirmed"]) == ("unknown", False)


async def test_another_merchants_payments_are_left_out(journal: MemoryJournal, run: Workspace) -> None:
    await paid(journal, make_intent("theirs", merchant="JP00000002"))
    await journal.note(make_notice("POSTRAY", known=False, scope="another/scope"))
    assert await kept(journal, run) == []


async def test_webhooks_of_no_payment_name_transactions(
    journal: MemoryJournal, run: Workspace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "PAGE", 2)
    ids = [make_id() for _ in range(4)]
    for number, named in enumerate([ids[:2], ids[1:3], ids[:1], []]):
        clock.advance(1)
        await journal.note(make_notice("POSTRAY", f"d{number}", known=False, transaction_ids=tuple(named)))
    await journal.note(make_notice("POOTHER", known=False, transaction_ids=(ids[0],)))
    payment = await paid(journal, make_intent())
    for digest, state in (("rejected", NoticeState.REJECTED), ("good", NoticeState.CONFIRMED)):
        notice = make_notice(payment.ref, digest, transaction_ids=(ids[3],))
        await journal.note(notice)
        await journal.close_notice(notice, state, "done")
    rows = [row for row in await kept(journal, run) if row["role"] == "orphan"]
    told = {("POSTRAY", ids[0]), ("POSTRAY", ids[1]), ("POSTRAY", ids[2]), ("POOTHER", ids[0]), (payment.ref, ids[3])}
    assert {(row["ref"], row["transaction_id"]) for row in rows} == told
    assert len(rows) == len(told), "each once"
    stray = next(row for row in rows if row["ref"] == "POSTRAY")
    assert stray["opened_at"] == datetime.fromtimestamp(1_700_000_001, UTC)
    assert (stray["reference"], stray["operation"], stray["status"], stray["confirmed"]) == (
        "POSTRAY",
        None,
        None,
        False,
    )


async def test_ids_are_as_the_gateway_is_asked_for_them(journal: MemoryJournal, run: Workspace) -> None:
    """UUIDs in lower case; Corefy's are told apart by case."""
    names = ["AB8444E7-FEC0-40DD-994D-0AD813785F74", "cpi_ADzwZTG99f3q3utQ"]
    for name in names:
        await paid(journal, make_intent(name), transaction_id=name)
    assert {row["transaction_id"] for row in await kept(journal, run)} == {names[0].lower(), names[1]}


async def test_half_a_character_from_outside_does_not_end_the_run(journal: MemoryJournal, run: Workspace) -> None:
    await journal.note(make_notice("shop \ud800", known=False))
    assert [row["ref"] for row in await kept(journal, run)] == ["shop ?"]


async def test_a_journal_that_fails_leaves_no_table(run: Workspace) -> None:
    journal = MemoryJournal()
    await journal.aclose()
    with pytest.raises(Exception, match="closed"):
        await keep_known(journal, run)
    assert [path.name for path in run.path.glob("known*")] == []


async def test_cancelled_it_leaves_no_table(
    journal: MemoryJournal, run: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def hang(*_: Any, **__: Any) -> list[Record]:
        reached.set()
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(journal, "orphans", hang)
    task = asyncio.create_task(keep_known(journal, run))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [path.name for path in run.path.glob("known*")] == []


async def test_many_are_kept_in_few_groups(tmp_path: Path, run: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "PAGE", 7)
    monkeypatch.setattr(known, "GROUP", 20)
    journal = SqliteJournal(tmp_path / "journal.db")
    payments = await asyncio.gather(*(paid(journal, make_intent(f"{n}")) for n in range(100)))
    rows = await kept(journal, run)
    await journal.aclose()
    assert sorted(row["transaction_id"] for row in rows) == sorted(str(one.transaction_id) for one in payments)
    assert [row["ref"] for row in rows] == sorted(one.ref for one in payments)
    metadata = pq.read_metadata(run.known)
    assert metadata.num_row_groups <= 100 // 20 + 1


class Endless:
    """A journal whose records are made while they are asked for, so that nothing but the work itself takes memory."""

    def __init__(self, one: Record, number: int) -> None:
        self.one = one
        self.number = number

    async def records(self, scope: str, *, after: str = "", limit: int = 1000) -> list[Record]:
        first = int(after.removeprefix("PO") or -1) + 1
        numbers = range(first, min(first + limit, self.number))
        return [replace(self.one, intent=replace(self.one.intent, ref=f"PO{n:09}")) for n in numbers]

    async def orphans(self, scope: str, **_: Any) -> list[Record]:
        return []


async def test_memory_is_bounded(journal: MemoryJournal, run: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "GROUP", 5000)
    payment = await paid(journal, make_intent())
    one = await journal.get(payment.ref)
    assert one is not None
    await keep_known(Endless(one, 10_000), run)  # type: ignore[arg-type]  # what it needs of one
    before, arrow = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, pa.total_allocated_bytes()
    await keep_known(Endless(one, 60_000), run)  # type: ignore[arg-type]  # as above
    assert pq.read_metadata(run.known).num_rows == 60_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024, "kilobytes"
    assert pa.total_allocated_bytes() - arrow < 2**20
