"""The sandbox's webhooks, delivered when a test says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from paymentoptions_async import JournalUnavailable, PaymentOptions, WebhookRejected
from paymentoptions_async.sandbox import Delivery, Sandbox, to_asgi
from paymentoptions_async.sandbox.webhooks import Deliver, over_http


class Webhooks:
    """Delivers what the sandbox has to tell: to the client's inbox, unless `send_to` names another target.

    Nothing goes out by itself, so a test decides when a webhook comes, and may look at what was before.
    """

    def __init__(self, sandbox: Sandbox, gateway: PaymentOptions, post: Post) -> None:
        self._sandbox = sandbox
        self._gateways = [gateway]
        self._post = post

    def send_to(self, target: PaymentOptions | Callable[..., Awaitable[None]]) -> None:
        """Deliver to another client's inbox, or to an ASGI application, whatever host the webhooks' URLs name."""
        if isinstance(target, PaymentOptions):
            self._gateways.append(target)
        self._post.carry_to(target)

    def send_over_http(self) -> None:
        """Deliver over HTTP to the webhooks' own URLs; set ``public_url`` to where the application listens."""
        self._post.carry_over_http()

    async def deliver(self) -> list[Delivery]:
        """Deliver what is due, and wait until the client has asked the gateway about it; return what was delivered.

        What is due again or later needs ``advance`` on the sandbox first. An exception in the application comes out
        here; a `Delivery` tells in ``attempts`` what it answered.
        """
        tried = {delivery.number: len(delivery.attempts) for delivery in self._deliveries}
        await self._sandbox.flush()
        await self._settled()
        self._post.raise_what_failed()
        return [delivery for delivery in self._deliveries if len(delivery.attempts) > tried.get(delivery.number, 0)]

    async def deliver_again(self, delivery: Delivery | None = None) -> int:
        """Deliver once more what was delivered before, the latest unless named; return the HTTP status answered."""
        if delivery is None:
            delivery = next((one for one in reversed(self._deliveries) if one.attempts), None)
        if delivery is None:
            raise ValueError("nothing was delivered yet: call deliver() first")
        status = await self._post.carry(delivery.url, delivery.body)
        await self._settled()
        return status

    async def _settled(self) -> None:
        for gateway in self._gateways:
            await gateway.drain()

    @property
    def _deliveries(self) -> list[Delivery]:
        return self._sandbox.webhooks.deliveries


class Post:
    """Carries webhooks for a sandbox, as its ``deliver``; over HTTP until it is told where to."""

    def __init__(self) -> None:
        self.carry: Deliver = over_http
        self._failed: list[Exception] = []

    def carry_to(self, target: Any) -> None:
        """Carry to a client's inbox or to an ASGI application, in this process."""
        self.carry = _to_inbox(target) if isinstance(target, PaymentOptions) else to_asgi(target)

    def carry_over_http(self) -> None:
        """Carry to where the URLs say."""
        self.carry = over_http

    async def __call__(self, url: str, body: bytes) -> int:
        """Carry one, and return the HTTP status that it was answered with."""
        try:
            return await self.carry(url, body)
        except Exception as error:
            self._failed.append(error)
            raise

    def raise_what_failed(self) -> None:
        """Raise the first exception since the last time: the sandbox takes them all for failed deliveries."""
        failed, self._failed = self._failed, []
        if failed:
            raise failed[0]


def _to_inbox(gateway: PaymentOptions) -> Deliver:
    """Hand a webhook to a client as a handler would, and answer as a handler would."""

    async def carry(url: str, body: bytes) -> int:
        *_, kind, ref, token = url.split("/")
        if kind != "webhook":
            raise ValueError("the path is not the client's own /webhook/{ref}/{token}: send_to the application instead")
        try:
            await gateway.webhooks.receive(ref, token, headers={"content-type": "application/json"}, body=body)
        except WebhookRejected as rejected:
            return rejected.http_status
        except JournalUnavailable:
            return 503
        return 200

    return carry
