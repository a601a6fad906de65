"""Webhooks: what is told to the merchant, when it is tried again, and every attempt.

The vendor documents neither retries nor the wanted answer; here any 2xx takes a webhook off the list, and everything
else is tried again after the pauses of the settings. Only loopback addresses are called.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from . import faults, replies
from .books import Transaction
from .clock import Clock
from .faults import FaultPlan
from .settings import Settings

Deliver = Callable[[str, bytes], Awaitable[int]]
"""Send a body to a URL and return the HTTP status; any exception is a failed attempt."""

ATTEMPT_SECONDS = 10.0
HELD_SECONDS = 60.0  # what was held back for the next webhook goes out alone when none comes


@dataclass(frozen=True)
class Attempt:
    """One try: the HTTP status that came back, or what went wrong."""

    at: datetime
    status: int | None
    error: str | None


@dataclass
class Delivery:
    """One webhook on its way. `due` is None when it is not to be tried (again)."""

    number: int
    url: str
    transaction_id: str
    merchant_txn_ref: str | None
    body: bytes
    due: datetime | None = None
    state: Literal["waiting", "sending", "delivered", "given up", "refused", "dropped"] = "waiting"
    note: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    releases: Delivery | None = None


class Webhooks:
    """Queue webhooks and deliver those that are due.

    `deliver` replaces HTTP, for tests (see `to_asgi`). `on_change` is called whenever something may have become due.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        plan: FaultPlan,
        deliver: Deliver | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._plan = plan
        self._deliver = deliver or over_http
        self._on_change = on_change
        self._held: Delivery | None = None
        self._waiting: dict[int, Delivery] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.deliveries: list[Delivery] = []

    def announce(self, transaction: Transaction) -> None:
        """Queue the webhook of a transaction's present state, if its request named an address for it."""
        url = transaction.order.urls.get("webhook_url")
        if not url or (transaction.parent_id and not self._settings.operation_webhooks):
            return
        body: Any = replies.webhook(transaction, self._settings)
        if not is_loopback(url):
            self._queue(url, transaction, replies.dumps(body).encode(), state="refused", note="not a loopback address")
            return
        rules = {rule.fault: rule for rule in self._plan.draw("webhook")}
        if rule := rules.get("change"):
            body = faults.changed(body, rule.set)
        content = b"\x00\xff{not json" if "garbage" in rules else replies.dumps(body).encode()
        note = ", ".join(rules)
        if "missing" in rules:
            self._queue(url, transaction, content, state="dropped", note=note)
            return
        wait = rules["late"].seconds if "late" in rules else 0.0
        for _ in range(1 + (rules["duplicate"].copies if "duplicate" in rules else 0)):
            delivery = self._queue(url, transaction, content, note=note, wait=wait)
        if "reorder" in rules and self._held is None:
            self._wait(delivery, HELD_SECONDS)
            self._held = delivery
        elif self._held is not None:
            delivery.releases, self._held = self._held, None
        self._on_change()

    def next_due(self) -> datetime | None:
        """Return when the next attempt is to be made."""
        return min((one.due for one in self._waiting.values() if one.due is not None), default=None)

    def start_due(self) -> None:
        """Start an attempt for every delivery that is due, in the order of the queue."""
        now = self._clock.now()
        due = sorted(number for number, one in self._waiting.items() if one.due is not None and one.due <= now)
        for delivery in [self._waiting.pop(number) for number in due]:
            delivery.due, delivery.state = None, "sending"
            if delivery is self._held:
                self._held = None
            task = asyncio.create_task(self._attempt(delivery))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def flush(self) -> None:
        """Deliver whatever is due now, and what becomes due by that."""
        here = asyncio.get_running_loop()
        self.start_due()
        while tasks := [task for task in self._running if task.get_loop() is here]:
            await asyncio.wait(tasks)
            self.start_due()

    def stop(self) -> None:
        """Cancel the attempts that are being made, in whatever loop; they count as not made."""
        for task in list(self._running):
            with contextlib.suppress(RuntimeError):  # a closed loop runs nothing any more
                task.get_loop().call_soon_threadsafe(task.cancel)

    async def _attempt(self, delivery: Delivery) -> None:
        status, error = None, None
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                status = await self._deliver(delivery.url, delivery.body)
        except asyncio.CancelledError:
            self._wait(delivery, 0)
            raise
        except Exception as problem:  # noqa: BLE001  whatever a receiver does to us is an entry in the list, and tried again
            error = type(problem).__name__
        delivery.attempts.append(Attempt(self._clock.now(), status, error))
        if status in range(200, 300):
            delivery.state = "delivered"
        elif len(delivery.attempts) > len(self._settings.webhook_retries):
            delivery.state = "given up"
        else:
            pause = self._settings.webhook_retries[len(delivery.attempts) - 1]
            self._wait(delivery, pause)
        held, delivery.releases = delivery.releases, None
        if held is not None and held.number in self._waiting:
            self._wait(held, 0)
        self._on_change()

    def _queue(
        self,
        url: str,
        transaction: Transaction,
        body: bytes,
        *,
        state: Literal["waiting", "refused", "dropped"] = "waiting",
        note: str = "",
        wait: float = 0.0,
    ) -> Delivery:
        delivery = Delivery(
            number=len(self.deliveries) + 1,
            url=url,
            transaction_id=transaction.id,
            merchant_txn_ref=transaction.merchant_txn_ref,
            body=body,
            state=state,
            note=note,
        )
        self.deliveries.append(delivery)
        if state == "waiting":
            self._wait(delivery, wait)
        return delivery

    def _wait(self, delivery: Delivery, seconds: float) -> None:
        delivery.state, delivery.due = "waiting", self._clock.now() + timedelta(seconds=seconds)
        self._waiting[delivery.number] = delivery


def is_loopback(url: str) -> bool:
    """Tell whether an http(s) URL names this very machine: `localhost` or a loopback address, written out."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https"):
            return False
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def over_http(url: str, body: bytes) -> int:
    """Deliver by HTTP, following no redirect, using no proxy, and trusting any certificate: all stays on loopback."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=ATTEMPT_SECONDS) as client:  # noqa: S501
        return (await client.post(url, content=body, headers={"content-type": "application/json"})).status_code


def to_asgi(app: Any) -> Deliver:
    """Return a `Deliver` that calls an ASGI application in this process, whatever host the URL names."""

    async def deliver(url: str, body: bytes) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return (await client.post(url, content=body, headers={"content-type": "application/json"})).status_code

    return deliver
