"""Build the OpenAPI documents and the clients generated from them.

    python scripts/generate.py            write openapi/*.json and generated/
    python scripts/generate.py --check    write nothing; fail, naming files, where those differ from what would be

Both fail on pages that contradict each other, on overlay actions that match or change nothing, on a document that
is not valid, and on a warning of the generator.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from specbuild.build import APIS, ROOT, as_text, build_document
from specbuild.generator import ensure_environment, generate_client
from specbuild.merge import SpecError


def main(arguments: list[str] | None = None) -> int:
    """Generate, or check; the exit code is 0 when all is well, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on drift")
    check = parser.parse_args(arguments).check
    try:
        with tempfile.TemporaryDirectory() as scratch:
            generate_all(Path(scratch))
            drift = find_drift(ROOT, Path(scratch))
            if check:
                return report(drift)
            for name in drift:
                replace(ROOT / name, Path(scratch) / name)
            print(f"{len(drift)} files changed")
    except SpecError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def generate_all(target: Path) -> None:
    """Write `openapi/<api>.json` and `generated/<api>_client` of every gateway below `target`."""
    environment = ensure_environment()
    (target / "openapi").mkdir()
    (target / "generated").mkdir()
    for api in APIS:
        document = build_document(api)
        (target / "openapi" / f"{api}.json").write_text(as_text(document), encoding="utf-8")
        generate_client(document, f"{api}_client", target / "generated", environment=environment)


def find_drift(committed: Path, built: Path) -> list[str]:
    """Name, relative to both roots, every file that is not byte for byte the same in both."""
    files = {str(path.relative_to(root)) for root in (committed, built) for path in _products(root)}
    return sorted(name for name in files if _content(committed / name) != _content(built / name))


def report(drift: list[str]) -> int:
    """Say which files drifted, and give the exit code."""
    for name in drift:
        print(f"{name} is not what `python scripts/generate.py` gives", file=sys.stderr)
    return 1 if drift else 0


def replace(file: Path, by: Path) -> None:
    """Make `file` the same as `by`, absent too."""
    if by.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(by, file)
    else:
        file.unlink()
        if not any(file.parent.iterdir()):
            file.parent.rmdir()


def _products(root: Path) -> list[Path]:
    clients = [
        path
        for path in (root / "generated").glob("*_client/**/*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    ]
    return clients + [root / "openapi" / f"{api}.json" for api in APIS if (root / "openapi" / f"{api}.json").exists()]


def _content(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
