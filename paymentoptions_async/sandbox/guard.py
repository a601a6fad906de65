"""Who may call: programs and pages of this machine only.

A browser that shows a stranger's page must not be able to read or drive the sandbox, so the Host must be a loopback
name (against DNS rebinding), and a request that changes something must not come from another origin.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

SAFE_METHODS = ("GET",)


class Guard:
    """Wrap an ASGI application and refuse foreign hosts, foreign origins, and methods that it never serves.

    `methods_at` tells which methods a request's path takes. What is posted to `open_paths` changes nothing, so that
    pages of any origin may.
    """

    def __init__(
        self, app: ASGIApp, methods_at: Callable[[Scope], set[str]], *, open_paths: Collection[str] = ()
    ) -> None:
        self._app = app
        self._methods_at = methods_at
        self._open_paths = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if not is_loopback_host(host):
            await _refuse(send, 403, "The sandbox answers to loopback host names only.")
        elif scope["method"] not in ("GET", "POST"):
            # HEAD too, and without a body: every reply has as many bytes as it says, which the TCP front relies on.
            await _refuse(send, 405, "Method not allowed.", allow=", ".join(sorted(self._methods_at(scope))))
        elif self._may_change(scope) and _is_foreign(headers, host):
            await _refuse(send, 403, "The sandbox takes no requests from other origins.")
        else:
            await self._app(scope, receive, send)

    def _may_change(self, scope: Scope) -> bool:
        return scope["method"] not in SAFE_METHODS and scope["path"] not in self._open_paths


def is_loopback_host(host: str) -> bool:
    """Tell whether a Host header names this machine: `localhost` or a loopback address, with or without port."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_foreign(headers: dict[str, str], host: str) -> bool:
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return True
    if origin is None:
        return False
    if origin == "null":  # what browsers send from a page with `no-referrer`; then only Sec-Fetch-Site tells
        return site != "same-origin"
    return urlsplit(origin).netloc != host


async def _refuse(send: Send, status: int, message: str, allow: str | None = None) -> None:
    body = b"" if allow is not None else json.dumps({"message": message}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if allow is not None:
        headers.append((b"allow", allow.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
