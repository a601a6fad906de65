from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any

import aiohttp
import httpx
import pytest

from paymentoptions_async.sandbox import NotLoopback, Sandbox, serve, serve_in_thread

PREFIX = "/api/v1/server-to-server-interface"


@pytest.fixture
async def url(sandbox):
    async with serve(sandbox) as url:
        yield url


@pytest.fixture
async def http(url, keys):
    async with httpx.AsyncClient(base_url=url, headers=keys, trust_env=False, timeout=20) as http:
        yield http


def raw(url, keys, content, path=f"{PREFIX}/paymentv2"):
    headers = {**keys, "host": url.removeprefix("http://"), "content-type": "application/json"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}content-length: {len(content)}\r\n\r\n".encode() + content


async def until(happened):
    """Wait for what the server does in its own time; the test fails by itself if it never does."""
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110  the server has no event for tests
            await asyncio.sleep(0.001)


async def exchange(url, request):
    """Send bytes, and return all that comes back until the connection ends; ConnectionResetError if it is reset."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.transport.abort()


async def test_a_payment_over_http(sandbox, http, url, body, inbox):
    paid = await http.post(f"{PREFIX}/paymentv2", json=body())
    status = await http.get(f"{PREFIX}/transaction/status/{paid.json()['transaction_details']['id']}")
    challenge = await http.post(f"{PREFIX}/paymentv2", json=body("challenge"))
    assert (paid.status_code, status.status_code) == (201, 200)
    assert "x-sandbox-cut" not in paid.headers
    assert challenge.json()["redirect_url"].startswith(f"{url}/integration/3ds?")
    back = await http.post(challenge.json()["redirect_url"], data={"answer": "confirm", "code": "123456"})
    assert back.headers["location"] == "http://localhost:8000/success"
    assert len(sandbox.books.charges()) == 2


async def test_a_kept_connection_answers_without_nagles_delay(http, body):
    async def seconds() -> float:
        began = time.perf_counter()
        assert (await http.post(f"{PREFIX}/paymentv2", json=body())).status_code == 201
        return time.perf_counter() - began

    await seconds()  # opens the connection
    for _ in range(200):
        if await seconds() < 0.035:
            return
    pytest.fail("each took 40 ms or more, as with the delay: on a busy machine, one in many takes less without")


async def test_webhooks_and_settlements_go_out_by_themselves(keys, body):
    got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        got.put_nowait(json.loads(await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    hook = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    sandbox = Sandbox()
    async with (
        server,
        serve(sandbox) as url,
        httpx.AsyncClient(base_url=url, headers=keys, trust_env=False) as http,
        asyncio.timeout(20),
    ):
        await http.post(f"{PREFIX}/paymentv2", json=body("pending", return_url={"webhook_url": hook}))
        moved = await http.post("/_sandbox/clock", json={"seconds": 60})
        told = await got.get()
        assert moved.status_code == 200
        assert told["success"] is True
        await http.post(f"{PREFIX}/paymentv2", json=body("declined", return_url={"webhook_url": hook}))
        assert (await got.get())["success"] is False


async def test_a_retry_goes_out_when_the_clock_is_moved_from_outside(sandbox, http, body, inbox):
    inbox.answers = [500]
    await http.post(f"{PREFIX}/paymentv2", json=body())
    await until(lambda: inbox.got and sandbox.webhooks.deliveries[0].state == "waiting")
    sandbox.clock.advance(5)
    await until(lambda: len(inbox.got) == 2)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_reset_is_a_reset(sandbox, url, keys, body, when):
    sandbox.faults.add("paymentv2", "reset", when=when)
    with pytest.raises(ConnectionResetError):
        await exchange(url, raw(url, keys, json.dumps(body()).encode()))
    assert len(sandbox.books.charges()) == (when == "after")


async def test_close_sends_nothing(sandbox, url, keys, body):
    sandbox.faults.add("paymentv2", "close")
    assert await exchange(url, raw(url, keys, json.dumps(body()).encode())) == b""
    assert len(sandbox.books.charges()) == 1


async def test_half_head_ends_within_the_headers(sandbox, url, keys, body):
    sandbox.faults.add("paymentv2", "half_head")
    answer = await exchange(url, raw(url, keys, json.dumps(body()).encode()))
    assert answer.startswith(b"HTTP/1.1 201")
    assert b"\r\n\r\n" not in answer


async def test_half_reply_ends_within_the_body_and_shows_no_mark(sandbox, url, keys, body):
    sandbox.faults.add("paymentv2", "half_reply")
    head, _, content = (await exchange(url, raw(url, keys, json.dumps(body()).encode()))).partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    assert len(content) == length // 2
    assert b"x-sandbox" not in head


async def test_a_hang_answers_nothing_for_as_long_as_the_client_waits(sandbox, url, keys, body):
    sandbox.faults.add("paymentv2", "hang", times=1)
    async with aiohttp.ClientSession(headers=keys) as session:
        with pytest.raises(asyncio.TimeoutError):
            await session.post(f"{url}{PREFIX}/paymentv2", json=body(), timeout=aiohttp.ClientTimeout(total=2))
        async with session.post(f"{url}{PREFIX}/paymentv2", json=body()) as reply:
            assert reply.status == 201
    assert len(sandbox.books.charges()) == 2


async def test_only_the_struck_reply_on_a_connection_is_cut(sandbox, http, body):
    sandbox.faults.add("paymentv2", "half_reply", nth=3)
    statuses = [(await http.post(f"{PREFIX}/paymentv2", json=body())).status_code for _ in range(2)]
    with pytest.raises(httpx.RemoteProtocolError):
        await http.post(f"{PREFIX}/paymentv2", json=body())
    assert (await http.head("/_sandbox/")).status_code == 405
    assert (await http.get("/_sandbox/")).status_code == 200
    assert statuses == [201, 201]


async def test_a_client_that_leaves_after_sending_is_charged_all_the_same(sandbox, url, keys, body):
    _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(raw(url, keys, json.dumps(body()).encode()))
    writer.transport.abort()
    await until(sandbox.books.charges)


async def test_a_client_that_leaves_within_its_request_is_not_charged(sandbox, url, keys, body, caplog):
    _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(raw(url, keys, json.dumps(body()).encode())[:-10])
    await until(lambda: sandbox.requests)
    writer.transport.abort()
    await until(lambda: sandbox.requests[0].message)
    assert sandbox.requests[0].message == "the client left before its request was whole"
    assert sandbox.books.transactions == []
    assert caplog.records == []


async def test_stopping_does_not_wait_for_those_who_hang(sandbox, keys, body):
    sandbox.faults.add("paymentv2", "delay", seconds=3600, when="before")
    sandbox.faults.add("payment", "hang")
    async with asyncio.timeout(20):
        async with serve(sandbox) as url, aiohttp.ClientSession(headers=keys) as session:
            posts = [
                asyncio.ensure_future(session.post(f"{url}{PREFIX}/{path}", json=body()))
                for path in ("payment", "paymentv2")
            ]
            await until(lambda: len(sandbox.faults.fired) == 2)
            for post in posts:
                post.cancel()
            await asyncio.gather(*posts, return_exceptions=True)


async def test_many_at_once(sandbox, http, body):
    replies = await asyncio.gather(
        *(http.post(f"{PREFIX}/paymentv2", json=body(merchant_txn_ref=f"r{one}")) for one in range(60))
    )
    assert {reply.status_code for reply in replies} == {201}
    assert len({charge.merchant_txn_ref for charge in sandbox.books.charges()}) == 60


def test_a_thread_serves_programs_that_are_not_asynchronous(sandbox, keys, body):
    with serve_in_thread(sandbox) as url:
        reply = httpx.post(f"{url}{PREFIX}/paymentv2", json=body(), headers=keys, trust_env=False)
    assert reply.status_code == 201
    with pytest.raises(httpx.ConnectError):
        httpx.get(url, trust_env=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])  # noqa: S104  refused, that is
async def test_it_listens_on_loopback_only(sandbox, host):
    with pytest.raises(NotLoopback, match="loopback only"):
        async with serve(sandbox, host=host):
            pass
    with pytest.raises(NotLoopback), serve_in_thread(sandbox, host=host):
        pass


async def test_a_taken_port_is_said(sandbox):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="address"):
        async with serve(sandbox, port=taken.getsockname()[1]):
            pass


async def test_localhost_is_one_address(sandbox):
    async with serve(sandbox, host="localhost") as url, httpx.AsyncClient(trust_env=False) as http:
        assert url.startswith("http://localhost:")
        assert (await http.get(f"{url}/_sandbox/cards.json")).status_code == 200
