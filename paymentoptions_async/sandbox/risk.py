"""The gateway's own rules of risk, each reached by an amount: 903001 (in major units) breaks ERR3001, and so on.

Codes and messages are the vendor's; of the two response codes of ERR3009 this is the first, and that of ERR3020 is
inferred. The amounts are ours. The last two rules are about refunds, all others about payments and captures.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .books import Order
from .cards import Outcome

_RESTRICTED = "Transaction is restricted"
_OUTSIDE = "Amount is outside the allowed range"
_DECLINED = "Risk rule decline"
_NO_BALANCE = "Insufficient refund balance"


@dataclass(frozen=True)
class RiskRule:
    """One rule: its gateway `code`, the `response_code`, what it is about, and the public message."""

    code: str
    response_code: int
    rule: str
    message: str
    on_refund: bool = False

    @property
    def amount(self) -> Decimal:
        """Return the amount that breaks the rule in this sandbox, in major units."""
        return Decimal(900_000 + int(self.code.removeprefix("ERR")))

    @property
    def outcome(self) -> Outcome:
        """Return the decline that breaking it gets."""
        return Outcome(
            f"risk_{self.code.lower()}", self.response_code, False, False, f"{self.message}.",
            http_status=412, gateway_code=self.code, gateway_message=self.message,
        )  # fmt: skip


RISK_RULES = (
    RiskRule("ERR3001", -8000, "merchant's blacklist", _RESTRICTED),
    RiskRule("ERR3002", -8001, "merchant's IP rule", _RESTRICTED),
    RiskRule("ERR3003", -8002, "merchant's BIN block", _RESTRICTED),
    RiskRule("ERR3004", -8003, "merchant's card block", _RESTRICTED),
    RiskRule("ERR3005", -8004, "merchant's issuing countries", _RESTRICTED),
    RiskRule("ERR3006", -8005, "product's maximum amount", _OUTSIDE),
    RiskRule("ERR3007", -8007, "product's IP rule", _RESTRICTED),
    RiskRule("ERR3008", -8008, "uses of a card in minutes", _RESTRICTED),
    RiskRule("ERR3009", -8009, "uses of a card in hours", _DECLINED),
    RiskRule("ERR3010", -8010, "uses of a card in days", _DECLINED),
    RiskRule("ERR3011", -8011, "uses of a card in longer", _DECLINED),
    RiskRule("ERR3012", -8012, "uses of an IP", _DECLINED),
    RiskRule("ERR3013", -8013, "uses of an IP", _DECLINED),
    RiskRule("ERR3014", -8014, "uses of an IP", _DECLINED),
    RiskRule("ERR3015", -8015, "uses of an IP", _DECLINED),
    RiskRule("ERR3016", -8006, "product's amount threshold", _OUTSIDE),
    RiskRule("ERR3017", -8017, "IP rule", _RESTRICTED),
    RiskRule("ERR3018", -8018, "BIN rule", _RESTRICTED),
    RiskRule("ERR3019", -8019, "refund limit", _NO_BALANCE, on_refund=True),
    RiskRule("ERR3020", -8020, "refund volume", _NO_BALANCE, on_refund=True),
)

_BY_AMOUNT = {(rule.on_refund, rule.amount): rule.outcome for rule in RISK_RULES}
REFUND_LIMIT = next(rule.outcome for rule in RISK_RULES if rule.code == "ERR3019")


def outcome(order: Order) -> Outcome | None:
    """Return the decline that the order's amount asks for, if any; a void moves no amount of its own."""
    if order.operation == "void":
        return None
    return _BY_AMOUNT.get((order.operation == "refund", order.amount))
