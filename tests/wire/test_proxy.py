"""Through an HTTP proxy: its CONNECT is no byte of the request."""

import asyncio
import ssl

import pytest
import trustme

from paymentoptions_async.evidence import Left, Stage


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
async def gateway(serve, authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    async def answering(peer):
        while True:
            await peer.request()
            await peer.answer()

    return await serve(answering, context)


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def proxy(serve, gateway):
    async def tunnel(peer):
        connect = await peer.request()
        assert connect.startswith(b"CONNECT localhost:")
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\n")

        async def carry(source, target):
            while data := await source.read(65536):
                target.write(data)
            target.close()

        try:
            await asyncio.gather(carry(peer.reader, writer), carry(reader, peer.writer))
        finally:
            writer.close()

    return await serve(tunnel)


async def test_a_request_goes_through_the_tunnel_and_not_to_the_proxy(wire_to, ask, gateway, trusting, proxy):
    wire = wire_to(gateway.url, proxy=proxy.url, ssl_context=trusting)
    reply = await wire.send(ask())
    assert (reply.status, reply.evidence.failure) == (200, None)
    assert len(gateway.requests) == 1
    assert b"x-api-key" not in proxy.received.lower()
    assert b"authorization" not in proxy.received.lower()
    assert b"dGVzdC1hcGkta2V5Og" not in proxy.received
    await wire.aclose()


async def test_tunnels_are_kept_and_new_ones_opened_where_they_are_needed(wire_to, ask, gateway, trusting, proxy):
    wire = wire_to(gateway.url, proxy=proxy.url, ssl_context=trusting)
    await wire.send(ask())
    assert (await wire.send(ask())).evidence.failure is None
    assert (proxy.connections, len(gateway.requests)) == (1, 2)
    replies = await asyncio.gather(*(wire.send(ask()) for _ in range(5)))
    assert [(reply.status, reply.evidence.failure) for reply in replies] == [(200, None)] * 5
    assert proxy.connections == 5
    await wire.aclose()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 502 No\r\n\r\n", b"what\r\n\r\n", b""]
)
async def test_a_proxy_that_refuses_lets_nothing_leave(wire_to, post, serve, trusting, answer):
    async def refuse(peer):
        await peer.request()
        await peer.send(answer)
        peer.close()

    proxy = await serve(refuse)
    reply = await wire_to("https://localhost:9", proxy=proxy.url, ssl_context=trusting).send(post())
    assert (reply.evidence.left, reply.evidence.stage, reply.status) == (Left.NOTHING, Stage.CONNECT, None)
    assert b"amount" not in proxy.received


async def test_a_proxy_that_hangs_lets_nothing_leave(wire_to, ask, serve, gateway, trusting):
    async def hang(peer):
        await peer.request()
        await peer.gone()

    proxy = await serve(hang)
    reply = await wire_to(gateway.url, proxy=proxy.url, ssl_context=trusting).send(ask(within=1))
    assert (reply.evidence.left, reply.evidence.failure) == (Left.NOTHING, "deadline")
    assert len(proxy.requests) == 1


async def test_a_proxy_that_is_down_lets_nothing_leave(wire_to, ask, gateway, trusting):
    reply = await wire_to(gateway.url, proxy="http://127.0.0.1:9", ssl_context=trusting).send(ask())
    assert (reply.evidence.left, reply.evidence.stage) == (Left.NOTHING, Stage.CONNECT)
