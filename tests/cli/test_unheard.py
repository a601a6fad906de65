"""Commands whose reader has gone: they end when they are told to, and their exit codes say what is so."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async import PaymentStatus
from paymentoptions_async.cli import main
from paymentoptions_async.cli.failure import Failure
from paymentoptions_async.cli.poll.rounds import Rounds
from paymentoptions_async.cli.poll.telling import Lines
from paymentoptions_async.cli.reconcile.carrying_out import Interrupted, carry_out
from paymentoptions_async.cli.reconcile.telling import Telling
from tests.cli.test_journal import Books
from tests.support.scripted import MERCHANT

LONG = 30.0
"""Seconds that only what can't be stopped takes."""


class Unread(io.StringIO):
    """A stream whose reader has gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@contextmanager
def piped() -> Iterator[int]:
    """Make standard output a pipe, and give its end for reading, which is to be closed."""
    read, write = os.pipe()
    with os.fdopen(write, "w") as unread, redirect_stdout(unread):
        yield read


def test_an_interrupt_that_nobody_can_be_told_of_ends_it_all_the_same():
    def unheard() -> None:
        raise BrokenPipeError

    async def work() -> None:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.sleep(LONG)

    with pytest.raises(Interrupted):
        carry_out(work, stopping=unheard, stop=unheard)


@pytest.mark.parametrize("as_json", [True, False])
def test_whose_reader_goes_while_it_is_stopped_exits_as_one_that_was_stopped(as_json):
    async def work() -> Any:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.sleep(LONG)
        finally:
            os.close(read)

    with piped() as read, pytest.raises(SystemExit) as ended:
        Telling(as_json=as_json).carry_out(work, run=Path("run"), go_on="paymentoptions reconcile")
    assert ended.value.code == 2  # 1 would say that something differs


def test_a_failure_that_nobody_hears_keeps_its_exit_code():
    Failure("The disk is full.").show(Unread())


async def test_rounds_end_though_nobody_reads_that_they_do():
    class Deaf(Lines):
        def stopping(self) -> None:
            raise BrokenPipeError

    gateway: Any = None  # it was stopped before it asks
    telling = Deaf("paymentoptions/sandbox/JP00000001", alarm_after=1.0)
    rounds = Rounds(gateway, telling=telling, older_than=0, concurrency=1, alarm_after=1.0, pace=None)
    rounds.stop()
    assert await rounds.every(LONG) == 0


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    made = Books(str(tmp_path / "payments.db"))
    yield made
    made.close()


def code_unread(tmp_path: Path, *words: str) -> int:
    """The exit code of a command on the books whose output nobody reads."""
    whose = ("--journal", str(tmp_path / "payments.db"), "--environment", "sandbox", "--merchant", MERCHANT)
    with piped() as read:
        os.close(read)
        with pytest.raises(SystemExit) as ended:
            main(["journal", *words, *whose], prog_name="paymentoptions")
    return int(ended.value.code or 0)


def test_what_is_settled_is_not_denied_because_nobody_reads_it(books, tmp_path):
    ref = books.keep("1:1", PaymentStatus.UNKNOWN)
    words = ("--not-happened", "--by", "Ann", "--note", "not in the portal", "--yes")
    assert code_unread(tmp_path, "settle", ref, *words) == 0  # 1 would say that nothing was changed
    assert books.do(lambda journal: journal.get(ref)).payment.status is PaymentStatus.CANCELLED


def test_that_nothing_is_unresolved_is_not_told_as_something_where_nobody_reads_it(books, tmp_path):
    books.keep("1:1", PaymentStatus.APPROVED)
    assert code_unread(tmp_path, "unresolved") == 2
