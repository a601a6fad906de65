# ruff: noqa: ASYNC240  a test blocks nobody
from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from paymentoptions_async import PaymentOptions
from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.journal import MemoryJournal
from paymentoptions_async.journal.opening import open_journal
from paymentoptions_async.journal.sqlite import SqliteJournal
from tests.journal.making import Clock, admitted, make_intent

KEYS: dict[str, Any] = {"api_key": "key", "x_api_key": "x key", "merchant_id": "JP00000001"}


def test_in_memory(clock: Clock) -> None:
    assert isinstance(open_journal("memory:", clock=clock), MemoryJournal)


@pytest.mark.parametrize(
    "given",
    [
        "journal.db",
        "sqlite:///journal.db",
        "SQLite:///journal.db",
        Path("journal.db"),
        "{}/journal.db",
        "sqlite:///{}/journal.db",
    ],
)
async def test_paths_are_made_absolute_and_logged(
    given: str | Path, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO, "paymentoptions_async")
    given = given.format(tmp_path) if isinstance(given, str) else given
    journal = open_journal(given, clock=clock)
    monkeypatch.chdir("/")
    assert not list(tmp_path.iterdir()), "it is opened by its first use"
    assert (await admitted(journal, make_intent())).opened_at == clock()
    await journal.aclose()
    assert [file.name for file in tmp_path.iterdir()] == ["journal.db"]
    assert caplog.messages == [f"journal: {tmp_path / 'journal.db'}"]


@pytest.mark.parametrize(
    "given",
    [
        "mysql://root:hunter2@host/journal",
        "redis://:hunter2@host",
        "sqlite://hunter2/journal.db",
        "sqlite:hunter2.db",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///journal.db?password=hunter2",
        "",
        b"hunter2",
    ],
)
def test_anything_else_is_refused_and_not_shown(given: Any, clock: Clock) -> None:
    with pytest.raises(ConfigurationError, match=r"^journal: ") as caught:
        open_journal(given, clock=clock)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_without_asyncpg_the_extra_is_named(scheme: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("paymentoptions_async.journal.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    with pytest.raises(ConfigurationError, match=r"paymentoptions-async\[postgres\]") as caught:
        open_journal(f"{scheme}://user:hunter2@host/journal", clock=clock)
    assert "hunter2" not in str(caught.value)


def test_no_database_is_loaded_before_it_is_asked_for() -> None:
    program = """
import sys, time
import paymentoptions_async.client
from paymentoptions_async.journal.opening import open_journal
open_journal("memory:", clock=time.time)
assert not {"apsw", "asyncpg", "sqlite3"} & set(sys.modules)
open_journal("sqlite:///journal.db", clock=time.time)
assert "apsw" in sys.modules
assert not {"asyncpg", "sqlite3"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_live_client_takes_a_journal_in_a_file(tmp_path: Path) -> None:
    PaymentOptions(**KEYS, environment="live", journal=tmp_path / "journal.db", signing_secrets="0123456789abcdef")
    with pytest.raises(ConfigurationError, match="survives the process"):
        PaymentOptions(**KEYS, environment="live", journal="memory:", signing_secrets="0123456789abcdef")


async def test_a_client_closes_the_journal_that_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    client = PaymentOptions(**KEYS, environment="sandbox", sandbox_url="http://127.0.0.1:9", journal=path)
    assert isinstance(client._journal, SqliteJournal)
    await client._journal.get("POUNKNOWN")
    assert Path(f"{path}-wal").exists()
    await client.aclose()
    assert not Path(f"{path}-wal").exists()
