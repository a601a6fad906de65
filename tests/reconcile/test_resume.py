"""A run that was killed goes on where it was: nothing is lost, and little is asked again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pyarrow.parquet as pq
import pytest

from tests.reconcile.engine_runs import SCOPE, begin, plan, rows_of, transaction

ROOT = Path(__file__).parents[2]
ROWS, CHUNK = 3000, 200


def live(out: Path, log: Path, *, die_at_question: int = 0, die_at_sync: int = 0) -> int:
    """Let a process work on the run, and return how it ended."""
    moments = (str(die_at_question), str(die_at_sync), str(CHUNK))
    command = [sys.executable, "-m", "tests.reconcile.engine_child", str(out), str(log), *moments]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=60).returncode


def asked_in(log: Path) -> Counter[str]:
    return Counter(log.read_text().split()) if log.exists() else Counter()


def kept_in(out: Path) -> list[int]:
    """The numbers of what is durable."""
    return [n for part in (out / "parts").glob("*.parquet") for n in pq.read_table(part)["n"].to_pylist()]


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_moment_it_asks_at_most_one_chunk_again(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    out, log = tmp_path / "run", tmp_path / "asked"
    begin(out, rows_of(range(ROWS))).close()
    for _ in range(4):
        before = sum(asked_in(log).values()), len(kept_in(out) if (out / "parts").exists() else [])
        by_question = random.random() < 0.5
        moment = random.randint(1, 900) if by_question else random.randint(1, 12)
        ended = live(out, log, **{"die_at_question" if by_question else "die_at_sync": moment})
        assert ended == -signal.SIGKILL
        asked, kept = sum(asked_in(log).values()) - before[0], len(kept_in(out)) - before[1]
        assert kept <= asked <= kept + CHUNK, f"seed {seed}"
    assert live(out, log) == 0
    assert sorted(kept_in(out)) == list(range(ROWS))
    assert set(asked_in(log)) == {transaction(n) for n in range(ROWS)}
    assert sum(asked_in(log).values()) <= ROWS + 4 * CHUNK


def test_killed_before_it_was_a_run_it_begins_again(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "run.lock").touch()
    (tmp_path / "run.json.new").write_text("{")
    with begin(tmp_path) as run:
        assert run.manifest.scope == SCOPE
    assert not (tmp_path / "run.json.new").exists()


@pytest.mark.parametrize("sync", [1, 3, 5])
def test_killed_while_a_file_becomes_durable_it_goes_on(tmp_path: Path, sync: int) -> None:
    out, log = tmp_path / "run", tmp_path / "asked"
    begin(out, rows_of(range(300))).close()
    assert live(out, log, die_at_sync=sync) == -signal.SIGKILL
    with begin(out) as run:
        found = plan(run)
        assert found.total == 300
        assert found.asked == len(kept_in(out))
        assert not list(out.rglob("*.new"))
    assert live(out, log) == 0
    assert sorted(kept_in(out)) == list(range(300))
