"""Which runs can be compared again, and where to."""

from __future__ import annotations

from pathlib import Path

import pytest

from paymentoptions_async.reconcile import Rules, RunRefused, compare_again
from paymentoptions_async.reconcile.workspace import Workspace
from tests.reconcile.engine_runs import begin, plan, rows_of


async def refused(run: Path, out: Path) -> str:
    with pytest.raises(RunRefused) as caught:
        await compare_again(run, out, rules=Rules())
    return str(caught.value)


def asked(path: Path) -> Path:
    with begin(path, rows_of([1])) as run:
        plan(run)
    return path


async def test_not_one_that_has_asked_nothing_yet(tmp_path: Path) -> None:
    begin(tmp_path / "run").close()
    assert "asked nothing yet" in await refused(tmp_path / "run", tmp_path / "again")
    assert not (tmp_path / "again").exists()


async def test_not_into_its_own_directory_nor_another_runs(tmp_path: Path) -> None:
    first, second = asked(tmp_path / "first"), asked(tmp_path / "second")
    for out in (first, second):
        before = sorted(out.iterdir())
        assert "name another directory" in await refused(first, out)
        assert sorted(out.iterdir()) == before


async def test_not_into_a_file(tmp_path: Path) -> None:
    run, out = asked(tmp_path / "run"), tmp_path / "file"
    out.touch()
    assert str(out) in await refused(run, out)


async def test_not_into_a_directory_in_which_somebody_works(tmp_path: Path) -> None:
    run, other = asked(tmp_path / "run"), asked(tmp_path / "other")
    with Workspace.reopen(other) as found, found.beside(tmp_path / "again"):
        assert "another process works in it" in await refused(run, tmp_path / "again")
        with pytest.raises(RunRefused, match="another process works in it"):
            begin(tmp_path / "again", rows_of([1]))
    with Workspace.reopen(run) as found, found.beside(tmp_path / "again") as out:
        assert out == tmp_path / "again"
