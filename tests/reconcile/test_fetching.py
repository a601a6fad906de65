"""The questions of a run: every answer ends up in a part, and whoever watches is told how far it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from paymentoptions_async import Address, Card, Money, PaymentOptions
from paymentoptions_async.errors import GatewayUnavailable, JournalUnavailable
from paymentoptions_async.reconcile import fetching
from paymentoptions_async.reconcile.database import database
from paymentoptions_async.reconcile.events import Event, Plan, Progress, Saved
from paymentoptions_async.reconcile.fetching import fetch
from paymentoptions_async.reconcile.parts import view_answers
from paymentoptions_async.reconcile.schemas import ANSWER
from paymentoptions_async.reconcile.workspace import RunRefused, Workspace
from tests.reconcile.engine_runs import Desk, Free, begin, plan, row, rows_of, transaction


@pytest.fixture
def run(tmp_path: Path) -> Workspace:
    return begin(tmp_path, rows_of(range(500)))


async def ask(run: Workspace, desk: Desk, *, chunk: int = 100) -> list[Event]:
    """Ask for what is left, and return what was told."""
    told: list[Event] = []
    await fetch(desk.observe, run, plan(run), pace=Free(), concurrency=8, on_event=told.append, chunk=chunk)
    return told


def kept(run: Workspace) -> list[int]:
    return sorted(n for part in run.parts.iterdir() for n in pq.read_table(part)["n"].to_pylist())


async def test_every_answer_is_in_a_part(run: Workspace) -> None:
    desk = Desk()
    told = await ask(run, desk)
    assert kept(run) == list(range(500))
    assert {pq.read_schema(part).equals(ANSWER) for part in run.parts.iterdir()} == {True}
    saved = [event for event in told if isinstance(event, Saved)]
    assert [event.part for event in saved] == sorted(part.name for part in run.parts.iterdir())
    assert sum(event.rows for event in saved) == 500
    last = told[-1]
    assert isinstance(last, Progress)
    assert (last.done, last.total, last.failed, last.in_flight) == (500, 500, 0, 0)
    assert last.findings == {"matched": 500}


async def test_what_is_answered_is_not_asked_again(run: Workspace) -> None:
    await ask(run, Desk())
    again = Desk()
    assert await ask(run, again) == []
    assert not again.asked


async def test_what_failed_is_asked_again_when_the_run_is_taken_up(run: Workspace) -> None:
    bad = [transaction(n) for n in range(0, 500, 7)]
    desk = Desk()
    desk.said = {one: GatewayUnavailable("no answer") for one in bad}
    told = await ask(run, desk)
    assert isinstance(told[-1], Progress)
    assert told[-1].failed == len(bad)
    assert told[-1].findings["unchecked"] == len(bad)
    assert plan(run).left == len(bad)
    again = Desk()
    told = await ask(run, again)
    assert set(again.asked) == set(bad)
    assert isinstance(told[-1], Progress)
    assert (told[-1].done, told[-1].total) == (500, 500)
    with database(run.spill) as connection:
        view_answers(connection, run.path)
        found = connection.sql("SELECT outcome, count(*), count(DISTINCT n) FROM answers GROUP BY outcome").fetchall()
        assert found == [("answered", 500, 500)]


async def test_cancelled_it_keeps_what_came_in_and_goes_on_later(run: Workspace) -> None:
    desk, plenty = Desk(), asyncio.Event()

    async def observe(transaction_id: str, **others: object) -> object:
        if len(desk.asked) == 250:
            plenty.set()
        return await desk.observe(transaction_id, **others)  # type: ignore[arg-type]

    found = plan(run)
    task = asyncio.ensure_future(
        fetch(observe, run, found, pace=Free(), concurrency=8, on_event=lambda _: None)  # type: ignore[arg-type]
    )
    await plenty.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(kept(run)) == len(desk.asked) < 500
    again = Desk()
    await ask(run, again)
    assert kept(run) == list(range(500))
    assert not set(again.asked) & set(desk.asked)


async def test_an_error_is_raised_when_what_came_in_is_kept(run: Workspace) -> None:
    desk = Desk()
    desk.said[transaction(300)] = JournalUnavailable("the disk is full")
    with pytest.raises(JournalUnavailable):
        await ask(run, desk)
    assert len(kept(run)) == len(desk.asked) - 1


async def test_a_directory_with_strange_files_is_refused_before_anybody_is_asked(run: Workspace) -> None:
    found, desk = plan(run), Desk()
    (run.parts / "part-1.parquet").touch()
    with pytest.raises(RunRefused, match=r"part-1\.parquet"):
        await fetch(desk.observe, run, found, pace=Free(), concurrency=8, on_event=lambda _: None)
    assert not desk.asked


async def test_nothing_is_left_running(run: Workspace) -> None:
    desk, before = Desk(), set(threading.enumerate())  # other tests of the process may have threads of their own
    desk.said[transaction(10)] = JournalUnavailable("the disk is full")
    with pytest.raises(JournalUnavailable):
        await ask(run, desk)
    assert len(asyncio.all_tasks()) == 1
    started = set(threading.enumerate()) - before
    assert {thread.name.split("_")[0] for thread in started} <= {"asyncio"}


async def test_it_tells_how_far_it_is_while_it_asks(run: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TELL_EVERY", 0.01)
    told = await ask(run, Desk(seconds=0.005))
    progress = [event for event in told if isinstance(event, Progress)]
    assert len(progress) > 3
    done = [event.done for event in progress]
    assert done == sorted(done)
    assert 0 < done[1] < 500


class TestTelling:
    class Counting:
        done = failed = in_flight = 0
        findings: dict[str, int] = {}  # noqa: RUF012  nobody adds to it

    def teller(self, clock: Callable[[], float]) -> fetching._Teller:
        found = Plan(total=1000, asked=100, confirmed=0, rate=None, seconds=9.0)
        return fetching._Teller(self.Counting, found, Free(), clock)  # type: ignore[arg-type]

    def test_the_rate_is_that_of_the_last_seconds(self) -> None:
        now = 0.0
        teller = self.teller(lambda: now)
        for _ in range(100):  # two a second, then twenty
            now += fetching.TELL_EVERY
            self.Counting.done += 1 if now <= 25 else 10
            progress = teller.progress()
        assert progress.rate == pytest.approx(20.0)
        assert progress.done == 100 + self.Counting.done
        assert progress.seconds_left == pytest.approx((900 - self.Counting.done) / 20.0)

    def test_at_a_standstill_nobody_knows_how_long_it_takes(self) -> None:
        teller = self.teller(lambda: 5.0)
        assert teller.progress().rate == 0.0
        assert teller.progress().seconds_left is None


async def test_payments_of_the_sandbox_are_told_as_it_has_them(
    tmp_path: Path, paymentoptions_gateway: PaymentOptions, paymentoptions_card: Callable[..., Card]
) -> None:
    gateway = paymentoptions_gateway
    payment = await gateway.purchase(
        Money("1000", "JPY"),
        card=paymentoptions_card(),
        billing_address=Address(country="JP", email="buyer@example.com"),
        customer_ip="203.0.113.7",
        idempotency_key="1042:1",
    )
    rows = [row(1, transaction_id=payment.transaction_id), row(2, transaction_id=transaction(99))]
    with begin(tmp_path, rows, scope=gateway.scope) as run:
        await fetch(gateway.observe, run, plan(run), pace=Free(), concurrency=8, on_event=lambda _: None)
        [part] = run.parts.iterdir()
    found, missing = sorted(pq.read_table(part).to_pylist(), key=lambda one: one["n"])
    assert (found["outcome"], found["status"], found["reference"]) == ("answered", "approved", payment.ref)
    assert (found["amount"], found["currency"], found["http_status"]) == (Decimal(1000), "JPY", 200)
    assert found["gateway_time"] == payment.gateway_time
    assert (missing["outcome"], missing["status"], missing["http_status"]) == ("not_found", None, 404)
    assert "4111111111111111" not in found["raw"]
