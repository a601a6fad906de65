"""The test cards, and what the bank answers to each.

Three numbers come from the vendor's pages (5200000000001005, 4000000000001091, 4000002500003155; seeds 000 to 002).
The others are ours, Luhn-valid and in the same test ranges; their last digits before the check digit spell the
acquirer's code where it has one. Nothing else is accepted.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Outcome:
    """What the bank answers, and what it really did.

    `code` is the acquirer's `response_code`. `charges` is whether the bank did what was asked (took, held, released or
    gave back money), which the answer does not always tell.
    `share` of the amount is approved. `http_status` None means the usual one. `later` names the outcome that takes
    this one's place after `LATER_SECONDS` on the sandbox's clock.
    """

    name: str
    code: int
    success: bool
    charges: bool
    description: str
    share: Decimal = Decimal(1)
    http_status: int | None = None
    gateway_code: str = ""
    gateway_message: str = ""
    later: str | None = None


@dataclass(frozen=True)
class TestCard:
    """One card that the sandbox accepts.

    `challenge` sends the buyer through 3-D Secure first (paymentv2 and authorizationv2 only). `outcome` names what a
    purchase or an authorisation gets; `capture`, `void`, `refund` and `renewal` what becomes of later operations on it,
    where the books allow them.
    """

    name: str
    number: str
    scheme: str
    outcome: str
    challenge: bool = False
    documented: bool = False
    capture: str = "approved"
    void: str = "approved"
    refund: str = "approved"
    renewal: str | None = None

    __test__ = False  # pytest would take the class for a test


LATER_SECONDS = 60.0

OUTCOMES: dict[str, Outcome] = {
    outcome.name: outcome
    for outcome in (
        Outcome("approved", 0, True, True, "The transaction was completed successfully."),
        Outcome("approved_with_id", 8, True, True, "Approved, with identification."),
        Outcome("partial_approval", 10, True, True, "Approved for half of the amount.", share=Decimal("0.5")),
        Outcome("declined", 5, False, False, "Do not honour."),
        Outcome("insufficient_funds", 51, False, False, "Insufficient funds."),
        Outcome("expired_card", 54, False, False, "Expired card."),
        Outcome("stolen_card", 43, False, False, "Stolen card."),
        Outcome("authentication_requested", 65, False, False, "Authentication requested."),
        Outcome("issuer_inoperative", 91, False, False, "Issuer not available; try again."),
        Outcome("security_code_incorrect", 580, False, False, "Security code incorrect."),
        Outcome("invalid_card_number", 14, False, False, "Invalid card number.", http_status=406),
        Outcome(
            "risk_rule", -8003, False, False, "Transaction is restricted.",
            http_status=412, gateway_code="ERR3004", gateway_message="Transaction is restricted",
        ),
        Outcome("unlisted_code", 7777, False, False, "A code in no list."),
        Outcome("pending", 578, False, False, "Pending; approved later.", later="approved"),
        Outcome("pending_then_declined", 578, False, False, "Pending; declined later.", later="declined"),
        Outcome("timeout_charged", 68, False, True, "Timed out, but the bank did it.", later="approved"),
        Outcome("unclear_not_charged", 676, False, False, "Result unclear; not done.", later="declined"),
        Outcome("duplicate_transmission", 94, False, False, "Duplicate transmission."),
        Outcome("verification_only", 85, True, False, "Not declined: verification only."),
        Outcome("gateway_error", -1, False, False, "Gateway error.", http_status=500),
        Outcome("authentication_failed", 937, False, False, "The cardholder was not authenticated."),
    )
}  # fmt: skip

CARDS: tuple[TestCard, ...] = (
    TestCard("approved", "5200000000001005", "MASTERCARD", "approved", documented=True),
    TestCard("approved_visa", "4000000000001091", "VISA", "approved", documented=True),
    TestCard("approved_with_id", "4000000000000085", "VISA", "approved_with_id"),
    TestCard("partial_approval", "4000000000000101", "VISA", "partial_approval"),
    TestCard("declined", "4000000000000051", "VISA", "declined"),
    TestCard("insufficient_funds", "4000000000000515", "VISA", "insufficient_funds"),
    TestCard("expired_card", "4000000000000549", "VISA", "expired_card"),
    TestCard("stolen_card", "4000000000000432", "VISA", "stolen_card"),
    TestCard("authentication_requested", "4000000000000655", "VISA", "authentication_requested"),
    TestCard("issuer_inoperative", "4000000000000911", "VISA", "issuer_inoperative"),
    TestCard("security_code_incorrect", "4000000000005803", "VISA", "security_code_incorrect"),
    TestCard("invalid_card_number", "4000000000000143", "VISA", "invalid_card_number"),
    TestCard("risk_rule", "4000000000080038", "VISA", "risk_rule"),
    TestCard("unlisted_code", "4000000000077778", "VISA", "unlisted_code"),
    TestCard("pending", "4000000000005787", "VISA", "pending"),
    TestCard("pending_then_declined", "5200000000005782", "MASTERCARD", "pending_then_declined"),
    TestCard("timeout_charged", "4000000000000689", "VISA", "timeout_charged"),
    TestCard("unclear_not_charged", "4000000000006769", "VISA", "unclear_not_charged"),
    TestCard("duplicate_transmission", "4000000000000945", "VISA", "duplicate_transmission"),
    TestCard("verification_only", "4000000000000853", "VISA", "verification_only"),
    TestCard("gateway_error", "4000000000000010", "VISA", "gateway_error"),
    TestCard("challenge", "4000002500003155", "VISA", "approved", challenge=True, documented=True),
    TestCard("challenge_then_declined", "4000002500000516", "VISA", "insufficient_funds", challenge=True),
    TestCard("challenge_then_pending", "4000002500005788", "VISA", "pending", challenge=True),
    TestCard("challenge_then_timeout", "4000002500000680", "VISA", "timeout_charged", challenge=True),
    TestCard("capture_declined", "4000006000000058", "VISA", "approved", capture="declined"),
    TestCard("capture_timeout", "4000006000000686", "VISA", "approved", capture="timeout_charged"),
    TestCard("capture_pending", "4000006000005784", "VISA", "approved", capture="pending"),
    TestCard("void_declined", "4000007000000056", "VISA", "approved", void="declined"),
    TestCard("void_timeout", "4000007000000684", "VISA", "approved", void="timeout_charged"),
    TestCard("refund_declined", "4000008000000054", "VISA", "approved", refund="declined"),
    TestCard("refund_timeout", "4000008000000682", "VISA", "approved", refund="timeout_charged"),
    TestCard("refund_pending", "4000008000005780", "VISA", "approved", refund="pending"),
    TestCard(
        "refund_pending_then_declined", "5200008000005785", "MASTERCARD", "approved", refund="pending_then_declined"
    ),
    TestCard("refund_unclear", "4000008000006762", "VISA", "approved", refund="unclear_not_charged"),
    TestCard("renewal_declined", "4000009000000516", "VISA", "approved", renewal="insufficient_funds"),
)

_BY_NUMBER = {card.number: card for card in CARDS}
_BY_NAME = {card.name: card for card in CARDS}


def by_number(number: str) -> TestCard | None:
    """Return the test card with this number, or None: the sandbox takes no other."""
    return _BY_NUMBER.get(number)


def by_name(name: str) -> TestCard:
    """Return the test card called `name`; KeyError for an unknown name."""
    return _BY_NAME[name]


def masked(number: str) -> str:
    """Return the number with all but its first 6 and last 4 digits starred."""
    return f"{number[:6]}{'*' * (len(number) - 10)}{number[-4:]}"


def fingerprint(number: str, key: bytes) -> str:
    """Return a keyed digest that is the same for the same card in one sandbox, and says nothing about it elsewhere."""
    return hmac.new(key, number.encode(), hashlib.sha256).hexdigest()[:16]
