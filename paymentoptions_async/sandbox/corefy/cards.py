"""Corefy's documented test cards, and what the bank answers to each.

What becomes of a card depends on its number and on its expiry date. Any security code will do. No expiry date is
refused for being in the past: some of those that select a resolution are. Nothing but these four cards is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["processed", "process_failed", "process_pending"]

PENDING_EXPIRY = ("07", "77")
AUTHENTICATION_PENDING = "auth_3ds_required"
NOT_AUTHENTICATED = "client_auth_failed"  # what a refusal on the bank's page is called is not documented (inferred)
OTHERWISE = "general_fatal_error"

RESOLUTIONS = {
    ("08", "56"): "access_denied",
    ("07", "55"): "error",
    ("06", "54"): "provider_error",
    ("05", "53"): "unknown",
    ("04", "52"): "duplicated_transaction",
    ("03", "51"): "auth_fatal_error",
    ("02", "50"): "unable_to_determine_3ds_enrolment",
    ("01", "49"): "card_is_3ds_enrolled",
    ("12", "48"): "card_is_not_3ds_enrolled",
    ("11", "47"): "issuer_decline",
    ("10", "46"): "client_auth_failed",
    ("09", "45"): "provider_fatal_error",
    ("08", "44"): "invalid_details",
    ("07", "43"): "invalid_pin",
    ("06", "42"): "antifraud_error",
    ("05", "41"): "invalid_card",
    ("04", "40"): "fatal_error",
    ("03", "39"): "unable_to_reconcile",
    ("02", "38"): "invalid_amount",
    ("01", "37"): "limit_violation",
    ("12", "36"): "functionality_is_not_permitted",
    ("11", "35"): "invalid_request",
    ("10", "34"): "lost_or_stolen_card",
    ("09", "33"): "declined",
    ("08", "32"): "invalid_otp",
    ("07", "31"): "invalid_3ds_code",
    ("06", "30"): "invalid_card_status",
    ("05", "29"): "insufficient_funds",
    ("04", "28"): "card_expired",
    ("03", "27"): "invalid_cvv",
    ("02", "26"): "invalid_pan",
    ("01", "25"): "invalid_credentials",
}
"""The resolution that the expiry date (month, year) of a failing card selects; any other one, OTHERWISE."""


@dataclass(frozen=True)
class CorefyCard:
    """One test card: `challenge` sends the buyer through 3-D Secure, `succeeds` is whether the bank pays."""

    name: str
    number: str
    network: str
    challenge: bool
    succeeds: bool


COREFY_CARDS = (
    CorefyCard("processed_3ds", "5123817234060000", "mastercard", challenge=True, succeeds=True),
    CorefyCard("processed", "5519283812030000", "mastercard", challenge=False, succeeds=True),
    CorefyCard("failed_3ds", "4412397212080000", "visa", challenge=True, succeeds=False),
    CorefyCard("failed", "4302912837020000", "visa", challenge=False, succeeds=False),
)

_BY_NUMBER = {card.number: card for card in COREFY_CARDS}
_BY_NAME = {card.name: card for card in COREFY_CARDS}


@dataclass(frozen=True)
class Verdict:
    """What the bank says to a charge."""

    status: Status
    resolution: str = "ok"


def by_number(number: str) -> CorefyCard | None:
    """Return the test card with this number, or None: the sandbox takes no other."""
    return _BY_NUMBER.get(number)


def by_name(name: str) -> CorefyCard:
    """Return the test card called `name`; KeyError for an unknown name."""
    return _BY_NAME[name]


def verdict(card: CorefyCard, exp_month: str, exp_year: str) -> Verdict:
    """Return what the bank says once the buyer is authenticated, by the expiry date (two digits each)."""
    expiry = (exp_month, exp_year)
    if not card.succeeds:
        return Verdict("process_failed", RESOLUTIONS.get(expiry, OTHERWISE))
    if expiry == PENDING_EXPIRY:
        return Verdict("process_pending", AUTHENTICATION_PENDING if card.challenge else "ok")
    return Verdict("processed")
