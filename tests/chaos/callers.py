"""How programs ask for payments: patiently, in haste, twice at once, or leaving in the middle; and again with the key.

Everything that a caller is told is written down, because it is what the journal must agree with later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from paymentoptions_async import (
    EnvironmentMismatch,
    GatewayUnavailable,
    JournalUnavailable,
    Money,
    OutcomeUnknown,
    Payment,
    PaymentOptionsError,
)
from paymentoptions_async.errors import MayBeCalledAgain
from tests.chaos.facts import Facts
from tests.chaos.timing import PATIENCE

MOODS = {"patient": 76, "hasty": 7, "leaves": 9, "twice": 8}
TRIES = 7


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: an operation under a key, of an order. ``call`` takes a timeout in seconds."""

    operation: str
    key: str
    order: str
    amount: Money | None
    call: Callable[[float], Awaitable[Payment]]


class Left(Exception):
    """The caller went away, and was told nothing."""


class Caller:
    """Asks, and writes down what it was told."""

    def __init__(self, facts: Facts, random: Random) -> None:
        self._facts = facts
        self._random = random

    async def ask(self, question: Question) -> Payment | None:
        """Ask until there is an answer, or until a program would leave it to its webhook: then None."""
        for tried in range(TRIES):
            try:
                return await self._in_some_mood(question)
            except (MayBeCalledAgain, GatewayUnavailable, JournalUnavailable):
                await asyncio.sleep(self._random.uniform(0.0, 0.1) * (tried + 1) ** 2)
            except (Left, OutcomeUnknown):
                if self._random.random() < 0.4:
                    return None
                await asyncio.sleep(self._random.uniform(0.0, 0.3))
            except EnvironmentMismatch:
                raise
            except PaymentOptionsError:
                return None
        return None

    async def once(self, question: Question, *, timeout: float = PATIENCE) -> Payment:
        """Ask once, and write down question and answer."""
        about = {"key": question.key, "op": question.operation}
        self._facts.add("asked", order=question.order, amount=_text(question.amount), **about)
        try:
            payment = await question.call(timeout)
        except PaymentOptionsError as error:
            status = error.payment.status if error.payment is not None else None
            self._facts.add("raised", error=type(error).__name__, ref=error.ref, status=status, **about)
            raise
        told = {"ref": payment.ref, "status": payment.status, "id": payment.transaction_id}
        self._facts.add("told", amount=_text(question.amount), **told, **about)
        return payment

    async def _in_some_mood(self, question: Question) -> Payment:
        match self._random.choices(list(MOODS), list(MOODS.values()))[0]:
            case "hasty":
                return await self.once(question, timeout=self._random.uniform(0.005, 0.4))
            case "leaves":
                return await self._leave(question)
            case "twice":
                return await self._twice(question)
            case _:
                return await self.once(question)

    async def _leave(self, question: Question) -> Payment:
        asking = asyncio.create_task(self.once(question))
        done, _ = await asyncio.wait(
            {asking}, timeout=self._random.choice((0.0, 0.01, 0.1, 0.3)) * self._random.random()
        )
        if done:
            return asking.result()
        asking.cancel()
        try:
            return await asking
        except asyncio.CancelledError:
            self._facts.add("left", key=question.key, op=question.operation)
            raise Left from None

    async def _twice(self, question: Question) -> Payment:
        first, second = await asyncio.gather(self.once(question), self.once(question), return_exceptions=True)
        if isinstance(first, BaseException) and not isinstance(second, BaseException):
            return second
        if isinstance(first, BaseException):
            raise first
        return first


def _text(amount: Money | None) -> str | None:
    return None if amount is None else str(amount)
