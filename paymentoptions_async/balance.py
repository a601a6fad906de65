"""What was captured, refunded and voided of a charge, and what may still follow. Pure.

What is unknown, in flight or pending counts as if it had happened: repeating it can then never exceed the balance.
The rules are those of the vendor's portal; that the gateway applies the same ones is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from paymentoptions_async.errors import NotAllowed
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Family, Operation, Payment, PaymentStatus, Progress
from paymentoptions_async.values import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The amounts of one charge, in major units. Accepted is not settled: a refund that the gateway took may take days.

    ``capturing`` and ``refunding`` are what is pending, in flight or unknown; ``voided`` is True when the void was
    confirmed, ``voiding`` while one may have happened. ``charged_back`` is what the buyer's bank took back, where the
    gateway tells of it: Corefy does, PaymentOptions does not.
    """

    authorized: Money
    captured: Money
    capturing: Money
    refunded: Money
    refunding: Money
    charged_back: Money
    voided: bool = False
    voiding: bool = False

    @property
    def capturable(self) -> Money:
        """What may still be captured, counting unknown captures and voids as if they had happened."""
        if self.voided or self.voiding:
            return Money.zero(self.authorized.currency)
        return _rest(self.authorized, self.captured + self.capturing)

    @property
    def refundable(self) -> Money:
        """What may still be refunded, counting unknown refunds as if they had happened and unknown captures not.

        What the buyer's bank took back is not given back a second time.
        """
        return _rest(self.captured, self.refunded + self.refunding + self.charged_back)


def balance_of(charge: Payment, followers: Iterable[Record]) -> Balance:
    """Add up what followed a charge or a capture. ``followers`` are its captures and void, and their refunds.

    The charge's own amount is what the gateway approved, or what was asked for where it did not say. Raises
    `NotAllowed` where it has none yet, or where something that followed it is in another currency.
    """
    followers = list(followers)
    whole = charge.approved_amount or charge.amount
    if whole is None:
        raise NotAllowed(f"payment {charge.ref} has no amount yet", payment=charge)
    mixed = _why_no_sum(whole, followers)
    if mixed is not None:
        raise NotAllowed(f"payment {charge.ref}: {mixed}", payment=charge)
    nothing = Money.zero(whole.currency)
    amounts = {(family, sure): nothing for family in (Family.CAPTURE, Family.REFUND) for sure in (True, False)}
    voids = set()
    for follower in followers:
        sure = _happened(follower.payment)
        if sure is None:
            continue
        if follower.intent.operation.family is Family.VOID:
            voids.add(sure)
            continue
        key = (follower.intent.operation.family, sure)
        amounts[key] = amounts[key] + (_amount_of(follower, sure=sure) or nothing)
    took = charge.status.took_money
    captured_at_once = whole if took and charge.operation is not Operation.AUTHORIZE else nothing
    return Balance(
        authorized=whole if took else nothing,
        captured=captured_at_once + amounts[Family.CAPTURE, True],
        capturing=amounts[Family.CAPTURE, False],
        refunded=amounts[Family.REFUND, True],
        refunding=amounts[Family.REFUND, False],
        charged_back=charge.charged_back or nothing,
        voided=True in voids,
        voiding=False in voids,
    )


def check_following(intent: Intent, parent: Record | None, followers: Sequence[Record]) -> None:
    """Refuse a capture, void or refund that the facts say must be refused; raise `NotAllowed` with the reason.

    ``followers`` are all that followed the parent. With ``intent.insist`` rules about what is known are passed over,
    because an acquirer may allow more than the vendor's portal; what is unknown is never passed over.
    """
    others = [follower for follower in followers if follower.ref != intent.ref]
    unknown = [follower for follower in others if _happened(follower.payment) is False]
    why = _why_not(intent, parent, others)
    if why is None or (intent.insist and not unknown and _may_insist(intent, parent)):
        return
    first = f"; {unknown[0].ref} is {unknown[0].payment.status} and must be resolved first" if unknown else ""
    raise NotAllowed(
        f"{intent.operation} of {intent.parent}: {why}{first}",
        ref=intent.ref,
        operation=intent.operation,
        payment=parent.payment if parent else None,
    )


