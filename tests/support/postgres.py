"""PostgreSQL for tests: clusters of their own, below a directory of their own, on a Unix socket that nobody else has.

One cluster serves a whole run, all of xdist's workers; tests that stop or break theirs start a private one. Nothing is
taken from a cluster of the machine, and none survives its last user (see `undertaker`).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlencode

import pytest

from paymentoptions_async.journal.postgres import PostgresJournal

PASSWORD = "a password that nobody sees"
GUARDED = "guarded"
"""A role that has to tell `PASSWORD`. All others are trusted on the socket."""

_PORT = 5432  # only names the socket's file
_SETTINGS = {
    "fsync": "on",
    "listen_addresses": "''",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


class Cluster:
    """A running cluster. ``home`` holds its data, its log and its socket."""

    def __init__(self, home: Path, users: IO[bytes]) -> None:
        self.home = home
        self.data = home / "data"
        self._users = users

    @classmethod
    def create(cls, **settings: str) -> Cluster:
        """Make and start one; ``settings`` go into its postgresql.conf. It is ended with this process, or before."""
        cluster = cls._empty()
        _run("initdb", "-D", cluster.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        (cluster.data / "pg_hba.conf").write_text(
            f"local all {GUARDED} scram-sha-256\nlocal all all trust\nlocal replication all trust\n"
        )
        cluster.configure(**_SETTINGS, unix_socket_directories=f"'{cluster.home}'", **settings)
        cluster.start()
        cluster.sql(f"CREATE ROLE {GUARDED} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
        return cluster

    @classmethod
    def _empty(cls) -> Cluster:
        """One whose data are to come. Its end is seen to before its beginning."""
        home = _new_home()
        cluster = cls.join(home)
        assert cluster is not None, "it was made just now"
        undertaker = Path(__file__).with_name("undertaker.py")
        subprocess.run([sys.executable, undertaker, home, _program("pg_ctl"), *map(str, _owner())], check=True)
        return cluster

    @classmethod
    def join(cls, home: Path) -> Cluster | None:
        """Use one that another process started; None where it has ended."""
        try:
            users = (home / "users").open("rb")
        except FileNotFoundError:
            return None
        fcntl.flock(users, fcntl.LOCK_SH)
        if os.fstat(users.fileno()).st_nlink == 0:  # it was being ended
            users.close()
            return None
        return cls(home, users)

    def leave(self) -> None:
        """Use it no more. The last one that leaves ends it."""
        self._users.close()

    def configure(self, **settings: str) -> None:
        """Add to its postgresql.conf; counts from the next start, or `reload`."""
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in settings.items())

    def start(self) -> None:
        try:
            _run("pg_ctl", "start", "-w", "-s", "-D", self.data, "-l", self.home / "log")
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"PostgreSQL did not start:\n{(self.home / 'log').read_text()}") from error

    def stop(self) -> None:
        """Shut it down in order: sessions are told, and ended."""
        _run("pg_ctl", "stop", "-w", "-s", "-D", self.data, "-m", "fast")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        _run("pg_ctl", "stop", "-w", "-s", "-D", self.data, "-m", "immediate")

    def is_running(self) -> bool:
        """Tell whether it runs."""
        return (self.data / "postmaster.pid").exists()

    def restart(self) -> None:
        self.stop()
        self.start()

    def promote(self) -> None:
        """Make a standby the primary."""
        _run("pg_ctl", "promote", "-w", "-s", "-D", self.data)

    def standby(self) -> Cluster:
        """Start a hot standby of this one."""
        standby = self._empty()
        source = ("-h", self.home, "-p", _PORT, "-U", "postgres")
        _run("pg_basebackup", *source, "-D", standby.data, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        standby.configure(unix_socket_directories=f"'{standby.home}'")
        standby.start()
        return standby

    def sql(self, text: str, *, schema: str = "public") -> str:
        """Run statements as superuser and return what psql prints: fields with ``|`` between them."""
        psql = ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.home, "-p", _PORT, "-U", "postgres")
        return _run(*psql, "-c", text, capture=True, PGOPTIONS=f"-csearch_path={schema}").strip()

    def set_clock(self, schema: str) -> Callable[[float], None]:
        """Let a journal's clock stand still; the function returned sets it, in Unix seconds."""
        file = self.home / f"{schema}.clock"
        self.sql(
            "CREATE OR REPLACE FUNCTION journal_now() RETURNS double precision LANGUAGE sql VOLATILE "
            f"AS $$ SELECT pg_read_file('{file}')::double precision $$",
            schema=schema,
        )

        def set_it(now: float) -> None:
            coming = file.with_suffix(".coming")
            coming.write_text(repr(now))
            coming.replace(file)

        return set_it

    @property
    def socket(self) -> Path:
        """The socket itself."""
        return self.home / f".s.PGSQL.{_PORT}"

    def url(self, *, user: str = "postgres", password: str = "", database: str = "postgres", **query: Any) -> str:
        """Where it is, as journals are told. ``query`` is added."""
        who = quote(user) + (f":{quote(password)}" if password else "")
        where = urlencode({"host": self.home, "port": _PORT, **query})
        return f"postgresql://{who}@/{database}?{where}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of the whole run. Leave it as it is; each test has a schema of its own (`new_schema`)."""
    require_postgres()
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # the workers' common one
    cluster = _shared(root)
    yield cluster
    cluster.leave()


