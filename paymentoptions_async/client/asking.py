"""Asking: what the gateway says of a transaction, what the journal says of a payment, and waiting for news."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from paymentoptions_async import policy, polling, redirects, requests, settling, transitions
from paymentoptions_async.balance import Balance, balance_of
from paymentoptions_async.client.charging import Charging
from paymentoptions_async.errors import EnvironmentMismatch, NotAllowed, WebhookRejected
from paymentoptions_async.flow import Confirmation, require_answer
from paymentoptions_async.intent import Entry
from paymentoptions_async.payment import Operation, Payment, PaymentStatus
from paymentoptions_async.values import Address, Card, Money


class Asking(Charging):
    """Questions change no money. Answers are taken in where the journal knows the payment."""

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

    async def payment(self, ref: str) -> Payment:
        """Read a payment from the journal, asking nobody. Raises `InvalidValue` for an unknown reference."""
        self._check_usable()
        return (await polling.known(self._flow, ref)).payment

    async def returned(self, purpose: str, ref: str, token: str) -> Payment:
        """Take in a buyer who comes back: check the return URL, and tell how the payment really stands.

        ``purpose`` is ``success``, ``decline`` or ``cancel``, the part of the path before the reference. It is where
        the gateway sent the buyer, and proves nothing: show ``payment.status``. Nothing is settled by a return.

        Raises `WebhookRejected`: answer its ``http_status``, 404 for a bad token and 410 for an expired one.
        """
        self._check_usable()
        if purpose not in redirects.RETURNS:
            raise WebhookRejected("no return URL ends so", http_status=404)
        self._settings.signer.verify(ref, redirects.Purpose(purpose), token, now=self._clock())
        record = await self._journal.get(ref)
        if record is None:
            raise WebhookRejected("a return to a payment that the journal does not know", http_status=404)
        return record.payment

    async def history(self, ref: str) -> Sequence[Entry]:
        """All that was ever recorded of a payment, oldest first: what changed, when, and told by whom.

        Raises `InvalidValue` for an unknown reference.
        """
        self._check_usable()
        await polling.known(self._flow, ref)
        return await self._journal.history(ref)

    async def wait(self, ref: str, *, timeout: float) -> Payment:
        """Return a payment once it is final, whichever source brings it: webhook, polling, or another call.

        Raises `NotFinal`, which carries the last known state, after ``timeout`` seconds; `Contradiction`;
        `AuthenticationFailed`.
        """
        self._check_usable()
        return await polling.wait(self._flow, ref, timeout=policy.check_timeout(timeout), random=self._random)

    async def resolve(self, ref: str, *, timeout: float = policy.GET_TIMEOUT) -> Payment:
        """Try what can settle a payment: ask for its transaction, and for those that its webhooks named.

        Returns it as it then stands, UNKNOWN included. Raises what `status` raises.
        """
        self._check_usable()
        deadline = asyncio.get_running_loop().time() + policy.check_timeout(timeout)
        return await polling.resolve(self._flow, ref, deadline=deadline)

    async def unresolved(self, *, kind: PaymentStatus | None = None, older_than: float = 0.0) -> list[Payment]:
        """List what is not final: subscriptions first, because they keep billing; then what is unknown or pending.

        Last comes what waits for its buyer. Each group is oldest first; ``payment.opened_at`` says how old. ``kind``
        keeps one status; ``older_than`` those opened at least so many seconds ago.
        """
        self._check_usable()
        records = await settling.unresolved(self._journal, self._scope, kind=kind, older_than=older_than)
        return [record.payment for record in records]

    async def balance(self, ref: str) -> Balance:
        """Add up what was captured, refunded and voided of a charge or capture, from the journal alone.

        What is unknown, in flight or pending is told apart, and counts as if it had happened.
        """
        self._check_usable()
        record = await polling.known(self._flow, ref)
        return balance_of(record.payment, await self._journal.followers(ref))

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
