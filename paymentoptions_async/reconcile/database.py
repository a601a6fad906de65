"""DuckDB as every step of a run uses it: within a bound of memory, and with what it brings along alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from paymentoptions_async.errors import PaymentOptionsError

MEMORY = 384 * 1024**2
"""Bytes that a join may take before it puts the rest on disk."""
THREADS = 2


class JoinTooLarge(PaymentOptionsError):
    """A join fits neither into its memory nor onto the disk. What the run has is kept; the same call goes on."""


@contextmanager
def database(spill: Path, *, memory: int = MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that spills into a directory. No extension is ever downloaded.

    Raises `JoinTooLarge` where what is done with it needs more than ``memory`` bytes, or more disk than there is.
    """
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{memory // 1024}KiB",
        "temp_directory": str(spill),
        "threads": str(THREADS),
        "preserve_insertion_order": "false",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    connection = duckdb.connect(":memory:", config=options)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection
    except duckdb.OutOfMemoryException as error:
        raise _too_large(error, spill, memory) from None
    finally:
        connection.close()


def _too_large(error: duckdb.OutOfMemoryException, spill: Path, memory: int) -> JoinTooLarge:
    if "max_temp_directory_size" in str(error):  # which is what the disk has left
        lacks = f"the disk of {spill.parent} is too full for what a join puts aside; make room on it"
    else:
        lacks = f"a join needs more memory than {memory // 1_000_000} MB; give it more, by memory= or --memory"
    return JoinTooLarge(f"{lacks}. Nothing is lost: the same call goes on from here, and asks nothing again")


def view(connection: duckdb.DuckDBPyConnection, name: str, place: Path, pattern: str = "") -> None:
    """Make a view of a Parquet file; or of those in a directory whose names have a ``pattern``, of which there is one.

    Another view of that name is replaced.
    """
    path = _GLOB.sub(r"[\g<0>]", str(place)) + (f"/{pattern}" if pattern else "")
    connection.read_parquet(path).create_view(name, replace=True)


_GLOB = re.compile(r"[\[*?]")
