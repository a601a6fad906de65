"""Reading a webhook: what it names, masked. Nothing in it is believed. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from paymentoptions_async.gateway_json import NotJson, excerpt, json_default, read_masked
from paymentoptions_async.intent import Notice
from paymentoptions_async.masking import mask_unreadable

MAX_BODY = 64 * 1024
"""The largest webhook that is taken in, bytes. The vendor's samples have about one kilobyte."""

_MAX_IDS = 4
_MAX_FIELDS = 100
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_IN_JSON = re.compile(rf"(?:\\[bfnrt]|\\u[0-9a-f]{{4}}|\b)({_UUID.pattern})\b", re.IGNORECASE)
"""One within JSON's text, where what stands before it may be escaped: a line break is a backslash and a letter."""


def read_notice(ref: str, body: bytes, *, content_type: str = "") -> Notice:
    """Read the body of a webhook: JSON, a form, or anything else, which is kept as masked text.

    The transaction's own id comes first among the ids, then whatever else looks like one.
    """
    kept = _masked(body, content_type)
    text = json.dumps(kept, default=json_default)
    found = [match.lower() for match in _IN_JSON.findall(text)]
    return Notice(
        ref=ref,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        transaction_ids=tuple(dict.fromkeys(_own_id(kept) + found))[:_MAX_IDS],
        body=kept,
    )


def _masked(body: bytes, content_type: str) -> Mapping[str, Any]:
    if "form-urlencoded" in content_type.lower():
        try:
            fields = parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MAX_FIELDS)
        except ValueError:
            return {"unreadable": excerpt(body)}
        # A sender may call something else a form, and what was no name of a field is then part of a value.
        body = json.dumps({name: mask_unreadable(value) for name, value in fields}).encode()
    try:
        value, _ = read_masked(body)
    except NotJson:
        return {"unreadable": excerpt(body)}
    return value if isinstance(value, dict) else {"value": value}


def _own_id(kept: Mapping[str, Any]) -> list[str]:
    details = kept.get("transaction_details")
    own = details.get("id") if isinstance(details, dict) else None
    return [own.lower()] if isinstance(own, str) and _UUID.fullmatch(own) else []
