"""The other processes of a benchmark, each on a CPU of its own where there are two."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def server(*options: str) -> Iterator[str]:
    """Run the server on another CPU than this process, where there are two; give its URL."""
    command = [sys.executable, "-m", "benchmarks.gateway_server", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            if hasattr(os, "sched_setaffinity") and len(cpus := sorted(os.sched_getaffinity(0))) > 1:
                os.sched_setaffinity(process.pid, {cpus[0]})
                os.sched_setaffinity(0, {cpus[1]})
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def use_every_cpu() -> None:
    """Undo the pinning that a process has from its parent."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
