"""A person who settles by hand what is unknown, after a look into the bank's books; and who is wrong at times."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from random import Random

from paymentoptions_async import Payment, PaymentOptions, PaymentOptionsError, PaymentStatus
from tests.chaos.ledger import Ledger
from tests.chaos.timing import LEASE

WRONG = 0.25
AT_A_TIME = 12


class Person:
    """Settles a few at a time. ``settled`` has each reference with its verdict."""

    def __init__(self, gateway: PaymentOptions, seed: int) -> None:
        self._gateway = gateway
        self._random = Random(f"{seed}:person")
        self.settled: dict[str, str] = {}
        self.verdicts: Counter[str] = Counter()

    async def settle_some(self, ledger: Ledger) -> None:
        """Look up some that are unknown, and say what the books say; or not."""
        unknown = await self._gateway.unresolved(kind=PaymentStatus.UNKNOWN, older_than=LEASE + 1.0)
        for payment in self._random.sample(unknown, min(AT_A_TIME, len(unknown))):
            await self._settle(payment, ledger)

    async def give_up_abandoned(self) -> None:
        """Close what has waited for its buyer, which in this hasty world is a few seconds."""
        with suppress(PaymentOptionsError):
            closed = await self._gateway.settle_abandoned(older_than=LEASE, by="the campaign", note="never came back")
            self.settled |= {payment.ref: "abandoned" for payment in closed}
            self.verdicts["abandoned"] += len(closed)

    async def _settle(self, payment: Payment, ledger: Ledger) -> None:
        happened = any(transaction.moved for transaction in ledger.own(payment.ref, payment.operation, payment.parent))
        if self._is_mistaken(payment, ledger):
            happened = not happened
        verdict = "happened" if happened else "not_happened"
        try:
            await self._gateway.settle(payment.ref, verdict, by="the campaign", note="looked it up in the books")
        except PaymentOptionsError:
            return  # it was settled meanwhile, or the journal is away
        self.settled[payment.ref] = verdict
        self.verdicts[verdict] += 1

    def _is_mistaken(self, payment: Payment, ledger: Ledger) -> bool:
        """Only about charges of which the gateway can still tell: then it must be heard."""
        can_be_told = (
            bool(ledger.own(payment.ref, payment.operation, payment.parent)) and payment.operation.family == "charge"
        )
        return can_be_told and self._random.random() < WRONG
