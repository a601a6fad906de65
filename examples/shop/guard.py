"""Who may post, and what the shop's pages may do: one wrapper around the whole application."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_SAFE = ("GET", "HEAD", "OPTIONS")
_CHECKED_BY_TOKEN = ("/webhook/", "/return/")
"""Where strangers post: the gateway, and the bank's pages. The path's own token is checked there."""


class Guard:
    """Refuses posts that another site's page set off (CSRF), and puts the security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or pass on one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")  # the back button must not show an old form
            await send(message)

        by_token = scope["path"].startswith(_CHECKED_BY_TOKEN)
        if scope["method"] in _SAFE or by_token or _is_our_own(Headers(scope=scope)):
            await self._app(scope, receive, send_guarded)
        else:
            refusal = PlainTextResponse("This form was not sent from our own page.", 403)
            await refusal(scope, receive, send_guarded)


def _is_our_own(headers: Headers) -> bool:
    """Browsers say where a request comes from, and no page can make them lie; so forms need no hidden token.

    Old browsers send no Sec-Fetch-Site, but Origin. What sends neither is no browser, and carries no one's cookie.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
