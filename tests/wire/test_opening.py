"""Where a wire may send to, where it may be used, and what it shows of itself."""

import asyncio
import logging
import os
import ssl

import httpx
import pytest
from aiohttp.client_proto import ResponseHandler

from paymentoptions_async.errors import ConfigurationError, InvalidValue
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.exchange import Request, Wire
from paymentoptions_async.wire.guard import LoopGuard
from paymentoptions_async.wire.httpx_adapter import HttpxWire
from paymentoptions_async.wire.opening import open_wire
from paymentoptions_async.wire.pool import AiohttpWire

KEYS = Credentials("test-api-key", "test-x-api-key")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example",
        "https://api.example/base/",
        "http://localhost:8080",
        "http://127.9.9.9",
        "http://[::1]:80",
    ],
)
def test_https_and_loopback_are_taken(url):
    assert isinstance(open_wire(url, KEYS), AiohttpWire)
    assert isinstance(open_wire(url, KEYS, transport=httpx.MockTransport(lambda _: httpx.Response(200))), HttpxWire)


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://api.example",
        "api.example",
        "/base",
        "",
        "https://",
        "https://user:pw@api.example",
        "https://api.example?x=1",
        "https://api.example#x",
    ],
)
def test_everything_else_is_refused(url):
    with pytest.raises(ConfigurationError, match="base_url"):
        open_wire(url, KEYS)
    with pytest.raises(ConfigurationError, match="base_url"):
        open_wire(url, KEYS, transport=httpx.MockTransport(lambda _: httpx.Response(200)))


@pytest.mark.parametrize("method", ["", "HEAD", "CONNECT", "get", "GET /x HTTP/1.1\r\nX: 1\r\n\r\nGET"])
def test_a_method_other_than_get_and_post_is_refused(method):
    with pytest.raises(InvalidValue):
        Request(method, "/x", 0.0)


@pytest.mark.parametrize("bad", ["\r\nX: 1", "\n", " ", "\x00", "\x7f", "\t"])
@pytest.mark.parametrize(
    "place", ["https://api{}.example", "https://api.example/base{}/x", "https://api.example:443{}"]
)
def test_a_base_url_that_could_end_a_line_is_refused(kind, bad, place):
    with pytest.raises(ConfigurationError, match="base_url"):
        open_wire(
            place.format(bad),
            KEYS,
            transport=None if kind == "aiohttp" else httpx.MockTransport(lambda _: httpx.Response(200)),
        )


def test_a_transport_brings_its_own_proxy_and_tls():
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    with pytest.raises(ConfigurationError, match="transport"):
        open_wire("https://api.example", KEYS, transport=transport, proxy="http://proxy.example")
    with pytest.raises(ConfigurationError, match="transport"):
        open_wire("https://api.example", KEYS, transport=transport, ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


def test_plain_http_through_a_proxy_is_refused():
    with pytest.raises(ConfigurationError, match="proxy"):
        open_wire("http://127.0.0.1:1", KEYS, proxy="http://proxy.example")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "status",
        "//evil.example/x",
        "/a/../b",
        "/a b",
        "/a\r\nX: 1",
        "/a#b",
        "/ü",
        "/a\\b",
        "https://evil.example",
    ],
)
def test_a_path_that_could_ask_for_something_else_is_refused(path):
    with pytest.raises(InvalidValue):
        Request("GET", path, 0.0)


async def answering(peer):
    while True:
        await peer.request()
        await peer.answer()


@pytest.mark.parametrize("kind", ["aiohttp", "httpx"])
def test_a_second_event_loop_is_told_before_anything_is_sent(kind):
    """asyncio.run twice is how it happens."""
    wire: Wire = AiohttpWire("http://127.0.0.1:9", KEYS)
    if kind == "httpx":
        wire = HttpxWire("http://127.0.0.1:9", KEYS, httpx.MockTransport(lambda _: httpx.Response(200)))

    async def first():
        await wire.send(Request("GET", "/x", asyncio.get_running_loop().time() + 1))
        await wire.aclose()

    async def second():
        request = Request("POST", "/x", asyncio.get_running_loop().time() + 1, body=b"{}")
        with pytest.raises(ConfigurationError, match="event loop"):
            await wire.send(request)
        assert not request.departure.left

    asyncio.run(first())
    asyncio.run(second())


async def test_a_fork_is_told(wire_to, ask, serve, monkeypatch):
    server = await serve(answering)
    wire = wire_to(server.url)
    await wire.send(ask())
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        request = ask()
        with pytest.raises(ConfigurationError, match="forked"):
            await wire.send(request)
    assert not request.departure.left
    assert len(server.requests) == 1


async def test_a_guard_gives_its_loop():
    guard = LoopGuard()
    assert guard.check() is guard.check() is asyncio.get_running_loop()


async def test_a_closed_wire_says_so_before_anything_is_sent(wire_to, ask, serve):
    server = await serve(answering)
    wire = wire_to(server.url)
    await wire.send(ask())
    await wire.aclose()
    await wire.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await wire.send(ask())
    assert len(server.requests) == 1


async def test_no_secret_is_shown_or_logged(wire_to, post, serve, caplog):
    """At level DEBUG, with asyncio's debug mode, through a good answer and a broken one."""

    async def script(peer):
        await peer.request()
        await peer.answer(201, b'{"number":"4111111111111111"}')
        await peer.request()
        peer.close()

    server = await serve(script)
    asyncio.get_running_loop().set_debug(True)
    caplog.set_level(logging.DEBUG)
    wire = wire_to(server.url)
    shown = [repr(wire)]
    for _ in range(2):
        request = post(body=b'{"number":"4000002500003155","cvc":"100"}')
        reply = await wire.send(request)
        shown += [repr(request), repr(reply), str(reply.evidence), repr(reply.evidence)]
    text = caplog.text + "".join(shown)
    for secret in ("4000002500003155", "4111111111111111", "test-api-key", "test-x-api-key", "dGVzdC1hcGkta2V5Og"):
        assert secret not in text
    assert len(server.requests) == 2


@pytest.mark.parametrize("part", ["set_response_params", "read"])
async def test_an_aiohttp_that_has_changed_is_told_before_anything_is_sent(serve, post, monkeypatch, part):
    """The wire uses parts of aiohttp below its session."""
    server = await serve(answering)
    lacking = next(kind for kind in ResponseHandler.__mro__ if part in vars(kind))
    monkeypatch.delattr(lacking, part)
    wire = AiohttpWire(server.url, KEYS)
    request = post()
    with pytest.raises(ConfigurationError, match="aiohttp"):
        await wire.send(request)
    assert not request.departure.left
    await wire.aclose()
    await server.quiet()
    assert server.received == b""
