"""Unite what several vendor pages say of the same thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = Any
Place = tuple[str | int, ...]

# They describe, and bind nobody: the first page that has one is heard.
ANNOTATIONS = frozenset({"description", "summary", "operationId", "example", "title", "x-provenance"})
# The keys of these objects are names given by the vendor, not keywords of OpenAPI.
MAPS_OF_NAMES = frozenset({"properties", "paths", "responses", "content", "securitySchemes", "schemas"})


class SpecError(Exception):
    """The documents can't be built; the message names the file and the place."""


@dataclass
class Conflict:
    """Two pages contradict each other at `place`; the value of the first stands for now."""

    place: Place
    first: Json
    second: Json
    pages: tuple[str, str]

    def __str__(self) -> str:
        return f"{as_path(self.place)}: {self.pages[0]} says {self.first!r}, {self.pages[1]} says {self.second!r}"


@dataclass
class Union:
    """The union so far: its value, and every conflict met on the way."""

    value: Json
    pages: tuple[str, str]
    conflicts: list[Conflict] = field(default_factory=list)


def merge_pages(pages: dict[str, Json]) -> tuple[Json, list[Conflict]]:
    """Merge page documents, in the order given, into one document.

    Paths and methods that several pages share become one operation: properties are united, `required` is
    intersected, a keyword that one page leaves out is taken from the other. Every other difference is
    returned as a conflict.
    """
    merged: Json = None
    conflicts: list[Conflict] = []
    for name, page in pages.items():
        document = {key: value for key, value in page.items() if key != "x-provenance"}
        if merged is None:
            merged = document
            continue
        # `info` introduces a page; the document gets its own by an overlay.
        document = {**document, "info": merged["info"]}
        merged, found = unite(merged, document, ("an earlier page", name))
        conflicts += found
    return merged, conflicts


def unite(first: Json, second: Json, pages: tuple[str, str], place: Place = ()) -> tuple[Json, list[Conflict]]:
    """Unite two JSON values that stand at the same place, and list their contradictions."""
    union = Union(None, pages)
    union.value = _unite(first, second, place, union)
    return union.value, union.conflicts


def _unite(first: Json, second: Json, place: Place, union: Union) -> Json:
    if isinstance(first, dict) and isinstance(second, dict):
        return _unite_objects(first, second, place, union)
    if isinstance(first, list) and isinstance(second, list) and place[-1] == "parameters":
        return _unite_parameters(first, second, place, union)
    if first != second or type(first) is not type(second):
        union.conflicts.append(Conflict(place, first, second, union.pages))
    return first


def _unite_objects(first: dict[str, Json], second: dict[str, Json], place: Place, union: Union) -> dict[str, Json]:
    named = is_map_of_names(place)
    result: dict[str, Json] = {}
    for key in [*first, *(key for key in second if key not in first)]:
        if not named and key == "required" and _is_list_or_absent(first, second):
            both = [name for name in first.get(key, []) if name in second.get(key, [])]
            if both:
                result[key] = both
        elif not named and key == "x-provenance" and not (key in first and key in second):
            continue  # one page is surer, and the thing is as sure as its surest page
        elif key not in second:
            result[key] = first[key]
        elif key not in first:
            result[key] = second[key]
        elif not named and key in ANNOTATIONS:
            result[key] = first[key]
        else:
            result[key] = _unite(first[key], second[key], (*place, key), union)
    return result


def _is_list_or_absent(first: dict[str, Json], second: dict[str, Json]) -> bool:
    # On a request body or a parameter `required` is a boolean, and no list to intersect.
    return all(isinstance(side.get("required", []), list) for side in (first, second))


def _unite_parameters(first: list[Json], second: list[Json], place: Place, union: Union) -> list[Json]:
    others = {(parameter["name"], parameter["in"]): parameter for parameter in second}
    result = []
    for index, parameter in enumerate(first):
        other = others.pop((parameter["name"], parameter["in"]), None)
        result.append(parameter if other is None else _unite(parameter, other, (*place, index), union))
    return result + list(others.values())


def is_map_of_names(place: Place) -> bool:
    """Say whether the keys of the object at `place` are names: of properties, paths, statuses, media types.

    A property may itself be called `properties`; then the one before it decides.
    """
    return bool(place) and place[-1] in MAPS_OF_NAMES and not is_map_of_names(place[:-1])


def as_path(place: Place) -> str:
    """Write a place as a normalised JSONPath (RFC 9535, 2.7)."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in place)
