"""What stands in a request's head."""

from __future__ import annotations

import re

import pytest
from yarl import URL

from paymentoptions_async.wire.credentials import Authentication, Credentials
from paymentoptions_async.wire.exchange import Request
from paymentoptions_async.wire.heads import Heads

KEYS = Credentials("test-api-key", "test-x-api-key")


async def test_a_request_without_a_body_names_no_type_of_one(serve, wire_to, post):
    async def script(peer):
        await peer.request()
        await peer.answer()

    server = await serve(script)
    await wire_to(server.url).send(post(body=None))
    [sent] = server.requests
    assert re.search(rb"(?i)\r\ncontent-length: 0\r\n", sent)
    assert b"content-type" not in sent.lower()


async def test_a_body_is_sent_as_json(serve, wire_to, post):
    async def script(peer):
        await peer.request()
        await peer.answer()

    server = await serve(script)
    await wire_to(server.url).send(post())
    assert re.search(rb"(?i)\r\ncontent-type: application/json\r\n", server.requests[0])


async def test_a_question_has_neither_length_nor_type(serve, wire_to, get):
    async def script(peer):
        await peer.request()
        await peer.answer()

    server = await serve(script)
    await wire_to(server.url).send(get())
    assert b"content-" not in server.requests[0].lower()


@pytest.mark.parametrize(
    ("base", "line", "host"),
    [
        ("https://api.example", "GET /x?a=%20 HTTP/1.1", "api.example"),
        ("https://api.example:443/", "GET /x?a=%20 HTTP/1.1", "api.example"),
        ("https://api.example:8443/base/", "GET /base/x?a=%20 HTTP/1.1", "api.example:8443"),
        ("http://[::1]:8080/v 1/\u00fc", "GET /v%201/%C3%BC/x?a=%20 HTTP/1.1", "[::1]:8080"),
        ("https://b\u00fccher.example", "GET /x?a=%20 HTTP/1.1", "xn--bcher-kva.example"),
    ],
)
def test_line_and_host_are_those_of_the_url(base, line, host):
    said = Heads(URL(base), KEYS).with_body(Request("GET", "/x?a=%20", 0.0)).decode().split("\r\n")
    assert said[:2] == [line, f"Host: {host}"]
    assert said[-2:] == ["", ""]


def test_a_request_s_own_authentication_takes_the_place_of_the_wire_s():
    own = Authentication({"Authorization": "Bearer own"})
    heads = Heads(URL("https://api.example"), KEYS)
    said = heads.with_body(Request("POST", "/x", 0.0, b"{}", authentication=own))
    assert said.lower().count(b"\r\nauthorization:") == 1
    assert b"\r\nAuthorization: Bearer own\r\n" in said
    assert b"\r\nx-api-key: test-x-api-key\r\n" in said
    assert b"own" not in heads.with_body(Request("POST", "/x", 0.0, b"{}"))
