"""What buyers want, drawn from a seed: orders, the cards and answers of their buyers, and what follows. Pure.

A story is one order of the shop, from its first attempt to its last refund. The same seed tells the same stories.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from paymentoptions_async import Money

APPROVED = ("approved", "approved_visa", "approved_with_id")
DECLINED = ("declined", "insufficient_funds", "stolen_card", "invalid_card_number", "risk_rule", "unlisted_code")
UNCLEAR = (
    "partial_approval",
    "pending",
    "pending_then_declined",
    "timeout_charged",
    "unclear_not_charged",
    "duplicate_transmission",
    "verification_only",
    "gateway_error",
)
CHALLENGED = ("challenge", "challenge", "challenge", "challenge_then_declined", "challenge_then_pending")
FOLLOWED = (
    *APPROVED,
    *APPROVED,
    "capture_timeout",
    "refund_timeout",
    "refund_pending",
    "refund_unclear",
    "void_timeout",
)
CURRENCIES = {"JPY": 0, "USD": 2, "KWD": 3}

INVOICE_CARDS = ("processed", "processed", "processed", "processed", "failed", "pending")
INVOICE_CHALLENGED = ("processed_3ds", "processed_3ds", "processed_3ds", "failed_3ds", "pending_3ds")

RENEWING = 300

KINDS = {
    "plain": (30, 1),
    "retried": (10, 2),
    "challenged": (14, 1),
    "superseded": (6, 2),
    "two_tabs": (6, 2),
    "stored": (6, 3),
    "authorised": (14, 5),
    "refunded": (9, 4),
    "hosted": (7, 1),
    "subscribed": (1, 1),
    "conflicting": (2, 1),
    "invoice_sold": (6, 2),
    "invoice_challenged": (3, 1),
    "invoice_on_file": (3, 3),
    "invoice_page": (4, 1),
    "invoice_refunded": (3, 4),
}
"""Each kind of story: how often it is told, and how many payments (in the sense of `Payment`) it asks for.

Those of invoices are told at Corefy's, the second gateway; all others at the first.
"""


@dataclass(frozen=True, slots=True)
class Story:
    """One order. ``parts`` are asked for at once, and are together more than ``amount``: some must be refused.

    ``answer`` is what the buyer does on a page: confirm, decline, leave, or twice (a hosted page only). ``late`` lets a
    buyer come back to a page that was given up. ``shared`` stories are told by two workers at once, with the same keys.
    """

    number: int
    kind: str
    amount: Money
    cards: tuple[str, ...]
    parts: tuple[Money, ...]
    answer: str
    late: bool
    shared: bool

    @property
    def order(self) -> str:
        """What the shop calls it."""
        return f"order {self.number}"

    @property
    def payments(self) -> int:
        """How many payments it asks for, at most."""
        return KINDS[self.kind][1]

    @property
    def is_invoice(self) -> bool:
        """Is it told at Corefy's?"""
        return self.kind.startswith("invoice")

    @property
    def renews(self) -> bool:
        """Is its subscription charged again? Only a few are: the sandbox looks at all of them at each request."""
        return self.late and self.number < RENEWING

    def key(self, what: str) -> str:
        """An idempotency key of this order."""
        return f"{self.number}:{what}"


def stories(seed: int, payments: int) -> Iterator[Story]:
    """Tell stories until they ask for so many payments."""
    told = number = 0
    while told < payments:
        story = story_of(seed, number)
        yield story
        told += story.payments
        number += 1


def story_of(seed: int, number: int) -> Story:
    """The story of a number."""
    random = Random(f"{seed}:story:{number}")
    kind = random.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    amount, parts = _amounts(random)
    return Story(
        number=number,
        kind=kind,
        amount=amount,
        cards=_cards(kind, random),
        parts=parts,
        answer=random.choices(("confirm", "decline", "leave", "twice"), (70, 8, 12, 10))[0],
        late=random.random() < 0.4,
        shared=random.random() < 0.06,
    )


def _cards(kind: str, random: Random) -> tuple[str, ...]:
    match kind:
        case "plain":
            return (random.choice(random.choices((APPROVED, DECLINED, UNCLEAR), (70, 15, 15))[0]),)
        case "retried":
            return random.choice(DECLINED), random.choice(APPROVED)
        case "challenged":
            return (random.choice(CHALLENGED),)
        case "superseded":
            return "challenge", random.choice((*APPROVED, "challenge"))
        case "invoice_sold":
            return random.choice(INVOICE_CARDS), "processed"
        case "invoice_challenged":
            return (random.choice(INVOICE_CHALLENGED),)
        case "invoice_page":
            return (random.choice(("processed", "processed_3ds", "failed")),)
        case "invoice_on_file" | "invoice_refunded":
            return ("processed",)
        case "authorised" | "refunded":
            return (random.choice(FOLLOWED),)
        case _:
            return random.choice(APPROVED), random.choice(APPROVED)


def _amounts(random: Random) -> tuple[Money, tuple[Money, ...]]:
    """An amount, and three parts of which any two fit into it, and not all three."""
    currency, exponent = random.choice(list(CURRENCIES.items()))
    whole = random.randint(1_000, 89_999)
    parts = [random.randint(whole * 35 // 100, whole // 2) for _ in range(3)]

    def money(units: int) -> Money:
        return Money(Decimal(units).scaleb(-exponent), currency)

    return money(whole), tuple(money(part) for part in parts)