def _may_insist(intent: Intent, parent: Record | None) -> bool:
    """Nobody may insist on following what is not approved, or in another currency, which no balance could add up."""
    if parent is None:
        return True
    whole = parent.payment.approved_amount or parent.payment.amount
    same_currency = intent.amount is None or whole is None or intent.amount.currency == whole.currency
    return parent.payment.status.took_money and same_currency


def _why_not(intent: Intent, parent: Record | None, followers: Sequence[Record]) -> str | None:
    if parent is None:
        pending = any(_happened(follower.payment) is False for follower in followers)
        return "an earlier one is not settled, and the journal does not know the balance" if pending else None
    payment = parent.payment
    if not payment.status.took_money:
        return f"it is {payment.status}, not approved"
    whole = payment.approved_amount or payment.amount
    mixed = None if whole is None else _why_no_sum(whole, followers)
    if mixed is not None:
        return mixed
    balance = balance_of(payment, followers)
    if intent.operation is Operation.REFUND:
        return _why_no_refund(intent, payment, balance, followers)
    if payment.operation is not Operation.AUTHORIZE:
        return f"it is a {payment.operation}, and only an authorisation is captured or voided; refund it instead"
    if intent.operation is Operation.VOID:
        return _why_no_void(balance)
    return _why_no_capture(intent, balance)


def _why_no_sum(whole: Money, followers: Iterable[Record]) -> str | None:
    """Say which follower is in another currency. One may be that was asked for by transaction id alone."""
    for follower in followers:
        sure = _happened(follower.payment)
        amount = None if sure is None else _amount_of(follower, sure=sure)
        if amount is not None and amount.currency != whole.currency:
            return f"it is in {whole.currency}, and {follower.ref} in {amount.currency}; look at both in the portal"
    return None


def _why_no_capture(intent: Intent, balance: Balance) -> str | None:
    if balance.voided or balance.voiding:
        return "it is voided" if balance.voided else "it may be voided"
    return _why_not_within(intent, balance.capturable, f"{balance.authorized} authorised")


def _why_no_void(balance: Balance) -> str | None:
    if balance.voided or balance.voiding:
        return "it is voided already" if balance.voided else "it may be voided already"
    if balance.captured.is_positive or balance.capturing.is_positive:
        return f"{balance.captured + balance.capturing} of it is captured, or may be; refund that instead"
    return None


def _why_no_refund(intent: Intent, payment: Payment, balance: Balance, followers: Sequence[Record]) -> str | None:
    if payment.operation is Operation.AUTHORIZE:
        captures = [f.ref for f in followers if f.intent.operation is Operation.CAPTURE and f.payment.status.took_money]
        return f"it is an authorisation; refund its capture ({', '.join(captures) or 'none yet'})"
    if payment.operation.family not in (Family.CHARGE, Family.CAPTURE, Family.LINK, Family.SUBSCRIBE):
        return f"a {payment.operation} is not refunded"
    back = f", of which {balance.charged_back} is charged back" if balance.charged_back.is_positive else ""
    return _why_not_within(intent, balance.refundable, f"{balance.captured} captured{back}")


def _why_not_within(intent: Intent, left: Money, whole: str) -> str | None:
    amount = intent.amount
    if amount is None or amount.currency != left.currency:
        return f"its currency is {left.currency}"
    if amount > left:
        return f"{amount} is more than the {left} left of {whole}"
    return None


def _happened(payment: Payment) -> bool | None:
    """True for what happened, False for what may have, None for what did not."""
    if payment.status.took_money:
        return True
    may_have = payment.status in (PaymentStatus.UNKNOWN, PaymentStatus.PENDING, PaymentStatus.ACTION_REQUIRED)
    return False if may_have and payment.progress in (Progress.SENDING, Progress.ANSWERED) else None


def _amount_of(follower: Record, *, sure: bool) -> Money | None:
    """What moved, as the gateway says; where that is not sure, whatever is more of what it says and what was asked."""
    asked, said = follower.intent.amount, follower.payment.approved_amount
    if sure or asked is None or said is None:
        return said or asked
    return said if said.currency == asked.currency and said > asked else asked


def _rest(whole: Money, used: Money) -> Money:
    return whole - used if used <= whole else Money.zero(whole.currency)
