"""What follows a charge: capture, void, refund."""

from __future__ import annotations

from typing import Any

from paymentoptions_async import policy, requests
from paymentoptions_async.balance import Balance, balance_of
from paymentoptions_async.client.base import Base
from paymentoptions_async.discreet import discreet
from paymentoptions_async.door import check_amount
from paymentoptions_async.errors import InvalidValue, NotAllowed
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Operation, Payment
from paymentoptions_async.refs import may_be_ref
from paymentoptions_async.values import Money, check_notes


class Following(Base):
    """Operations on an earlier payment, named by its reference, or by its transaction id where no journal knows it.

    Each makes a transaction of its own. A refund takes the capture's reference, not the authorisation's. Accepted is
    not settled: the bank may take days.
    """

    @discreet
    async def capture(
        self,
        payment: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        notes: str | None = None,
        insist: bool = False,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Take what an authorisation holds, in whole or in part.

        Raises what `purchase` raises, and `NotAllowed` where the balance forbids it.

        Args:
            payment: The authorisation's reference, or its transaction id.
            amount: What to take, in major units; left out, all that is left. Several partial captures depend on the
                acquirer: by the vendor's prose a smaller capture releases the rest.
            idempotency_key: Required with ``amount``; derived from the authorisation without.
            notes: Your own text, for the portal; our reference follows it. 128 characters in all.
            insist: Send what the rules of balances refuse. Never past an operation whose outcome is unknown.
            timeout: Bounds this call, seconds.

        Raises:
            NotAllowed: More than is left, voided, or an earlier one is unknown. Nothing was sent.
            InvalidValue: The reference, key, amount or notes are not usable. Nothing was sent.
        """
        return await self._follow(
            Operation.CAPTURE,
            payment,
            amount,
            key=idempotency_key,
            notes=notes,
            insist=insist,
            timeout=timeout,
        )

    @discreet
    async def refund(
        self,
        payment: str,
        amount: Money | None = None,
        *,
        idempotency_key: str | None = None,
        notes: str | None = None,
        insist: bool = False,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Give back a purchase or capture, in whole or in part, once or several times.

        ``payment`` is the reference of the purchase or of the capture. Otherwise as `capture`.
        """
        return await self._follow(
            Operation.REFUND,
            payment,
            amount,
            key=idempotency_key,
            notes=notes,
            insist=insist,
            timeout=timeout,
        )

    @discreet
    async def void(
        self,
        payment: str,
        *,
        idempotency_key: str | None = None,
        insist: bool = False,
        timeout: float = policy.POST_TIMEOUT,
    ) -> Payment:
        """Let go of an authorisation of which nothing was captured. The key is derived from it where none is given."""
        return await self._follow(
            Operation.VOID, payment, None, key=idempotency_key, notes=None, insist=insist, timeout=timeout
        )

    async def _follow(
        self,
        operation: Operation,
        of: str,
        amount: Money | None,
        *,
        key: str | None,
        notes: str | None,
        insist: bool,
        timeout: float,
    ) -> Payment:
        self._check_usable()
        policy.check_timeout(timeout)
        if amount is not None and check_amount(amount) and key is None:
            raise InvalidValue(
                f"idempotency_key: needed where an amount is given, because a second {operation} of the same amount "
                "may be meant",
                field="idempotency_key",
            )
        parent, transaction_id = await self._parent(operation, of)
        charge_ref = parent.intent.merchant_txn_ref if parent else None
        about: dict[str, Any] = {"parent": parent.ref if parent else transaction_id, "charge_ref": charge_ref}
        key = key if key is not None else f"{operation} of {about['parent']}"
        intent = self._intent(operation, idempotency_key=key, amount=amount, insist=insist, **about)
        if amount is None and operation is not Operation.VOID:
            whole = await self._whole(intent, parent)
            intent = self._intent(operation, idempotency_key=key, amount=whole, insist=insist, **about)
        body = requests.following_body(
            transaction_id=transaction_id,
            merchant_id=self._settings.merchant_id,
            amount=intent.amount,
            notes=None if operation is Operation.VOID else _notes(notes, intent.ref),
        )
        return await self._operate(intent, _PATHS[operation], body, timeout)

    async def _parent(self, operation: Operation, of: str) -> tuple[Record | None, str]:
        """The record and the gateway's transaction of what is followed."""
        record = await self._journal.get(of) if may_be_ref(of) else None
        if record is None:
            transaction_id = requests.check_transaction_id(of, "payment")
            known = await self._journal.find(transaction_id)
            # A renewal or a duplicate charge is money of its own: the balance of the payment beside it says nothing.
            beside = known is not None and known.payment.transaction_id != transaction_id
            return (None if beside else known), transaction_id
        if record.payment.transaction_id is None:
            raise NotAllowed(
                f"{operation} of {of}: it is {record.payment.status} and has no transaction yet",
                operation=operation,
                payment=record.payment,
            )
        return record, record.payment.transaction_id

    async def _whole(self, intent: Intent, parent: Record | None) -> Money:
        """What is left to capture or refund; under a key that stands already, what it stands for."""
        standing = await self._journal.get(intent.ref)
        if standing is not None and standing.intent.amount is not None:
            return standing.intent.amount
        if parent is None:
            raise InvalidValue(
                "amount: needed, because the journal does not know the payment and so not what is left", field="amount"
            )
        followers = [one for one in await self._journal.followers(parent.ref) if one.ref != intent.ref]
        balance: Balance = balance_of(parent.payment, followers)  # without itself: admitted since, it is the answer
        left = balance.capturable if intent.operation is Operation.CAPTURE else balance.refundable
        if not left.is_positive:
            raise NotAllowed(
                f"{intent.operation} of {parent.ref}: nothing is left of {balance.captured} captured, "
                f"{balance.authorized} authorised, counting what is not settled",
                operation=intent.operation,
                payment=parent.payment,
            )
        return left


_PATHS = {
    Operation.CAPTURE: requests.CAPTURE,
    Operation.VOID: requests.VOID,
    Operation.REFUND: requests.REFUND,
}


def _notes(text: str | None, ref: str) -> str:
    """The caller's text, then our reference: the only place where the portal shows it for a capture or refund."""
    return check_notes(f"{text} {ref}" if text is not None else ref)
