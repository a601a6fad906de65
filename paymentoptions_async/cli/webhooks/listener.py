"""A small server on loopback that keeps what it is sent, passes it on unchanged, and can do so again."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from paymentoptions_async.cli.webhooks.deliveries import Answer, Delivery
from paymentoptions_async.values.urls import is_loopback

RESEND_PATH = "/_paymentoptions/resend/{number}"
RESEND_HEADER = "X-Paymentoptions-Resend"
"""Pages in a browser can't set it for another origin, unless this server allowed them to, which it never does."""

KEPT = 500
"""Deliveries that are kept, in memory alone; the oldest goes first."""
TIMEOUT = 30.0
"""Seconds that the application may take."""
_LAST_WORDS = 1.0  # seconds that what is under way has when this ends

_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
_FROM_A_PROXY = ("forwarded", "x-forwarded-for", "x-forwarded-host", "via")

Show = Callable[[Delivery, Answer | None, bool], None]


class NoSuchDelivery(LookupError):
    """No delivery of this number is kept."""


class Listener:
    """Takes any request as a delivery and calls ``show`` with it, its answer, and whether it was sent again.

    ``forward_to`` is where the application listens; without it everything is answered 200. Paths are appended to it.
    """

    def __init__(self, *, forward_to: str | None, show: Show) -> None:
        self._forward_to = None if forward_to is None else forward_to.rstrip("/")
        self._show = show
        self._count = 0
        self._kept: OrderedDict[int, Delivery] = OrderedDict()
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def serve(self, host: str, port: int) -> AsyncIterator[str]:
        """Listen, and yield the base URL; port 0 picks a free one. OSError if the port is taken."""
        app = web.Application()
        app.router.add_post(RESEND_PATH, self._asked_to_resend)
        app.router.add_route("*", "/{path:.*}", self._take)
        # Neither log: a path holds a token, and so does the text of many an error.
        runner = web.AppRunner(
            app, access_log=None, logger=_silent(), auto_decompress=False, shutdown_timeout=_LAST_WORDS
        )
        self._session = _session()
        try:
            await runner.setup()
            await web.TCPSite(runner, host, port).start()
            bound: int = runner.addresses[0][1]
            yield f"http://{f'[{host}]' if ':' in host else host}:{bound}"
        finally:
            await runner.cleanup()
            await self._session.close()

    async def resend(self, number: int) -> Answer:
        """Pass a delivery on again, exactly as it came in; NoSuchDelivery if it is not kept."""
        if number not in self._kept:
            numbers = list(self._kept)
            kept = f"there are #{numbers[0]} to #{numbers[-1]}" if numbers else "nothing was delivered yet"
            raise NoSuchDelivery(f"There is no delivery #{number}; {kept}.")
        if self._forward_to is None:
            raise NoSuchDelivery(
                "There is nowhere to send it: start `paymentoptions webhooks listen` with --forward-to."
            )
        answer, _ = await self._pass_on(self._kept[number], self._forward_to)
        self._show(self._kept[number], answer, True)
        return answer

    async def _take(self, request: web.Request) -> web.StreamResponse:
        if not request.raw_path.startswith("/"):
            raise web.HTTPBadRequest(text="the request names another server")
        delivery = self._keep(request, await request.read())
        if self._forward_to is None:
            self._show(delivery, None, False)
            return web.Response()
        answer, response = await self._pass_on(delivery, self._forward_to)
        self._show(delivery, answer, False)
        return response

    def _keep(self, request: web.Request, body: bytes) -> Delivery:
        self._count += 1
        delivery = Delivery(
            number=self._count,
            at=datetime.now().astimezone(),
            method=request.method,
            target=request.raw_path,
            headers=tuple((name, value) for name, value in request.headers.items()),
            body=body,
        )
        self._kept[delivery.number] = delivery
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return delivery

    async def _pass_on(self, delivery: Delivery, forward_to: str) -> tuple[Answer, web.Response]:
        assert self._session is not None
        url = URL(forward_to + delivery.target, encoded=True)
        began = monotonic()
        try:
            async with self._session.request(
                delivery.method,
                url,
                data=delivery.body or None,
                headers=_end_to_end(delivery.headers, "host", "content-length"),
                allow_redirects=False,
            ) as reply:
                content = await reply.read()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            problem = _said_of(error)
            text = f"The application did not answer: {problem}.\n"
            return Answer(None, monotonic() - began, f"no answer ({problem})"), web.Response(status=502, text=text)
        headers = _end_to_end(reply.headers.items(), "content-length")
        return (
            Answer(reply.status, monotonic() - began),
            web.Response(status=reply.status, reason=reply.reason, body=content, headers=headers),
        )

    async def _asked_to_resend(self, request: web.Request) -> web.Response:
        """Answer `paymentoptions webhooks resend`, and nobody who comes through a tunnel or from a web page."""
        foreign = any(name in request.headers for name in ("origin", *_FROM_A_PROXY))
        local = is_loopback(urlsplit(f"//{request.host}").hostname or "")
        if foreign or not local or RESEND_HEADER not in request.headers:
            return web.json_response({"problem": "Only `paymentoptions webhooks resend` may ask for this."}, status=403)
        try:
            answer = await self.resend(int(request.match_info["number"]))
        except (NoSuchDelivery, ValueError) as error:
            return web.json_response({"problem": str(error)}, status=404)
        return web.json_response({"status": answer.status, "told": str(answer)})


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT),
    )


def _end_to_end(headers: Any, *without: str) -> CIMultiDict[str]:
    """Headers as they came, without those of this one connection (RFC 9110, 7.6.1)."""
    pairs = list(headers)
    named = {part.strip().lower() for name, value in pairs if name.lower() == "connection" for part in value.split(",")}
    left_out = {*_HOP_BY_HOP, *named, *without}
    return CIMultiDict([(name, value) for name, value in pairs if name.lower() not in left_out])


def _said_of(error: Exception) -> str:
    match error:
        case TimeoutError():
            return f"it took more than {TIMEOUT:g} s"
        case aiohttp.ClientConnectorError():
            return "nothing listens there"
        case _:
            return type(error).__name__


def _silent() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.errors")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger
