"""Webhooks and returning buyers for Starlette and FastAPI.

::

    Starlette(routes=[Mount("/pay", routes=routes(gateway, on_return=thanks))])
    fastapi_app.include_router(APIRouter(routes=routes(gateway, on_return=thanks)), prefix="/pay")
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from paymentoptions_async.payment import Payment
from paymentoptions_async.web.access_logs import mask_access_logs
from paymentoptions_async.web.endpoints import PRIVATE, Answer, Endpoints, GatewayOf, call

OnReturn = Callable[[Request, Payment], Response | Awaitable[Response]]


def routes(gateway: GatewayOf[Request], *, on_return: OnReturn) -> list[BaseRoute]:
    """Make the routes ``/webhook/{ref}/{token}`` and ``/return/{purpose}/{ref}/{token}``.

    Args:
        gateway: The client; or a function or coroutine function that is given the request and returns it, such as
            ``lambda request: request.state.gateway`` for one that the lifespan made.
        on_return: Is given the request of the buyer who came back and the `Payment` as the journal has it, and
            returns the response. A coroutine function; a plain one is called in a thread. What it raises is handled
            as what any view raises.
    """
    mask_access_logs()
    endpoints = Endpoints(gateway)

    async def webhook(request: Request) -> Response:
        try:
            async with aclosing(request.stream()) as chunks:
                return _response(
                    await endpoints.webhook(
                        request,
                        method=request.method,
                        ref=request.path_params["ref"],
                        token=request.path_params["token"],
                        headers=request.headers,
                        chunks=chunks,
                    )
                )
        except ClientDisconnect:  # before the body was complete; nobody reads this answer
            return _response(Answer(400))

    async def returned(request: Request) -> Response:
        found = await endpoints.returned(
            request,
            method=request.method,
            purpose=request.path_params["purpose"],
            ref=request.path_params["ref"],
            token=request.path_params["token"],
        )
        if isinstance(found, Answer):
            return _response(found)
        try:
            response = await call(on_return, request, found, in_thread=run_in_threadpool)
        except HTTPException as answer:
            answer.headers = {**(answer.headers or {}), **PRIVATE}
            raise
        response.headers.update(PRIVATE)
        return response

    return [
        Route(path + slash, endpoint, methods=())  # refuses no method: the endpoints do
        for path, endpoint in (("/webhook/{ref}/{token}", webhook), ("/return/{purpose}/{ref}/{token}", returned))
        for slash in ("", "/")
    ]


def _response(answer: Answer) -> Response:
    return PlainTextResponse(answer.text, answer.status, answer.headers)
