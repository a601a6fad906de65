"""Small shops, one for each framework, each on its real server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import django
import fastapi
import uvicorn
from aiohttp import web
from aiohttp.typedefs import Handler
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import clear_url_caches, include
from django.urls import path as django_path
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount

import paymentoptions_async.web.aiohttp as for_aiohttp
import paymentoptions_async.web.django as for_django
import paymentoptions_async.web.starlette as for_starlette
from paymentoptions_async import (
    Address,
    Card,
    JournalUnavailable,
    MemoryJournal,
    Money,
    Payment,
    PaymentEvent,
    PaymentOptions,
)
from paymentoptions_async.intent import Notice, Record
from paymentoptions_async.sandbox import API_KEY, CARDS, MERCHANT_ID, X_API_KEY, Sandbox
from paymentoptions_async.web import PerLoop

PREFIX = "/shop/pay"
SECRET = "a signing secret of the tests"
NUMBERS = {card.name: card.number for card in CARDS}
CARELESS = {"Cache-Control": "public, max-age=600", "referrer-policy": "unsafe-url"}

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "testserver"],
    SECRET_KEY="a Django secret of the tests",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    LOGGING_CONFIG=None,
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ],
)
django.setup(set_prefix=False)


class Journal(MemoryJournal):
    """Fails, or takes its time, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def get(self, ref: str) -> Record | None:
        if self.down:
            raise JournalUnavailable("the disk is full")
        return await super().get(ref)

    async def note(self, notice: Notice) -> bool:
        self.entered.set()
        await self.go_on.wait()
        return await super().note(notice)


@dataclass
class Shop:
    """An application that takes payments: what it has, and what it was told."""

    url: str
    bank: Sandbox = field(default_factory=Sandbox)
    journal: Journal = field(default_factory=Journal)
    gateways: list[PaymentOptions] = field(default_factory=list)
    events: list[PaymentEvent] = field(default_factory=list)
    shown: list[Payment] = field(default_factory=list)
    show: Callable[..., Any] | None = None
    """What to answer buyers with, instead of a page; it may raise, too."""
    connections: Callable[[], int] = int
    reads_bodies: bool = False
    """With a middleware that reads each body before the endpoints do, as those that log bodies."""

    @property
    def gateway(self) -> PaymentOptions:
        return self.gateways[-1]

    def make_gateway(self) -> PaymentOptions:
        self.gateways.append(
            PaymentOptions(
                api_key=API_KEY,
                x_api_key=X_API_KEY,
                merchant_id=MERCHANT_ID,
                environment="sandbox",
                sandbox_url="http://127.0.0.1",
                transport=self.bank.transport(),
                journal=self.journal,
                public_url=self.url,
                signing_secrets=SECRET,
                on_payment=self.fulfil,
            )
        )
        return self.gateway

    async def fulfil(self, event: PaymentEvent) -> None:
        self.events.append(event)

    def on_return(self, respond: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """The page for a buyer who comes back. Its headers are as careless as an application's may be."""

        async def page(request: Any, payment: Payment) -> Any:
            self.shown.append(payment)
            if self.show is not None:
                return self.show(request, payment)
            return respond(f"Order {payment.order}: {payment.status}", headers=CARELESS)

        return page

    async def pay(self, order: str, card: str = "challenge") -> Payment:
        return await self.gateway.purchase(
            Money("1000", "JPY"),
            card=Card(number=NUMBERS[card], cvc="100", expiry_month=12, expiry_year=2029, name="John Doe"),
            billing_address=Address(country="JP", email="buyer@example.com", city="Tokyo", postal_code="1600022"),
            customer_ip="203.0.113.7",
            order=order,
            idempotency_key=f"{order}:1",
        )

    async def urls(self, order: str) -> tuple[str, str]:
        """The webhook and the success URL of a new payment, as the bank has them."""
        await self.pay(order)
        urls = self.bank.books.challenges[-1].order.urls
        return urls["webhook_url"], urls["success_url"]


def make_starlette(shop: Shop, prefix: str) -> Any:
    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with shop.make_gateway() as gateway:
            yield {"gateway": gateway}

    routes = for_starlette.routes(lambda request: request.state.gateway, on_return=shop.on_return(PlainTextResponse))
    middleware = [Middleware(BaseHTTPMiddleware, dispatch=read_in_starlette)] if shop.reads_bodies else []
    return Starlette(routes=[Mount(prefix, routes=routes)], middleware=middleware, lifespan=lifespan)


async def read_in_starlette(request: Request, answer: RequestResponseEndpoint) -> Response:
    await request.body()
    return await answer(request)


def make_fastapi(shop: Shop, prefix: str) -> Any:
    @contextlib.asynccontextmanager
    async def lifespan(app: fastapi.FastAPI) -> AsyncIterator[None]:
        async with shop.make_gateway() as app.state.gateway:
            yield

    async def gateway_of(request: fastapi.Request) -> PaymentOptions:
        gateway: PaymentOptions = request.app.state.gateway
        return gateway

    app = fastapi.FastAPI(lifespan=lifespan)
    if shop.reads_bodies:
        app.middleware("http")(read_in_starlette)
    routes = for_starlette.routes(gateway_of, on_return=shop.on_return(PlainTextResponse))
    app.include_router(fastapi.APIRouter(routes=routes), prefix=prefix)
    return app


urlpatterns: list[Any] = []
"""Of the Django shop, of which a process has one at a time."""


def make_django(shop: Shop, prefix: str) -> Any:
    gateway = PerLoop(shop.make_gateway)
    patterns = for_django.urlpatterns(gateway, on_return=shop.on_return(HttpResponse))
    urlpatterns[:] = [django_path(f"{prefix}/".lstrip("/"), include(patterns))]
    clear_url_caches()
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, *([f"{__name__}.read_in_django"] * shop.reads_bodies)]):
        return gateway.around(ASGIHandler())


