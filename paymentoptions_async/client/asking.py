"""Asking: what the gateway says of a transaction."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from paymentoptions_async import policy, requests, transitions
from paymentoptions_async.client.charging import Charging
from paymentoptions_async.discreet import discreet
from paymentoptions_async.errors import Contradiction, EnvironmentMismatch, NotAllowed
from paymentoptions_async.flow import Confirmation, Observation, Pace, contradiction, require_answer
from paymentoptions_async.intent import Record
from paymentoptions_async.payment import Operation, Payment, Reading
from paymentoptions_async.values import Address, Card, Money
from paymentoptions_async.wire.exchange import Reply


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
        seen = await self.observe(transaction_id, timeout=timeout)
        if seen.reading.foreign is not None:
            raise EnvironmentMismatch(seen.reading.foreign, operation=Operation.STATUS, evidence=seen.evidence)
        if seen.contradicts:
            assert seen.record is not None, "nothing else can be contradicted"
            raise contradiction(seen.record.payment)
        if seen.record is not None:
            return seen.record.payment
        return transitions.observed(
            seen.reading, environment=self._settings.environment, merchant_id=self._settings.merchant_id
        )

    @discreet
    async def observe(
        self, transaction_id: str, *, timeout: float = policy.GET_TIMEOUT, pace: Pace | None = None
    ) -> Observation:
        """Ask as `status` does, and return what the answer says beside what the journal has now: for reconciling.

        An answer of another environment or merchant, one that contradicts what was settled, and one that knows no such
        transaction are returned as well. ``pace`` says when each request may leave; ``timeout`` counts from then on.

        Raises:
            InvalidValue: The id is no UUID.
            GatewayUnavailable, AuthenticationFailed, RateLimited: Not answered; nothing changed.
        """
        self._check_usable()
        path, transaction_id = requests.status_path(transaction_id), transaction_id.lower()
        policy.check_timeout(timeout)
        if pace is not None:
            await pace.permit()
        reply = await self._flow.ask(path, asyncio.get_running_loop().time() + timeout, pace)
        reading = self._gateway.read_status(reply, self._gateway.expected_of_unknown(transaction_id))
        require_answer(reading, reply.evidence)
        if reading.foreign is not None:
            return Observation(reading, reply.evidence)
        record = await self._journal.about(transaction_id, reading.merchant_txn_ref or "")
        if record is None:
            return Observation(reading, reply.evidence)
        if transitions.repeats(record, reading):
            return Observation(reading, reply.evidence, record)
        return await self._take_in(record, reply, reading, transaction_id)

    async def _take_in(self, record: Record, reply: Reply, reading: Reading, transaction_id: str) -> Observation:
        """Take in an answer about a payment known here, or about what followed it."""
        told = self._gateway.read_status(reply, self._gateway.expected(record, transaction_id))
        try:
            record = await self._flow.take_in(record, told)
            if (record.payment.transaction_id or "").lower() == transaction_id:
                return Observation(reading, reply.evidence, record)
            if await self._flow.of_a_follower(record, reply, transaction_id) is Confirmation.TOLD:
                return Observation(reading, reply.evidence, await self._journal.find(transaction_id))
        except Contradiction as error:
            known = await self._journal.get(error.payment.ref)
            assert known is not None, "the journal has just taken it in"
            known = replace(known, payment=error.payment)  # as this answer left it, whoever changed it since
            return Observation(reading, reply.evidence, known, contradicts=True)
        # Else it is a renewal, a refund that nobody here asked for, or another attempt under the same reference.
        return Observation(reading, reply.evidence)

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
