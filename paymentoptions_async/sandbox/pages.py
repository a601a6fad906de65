"""HTML: one template environment, and the headers that every page carries."""

from __future__ import annotations

import re
import secrets
from functools import cache
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse


def page(template: str, *, status: int = 200, form_targets: tuple[str, ...] = (), **values: Any) -> HTMLResponse:
    """Render a template under a policy that allows one inline style sheet, and forms to us and `form_targets`.

    `form_targets` are the URLs that answering a form may redirect to: browsers hold redirects to `form-action` too.
    """
    nonce = secrets.token_urlsafe(16)
    actions = " ".join(["'self'", *sorted({_origin(url) for url in form_targets})])
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action {actions}; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    html = _environment().get_template(template).render(nonce=nonce, **values)
    return HTMLResponse(html, status, headers)


def is_web_url(url: str | None) -> TypeGuard[str]:
    """Tell whether a URL is one that a browser may be sent to: absolute, http or https."""
    if not url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(_origin(url))
    except ValueError:  # UnicodeError for an impossible host is one
        return False


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").encode("idna").decode()
    if not re.fullmatch(r"[a-z0-9.:_-]+", host):  # it becomes a part of the policy
        raise ValueError("not a host name")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("paymentoptions_async.sandbox"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
