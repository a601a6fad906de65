"""The PaymentOptions gateway as flow, inbox and waiting see it: where to ask, and how to read."""

from __future__ import annotations

from dataclasses import dataclass

from paymentoptions_async import replies, requests
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Expected, Operation, Reading
from paymentoptions_async.settings import Settings
from paymentoptions_async.wire.exchange import Reply

NAME = "paymentoptions"


@dataclass(frozen=True, slots=True)
class CardGateway:
    """What is special to this gateway, for one merchant in one environment."""

    settings: Settings

    def expected(self, record: Record, transaction_id: str) -> Expected:
        """See `flow.Gateway.expected`."""
        payment = record.payment
        return Expected(
            operation=payment.operation,
            merchant_id=self.settings.merchant_id,
            live=self.settings.environment.is_live,
            ref=record.ref,
            amount=payment.amount,
            transaction_id=transaction_id,
            strict=True,
        )

    def expected_of_unknown(self, transaction_id: str) -> Expected:
        """What a status answer about a transaction that no journal knows must agree with."""
        return Expected(
            operation=Operation.STATUS,
            merchant_id=self.settings.merchant_id,
            live=self.settings.environment.is_live,
            transaction_id=transaction_id,
        )

    def status_path(self, transaction_id: str) -> str:
        """See `flow.Gateway.status_path`."""
        return requests.status_path(transaction_id)

    def read_status(self, reply: Reply, expected: Expected) -> Reading:
        """See `flow.Gateway.read_status`."""
        if reply.evidence.failure is not None:
            return replies.read_failure(reply.evidence)
        return replies.read_status(reply.status, reply.headers, reply.body, expected)

    def read_operation(self, reply: Reply, intent: Intent) -> Reading:
        """Read the direct answer to an operation."""
        if reply.evidence.failure is not None:
            return replies.read_failure(reply.evidence)
        expected = Expected(
            operation=intent.operation,
            merchant_id=self.settings.merchant_id,
            live=self.settings.environment.is_live,
            ref=intent.ref,
            amount=intent.amount,
        )
        return replies.read_operation(reply.status, reply.headers, reply.body, expected)
