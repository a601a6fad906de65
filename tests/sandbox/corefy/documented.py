"""Every answer to a test is held against the document: its status, and its body by that status's schema."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from paymentoptions_async.sandbox import document
from paymentoptions_async.sandbox.validation import _with_nulls

PREFIXES = ("/corefy/api", "/corefy/cardgate")
OF_ANY_SERVER = (405, 413, 415)


def undocumented(reply: httpx.Response) -> list[str]:
    """Return what an answer has that the document has not; nothing for the paths of pages."""
    found = _operation(reply.request.method, reply.request.url.path)
    if found is None or reply.status_code in OF_ANY_SERVER:
        return []
    path, method = found
    responses = _document()["paths"][path][method]["responses"]
    status = str(reply.status_code)
    name = status if status in responses else f"{status[0]}XX"
    if name not in responses:
        return [f"{method} {path} answers {status}"]
    return [error.message for error in _validator(path, method, name).iter_errors(reply.json())]


def _operation(method: str, path: str) -> tuple[str, str] | None:
    for prefix in PREFIXES:
        for template, operations in _document()["paths"].items():
            is_it = re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path.removeprefix(prefix))
            if path.startswith(prefix) and is_it and method.lower() in operations:
                return template, method.lower()
    return None


@cache
def _validator(path: str, method: str, status: str) -> Draft202012Validator:
    resource: Resource[Any] = DRAFT202012.create_resource(_document())
    place = path.replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    pointer = f"paths/{place}/{method}/responses/{status}/content/application~1json/schema"
    registry: Registry[Any] = Registry().with_resource("urn:document", resource)
    return Draft202012Validator({"$ref": f"urn:document#/{pointer}"}, registry=registry)


@cache
def _document() -> Any:
    return _with_nulls(document.load("corefy.json"))
