"""Requests are held against the built OpenAPI document; what is wrong is named without repeating its value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from .endpoint import Problem

_URI = "urn:sandbox:document"


class RequestRules:
    """Check the JSON bodies of requests by the schemas of an OpenAPI 3.0 document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        schemas = _with_nulls(document)
        self._paths = schemas["paths"]
        resource: Resource[Any] = DRAFT202012.create_resource(schemas)
        self._registry: Registry[Any] = Registry().with_resource(_URI, resource)
        self._validators: dict[tuple[str, str], Draft202012Validator] = {}

    def problems(self, method: str, path: str, body: object) -> tuple[Problem, ...]:
        """Return what is wrong with `body` for this operation, sorted, one sentence each; empty if nothing is.

        KeyError when the document has no such operation.
        """
        errors = _leaves(self._validator(method, path).iter_errors(body))
        pointers = {_sentence(error): _pointer(error) for error in errors}
        return tuple(Problem(sentence, pointers[sentence]) for sentence in sorted(pointers))

    def takes_body(self, method: str, path: str) -> bool:
        """Tell whether the operation has a body; KeyError when the document has no such operation."""
        return "requestBody" in self._paths[path][method.lower()]

    def _validator(self, method: str, path: str) -> Draft202012Validator:
        key = (method.lower(), path)
        if key not in self._validators:
            content = self._resolved(self._paths[path][method.lower()]["requestBody"])["content"]
            assert "application/json" in content, f"{path} takes no JSON"
            pointer = "/".join(["paths", _escaped(path), method.lower(), "requestBody"])
            reference = self._paths[path][method.lower()]["requestBody"].get("$ref", f"#/{pointer}")
            schema = {"$ref": f"{_URI}{reference}/content/application~1json/schema"}
            self._validators[key] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[key]

    def _resolved(self, node: Mapping[str, Any]) -> Any:
        if "$ref" not in node:
            return node
        return self._registry.resolver(_URI).lookup(node["$ref"]).contents


def _with_nulls(node: Any) -> Any:
    """Say OpenAPI 3.0's `nullable` in the words of JSON Schema, all through the document."""
    if isinstance(node, list):
        return [_with_nulls(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    plain = {key: _with_nulls(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is not True:
        return plain
    if isinstance(plain.get("enum"), list) and None not in plain["enum"]:
        plain["enum"] = [*plain["enum"], None]
    if isinstance(plain.get("type"), str):
        return plain | {"type": [plain["type"], "null"]}
    return {"anyOf": [plain, {"type": "null"}]}


def _leaves(errors: Iterator[ValidationError]) -> Iterator[ValidationError]:
    for error in errors:
        if error.context:
            yield from _leaves(iter(error.context))
        else:
            yield error


def _pointer(error: ValidationError) -> str:
    """Return the JSON pointer of what is wrong; one field that is missing is named as if it were there."""
    place = [_escaped_name(str(part)) for part in error.absolute_path]
    instance: Any = error.instance
    required: Any = error.validator_value
    if error.validator == "required":
        missing = [name for name in required if name not in instance]
        place += missing if len(missing) == 1 else []
    return "".join(f"/{part}" for part in place)


def _sentence(error: ValidationError) -> str:
    where = ".".join(str(part) for part in error.absolute_path) or "the body"
    limit: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            missing = [name for name in limit if name not in instance]
            prefix = "" if where == "the body" else f"{where}."
            return "; ".join(f"{prefix}{name} is missing" for name in missing)
        case "additionalProperties":
            schema: Any = error.schema
            unknown = sorted(_harmless(name) for name in instance if name not in schema["properties"])
            return f"{where} has unknown fields: {', '.join(unknown)}"
        case "type":
            return f"{where} must be {limit if isinstance(limit, str) else ' or '.join(limit)}"
        case "maxLength":
            return f"{where} is longer than {limit} characters"
        case "minLength":
            return f"{where} is shorter than {limit} characters"
        case "enum":
            return f"{where} must be one of {', '.join(map(str, limit))}"
        case _:
            return f"{where} breaks the rule {error.validator}"


def _harmless(name: str) -> str:
    """Return a stranger's field name fit to be repeated: short, and without a run of digits."""
    return re.sub(r"\d{6,}", "…", name)[:40]


def _escaped(path: str) -> str:
    return _escaped_name(path).replace("{", "%7B").replace("}", "%7D")


def _escaped_name(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
