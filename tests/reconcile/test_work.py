"""What is asked for: each transaction once, less what is confirmed."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from paymentoptions_async.reconcile.database import database
from paymentoptions_async.reconcile.options import Selection
from paymentoptions_async.reconcile.parts import write_part
from paymentoptions_async.reconcile.schemas import WORK
from paymentoptions_async.reconcile.threads import Stop, StoppedError
from paymentoptions_async.reconcile.work import CONFIRMED, left, plan_work, view_ledger
from paymentoptions_async.reconcile.workspace import RunRefused, Workspace
from tests.reconcile.engine_parts import answer
from tests.reconcile.engine_runs import BEGUN, Free, begin, fact, plan, row, rows_of, transaction, work_of

ONLY_UNCONFIRMED = Selection(only_unconfirmed=True)


def resolved(run: Workspace) -> dict[int, str | None]:
    with database(run.spill) as connection:
        view_ledger(connection, run)
        return dict(connection.sql("SELECT line, transaction_id FROM resolved").fetchall())


def test_each_transaction_is_asked_for_once_in_the_order_of_the_ledger(tmp_path: Path) -> None:
    with begin(tmp_path, rows_of([5, 3, 5, 1, 3])) as run:
        found = plan(run)
        assert (found.total, found.asked, found.left, found.confirmed) == (3, 0, 3, 0)
        assert work_of(run) == [transaction(5), transaction(3), transaction(1)]
        assert pq.read_schema(run.work).equals(WORK)


def test_the_first_row_says_what_is_expected(tmp_path: Path) -> None:
    again = row(2, transaction_id=transaction(1), status="declined", amount=Decimal(7), currency="EUR")
    with begin(tmp_path, [again, row(1, transaction_id=transaction(1))]) as run:
        plan(run)
        [asked] = pq.read_table(run.work).to_pylist()
        assert (asked["status"], asked["amount"], asked["currency"]) == ("approved", Decimal("10.5"), "USD")


def test_what_the_journal_knows_besides_is_asked_for_after_the_ledger_by_time(tmp_path: Path) -> None:
    known = [
        fact("late", transaction_id=transaction(9), opened_at=BEGUN + timedelta(days=2)),
        fact("early", transaction_id=transaction(8), status="pending", confirmed=False),
        fact("in the ledger", transaction_id=transaction(1)),
        fact("declined", transaction_id=transaction(7), status="declined"),
        fact("by a person", transaction_id=transaction(4), status="cancelled", confirmed=False),
        fact("never named", status="unknown", confirmed=False),
        fact("twice", transaction_id=transaction(6), role="duplicate", opened_at=BEGUN + timedelta(days=1)),
        fact("twice", transaction_id=transaction(5), role="orphan", status=None, opened_at=BEGUN + timedelta(days=3)),
    ]
    with begin(tmp_path, rows_of([1]), known) as run:
        plan(run)
        assert work_of(run) == [transaction(number) for number in (1, 4, 8, 6, 9, 5)]
        besides = pq.read_table(run.work).slice(1).to_pylist()
        assert {(one["status"], one["amount"], one["currency"]) for one in besides} == {(None, None, None)}


@pytest.mark.parametrize(
    ("since", "until", "besides"),
    [(None, None, [1, 2, 3]), (10, None, [2, 3]), (None, 20, [1]), (10, 20, []), (10, 21, [2])],
)
def test_of_the_journal_only_what_is_in_the_window_is_asked_for(
    tmp_path: Path, since: int | None, until: int | None, besides: list[int]
) -> None:
    def hour(number: int | None) -> datetime | None:
        return None if number is None else BEGUN + timedelta(hours=number)

    def known(number: int, at: int, **cells: Any) -> dict[str, Any]:
        return fact(f"{number}", transaction_id=transaction(number), **{"opened_at": hour(at)} | cells)

    facts = [known(1, 1), known(2, 20), known(3, 30), known(8, 2), known(9, 40, reference="8", operation="refund")]
    with begin(tmp_path, rows_of([8]), facts) as run:
        plan(run, Selection(since=hour(since), until=hour(until)))
        # A refund of a charge that the ledger has is asked for, whenever it was.
        assert sorted(work_of(run)[1:]) == [transaction(number) for number in (*besides, 9)]


@pytest.mark.parametrize(
    ("scope", "asked"),
    [("paymentoptions/sandbox/m", [transaction(1)]), ("corefy/test/a", ["cpi_abc"])],
)
def test_what_the_gateway_could_not_be_asked_is_left_out(tmp_path: Path, scope: str, asked: list[str]) -> None:
    ids = [transaction(1), "cpi_abc", "cri_refund", "cpi_", "../status"]
    with begin(tmp_path, [row(line, transaction_id=one) for line, one in enumerate(ids, 1)], scope=scope) as run:
        plan(run)
        assert work_of(run) == asked


def test_an_empty_ledger_leaves_nothing_to_ask(tmp_path: Path) -> None:
    with begin(tmp_path) as run:
        assert plan(run).total == 0
        assert list(left(run, Stop())) == []


class TestRowsWithAReferenceAlone:
    """They are of the transaction that the journal has for it."""

    def test_a_charge_is_found_by_its_reference(self, tmp_path: Path) -> None:
        rows = [row(1, reference="a"), row(2, reference="a", kind="authorization"), row(3, reference="other")]
        with begin(tmp_path, rows, [fact("a", transaction_id=transaction(1))]) as run:
            assert resolved(run) == {1: transaction(1), 2: transaction(1), 3: None}
            plan(run)
            assert work_of(run) == [transaction(1)]

    def test_the_rows_own_id_comes_first(self, tmp_path: Path) -> None:
        known = [fact("a", transaction_id=transaction(1))]
        with begin(tmp_path, [row(1, reference="a", transaction_id=transaction(2))], known) as run:
            assert resolved(run) == {1: transaction(2)}

    def test_a_refund_is_found_under_its_charges_reference_and_is_not_the_charge(self, tmp_path: Path) -> None:
        known = [
            fact("a", transaction_id=transaction(1)),
            fact("a-refund", reference="a", operation="refund", transaction_id=transaction(2)),
            fact("b", transaction_id=transaction(3)),
        ]
        rows = [
            row(1, reference="a", kind="refund", amount=Decimal(3)),
            row(2, reference="a-refund", kind="refund"),
            row(3, reference="b", kind="refund"),
            row(4, reference="a", kind="capture"),
            row(5, reference="a-refund", kind="payment"),
            row(6, reference="a-refund"),
        ]
        with begin(tmp_path, rows, known) as run:
            assert resolved(run) == {1: transaction(2), 2: transaction(2), 3: None, 4: None, 5: None, 6: transaction(2)}

    def test_several_refunds_of_one_charge_are_told_apart_by_amount_and_then_by_time(self, tmp_path: Path) -> None:
        def refund(ref: str, number: int, amount: int) -> dict[str, object]:
            about = {"operation": "refund", "transaction_id": transaction(number), "currency": "USD"}
            when = BEGUN + timedelta(hours=number)
            return fact(ref, reference="a", amount=Decimal(amount), opened_at=when, **about)

        known = [refund("r3", 3, 5), refund("r2", 2, 5), refund("r1", 1, 7)]
        amounts = [5, 7, 5, 6, 5]
        rows = [row(n, reference="a", kind="refund", amount=Decimal(amount)) for n, amount in enumerate(amounts, 1)]
        with begin(tmp_path, rows, known) as run:
            # The third of 5 repeats a row; the one of 6 may be any.
            expected = {1: transaction(2), 2: transaction(1), 3: transaction(3), 4: None, 5: transaction(3)}
            assert resolved(run) == expected

    def test_a_duplicate_charge_does_not_stand_for_the_payment(self, tmp_path: Path) -> None:
        known = [
            fact("a", transaction_id=transaction(1)),
            fact("a", transaction_id=transaction(2), role="duplicate"),
        ]
        with begin(tmp_path, [row(1, reference="a")], known) as run:
            assert resolved(run) == {1: transaction(1)}


class TestOnlyUnconfirmed:
    """What is final from the gateway already is set apart."""

    def test_what_the_journal_has_confirmed_is_not_asked_for(self, tmp_path: Path) -> None:
        known = [
            fact("a", transaction_id=transaction(1), amount=Decimal(3), currency="USD"),
            fact("b", transaction_id=transaction(2), contradicted=True),
            fact("c", transaction_id=transaction(3), confirmed=False),
            fact("d", transaction_id=transaction(4), status="pending"),
            fact("e", transaction_id=transaction(5), role="renewal"),
            fact("not in the ledger, declined", transaction_id=transaction(6), status="declined"),
            fact("f", transaction_id=transaction(7)),
            fact("f's void", transaction_id=transaction(7), operation="void"),
        ]
        with begin(tmp_path, rows_of([1, 2, 3, 4, 5, 7]), known) as run:
            assert plan(run, ONLY_UNCONFIRMED).confirmed == 1
            assert work_of(run) == [transaction(number) for number in (2, 3, 4, 5, 7)]
            [sure] = pq.read_table(run.confirmed, schema=CONFIRMED).to_pylist()
            assert (sure["n"], sure["transaction_id"], sure["outcome"], sure["status"], sure["source"]) == (
                -1,
                transaction(1),
                "answered",
                "approved",
                "journal",
            )
            assert (sure["amount"], sure["currency"], sure["asked_at"]) == (Decimal(3), "USD", BEGUN)

    def test_unless_it_is_wanted_everything_is_asked_for(self, tmp_path: Path) -> None:
        with begin(tmp_path, rows_of([1]), [fact("a", transaction_id=transaction(1))]) as run:
            assert plan(run).confirmed == 0
            assert work_of(run) == [transaction(1)]
            assert pq.read_schema(run.confirmed).equals(CONFIRMED)

    def test_final_answers_of_earlier_runs_are_taken_over(self, tmp_path: Path) -> None:
        with begin(tmp_path / "first", rows_of(range(1, 7))) as first:
            plan(first)
            answers = [
                answer(0, status="approved"),
                answer(1, status="pending"),
                answer(2, outcome="failed", status=None),
                answer(3, outcome="not_found", status=None),
                answer(4, status="unknown"),
                answer(5, status="declined"),
            ]
            write_part(first.parts, 1, answers)
        selection = Selection(only_unconfirmed=True, earlier=(tmp_path / "first",))
        journal = [fact("f", transaction_id=transaction(6), contradicted=True)]
        with begin(tmp_path / "second", rows_of(range(7)), journal) as second:
            assert plan(second, selection).confirmed == 1
            assert work_of(second) == [transaction(number) for number in (0, 2, 3, 4, 5, 6)]
            [sure] = pq.read_table(second.confirmed).to_pylist()
            assert (sure["transaction_id"], sure["source"], sure["raw"]) == (transaction(1), "earlier", None)
            write_part(second.parts, 1, [answer(0, transaction_id=transaction(0))])
        both = Selection(only_unconfirmed=True, earlier=(tmp_path / "first", tmp_path / "second"))
        with begin(tmp_path / "third", rows_of([0, 1, 2, 6])) as third:
            plan(third, both)
            assert work_of(third) == [transaction(2)]
            sure = pq.read_table(third.confirmed).to_pylist()
            assert sorted((one["transaction_id"], one["status"]) for one in sure) == [
                (transaction(0), "approved"),
                (transaction(1), "approved"),
                (transaction(6), "declined"),
            ]

    def test_a_directory_without_a_run_is_refused(self, tmp_path: Path) -> None:
        with begin(tmp_path / "run", rows_of([1])) as run, pytest.raises(RunRefused, match="there is no run in it"):
            plan(run, Selection(only_unconfirmed=True, earlier=(tmp_path / "nowhere",)))

    def test_a_run_of_another_merchant_is_refused(self, tmp_path: Path) -> None:
        with begin(tmp_path / "first", rows_of([1]), scope="paymentoptions/sandbox/other") as first:
            plan(first)
        with begin(tmp_path / "run", rows_of([1])) as run, pytest.raises(RunRefused, match=r"sandbox/other, not"):
            plan(run, Selection(only_unconfirmed=True, earlier=(tmp_path / "first",)))


def test_it_is_planned_once(tmp_path: Path) -> None:
    with begin(tmp_path, rows_of([1, 2])) as run:
        plan(run)
        before = run.work.stat().st_mtime_ns
        assert plan(run).total == 2
        assert run.work.stat().st_mtime_ns == before


@pytest.mark.parametrize(("rate", "seconds"), [(None, 2 / 3000), (0.5, 4.0), (1e9, 2 / 3000)])
def test_the_length_is_estimated_from_the_rate_as_far_as_one_process_goes(
    tmp_path: Path, rate: float | None, seconds: float
) -> None:
    pace = Free()
    pace.rate = rate
    with begin(tmp_path, rows_of([1, 2])) as run:
        found = plan(run, pace=pace)
        assert found.rate == rate
        assert found.seconds == pytest.approx(seconds)


def test_what_was_answered_is_not_left_and_what_failed_is(tmp_path: Path) -> None:
    with begin(tmp_path, rows_of(range(20_000))) as run:
        plan(run)
        done = [n for n in range(20_000) if n % 3]
        write_part(run.parts, 1, [answer(n) for n in done[1::2]])
        write_part(run.parts, 2, [answer(n) for n in done[::2]])
        write_part(run.parts, 3, [answer(n, outcome="failed") for n in range(0, 20_000, 3)])
        assert plan(run).asked == len(done)
        rest = [n for batch in left(run, Stop()) for n in batch.column("n").to_pylist()]
        assert rest == list(range(0, 20_000, 3))


def test_reading_what_is_left_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with begin(tmp_path, rows_of(range(3))) as run:
        plan(run)
        stop = Stop()
        stop.set()
        with pytest.raises(StoppedError):
            next(left(run, stop))


def test_planning_is_interrupted(tmp_path: Path) -> None:
    with begin(tmp_path, rows_of(range(3))) as run:
        stop = Stop()
        stop.set()
        with pytest.raises(StoppedError):
            plan_work(run, stop, selection=Selection(), rate=None, memory=64 * 1024**2)
        assert not run.work.exists()
        assert plan(run).total == 3
