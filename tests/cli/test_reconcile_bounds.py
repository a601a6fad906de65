"""What a run takes of memory and disk: what joins put aside goes when it ends, and too little memory loses nothing."""

from __future__ import annotations

import csv
from collections import deque
from pathlib import Path
from typing import Any

import duckdb
import pytest

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.journal import MemoryJournal
from paymentoptions_async.reconcile import JoinTooLarge, LedgerFile, Report, Rules, RunRefused, compare_again, reconcile
from paymentoptions_async.reconcile import comparing as comparing_module
from paymentoptions_async.reconcile.database import database
from paymentoptions_async.reconcile.options import LEAST_MEMORY
from tests.reconcile.engine_runs import SCOPE, Desk, transaction

ROWS = 200
SORTED = "SELECT md5(i::VARCHAR) AS word FROM range(3_000_000) numbers(i) ORDER BY word"


class Client:
    """A gateway that answers at once, and counts what it was asked."""

    scope = SCOPE

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.desk = Desk(seconds=0.0)

    @property
    def asked(self) -> int:
        return sum(self.desk.asked.values())

    async def observe(self, transaction_id: str, /, *, timeout: float = 15.0, pace: Pace | None = None) -> Observation:
        assert timeout
        return await self.desk.observe(transaction_id, pace=pace)


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerFile:
    path = tmp_path / "ledger.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["transaction_id", "amount", "currency"])
        rows.writerows([transaction(n), "10.50", "USD"] for n in range(ROWS))
    return LedgerFile(path=path)


def left_aside(spill: Path) -> None:
    """What a join leaves behind that was killed."""
    spill.mkdir(exist_ok=True)
    (spill / "duckdb_temp_storage-0.tmp").write_bytes(b"x")


async def test_what_joins_put_aside_is_gone_when_a_run_has_ended(tmp_path, ledger):
    out = tmp_path / "run"
    await reconcile(Client(), ledger, out)
    assert not (out / "spill").exists()
    await compare_again(out, tmp_path / "again", rules=Rules())
    assert not (out / "spill").exists()


async def test_and_when_it_was_refused_half_way(tmp_path, ledger):
    async def no(_: Any) -> bool:
        return False

    out = tmp_path / "run"
    with pytest.raises(RunRefused):
        await reconcile(Client(), ledger, out, approve=no)
    assert (out / "work.parquet").exists()
    assert not (out / "spill").exists()


async def test_what_a_killed_run_put_aside_is_removed_by_the_next(tmp_path, ledger, monkeypatch):
    out, seen = tmp_path / "run", list[bool]()
    await reconcile(Client(), ledger, out)
    left_aside(out / "spill")

    def look(run: Any, *_: Any, **__: Any) -> None:
        seen.append((run.spill / "duckdb_temp_storage-0.tmp").exists())
        raise ZeroDivisionError

    monkeypatch.setattr("paymentoptions_async.reconcile.running.compare", look)
    for again in (reconcile(Client(), ledger, out), compare_again(out, tmp_path / "again", rules=Rules())):
        with pytest.raises(ZeroDivisionError):
            await again
        assert not (out / "spill").exists()
        left_aside(out / "spill")
    assert seen == [False, False]


async def test_less_memory_than_joins_need_is_refused_before_anything_is_done(tmp_path, ledger):
    for call in (
        reconcile(Client(), ledger, tmp_path / "run", memory=LEAST_MEMORY - 1),
        compare_again(tmp_path / "run", tmp_path / "again", rules=Rules(), memory=LEAST_MEMORY - 1),
    ):
        with pytest.raises(InvalidValue, match="memory: joins need 256 MB or more"):
            await call
    assert not (tmp_path / "run").exists()


async def test_with_more_memory_a_join_that_had_too_little_goes_on_and_asks_nothing_again(
    tmp_path, ledger, monkeypatch
):
    out, client = tmp_path / "run", Client()
    with monkeypatch.context() as patch:
        patch.setattr(comparing_module, "database", lambda spill, **_: database(spill, memory=1_000_000))
        with pytest.raises(JoinTooLarge, match=r"more memory than 1 MB; .* --memory\. Nothing is lost: the same call"):
            await reconcile(client, ledger, out)
    assert client.asked == ROWS
    assert not (out / "spill").exists()

    report: Report = await reconcile(client, ledger, out)

    assert client.asked == ROWS
    assert report.is_clean


@pytest.mark.parametrize("streamed", [False, True])
def test_a_join_that_fills_the_disk_says_that(tmp_path, streamed):
    def sort() -> None:
        with database(tmp_path / "spill", memory=60_000_000) as connection:
            connection.execute("SET max_temp_directory_size = '10MB'")
            if streamed:
                deque(connection.sql(SORTED).to_arrow_reader(8192), maxlen=0)
            else:
                connection.execute(f"CREATE TABLE sorted AS {SORTED}")

    with pytest.raises(JoinTooLarge, match="too full"):
        sort()


def test_other_errors_of_a_join_are_what_they_were(tmp_path):
    with pytest.raises(duckdb.CatalogException), database(tmp_path / "spill") as connection:
        connection.execute("SELECT * FROM nothing")
