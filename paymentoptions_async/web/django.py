"""Webhooks and returning buyers for Django, served over ASGI.

::

    urlpatterns = [path("pay/", include(urlpatterns(gateway, on_return=thanks)))]
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_not_required
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from paymentoptions_async.errors import ConfigurationError
from paymentoptions_async.notices import MAX_BODY
from paymentoptions_async.payment import Payment
from paymentoptions_async.web.access_logs import mask_access_logs
from paymentoptions_async.web.endpoints import PRIVATE, Answer, Endpoints, GatewayOf, call

OnReturn = Callable[[HttpRequest, Payment], HttpResponseBase | Awaitable[HttpResponseBase]]


def urlpatterns(gateway: GatewayOf[HttpRequest], *, on_return: OnReturn) -> list[URLPattern]:
    """Make the URL patterns ``webhook/<ref>/<token>`` and ``return/<purpose>/<ref>/<token>``.

    Neither asks for a CSRF token or a login: the URL's own token is what is checked.

    Args:
        gateway: A `PerLoop`, which gives the client of the server's event loop; or a client, or a function or
            coroutine function that is given the request and returns it.
        on_return: Is given the request of the buyer who came back and the `Payment` as the journal has it, and
            returns the response. A coroutine function; a plain one is called as Django calls plain views, in a
            thread, where it may use the database. What it raises is handled as what any view raises.
    """
    mask_access_logs()
    endpoints = Endpoints(gateway)

    async def webhook(request: HttpRequest, ref: str, token: str) -> HttpResponseBase:
        _require_asgi(request)
        return _response(
            await endpoints.webhook(
                request,
                method=request.method,
                ref=ref,
                token=token,
                headers=request.headers,
                chunks=_chunks(request),
            )
        )

    async def returned(request: HttpRequest, purpose: str, ref: str, token: str) -> HttpResponseBase:
        _require_asgi(request)
        found = await endpoints.returned(request, method=request.method, purpose=purpose, ref=ref, token=token)
        if isinstance(found, Answer):
            return _response(found)
        response = await call(on_return, request, found, in_thread=_in_thread)
        for name, value in PRIVATE.items():
            response[name] = value
        return response

    return [
        path(pattern + slash, csrf_exempt(login_not_required(view)))
        for pattern, view in (
            ("webhook/<ref>/<token>", webhook),
            ("return/<purpose>/<ref>/<token>", returned),
        )
        for slash in ("", "/")
    ]


async def _in_thread(function: Callable[..., Any], *about: Any) -> Any:
    return await sync_to_async(function)(*about)


async def _chunks(request: HttpRequest) -> AsyncIterator[bytes]:
    yield request.read(MAX_BODY + 1)


def _require_asgi(request: HttpRequest) -> None:
    """Under WSGI each request has an event loop of its own, which ends before a webhook is confirmed."""
    if not isinstance(request, ASGIRequest):
        raise ConfigurationError(
            "paymentoptions_async.web.django: these views need an ASGI server, such as uvicorn, because a client "
            "needs an event loop that lives as long as the server"
        )


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(
        answer.text, status=answer.status, headers=answer.headers, content_type="text/plain; charset=utf-8"
    )
