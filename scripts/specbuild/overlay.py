"""Apply OpenAPI Overlay documents (https://spec.openapis.org/overlay/v1.0.0.html)."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

from .merge import Json, Place, SpecError, as_path

STAGES = ("merged", "named")
_JSONPATH = JSONPathEnvironment(strict=True)


@dataclass(frozen=True)
class Action:
    """One correction: where, what, why, and the fact that shows it."""

    overlay: str
    target: str
    description: str
    fact: str
    update: Json
    remove: bool

    def __str__(self) -> str:
        return f"{self.overlay}: {self.target}"


@dataclass(frozen=True)
class Overlay:
    """One overlay document, checked."""

    name: str
    api: str
    stage: str
    actions: tuple[Action, ...]


def parse_overlay(name: str, document: Json) -> Overlay:
    """Check an overlay document and give its actions.

    Raises SpecError for a missing reason or fact, for an action that is not exactly one of update and
    remove, and for unknown keys, so that a misspelt one can't pass unnoticed.
    """
    _expect_keys(name, document, {"overlay", "info", "x-api", "x-stage", "actions"})
    if document["overlay"] != "1.0.0":
        raise SpecError(f"{name}: overlay version {document['overlay']} is not 1.0.0")
    if document["x-stage"] not in STAGES:
        raise SpecError(f"{name}: x-stage {document['x-stage']!r} is not one of {', '.join(STAGES)}")
    actions = tuple(_parse_action(name, action) for action in document["actions"])
    return Overlay(name, document["x-api"], document["x-stage"], actions)


def _parse_action(name: str, action: Json) -> Action:
    where = f"{name}: {action.get('target')}"
    update, remove = action.get("update"), action.get("remove", False)
    if (update is None) == (remove is not True):
        raise SpecError(f"{where}: needs exactly one of update and remove")
    kind = "remove" if remove else "update"
    _expect_keys(where, action, {"target", "description", "x-fact", kind})
    return Action(name, action["target"], action["description"], action["x-fact"], update, bool(remove))


def _expect_keys(where: str, document: Json, expected: set[str]) -> None:
    if missing := expected - document.keys():
        raise SpecError(f"{where}: lacks {', '.join(sorted(missing))}")
    if unknown := document.keys() - expected:
        raise SpecError(f"{where}: has unknown {', '.join(sorted(unknown))}")


def apply_overlay(document: Json, overlay: Overlay) -> tuple[Json, set[Place]]:
    """Apply an overlay's actions in order.

    Returns the corrected copy and every place that an action wrote or removed. Raises SpecError for an
    action that matches nothing, or that changes nothing: both are debts that have been paid.
    """
    document = copy.deepcopy(document)
    written: set[Place] = set()
    for action in overlay.actions:
        before = copy.deepcopy(document)
        places = _find(document, action)
        for place in places:
            written |= _remove(document, place) if action.remove else _update(document, place, action)
        if not places:
            raise SpecError(f"{action}: matches nothing")
        if document == before:
            raise SpecError(f"{action}: changes nothing")
    return document, written


def _find(document: Json, action: Action) -> list[Place]:
    try:
        places = [tuple(match.parts) for match in _JSONPATH.finditer(action.target, document)]
    except JSONPathError as error:
        raise SpecError(f"{action}: {error}") from error
    # Last first: removing an array's item must not move those still to be removed.
    return sorted(set(places), key=lambda place: [(isinstance(step, int), step) for step in place], reverse=True)


def _remove(document: Json, place: Place) -> set[Place]:
    holder = value_at(document, place[:-1])
    del holder[place[-1]]
    return {place}


def _update(document: Json, place: Place, action: Action) -> set[Place]:
    target = value_at(document, place)
    if isinstance(target, list):
        target.append(copy.deepcopy(action.update))
        return {place}
    if not isinstance(target, dict) or not isinstance(action.update, dict):
        raise SpecError(f"{action}: {as_path(place)} is no object or array")
    written: set[Place] = set()
    _merge_into(target, action.update, place, written)
    return written


def _merge_into(target: dict[str, Any], update: dict[str, Any], place: Place, written: set[Place]) -> None:
    for key, value in update.items():
        here = (*place, key)
        present = target.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _merge_into(present, value, here, written)
            continue
        written.add(here)
        if isinstance(present, list) and isinstance(value, list):
            target[key] = present + copy.deepcopy(value)
        else:
            target[key] = copy.deepcopy(value)


def value_at(document: Json, place: Place) -> Json:
    """Give the value at a place of the document."""
    for step in place:
        document = document[step]
    return document
