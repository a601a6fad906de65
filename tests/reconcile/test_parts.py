"""What was answered, on disk."""

from __future__ import annotations

import errno
import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from paymentoptions_async.reconcile.database import database
from paymentoptions_async.reconcile.parts import Answered, next_number, view_answers, write_part
from paymentoptions_async.reconcile.schemas import ANSWER
from paymentoptions_async.reconcile.work import CONFIRMED
from paymentoptions_async.reconcile.workspace import RunRefused
from tests.reconcile.engine_parts import ASKED_AT, answer


@pytest.fixture
def run(tmp_path: Path) -> Path:
    place = tmp_path / "it's [a] run?*"  # as SQL and glob patterns must not read it
    (place / "parts").mkdir(parents=True)
    pq.write_table(CONFIRMED.empty_table(), place / "confirmed.parquet")
    return place


def answers_of(run: Path) -> list[dict[str, Any]]:
    with database(run / "spill") as connection:
        view_answers(connection, run)
        found = connection.sql("FROM answers ORDER BY transaction_id").to_arrow_table()
        assert set(found.schema.names) == set(CONFIRMED.names)
        return list(found.to_pylist())


def test_a_part_has_what_was_answered(run: Path) -> None:
    path = write_part(run / "parts", 7, [answer(1), answer(0, outcome="failed", status=None)])
    assert path.name == "part-00000007.parquet"
    table = pq.read_table(path)
    assert table.schema.equals(ANSWER)
    assert table["n"].to_pylist() == [1, 0]
    assert next_number(run / "parts") == 8
    assert [one.name for one in (run / "parts").iterdir()] == [path.name]


def test_the_first_part_is_number_one(run: Path) -> None:
    assert next_number(run / "parts") == 1


def test_nothing_of_a_part_is_there_unless_it_is_durable(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_part(run / "parts", 1, [answer(0)])
    assert list((run / "parts").iterdir()) == []


def test_a_bit_tells_what_was_answered(run: Path) -> None:
    write_part(run / "parts", 1, [answer(0), answer(9, outcome="not_found"), answer(4, outcome="failed")])
    write_part(run / "parts", 2, [answer(8, outcome="foreign")])
    found = Answered(run / "parts", 11)
    assert found.count == 3
    assert found.among(0, 11).to_pylist() == [n in (0, 8, 9) for n in range(11)]
    assert found.among(8, 3).to_pylist() == [True, True, False]


class TestWhatIsNoPart:
    """It is refused by name, and never read past."""

    def test_a_strange_file(self, run: Path) -> None:
        (run / "parts" / "notes.txt").touch()
        with pytest.raises(RunRefused, match=r"notes\.txt"):
            Answered(run / "parts", 1)
        with pytest.raises(RunRefused, match=r"notes\.txt"):
            next_number(run / "parts")

    def test_a_part_that_can_not_be_read(self, run: Path) -> None:
        path = write_part(run / "parts", 1, [answer(0)])
        path.write_bytes(path.read_bytes()[:-10])
        with pytest.raises(RunRefused, match="can't be read"):
            Answered(run / "parts", 1)

    def test_an_empty_file(self, run: Path) -> None:
        (run / "parts" / "part-00000001.parquet").touch()
        with pytest.raises(RunRefused, match="can't be read"):
            Answered(run / "parts", 1)

    def test_other_columns(self, run: Path) -> None:
        pq.write_table(pa.table({"n": [0], "outcome": ["answered"]}), run / "parts" / "part-00000001.parquet")
        with pytest.raises(RunRefused, match="other columns"):
            Answered(run / "parts", 1)

    @pytest.mark.parametrize("n", [-1, 5, 10**9])
    def test_a_transaction_that_is_not_asked_for(self, run: Path, n: int) -> None:
        write_part(run / "parts", 1, [answer(n, transaction_id="of another run")])
        with pytest.raises(RunRefused, match="not of this run"):
            Answered(run / "parts", 5)

    def test_a_copy_of_another_part(self, run: Path) -> None:
        path = write_part(run / "parts", 1, [answer(0)])
        shutil.copy(path, path.with_name("part-00000002.parquet"))
        with pytest.raises(RunRefused, match="copy of another part"):
            Answered(run / "parts", 1)


class TestAnswers:
    """Each transaction has one."""

    def test_an_answer_counts_more_than_failures_before_it(self, run: Path) -> None:
        write_part(run / "parts", 1, [answer(0, outcome="failed"), answer(1)])
        write_part(run / "parts", 2, [answer(0, outcome="not_found", status=None)])
        assert [(one["n"], one["outcome"], one["source"]) for one in answers_of(run)] == [
            (0, "not_found", "gateway"),
            (1, "answered", "gateway"),
        ]

    def test_of_several_failures_the_last_one_counts(self, run: Path) -> None:
        for number in (2, 1, 3):
            when = ASKED_AT + timedelta(hours=number % 3)
            write_part(run / "parts", number, [answer(0, outcome="failed", reason=str(number), asked_at=when)])
        assert [one["reason"] for one in answers_of(run)] == ["2"]

    def test_what_was_confirmed_before_is_among_them(self, run: Path) -> None:
        rows = [dict(zip(CONFIRMED.names, (*answer(-1), "journal"), strict=True))]
        pq.write_table(pa.Table.from_pylist(rows, schema=CONFIRMED), run / "confirmed.parquet")
        assert [one["source"] for one in answers_of(run)] == ["journal"]
        write_part(run / "parts", 1, [answer(0)])
        assert [one["source"] for one in answers_of(run)] == ["journal", "gateway"]

    def test_there_may_be_none(self, run: Path) -> None:
        assert answers_of(run) == []
