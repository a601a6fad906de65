"""Corefy as flow, inbox and waiting see it: where an invoice is asked for, and how its answer is read."""

from __future__ import annotations

from dataclasses import dataclass

from paymentoptions_async import replies as shared
from paymentoptions_async.corefy import replies, requests
from paymentoptions_async.intent import Intent, Record
from paymentoptions_async.payment import Expected, Operation, Reading
from paymentoptions_async.wire.exchange import Reply

NAME = "corefy"


@dataclass(frozen=True, slots=True)
class CorefyGateway:
    """What is special to this gateway, for one account in one mode."""

    account_id: str
    is_live: bool

    def expected(self, record: Record, transaction_id: str) -> Expected:
        """See `flow.Gateway.expected`. A refund is read from its invoice, by its own reference."""
        intent = record.intent
        is_refund = intent.operation is Operation.REFUND
        return Expected(
            operation=intent.operation,
            merchant_id=self.account_id,
            live=self.is_live,
            ref=intent.merchant_txn_ref,
            own_ref=intent.ref if is_refund else None,
            amount=intent.amount,
            transaction_id=transaction_id,
            strict=True,
        )

    def expected_of_unknown(self, invoice_id: str | None = None) -> Expected:
        """What the answer about an invoice that no journal knows must agree with."""
        return Expected(Operation.STATUS, self.account_id, live=self.is_live, transaction_id=invoice_id, strict=True)

    def status_path(self, transaction_id: str) -> str:
        """See `flow.Gateway.status_path`."""
        return requests.invoice_path(transaction_id)

    def read_status(self, reply: Reply, expected: Expected) -> Reading:
        """See `flow.Gateway.read_status`."""
        if reply.evidence.failure is not None:
            return shared.read_failure(reply.evidence)
        return replies.read_invoice(reply.status, reply.headers, reply.body, expected)

    def read_created(self, reply: Reply, intent: Intent) -> Reading:
        """Read the answer to a new invoice, or to a refund."""
        if reply.evidence.failure is not None:
            return shared.read_failure(reply.evidence)
        return replies.read_invoice(reply.status, reply.headers, reply.body, self._asked(intent))

    def read_sale(self, reply: Reply, intent: Intent, invoice_id: str) -> Reading:
        """Read the answer to a sale."""
        if reply.evidence.failure is not None:
            return shared.read_failure(reply.evidence)
        return replies.read_sale(reply.status, reply.headers, reply.body, self._asked(intent, invoice_id))

    def _asked(self, intent: Intent, invoice_id: str | None = None) -> Expected:
        return Expected(
            operation=intent.operation,
            merchant_id=self.account_id,
            live=self.is_live,
            ref=intent.merchant_txn_ref,
            own_ref=intent.ref if intent.operation is Operation.REFUND else None,
            amount=intent.amount,
            transaction_id=invoice_id,
        )
