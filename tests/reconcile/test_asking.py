"""Asking very many questions: how many at once, what is kept, and how it ends. In virtual time, without files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from paymentoptions_async.errors import (
    AuthenticationFailed,
    GatewayUnavailable,
    InvalidValue,
    JournalUnavailable,
    RateLimited,
)
from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.payment import Decline, PaymentStatus, Refusal
from paymentoptions_async.reconcile.answers import Row
from paymentoptions_async.reconcile.asking import GIVE_UP_AFTER, SAVE_EVERY, Asking, GatewayGaveUp, Observe
from paymentoptions_async.reconcile.glance import Question
from paymentoptions_async.reconcile.schemas import ANSWER
from paymentoptions_async.values import Money
from tests.reconcile.engine_runs import DONE, Desk, Free, approved, transaction
from tests.support.virtual_time import in_virtual_time


class Asked:
    """An `Asking` whose answers are kept in a list; ``chunks`` has the size of each."""

    def __init__(self, observe: Observe, *, pace: Free | None = None, concurrency: int = 8, chunk: int = 20) -> None:
        self.rows: list[dict[str, Any]] = []
        self.chunks: list[int] = []
        self.seconds_to_save = 0.0
        self.given = self.most_unsaved = 0
        clock = asyncio.get_running_loop().time
        self.asking = Asking(
            observe, self._save, pace=pace or Free(concurrency), concurrency=concurrency, chunk=chunk, clock=clock
        )

    async def ask(self, total: int, batch: int = 7) -> None:
        await self.asking.ask(self._questions(total, batch))

    @property
    def numbers(self) -> list[int]:
        return sorted(row["n"] for row in self.rows)

    async def _questions(self, total: int, batch: int) -> AsyncIterator[Sequence[Question]]:
        for first in range(0, total, batch):
            await asyncio.sleep(0)
            yield [question(n) for n in range(first, min(first + batch, total))]

    async def _save(self, rows: Sequence[Row]) -> None:
        await asyncio.sleep(self.seconds_to_save)
        self.chunks.append(len(rows))
        self.rows += [dict(zip(ANSWER.names, row, strict=True)) for row in rows]


def question(n: int) -> Question:
    return Question(n, transaction(n), "approved", Decimal("10.50"), "USD")


@in_virtual_time
async def test_every_question_is_asked_once_and_every_answer_kept() -> None:
    desk = Desk(seconds=0.1)
    asked = Asked(desk.observe)
    await asked.ask(100)
    assert asked.numbers == list(range(100))
    assert set(desk.asked.values()) == {1}
    assert (asked.asking.done, asked.asking.failed, asked.asking.in_flight) == (100, 0, 0)
    assert asked.asking.findings == {"matched": 100}


@in_virtual_time
async def test_nothing_to_ask_ends_at_once() -> None:
    asked = Asked(Desk().observe)
    await asked.ask(0)
    assert asked.chunks == []


@in_virtual_time
async def test_as_many_are_in_flight_as_may_be() -> None:
    desk = Desk(seconds=1.0)
    begun = asyncio.get_running_loop().time()
    await Asked(desk.observe, concurrency=5, chunk=1000).ask(50)
    assert desk.most_at_once == 5
    assert asyncio.get_running_loop().time() - begun == pytest.approx(10.0)


@in_virtual_time
async def test_the_pace_may_change_how_many_are_in_flight() -> None:
    pace, desk = Free(2), Desk(seconds=1.0)
    seen: list[tuple[int, int]] = []

    async def observe(transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        number = sum(desk.asked.values())
        free.concurrency = 2 if number < 20 else 6 if number < 80 else 1
        found = await desk.observe(transaction_id, pace=pace)
        seen.append((number, desk.now_asked + 1))
        return found

    free = pace
    asked = Asked(observe, pace=pace, concurrency=8, chunk=1000)
    await asked.ask(120)
    assert max(most for number, most in seen if number < 20) == 2
    assert max(most for number, most in seen if 40 < number < 70) == 6
    assert max(most for number, most in seen if number > 95) == 1
    assert asked.numbers == list(range(120))


@in_virtual_time
async def test_when_all_are_answered_at_once_and_fewer_may_be_in_flight_the_rest_is_asked_for_all_the_same() -> None:
    """A gateway that stalls and then answers does that: each turn sees that there are too many, and leaves."""
    pace, desk = Free(8), Desk(seconds=3.0)

    async def observe(transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        found = await desk.observe(transaction_id, pace=pace)
        allowed.concurrency = 4
        return found

    allowed = pace
    asked = Asked(observe, pace=pace, concurrency=8, chunk=1000)
    await asked.ask(50)
    assert asked.numbers == list(range(50))


@in_virtual_time
async def test_no_more_is_unsaved_than_one_chunk_however_long_saving_takes() -> None:
    desk = Desk(seconds=0.01)
    asked = Asked(desk.observe, chunk=20)
    asked.seconds_to_save = 5.0
    task = asyncio.ensure_future(asked.ask(300))
    while not task.done():
        await asyncio.sleep(0.005)
        assert sum(desk.asked.values()) - len(asked.rows) <= 20
    assert asked.numbers == list(range(300))
    assert max(asked.chunks) <= 20


@in_virtual_time
async def test_a_chunk_may_be_smaller_than_what_is_in_flight() -> None:
    desk = Desk(seconds=1.0)
    asked = Asked(desk.observe, concurrency=8, chunk=3)
    await asked.ask(10)
    assert asked.numbers == list(range(10))
    assert desk.most_at_once <= 3


@in_virtual_time
async def test_a_slow_run_saves_what_it_has_now_and_then() -> None:
    asked = Asked(Desk(seconds=SAVE_EVERY / 4).observe, concurrency=1, chunk=1000)
    await asked.ask(20)
    assert len(asked.chunks) >= 4
    assert max(asked.chunks) <= 5


@in_virtual_time
async def test_an_answer_says_when_it_was_asked_for_and_how_long_it_took() -> None:
    class Slow(Free):
        async def permit(self, *, again: bool = False) -> None:
            await asyncio.sleep(100.0)

    asked = Asked(Desk(seconds=2.0).observe, pace=Slow(1))
    await asked.ask(1)
    [row] = asked.rows
    assert row["seconds"] == pytest.approx(2.0)


@in_virtual_time
async def test_what_never_left_took_no_time() -> None:
    desk = Desk(seconds=2.0)

    async def observe(transaction_id: str, /, *, pace: Pace | None = None) -> Observation:
        if transaction_id == transaction(1):
            raise InvalidValue("transaction_id: needs a UUID")
        return await desk.observe(transaction_id, pace=pace)

    asked = Asked(observe, concurrency=1)
    await asked.ask(2)
    assert [row["seconds"] for row in asked.rows] == pytest.approx([2.0, 0.0])


class TestWhatIsNotAnswered:
    @in_virtual_time
    async def test_it_is_a_failure_with_its_reason(self) -> None:
        desk = Desk()
        desk.said[transaction(1)] = GatewayUnavailable("no answer from 4111 1111 1111 1111", evidence=DONE)
        desk.said[transaction(2)] = RateLimited("too many", retry_after=3.0)
        desk.said[transaction(3)] = InvalidValue("transaction_id: needs a UUID")
        asked = Asked(desk.observe)
        await asked.ask(5)
        failed = [row for row in asked.rows if row["outcome"] == "failed"]
        assert sorted((row["n"], row["reason"], row["http_status"]) for row in failed) == [
            (1, "no answer from 411111******1111", 200),
            (2, "too many", None),
            (3, "transaction_id: needs a UUID", None),
        ]
        assert {row["status"] for row in failed} == {None}
        assert asked.asking.failed == 3
        assert asked.asking.findings == {"matched": 2, "unchecked": 3}

    @in_virtual_time
    async def test_refused_keys_end_it_at_once(self) -> None:
        desk = Desk(seconds=1.0)
        desk.said[transaction(10)] = AuthenticationFailed("refused with HTTP 401; check the API keys")
        asked = Asked(desk.observe, concurrency=4)
        with pytest.raises(GatewayGaveUp, match="check the API keys"):
            await asked.ask(1000)
        assert 10 not in asked.numbers
        assert len(desk.asked) <= 16
        assert asked.numbers == sorted(n for n in range(1000) if desk.asked[transaction(n)] and n != 10)

    @in_virtual_time
    async def test_minutes_of_failures_alone_end_it(self) -> None:
        desk = Desk(seconds=10.0)
        desk.away = GatewayUnavailable("no answer")
        asked = Asked(desk.observe, concurrency=4)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with pytest.raises(GatewayGaveUp, match=r"no question was answered for 300 s; lately: no answer"):
            await asked.ask(10_000)
        assert GIVE_UP_AFTER <= loop.time() - begun <= GIVE_UP_AFTER + 20
        assert asked.numbers == list(range(len(desk.asked)))

    @in_virtual_time
    async def test_one_answer_now_and_then_keeps_it_going(self) -> None:
        desk = Desk(seconds=10.0)
        for n in range(400):
            if n % 50:
                desk.said[transaction(n)] = GatewayUnavailable("no answer")
        asked = Asked(desk.observe, concurrency=4)
        await asked.ask(400)
        assert asked.asking.failed == 392


class TestTheEnd:
    """What has come in is kept, however it ends."""

    @in_virtual_time
    async def test_an_error_is_raised_after_what_is_in_flight_came_in(self) -> None:
        desk = Desk(seconds=1.0)
        desk.said[transaction(5)] = JournalUnavailable("the disk is full")
        asked = Asked(desk.observe, concurrency=4, chunk=1000)
        with pytest.raises(JournalUnavailable, match="disk is full"):
            await asked.ask(100)
        assert asked.numbers == [0, 1, 2, 3, 4, 6, 7, 8]
        assert len(desk.asked) == 9

    @in_virtual_time
    async def test_cancelled_it_lets_come_in_what_is_in_flight(self) -> None:
        desk = Desk(seconds=10.0)
        asked = Asked(desk.observe, concurrency=4, chunk=1000)
        task = asyncio.ensure_future(asked.ask(100))
        await asyncio.sleep(15.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asked.numbers == list(range(8))
        assert sum(desk.asked.values()) == 8

    @in_virtual_time
    async def test_cancelled_it_does_not_wait_for_permits(self) -> None:
        class Never(Free):
            given = 0

            async def permit(self, *, again: bool = False) -> None:
                self.given += 1
                if self.given > 3:
                    await asyncio.Event().wait()

        desk = Desk(seconds=10.0)
        asked = Asked(desk.observe, pace=Never(6), concurrency=6)
        task = asyncio.ensure_future(asked.ask(100))
        await asyncio.sleep(5.0)
        assert asked.asking.in_flight == 3
        task.cancel()
        begun = asyncio.get_running_loop().time()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.get_running_loop().time() - begun == pytest.approx(5.0)
        assert len(asked.rows) == 3

    @in_virtual_time
    async def test_cancelled_twice_it_waits_no_more_but_keeps_what_there_is(self) -> None:
        desk = Desk(seconds=10.0)
        asked = Asked(desk.observe, concurrency=4, chunk=1000)
        task = asyncio.ensure_future(asked.ask(100))
        await asyncio.sleep(15.0)
        task.cancel()
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asked.numbers == [0, 1, 2, 3]
        assert desk.now_asked == 0

    @in_virtual_time
    async def test_what_can_not_be_kept_is_not_asked_for(self) -> None:
        desk = Desk(seconds=0.1)

        async def fail(rows: Sequence[Row]) -> None:
            raise OSError("No space left on device")

        asking = Asking(
            desk.observe, fail, pace=Free(4), concurrency=4, chunk=10, clock=asyncio.get_running_loop().time
        )
        with pytest.raises(OSError, match="No space"):
            await asking.ask(Asked(desk.observe)._questions(1000, 7))
        assert sum(desk.asked.values()) <= 14

    @in_virtual_time
    async def test_questions_that_can_not_be_read_end_it(self) -> None:
        async def questions() -> AsyncIterator[Sequence[Question]]:
            yield [question(0)]
            raise ValueError("a broken file")

        asked = Asked(Desk().observe)
        with pytest.raises(ValueError, match="broken file"):
            await asked.asking.ask(questions())
        assert asked.numbers == [0]


class TestTheRow:
    @staticmethod
    async def row_of(seen: Observation) -> dict[str, Any]:
        desk = Desk()
        desk.said[transaction(0)] = seen
        asked = Asked(desk.observe)
        await asked.ask(1)
        [row] = asked.rows
        return row

    @in_virtual_time
    async def test_an_approval(self) -> None:
        row = await TestTheRow.row_of(approved(transaction(0), merchant_txn_ref="r", gateway_code="INFO0000"))
        assert (row["outcome"], row["status"], row["amount"], row["currency"]) == (
            "answered",
            "approved",
            Decimal("10.50"),
            "USD",
        )
        assert (row["reference"], row["gateway_code"], row["reason"]) == ("r", "INFO0000", None)
        assert row["raw"] == '{"payment_details":{"amount":10.50}}'

    @in_virtual_time
    async def test_an_unknown_transaction(self) -> None:
        unknown = approved("", status=PaymentStatus.UNKNOWN, approved_amount=None, refusal=Refusal.NOT_FOUND)
        row = await TestTheRow.row_of(unknown)
        assert (row["outcome"], row["status"]) == ("not_found", None)

    @in_virtual_time
    async def test_another_merchants(self) -> None:
        row = await TestTheRow.row_of(approved("", foreign="it is of merchant 2"))
        assert (row["outcome"], row["status"], row["reason"]) == ("foreign", None, "it is of merchant 2")

    @in_virtual_time
    async def test_doubts(self) -> None:
        row = await TestTheRow.row_of(approved("", status=PaymentStatus.UNKNOWN, doubts=("a", "b")))
        assert (row["outcome"], row["status"], row["reason"]) == ("answered", "unknown", "a; b")

    @in_virtual_time
    async def test_an_amount_that_no_table_holds_says_nothing_sure(self) -> None:
        vast = Money.from_wire(Decimal(10**24), "USD")
        row = await TestTheRow.row_of(approved("", approved_amount=vast, refunded=vast, charged_back=vast))
        assert (row["status"], row["amount"], row["refunded"], row["charged_back"]) == ("unknown", None, None, None)
        assert row["reason"] == "its amount is too large to be one"

    @in_virtual_time
    async def test_why_it_was_declined(self) -> None:
        declined = approved("", status=PaymentStatus.DECLINED, approved_amount=None, decline=Decline("lost_card"))
        row = await TestTheRow.row_of(declined)
        assert (row["status"], row["amount"], row["reason"]) == ("declined", None, "lost_card")
