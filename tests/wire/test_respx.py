"""A plain `@respx.mock` stands in for the gateway, and nothing reaches the network."""

import asyncio
import json
import socket

import httpx
import pytest
import respx

from paymentoptions_async import PaymentOptions
from paymentoptions_async.errors import AuthenticationFailed, ConfigurationError
from paymentoptions_async.evidence import Left, Stage
from paymentoptions_async.testing.respx_ import intercepted, mocked_transport
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.httpx_adapter import HttpxWire
from paymentoptions_async.wire.opening import open_wire
from paymentoptions_async.wire.pool import AiohttpWire

GATEWAY = "https://api.gateway.example"
KEYS = Credentials("test-api-key", "test-x-api-key")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", refuse)


@pytest.fixture
def mocked():
    with intercepted():
        yield


@respx.mock
async def test_a_plain_respx_mock_intercepts(mocked, post):
    route = respx.post(f"{GATEWAY}/payment").respond(201, json={"success": True}, headers={"x-request-id": "r1"})
    wire = open_wire(GATEWAY, KEYS)
    reply = await wire.send(post(body=b'{"amount":"1"}'))
    await wire.aclose()
    assert (reply.status, json.loads(reply.body), reply.evidence.request_id) == (201, {"success": True}, "r1")
    assert reply.evidence.left is Left.MAYBE
    assert route.calls.last.request.headers["x-api-key"] == "test-x-api-key"
    assert route.calls.last.request.content == b'{"amount":"1"}'


@respx.mock
async def test_a_client_under_a_plain_respx_mock_is_intercepted(mocked):
    """The whole client, as an application makes it."""
    answer = {"success": False, "message": "Unauthorized"}
    route = respx.get(host="127.0.0.1", path__regex="/transaction/status/").respond(401, json=answer)
    async with PaymentOptions(
        api_key="test-api-key",
        x_api_key="test-x-api-key",
        merchant_id="JP12345678",
        environment="sandbox",
        sandbox_url="http://127.0.0.1:9",
    ) as gateway:
        with pytest.raises(AuthenticationFailed):
            await gateway.status("ab8444e7-fec0-40dd-994d-0ad813785f74")
    assert route.called


async def test_the_respx_mock_fixture_intercepts(mocked, get, respx_mock):
    respx_mock.get(f"{GATEWAY}/status/1").respond(200, json={})
    wire = open_wire(GATEWAY, KEYS)
    assert (await wire.send(get())).status == 200
    await wire.aclose()


@respx.mock
async def test_a_transport_for_one_client_intercepts(get):
    respx.get(f"{GATEWAY}/status/1").respond(200, json={})
    wire = open_wire(GATEWAY, KEYS, transport=mocked_transport())
    assert (await wire.send(get())).status == 200
    await wire.aclose()


async def test_without_a_router_nothing_is_sent(mocked, post):
    wire = open_wire(GATEWAY, KEYS)
    request = post()
    with pytest.raises(ConfigurationError, match=r"respx\.mock"):
        await wire.send(request)
    assert not request.departure.left
    await wire.aclose()


@pytest.mark.parametrize("opened", [open_wire, lambda *given: open_wire(*given, transport=mocked_transport())])
async def test_what_is_passed_through_meets_a_closed_network(mocked, post, opened):
    with respx.mock:
        respx.post(f"{GATEWAY}/payment").pass_through()
        wire = opened(GATEWAY, KEYS)
        reply = await wire.send(post())
        await wire.aclose()
    assert (reply.status, reply.evidence.failure) == (None, "connect")


async def test_what_no_route_matches_is_not_answered(mocked, post):
    with respx.mock(assert_all_called=False):
        respx.get(f"{GATEWAY}/status/1").respond(200)
        wire = open_wire(GATEWAY, KEYS)
        reply = await wire.send(post())
        await wire.aclose()
    assert (reply.status, reply.evidence.left) == (None, Left.MAYBE)


@respx.mock
@pytest.mark.parametrize("error", [httpx.ConnectError, httpx.ReadTimeout, httpx.ConnectTimeout, ValueError])
async def test_a_mocked_failure_proves_nothing(mocked, post, error):
    respx.post(f"{GATEWAY}/payment").mock(side_effect=error("refused"))
    wire = open_wire(GATEWAY, KEYS)
    request = post()
    reply = await wire.send(request)
    await wire.aclose()
    assert reply.evidence.left is Left.MAYBE
    assert request.departure.left


async def test_outside_of_it_the_default_pool_is_back():
    with intercepted():
        pass
    assert isinstance(open_wire(GATEWAY, KEYS), AiohttpWire)


class TestOtherTransports:
    async def test_a_mock_transport_answers(self, get):
        def answer(request):
            return httpx.Response(302, headers={"Location": "/away", "Set-Cookie": "a=b"}, content=b"moved")

        wire = HttpxWire(GATEWAY, KEYS, httpx.MockTransport(answer))
        reply = await wire.send(get())
        assert (reply.status, reply.body, reply.evidence.stage) == (302, b"moved", Stage.DONE)
        await wire.aclose()

    async def test_one_that_hangs_may_have_sent_from_the_start(self, post):
        async def hang(request):
            await asyncio.Event().wait()
            raise AssertionError

        wire = HttpxWire(GATEWAY, KEYS, httpx.MockTransport(hang))
        request = post()
        sending = asyncio.create_task(wire.send(request))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not request.departure.forbid()
        sending.cancel()
        await asyncio.wait([sending])
        reply = await wire.send(post(within=0.02))
        assert (reply.evidence.left, reply.evidence.failure) == (Left.MAYBE, "deadline")
        await wire.aclose()

    async def test_httpx_own_transport_without_a_trace_may_have_sent(self, post, monkeypatch):
        """Patched as respx does it: nothing was traced, so nothing is proven."""

        async def refuse(self, request):
            raise httpx.ConnectError("refused")

        monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", refuse)
        wire = HttpxWire(GATEWAY, KEYS, httpx.AsyncHTTPTransport())
        reply = await wire.send(post())
        assert reply.evidence.left is Left.MAYBE
        await wire.aclose()

    async def test_one_deaf_to_cancelling_can_not_send_after_the_deadline(self, post):
        """The reply said that nothing left, so nothing may leave afterwards."""
        departed = asyncio.Event()

        class Deaf(httpx.AsyncHTTPTransport):
            async def handle_async_request(self, request):
                trace = request.extensions["trace"]
                try:
                    await trace("connection.connect_tcp.started", {})
                    await asyncio.sleep(10)
                except asyncio.CancelledError:
                    await asyncio.sleep(0.01)
                    try:
                        await trace("http11.send_request_headers.started", {})
                    finally:
                        departed.set()
                return httpx.Response(200)

        wire = HttpxWire(GATEWAY, KEYS, Deaf())
        wire._traced = True
        request = post(within=0.02)
        reply = await wire.send(request)
        assert reply.evidence.not_sent
        await departed.wait()
        assert not request.departure.left
        await wire.aclose()

    async def test_closing_waits_for_what_was_cancelled(self, post):
        closed = []

        class Slow(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request):
                try:
                    await asyncio.sleep(10)
                finally:
                    await asyncio.sleep(0.01)
                    closed.append("exchange")

            async def aclose(self):
                closed.append("transport")

        wire = HttpxWire(GATEWAY, KEYS, Slow())
        assert (await wire.send(post(within=0.01))).evidence.failure == "deadline"
        await wire.aclose()
        await wire.aclose()
        assert closed == ["exchange", "transport"]
        with pytest.raises(ConfigurationError):
            await wire.send(post())
