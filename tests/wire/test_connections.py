"""What becomes of a connection after an exchange, and what of bytes that nobody asked for."""

import asyncio

import aiohttp
import pytest

from paymentoptions_async.evidence import Left, Stage
from paymentoptions_async.wire.credentials import Credentials

KEYS = Credentials("test-api-key", "test-x-api-key")
LARGE = b" " * 8_000_000
"""More than both sockets take in while nobody reads."""


async def answering(peer):
    while True:
        await peer.request()
        await peer.answer()


async def turns():
    """Let the loop, which is the server's as well, read what was sent."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_connection_is_kept_after_a_whole_answer(wire_to, ask, serve):
    server = await serve(answering)
    wire = wire_to(server.url)
    for _ in range(3):
        assert (await wire.send(ask())).status == 200
    assert server.connections == 1


async def test_a_connection_that_the_answer_closes_is_not_used_again(wire_to, ask, serve):
    async def script(peer):
        await peer.request()
        await peer.answer(headers="Connection: close\r\n")
        await peer.gone()

    server = await serve(script)
    wire = wire_to(server.url)
    for _ in range(2):
        assert (await wire.send(ask())).evidence.failure is None
    await server.quiet()
    assert server.connections == 2


async def test_a_connection_that_was_closed_while_idle_is_not_used_again(wire_to, ask, serve):
    async def script(peer):
        await peer.request()
        await peer.answer()
        peer.close()

    server = await serve(script)
    wire = wire_to(server.url)
    for _ in range(2):
        assert (await wire.send(ask())).evidence.failure is None
        await server.quiet()
        await turns()
    assert server.connections == 2


async def test_an_answer_without_a_length_ends_with_its_connection(wire_to, ask, serve):
    async def script(peer):
        await peer.request()
        await peer.send(b'HTTP/1.0 200 OK\r\n\r\n{"a":')
        await turns()
        await peer.send(b"1}")
        peer.close()

    server = await serve(script)
    reply = await wire_to(server.url).send(ask())
    assert (reply.body, reply.evidence.failure, reply.evidence.stage) == (b'{"a":1}', None, Stage.DONE)


async def test_a_head_that_arrives_in_single_bytes_is_read(wire_to, ask, serve):
    async def script(peer):
        await peer.request()
        for byte in b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}':
            await peer.send(bytes([byte]))
            await asyncio.sleep(0)
        await peer.gone()

    server = await serve(script)
    reply = await wire_to(server.url).send(ask())
    assert (reply.body, reply.evidence.failure, reply.evidence.stage) == (b'{"a":1}', None, Stage.DONE)


async def test_a_second_answer_is_nobody_s(pooled, ask, serve):
    """It arrives with the first, and the next request gets a connection and an answer of its own."""

    async def script(peer):
        await peer.request()
        number = len(peer.server.requests)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number * 2)
        await peer.gone()

    server = await serve(script)
    wire = pooled(server.url)
    assert [(await wire.send(ask())).body for _ in range(2)] == [b"1", b"2"]
    assert server.connections == 2


async def test_an_answer_that_comes_unasked_is_not_taken_for_the_next(pooled, ask, serve):
    taken, told = asyncio.Event(), asyncio.Event()

    async def script(peer):
        await peer.request()
        await peer.answer(body=b"asked")
        if len(peer.server.requests) == 1:
            await taken.wait()
            await peer.send(b"HTTP/1.1 408 X\r\nContent-Length: 7\r\n\r\nunasked")
            told.set()
        await peer.gone()

    server = await serve(script)
    wire = pooled(server.url)
    assert (await wire.send(ask())).body == b"asked"
    taken.set()
    await told.wait()
    await turns()
    reply = await wire.send(ask())
    assert (reply.status, reply.body) == (200, b"asked")
    assert server.connections == 2


@pytest.fixture
def meanwhile(monkeypatch):
    """Let something happen between connecting and sending."""

    def install(happen):
        connecting = aiohttp.TCPConnector.connect

        async def connect(*args, **more):
            connection = await connecting(*args, **more)
            await happen(connection)
            return connection

        monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect)

    return install


async def test_to_a_server_that_speaks_first_nothing_leaves(pooled, ask, serve, meanwhile):
    async def script(peer):
        await peer.send(b"SSH-2.0-OpenSSH_9.6\r\n")
        await peer.gone()

    server = await serve(script)
    wire = pooled(server.url)
    meanwhile(lambda connection: turns())
    assert told(await wire.send(ask())) == (Left.NOTHING, Stage.CONNECT, "connect")
    await server.quiet()
    assert (server.connections, server.received) == (1, b"")


async def test_to_a_connection_that_is_closing_nothing_is_written(pooled, ask, serve, meanwhile):
    async def closing(connection):
        connection.transport.close()

    server = await serve(answering)
    wire = pooled(server.url)
    meanwhile(closing)
    assert told(await wire.send(ask())) == (Left.NOTHING, Stage.CONNECT, "connect")
    await server.quiet()
    assert (server.connections, server.received) == (1, b"")


def told(reply):
    return reply.evidence.left, reply.evidence.stage, reply.evidence.failure


async def test_a_large_body_arrives_whole(wire_to, post, serve):
    body = bytes(range(256)) * 20_000

    server = await serve(answering)
    wire = wire_to(server.url)
    for _ in range(2):
        assert (await wire.send(post(body=body))).evidence.failure is None
    assert [request.partition(b"\r\n\r\n")[2] == body for request in server.requests] == [True, True]


@pytest.mark.parametrize("end", ["deadline", "cancelled"])
async def test_what_was_not_written_by_the_end_does_not_leave_later(pooled, post, serve, end):
    over = asyncio.Event()

    async def script(peer):
        peer.server.received += await peer.reader.readexactly(10)
        peer.server.asked.set()
        await over.wait()
        await peer.gone()

    server = await serve(script)
    wire = pooled(server.url)
    sending = asyncio.create_task(wire.send(post(within=1 if end == "deadline" else 5, body=LARGE)))
    await server.asked.wait()
    if end == "cancelled":
        sending.cancel()
    await asyncio.wait([sending])
    over.set()
    await server.quiet()
    assert 10 <= len(server.received) < len(LARGE)


async def test_a_connection_whose_request_was_not_taken_whole_is_not_used_again(pooled, post, serve):
    async def script(peer):
        peer.server.received += await peer.reader.readexactly(10)
        await peer.answer()
        await peer.gone()

    server = await serve(script)
    wire = pooled(server.url)
    assert (await wire.send(post(body=LARGE))).evidence.failure is None
    assert (await wire.send(post())).evidence.failure is None
    await server.quiet()
    assert server.connections == 2


async def test_a_request_that_waits_while_the_wire_closes_does_not_leave(pooled, ask, serve):
    async def script(peer):
        await peer.request()
        await peer.gone()

    server = await serve(script)
    wire = pooled(server.url, connections=1)
    first = asyncio.create_task(wire.send(ask()))
    await server.asked.wait()
    waiting = asyncio.create_task(wire.send(ask()))
    await turns()
    await wire.aclose()
    assert (await first).evidence.left is Left.MAYBE
    assert (await waiting).evidence.left is Left.NOTHING
    await server.quiet()
    assert len(server.requests) == 1
