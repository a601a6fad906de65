"""Print what changed between two versions of an OpenAPI document, what breaks a client first.

    python scripts/compare_specs.py OLD NEW

Both are JSON or YAML. Exit code: 0 nothing breaks, 1 something breaks, 2 a file can't be compared.
"""

from __future__ import annotations

import sys
from pathlib import Path

from specdiff.files import NotASpecification, load_valid
from specdiff.operations import compare


def main(arguments: list[str]) -> int:
    """Print what changed between two files and return the exit code documented above."""
    if len(arguments) != len(("OLD", "NEW")):
        print("usage: python scripts/compare_specs.py OLD NEW", file=sys.stderr)
        return 2
    try:
        comparison = compare(*(load_valid(Path(file)) for file in arguments))
    except NotASpecification as error:
        print(error, file=sys.stderr)
        return 2
    print(comparison)
    return 1 if comparison.breaking else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
