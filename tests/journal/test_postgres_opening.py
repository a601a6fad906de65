"""Where a journal may be, and what is refused before anything is written."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import socket
import subprocess
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

import pytest

from paymentoptions_async.errors import ConfigurationError, JournalUnavailable
from paymentoptions_async.journal.postgres import PostgresJournal, connections, lanes, session
from paymentoptions_async.journal.postgres.session import Connection
from paymentoptions_async.payment import PaymentStatus
from tests.journal.making import LEASE, admitted, becomes, make_intent
from tests.support.postgres import GUARDED, PASSWORD, Cluster, make_tables, new_schema

Open = Callable[..., PostgresJournal]


@pytest.fixture
async def open_it() -> AsyncIterator[Open]:
    opened: list[PostgresJournal] = []

    def open_one(url: str) -> PostgresJournal:
        opened.append(PostgresJournal(url))
        return opened[-1]

    yield open_one
    for journal in opened:
        await journal.aclose()


@pytest.fixture
def role(postgres: Cluster) -> str:
    """A role without any right."""
    name = f"role_{secrets.token_hex(6)}"
    postgres.sql(f"CREATE ROLE {name} LOGIN")
    return name


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "PATIENCE", 2.0)


def shown_by(error: BaseException) -> str:
    """All that a reporter of errors may show: words, and the locals of our frames and of those that raised them."""
    reports = []
    told: BaseException | None = error
    while told is not None:
        reports.append(f"{told!r} {vars(told)!r}")
        for frame, _ in traceback.walk_tb(told.__traceback__):
            if frame.f_globals["__name__"].startswith(("paymentoptions_async", "asyncpg")):
                reports.append(f"{frame.f_code.co_qualname} {frame.f_locals!r}")
        told = told.__cause__ or told.__context__
    return "\n".join(reports)


async def over(journal: PostgresJournal, use: Callable[[Connection], Awaitable[object]]) -> object:
    """What is found over one of the journal's connections."""
    async with journal._connections.use(until=asyncio.get_running_loop().time() + 10) as connection:
        return await use(connection)


async def setting(journal: PostgresJournal, name: str) -> object:
    async def ask(connection: Connection) -> object:
        [found] = await connection.fetch("SELECT current_setting($1) AS value", name)
        return found["value"]

    return await over(journal, ask)


async def test_the_first_use_makes_the_tables_in_a_schema_of_their_own(postgres: Cluster, open_it: Open) -> None:
    schema = new_schema()
    journal = open_it(postgres.url(journal_schema=schema))
    assert postgres.sql(f"SELECT to_regnamespace('{schema}')") == "", "it is opened by its first use"
    await admitted(journal, make_intent())
    assert postgres.sql("SELECT count(*) FROM intents", schema=schema) == "1"
    assert postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"


async def test_without_a_name_the_schema_is_called_as_the_package(private_postgres: Cluster, open_it: Open) -> None:
    await admitted(open_it(private_postgres.url()), make_intent())
    assert private_postgres.sql("SELECT count(*) FROM paymentoptions.intents") == "1"


async def test_many_may_open_an_empty_database_at_once(postgres: Cluster, open_it: Open) -> None:
    url = postgres.url(journal_schema=new_schema())
    journals = [open_it(url) for _ in range(8)]
    admissions = await asyncio.gather(
        *(journal.admit(make_intent(), owner=f"{n}", lease=LEASE) for n, journal in enumerate(journals))
    )
    assert [admission.send for admission in admissions].count(True) == 1


async def test_a_journal_of_a_newer_version_is_refused(postgres: Cluster, open_it: Open) -> None:
    schema = new_schema()
    url = postgres.url(journal_schema=schema)
    make_tables(url)
    before = open_it(url)
    await admitted(before, make_intent())
    postgres.sql("INSERT INTO migrations (number) VALUES (9999)", schema=schema)
    with pytest.raises(ConfigurationError, match=r"schema 9999.*Upgrade this one"):
        await open_it(url).get("")

    for _ in range(2):  # over the connection that it has, and over a new one
        with pytest.raises(JournalUnavailable, match="schema 9999"):  # expected by who has something on the wire
            await before.change(make_intent().ref, becomes(PaymentStatus.APPROVED))


