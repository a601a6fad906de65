"""What left is known exactly: the gate, cancelling at every step, and kept connections."""

import asyncio
import random

import pytest

from paymentoptions_async.evidence import Left, Stage
from paymentoptions_async.wire.credentials import Credentials
from paymentoptions_async.wire.exchange import Departure
from paymentoptions_async.wire.pool import AiohttpWire

KEYS = Credentials("test-api-key", "test-x-api-key")


async def answering(peer):
    while True:
        await peer.request()
        await peer.answer()


async def steps(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_forbidden_request_never_leaves(wire_to, ask, serve):
    server = await serve(answering)
    request = ask()
    assert request.departure.forbid()
    reply = await wire_to(server.url).send(request)
    assert (reply.evidence.left, reply.evidence.failure) == (Left.NOTHING, "cancelled")
    await server.quiet()
    assert server.received == b""


@pytest.mark.parametrize("kept", [False, True], ids=["fresh", "kept"])
async def test_forbidding_at_any_step_agrees_with_what_the_server_saw(wire_to, ask, serve, kept):
    """At each turn of the loop in turn, whoever waits forbids, cancels, and must then be right about what left."""
    kept_back = left = 0
    for step in range(60):
        server = await serve(answering)
        wire = wire_to(server.url)
        if kept:
            await wire.send(ask())
        before = server.received
        request = ask()
        sending = asyncio.create_task(wire.send(request))
        await steps(step)
        nothing_left = request.departure.forbid()
        sending.cancel()
        await asyncio.wait([sending])
        await wire.aclose()
        await server.quiet()
        if nothing_left:
            kept_back += 1
            assert server.received == before, f"step {step}"
        else:
            left += 1
    assert kept_back
    assert left


async def test_a_deadline_at_any_instant_agrees_with_what_the_server_saw(wire_to, ask, serve):
    chance = random.Random(5)
    said = set()
    for _ in range(40):
        server = await serve(answering)
        wire = wire_to(server.url)
        reply = await wire.send(ask(within=chance.uniform(0, 0.004)))
        await wire.aclose()
        await server.quiet()
        said.add(reply.evidence.left)
        if reply.evidence.not_sent:
            assert server.received == b""
    assert said


async def test_cancelling_raises_cancelled_error_and_frees_the_connection(wire_to, ask, serve):
    async def script(peer):
        await peer.request()
        if len(peer.server.requests) > 1:
            await peer.answer()
        await peer.gone()

    server = await serve(script)
    wire = wire_to(server.url, connections=1)
    sending = asyncio.create_task(wire.send(ask()))
    await server.asked.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert (await wire.send(ask())).status == 200


@pytest.mark.parametrize("latency", [0, 0.002])
async def test_a_burst_of_1200_cancelled_under_contention_leaves_a_wire_that_answers(wire_to, ask, serve, latency):
    """Also when a cancelled one is just connecting, being handed a connection, or giving one back."""

    async def slowly(peer):
        while True:
            await peer.request()
            await asyncio.sleep(latency)
            await peer.answer()

    server = await serve(slowly)
    wire = wire_to(server.url, connections=5)
    chance = random.Random(1093)
    requests = [ask(within=30 if chance.random() < 0.7 else chance.uniform(0, 0.3)) for _ in range(1200)]
    burst = {asyncio.create_task(wire.send(request)): request for request in requests}
    waiting = list(burst)
    while waiting:
        await steps(chance.randrange(4))
        for task in chance.sample(waiting, min(len(waiting), chance.randrange(1, 20))):
            if chance.random() < 0.5:
                burst[task].departure.forbid()
            task.cancel()
        waiting = [task for task in waiting if not task.done()]
    ended = await asyncio.gather(*burst, return_exceptions=True)
    assert sum(isinstance(end, asyncio.CancelledError) for end in ended) > 300
    assert not any(isinstance(end, Exception) for end in ended)
    replies = await asyncio.gather(*(wire.send(ask(within=5)) for _ in range(10)))
    assert [reply.status for reply in replies] == [200] * 10


async def test_no_more_connections_are_open_than_were_asked_for(wire_to, ask, serve):
    open_now = most = 0

    async def script(peer):
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        try:
            await answering(peer)
        finally:
            open_now -= 1

    server = await serve(script)
    wire = wire_to(server.url, connections=3)
    replies = await asyncio.gather(*(wire.send(ask()) for _ in range(50)))
    assert {reply.status for reply in replies} == {200}
    assert most == 3


async def test_questions_do_not_keep_charges_waiting(get, post, serve):
    """Only of the default wire: through an httpx transport both share its pool."""

    async def script(peer):
        if (await peer.request()).startswith(b"POST"):
            await peer.answer()
        await peer.gone()

    server = await serve(script)
    wire = AiohttpWire(server.url, KEYS, connections=1)
    polling = asyncio.create_task(wire.send(get()))
    await server.asked.wait()
    assert (await wire.send(post())).status == 200
    polling.cancel()
    await asyncio.wait([polling])
    await wire.aclose()


class TestKeptConnections:
    """Of the default wire. The age limit is a parameter, so that no test waits 2 seconds."""

    async def test_charges_in_quick_succession_share_a_connection(self, pooled, serve, post):
        server = await serve(answering)
        wire = pooled(server.url)
        await wire.send(post())
        await wire.send(post())
        assert server.connections == 1

    async def test_a_charge_after_the_limit_opens_a_fresh_connection(self, pooled, serve, post):
        server = await serve(answering)
        wire = pooled(server.url, charging_idle=0.02)
        await wire.send(post())
        await asyncio.sleep(0.03)
        await wire.send(post())
        assert server.connections == 2

    async def test_a_server_that_closes_idle_connections_never_makes_an_unknown(self, pooled, serve, post):
        """It closes after 200 ms; the limit is 100 ms. The second charge comes at every age around both."""

        async def script(peer):
            try:
                while True:
                    async with asyncio.timeout(0.2):
                        await peer.request()
                    await peer.answer()
            except TimeoutError:
                peer.close()

        server = await serve(script)

        async def charge_twice(age):
            wire = pooled(server.url, charging_idle=0.1)
            first = await wire.send(post())
            await asyncio.sleep(age)
            return first, await wire.send(post())

        ages = [millis / 1000 for millis in range(0, 300, 10)]
        for age, replies in zip(ages, await asyncio.gather(*map(charge_twice, ages)), strict=True):
            assert [reply.status for reply in replies] == [200, 200], f"{age} s"
        assert len(ages) < server.connections < 2 * len(ages)

    async def test_a_connection_closed_while_idle_is_not_used_even_before_the_loop_has_seen_it(
        self, pooled, serve, post
    ):
        """The server's FIN is in the socket, and the loop has had no turn to read it."""
        peers = []

        async def script(peer):
            peers.append(peer)
            await answering(peer)

        server = await serve(script)
        wire = pooled(server.url)
        for _ in range(3):
            assert (await wire.send(post())).status == 200
            # Closed at the socket, behind asyncio: nothing gives the client's loop a turn before it sends again.
            peers[-1].writer.get_extra_info("socket")._sock.shutdown(2)
        assert len(server.requests) == 3
        assert server.connections == 3

    async def test_a_question_over_a_closed_connection_is_not_sent_again_by_aiohttp(self, pooled, serve, get):
        async def script(peer):
            await peer.request()
            await peer.answer()
            await peer.request()
            peer.close()

        server = await serve(script)
        wire = pooled(server.url)
        assert (await wire.send(get())).status == 200
        reply = await wire.send(get())
        assert (reply.evidence.left, reply.evidence.failure) == (Left.MAYBE, "eof")
        assert len(server.requests) == 2

    async def test_a_server_that_closes_each_fresh_connection_is_not_dialled_until_the_deadline(
        self, pooled, serve, post
    ):
        async def script(peer):
            peer.reset()

        server = await serve(script)
        reply = await pooled(server.url).send(post())
        assert reply.evidence.failure in ("reset", "eof", "connect")
        assert server.connections == 1
        assert reply.evidence.stage in (Stage.CONNECT, Stage.SENDING)


def test_a_departure_decides_once():
    early, late = Departure(), Departure()
    assert early.forbid()
    assert not early.leave()
    assert not early.left
    assert late.leave()
    assert not late.forbid()
    assert late.left
