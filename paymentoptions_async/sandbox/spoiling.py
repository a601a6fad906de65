"""What a fault does to a reply. What is below HTTP is only marked here, and done by `front`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from . import faults
from .faults import Rule
from .replies import Reply

CUT_HEADER = "x-sandbox-cut"
CUTS = ("reset", "close", "half_head", "half_reply", "hang")

_FRONT_DOOR_MESSAGES = {
    429: "Too Many Requests",
    500: "Internal server error",
    502: "Internal server error",
    503: "Service Unavailable",
    504: "Endpoint request timed out",
}
_PAGE = b"<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"


def spoiled(reply: Reply | None, rule: Rule, failure: Callable[[int, str], Reply]) -> Reply:
    """Return what goes out in place of `reply`, which is None when the operation was not done.

    `failure` makes the answer to an HTTP status and message that tell of no operation.
    """
    whole = reply or Reply(200, {"success": True})
    match rule.fault:
        case "error":
            return refusal_of(rule.status, failure, seconds=rule.seconds or None)
        case "redirect":
            return Reply(302, b"", headers={"location": "/elsewhere"})
        case "garbage":
            return Reply(whole.status, b"\x00\xff{not json")
        case "html":
            return Reply(whole.status, _PAGE, content_type="text/html; charset=utf-8")
        case "empty":
            return Reply(whole.status, b"")
        case "half_body":
            content = whole.content()
            return Reply(whole.status, content[: len(content) // 2])
        case "change":
            return dataclasses.replace(whole, body=_changed(whole.body, rule))
        case cut:
            assert cut in CUTS, cut
            return Reply(whole.status, whole.content(), headers={**whole.headers, CUT_HEADER: cut})


def refusal_of(status: int, failure: Callable[[int, str], Reply], *, seconds: float | None = None) -> Reply:
    """Return the answer of a gateway that does nothing now, with when to come again if that is given."""
    refused = failure(status, _FRONT_DOOR_MESSAGES.get(status, "Something went wrong"))
    if seconds is not None:
        refused.headers["retry-after"] = f"{seconds:g}"
    return refused


def _changed(body: Any, rule: Rule) -> Any:
    return faults.changed(body, rule.set) if isinstance(body, dict) else body
