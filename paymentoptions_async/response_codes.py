"""The acquirer's response codes and the gateway's risk rules, classified. The one place that knows them.

Sources: the vendor's lists of response codes and gateway errors. Which outcomes are unclear is inferred from their
descriptions, always to the careful side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class Outcome(StrEnum):
    """What a code says about the money."""

    APPROVED = "approved"
    PARTIAL = "partial"
    """Approved for less than was asked."""
    PENDING = "pending"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    """A time-out or an unclear result between gateway, network and issuer."""
    DUPLICATE = "duplicate"
    """The network had seen it before; what became of the first is not said."""
    VERIFICATION_ONLY = "verification_only"
    """Not declined, but nothing was authorised either: an answer to address or account checks."""


@dataclass(frozen=True, slots=True)
class ResponseClass:
    """What a code means. ``new_attempt_may_help``: the same card may be tried again later, as a new attempt.

    ``rule`` is the gateway's name of a risk rule (``ERR3004``).
    """

    outcome: Outcome
    reason: str
    new_attempt_may_help: bool = False
    rule: str | None = None


def classify(code: int) -> ResponseClass:
    """Classify an acquirer's code. -8000 to -8999 are risk rules; one that no list knows is a decline, ``unlisted``."""
    listed = _listed().get(code)
    if listed is not None:
        return listed
    return RISK_RULE if code in _RISK_CODES else UNLISTED


def classify_rule(gateway_code: str) -> ResponseClass | None:
    """Classify the gateway's own code, in any case: a risk rule (ERR3001 to ERR3020), or None for all others."""
    return _rules().get(gateway_code.upper())


RISK_RULE = ResponseClass(Outcome.DECLINED, "risk_rule")
UNLISTED = ResponseClass(Outcome.DECLINED, "unlisted")

_RISK_CODES = range(-8999, -7999)

_OTHER: dict[Outcome, dict[str, str]] = {
    Outcome.APPROVED: {"approved": "0", "approved_with_id": "8"},
    Outcome.PARTIAL: {"partial_approval": "10"},
    Outcome.PENDING: {"pending": "578"},
    Outcome.UNKNOWN: {
        "gateway_error": "-1",
        "timeout": "68",
        "network_to_acquirer_timeout": "452",
        "network_result_unclear": "676..677 679..680 682..683 694..702 704",
        "unknown": "1295",
    },
    Outcome.DUPLICATE: {"duplicate_transmission": "94", "advice_already_received": "451"},
    Outcome.VERIFICATION_ONLY: {"not_declined_verification_only": "85"},
}

_DECLINED_TRY_LATER = {
    "reenter_transaction": "19",
    "file_unavailable": "28",
    "issuer_inoperative": "91",
    "system_error": "96",
    "acquirer_busy": "444",
    "acquirer_error": "445",
    "acquirer_closed": "446",
    "encoding_error": "448",
    "network_error": "443 447 449..450 453..457 459..460 675 678 681 703 705",
}

_DECLINED = {
    # The issuer said no.
    "refer_to_issuer": "1..2",
    "pick_up_card": "4",
    "do_not_honour": "5",
    "suspected_fraud": "34 59",
    "lost_card": "41",
    "stolen_card": "43",
    "lost_or_stolen_card": "587 608",
    "insufficient_funds": "51",
    "expired_card": "54 605",
    "not_permitted_to_cardholder": "57",
    "amount_limit_exceeded": "61",
    "restricted_card": "62",
    "count_limit_or_authentication_requested": "65",
    "contact_issuer": "70",
    "issuer_unavailable": "80",
    "cvv_or_policy": "82",
    "stip_or_fraud": "83",
    "unable_to_authorise": "63..64 88 828 905..906 1263",
    "violation_of_law": "93",
    "card_unusable": "577",
    "daily_card_limit": "583",
    "daily_amount_limit": "584",
    "card_not_applicable": "606",
    "cash_unavailable": "831",
    "cash_back_limit": "832",
    "card_authentication_failed": "937",
    "stop_payment_order": "972",
    "authorisation_revoked": "973",
    "all_authorisations_revoked": "975",
    "check_related": "1044..1051",
    "forward_to_issuer": "1198 1201",
    # The card, its holder or an account is not what was said.
    "signature_failed": "7",
    "invalid_card_number": "14",
    "invalid_issuer": "15",
    "no_credit_account": "39",
    "no_checking_account": "52",
    "no_savings_account": "53",
    "invalid_pin": "55 579",
    "pin_not_changed": "71",
    "pin_tries_exceeded": "75",
    "invalid_account": "76..78",
    "cannot_verify_pin": "86",
    "unacceptable_pin_or_ineligible": "89",
    "security_code_incorrect": "580 835",
    "security_code_missing": "581",
    "invalid_stripe": "582",
    "luhn_failed": "586 588..589",
    # The request does not fit: merchant, amount, or an earlier transaction.
    "invalid_merchant": "3",
    "error": "6 98..99",
    "invalid_transaction": "12",
    "invalid_amount": "13",
    "no_action_taken": "20",
    "record_not_found": "25",
    "format_error": "30",
    "not_permitted_to_terminal": "58",
    "already_reversed_or_lifecycle": "79",
    "invalid_authorisation_life_cycle": "84",
    "unroutable": "92",
    "surcharge_not_permitted": "397",
    "surcharge_not_supported": "398",
    "acquirer_not_registered": "442",
    "service_unsupported": "458",
    "invalid_message_value": "590..604",
    "acquirer_service_completed": "607",
    "message_not_processable": "609",
    "transaction_unsupported": "610",
    "unknown_centre": "611",
    "message_element_error": "622..643 645..647 658..672 674",
    "several_originals_match": "673",
    "resubmission_too_old": "833",
    "amount_over_preauthorisation": "836",
    "invalid_biller": "902",
}

# -8013 stands at two rules in the vendor's list (ERR3009, ERR3013), and ERR3020's code is inferred.
_RULE_CODES = (
    {f"ERR{number}": 3001 - number - 8000 for number in range(3001, 3007)}
    | {f"ERR{number}": 3000 - number - 8000 for number in range(3007, 3021)}
    | {"ERR3016": -8006}
)


@cache
def _listed() -> dict[int, ResponseClass]:
    table: dict[int, ResponseClass] = {}
    for outcome, reasons in _OTHER.items():
        for reason, codes in reasons.items():
            table |= dict.fromkeys(_numbers(codes), ResponseClass(outcome, reason))
    for reasons, may_help in ((_DECLINED, False), (_DECLINED_TRY_LATER, True)):
        for reason, codes in reasons.items():
            table |= dict.fromkeys(_numbers(codes), ResponseClass(Outcome.DECLINED, reason, may_help))
    return table | {code: rule for name, code in _RULE_CODES.items() if (rule := _rules()[name])}


@cache
def _rules() -> dict[str, ResponseClass]:
    return {name: ResponseClass(Outcome.DECLINED, "risk_rule", rule=name) for name in _RULE_CODES}


def _numbers(codes: str) -> Iterator[int]:
    for part in codes.split():
        first, _, last = part.partition("..")
        yield from range(int(first), int(last or first) + 1)
