"""The bank: the sandbox over HTTP. Its server is started again under way, its books stay, and forgers are about."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import AsyncExitStack
from random import Random
from typing import Any
from uuid import UUID

import aiohttp

from paymentoptions_async.sandbox import CorefySettings, Sandbox, Settings, Transaction, serve
from paymentoptions_async.sandbox.gateway import RequestLine
from tests.chaos import weather
from tests.chaos.marks import (
    API_KEY,
    COREFY_API_KEY,
    COREFY_LIVE_SECRET,
    COREFY_TEST_SECRET,
    NOWHERE,
    X_API_KEY,
)

DELIVERED_WITHIN = 8.0
FORGED = 0.03
RETRIES = (0.2, 0.5, 1.0, 2.0, 4.0)


class Bank:
    """A sandbox that the campaign's workers charge. ``receivers`` are the ports on which workers take webhooks in."""

    def __init__(self, seed: int) -> None:
        self.sandbox = Sandbox(
            seed=seed,
            settings=Settings(
                api_key=API_KEY,
                x_api_key=X_API_KEY,
                webhook_retries=RETRIES,
                corefy=CorefySettings(
                    api_key=COREFY_API_KEY,
                    test_secret=COREFY_TEST_SECRET,
                    live_secret=COREFY_LIVE_SECRET,
                    callback_retries=RETRIES[:4],
                ),
                pay_hosted_page_twice=True,
            ),
            faults=weather.fault_plan(seed),
            deliver=self._deliver,
            deliver_callback=self._deliver_callback,
        )
        self.invoice_requests: deque[RequestLine] = deque()
        """Every request that Corefy got; the sandbox's own list forgets."""
        self.sandbox.corefy.gateway._requests = self.invoice_requests
        self.receivers: dict[int, int] = {}
        self.forged: Counter[str] = Counter()
        self.taken_in: list[str] = []
        """Forgeries without a token of ours that were not refused."""
        self.url = ""
        self._random = Random(f"{seed}:forgers")
        self._server = AsyncExitStack()
        self._restarting = asyncio.Lock()
        self._post: aiohttp.ClientSession | None = None
        self._forging: set[asyncio.Task[None]] = set()
        self._recent: list[str] = []
        self._seen = ""

    async def open(self) -> None:
        """Serve, on the same port as before."""
        port = int(self.url.rpartition(":")[2]) if self.url else 0
        self.url = await self._server.enter_async_context(serve(self.sandbox, port=port))
        self._post = self._post or aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DELIVERED_WITHIN))

    async def restart(self) -> None:
        """Drop every connection, be away for a moment, and serve again."""
        async with self._restarting:
            await self._server.aclose()
            await asyncio.sleep(0.3)
            await self.open()

    async def close(self) -> None:
        """End it; the books can still be read."""
        await self._server.aclose()
        await asyncio.gather(*self._forging, return_exceptions=True)
        if self._post is not None:
            await self._post.close()

    async def quiet(self) -> None:
        """Wait until every webhook is delivered or given up."""
        outboxes = self.sandbox.webhooks, self.sandbox.corefy.callbacks
        while any(outbox._waiting or outbox._running for outbox in outboxes):  # noqa: ASYNC110  it tells nobody
            await asyncio.sleep(0.1)
        await asyncio.gather(*self._forging)

    def forged_as_faults(self) -> Counter[str]:
        """What forgers sent, as the report names it."""
        return self.forged

    async def announce_again(self, transactions: list[Transaction]) -> None:
        """Deliver the webhooks of transactions once more."""
        for transaction in transactions:
            self.sandbox.webhooks.announce(transaction)
        await self.quiet()

    async def _deliver(self, url: str, body: bytes) -> int:
        """Post a webhook to whichever worker takes it, as a load balancer would."""
        if self._random.random() < FORGED:
            forging = asyncio.create_task(self._forge(url, body))
            self._forging.add(forging)
            forging.add_done_callback(self._forging.discard)
        return await self._send(url.removeprefix(NOWHERE), body)

    async def _deliver_callback(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post a callback as a webhook; forgers at times change one that they saw, or send it to another's URL."""
        path = url.removeprefix(NOWHERE)
        if self._random.random() < FORGED:
            forging = asyncio.create_task(self._forge_callback(path, body, headers))
            self._forging.add(forging)
            forging.add_done_callback(self._forging.discard)
        return await self._send(path, body, headers)

    async def _send(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        if not self.receivers:
            raise ConnectionError("nobody takes webhooks")
        assert self._post is not None, "the bank is open"
        port = self._random.choice(list(self.receivers.values()))
        headers = {"content-type": "application/json", **(headers or {})}
        async with self._post.post(f"http://127.0.0.1:{port}/{path.lstrip('/')}", data=body, headers=headers) as answer:
            return answer.status

    async def _forge(self, url: str, body: bytes) -> None:
        """Send what a forger would who knows a webhook, or its URL from a server's log."""
        path = url.removeprefix(NOWHERE)
        kind = self._random.choice(("bad token", "approved", "another's", "other amount", "no JSON", "too long"))
        self.forged[f"webhook: forged, {kind}"] += 1
        try:
            status = await self._send(*_forgery(kind, path, body, self._random, self._recent))
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return
        if kind in ("bad token", "too long") and status not in (404, 413, 503):
            self.taken_in.append(f"a forged webhook ({kind}) was answered {status}")

    async def _forge_callback(self, path: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send what a forger would who saw a callback, but has no secret of ours."""
        kind = self._random.choice(("bad token", "changed", "another's", "too long"))
        self.forged[f"callback: forged, {kind}"] += 1
        seen, self._seen = self._seen, path
        if kind == "changed":
            body = body.replace(b'"process_', b'"processed_') + b" "
        elif kind == "too long":
            body += b" " * 70_000
        path = path[:-3] + "AAA" if kind == "bad token" else seen if kind == "another's" and seen else path
        try:
            status = await self._send(path, body, headers)
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return
        if kind != "another's" and status not in (401, 404, 413, 503):
            self.taken_in.append(f"a forged callback ({kind}) was answered {status}")


def _forgery(kind: str, path: str, body: bytes, random: Random, recent: list[str]) -> tuple[str, bytes]:
    if kind == "bad token":
        return path[:-3] + "AAA", body
    if kind == "too long":
        return path, body + b" " * 70_000
    try:
        told: dict[str, Any] = json.loads(body)
    except ValueError:
        kind = "no JSON"
    if kind == "no JSON":
        return path, b"\xff\xfe<approved/>"
    own = told["transaction_details"]["id"]
    told["success"], told["payment_details"]["response_code"] = True, 0
    if kind == "another's" and recent:
        told["transaction_details"]["id"] = random.choice(recent)
    elif kind == "other amount":
        told["payment_details"]["amount"] = 1
    else:
        told["transaction_details"]["id"] = str(UUID(int=random.getrandbits(128), version=4))
    recent[:] = [*recent[-50:], own]
    return path, json.dumps(told).encode()
