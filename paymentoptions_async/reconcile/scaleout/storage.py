"""Where workers put answers for the run to take in: any file system that fsspec knows and all of them reach.

A file is there whole or not at all. What a run has taken in is deleted.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from paymentoptions_async.reconcile.answers import Row
from paymentoptions_async.reconcile.parts import table_of
from paymentoptions_async.reconcile.schemas import ANSWER
from paymentoptions_async.reconcile.workspace import RunRefused


class Storage:
    """A directory at a URL. Cheap to make, and to send to workers; credentials come from each one's surroundings."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def put(self, name: str, rows: Sequence[Row]) -> None:
        """Write rows of `schemas.ANSWER` to a file; put in place of one that a worker wrote before it died."""
        system, directory = self._open()
        system.makedirs(directory, exist_ok=True)
        path, new = f"{directory}/{name}.parquet", f"{directory}/{name}.{token_hex(4)}.new"
        with system.open(new, "wb") as file:
            pq.write_table(table_of(rows), file, compression="zstd")
            if "file" in system.protocol:
                file.flush()
                os.fsync(file.fileno())
        system.mv(new, path)

    def get(self, name: str) -> pa.Table:
        """Read a file. Raises `RunRefused` for one that no run wrote."""
        system, directory = self._open()
        try:
            with system.open(f"{directory}/{name}.parquet", "rb") as file:
                table = pq.read_table(file)
        except pa.ArrowException as error:
            raise self.refused(name, f"can't be read ({type(error).__name__})") from None
        if not table.schema.equals(ANSWER):
            raise self.refused(name, "no run writes such a file")
        return table

    def names(self) -> list[str]:
        """All that is there."""
        return sorted(name.removesuffix(".parquet") for name in self._listed() if name.endswith(".parquet"))

    def remove(self, name: str) -> None:
        """Delete a file."""
        system, directory = self._open()
        system.rm(f"{directory}/{name}.parquet")

    def clear(self) -> None:
        """Delete what was never finished."""
        system, directory = self._open()
        for name in self._listed():
            if name.endswith(".new"):
                with suppress(FileNotFoundError):  # a worker of the run that was killed has just finished it
                    system.rm(f"{directory}/{name}")

    def refused(self, name: str, why: str) -> RunRefused:
        """Say why a file can't be taken in."""
        return RunRefused(f"{self.url}/{name}.parquet: {why}; take it away, and it is asked again")

    def _listed(self) -> list[str]:
        system, directory = self._open()
        if not system.exists(directory):
            return []
        return [str(path).rpartition("/")[2] for path in system.ls(directory, detail=False)]

    def _open(self) -> tuple[Any, str]:
        system, directory = fsspec.core.url_to_fs(self.url)
        system.invalidate_cache()  # others write there as well
        return system, directory.rstrip("/")
