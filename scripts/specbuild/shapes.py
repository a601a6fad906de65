"""Name the shapes that an overlay marked with `x-name`, once each, in `components.schemas`."""

from __future__ import annotations

import copy

from .merge import Conflict, Json, Place, SpecError, is_map_of_names, unite

NAME = "x-name"
REFERENCE = "#/components/schemas/"


def name_shapes(document: Json) -> Json:
    """Move every schema that carries `x-name` to the components, and refer to it from where it stood.

    Schemas of one name become one shape. A description stays where it stood, because it tells what the
    shape is there for. Raises SpecError when schemas of one name contradict each other.
    """
    document = copy.deepcopy(document)
    shapes: dict[str, Json] = {}
    conflicts: list[Conflict] = []
    document = _name(document, (), shapes, conflicts)
    if conflicts:
        raise SpecError("shapes of one name contradict each other:\n" + "\n".join(map(str, conflicts)))
    document["components"]["schemas"] = dict(sorted(shapes.items()))
    return document


def _name(node: Json, place: Place, shapes: dict[str, Json], conflicts: list[Conflict]) -> Json:
    if isinstance(node, list):
        return [_name(item, (*place, index), shapes, conflicts) for index, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    # Inner shapes first, so that an outer one already refers to them.
    node = {key: _name(value, (*place, key), shapes, conflicts) for key, value in node.items()}
    if NAME not in node or is_map_of_names(place):
        return node
    name = node.pop(NAME)
    if name in shapes:
        where: Place = ("components", "schemas", name)
        shapes[name], found = unite(shapes[name], node, (name, "another of its places"), where)
        conflicts += found
    else:
        shapes[name] = node
    reference = {"$ref": REFERENCE + name}
    stands_in_properties = is_map_of_names(place[:-1]) and place[-2] == "properties"
    if stands_in_properties and "description" in node:
        return {"description": node["description"], **reference}
    return reference


def lift_webhooks(document: Json) -> Json:
    """Drop the paths that only carry what the gateway sends; their shapes stay among the components."""
    paths = {path: item for path, item in document["paths"].items() if not _is_webhook(item)}
    return {**document, "paths": paths}


def _is_webhook(item: Json) -> bool:
    return any(operation.get("x-webhook") for operation in item.values() if isinstance(operation, dict))


def wrap_references(node: Json) -> Json:
    """Wrap every reference that has siblings: OpenAPI 3.0 ignores what stands beside a `$ref`.

    A nullable one becomes a choice, because `allOf` would leave it to the shape to allow null.
    """
    if isinstance(node, list):
        return [wrap_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str) and len(node) > 1:
        rest = {key: wrap_references(value) for key, value in node.items() if key not in ("$ref", "nullable")}
        reference = {"$ref": node["$ref"]}
        if node.get("nullable"):
            return {**rest, "anyOf": [reference, {"type": "object", "nullable": True, "enum": [None]}]}
        return {**rest, "allOf": [reference]}
    return {key: wrap_references(value) for key, value in node.items()}
