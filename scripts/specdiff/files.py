"""Read a specification from a file, JSON or YAML, and refuse what is none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError


class NotASpecification(ValueError):
    """The file is not an OpenAPI 3 document; says why."""


def load(path: Path) -> dict[str, Any]:
    """Read an OpenAPI 3 document from a JSON or YAML file; raise `NotASpecification` if it is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotASpecification(f"{path}: can't be read: {error}") from error
    try:
        document = _read_yaml(text) if path.suffix in {".yaml", ".yml"} else json.loads(text)
    except ValueError as error:
        raise NotASpecification(f"{path}: is neither JSON nor YAML as its name says: {error}") from error
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise NotASpecification(f"{path}: is not an OpenAPI 3 document (no `openapi: 3.…` at its top)")
    paths = document.get("paths")
    if not isinstance(paths, dict) or not all(isinstance(item, dict) for item in paths.values()):
        raise NotASpecification(f"{path}: has no `paths`, or one that is not an object")
    return document


def load_valid(path: Path) -> dict[str, Any]:
    """Read an OpenAPI 3 document and hold it against the OpenAPI specification."""
    document = load(path)
    try:
        validate(document)
    except OpenAPIValidationError as error:
        raise NotASpecification(f"{path}: is not valid OpenAPI: {error.message[:300]}") from error
    return document


class _PlainLoader(yaml.SafeLoader):
    """YAML as JSON has it: no dates, and only true and false are booleans."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def _read_yaml(text: str) -> Any:
    try:
        return _text_keys(yaml.load(text, Loader=_PlainLoader))  # noqa: S506  # a SafeLoader with fewer types
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _text_keys(node: Any) -> Any:
    """Return the node with statuses like 201 as text, which YAML reads as numbers."""
    if isinstance(node, list):
        return [_text_keys(item) for item in node]
    return {str(key): _text_keys(value) for key, value in node.items()} if isinstance(node, dict) else node
