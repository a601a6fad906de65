"""Make ready what `make crosscheck` holds the project against: schemathesis and Prism, pinned, below .cache.

Each is apart from .venv: schemathesis would plug itself into every run of pytest. Without Node.js and npm, Prism is
left out and its checks are skipped, which CI does not allow.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "crosscheck"
GROUP = "crosscheck"
PRISM = "@stoplight/prism-cli@5.14.2"  # the last that takes Node 18, which Debian 12 has; 5.15 asks for Node 24


def main() -> None:
    """Set up both, or nothing that is there already."""
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"][GROUP]
    _ensure("schemathesis", f"{sys.version} {' '.join(pins)}", _schemathesis)
    if shutil.which("npm") is None:
        missing = "npm is not here, which Prism needs (Debian: apt install nodejs npm)."
        if os.environ.get("CI", "").lower() not in ("", "0", "false"):
            sys.exit(missing)
        print(f"{missing} Its checks are skipped.")
        return
    _ensure("prism", PRISM, _prism)


def _ensure(name: str, wanted: str, make: Callable[[Path], None]) -> None:
    """Make `CACHE/name` with `make` unless its stamp says that it is what is wanted."""
    place, stamp = CACHE / name, CACHE / f"{name}.ready"
    if stamp.is_file() and stamp.read_text("utf-8") == wanted:
        return
    print(f"Setting up {name} in {place.relative_to(ROOT)}; once.", flush=True)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    make(place)
    stamp.write_text(wanted, "utf-8")


def _schemathesis(place: Path) -> None:
    venv.create(place, with_pip=False)
    # The pip of .venv, which knows dependency groups.
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--group", GROUP])


def _prism(place: Path) -> None:
    quiet = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    _run(["npm", "install", *quiet, "--prefix", str(place), PRISM])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command[:4])} … failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
