"""The application: the gateway's client, the shop's records and its pages, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from paymentoptions_async import PaymentOptions, PaymentOptionsError
from paymentoptions_async.web.starlette import routes

from . import admin, pages
from .guard import Guard
from .shop import HERE, Shop, shop_of
from .store import Store
from .till import Fulfilment, Till

_SHORTEST_PASSWORD = 12


def make_app(
    store: Store, *, admin_password: str, test_cards: tuple[tuple[str, str], ...] = (), **settings: Any
) -> FastAPI:
    """Make the shop's application. ``settings`` are those of `PaymentOptions`.

    Raises ValueError for a password that is missing or guessed quickly: the staff's pages give money back.
    """
    if len(admin_password) < _SHORTEST_PASSWORD:
        raise ValueError(f"admin_password: needs at least {_SHORTEST_PASSWORD} characters")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        fulfilment = Fulfilment(store)
        async with (
            PaymentOptions(**settings, on_payment=fulfilment.on_payment) as gateway,
            Till(gateway, store) as till,
        ):
            app.state.shop = Shop(
                store=store,
                gateway=gateway,
                till=till,
                admin_password=admin_password,
                secure=settings["public_url"].startswith("https:"),
                test_cards=test_cards,
            )
            yield

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.include_router(pages.router)
    app.include_router(admin.router)
    app.include_router(APIRouter(routes=routes(_gateway_of, on_return=pages.come_back)))
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.add_exception_handler(HTTPException, _sorry)
    app.add_exception_handler(RequestValidationError, _sorry)
    app.add_exception_handler(PaymentOptionsError, _sorry)
    app.add_middleware(Guard)
    return app


def _gateway_of(request: Request) -> PaymentOptions:
    return shop_of(request).gateway


async def _sorry(request: Request, error: Exception) -> Response:
    """Say so when a page does not exist, or when the till is broken."""
    code = 404 if isinstance(error, RequestValidationError) else 503
    if isinstance(error, HTTPException):
        code = error.status_code
    page = shop_of(request).page(request, "sorry.html", code, code=code)
    page.headers.update(getattr(error, "headers", None) or {})
    return page
