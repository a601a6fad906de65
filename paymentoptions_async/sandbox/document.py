"""The built OpenAPI document: packed into the wheel, or beside the package in a checkout."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any


class DocumentMissing(RuntimeError):
    """Say that neither the installed package nor the checkout has the OpenAPI document."""


@cache
def load(name: str = "paymentoptions.json") -> Any:
    """Return the OpenAPI document called `name`, read once; DocumentMissing if there is none."""
    packed = files("paymentoptions_async.sandbox").joinpath("openapi", name)
    if packed.is_file():
        return json.loads(packed.read_text("utf-8"))
    checkout = Path(__file__).resolve().parents[2] / "openapi" / name
    if checkout.is_file():
        return json.loads(checkout.read_text("utf-8"))
    raise DocumentMissing(f"openapi/{name} is neither installed nor in the checkout; run `make generate`")
