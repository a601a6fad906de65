"""Webhooks of the first gateway: what is told to the merchant of a transaction.

The vendor documents neither retries nor the wanted answer; here any 2xx takes a webhook off the list, and everything
else is tried again after the pauses of the settings.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from . import replies
from .books import Transaction
from .clock import Clock
from .faults import FaultPlan, Rule
from .outbox import GARBAGE, Attempt, Delivery, Outbox, is_loopback, over_http, to_asgi
from .settings import Settings

__all__ = ["Attempt", "Deliver", "Delivery", "Webhooks", "is_loopback", "over_http", "to_asgi"]

Deliver = Callable[[str, bytes], Awaitable[int]]
"""Send a body to a URL and return the HTTP status; any exception is a failed attempt."""


class Webhooks(Outbox):
    """Queue webhooks and deliver those that are due. `deliver` replaces HTTP, for tests (see `to_asgi`)."""

    plan_name = "webhook"

    def __init__(
        self,
        *,
        clock: Clock,
        settings: Settings,
        plan: FaultPlan,
        deliver: Deliver | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(clock=clock, plan=plan, retries=settings.webhook_retries, on_change=on_change)
        self._settings = settings
        self._deliver = deliver or over_http

    def announce(self, transaction: Transaction) -> None:
        """Queue the webhook of a transaction's present state, if its request named an address for it."""
        url = transaction.order.urls.get("webhook_url")
        if not url or (transaction.parent_id and not self._settings.operation_webhooks):
            return
        body = replies.webhook(transaction, self._settings)
        self.post(url, transaction.id, transaction.merchant_txn_ref, body)

    async def _send(self, delivery: Delivery) -> int:
        return await self._deliver(delivery.url, delivery.body)

    def _is_taken(self, status: int) -> bool:
        return status in range(200, 300)

    def _written(self, body: Any, rules: Mapping[str, Rule]) -> tuple[bytes, Mapping[str, str]]:
        return GARBAGE if "garbage" in rules else replies.dumps(body).encode(), {}
