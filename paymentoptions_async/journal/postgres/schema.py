"""The journal's tables: made by whoever comes first and may, checked by everybody else."""

from __future__ import annotations

from collections.abc import Sequence

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.journal.migrations import Migration, migrations, missing
from paymentoptions_async.journal.postgres.faults import Fault, Kind, fault_of
from paymentoptions_async.journal.postgres.session import Connection

_KNOWN = migrations("postgres")


async def is_behind(connection: Connection) -> bool:
    """Are tables missing, or older than this code? Raises `Fault` where they are newer."""
    return bool(steps_from(await _version(connection)))


def steps_from(version: int) -> Sequence[Migration]:
    """What the tables lack at a version (0: there are none). Raises `Fault` where they are newer than this code."""
    try:
        return missing(_KNOWN, version)
    except ConfigurationError as error:
        raise Fault(str(error), Kind.SETTING) from None


async def _version(connection: Connection) -> int:
    [found] = await connection.fetch("SELECT to_regclass('migrations') IS NOT NULL AS there")
    if not found["there"]:
        return 0
    [found] = await connection.fetch("SELECT coalesce(max(number), 0) AS version FROM migrations")
    return int(found["version"])


async def migrate(connection: Connection, schema: str) -> None:
    """Make or change the tables, in one transaction, with other processes locked out. Raises `Fault`."""
    try:
        await connection.execute("BEGIN; SET LOCAL lock_timeout = 0")
        await connection.fetch("SELECT pg_advisory_xact_lock(hashtextextended('migrations of ' || $1, 0))", schema)
        [found] = await connection.fetch("SELECT to_regnamespace(quote_ident($1)) IS NOT NULL AS there", schema)
        if not found["there"]:
            await connection.execute(f"CREATE SCHEMA {schema}")  # its letters were checked
        version = await _version(connection)
        if version == 0:
            await connection.execute(_BEGIN)
        for step in steps_from(version):
            await connection.execute(step.sql)
            await connection.fetch("INSERT INTO migrations (number) VALUES ($1)", step.number)
        await connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001  each becomes a fault, in words that may be shown
        raise await _why_not(connection, schema, fault_of(error)) from None


_BEGIN = """
CREATE TABLE migrations (
  number integer PRIMARY KEY,
  applied_at timestamptz NOT NULL DEFAULT now()
)
"""


async def _why_not(connection: Connection, schema: str, fault: Fault) -> Fault:
    """Say what to do where the role may not make the tables, or not even see them."""
    if fault.kind is not Kind.SETTING:
        return fault
    await connection.execute("ROLLBACK")
    [found] = await connection.fetch(
        "SELECT current_user AS role, to_regnamespace(quote_ident($1)) IS NOT NULL AS there", schema
    )
    role = found["role"]
    if found["there"]:
        return Fault(
            f"role {role!r} may not use schema {schema!r}, or not make what is missing there; let the schema's owner "
            f"open the journal once, and then run: {_grants(schema, role)} ({fault.words})",
            Kind.SETTING,
        )
    return Fault(
        f"there is no schema {schema!r}, and role {role!r} may not make it; let a role that may (GRANT CREATE ON "
        f"DATABASE …) open the journal once, and then run: {_grants(schema, role)} ({fault.words})",
        Kind.SETTING,
    )


async def check_rights(connection: Connection, schema: str) -> None:
    """Raise `Fault` where the role lacks a right: before money moves, not when its record can't be kept."""
    lacking = await connection.fetch(_LACKING)
    if lacking:
        role = lacking[0]["role"]
        rights = ", ".join(f"{row['privilege']} on {row['name']}" for row in lacking)
        raise Fault(f"role {role!r} lacks {rights}; let the schema's owner run: {_grants(schema, role)}", Kind.SETTING)


_LACKING = """
SELECT current_user AS role, privilege, name
FROM (VALUES
  ('migrations', 'SELECT'),
  ('intents', 'SELECT'), ('intents', 'INSERT'), ('intents', 'UPDATE'),
  ('history', 'SELECT'), ('history', 'INSERT'),
  ('transactions', 'SELECT'), ('transactions', 'INSERT'),
  ('notices', 'SELECT'), ('notices', 'INSERT'), ('notices', 'UPDATE'),
  ('kept_scopes', 'SELECT'), ('kept_scopes', 'INSERT'),
  ('events', 'SELECT'), ('events', 'INSERT'), ('events', 'UPDATE'), ('events', 'DELETE')
) AS needed (name, privilege)
WHERE NOT has_table_privilege(name, privilege)
ORDER BY name, privilege
"""


def _grants(schema: str, role: str) -> str:
    tables = f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO "{role}"'
    return f'GRANT USAGE ON SCHEMA {schema} TO "{role}"; {tables}'
