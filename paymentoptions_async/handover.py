"""Handing confirmed changes over to the application, at least once, in the order of each payment.

The journal keeps an event of each confirmed change until the application's handler has returned. Whoever has a
handler for the same merchant, in whatever process, takes part: an event is claimed for as long as the handler may run,
and whoever crashes in between leaves it to the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from secrets import token_hex

from paymentoptions_async import policy
from paymentoptions_async.errors import JournalUnavailable, PaymentOptionsError
from paymentoptions_async.intent import PaymentEvent
from paymentoptions_async.journal import Journal
from paymentoptions_async.masking import mask_text

log = logging.getLogger("paymentoptions_async")

OnPayment = Callable[[PaymentEvent], Awaitable[None]]

HANDLER_TIMEOUT = 60.0
"""Seconds that a handler may take; then it is cancelled, and called again later."""
LOOK = 2.0
"""Seconds between looks for what other processes recorded, about; what this one records is handed over at once."""
AT_ONCE = 10
"""Payments whose events are handed over at once."""


class Handover:
    """Calls the application's handler for each event of a scope. One for each client that has a handler."""

    def __init__(self, journal: Journal, scope: str, handler: OnPayment, *, random: Random) -> None:
        self._journal = journal
        self._scope = scope
        self._handler = handler
        self._random = random
        self._owner = token_hex(16)
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[None], str] = {}
        self._claiming = asyncio.Lock()
        self._stopping = False

    async def start(self) -> None:
        """Have events kept from now on, and begin with what an earlier process left. Idempotent."""
        await self._journal.keep_events(self._scope)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def look(self) -> None:
        """There may be news."""
        self._news.set()

    @property
    def has_started(self) -> bool:
        """True once events are kept for the handler, and handed over."""
        return self._task is not None

    @property
    def calls_us(self) -> bool:
        """True inside a handler."""
        return asyncio.current_task() in self._running

    async def drain(self) -> None:
        """Hand over all that is due now, and wait for the handlers."""
        while await self._begin_some() or self._running:
            if self._running:
                await asyncio.wait(self._running)

    async def stop(self) -> None:
        """Begin no more, and let the handlers that run come to their end. Idempotent."""
        self._stopping = True
        self._news.set()
        if self._task is not None:
            await asyncio.wait({self._task})  # what it was just claiming is handed over
        while self._running:
            await asyncio.wait(self._running)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                began = await self._begin_some()
            except JournalUnavailable as error:
                log.error("events wait, because the journal can't be read: %s", error)  # noqa: TRY400  it says it all
                began = False
            except Exception as error:  # noqa: BLE001  whatever it is, events must not wait for good
                log.error("events wait, because of %s", type(error).__name__)  # noqa: TRY400  it may show anything
                began = False
            if not began and not self._stopping:
                await self._rest()

    async def _rest(self) -> None:
        """Until there is news here, or it is time to look for what others recorded."""
        try:
            async with asyncio.timeout(LOOK * self._random.uniform(0.5, 1.5)):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    async def _begin_some(self) -> bool:
        """Claim as many events as there are free hands, and begin with them; False if none was due."""
        lease = HANDLER_TIMEOUT + policy.LEASE_MARGIN
        async with self._claiming:
            free = AT_ONCE - len(self._running)
            if free <= 0:
                return False
            events = await self._journal.claim_events(self._scope, owner=self._owner, lease=lease, limit=free)
            for event in events:
                if event.id in self._running.values():
                    continue  # its claim has ended, but its handler has not: it took no notice of being cancelled
                task = asyncio.get_running_loop().create_task(self._hand_over(event))
                self._running[task] = event.id
                task.add_done_callback(self._ended)
        return bool(events)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._news.set()  # a hand is free, and the payment's next event may follow
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("an event waits for its claim to end, because of %s", type(error).__name__)

    async def _hand_over(self, event: PaymentEvent) -> None:
        failure = await self._call(event)
        if failure is None:
            await self._journal.close_event(event.id, owner=self._owner)
            return
        delay = policy.poll_delay(event.attempt - 1, self._random)
        log.error("on_payment %s with event %s; it is called again in %.0f s", failure, event.id, delay)
        await self._journal.put_back_event(event.id, owner=self._owner, delay=delay)

    async def _call(self, event: PaymentEvent) -> str | None:
        """Call the handler; return what went wrong.

        The application's own messages stay out of the log; ours are masked, and say what to do.
        """
        try:
            async with asyncio.timeout(HANDLER_TIMEOUT) as bound:
                await self._handler(event)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return "was cancelled from inside"
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            raise  # the program ends
        except BaseException as error:  # noqa: BLE001  whatever it raises, it is called again
            if bound.expired():
                return f"took over {HANDLER_TIMEOUT:g} s"
            ours = f": {mask_text(str(error))}" if isinstance(error, PaymentOptionsError) else ""
            return f"raised {type(error).__name__}{ours}"
        return None
