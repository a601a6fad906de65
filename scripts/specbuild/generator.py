"""Run openapi-python-client, pinned and in an environment of its own, with our templates."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from .build import ROOT, as_text
from .merge import Json, SpecError
from .security import render_security

ENVIRONMENT = ROOT / ".venv-generator"
REQUIREMENTS = ROOT / "scripts" / "generator-requirements.txt"
TEMPLATES = ROOT / "scripts" / "templates"
UPSTREAM = TEMPLATES / "upstream.json"

# Tools are isolated from the project's settings, and so give the same wherever they run.
POST_HOOKS = [
    (
        "ruff check . --isolated --no-cache --fix-only --select F401,I --target-version py311"
        " --config lint.isort.split-on-trailing-comma=false --config line-length=120"
    ),
    (
        "ruff format . --isolated --no-cache --target-version py311"
        " --config format.skip-magic-trailing-comma=true --config line-length=120"
    ),
]


def ensure_environment(environment: Path = ENVIRONMENT) -> Path:
    """Make the generator's environment unless it is there with these very pins; give its directory.

    Of several processes (tests run on all cores) one makes it, and the others wait.
    """
    lock = ROOT / ".cache" / "generator.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        return _ensure_environment(environment)


def _ensure_environment(environment: Path) -> Path:
    stamp = environment / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return environment
    print(f"making {environment.name}", flush=True)
    venv.create(environment, clear=True, with_pip=True)
    pip = [str(_tool(environment, "python")), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--requirement", str(REQUIREMENTS)])
    stamp.write_text(wanted)
    return environment


def generate_client(document: Json, package: str, target: Path, *, environment: Path = ENVIRONMENT) -> None:
    """Write the import package `package` for a document to `target/package`.

    Raises SpecError when the generator warns, or when an upstream template is not the one that ours was
    written against.
    """
    check_upstream(environment)
    with tempfile.TemporaryDirectory() as scratch:
        source, config, templates = Path(scratch, "openapi.json"), Path(scratch, "config.json"), Path(scratch, "t")
        source.write_text(as_text(document), encoding="utf-8")
        config.write_text(json.dumps({"package_name_override": package, "post_hooks": POST_HOOKS}))
        shutil.copytree(TEMPLATES, templates)
        (templates / "security.jinja").write_text(render_security(document), encoding="utf-8")
        _run(
            [
                str(_tool(environment, "openapi-python-client")),
                "generate",
                f"--path={source}",
                f"--config={config}",
                f"--custom-template-path={templates}",
                f"--output-path={target / package}",
                "--meta=none",
                "--overwrite",
                "--fail-on-warning",
            ],
            path=environment,
        )
    (target / package / "py.typed").touch()


def check_upstream(environment: Path = ENVIRONMENT, upstream: Path = UPSTREAM) -> None:
    """Refuse to generate when a template that we replace or use has changed upstream."""
    pinned = json.loads(upstream.read_text(encoding="utf-8"))
    found = upstream_hashes(environment, list(pinned))
    changed = [name for name in pinned if found[name] != pinned[name]]
    ours = {path.name for path in TEMPLATES.glob("*.py.jinja")}
    if unpinned := ours - pinned.keys():
        raise SpecError(f"upstream.json pins no upstream template for {', '.join(sorted(unpinned))}")
    if changed:
        raise SpecError(f"changed upstream, so ours must be read against them again: {', '.join(changed)}")


def upstream_hashes(environment: Path, names: list[str]) -> dict[str, str]:
    """Give the sha256 of the generator's own templates; empty for one that it does not have."""
    folders = list(environment.glob("lib/python*/site-packages/openapi_python_client/templates"))
    folders += environment.glob("Lib/site-packages/openapi_python_client/templates")
    if not folders:
        raise SpecError(f"{environment} holds no openapi-python-client")
    files = {name: folders[0] / name for name in names}
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "" for name, file in files.items()
    }


def _tool(environment: Path, name: str) -> Path:
    return environment / ("Scripts" if os.name == "nt" else "bin") / name


def _run(command: list[str], path: Path | None = None) -> None:
    variables = dict(os.environ)
    if path is not None:
        # The generator looks its formatter up in PATH; it must find the pinned one.
        variables["PATH"] = os.pathsep.join([str(_tool(path, "")), variables.get("PATH", "")])
    result = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SpecError(f"{Path(command[0]).name} failed:\n{result.stdout}{result.stderr}".rstrip())
