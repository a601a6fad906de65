"""`paymentoptions reconcile --dask`: the workers that ask instead of the command itself."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paymentoptions_async.cli.failure import Failure
from paymentoptions_async.cli.reconcile.arguments import Workers

if TYPE_CHECKING:  # comes with the extra
    from paymentoptions_async.reconcile.running import Executor

_EXTRA = "pip install 'paymentoptions-async[cli,dask]'"


def check(workers: Workers | None, *, rate: float | str | None, storage: str | None) -> None:
    """Raise a usage error for options that do not belong together, `Failure` where the extra is missing."""
    if workers is None:
        if storage is not None:
            raise click.UsageError("--storage is where the workers of --dask put what is answered.")
        return
    if rate == "auto":
        raise click.UsageError(
            "--rate auto watches how one process is served, and can't tell what many together do to the gateway. "
            "With --dask say a number: try --rate auto without it first, and take what that settles at."
        )
    if rate is None:
        raise click.UsageError("With --dask say the --rate of all workers together: questions a second, or unlimited.")
    if any(find_spec(name) is None for name in ("distributed", "fsspec")):
        raise Failure(f"--dask needs more than is installed: {_EXTRA}")


def executor(
    workers: Workers | None, gateway: str, *, rate: float | str | None, concurrency: int, storage: str | None
) -> Executor | None:
    """What asks: the workers of a scheduler, or some that are started here; None: the command itself."""
    if workers is None:
        return None
    from paymentoptions_async.reconcile.scaleout.cluster import Cluster
    from paymentoptions_async.reconcile.scaleout.local import LocalWorkers
    from paymentoptions_async.reconcile.scaleout.observers import OBSERVERS

    assert isinstance(rate, float), "see check"
    if storage is not None and "://" not in storage:
        storage = f"file://{Path(storage).absolute()}"
    observer = OBSERVERS[gateway]
    if workers.address is None:
        return LocalWorkers(workers.local, observer, rate=rate, storage=storage, concurrency=concurrency)
    return Cluster(workers.address, observer, rate=rate, storage=storage, concurrency=concurrency)
