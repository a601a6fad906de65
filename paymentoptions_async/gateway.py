"""The PaymentOptions gateway as flow, inbox and waiting see it: where to ask, and how to read."""

from __future__ import annotations

from dataclasses import dataclass

from paymentoptions_async import links, replies, requests
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
            ref=record.intent.merchant_txn_ref,
            amount=payment.amount if record.intent.currency is None else None,
            currency=record.intent.currency,
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
        return replies.read_operation(reply.status, reply.headers, reply.body, self._expected(intent))

    def read_link(self, reply: Reply, intent: Intent) -> Reading:
        """Read the answer to the making of a link."""
        if reply.evidence.failure is not None:
            return replies.read_failure(reply.evidence)
        return links.read_link(reply.status, reply.headers, reply.body, self._expected(intent))

    def read_plain(self, reply: Reply) -> Reading:
        """Read an answer that holds no payment: whether and how it refuses."""
        if reply.evidence.failure is not None:
            return replies.read_failure(reply.evidence)
        nobody = Expected(Operation.STATUS, self.settings.merchant_id, live=self.settings.environment.is_live)
        return replies.read_operation(reply.status, reply.headers, reply.body, nobody)

    def _expected(self, intent: Intent) -> Expected:
        """What a direct answer must agree with. A plan's first charge may differ from its amount."""
        return Expected(
            operation=intent.operation,
            merchant_id=self.settings.merchant_id,
            live=self.settings.environment.is_live,
            ref=intent.merchant_txn_ref,
            amount=intent.amount if intent.currency is None else None,
            currency=intent.currency,
        )
