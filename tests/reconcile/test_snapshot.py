"""A ledger taken down: once, whole, and as it was."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import csv as pa_csv

from paymentoptions_async import reconcile
from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.reconcile.events import Event, Snapshot
from paymentoptions_async.reconcile.ledger import Counts, LedgerUnreadable, csv_file, describe, snapshot, take_snapshot
from paymentoptions_async.reconcile.options import Columns, LedgerFile, LedgerQuery, Selection
from paymentoptions_async.reconcile.threads import Stop, StoppedError
from paymentoptions_async.reconcile.workspace import RunRefused
from tests.reconcile.ledger_reading import opened, read, take, take_csv

ROOT = Path(__file__).parents[2]
HEADER = "reference,amount,currency\n"


@pytest.fixture
def ledger(tmp_path: Path) -> LedgerFile:
    path = tmp_path / "ledger.csv"
    path.write_text(HEADER + "".join(f"r{n},{n},USD\n" for n in range(100)) + "bad\n")
    return LedgerFile(path=path)


def snap(ledger: LedgerFile, place: Path, stop: Stop | None = None, events: list[Event] | None = None) -> None:
    with opened(ledger, place) as run:
        told = [] if events is None else events
        take_snapshot(ledger, run, stop or Stop(), selection=Selection(), on_event=told.append)


class TestDescription:
    def test_tells_what_the_file_is(self, ledger):
        content = ledger.path.read_bytes()
        assert describe(ledger, Stop()) == {
            "kind": "csv",
            "name": "ledger.csv",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "delimiter": None,
            "encoding": "utf-8-sig",
            "columns": Columns().described(),
        }

    def test_is_the_same_in_another_place_and_at_another_time(self, ledger, tmp_path):
        (tmp_path / "other").mkdir()
        copy = tmp_path / "other" / "ledger.csv"
        copy.write_bytes(ledger.path.read_bytes())
        os.utime(copy, (1, 1))
        assert describe(LedgerFile(path=copy), Stop()) == describe(ledger, Stop())

    def test_is_another_when_a_byte_is(self, ledger, tmp_path):
        snap(ledger, tmp_path / "run")
        ledger.path.write_text(ledger.path.read_text().replace("r50,50", "r50,51"))
        with pytest.raises(RunRefused, match="sha256"):
            snap(ledger, tmp_path / "run")

    def test_is_another_when_it_is_read_otherwise(self, ledger):
        told = describe(ledger, Stop())
        for other in (
            LedgerFile(path=ledger.path, delimiter=";"),
            LedgerFile(path=ledger.path, encoding="cp1252"),
            LedgerFile(path=ledger.path, columns=Columns(minor_units=True)),
        ):
            assert describe(other, Stop()) != told

    def test_ends_when_it_is_told(self, ledger):
        stop = Stop()
        stop.set()
        with pytest.raises(StoppedError):
            describe(ledger, stop)

    @pytest.mark.parametrize("name", ["ledger.xlsx", "ledger", "journal.db", "ledger.csv.gz"])
    def test_other_files_are_refused_unopened(self, tmp_path, name, monkeypatch):
        monkeypatch.setattr(Path, "open", lambda *_, **__: pytest.fail("opened"))
        with pytest.raises(LedgerUnreadable, match=r"\.csv"):
            describe(LedgerFile(path=tmp_path / name), Stop())

    def test_a_file_that_is_not_there_is_refused(self, tmp_path):
        with pytest.raises(LedgerUnreadable, match="No such file"):
            describe(LedgerFile(path=tmp_path / "ledger.csv"), Stop())
        (tmp_path / "directory.csv").mkdir()
        with pytest.raises(LedgerUnreadable, match="directory"):
            describe(LedgerFile(path=tmp_path / "directory.csv"), Stop())


class TestSnapshot:
    def test_counts_are_kept_beside_the_rows(self, ledger, tmp_path):
        snap(ledger, tmp_path / "run")
        assert Counts.read(tmp_path / "run" / "ledger.parquet") == Counts(rows=101, invalid=1, outside=0)

    def test_rows_stand_in_the_order_of_the_ledger(self, ledger, monkeypatch):
        monkeypatch.setattr(csv_file, "_BLOCK", 200)
        assert [row["line"] for row in take(ledger).rows] == list(range(2, 102))

    def test_tells_how_far_it_is(self, ledger, tmp_path, monkeypatch):
        monkeypatch.setattr(csv_file, "_BLOCK", 500)
        events: list[Event] = []
        snap(ledger, tmp_path / "run", events=events)
        told = [event for event in events if isinstance(event, Snapshot)]
        assert len(told) > 2
        assert told[-1] == Snapshot(rows=101, invalid=1, done=True)
        assert [event.done for event in told[:-1]] == [False] * (len(told) - 1)
        assert [event.rows for event in told] == sorted(event.rows for event in told)

    def test_a_ledger_without_rows_makes_empty_tables(self, tmp_path):
        taken = take_csv(HEADER, tmp_path)
        assert (taken.rows, taken.invalid, taken.counts) == ([], [], Counts())

    def test_nothing_is_left_of_one_that_is_stopped(self, ledger, tmp_path):
        stop = Stop()
        with opened(ledger, tmp_path / "run") as run:
            stop.set()
            with pytest.raises(StoppedError):
                take_snapshot(ledger, run, stop, selection=Selection(), on_event=lambda _: None)
            assert {one.name for one in run.path.iterdir()} == {"run.json", "run.lock", "parts"}

    def test_the_ledger_is_there_last(self, ledger, tmp_path, monkeypatch):
        moved: list[str] = []
        move = Path.replace

        def noted(new: Path, to: Path) -> Path:
            moved.append(to.name)
            return move(new, to)

        monkeypatch.setattr(Path, "replace", noted)
        snap(ledger, tmp_path / "run")
        assert moved == ["run.json", "invalid.parquet", "ledger.parquet"]

    @pytest.mark.parametrize("change", ["append", "replace", "touch", "before"])
    def test_a_file_that_changes_meanwhile_is_refused(self, ledger, tmp_path, change):
        content = ledger.path.read_text()

        def meddle(_: Event) -> None:
            match change:
                case "append":
                    ledger.path.write_text(content + "r,1,USD\n")
                case "replace":
                    ledger.path.unlink()
                    ledger.path.write_text(content)
                case "touch":
                    os.utime(ledger.path, (1, 1))

        with opened(ledger, tmp_path / "run") as run:
            if change == "before":
                ledger.path.write_text(content.replace("r50,50", "r50,51"))
            with pytest.raises(LedgerUnreadable, match="changed"):
                take_snapshot(ledger, run, Stop(), selection=Selection(), on_event=meddle)
            assert not run.ledger.exists()
            assert not run.invalid.exists()

    def test_is_taken_again_after_a_crash_in_the_middle(self, ledger, tmp_path, monkeypatch):
        with opened(ledger, tmp_path / "run") as run:
            monkeypatch.setattr(snapshot, "_sha256", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                take_snapshot(ledger, run, Stop(), selection=Selection(), on_event=lambda _: None)
            monkeypatch.undo()
            run.invalid.write_bytes(b"of a run that was killed between the two")
            take_snapshot(ledger, run, Stop(), selection=Selection(), on_event=lambda _: None)
            assert read(run).counts.rows == 101

    def test_its_error_is_offered_with_the_others(self):
        assert reconcile.LedgerUnreadable is LedgerUnreadable
        assert issubclass(LedgerUnreadable, ConfigurationError)


MEASURED = """
import sys
from pathlib import Path
import pyarrow as pa
from paymentoptions_async.reconcile.ledger import csv_file, parquet_file
from paymentoptions_async.reconcile.options import LedgerFile
from tests.reconcile.test_snapshot import snap
csv_file._BLOCK, parquet_file._ROWS = 256 * 1024, 5_000
snap(LedgerFile(path=Path(sys.argv[1])), Path(sys.argv[2]))
print(pa.default_memory_pool().max_memory())
"""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_memory_does_not_grow_with_the_ledger(tmp_path, kind):
    peaks, seeded = [], random.Random(1)
    for rows in (20_000, 200_000):
        path = tmp_path / f"{rows}.{kind}"
        table = pa.table(
            {
                "reference": [seeded.randbytes(32).hex() for _ in range(rows)],
                "amount": list(range(rows)),
                "currency": ["USD"] * rows,
            }
        )
        if kind == "csv":
            pa_csv.write_csv(table, path)
        else:
            pq.write_table(table, path, row_group_size=20_000)
        out = tmp_path / str(rows)
        command = [sys.executable, "-c", MEASURED, path, out]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout))
        assert pq.read_metadata(out / "ledger.parquet").num_rows == rows
    assert peaks[1] < peaks[0] + 3 * 1024**2


def test_card_numbers_in_names_are_masked(tmp_path: Path) -> None:
    path = tmp_path / "5200000000001005.csv"
    path.write_text("transaction_id,amount,currency\n")
    described = describe(LedgerFile(path=path, columns=Columns(amount="5200000000001005")), Stop())
    assert "5200000000001005" not in str(described)
    query = "SELECT * FROM ledger WHERE card = '5200000000001005'"
    assert "5200000000001005" not in str(describe(LedgerQuery(url="sqlite:///x", query=query), Stop()))
