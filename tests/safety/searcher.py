"""Looks for marks in files, in a process of its own: ``searcher.py FILE…``, the marks as JSON on standard input.

Prints those that it found as JSON. It opens files as bytes and knows nothing of what wrote them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main(marks: list[str], files: list[str]) -> None:
    contents = [Path(name).read_bytes() for name in files]
    found = [mark for mark in marks if any(mark.encode() in content for content in contents)]
    json.dump({"found": found, "bytes": [len(content) for content in contents]}, sys.stdout)


if __name__ == "__main__":
    main(json.load(sys.stdin), sys.argv[1:])
