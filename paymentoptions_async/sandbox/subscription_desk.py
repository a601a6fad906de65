"""The six operations on subscriptions: a valid request in, the gateway's answer out.

The samples show the list, one subscription, and the reply to a change. Where the reply to a new one names its id is in
no sample: here it is the payment envelope with `subscription_details` beside the others (inferred).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from . import cards, plans, replies, risk
from .books import Transaction
from .endpoint import Endpoint, Refused
from .payments import Counter
from .replies import Reply, timestamp
from .settings import PREFIX
from .subscriptions import Subscription, Subscriptions, WrongState

_ONE = f"{PREFIX}/subscription/{{subscription_id}}"


@dataclass(frozen=True)
class SubscriptionDesk:
    """Where subscriptions are made and changed."""

    subscriptions: Subscriptions
    counter: Counter

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Return the operations that are served here; `list` comes before the ids."""
        book = self.subscriptions
        return (
            Endpoint(
                "subscription_create", "POST", f"{PREFIX}/subscription/payment", lambda body, _: self.create(body)
            ),
            Endpoint("subscription_list", "GET", f"{PREFIX}/subscription/list", lambda _, __: self.show_all()),
            Endpoint("subscription_show", "GET", _ONE, lambda _, request: self.show(_id_in(request))),
            Endpoint("subscription_pause", "POST", f"{_ONE}/pause", self._changing(book.pause)),
            Endpoint("subscription_resume", "POST", f"{_ONE}/resume", self._changing(book.resume)),
            Endpoint("subscription_cancel", "POST", f"{_ONE}/cancel", self._changing(book.cancel)),
        )

    def create(self, body: Mapping[str, Any]) -> Reply:
        """Take POST …/subscription/payment: charge the first cycle, unless a trial comes first."""
        order, card = self.counter.order(body, "subscription_create")
        plan = plans.read(body["subscription"], order.amount, order.currency)
        outcome = cards.OUTCOMES["authentication_requested" if card.challenge else card.outcome]
        outcome = risk.outcome(order) or outcome
        transaction, subscription = self.subscriptions.create(order, plan, outcome)
        reply = replies.payment(transaction, self.counter.settings)
        if subscription is not None:
            reply.body["subscription_details"] = details(subscription)
        return reply

    def show_all(self) -> Reply:
        """Answer GET …/subscription/list: all there are, oldest first; no paging is documented."""
        return _envelope([details(one) for one in self.subscriptions.all])

    def show(self, subscription_id: str) -> Reply:
        """Answer GET …/subscription/{subscription_id}."""
        return _envelope(details(self._found(subscription_id)))

    def _changing(self, change: Callable[[Subscription], None]) -> Callable[[Mapping[str, Any], Request], Reply]:
        def changing(_: Mapping[str, Any], request: Request) -> Reply:
            subscription = self._found(_id_in(request))
            try:
                change(subscription)
            except WrongState as error:
                raise Refused(412, str(error), "PRECONDITION_FAILED") from None
            reply = _envelope(details(subscription))
            updated = {"version": "1", "type": "INFO", "message": "Subscription Updated.", "code": "INFO3000"}
            reply.body["gateway_response"] = updated
            return reply

        return changing

    def _found(self, subscription_id: str) -> Subscription:
        subscription = self.subscriptions.find(subscription_id)
        if subscription is None:
            raise Refused(404, "Subscription not found.", "NOT_FOUND")
        return subscription


def details(subscription: Subscription) -> dict[str, Any]:
    """Return a subscription as the samples show it: dates in UTC, amounts in major units."""
    plan, charges = subscription.plan, subscription.charges
    next_date = subscription.next_date
    return {
        "id": subscription.id,
        "type": "CYCLE",
        "max_cycle_count": plan.cycles,
        "status": subscription.state,
        "completed_payment_cycle": subscription.completed_cycles,
        "last_payment_status": _state(charges[-1]) if charges else None,
        "next_payment_date": timestamp(next_date) if next_date else None,
        "next_payment_cycle": subscription.next_cycle,
        "subscription_plan_details": {
            "name": plan.name,
            "desc": plan.description,
            "billing_cycle_type": plan.unit,
            "billing_cycle_interval": plan.interval,
            "amount": plan.amount,
            "ccy": plan.currency,
            "trial_period_duration": str(plan.trial) if plan.trial else "",
            "trial_period_duration_type": plan.trial_unit,
            "plan_discount_percentage": plan.discount_percentage,
            "plan_discount_duration": plan.discounted_cycles,
        },
        "subscription_transaction_details": [
            {
                "id": charge.id,
                "ref": charge.ref,
                "cycle": charge.order.cycle,
                "status": _state(charge),
                "transaction_date": timestamp(charge.created),
                "amount": charge.order.amount,
                "ccy": plan.currency,
                "event": {"SUCCESSFUL": "CAPTURED", "PENDING": "PENDING"}.get(_state(charge), "DECLINED"),
            }
            for charge in charges
        ],
    }


def _state(charge: Transaction) -> str:
    if charge.outcome.success:
        return "SUCCESSFUL"
    return "PENDING" if charge.settles_at else "NOTSUCCESSFUL"


def _envelope(found: Any) -> Reply:
    return Reply(200, {"success": True, "status_code": 200, "is_live": False, "subscription_details": found})


def _id_in(request: Request) -> str:
    subscription_id: str = request.path_params["subscription_id"]
    return subscription_id
