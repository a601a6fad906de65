"""Reading the forms of the buyer's pages."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

MAX_FORM_BYTES = 16 * 1024


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a posted form, the last of each name; none when it is longer than MAX_FORM_BYTES."""
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_FORM_BYTES:
            return {}
    return dict(parse_qsl(content.decode("utf-8", "replace")))
