"""Rounds over a journal: one, or one after the other until somebody ends them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Protocol

from paymentoptions_async import PaymentOptions, Round
from paymentoptions_async.cli.failure import Failure
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.errors import JournalUnavailable
from paymentoptions_async.flow import Pace
from paymentoptions_async.settling import Urgency

DONE, NEEDS_A_PERSON, NOT_DONE = 0, 1, Failure.exit_code

_SPREAD = 0.1
"""The part of an interval by which it is longer or shorter, so that several hosts don't march in step."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round came to. ``overdue`` are open for too long; ``at`` is when it ended, in Unix seconds."""

    round: Round
    overdue: int
    seconds: float
    at: float

    @property
    def is_done(self) -> bool:
        """False where the gateway answered nothing, or the round was ended before it came to all."""
        came = self.round
        answered = came.settled + came.still_open + len(came.contradictions)
        return came.is_complete and (answered > 0 or not came.unanswered)

    @property
    def exit_code(self) -> int:
        """For whoever started it, and for a timer that calls somebody."""
        if not self.is_done:
            return NOT_DONE
        return NEEDS_A_PERSON if self.round.contradictions or self.overdue else DONE


class Telling(Protocol):
    """Who is told."""

    def ended(self, outcome: Outcome) -> None:
        """A round is over."""
        ...

    def failed(self, error: JournalUnavailable, at: float) -> None:
        """A round could not be done, and is tried again."""
        ...

    def stopping(self) -> None:
        """No more questions leave."""
        ...


class Rounds:
    """Goes round with a client. ``older_than`` and ``alarm_after`` are in seconds. For one event loop."""

    def __init__(
        self,
        client: PaymentOptions | Corefy,
        *,
        telling: Telling,
        older_than: float,
        concurrency: int,
        alarm_after: float,
        pace: Pace | None,
        clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._client = client
        self._telling = telling
        self._older_than = older_than
        self._concurrency = concurrency
        self._alarm_after = alarm_after
        self._pace = pace
        self._clock = clock
        self._random = random or Random()  # noqa: S311  jitter is no secret
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Let what is in flight come in, and leave the rest to others."""
        if not self._stop.is_set():
            self._stop.set()  # first: where nobody reads what is said, saying it fails
            with contextlib.suppress(OSError):
                self._telling.stopping()

    async def once(self) -> int:
        """Go round once; return the exit code. Raises what `PaymentOptions.resolve_open` raises."""
        outcome = await self._round()
        self._telling.ended(outcome)
        return outcome.exit_code

    async def every(self, seconds: float) -> int:
        """Go round so often, until told to stop; a journal that is lost is tried again.

        Return the exit code. Raises `AuthenticationFailed`, which the next round would meet as well.
        """
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            next_at = loop.time() + seconds * self._random.uniform(1 - _SPREAD, 1 + _SPREAD)
            try:
                self._telling.ended(await self._round())
            except JournalUnavailable as error:
                self._telling.failed(error, self._clock())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(next_at):
                    await self._stop.wait()
        return DONE

    async def _round(self) -> Outcome:
        began = asyncio.get_running_loop().time()
        came = await self._client.resolve_open(
            older_than=self._older_than, concurrency=self._concurrency, pace=self._pace, stop=self._stop
        )
        overdue = [
            payment
            for payment in await self._client.unresolved(older_than=self._alarm_after)
            if Urgency.of(payment) is not Urgency.WAITING
        ]
        return Outcome(came, len(overdue), asyncio.get_running_loop().time() - began, self._clock())


@contextlib.contextmanager
def heard(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` at the first interrupt, and cancel the running task at the next."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    heard_one = False

    def interrupt() -> None:
        nonlocal heard_one
        if heard_one:
            task.cancel()
        heard_one = True
        stop()

    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        raise Failure("Stopped at once. What was not settled is left to others.") from None
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
