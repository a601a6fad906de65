"""Asking: what the gateway says of a transaction."""

from __future__ import annotations

import asyncio

from paymentoptions_async import policy, requests, transitions
from paymentoptions_async.client.charging import Charging
from paymentoptions_async.discreet import discreet
from paymentoptions_async.errors import EnvironmentMismatch, NotAllowed
from paymentoptions_async.flow import Confirmation, require_answer
from paymentoptions_async.payment import Operation, Payment
from paymentoptions_async.values import Address, Card, Money


class Asking(Charging):
    """Questions change no money. Answers are taken in where the journal knows the payment."""

    @discreet
    async def status(self, transaction_id: str, *, timeout: float = policy.GET_TIMEOUT) -> Payment:
        """Ask the gateway for a transaction, and take in what it says if the journal knows the payment.

        UNKNOWN is returned as it is, also for a transaction that the gateway does not know (its 404 settles nothing).
        ``timeout`` is in seconds, tries included.

        Raises:
            InvalidValue: The id is no UUID.
            GatewayUnavailable, AuthenticationFailed, RateLimited: Not answered; nothing changed.
            EnvironmentMismatch: The transaction is of another environment or merchant.
            Contradiction: The answer contradicts what was settled; both are in the history.
        """
        self._check_usable()
        deadline = asyncio.get_running_loop().time() + policy.check_timeout(timeout)
        path, transaction_id = requests.status_path(transaction_id), transaction_id.lower()
        reply = await self._flow.ask(path, deadline)
        reading = self._gateway.read_status(reply, self._gateway.expected_of_unknown(transaction_id))
        require_answer(reading, reply.evidence)
        if reading.foreign is not None:
            raise EnvironmentMismatch(reading.foreign, operation=Operation.STATUS, evidence=reply.evidence)
        record = await self._journal.find(transaction_id) or await self._journal.get(reading.merchant_txn_ref or "")
        if record is not None:
            told = self._gateway.read_status(reply, self._gateway.expected(record, transaction_id))
            payment = (await self._flow.take_in(record, told)).payment
            if (payment.transaction_id or "").lower() == transaction_id:
                return payment
            if await self._flow.of_a_follower(record, reply, transaction_id) is Confirmation.TOLD:
                known = await self._journal.find(transaction_id)
                assert known is not None, "the journal has just taken it in"
                return known.payment
            # Else it is a renewal, a refund that nobody here asked for, or another attempt under the same reference.
        return transitions.observed(
            reading, environment=self._settings.environment, merchant_id=self._settings.merchant_id
        )

    @discreet
    async def check_units(
        self, *, card: Card, billing_address: Address, customer_ip: str, amount: Money | None = None
    ) -> Payment:
        """Prove with one small test payment that amounts are in major units, before going live.

        That they are is inferred: the vendor's samples are all in yen, which has no minor unit. Charges 10.50 USD (or
        ``amount``, which must have decimals), and asks for its status: both answers must repeat the amount to the
        digit. Then look it up in the portal: it must read 10.50 there, neither 0.11 nor 1,050.

        Raises `NotAllowed` in the live environment, `NotApproved` where the card was declined, and `OutcomeUnknown`
        where the gateway answers with another amount.
        """
        amount = amount if amount is not None else Money("10.50", "USD")
        if self._settings.environment.is_live or not amount.exponent:
            raise NotAllowed("check_units: needs a test environment, and a currency with decimals")
        payment = await self.purchase(
            amount,
            card=card,
            billing_address=billing_address,
            customer_ip=customer_ip,
            idempotency_key=f"units {self._random.getrandbits(64):x}",
            without_webhook=True,
        )
        payment.require_approved()
        return await self.resolve(payment.ref)
