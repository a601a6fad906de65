"""The links to hosted pages and wallets: what the merchant asked for, what the buyer tried, and what is open still.

One link takes one payment: as soon as an attempt is approved or pending it is closed to others, and only one 3-D
Secure page of it can be answered. `pay_hosted_page_twice` in the settings lifts that.
"""

from __future__ import annotations

import random
import string
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from .books import Books, Challenge, Transaction
from .clock import Clock
from .settings import Settings

CODE_CHARACTERS = string.ascii_letters + string.digits
CODE_LENGTH = 8  # as in the sample (seed 004)

LinkState = Literal["open", "pending", "paid", "expired"]
AttemptState = Literal["approved", "pending", "refused", "challenged", "left"]


@dataclass(frozen=True)
class Terms:
    """What a link was made for. `amount` None lets the buyer type it; `wallet` None takes cards."""

    merchant_id: str
    merchant_txn_ref: str | None
    merchant_email: str | None
    amount: Decimal | None
    currency: str
    wallet: str | None
    store_card: bool
    urls: dict[str, str]
    billing_address: dict[str, Any]
    shipping_address: dict[str, Any] | None
    customer_ip: str | None


@dataclass(frozen=True)
class Attempt:
    """One try to pay a link: charged or refused at once, or through a 3-D Secure page."""

    amount: Decimal
    transaction: Transaction | None = None
    challenge: Challenge | None = None


@dataclass
class Link:
    """One link. `id` is what the merchant gets, `code` what the page's URL ends with; `cancelled` counts the times."""

    id: str
    code: str
    terms: Terms
    created: datetime
    expires: datetime
    attempts: list[Attempt] = field(default_factory=list)
    cancelled: int = 0


class Links:
    """Keep every link of one sandbox; ids come from `seed`, times from `clock`."""

    def __init__(self, *, seed: int, clock: Clock, books: Books, settings: Settings) -> None:
        self._random = random.Random(f"{seed}:links")  # noqa: S311  ids that a seed repeats
        self._clock = clock
        self._books = books
        self._settings = settings
        self._by_code: dict[str, Link] = {}

    @property
    def all(self) -> list[Link]:
        """Return every link, oldest first."""
        return list(self._by_code.values())

    def make(self, terms: Terms) -> Link:
        """Make a link; nothing is charged."""
        now = self._clock.now()
        link = Link(
            id=str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            code="".join(self._random.choices(CODE_CHARACTERS, k=CODE_LENGTH)),
            terms=terms,
            created=now,
            expires=now + timedelta(seconds=self._settings.link_seconds),
        )
        self._by_code[link.code] = link
        return link

    def find(self, code: str) -> Link | None:
        """Return the link whose URL ends with this code."""
        return self._by_code.get(code)

    def state(self, link: Link) -> LinkState:
        """Tell what can be done with a link: pay it when `open`, else nothing (any more, or while `pending`)."""
        if not self._settings.pay_hosted_page_twice:
            tried = {self.result(attempt) for attempt in link.attempts}
            if "approved" in tried:
                return "paid"
            if "pending" in tried:
                return "pending"
        return "expired" if link.expires <= self._clock.now() else "open"

    def result(self, attempt: Attempt) -> AttemptState:
        """Tell what came of an attempt so far; `left` is one whose 3-D Secure page was closed without an answer."""
        transaction = self.transaction(attempt)
        if transaction is not None:
            if transaction.outcome.success:
                return "approved"
            return "pending" if transaction.outcome.later else "refused"
        assert attempt.challenge is not None
        return "left" if self._books.has_expired(attempt.challenge) else "challenged"

    def transaction(self, attempt: Attempt) -> Transaction | None:
        """Return the transaction that an attempt has made."""
        challenge = attempt.challenge
        if challenge is None:
            return attempt.transaction
        return self._books.find(challenge.transaction_id) if challenge.transaction_id else None

    def add(self, link: Link, attempt: Attempt) -> None:
        """Enter an attempt, and close the 3-D Secure pages of earlier ones, so that two can't both be charged."""
        for earlier in link.attempts:
            challenge = earlier.challenge
            if challenge is not None and challenge.state == "open" and not self._settings.pay_hosted_page_twice:
                challenge.expires = min(challenge.expires, self._clock.now())
        link.attempts.append(attempt)
