"""Rows put into the order of their lines, however many they are, in little memory.

DuckDB sorts ten million findings, with their texts, in more memory than joining them takes. Lines are numbers, so near
ones can be brought together first, and then sorted by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

STRETCH = 100_000
"""How many lines are sorted at a time; more where there would be more than `MOST_FILES`."""
MOST_FILES = 128
"""Some systems let a process open no more than 256."""
_BEHIND = 999_999


class InOrder:
    """Takes rows of a schema as they come, each into the file of those whose lines are near.

    A context: when it is left, nothing of it is on the disk any more.
    """

    def __init__(self, directory: Path, schema: pa.Schema, *, stretch: int = STRETCH) -> None:
        self._directory, self._schema, self._stretch = directory, schema, stretch
        self._writers: dict[int, pa.RecordBatchStreamWriter] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        for number in self._writers:
            self._path(number).unlink(missing_ok=True)

    def expect(self, last: int) -> None:
        """Say which line is the last, before the first row is taken."""
        self._stretch = max(self._stretch, last // MOST_FILES)

    def take(self, rows: pa.Table) -> None:
        """Put rows aside, each of which has a line."""
        stretches = pc.divide(rows.column("line"), self._stretch)
        for number in pc.unique(stretches).to_pylist():
            self._writer(number).write_table(rows.filter(pc.equal(stretches, number)))

    def put_behind(self, rows: pa.Table) -> None:
        """Put rows aside that come behind all lines, as they are."""
        self._writer(_BEHIND).write_table(rows)

    def read(self) -> Iterator[pa.Table]:
        """All that was taken, by line, and what is behind. Nothing more can be taken then."""
        self._open.close()
        for number in sorted(self._writers):
            with pa.OSFile(str(self._path(number))) as file, pa.ipc.open_stream(file) as found:
                if number == _BEHIND:
                    yield from (pa.Table.from_batches([batch]) for batch in found)
                    return
                rows = found.read_all()
            yield rows.take(pc.sort_indices(rows.column("line")))

    def _writer(self, number: int) -> pa.RecordBatchStreamWriter:
        if number not in self._writers:
            self._directory.mkdir(exist_ok=True)
            file = self._open.enter_context(pa.OSFile(str(self._path(number)), "wb"))
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writers[number] = self._open.enter_context(pa.ipc.new_stream(file, self._schema, options=options))
        return self._writers[number]

    def _path(self, number: int) -> Path:
        return self._directory / f"lines-{number:06}.arrows"
