"""Subscriptions: made by a payment, charged cycle by cycle on the sandbox's clock, paused, resumed and cancelled.

Inferred, because no document says it: a subscription is made only by a card that is not declined; a trial begins
with a check of the card for an amount of 0; each renewal is announced at the webhook URL of the request; a declined
renewal is not tried again, and the next one is due as planned; dates that pass in a pause are skipped, not made up.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from . import cards, risk
from .books import Books, Order, Transaction
from .cards import Outcome
from .clock import Clock
from .plans import Plan
from .webhooks import Webhooks

State = Literal["ACTIVE", "PAUSED", "CANCELLED", "EXPIRED"]


@dataclass
class Subscription:
    """One subscription.

    `opening` is the transaction that made it: the first charge, or the check of the card before a trial. `charges` has
    one transaction per cycle, `dates_passed` counts the dates that were charged or skipped.
    """

    id: str
    plan: Plan
    order: Order
    opening: Transaction
    first_date: datetime
    state: State = "ACTIVE"
    dates_passed: int = 0
    charges: list[Transaction] = field(default_factory=list)

    @property
    def completed_cycles(self) -> int:
        """Return how many cycles were paid."""
        return sum(charge.outcome.success for charge in self.charges)

    @property
    def next_cycle(self) -> int | None:
        """Return the number of the next cycle, or None when there is none left."""
        return len(self.charges) + 1 if self.state in ("ACTIVE", "PAUSED") else None

    @property
    def next_date(self) -> datetime | None:
        """Return when the next cycle is charged; None while nothing is to be charged."""
        return self.plan.date(self.first_date, self.dates_passed) if self.state == "ACTIVE" else None


class WrongState(ValueError):
    """Say that a subscription can't go from its state to the wanted one."""


class Subscriptions:
    """Keep every subscription of one sandbox, and charge those that are due."""

    def __init__(
        self,
        *,
        seed: int,
        books: Books,
        clock: Clock,
        webhooks: Webhooks,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._random = random.Random(f"{seed}:subscriptions")  # noqa: S311  ids that a seed repeats
        self._books = books
        self._clock = clock
        self._webhooks = webhooks
        self._on_change = on_change
        self._by_id: dict[str, Subscription] = {}

    @property
    def all(self) -> list[Subscription]:
        """Return every subscription, oldest first."""
        return list(self._by_id.values())

    def find(self, subscription_id: str) -> Subscription | None:
        """Return the subscription with this id."""
        return self._by_id.get(subscription_id)

    def create(self, order: Order, plan: Plan, outcome: Outcome) -> tuple[Transaction, Subscription | None]:
        """Charge the first cycle, or check the card of a trial; None in place of the subscription when declined."""
        subscription_id = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        order = replace(order, subscription_id=subscription_id)
        first = replace(order, amount=Decimal(0)) if plan.trial else replace(order, amount=plan.price(1), cycle=1)
        transaction = self._enter(first, outcome)
        if not outcome.success and outcome.later is None:
            return transaction, None
        first_date = plan.first_date(transaction.created)
        subscription = Subscription(subscription_id, plan, order, transaction, first_date)
        self._by_id[subscription_id] = subscription
        if not plan.trial:
            self._count(subscription, transaction)
        self._on_change()
        return transaction, subscription

    def pause(self, subscription: Subscription) -> None:
        """Charge nothing until it is resumed; WrongState unless it is active."""
        self._leave(subscription, "ACTIVE", to="PAUSED")

    def resume(self, subscription: Subscription) -> None:
        """Go on with the first date that is still to come; WrongState unless it is paused."""
        self._leave(subscription, "PAUSED", to="ACTIVE")
        while (date := subscription.next_date) is not None and date <= self._clock.now():
            subscription.dates_passed += 1
        self._on_change()

    def cancel(self, subscription: Subscription) -> None:
        """End it for good; WrongState when it has ended before."""
        self._leave(subscription, "ACTIVE", "PAUSED", to="CANCELLED")

    def charge_due(self) -> None:
        """Charge every cycle that is due, oldest date first, and end what is complete or was never paid."""
        for subscription in self._by_id.values():
            self._end_unpaid(subscription)
        now = self._clock.now()
        while due := [one for one in self._by_id.values() if one.next_date is not None and one.next_date <= now]:
            self._renew(min(due, key=lambda one: one.next_date or now))

    def next_due(self) -> datetime | None:
        """Return when the next cycle of any subscription is charged."""
        return min((one.next_date for one in self._by_id.values() if one.next_date is not None), default=None)

    def _renew(self, subscription: Subscription) -> None:
        cycle = len(subscription.charges) + 1
        order = replace(
            subscription.order,
            operation="renewal",
            amount=subscription.plan.price(cycle),
            cycle=cycle,
            store_card=False,
        )
        card = cards.by_name(order.card.test_card)
        outcome = risk.outcome(order) or cards.OUTCOMES[card.renewal or card.outcome]
        self._count(subscription, self._enter(order, outcome))

    def _count(self, subscription: Subscription, charge: Transaction) -> None:
        subscription.charges.append(charge)
        subscription.dates_passed += 1
        if len(subscription.charges) >= subscription.plan.cycles:
            subscription.state = "EXPIRED"

    def _end_unpaid(self, subscription: Subscription) -> None:
        # A first charge that was pending, and is declined at last, never began anything.
        declined = not subscription.opening.outcome.success and subscription.opening.settles_at is None
        if declined and subscription.state in ("ACTIVE", "PAUSED"):
            subscription.state = "CANCELLED"

    def _enter(self, order: Order, outcome: Outcome) -> Transaction:
        transaction = self._books.take(order, outcome)
        if transaction.settles_at is None:
            self._webhooks.announce(transaction)
        return transaction

    def _leave(self, subscription: Subscription, *states: State, to: State) -> None:
        if subscription.state not in states:
            raise WrongState(f"The subscription is {subscription.state}; it must be {' or '.join(states)}.")
        subscription.state = to
        self._on_change()
