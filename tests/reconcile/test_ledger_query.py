"""Ledgers in databases."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import apsw
import pytest

from paymentoptions_async.journal.sqlite import SqliteJournal
from paymentoptions_async.reconcile.ledger import LedgerUnreadable, describe, query
from paymentoptions_async.reconcile.options import Columns, LedgerQuery
from paymentoptions_async.reconcile.threads import Stop, StoppedError
from tests.reconcile.ledger_reading import UUID, money, take
from tests.support.postgres import GUARDED, PASSWORD, Cluster, new_schema, postgres

__all__ = ["postgres"]  # a fixture


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE ledger (id TEXT, amount, currency TEXT, paid_at, status TEXT)")
        connection.executemany(
            "INSERT INTO ledger VALUES (?, ?, 'USD', ?, 'paid')",
            [
                (UUID, "10.50", "2026-01-31"),
                (UUID, 11, 1769862896),
                (UUID, 12.25, None),
                (UUID, 0.1 + 0.2, None),
                ("x", 1, None),
            ],
        )
        connection.commit()
    return path


def ledger(path: Path, text: str = "SELECT * FROM ledger", columns: Columns | None = None) -> LedgerQuery:
    return LedgerQuery(url=f"sqlite:///{path}", query=text, columns=columns or Columns())


class TestSqlite:
    def test_rows_are_numbered_from_one(self, database):
        taken = take(ledger(database))
        assert [(row["line"], row["amount"]) for row in taken.rows] == [
            (1, money("10.5")),
            (2, 11),
            (3, money("12.25")),
        ]
        assert [row["at"] for row in taken.rows] == [
            datetime(2026, 1, 31, tzinfo=UTC),
            datetime(2026, 1, 31, 12, 34, 56, tzinfo=UTC),
            None,
        ]
        assert [(row["line"], row["field"]) for row in taken.invalid] == [(4, "amount"), (5, "transaction_id")]
        assert taken.invalid[1]["cells"] == "id=x; amount=1; currency=USD; paid_at=; status=paid"

    def test_percent_signs_and_colons_stand_for_themselves(self, database):
        text = (
            "SELECT id, amount, 'USD' AS currency, '%s :x %(y)s' AS \"order\" FROM ledger WHERE id LIKE '8f%' LIMIT 1"
        )
        assert take(ledger(database, text)).row["order_name"] == "%s :x %(y)s"

    def test_rows_come_in_parts(self, database, monkeypatch):
        monkeypatch.setattr(query, "_ROWS", 2)
        assert [len(part.lines) for part in query.read_query(ledger(database), Stop())] == [2, 2, 1]
        assert len(take(ledger(database)).rows) == 3

    def test_a_query_without_rows_is_an_empty_ledger(self, database):
        assert take(ledger(database, "SELECT * FROM ledger WHERE false")).counts.rows == 0

    def test_bytes_that_are_no_text_cost_their_row_alone(self, database):
        text = "SELECT CAST(x'72ff' AS TEXT) AS ref, 1 AS amount, 'USD' AS currency UNION ALL SELECT 'r', 2, 'USD'"
        taken = take(ledger(database, text))
        assert [row["reference"] for row in taken.rows] == ["r"]
        assert "no text" in taken.invalid[0]["reason"]

    def test_a_decimal_comma_is_that_of_texts(self, database):
        text = "SELECT 'r' AS ref, '10,50' AS amount, 'USD' AS currency UNION ALL SELECT 'r', 10.5, 'USD'"
        assert [row["amount"] for row in take(ledger(database, text, Columns(decimal_comma=True))).rows] == [
            money("10.5")
        ] * 2

    @pytest.mark.parametrize(
        "text", ["SELECT * FROM nothing", "SELEC", "", "DELETE FROM ledger", "ATTACH ':memory:' AS other"]
    )
    def test_what_fails_is_told(self, database, text):
        with pytest.raises(LedgerUnreadable, match="ledger"):
            take(ledger(database, text))
        assert take(ledger(database)).counts.rows == 5

    def test_nothing_is_written(self, database):
        with pytest.raises(LedgerUnreadable, match="readonly database"):
            take(ledger(database, "INSERT INTO ledger VALUES ('a', 1, 'USD', NULL, 'paid') RETURNING *"))
        assert take(ledger(database)).counts.rows == 5

    def test_a_database_that_is_not_there_is_not_made(self, tmp_path):
        with pytest.raises(LedgerUnreadable):
            take(ledger(tmp_path / "nothing.db"))
        assert not (tmp_path / "nothing.db").exists()

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
    def test_one_in_memory_is_refused(self, url):
        with pytest.raises(LedgerUnreadable, match="memory"):
            take(LedgerQuery(url=url, query="SELECT 1"))

    def test_a_file_that_is_no_database_is_refused(self, tmp_path):
        (tmp_path / "x.db").write_text("no database" * 1000)
        with pytest.raises(LedgerUnreadable, match="not a database"):
            take(ledger(tmp_path / "x.db"))

    def test_it_ends_when_it_is_told(self, database):
        stop = Stop()
        parts = query.read_query(ledger(database), stop)
        stop.set()
        with pytest.raises(StoppedError):
            next(parts)

    def test_a_query_that_takes_forever_is_interrupted(self, database):
        text = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        stop_while_reading(ledger(database, text), ready=lambda: True)


def stop_while_reading(one: LedgerQuery, ready: Callable[[], bool]) -> None:
    """Tell a query to end that runs in a thread, once it is ready, until it has."""
    stop = Stop()
    with ThreadPoolExecutor(1) as thread:
        reading = thread.submit(lambda: list(query.read_query(one, stop)))
        while not reading.done():
            if stop._interrupt is not None and ready():
                stop.set()
            time.sleep(0.01)
        with pytest.raises(StoppedError):
            reading.result()


class TestJournals:
    """They are opened with one library only: a second one would drop its locks."""

    @pytest.fixture
    async def journal(self, tmp_path: Path) -> Path:
        path = tmp_path / "journal.db"
        journal = SqliteJournal(path, clock=time.time)
        await journal.get("")
        await journal.aclose()
        return path

    @pytest.mark.parametrize(
        "url", ["sqlite:///{}", "sqlite+pysqlite:///{}", "sqlite:///file:{}?uri=true", "sqlite+aiosqlite:///{}"]
    )
    async def test_are_no_ledgers(self, journal, url, monkeypatch):
        monkeypatch.setattr(sqlite3, "connect", never)
        with pytest.raises(LedgerUnreadable, match="journal"):
            take(LedgerQuery(url=url.format(journal), query="SELECT * FROM intents"))

    async def test_are_not_reached_by_a_query_either(self, journal, database):
        with pytest.raises(LedgerUnreadable, match="not authorized"):
            take(ledger(database, f"ATTACH DATABASE '{journal}' AS j"))

    async def test_are_known_while_they_are_in_use(self, journal):
        with closing(apsw.Connection(str(journal))) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            with pytest.raises(LedgerUnreadable):
                take(ledger(journal))


def never(*_: object, **__: object) -> None:
    raise AssertionError("opened a journal")


class TestAddresses:
    @pytest.mark.parametrize("url", ["", "nonsense", "nonsense://x/y", "postgresql://u:p@h:port/d"])
    def test_what_is_no_url_is_refused(self, url):
        with pytest.raises(LedgerUnreadable, match="SQLAlchemy"):
            describe(LedgerQuery(url=url, query="SELECT 1"), Stop())

    def test_the_password_is_not_described(self):
        secret = LedgerQuery(url="postgresql+asyncpg://me:hunter2@db.example/shop", query="SELECT 1")
        described = describe(secret, Stop())
        assert described["url"] == "postgresql+asyncpg://me:***@db.example/shop"
        assert described["query"] == "SELECT 1"
        assert described["columns"] == Columns().described()
        assert "hunter2" not in repr(secret)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql+asyncpg://db.example/shop?user=me&password=hunter2",
            "mssql+pyodbc:///?odbc_connect=DRIVER%3DX%3BPWD%3Dhunter2",
            "sqlite:///none/shop.db?key=hunter2",
        ],
    )
    def test_nor_is_one_among_the_parameters(self, url):
        secret = LedgerQuery(url=url, query="SELECT 1")
        assert "hunter2" not in str(describe(secret, Stop()))
        with pytest.raises(LedgerUnreadable) as caught:
            take(secret)
        assert "hunter2" not in str(caught.value)

    def test_a_driver_that_is_missing_is_named(self):
        with pytest.raises(LedgerUnreadable, match="psycopg2 is not installed"):
            take(LedgerQuery(url="postgresql+psycopg2://me:hunter2@db.example/shop", query="SELECT 1"))


class TestPostgres:
    @pytest.fixture
    def table(self, postgres: Cluster) -> Iterator[str]:
        name = f"ledger_{new_schema()}"
        postgres.sql(f"CREATE TABLE {name} (id uuid, amount numeric(20, 2), currency text, paid_at timestamptz)")
        postgres.sql(
            f"INSERT INTO {name} SELECT '{UUID}', n + 0.5, 'USD', '2026-01-31T12:00:00+02' FROM generate_series(1, 5) n"  # noqa: S608
        )
        yield name
        postgres.sql(f"DROP TABLE {name}")

    @staticmethod
    def ledger(cluster: Cluster, text: str, *, user: str = "postgres", password: str = "") -> LedgerQuery:
        who = user + (f":{quote(password)}" if password else "")
        return LedgerQuery(
            url=f"postgresql+asyncpg://{who}@/postgres?host={quote(str(cluster.home))}&port=5432", query=text
        )

    def test_types_of_its_own_are_read(self, postgres, table):
        row = take(self.ledger(postgres, f"SELECT * FROM {table} WHERE amount = 1.5")).row  # noqa: S608
        assert row["transaction_id"] == UUID
        assert row["amount"] == money("1.5")
        assert row["at"] == datetime(2026, 1, 31, 10, tzinfo=UTC)

    def test_what_is_written_meanwhile_is_not_seen(self, postgres, table, monkeypatch):
        monkeypatch.setattr(query, "_ROWS", 2)
        parts = query.read_query(self.ledger(postgres, f"SELECT * FROM {table} ORDER BY amount"), Stop())  # noqa: S608
        seen = next(parts).columns["amount"].to_pylist()
        assert len(seen) == 2
        postgres.sql(f"UPDATE {table} SET amount = 99; INSERT INTO {table} SELECT * FROM {table}")  # noqa: S608
        for part in parts:
            seen += part.columns["amount"].to_pylist()
        assert seen == ["1.50", "2.50", "3.50", "4.50", "5.50"]

    def test_nothing_is_written(self, postgres, table):
        with pytest.raises(LedgerUnreadable, match="read-only"):
            take(self.ledger(postgres, f"DELETE FROM {table} RETURNING *"))  # noqa: S608
        assert postgres.sql(f"SELECT count(*) FROM {table}") == "5"  # noqa: S608

    def test_a_query_that_takes_forever_is_interrupted(self, postgres):
        text = f"SELECT pg_sleep(3600) -- {new_schema()}"
        running = f"SELECT count(*) FROM pg_stat_activity WHERE query = '{text}' AND state = 'active'"  # noqa: S608
        stop_while_reading(self.ledger(postgres, text), lambda: postgres.sql(running) == "1")
        assert postgres.sql(running) == "0"

    def test_what_fails_shows_no_password(self, postgres):
        for text in ("SELECT nothing", f"SELECT '{PASSWORD}'::integer", "SELECT '4242424242424242'::date"):
            with pytest.raises(LedgerUnreadable) as refused:
                take(self.ledger(postgres, text, user=GUARDED, password=PASSWORD))
            assert PASSWORD not in str(refused.value)
            assert "4242424242424242" not in str(refused.value)
        with pytest.raises(LedgerUnreadable, match="ledger"):
            take(self.ledger(postgres, "SELECT 1", user=GUARDED, password="wrong"))
