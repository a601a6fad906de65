"""The routes: every path the sandbox serves, and a readable no for all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Scope

from .corefy.cardgate import ACS_PATH, COMPLETE_PATH
from .corefy.corefy import Corefy
from .corefy.pages import CHECKOUT_PATH, REDIRECT_PATHS
from .endpoint import Endpoint
from .gateway import Gateway
from .guard import Guard
from .hosted_links import PAGE_PATH
from .hosted_pages import HostedPages
from .inspection import Inspection
from .payments import CHALLENGE_PATH
from .three_d_secure import ThreeDSecure

if TYPE_CHECKING:
    from .sandbox import Sandbox


def build(sandbox: Sandbox, gateway: Gateway, three_d_secure: ThreeDSecure, hosted_pages: HostedPages) -> ASGIApp:
    """Return the ASGI application of one sandbox."""
    inspection = Inspection(sandbox)
    routes = [
        *(
            Route(endpoint.prefix + endpoint.path, _served(each, endpoint), methods=[endpoint.method])
            for each in (gateway, sandbox.corefy.gateway)
            for endpoint in each.endpoints
        ),
        Route(CHALLENGE_PATH, three_d_secure.show, methods=["GET"]),
        Route(CHALLENGE_PATH, three_d_secure.answer, methods=["POST"]),
        *(
            route
            for path in (PAGE_PATH, f"/{{lang}}{PAGE_PATH}")
            for route in (
                Route(path, hosted_pages.show, methods=["GET"]),
                Route(path, hosted_pages.submit, methods=["POST"]),
            )
        ),
        *_corefy_pages(sandbox.corefy),
        Route("/_sandbox/", inspection.overview, methods=["GET"]),
        Route("/_sandbox/cards", inspection.cards, methods=["GET"]),
        Route("/_sandbox/faults", inspection.faults, methods=["GET"]),
        Route("/_sandbox/faults", inspection.set_faults, methods=["POST"]),
        Route("/_sandbox/clock", inspection.advance, methods=["POST"]),
        Route("/_sandbox/reset", inspection.reset, methods=["POST"]),
        *(Route(f"/_sandbox/{name}.json", inspection.as_json(name), methods=["GET"]) for name in inspection.TABLES),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _readable_no})
    app.router.redirect_slashes = False
    for route in routes:
        assert route.methods is not None
        route.methods.discard("HEAD")  # which the guard refuses, so that no `Allow` should name it
    return Guard(app, lambda scope: _methods_at(routes, scope), open_paths=(ACS_PATH,))


def _corefy_pages(corefy: Corefy) -> list[Route]:
    """Return the routes of the second gateway's pages."""
    checkout, bank_pages = corefy.checkout, corefy.bank_pages
    return [
        *(Route(path, checkout.redirect, methods=["GET"]) for path in REDIRECT_PATHS),
        Route(CHECKOUT_PATH, checkout.show, methods=["GET"]),
        Route(CHECKOUT_PATH, checkout.submit, methods=["POST"]),
        Route(ACS_PATH, bank_pages.show, methods=["GET"]),
        Route(ACS_PATH, bank_pages.open, methods=["POST"]),
        Route(COMPLETE_PATH, bank_pages.answer, methods=["POST"]),
    ]


def _methods_at(routes: Sequence[Route], scope: Scope) -> set[str]:
    """Return the methods of the path that a request names, the most specific one: it stands first."""
    path = next((route.path for route in routes if route.matches(scope)[0] != Match.NONE), None)
    return {method for route in routes if route.path == path for method in route.methods or ()}


def _served(gateway: Gateway, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        return await gateway.answer(endpoint, request)

    return serve


async def _readable_no(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {404: "The sandbox serves no such path.", 405: "Method not allowed."}.get(error.status_code, error.detail)
    body = {"statusCode": error.status_code, "message": message, "success": False}
    return JSONResponse(body, error.status_code, headers=dict(error.headers or {}))
