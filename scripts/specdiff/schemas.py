"""Read the schemas of an OpenAPI document: references resolved, wording left out, what a value may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

WORDING = {"description", "summary", "title", "example", "examples", "externalDocs", "x-provenance"}
EVERY_TYPE = frozenset({"string", "number", "integer", "boolean", "object", "array"})
ANY = frozenset({"any"})


def resolved(node: Schema, document: Schema) -> Schema:
    """Follow `$ref` within the document; a reference to nowhere is an empty object."""
    seen = set()
    while "$ref" in node and node["$ref"] not in seen:
        seen.add(node["$ref"])
        target: Any = document
        for step in str(node["$ref"]).removeprefix("#/").split("/"):
            target = target.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(target, Mapping) else {}
        node = target
    return node


def flat(schema: Schema, document: Schema) -> Schema:
    """Resolve the schema and fold its `allOf` parts into one: fields united, what one requires is required."""
    schema = resolved(schema, document)
    if not schema.get("allOf"):
        return schema
    folded: dict[str, Any] = {}
    rest = {key: value for key, value in schema.items() if key != "allOf"}
    for part in [*(flat(part, document) for part in schema["allOf"]), rest]:
        fields = folded.get("properties", {}) | part.get("properties", {})
        required = [*folded.get("required", []), *part.get("required", [])]
        folded |= part
        folded |= {"properties": fields} if fields else {}
        folded |= {"required": required} if required else {}
    return folded


def bare(schema: Schema, document: Schema, above: tuple[str, ...] = ()) -> Any:
    """Return the schema without references and wording, so that equal results mean the same data."""
    if not isinstance(schema, Mapping):
        return schema
    if schema.get("$ref") in above:
        return {"$ref": schema["$ref"]}  # it contains itself
    above = (*above, schema["$ref"]) if "$ref" in schema else above
    result = {key: value for key, value in flat(schema, document).items() if key not in WORDING}
    if "required" in result:
        result["required"] = sorted(result["required"])
    if "properties" in result:
        fields = sorted(result["properties"].items())
        result["properties"] = {name: bare(field, document, above) for name, field in fields}
    for key in ("items", "additionalProperties", "not"):
        if key in result:
            result[key] = bare(result[key], document, above)
    for key in ("oneOf", "anyOf"):
        if key in result:
            result[key] = [bare(variant, document, above) for variant in result[key]]
    return result


def variants(schema: Schema) -> list[Schema]:
    """Return what `oneOf` or `anyOf` allows besides null; empty for a schema without them."""
    return [variant for key in ("oneOf", "anyOf") for variant in schema.get(key, []) if variant.get("type") != "null"]


def types(schema: Schema, document: Schema) -> frozenset[str]:
    """Return the JSON types that a value may have besides null; `ANY` where nothing is said."""
    schema = flat(schema, document)
    if "type" in schema:
        stated = schema["type"]
        return frozenset([stated] if isinstance(stated, str) else stated) - {"null"}
    if variants(schema):
        return frozenset[str]().union(*(types(variant, document) for variant in variants(schema)))
    if "properties" in schema:
        return frozenset({"object"})
    return ANY


def nullable(schema: Schema) -> bool:
    """Say whether null may stand for the value, in the way of OpenAPI 3.0 or of 3.1."""
    stated = schema.get("type")
    null_variant = any(variant.get("type") == "null" for key in ("oneOf", "anyOf") for variant in schema.get(key, []))
    return bool(schema.get("nullable")) or (isinstance(stated, list) and "null" in stated) or null_variant


def covers(wide: Iterable[str], narrow: Iterable[str]) -> bool:
    """Say whether every value of the `narrow` types is one of the `wide` types."""
    return accepted(wide) >= accepted(narrow)


def accepted(stated: Iterable[str]) -> frozenset[str]:
    """Return the types with what they include: `any` all others, `number` whole numbers."""
    stated = frozenset(stated)
    if "any" in stated:
        return EVERY_TYPE
    return stated | {"integer"} if "number" in stated else stated


def values(schema: Schema) -> list[Any] | None:
    """Return the values that are listed, as a closed or an open enum; None where any may come."""
    listed = schema.get("enum", schema.get("x-extensible-enum"))
    return None if listed is None else [value for value in listed if value is not None]


def contents(node: Schema, document: Schema) -> dict[str, Schema]:
    """Return the schemas of a request body or an answer by media type."""
    return {media: content.get("schema", {}) for media, content in resolved(node, document).get("content", {}).items()}


def sign_ins(operation: Schema, document: Schema) -> set[frozenset[str]]:
    """Return the alternatives to sign in for an operation, each the credentials that are sent together.

    Credentials are told by what they are on the wire, so that renaming a scheme changes nothing.
    """
    schemes = document.get("components", {}).get("securitySchemes", {})
    stated = operation.get("security", document.get("security", []))
    return {frozenset(_credential(name, schemes.get(name, {})) for name in entry) for entry in stated}


def _credential(name: str, scheme: Schema) -> str:
    if scheme.get("type") == "apiKey":
        return f"key in {scheme.get('in')} {scheme.get('name')}"
    if scheme.get("type") == "http":
        return f"HTTP {scheme.get('scheme')}"
    return f"{scheme.get('type', 'undefined')} {name}"
