"""What happened, written down where no crash can lose it: one JSON line for each fact, appended in one write.

What the kernel has taken survives `kill -9` of the writer, and each process has a file of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Fact = dict[str, Any]


class Facts:
    """A log of facts. ``at`` in each is nanoseconds of the machine's monotonic clock, the same in all processes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, what: str, **about: Any) -> None:
        """Write one fact."""
        fact = {"at": time.monotonic_ns(), "is": what, **about}
        os.write(self._file, json.dumps(fact, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)


def read_facts(directory: Path, kind: str = "facts") -> Iterator[Fact]:
    """Read the facts of all processes, each file in its order; a last line that was cut off is left out."""
    for path in sorted(directory.glob(f"{kind}-*.jsonl")):
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield json.loads(line)