async def test_a_server_that_forgets_is_refused(private_postgres: Cluster, open_it: Open) -> None:
    private_postgres.configure(fsync="off")
    private_postgres.restart()
    with pytest.raises(ConfigurationError, match="its fsync is off"):
        await open_it(private_postgres.url()).admit(make_intent(), owner="me", lease=LEASE)
    assert private_postgres.sql("SELECT to_regnamespace('paymentoptions')") == ""


async def test_an_old_server_is_refused(postgres: Cluster, open_it: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "OLDEST_SERVER", 99)
    with pytest.raises(ConfigurationError, match="99 or newer is needed"):
        await open_it(postgres.url()).get("")


@pytest.mark.parametrize(
    ("default", "used"), [("off", "on"), ("local", "on"), ("remote_write", "on"), ("remote_apply", "remote_apply")]
)
async def test_what_was_committed_is_on_the_disk_whatever_the_default(
    postgres: Cluster, open_it: Open, role: str, default: str, used: str
) -> None:
    postgres.sql(f"ALTER ROLE {role} SUPERUSER; ALTER ROLE {role} SET synchronous_commit = {default}")
    journal = open_it(postgres.url(user=role, journal_schema=new_schema()))
    assert await setting(journal, "synchronous_commit") == used


async def test_what_is_read_under_the_locks_is_what_others_committed_whatever_the_default(
    postgres: Cluster, open_it: Open, role: str
) -> None:
    postgres.sql(f"ALTER ROLE {role} SUPERUSER; ALTER ROLE {role} SET default_transaction_isolation = serializable")
    journal = open_it(postgres.url(user=role, journal_schema=new_schema()))
    assert await setting(journal, "transaction_isolation") == "read committed"


@pytest.mark.usefixtures("impatient")
async def test_a_read_only_server_is_refused(postgres: Cluster, open_it: Open, role: str) -> None:
    postgres.sql(f"ALTER ROLE {role} SUPERUSER; ALTER ROLE {role} SET default_transaction_read_only = on")
    with pytest.raises(JournalUnavailable, match="it is read-only"):
        await open_it(postgres.url(user=role)).get("")


async def test_of_several_hosts_the_one_that_may_be_written_is_found_also_after_a_failover(
    private_postgres: Cluster, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tables(private_postgres.url())
    standby = private_postgres.standby()
    monkeypatch.setattr(lanes, "PATIENCE", 2.0)
    with pytest.raises(JournalUnavailable, match="it is a standby"):
        await open_it(standby.url()).get("")
    monkeypatch.undo()

    hosts = f"{standby.home},{private_postgres.home}"
    journal = open_it(f"postgresql://postgres@/postgres?host={quote(hosts)}&target_session_attrs=read-write")
    await admitted(journal, make_intent())
    await until_replicated(private_postgres, standby)
    private_postgres.kill()
    changing = asyncio.create_task(journal.change(make_intent().ref, becomes(PaymentStatus.APPROVED)))
    done, _ = await asyncio.wait({changing}, timeout=0.2)
    assert not done
    await asyncio.to_thread(standby.promote)
    assert (await changing).version == 2
    standby.leave()


async def until_replicated(primary: Cluster, standby: Cluster) -> None:
    position = primary.sql("SELECT pg_current_wal_flush_lsn()")
    async with asyncio.timeout(30):
        while standby.sql(f"SELECT pg_last_wal_replay_lsn() >= '{position}'") != "t":  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.02)


