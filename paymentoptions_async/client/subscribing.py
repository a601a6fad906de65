"""Subscriptions: a card that is charged again and again until someone stops it."""

from __future__ import annotations

import asyncio

from paymentoptions_async import policy, requests
from paymentoptions_async.client.charging import Charging
from paymentoptions_async.discreet import discreet
from paymentoptions_async.door import check_amount
from paymentoptions_async.errors import GatewayUnavailable, InvalidValue, NotSent
from paymentoptions_async.flow import refused
from paymentoptions_async.payment import Operation, Payment
from paymentoptions_async.subscription import Subscription, SubscriptionStatus, read_subscriptions
from paymentoptions_async.values import Address, BrowserInfo, Card, Money, ReturnUrls, SubscriptionPlan
from paymentoptions_async.wire.exchange import Reply, Request


class Subscribing(Charging):
    """Starting, reading, pausing, resuming and cancelling subscriptions."""

    @discreet
    async def subscribe(
        self,
        amount: Money,
        *,
        plan: SubscriptionPlan,
        card: Card,
        billing_address: Address,
        customer_ip: str,
        idempotency_key: str,
        order: str | None = None,
        shipping_address: Address | None = None,
        browser_info: BrowserInfo | None = None,
        return_urls: ReturnUrls | None = None,
        without_webhook: bool = False,
        time_zone: str | None = None,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Start a subscription. The payment returned is its first charge; ``subscription_id`` names the subscription.

        Where the gateway's answer holds the id is inferred; if it is None, `subscriptions` lists it with our
        reference at the end of its description. An unknown outcome here may go on billing: resolve it first.
        Arguments and exceptions are those of `purchase`.
        """
        if not isinstance(plan, SubscriptionPlan):
            raise InvalidValue(f"plan: needs a SubscriptionPlan, got {type(plan).__name__}", field="plan")
        check_amount(amount)
        return await self._charge(
            Operation.SUBSCRIBE,
            requests.SUBSCRIBE,
            amount,
            timeout=timeout,
            has_3d_secure=False,
            attempt={"idempotency_key": idempotency_key, "order": order},
            urls={"given": return_urls, "without_webhook": without_webhook},
            currency=amount.currency if plan.first_differs else None,
            card=card,
            plan=plan,
            billing_address=billing_address,
            customer_ip=customer_ip,
            shipping_address=shipping_address,
            browser_info=browser_info,
            time_zone=time_zone,
        )

    @discreet
    async def subscriptions(self, *, timeout: float = policy.GET_TIMEOUT) -> tuple[Subscription, ...]:
        """List the merchant's subscriptions. Raises `GatewayUnavailable`, `AuthenticationFailed` or `RateLimited`."""
        self._check_usable()
        return self._read(await self._flow.ask(requests.SUBSCRIPTIONS, _deadline(timeout)))

    @discreet
    async def subscription(self, subscription_id: str, *, timeout: float = policy.GET_TIMEOUT) -> Subscription:
        """Read one subscription. `InvalidRequest` where the gateway does not know it; else as `subscriptions`."""
        self._check_usable()
        reply = await self._flow.ask(requests.subscription_path(subscription_id), _deadline(timeout))
        return self._one(reply, subscription_id)

    @discreet
    async def pause_subscription(self, subscription_id: str, *, timeout: float = policy.POST_TIMEOUT) -> Subscription:
        """Stop billing for now. That the endpoint is a POST to ``…/pause`` is inferred by symmetry."""
        return await self._change(subscription_id, "pause", SubscriptionStatus.PAUSED, timeout)

    @discreet
    async def resume_subscription(self, subscription_id: str, *, timeout: float = policy.POST_TIMEOUT) -> Subscription:
        """Go on billing a paused subscription."""
        return await self._change(subscription_id, "resume", SubscriptionStatus.ACTIVE, timeout)

    @discreet
    async def cancel_subscription(self, subscription_id: str, *, timeout: float = policy.POST_TIMEOUT) -> Subscription:
        """End a subscription for good."""
        return await self._change(subscription_id, "cancel", SubscriptionStatus.CANCELLED, timeout)

    async def _change(
        self, subscription_id: str, change: str, meant: SubscriptionStatus, timeout: float
    ) -> Subscription:
        """Ask for a change once. Where its answer is lost, the subscription itself is asked whether it happened.

        Raises `NotSent`, `InvalidRequest`, `AuthenticationFailed`, `RateLimited`, or `GatewayUnavailable` where it
        could not be learned: the change is safe to ask for again.
        """
        self._check_usable()
        changing = self._flow.spawn(self._changed(subscription_id, change, meant, _deadline(timeout)))
        return await asyncio.shield(changing)

    async def _changed(
        self, subscription_id: str, change: str, meant: SubscriptionStatus, deadline: float
    ) -> Subscription:
        """Ask for a change, and go on to its end though its caller leaves, or the client is being closed."""
        reply = await self._flow.tell(Request("POST", requests.subscription_path(subscription_id, change), deadline))
        if reply.evidence.not_sent:
            raise NotSent(f"{change} of subscription {subscription_id} was not sent", evidence=reply.evidence)
        changed = read_subscriptions(reply.body) if reply.evidence.failure is None else None
        mine = next((s for s in changed or () if s.id == subscription_id), None)
        if mine is not None and mine.status is meant:
            return mine
        reading = self._gateway.read_plain(reply)
        if reading.refusal is not None:
            raise refused(reading, reply.evidence, f"{change} of subscription {subscription_id}")
        path = requests.subscription_path(subscription_id)
        found = self._one(await self._flow.ask(path, _deadline(policy.GET_TIMEOUT)), subscription_id)
        if found.status is meant:
            return found
        raise GatewayUnavailable(
            f"{change} of subscription {subscription_id}: it is {found.status}; ask again", evidence=reply.evidence
        )

    def _one(self, reply: Reply, subscription_id: str) -> Subscription:
        for found in self._read(reply, f"subscription {subscription_id}"):
            if found.id == subscription_id:
                return found
        raise GatewayUnavailable("the gateway's answer is about another subscription", evidence=reply.evidence)

    def _read(self, reply: Reply, what: str = "the list of subscriptions") -> tuple[Subscription, ...]:
        if reply.evidence.failure is not None:
            raise GatewayUnavailable(f"the gateway did not answer: {reply.evidence}", evidence=reply.evidence)
        found = read_subscriptions(reply.body)
        if found is not None:
            return found
        reading = self._gateway.read_plain(reply)
        if reading.refusal is not None:
            raise refused(reading, reply.evidence, what)
        raise GatewayUnavailable(
            f"the gateway's answer says nothing: {'; '.join(reading.doubts)}", evidence=reply.evidence
        )


def _deadline(timeout: float) -> float:
    return asyncio.get_running_loop().time() + policy.check_timeout(timeout)
