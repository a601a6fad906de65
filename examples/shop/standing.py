"""How an order stands, in the shop's own words. Pure."""

from __future__ import annotations

from enum import StrEnum

from paymentoptions_async import Operation, Payment, PaymentStatus

from .store import Attempt, Order


class Standing(StrEnum):
    """What the buyer is told, and what may be done."""

    UNPAID = "unpaid"
    """Nothing was tried yet."""
    FAILED = "failed"
    """The latest attempt is over, and took nothing."""
    AT_BANK = "at_bank"
    """The buyer was sent to the bank's 3-D Secure page."""
    AT_PAGE = "at_page"
    """The buyer was sent to the gateway's payment page."""
    ASKING = "asking"
    """The bank is being asked, or has not decided."""
    CONFIRMING = "confirming"
    """It looks paid, and nobody has confirmed it yet."""
    UNKNOWN = "unknown"
    """It may be paid."""
    CHECKING = "checking"
    """A person must look."""
    PAID = "paid"

    @property
    def may_pay(self) -> bool:
        """True where another attempt can't charge twice, unless the buyer insists on finishing both."""
        return self in (Standing.UNPAID, Standing.FAILED, Standing.AT_BANK, Standing.AT_PAGE)

    @property
    def may_change(self) -> bool:
        """True where the page waits for news."""
        return self not in (Standing.UNPAID, Standing.FAILED, Standing.PAID)


def standing_of(order: Order, attempt: Attempt | None, payment: Payment | None) -> Standing:
    """How an order stands, by its record and its latest attempt.

    PAID is said only once the order is marked so, which only `Fulfilment` does.
    """
    if order.paid_by is not None:
        return Standing.PAID
    if order.attention is not None:
        return Standing.CHECKING
    if attempt is None:
        return Standing.UNPAID
    if payment is None or payment.status is PaymentStatus.PENDING:
        return Standing.ASKING
    if payment.status is PaymentStatus.UNKNOWN:
        return Standing.UNKNOWN
    if payment.status.took_money or (payment.status is PaymentStatus.ACTION_REQUIRED and attempt.returned == "success"):
        return Standing.CONFIRMING
    if payment.status is PaymentStatus.ACTION_REQUIRED:
        return Standing.AT_PAGE if payment.operation is Operation.HOSTED_PAGE else Standing.AT_BANK
    return Standing.FAILED


_TELLABLE = {
    "insufficient_funds": "There is not enough money on this card.",
    "expired_card": "This card has expired.",
    "security_code_incorrect": "The security code is not the one on the card.",
    "card_authentication_failed": "Your bank could not confirm that it was you.",
    "invalid_card_number": "Your bank does not know this card number.",
}


def why_not(payment: Payment | None) -> str:
    """Why an attempt failed, in words for the buyer. Reasons that would help a thief are not told."""
    decline = payment.decline if payment is not None else None
    if decline is None:
        return "The payment did not go through."
    return _TELLABLE.get(decline.reason, "The bank declined this card.")