@pytest.fixture
def private_postgres() -> Iterator[Cluster]:
    """A cluster that a test may stop, break and start again."""
    require_postgres()
    cluster = Cluster.create()
    yield cluster
    cluster.leave()


def new_schema() -> str:
    """The name of a schema that no other test has."""
    return f"test_{secrets.token_hex(6)}"


def make_tables(url: str) -> None:
    """Make a journal's tables, as its first use does."""

    async def use() -> None:
        journal = PostgresJournal(url)
        await journal.get("")
        await journal.aclose()

    with ThreadPoolExecutor(1) as thread:  # there may be an event loop in this one
        thread.submit(asyncio.run, use()).result()


def is_installed() -> bool:
    """Tell whether the server's programs are here."""
    return _bin() is not None


def require_postgres() -> None:
    """Skip the test where PostgreSQL is missing."""
    if not is_installed():
        pytest.skip("PostgreSQL's server is not installed (Debian: apt install postgresql)")


def _shared(root: Path) -> Cluster:
    place = root / "postgres"
    with _alone(root / "postgres.lock"):
        cluster = Cluster.join(Path(place.read_text())) if place.exists() else None
        if cluster is None:
            cluster = Cluster.create()
            place.write_text(str(cluster.home))
        return cluster


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _new_home() -> Path:
    """A directory of the server's own user. Pytest's are closed to others, and too long for the name of a socket."""
    home = Path(tempfile.mkdtemp(prefix="paymentoptions-postgres-"))
    (home / "users").touch()
    if _owner():
        os.chown(home, *_owner())
    return home


@cache
def _bin() -> Path | None:
    """Where the server's programs are."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    debian = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(debian, key=lambda initdb: float(initdb.parts[-3]), default=None)
    return None if newest is None else newest.parent


def _program(name: str) -> Path:
    where = _bin()
    assert where is not None
    return where / name


@cache
def _owner() -> tuple[int, int] | tuple[()]:
    """Whose the server is: it refuses to run as root."""
    if os.geteuid() != 0:
        return ()
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    return user.pw_uid, user.pw_gid


def _run(program: str, *arguments: object, capture: bool = False, **environment: str) -> str:
    uid, gid = _owner() or (None, None)
    done = subprocess.run(
        [_program(program), *map(str, arguments)],
        user=uid,
        group=gid,
        extra_groups=None if uid is None else [],
        cwd="/",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C", **environment},  # no PG… of the machine's
        stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL if program == "pg_ctl" else None,  # the server would keep a pipe open
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout or ""
