"""Webhooks and returning buyers for the aiohttp server.

::

    app.add_routes(routes(gateway, on_return=thanks))
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web

from paymentoptions_async.payment import Payment
from paymentoptions_async.web.access_logs import mask_access_logs
from paymentoptions_async.web.endpoints import PRIVATE, Answer, Endpoints, GatewayOf, call

OnReturn = Callable[[web.Request, Payment], web.StreamResponse | Awaitable[web.StreamResponse]]


def routes(gateway: GatewayOf[web.Request], *, on_return: OnReturn) -> list[web.RouteDef]:
    """Make the routes ``/webhook/{ref}/{token}`` and ``/return/{purpose}/{ref}/{token}``.

    Args:
        gateway: The client; or a function or coroutine function that is given the request and returns it, such as
            ``lambda request: request.config_dict[GATEWAY]`` for one that a ``cleanup_ctx`` made.
        on_return: Is given the request of the buyer who came back and the `Payment` as the journal has it, and
            returns the response, not yet prepared, or raises it. A coroutine function; a plain one is called on the
            event loop. What it raises is handled as what any handler raises.
    """
    mask_access_logs()
    endpoints = Endpoints(gateway)

    async def webhook(request: web.Request) -> web.StreamResponse:
        return _response(
            await endpoints.webhook(
                request,
                method=request.method,
                ref=request.match_info["ref"],
                token=request.match_info["token"],
                headers=request.headers,
                chunks=_chunks(request),
            )
        )

    async def returned(request: web.Request) -> web.StreamResponse:
        found = await endpoints.returned(
            request,
            method=request.method,
            purpose=request.match_info["purpose"],
            ref=request.match_info["ref"],
            token=request.match_info["token"],
        )
        if isinstance(found, Answer):
            return _response(found)
        try:
            response = await call(on_return, request, found)
        except web.HTTPException as answer:
            answer.headers.update(PRIVATE)
            raise
        response.headers.update(PRIVATE)
        return response

    return [
        web.route("*", path + slash, handler)
        for path, handler in (("/webhook/{ref}/{token}", webhook), ("/return/{purpose}/{ref}/{token}", returned))
        for slash in ("", "/")
    ]


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    if not request.can_read_body:  # empty, or a middleware has read it
        yield await request.read()
    async for chunk in request.content.iter_any():
        yield chunk


def _response(answer: Answer) -> web.Response:
    return web.Response(status=answer.status, text=answer.text, headers=answer.headers)
