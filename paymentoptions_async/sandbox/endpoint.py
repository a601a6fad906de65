"""What one documented operation is to the gateway's front, and how it refuses a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from .replies import Reply


class Refused(Exception):
    """Refuse a request: nothing was charged and no transaction exists.

    `status` is HTTP's, `code` the messageCode; without a code it is the cloud's front door that refuses.
    """

    def __init__(self, status: int, message: str, code: str | None) -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


@dataclass(frozen=True)
class Endpoint:
    """One operation of the document, by the `name` that fault plans use and the document's own path.

    `handle` gets the decoded and validated body (empty for a GET) and the request, and may raise Refused.
    """

    name: str
    method: str
    path: str
    handle: Callable[[Mapping[str, Any], Request], Reply]


def origin_of(request: Request) -> str:
    """Return the scheme, host and port that the client called."""
    return f"{request.url.scheme}://{request.url.netloc}"
