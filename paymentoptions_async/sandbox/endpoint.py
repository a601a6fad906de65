"""What one documented operation is to the gateway's front, and how it refuses a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from .replies import Reply


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a body: a sentence, and the JSON pointer of the place."""

    sentence: str
    pointer: str


class Refused(Exception):
    """Refuse a request: nothing was charged and no transaction exists.

    `status` is HTTP's, `code` the messageCode; without a code it is the cloud's front door that refuses. `problems`
    are what is wrong with a body, one by one.
    """

    def __init__(self, status: int, message: str, code: str | None, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.problems = status, message, code, problems


@dataclass(frozen=True)
class Endpoint:
    """One operation of the document, by the `name` that fault plans use and the document's own path.

    It is served at that path, below `prefix`. `handle` gets the decoded and validated body (empty for a GET) and the
    request, and may raise Refused.
    """

    name: str
    method: str
    path: str
    handle: Callable[[Mapping[str, Any], Request], Reply]
    prefix: str = ""


def origin_of(request: Request) -> str:
    """Return the scheme, host and port that the client called."""
    return f"{request.url.scheme}://{request.url.netloc}"
