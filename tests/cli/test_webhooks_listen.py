"""`paymentoptions webhooks listen`: what passes through unchanged, what is shown of it, and what is sent again."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from paymentoptions_async.cli import main
from paymentoptions_async.cli.webhooks import listener as module
from paymentoptions_async.cli.webhooks.deliveries import Answer, Delivery, shown
from paymentoptions_async.cli.webhooks.listener import RESEND_HEADER, Listener, NoSuchDelivery

REF = "POABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
TOKEN = "kEy-id-and-22-characters-more"
TARGET = f"/shop/webhook/{REF}/{TOKEN}?a=%20b&c=%2F"
ENVELOPE = {
    "success": True,
    "status_code": 200,
    "transaction_type": "CAPTURE",
    "merchant_details": {"merchant_txn_ref": REF},
    "payment_details": {"amount": 1000, "currency": "JPY", "response_code": 0},
    "transaction_details": {"id": "ab8444e7-fec0-40dd-994d-0ad813785f74", "merchant_txn_ref": REF},
}


@dataclass
class Shop:
    """An application that keeps each request as it came over the wire, and answers with `answer`."""

    got: list[bytes] = field(default_factory=list)
    answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: (\d+)", head)
                self.got.append(head + await reader.readexactly(int(length[1]) if length else 0))
                writer.write(self.answer)
        writer.close()

    def head(self) -> tuple[str, dict[str, str]]:
        line, *fields = self.got[-1].partition(b"\r\n\r\n")[0].decode().split("\r\n")
        return line, {name.lower(): value for name, _, value in (one.partition(": ") for one in fields)}

    def body(self) -> bytes:
        return self.got[-1].partition(b"\r\n\r\n")[2]


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    async with await asyncio.start_server(shop.serve, "127.0.0.1", 0) as server:
        shop.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield shop
        server.close()


class Told:
    """What the terminal is told, and its plain text."""

    def __init__(self) -> None:
        self.calls: list[tuple[Delivery, Answer | None, bool]] = []

    def __call__(self, delivery: Delivery, answer: Answer | None, again: bool) -> None:  # noqa: FBT001
        self.calls.append((delivery, answer, again))

    @property
    def text(self) -> str:
        return "\n".join(shown(delivery, answer, again=again).plain for delivery, answer, again in self.calls)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def listener(shop: Shop, told: Told) -> Listener:
    return Listener(forward_to=shop.url, show=told)


@pytest.fixture
async def gateway(listener: Listener) -> AsyncIterator[httpx.AsyncClient]:
    """Who delivers."""
    async with listener.serve("127.0.0.1", 0) as url, httpx.AsyncClient(base_url=url, trust_env=False) as gateway:
        yield gateway


@contextlib.asynccontextmanager
async def passing_on_to(application: str | None, told: Told) -> AsyncIterator[httpx.AsyncClient]:
    listener = Listener(forward_to=application, show=told)
    async with listener.serve("127.0.0.1", 0) as url, httpx.AsyncClient(base_url=url, trust_env=False) as gateway:
        yield gateway


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
    return port


class TestPassingOn:
    async def test_a_request_arrives_as_it_was_sent(self, gateway, shop):
        body = gzip.compress(json.dumps(ENVELOPE).encode())
        headers = {"content-type": "application/json", "content-encoding": "gzip", "x-own": "yes", "accept": "a/b"}
        await gateway.post(TARGET, content=body, headers={**headers, "connection": "x-hop", "x-hop": "no"})
        line, sent = shop.head()
        assert line == f"POST {TARGET} HTTP/1.1"
        assert shop.body() == body
        assert {name: sent.get(name) for name in headers} == headers
        assert sent["host"] == shop.url.removeprefix("http://")
        assert "x-hop" not in sent
        assert sent["user-agent"].startswith("python-httpx")

    async def test_an_answer_goes_back_as_it_was_given(self, gateway, shop):
        packed = gzip.compress(b"thanks")
        shop.answer = (
            b"HTTP/1.1 303 Over There\r\nlocation: /thanks\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
            b"content-encoding: gzip\r\nkeep-alive: timeout=5\r\ncontent-length: %d\r\n\r\n%b" % (len(packed), packed)
        )
        reply = await gateway.get("/return/success/x/y")
        assert (reply.status_code, reply.reason_phrase, reply.headers["location"]) == (303, "Over There", "/thanks")
        assert reply.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert reply.text == "thanks"
        assert "keep-alive" not in reply.headers
        assert len(shop.got) == 1  # the redirect is the browser's affair

    async def test_a_path_before_the_applications_own_is_kept(self, shop, told):
        async with passing_on_to(f"{shop.url}/mounted/", told) as gateway:
            await gateway.post("/elsewhere.example/x")
        assert shop.head()[0] == "POST /mounted/elsewhere.example/x HTTP/1.1"

    async def test_an_application_that_is_down_is_a_bad_gateway(self, told):
        async with passing_on_to(f"http://127.0.0.1:{closed_port()}", told) as gateway:
            reply = await gateway.post(TARGET)
        assert (reply.status_code, reply.text) == (502, "The application did not answer: nothing listens there.\n")
        assert "no answer (nothing listens there)" in told.text

    async def test_an_application_that_never_answers_is_given_up(self, shop, told, monkeypatch):
        shop.answer = b""
        monkeypatch.setattr(module, "TIMEOUT", 0.05)
        async with passing_on_to(shop.url, told) as gateway:
            assert (await gateway.post("/hook")).status_code == 502
        assert "no answer (it took more than 0.05 s)" in told.text

    async def test_without_an_application_everything_is_taken_and_kept(self, told):
        async with passing_on_to(None, told) as gateway:
            assert (await gateway.post(TARGET, json=ENVELOPE)).status_code == 200
        [(delivery, answer, again)] = told.calls
        assert (delivery.target, answer, again) == (TARGET, None, False)
        assert " kept  POST /shop/webhook/" in told.text

    async def test_it_is_no_proxy_for_other_servers(self, gateway, shop):
        host, port = gateway.base_url.host, gateway.base_url.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET http://elsewhere.example/ HTTP/1.1\r\nhost: elsewhere.example\r\nconnection: close\r\n\r\n")
        assert b" 400 " in (await reader.read()).partition(b"\r\n")[0]
        writer.close()
        assert shop.got == []


class TestShowing:
    async def test_a_delivery_shows_what_came_of_it_and_what_it_says(self, gateway, told):
        await gateway.post(TARGET, json=ENVELOPE)
        lines = told.text.splitlines()
        assert re.fullmatch(
            r"   #1  \d\d:\d\d:\d\d  200 in \d+ ms  POST /shop/webhook/POABCDEFGH…/\*\*\*\?a=%20b&c=%2F", lines[0]
        )
        assert [line.strip() for line in lines[1:]] == [
            "CAPTURE, 1000 JPY, success true, response_code 0 (approved), status_code 200",
            "transaction ab8444e7-fec0-40dd-994d-0ad813785f74",
        ]

    async def test_another_reference_than_the_urls_is_shown(self, gateway, told):
        other = {**ENVELOPE, "merchant_details": {"merchant_txn_ref": "1042"}}
        await gateway.post(TARGET, json=other)
        assert told.text.endswith("transaction ab8444e7-fec0-40dd-994d-0ad813785f74, merchant_txn_ref 1042")

    async def test_a_form_is_read_too(self, gateway, told):
        fields = {"payment_details[response_code]": "51", "transaction_type": "REFUND", "success": "False"}
        await gateway.post("/hook", data=fields)
        assert "REFUND, success false, response_code 51 (declined, insufficient funds)" in told.text

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"\x00\xff{not json", "not readable, 11 bytes"),
            (b"plain text", "not readable, 10 bytes"),
            (b'{"event": "ping"}', "no transaction in it; fields: event"),
            (b'{"payment_details": {"response_code": "?"}}', "response_code ?"),
            (b'{"payment_details": "none", "success": []}', "no transaction in it; fields: payment_details, success"),
        ],
    )
    async def test_whatever_else_comes_is_shown_as_far_as_it_can_be(self, gateway, told, body, said):
        await gateway.post("/hook", content=body)
        assert said in told.text

    @pytest.mark.parametrize(
        "target",
        [
            f"/webhook/{REF}/{TOKEN}",
            f"/return/success/{REF}/{TOKEN}",
            f"/hooks?ref={REF}&token={TOKEN}",
            f"/hooks/{TOKEN}/{REF}",
            f"/webhook%2F{REF}%2F{TOKEN}",
        ],
    )
    async def test_no_token_is_shown_wherever_it_stands(self, gateway, told, target):
        await gateway.post(target)
        assert TOKEN not in told.text
        assert REF not in told.text

    async def test_no_secret_and_nothing_a_terminal_would_obey_is_shown(self, gateway, told):
        body = {
            **ENVELOPE,
            "transaction_type": "\x1b]0;owned\x07\x1b[2J" + "long " * 99,
            "merchant_details": {"merchant_txn_ref": "card 4111 1111 1111 1111"},
        }
        await gateway.post("/hook/\u202e", json=body)
        assert "4111 1111" not in told.text
        assert told.text.replace("\n", "").isprintable()
        assert len(max(told.text.splitlines(), key=len)) < 250


class TestResending:
    async def test_the_same_bytes_go_out_again(self, gateway, listener, shop, told):
        await gateway.post(TARGET, json=ENVELOPE)
        await gateway.post("/other")
        assert (await listener.resend(1)).status == 200
        assert shop.got[2] == shop.got[0]
        assert re.fullmatch(r"   #1  \d\d:\d\d:\d\d  again  200 in \d+ ms  POST .+", told.text.splitlines()[-1])

    async def test_another_terminal_may_ask_for_it(self, gateway, shop):
        await gateway.post(TARGET)
        shop.answer = b"HTTP/1.1 418 No\r\ncontent-length: 0\r\n\r\n"
        reply = await gateway.post("/_paymentoptions/resend/1", headers={RESEND_HEADER: "1"})
        assert reply.json()["status"] == 418
        assert len(shop.got) == 2

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {RESEND_HEADER: "1", "origin": "http://127.0.0.1:3000"},
            {RESEND_HEADER: "1", "host": "tunnel.example"},
            {RESEND_HEADER: "1", "x-forwarded-for": "198.51.100.7"},
        ],
    )
    async def test_pages_and_tunnels_may_not(self, gateway, shop, headers):
        await gateway.post(TARGET)
        reply = await gateway.post("/_paymentoptions/resend/1", headers=headers)
        assert reply.status_code == 403
        assert len(shop.got) == 1

    async def test_what_was_not_delivered_or_is_no_longer_kept_is_named(self, gateway, listener, monkeypatch):
        with pytest.raises(NoSuchDelivery, match="There is no delivery #1; nothing was delivered yet"):
            await listener.resend(1)
        monkeypatch.setattr(module, "KEPT", 2)
        for _ in range(3):
            await gateway.post("/hook")
        with pytest.raises(NoSuchDelivery, match="There is no delivery #1; there are #2 to #3"):
            await listener.resend(1)
        for number in ("1", "many"):
            reply = await gateway.post(f"/_paymentoptions/resend/{number}", headers={RESEND_HEADER: "1"})
            assert reply.status_code == 404

    async def test_without_an_application_there_is_nowhere_to_send_it(self, told):
        listener = Listener(forward_to=None, show=told)
        async with listener.serve("127.0.0.1", 0) as url, httpx.AsyncClient(trust_env=False) as gateway:
            await gateway.post(url)
            with pytest.raises(NoSuchDelivery, match="with --forward-to"):
                await listener.resend(1)


class TestTheCommand:
    def run(self, *arguments: str):
        return CliRunner().invoke(main, ["webhooks", *arguments])

    @pytest.mark.parametrize("host", ["0.0.0.0", "example.com"])  # noqa: S104  refused, that is
    def test_it_listens_on_loopback_only(self, host):
        result = self.run("listen", "--port", "0", "--host", host)
        assert result.exit_code == 2
        assert "it listens on loopback only" in result.output

    @pytest.mark.parametrize("url", ["http://example.com", "http://10.0.0.1:80", "127.0.0.1:80", "http://localhost/?x"])
    def test_it_passes_on_to_loopback_only(self, url):
        result = self.run("listen", "--port", "0", "--forward-to", url)
        assert result.exit_code == 2
        assert "needs a URL on loopback without a query" in result.output

    def test_it_does_not_pass_on_to_itself(self):
        port = str(closed_port())
        result = self.run("listen", "--port", port, "--forward-to", f"http://localhost:{port}/")
        assert result.exit_code == 2
        assert "it would pass on to itself" in result.output

    def test_it_says_when_the_port_is_taken(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            result = self.run("listen", "--port", str(port))
        assert result.exit_code == 2
        assert f"can't listen on 127.0.0.1:{port}: Address already in use" in result.output

    def test_resend_says_when_nobody_listens(self):
        result = self.run("resend", "1", "--port", str(closed_port()))
        assert result.exit_code == 2
        assert "No `paymentoptions webhooks listen` on port" in result.output

    async def test_resend_tells_a_listener_from_another_server(self, shop):
        shop.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n[{}]"
        result = await asyncio.to_thread(self.run, "resend", "1", "--port", shop.url.rpartition(":")[2])
        assert result.exit_code == 2
        assert "is no `paymentoptions webhooks listen`" in result.output

    async def test_resend_says_what_the_application_answered(self, gateway, shop):
        await gateway.post("/hook")
        resend = ("resend", "1", "--port", str(gateway.base_url.port))
        result = await asyncio.to_thread(self.run, *resend)
        assert (result.exit_code, result.output[:17]) == (0, "#1 again: 200 in ")
        shop.answer = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
        result = await asyncio.to_thread(self.run, *resend)
        assert (result.exit_code, result.output[:17]) == (1, "#1 again: 500 in ")
        result = await asyncio.to_thread(self.run, "resend", "7", *resend[2:])
        assert (result.exit_code, result.output) == (2, "Error: There is no delivery #7; there are #1 to #1.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such terminals")
async def test_in_a_terminal_a_number_and_enter_send_it_again(shop):
    """As a person sees it, from the first line to Ctrl-C."""
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from paymentoptions_async.cli import main; main()"]
    arguments = ["webhooks", "listen", "--port", "0", "--forward-to", shop.url]
    environment = {**os.environ, "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(  # noqa: ASYNC220  returns at once
        [*command, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True
    )
    os.close(theirs)
    terminal = Terminal(ours)
    try:
        [url] = re.findall(r"PUBLIC_URL=(http://127\.0\.0\.1:\d+)", await terminal.until("To send one again"))
        async with httpx.AsyncClient(base_url=url, trust_env=False) as gateway:
            await gateway.post(TARGET, json=ENVELOPE)
        await terminal.until("transaction ab8444e7-fec0-40dd-994d-0ad813785f74")
        os.write(ours, b"1\n")
        await terminal.until("again  200 in")
        os.write(ours, b"2\n")
        await terminal.until("There is no delivery #2; there are #1 to #1.")
        os.write(ours, b"first\n")
        await terminal.until("Type the number of a delivery")
        process.send_signal(signal.SIGINT)
        seen = await terminal.until("Stopped.")
        assert await asyncio.to_thread(process.wait, 10) == 0
    finally:
        process.kill()
        process.wait()
        terminal.close()
    assert len(shop.got) == 2
    assert "its number and Enter, or paymentoptions webhooks resend NUMBER" in seen
    assert TOKEN not in seen


class Terminal:
    """What a person has seen so far."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._seen = ""
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            self._seen += os.read(self._fd, 65536).decode(errors="replace")
        except OSError:  # the other end is closed
            asyncio.get_running_loop().remove_reader(self._fd)
        self._news.set()

    async def until(self, text: str) -> str:
        async with asyncio.timeout(30):
            while text not in self._seen:
                self._news.clear()
                await self._news.wait()
        return self._seen

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)
        os.close(self._fd)


def test_help_lists_what_there_is():
    output = CliRunner().invoke(main, ["webhooks", "--help"]).output
    assert {"listen", "resend", "send"} <= set(output.split())


def test_nothing_is_loaded_for_help_alone():
    code = (
        "import sys; from click.testing import CliRunner; from paymentoptions_async.cli import main;"
        "out = CliRunner().invoke(main, ['--help']).output;"
        "assert 'Watch webhooks' in out, out; assert not {'aiohttp', 'httpx', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
