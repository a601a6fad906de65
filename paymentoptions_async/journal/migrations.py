"""The schema of a durable journal: numbered SQL files beside the code that uses them.

``0001_begin.sql`` makes a new journal; each later file changes what the one before left. A file that was released is
never edited. Whoever applies them does so in order, in one transaction, with other processes locked out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from paymentoptions_async.errors import ConfigurationError

_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of a schema. ``number`` is the schema's version after it."""

    number: int
    sql: str


def migrations(folder: str) -> Sequence[Migration]:
    """Read all steps of a schema, first to last, from a folder beside this file (``sqlite``, ``postgres``)."""
    found = []
    for file in resources.files(__package__).joinpath(folder).iterdir():
        name = _NAME.fullmatch(file.name)
        if name:
            found.append(Migration(int(name[1]), file.read_text(encoding="utf-8")))
    found.sort(key=lambda step: step.number)
    assert found, f"no SQL files in {folder}: the package is incomplete"
    assert [step.number for step in found] == list(range(1, len(found) + 1)), f"{folder}: a number is missing"
    return found


def missing(known: Sequence[Migration], version: int) -> Sequence[Migration]:
    """The steps that a journal at ``version`` still needs (0: a new one).

    Raises ConfigurationError where the journal is newer than the code: what it holds may mean something else now.
    """
    newest = known[-1].number
    if version > newest:
        raise ConfigurationError(
            f"the journal has schema {version}, and this version of paymentoptions-async knows {newest} at most: a "
            "newer one has used it. Upgrade this one; until then nothing is read, written or sent"
        )
    return known[version:]
