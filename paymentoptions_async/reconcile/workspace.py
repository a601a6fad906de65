"""The directory of a run: what it is about, what it has, and who works in it.

A file is there whole or not at all: it is written beside its place, made durable, and moved. So whatever is found after
a crash can be relied on, and ``run.json`` says which ledger and rules it came from.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from paymentoptions_async.errors import ConfigurationError

FORMAT = 1


class RunRefused(ConfigurationError):
    """The directory is another run's, or somebody works in it. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a run is about. ``ledger``, ``selection`` and ``rules`` are JSON: two runs are the same if these are.

    ``scope`` is the merchant's (`Intent.scope`); ``begun`` is when the run was first begun.
    """

    scope: str
    ledger: Mapping[str, Any]
    selection: Mapping[str, Any]
    rules: Mapping[str, Any]
    begun: datetime

    def differences(self, other: Manifest) -> list[str]:
        """Say in which respects another one is not the same run."""
        found = [] if self.scope == other.scope else [f"it is of {self.scope}, not of {other.scope}"]
        for part in ("ledger", "selection", "rules"):
            mine, theirs = getattr(self, part), getattr(other, part)
            found += [
                f"{part}: {name} was {mine.get(name)!r} and is {theirs.get(name)!r}"
                for name in sorted({*mine, *theirs})
                if mine.get(name) != theirs.get(name)
            ]
        return found

    def as_json(self) -> str:
        """The manifest as ``run.json`` has it."""
        about = {"format": FORMAT, "scope": self.scope, "begun": self.begun.isoformat()}
        parts = {"ledger": self.ledger, "selection": self.selection, "rules": self.rules}
        return json.dumps(about | {name: dict(part) for name, part in parts.items()}, indent=2, sort_keys=True)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `as_json` wrote; raises ValueError for anything else."""
        try:
            found = json.loads(text)
            if found["format"] != FORMAT:
                raise ValueError(f"it has format {found['format']!r}, and this version reads {FORMAT}")
            begun = datetime.fromisoformat(found["begun"])
            return cls(found["scope"], found["ledger"], found["selection"], found["rules"], begun)
        except (KeyError, TypeError) as error:
            raise ValueError(f"it lacks {error}") from None


class Workspace:
    """An open run. Nobody else can open it meanwhile."""

    def __init__(self, path: Path, manifest: Manifest, lock: int) -> None:
        self.path = path
        self.manifest = manifest
        self._lock = lock
        self._clear()  # of what one that was killed has left

    @classmethod
    def open(cls, path: Path, manifest: Manifest) -> Self:
        """Begin a run in a directory, or take up the one that is there, if it is the same.

        Raises `RunRefused` with what differs, or where another process works in it.
        """
        path = Path(path).absolute()
        try:
            (path / "parts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunRefused(f"{path}: {error.strerror}") from None
        lock = _take_lock(path)
        try:
            manifest = _agree(path, manifest)
            for left in [*path.glob("*.new"), *(path / "parts").glob("*.new")]:
                left.unlink()
        except BaseException:
            os.close(lock)
            raise
        return cls(path, manifest, lock)

    @classmethod
    def reopen(cls, path: Path) -> Self:
        """Open a run as it is, to compare it again. Raises `RunRefused` where there is none, or it has yet to ask."""
        path = Path(path).absolute()
        found = read_manifest(path)
        if found is None:
            raise RunRefused(f"{path}: there is no run in it")
        if not (path / "work.parquet").exists():
            raise RunRefused(f"{path}: the run in it has asked nothing yet; finish it first")
        return cls(path, found, _take_lock(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let others open it. Idempotent."""
        if self._lock >= 0:
            self._clear()
            os.close(self._lock)
            self._lock = -1

    def _clear(self) -> None:
        shutil.rmtree(self.spill, ignore_errors=True)

    @contextmanager
    def beside(self, out: Path) -> Iterator[Path]:
        """Make a directory for another report of this run, in which nobody else works meanwhile.

        Raises `RunRefused` for that of this or another run.
        """
        out = Path(out).absolute()
        if (out / "run.json").exists():
            raise RunRefused(f"{out}: a run is in it, and keeps its own report; name another directory")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunRefused(f"{out}: {error.strerror}") from None
        lock = _take_lock(out)
        try:
            yield out
        finally:
            os.close(lock)

    @property
    def ledger(self) -> Path:
        """See `schemas.LEDGER`."""
        return self.path / "ledger.parquet"

    @property
    def invalid(self) -> Path:
        """See `schemas.INVALID`."""
        return self.path / "invalid.parquet"

    @property
    def known(self) -> Path:
        """See `schemas.KNOWN`."""
        return self.path / "known.parquet"

    @property
    def work(self) -> Path:
        """See `schemas.WORK`."""
        return self.path / "work.parquet"

    @property
    def confirmed(self) -> Path:
        """Answers that earlier runs and the journal have: `schemas.ANSWER`, and ``source``."""
        return self.path / "confirmed.parquet"

    @property
    def sample(self) -> Path:
        """The lines that were drawn, where a sample is all that is looked at."""
        return self.path / "sample.parquet"

    @property
    def parts(self) -> Path:
        """The directory of the answers: `schemas.ANSWER`."""
        return self.path / "parts"

    @property
    def findings(self) -> Path:
        """See `schemas.FINDING`."""
        return self.path / "findings.parquet"

    @property
    def spill(self) -> Path:
        """Where joins put what does not fit into memory, while the run is open."""
        return self.path / "spill"


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a place to write a file to, and put it into its own when it is whole and durable."""
    new = path.with_name(path.name + ".new")
    try:
        yield new
        _sync(new)
        new.replace(path)
        _sync(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _take_lock(path: Path) -> int:
    lock = os.open(path / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise RunRefused(f"{path}: another process works in it") from None
    return lock


def read_manifest(path: Path) -> Manifest | None:
    """What the run in a directory is about; None where there is none. Raises `RunRefused` if it can't be read."""
    try:
        return Manifest.read((path / "run.json").read_text())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise RunRefused(f"{path / 'run.json'} can't be read: {error}") from None


def _agree(path: Path, manifest: Manifest) -> Manifest:
    found = read_manifest(path)
    if found is None:
        ours = ("run.lock", "parts", "run.json.new")  # of one that was killed before it was a run
        others = sorted(other.name for other in path.iterdir() if other.name not in ours)
        if others or any((path / "parts").iterdir()):
            raise RunRefused(f"{path}: is not empty, and no run is in it; name another directory")
        with written(path / "run.json") as new:
            new.write_text(manifest.as_json())
        return manifest
    differences = found.differences(manifest)
    if differences:
        raise RunRefused(
            f"{path}: a run of something else is in it ({'; '.join(differences)}); finish that one, or name another "
            "directory; compare_again, or paymentoptions compare-again, compares by other rules without asking again"
        )
    return found


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)
