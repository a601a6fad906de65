"""What stands in a request's head."""

from __future__ import annotations

import re


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
