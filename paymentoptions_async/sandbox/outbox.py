"""What is told to a merchant: queued, sent when it is due, tried again, spoiled by the fault plan, and kept.

Only loopback addresses are called. What a message says, and which answer takes it off the list, each gateway decides.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, Protocol
from urllib.parse import urlsplit

import httpx

from . import faults
from .clock import Clock
from .faults import FaultPlan, Rule

ATTEMPT_SECONDS = 10.0
HELD_SECONDS = 60.0  # what was held back for the next message goes out alone when none comes
GARBAGE = b"\x00\xff{not json"


@dataclass(frozen=True)
class Attempt:
    """One try: the HTTP status that came back, or what went wrong."""

    at: datetime
    status: int | None
    error: str | None


@dataclass
class Delivery:
    """One message on its way. `due` is None when it is not to be tried (again).

    A Corefy callback has the invoice's id for `transaction_id` and its `reference_id` for `merchant_txn_ref`.
    """

    number: int
    url: str
    transaction_id: str
    merchant_txn_ref: str | None
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    due: datetime | None = None
    state: Literal["waiting", "sending", "delivered", "given up", "refused", "dropped"] = "waiting"
    note: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    releases: Delivery | None = None


class Outbox(ABC):
    """Queue messages and send those that are due.

    `retries` are the seconds between one failed attempt and the next. `on_change` is called whenever something may
    have become due.
    """

    plan_name: ClassVar[str]  # what the rules of a fault plan call these messages

    def __init__(
        self,
        *,
        clock: Clock,
        plan: FaultPlan,
        retries: tuple[float, ...],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._plan = plan
        self._retries = retries
        self._on_change = on_change
        self._held: Delivery | None = None
        self._merging: dict[str, Delivery] = {}
        self._waiting: dict[int, Delivery] = {}
        self._running: set[asyncio.Task[None]] = set()
        self.deliveries: list[Delivery] = []

    @abstractmethod
    async def _send(self, delivery: Delivery) -> int:
        """Send it once and return the HTTP status; any exception is a failed attempt."""

    @abstractmethod
    def _is_taken(self, status: int) -> bool:
        """Tell whether an answer with this HTTP status takes a message off the list."""

    @abstractmethod
    def _written(self, body: Any, rules: Mapping[str, Rule]) -> tuple[bytes, Mapping[str, str]]:
        """Return the bytes and headers of a message, spoiled by those of `rules` that are about them."""

    def post(self, url: str, transaction_id: str, merchant_txn_ref: str | None, body: Any) -> None:
        """Queue one message: the JSON-like `body`, about a transaction, for `url`."""
        rules = {rule.fault: rule for rule in self._plan.draw(self.plan_name)} if is_loopback(url) else {}
        if rule := rules.get("change"):
            body = faults.changed(body, rule.set)
        content, headers = self._written(body, rules)
        wait = rules["late"].seconds if "late" in rules else 0.0

        def queue(state: Literal["waiting", "refused", "dropped"], note: str) -> Delivery:
            delivery = Delivery(
                number=len(self.deliveries) + 1,
                url=url,
                transaction_id=transaction_id,
                merchant_txn_ref=merchant_txn_ref,
                body=content,
                headers=headers,
                state=state,
                note=note,
            )
            self.deliveries.append(delivery)
            if state == "waiting":
                self._wait(delivery, wait)
            return delivery

        if not is_loopback(url):
            queue("refused", "not a loopback address")
            return
        if "missing" in rules:
            queue("dropped", ", ".join(rules))
            return
        for _ in range(1 + (rules["duplicate"].copies if "duplicate" in rules else 0)):
            delivery = queue("waiting", ", ".join(rules))
        self._merge(delivery, rules)
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
                status = await self._send(delivery)
        except asyncio.CancelledError:
            self._wait(delivery, 0)
            raise
        except Exception as problem:  # noqa: BLE001  whatever a receiver does to us is an entry in the list, and tried again
            error = type(problem).__name__
        delivery.attempts.append(Attempt(self._clock.now(), status, error))
        if status is not None and self._is_taken(status):
            delivery.state = "delivered"
        elif len(delivery.attempts) > len(self._retries):
            delivery.state = "given up"
        else:
            self._wait(delivery, self._retries[len(delivery.attempts) - 1])
        held, delivery.releases = delivery.releases, None
        if held is not None and held.number in self._waiting:
            self._wait(held, 0)
        self._on_change()

    def _merge(self, delivery: Delivery, rules: Mapping[str, Rule]) -> None:
        """Drop what was held back to be merged into this message, and hold this one back if the plan says so."""
        earlier = self._merging.pop(delivery.transaction_id, None)
        if earlier is not None and not earlier.attempts and self._waiting.pop(earlier.number, None) is not None:
            earlier.state, earlier.due, earlier.note = "dropped", None, "merged into the next one"
        if "batch" in rules:
            self._wait(delivery, HELD_SECONDS)
            self._merging[delivery.transaction_id] = delivery

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


async def over_http(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
    """Deliver by HTTP, following no redirect, using no proxy, and trusting any certificate: all stays on loopback."""
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=ATTEMPT_SECONDS) as client:  # noqa: S501
        return (await client.post(url, content=body, headers=_with_type(headers))).status_code


class Receiver(Protocol):
    """What takes a webhook, which has no headers of its own, and a callback, which has."""

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        """Take a message and return the HTTP status."""


def to_asgi(app: Any) -> Receiver:
    """Return a receiver that calls an ASGI application in this process, whatever host the URL names."""

    async def deliver(url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            return (await client.post(url, content=body, headers=_with_type(headers))).status_code

    return deliver


def _with_type(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {"content-type": "application/json", **(headers or {})}
