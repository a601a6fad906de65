"""JSON whose numbers keep every digit, as databases keep it. Pure.

`json.dumps` writes Decimals as floats or texts only. What is written here is ASCII, and `json.loads` with
``parse_float=Decimal`` reads it as it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from json import JSONDecoder
from json.encoder import encode_basestring_ascii as _quote
from typing import Any

_DEEPEST = 200
"""Levels. No answer of the gateway has ten; a text with very many could be written by one Python and not be read."""

read_json = JSONDecoder(parse_float=Decimal).decode
"""Read a text that `write_json` wrote; lists stand for tuples. Raises ValueError or RecursionError."""


def write_json(value: Any, depth: int = 0) -> str:
    """Write a value of texts, numbers, dictionaries and lists. Raises TypeError for anything else, also for NaN.

    What is nested absurdly deep is cut short: see ``_DEEPEST``.
    """
    kind = value.__class__
    if kind is str:
        return _quote(value)
    if kind is dict:
        return _write_object(value, depth + 1)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if kind is int:
        return int.__repr__(value)
    if kind is Decimal:
        return _write_decimal(value)
    if kind is list or kind is tuple:
        return _write_array(value, depth + 1)
    return _write_uncommon(value, depth)


def write_decoded(value: Any) -> str:
    """Write what was decoded from JSON, where names are texts and no number is a float: as `write_json`, but quicker.

    Decimals, which the encoder does not know, are left open and filled in.
    """
    decimals: list[Decimal] = []

    def leave_open(number: Any) -> str:
        if number.__class__ is not Decimal:
            raise TypeError
        decimals.append(number)
        return _LEFT_OPEN

    try:
        text = json.dumps(value, default=leave_open, separators=(",", ":"), check_circular=False)
    except (TypeError, RecursionError):
        return write_json(value)
    pieces = text.split(_quote(_LEFT_OPEN)) if decimals else [text]
    if len(pieces) != len(decimals) + 1 or text.count("{") + text.count("[") > _DEEPEST:
        return write_json(value)
    filled = [pieces[0]]
    for number, piece in zip(decimals, pieces[1:], strict=True):
        filled += (_write_decimal(number), piece)
    return "".join(filled)


_LEFT_OPEN = "\0"
"""No text that was stored has it."""


def _write_object(value: Mapping[str, Any], depth: int) -> str:
    if depth > _DEEPEST:
        return _TOO_DEEP
    members = [
        f"{_quote(name)}:{_quote(item) if item.__class__ is str else write_json(item, depth)}"  # most are texts
        for name, item in value.items()
    ]
    return "{" + ",".join(members) + "}"


def _write_array(value: Iterable[Any], depth: int) -> str:
    if depth > _DEEPEST:
        return _TOO_DEEP
    return "[" + ",".join([write_json(item, depth) for item in value]) + "]"


_TOO_DEEP = _quote("[nested too deeply]")


def _write_decimal(value: Decimal) -> str:
    """A literal that has a point or an exponent, so that it is read as a Decimal again, of the same exponent."""
    if not value.is_finite():
        raise TypeError("a Decimal that is no number does not belong into JSON")
    text = str(value)
    return text if "." in text or "E" in text else f"{text}E0"


def _write_uncommon(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, Mapping):
        return _write_object(value, depth + 1)
    if isinstance(value, float) and math.isfinite(value):
        return float.__repr__(value)
    raise TypeError(f"{type(value).__name__} does not belong into JSON")
