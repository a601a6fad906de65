"""How applications mount the routes, and where their functions run."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import clear_url_caches
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse

import paymentoptions_async.web.aiohttp as for_aiohttp
import paymentoptions_async.web.django as for_django
import paymentoptions_async.web.starlette as for_starlette
from paymentoptions_async import ConfigurationError, Payment
from paymentoptions_async.web import PerLoop
from tests.web import shops
from tests.web.shops import SHOPS, Shop, opened


@pytest.mark.parametrize("kind", SHOPS)
async def test_the_path_may_come_from_a_proxy_that_takes_it_off(kind):
    """The public URL has a path; the proxy takes it off, and says so in the server's root path."""
    async with (
        opened(kind, prefix="", root_path="/behind/a/proxy") as shop,
        httpx.AsyncClient(trust_env=False) as proxy,
    ):
        webhook_url, success_url = await shop.urls("proxied")
        assert "/behind/a/proxy/webhook/" in webhook_url
        webhook_url, success_url = (url.replace("/behind/a/proxy", "") for url in (webhook_url, success_url))
        assert (await proxy.post(webhook_url, content=b"{}")).status_code == 200
        assert (await proxy.get(success_url)).text == "Order proxied: action_required"


@pytest.mark.parametrize("kind", SHOPS)
async def test_a_body_that_a_middleware_has_read_is_not_lost(kind):
    async with opened(kind, reads_bodies=True) as shop, httpx.AsyncClient(trust_env=False) as browser:
        webhook_url, _ = await shop.urls("read before")
        assert (await browser.post(webhook_url, content=b'{"a": 1}')).status_code == 200
        [notice] = await shop.journal.notices(webhook_url.rsplit("/", 2)[1])
        assert notice.body == {"a": 1}


async def in_starlette(shop: Shop, on_return: Any, url: str) -> str:
    app = Starlette(routes=for_starlette.routes(shop.gateway, on_return=on_return))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as browser:
        return (await browser.get(url)).text


async def in_django(shop: Shop, on_return: Any, url: str) -> str:
    shops.urlpatterns[:] = for_django.urlpatterns(shop.gateway, on_return=on_return)
    clear_url_caches()
    response = await AsyncClient().get(url)
    return str(response.content.decode())


async def in_aiohttp(shop: Shop, on_return: Any, url: str) -> str:
    app = web.Application()
    app.add_routes(for_aiohttp.routes(shop.gateway, on_return=on_return))
    response = await app._handle(make_mocked_request("GET", httpx.URL(url).path, app=app))
    assert isinstance(response, web.Response)
    return str(response.text)


RESPONSES = {
    in_starlette: PlainTextResponse,
    in_django: HttpResponse,
    in_aiohttp: lambda text: web.Response(text=text),
}


@pytest.mark.parametrize("ask", RESPONSES, ids=lambda ask: ask.__name__)
async def test_the_function_for_buyers_may_be_plain_and_the_client_given_outright(ask):
    """A plain function runs where the framework runs plain views: in a thread, where it may block; aiohttp has none."""
    respond: Any = RESPONSES[ask]
    threads = []

    def plain(_: Any, payment: Payment) -> Any:
        threads.append(threading.current_thread())
        return respond(f"Order {payment.order}")

    async def coroutine(request: Any, payment: Payment) -> Any:
        return plain(request, payment)

    async def themed(theme: str, request: Any, payment: Payment) -> Any:
        return plain(request, payment)

    shop = Shop("http://127.0.0.1")
    async with shop.make_gateway():
        _, url = await shop.urls("1042")
        for on_return in (plain, coroutine, lambda *about: themed("dark", *about)):
            assert await ask(shop, on_return, url) == "Order 1042"
    here = threading.current_thread()
    assert [thread is here for thread in threads] == [ask is in_aiohttp, True, True]


def test_django_without_an_event_loop_of_its_own_is_refused():
    shop = Shop("http://127.0.0.1")
    shops.urlpatterns[:] = for_django.urlpatterns(PerLoop(shop.make_gateway), on_return=shop.on_return(HttpResponse))
    clear_url_caches()
    with pytest.raises(ConfigurationError, match="need an ASGI server"):
        Client().post("/webhook/ref/token")
    with pytest.raises(ConfigurationError, match="need an ASGI server"):
        Client().get("/return/success/ref/token")
    assert shop.gateways == []


def test_importing_the_package_imports_no_framework():
    code = (
        "import sys, paymentoptions_async.web\n"
        "print([name for name in ('aiohttp', 'asgiref', 'django', 'fastapi', 'starlette') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
