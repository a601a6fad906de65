"""What happens to invoices once all stories are told: the bank decides, takes some back, and all are read again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from paymentoptions_async import PaymentOptionsError
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.sandbox.corefy.books import Invoice
from tests.chaos.bank import Bank
from tests.chaos.hearing import Hearing
from tests.chaos.invoice_referee import InvoiceCase
from tests.chaos.reading import read_journal
from tests.chaos.taking_up import take_up_all
from tests.chaos.worker import INVOICE_FACTS

CHARGED_BACK = 15
"""Of so many invoices that were paid, one is charged back."""


class InvoiceDesk:
    """The conductor's side of the second gateway. Nobody settles here by hand: an invoice can be read."""

    def __init__(self, corefy: Corefy, bank: Bank, directory: Path) -> None:
        self._corefy = corefy
        self._bank = bank
        self._directory = directory

    def decide(self) -> None:
        """Let the bank say what it had not decided, once yes and once no, and take back some of what it paid."""
        corefy = self._bank.sandbox.corefy
        for number, invoice in enumerate(filter(_is_undecided, corefy.books.invoices)):
            decided = corefy.fail if number % 2 else corefy.process
            decided(invoice.id)
        paid = [one for one in corefy.books.invoices if one.refundable]
        for invoice in paid[::CHARGED_BACK]:
            corefy.charge_back(invoice.id)

    async def ask_again(self) -> None:
        """Take up the callbacks that wait; read the invoice of whatever is not settled, or whose callback nobody took.

        The bank gives up callbacks that a busy machine takes too late.
        """
        await take_up_all(self._corefy)
        for payment in await self._corefy.unresolved():
            with suppress(PaymentOptionsError):  # a contradiction, too, is in the history
                await self._corefy.resolve(payment.ref)
        deliveries = self._bank.sandbox.corefy.callbacks.deliveries
        for invoice_id in {one.transaction_id for one in deliveries if one.state == "given up"}:
            with suppress(PaymentOptionsError):
                await self._corefy.invoice(invoice_id)
        await self._corefy.drain()

    async def case(self) -> InvoiceCase:
        """What is known now."""
        records, histories = await read_journal(self._corefy)
        sandbox = self._bank.sandbox.corefy
        return InvoiceCase(
            books=sandbox.books,
            requests=tuple(self._bank.invoice_requests),
            callbacks=tuple(sandbox.callbacks.deliveries),
            records=records,
            histories=histories,
            unresolved=frozenset(payment.ref for payment in await self._corefy.unresolved()),
            heard=Hearing.read(self._directory, INVOICE_FACTS),
        )


def _is_undecided(invoice: Invoice) -> bool:
    return not invoice.is_final and any(one.state == "process_pending" for one in invoice.attempts)
