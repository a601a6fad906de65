"""Webhooks that wait are taken up until none is left, or none of them can be confirmed."""

from __future__ import annotations

from paymentoptions_async.door import Door


async def take_up_all(client: Door) -> None:
    """Take up page after page, as long as that changes what waits."""
    before: list[str] = []
    while (left := [notice.digest for notice in await client.journal.waiting_notices(client.scope)]) != before:
        before = left
        await client.webhooks.take_up()
        await client.drain()
