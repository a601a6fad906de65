"""Reading a webhook: what it names, masked. Nothing in it is believed. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from paymentoptions_async.intent import Notice
from paymentoptions_async.masking import mask_json, mask_text

MAX_BODY = 64 * 1024
"""The largest webhook that is taken in, bytes. The vendor's samples have about one kilobyte."""

_MAX_IDS = 4
_MAX_TEXT = 2000
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)


def read_notice(ref: str, body: bytes, *, content_type: str = "") -> Notice:
    """Read the body of a webhook: JSON, a form, or anything else, which is kept as masked text.

    The transaction's own id comes first among the ids, then whatever else looks like one.
    """
    text = body.decode("utf-8", "replace")
    parsed = _parsed(body, text, content_type)
    kept = parsed if parsed is not None else {"unreadable": mask_text(text[:_MAX_TEXT])}
    own = _own_id(parsed)
    found = [match.lower() for match in _UUID.findall(text)]
    ids = tuple(dict.fromkeys(own + found))[:_MAX_IDS]
    return Notice(
        ref=ref,
        digest=hashlib.sha256(json.dumps(kept, default=str).encode()).hexdigest(),
        transaction_ids=ids,
        body=kept,
    )


def _parsed(body: bytes, text: str, content_type: str) -> Mapping[str, Any] | None:
    if "form-urlencoded" in content_type.lower():
        return {mask_text(name): mask_text(value) for name, value in parse_qsl(text, max_num_fields=100)}
    try:
        masked = mask_json(body)
    except ValueError:
        return None
    return masked if isinstance(masked, dict) else {"value": masked}


def _own_id(parsed: Mapping[str, Any] | None) -> list[str]:
    details = (parsed or {}).get("transaction_details")
    own = details.get("id") if isinstance(details, dict) else None
    return [own.lower()] if isinstance(own, str) and _UUID.fullmatch(own) else []
