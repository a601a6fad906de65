"""One connection to the database: opened, made safe to write a journal over, and refused where that can't be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import asyncpg  # type: ignore[import-untyped]  # it has none

from paymentoptions_async.journal.postgres.address import Address
from paymentoptions_async.journal.postgres.faults import Fault, Kind

OLDEST_SERVER = 13
"""The oldest major version of PostgreSQL that knows every statement and setting used here."""
LOCK_TIMEOUT = 4.0
"""Seconds that a batch waits for another process's locks."""
IDLE_TIMEOUT = 4.0
"""Seconds after which the server ends a transaction whose client says nothing, with its locks."""

Row = Mapping[str, Any]


class Connection(Protocol):
    """What the journal uses of asyncpg's connection."""

    async def execute(self, query: str) -> str:
        """Run statements without arguments; the last one's tag."""
        ...

    async def fetch(self, query: str, *args: Any) -> Sequence[Row]:
        """Run a prepared statement."""
        ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """LISTEN."""
        ...

    async def remove_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """UNLISTEN."""
        ...

    def add_log_listener(self, callback: Callable[..., None]) -> None:
        """Be told of the server's notices and warnings."""
        ...

    def is_closed(self) -> bool:
        """True once it is of no more use."""
        ...

    def terminate(self) -> None:
        """Drop it."""
        ...

    async def close(self, *, timeout: float) -> None:
        """Say goodbye."""
        ...


async def connect(address: Address, place: int) -> Connection:
    """Open a connection to one of the hosts; raise what asyncpg raises, or `Fault` where it can't keep a journal."""
    connection = cast(
        "Connection",
        await asyncpg.connect(
            address.reveal(place),
            target_session_attrs="any",  # a server that can't be written is refused below, with its own words
            server_settings={"application_name": "paymentoptions-async journal"},
            max_cached_statement_lifetime=0,  # see `writing.rehearse`
        ),
    )
    try:
        connection.add_log_listener(_drop_if_unconfirmed)
        [found] = await connection.fetch(_SETTLE, address.schema, f"{LOCK_TIMEOUT}s", f"{IDLE_TIMEOUT}s")
        _check(found)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def await_standby(connection: Connection) -> None:
    """Wait until a synchronous standby, where there is one, has all that this server committed so far.

    For what was found, not written: a commit whose wait for the standby was broken off, because its connection was
    ended or the server restarted, is seen by everybody, and lost if the standby takes over. Only a transaction that
    writes waits, for itself and all before it. Inside one, its COMMIT does.
    """
    await connection.execute("SELECT pg_logical_emit_message(true, 'paymentoptions', '')")


def _drop_if_unconfirmed(connection: Connection, message: object) -> None:
    """Somebody broke off a commit's wait for the standby. The server calls it done, with a warning; it is not.

    Who uses the connection finds it lost, and looks up what was committed.
    """
    if getattr(message, "server_source_filename", None) == "syncrep.c":
        connection.terminate()


_SETTLE = """
SELECT
  set_config('search_path', quote_ident($1), false),
  -- What was committed is on the disk; never less, whatever the role's or the database's default.
  set_config('synchronous_commit',
             CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
  -- A statement that comes after the locks must see what others committed before they let go of them.
  set_config('default_transaction_isolation', 'read committed', false),
  -- Every statement looks up a few rows by an index. The planner can't know how few: it would read whole tables, and
  -- would plan anew, for longer than the statement takes.
  set_config('enable_seqscan', 'off', false),
  set_config('enable_hashjoin', 'off', false),
  set_config('enable_mergejoin', 'off', false),
  set_config('jit', 'off', false),
  set_config('plan_cache_mode', 'force_generic_plan', false),
  set_config('lock_timeout', $2, false),
  set_config('idle_in_transaction_session_timeout', $3, false),
  -- A host that is gone can't say so: within about ten seconds the server finds out by itself.
  set_config('tcp_keepalives_idle', '5', false),
  set_config('tcp_keepalives_interval', '2', false),
  set_config('tcp_keepalives_count', '2', false),
  current_setting('server_version_num')::int / 10000 AS major,
  current_setting('fsync') AS fsync,
  current_setting('transaction_read_only') AS read_only,
  pg_is_in_recovery() AS standby
"""


def _check(found: Row) -> None:
    """Refuse a server that could forget, and one that can't be written. The latter may be one in a moment."""
    if found["major"] < OLDEST_SERVER:
        raise Fault(f"it is PostgreSQL {found['major']}; {OLDEST_SERVER} or newer is needed", Kind.SETTING)
    if found["fsync"] != "on":
        raise Fault("its fsync is off, so that it forgets what it promised when the power fails", Kind.SETTING)
    if found["standby"]:
        raise Fault("it is a standby, which can't be written; name the primary too, or wait for its promotion")
    if found["read_only"] != "off":
        raise Fault("it is read-only (default_transaction_read_only); a journal is written")