async def test_a_silent_host_leaves_time_for_the_next(
    postgres: Cluster, open_it: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECT_TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel answers for it, and nobody else
        hosts = f"host=127.0.0.1,{quote(str(postgres.home))}&port={silent.getsockname()[1]},5432&sslmode=disable"
        journal = open_it(f"postgresql://postgres@/postgres?{hosts}&journal_schema={new_schema()}")
        assert await journal.get("") is None


async def test_a_role_that_may_not_make_the_tables_is_told_what_to_run(
    postgres: Cluster, open_it: Open, role: str
) -> None:
    schema = new_schema()
    url = postgres.url(user=role, journal_schema=schema)
    with pytest.raises(ConfigurationError, match=f"there is no schema '{schema}', and role '{role}' may not make it"):
        await open_it(url).get("")
    make_tables(postgres.url(journal_schema=schema))
    with pytest.raises(ConfigurationError, match=f"role '{role}' may not use schema '{schema}'") as refused:
        await open_it(url).get("")
    postgres.sql(";".join(re.findall(r"GRANT [^;(]*", str(refused.value))))
    journal = open_it(url)
    await admitted(journal, make_intent())
    assert (await journal.change(make_intent().ref, becomes(PaymentStatus.APPROVED))).version == 2
    await journal.keep_events(make_intent().scope)


async def test_a_schema_that_an_administrator_made_empty_is_filled(postgres: Cluster, open_it: Open, role: str) -> None:
    schema = new_schema()
    postgres.sql(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
    await admitted(open_it(postgres.url(user=role, journal_schema=schema)), make_intent())


async def test_a_missing_right_is_told_before_anything_is_written(postgres: Cluster, open_it: Open, role: str) -> None:
    schema = new_schema()
    make_tables(postgres.url(journal_schema=schema))
    postgres.sql(
        f"GRANT USAGE ON SCHEMA {schema} TO {role}; GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {role}"
    )
    lacking = "lacks DELETE on events, UPDATE on events, UPDATE on intents, UPDATE on notices; "
    with pytest.raises(ConfigurationError, match=lacking):
        await open_it(postgres.url(user=role, journal_schema=schema)).admit(make_intent(), owner="me", lease=LEASE)


@pytest.mark.parametrize(
    ("about", "why"),
    [
        (
            {"user": GUARDED, "password": "hunter2"},
            "the server refused the role or its password: password authentication",
        ),
        ({"user": "nobody_knows", "password": "hunter2"}, 'role "nobody_knows" does not exist'),
        ({"database": "nowhere"}, "there is no such database"),
        ({"sslmode": "hunter2"}, "something that asyncpg does not take"),
    ],
    ids=lambda about: str(about) if isinstance(about, dict) else "",
)
async def test_what_the_server_refuses_is_told_and_nothing_shown(
    postgres: Cluster, open_it: Open, caplog: pytest.LogCaptureFixture, about: dict[str, str], why: str
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(ConfigurationError, match=why) as refused:
        await open_it(postgres.url(**about)).get("")
    assert "hunter2" not in shown_by(refused.value) + caplog.text


async def test_a_password_opens_and_is_shown_nowhere(
    postgres: Cluster, open_it: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = postgres.url(user=GUARDED, password=PASSWORD, journal_schema=new_schema())
    journal = open_it(url)
    await admitted(journal, make_intent())
    with pytest.raises(KeyError) as unknown:
        await journal.change("POUNKNOWN", becomes(PaymentStatus.APPROVED))
    for text in (
        shown_by(unknown.value),
        caplog.text,
        repr(journal),
        repr(vars(journal)),
        repr(journal._connections.address),
    ):
        assert PASSWORD not in text
        assert quote(PASSWORD) not in text


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE history SET note = ''",
        "DELETE FROM history",
        "TRUNCATE history",
        "DELETE FROM intents",
        "TRUNCATE intents",
    ],
)
async def test_nothing_that_was_recorded_is_forgotten(
    postgres: Cluster, capfd: pytest.CaptureFixture[str], statement: str
) -> None:
    schema = new_schema()
    make_tables(postgres.url(journal_schema=schema))
    with pytest.raises(subprocess.CalledProcessError):
        postgres.sql(statement, schema=schema)
    assert re.search("history is append-only|intents are never deleted", capfd.readouterr().err)
