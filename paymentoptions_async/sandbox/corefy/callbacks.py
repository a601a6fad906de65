"""Callbacks: the invoice as it stands, signed, to its callback URL.

Only HTTP 200 takes one off the list. It is tried again after a minute, then two more, then three, up to 100 times.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from paymentoptions_async.sandbox.clock import Clock
from paymentoptions_async.sandbox.faults import FaultPlan, Rule
from paymentoptions_async.sandbox.outbox import GARBAGE, Delivery, Outbox, over_http

from . import resources
from .books import Invoice
from .settings import CorefySettings

DeliverCallback = Callable[[str, bytes, Mapping[str, str]], Awaitable[int]]
"""Send a body with headers to a URL and return the HTTP status; any exception is a failed attempt."""

TAKEN = 200
STRANGERS_SECRET = "sk_test_of-somebody-else"  # noqa: S105  for forged callbacks


class Callbacks(Outbox):
    """Queue callbacks and deliver those that are due. `deliver` replaces HTTP, for tests."""

    plan_name = "corefy_callback"

    def __init__(
        self,
        *,
        clock: Clock,
        settings: CorefySettings,
        plan: FaultPlan,
        deliver: DeliverCallback | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(clock=clock, plan=plan, retries=settings.callback_retries, on_change=on_change)
        self._settings = settings
        self._deliver = deliver or over_http

    def tell(self, invoice: Invoice) -> None:
        """Queue the callback of an invoice's present state, if it names an address for it."""
        if invoice.terms.callback_url:
            body = resources.invoice(invoice)
            self.post(invoice.terms.callback_url, invoice.id, invoice.terms.reference_id, body)

    async def _send(self, delivery: Delivery) -> int:
        return await self._deliver(delivery.url, delivery.body, delivery.headers)

    def _is_taken(self, status: int) -> bool:
        return status == TAKEN

    def _written(self, body: Any, rules: Mapping[str, Rule]) -> tuple[bytes, Mapping[str, str]]:
        content = GARBAGE if "garbage" in rules else resources.written(body).encode()
        headers = {"content-type": "application/json", "user-agent": "Webhook-Client"}
        if "unsigned" in rules:
            return content, headers
        secret = self._settings.test_secret
        if "live_secret" in rules:
            secret = self._settings.live_secret
        if "forged" in rules:
            secret = STRANGERS_SECRET
        return content, {**headers, "x-signature": signature(secret, content)}


def signature(secret: str, body: bytes) -> str:
    """Return the `X-Signature` of a body: base64 of SHA-1 over secret, body and secret."""
    key = secret.encode()
    return base64.b64encode(hashlib.sha1(key + body + key, usedforsecurity=False).digest()).decode()