def read_in_django(answer: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def middleware(request: Any) -> Any:
        assert request.body is not None
        return answer(request)

    return middleware


def make_aiohttp(shop: Shop, prefix: str) -> web.Application:
    key = web.AppKey("gateway", PaymentOptions)

    async def open_gateway(app: web.Application) -> AsyncIterator[None]:
        async with shop.make_gateway() as app[key]:
            yield

    def respond(text: str, headers: dict[str, str]) -> web.Response:
        return web.Response(text=text, headers=headers)

    routes = for_aiohttp.routes(lambda request: request.config_dict[key], on_return=shop.on_return(respond))
    app = web.Application(middlewares=[read_in_aiohttp] if shop.reads_bodies else [])
    app.cleanup_ctx.append(open_gateway)
    if prefix:
        pay = web.Application()
        pay.add_routes(routes)
        app.add_subapp(prefix, pay)
    else:
        app.add_routes(routes)
    return app


@web.middleware
async def read_in_aiohttp(request: web.Request, handler: Handler) -> web.StreamResponse:
    await request.read()
    return await handler(request)


SHOPS: dict[str, Callable[[Shop, str], Any]] = {
    "starlette": make_starlette,
    "fastapi": make_fastapi,
    "django": make_django,
    "aiohttp": make_aiohttp,
}
REFUSALS: dict[str, Exception | type[Exception]] = {
    "starlette": HTTPException(403),
    "fastapi": fastapi.HTTPException(403),
    "django": PermissionDenied,
    "aiohttp": web.HTTPForbidden,
}
"""How applications say 403."""


@contextlib.asynccontextmanager
async def opened(
    kind: str, *, prefix: str = PREFIX, root_path: str = "", reads_bodies: bool = False
) -> AsyncIterator[Shop]:
    """Open a shop of one kind, below ``prefix``; ``root_path`` is what a proxy before it takes off the path."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}{root_path}{prefix}"
        shop = Shop(url, reads_bodies=reads_bodies)
        app = SHOPS[kind](shop, prefix)
        served = (
            over_aiohttp(shop, app, listening) if kind == "aiohttp" else over_uvicorn(shop, app, listening, root_path)
        )
        async with served:
            yield shop


@contextlib.asynccontextmanager
async def over_uvicorn(shop: Shop, app: Any, listening: socket.socket, root_path: str) -> AsyncIterator[None]:
    server = Uvicorn(
        uvicorn.Config(app, lifespan="on", log_config=None, ws="none", root_path=root_path, timeout_graceful_shutdown=5)
    )
    shop.connections = lambda: len(server.server_state.connections)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await server.is_up.wait()
    try:
        yield
    finally:
        server.stop()
        await serving


@contextlib.asynccontextmanager
async def over_aiohttp(shop: Shop, app: web.Application, listening: socket.socket) -> AsyncIterator[None]:
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    assert runner.server is not None
    shop.connections = lambda: len(runner.server.connections)
    try:
        await web.SockSite(runner, listening).start()
        yield
    finally:
        await runner.cleanup()


class Uvicorn(uvicorn.Server):
    """Uvicorn without its signal handlers, which belong to the tests around it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()
        self._stopping = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    async def main_loop(self) -> None:
        await self._stopping.wait()
