"""The hosts of a shop on one journal, each a process of its own: ``python -m tests.hosts.host ASSIGNMENT…``.

Each assignment (JSON) is one host. They come by forks, because importing takes most of a process's time. Each says on
its connection to the conductor what it is at: ``ready``, a receiver with its port; then an application ``told`` for
each buyer that it is done with, ``unavailable`` where the journal was, and ``sold`` when it sells no more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from pathlib import Path
from random import Random

import asyncpg  # type: ignore[import-untyped]  # noqa: F401  it has none; else each would import it after its fork

from paymentoptions_async import JournalUnavailable, Money, Payment, PaymentEvent, PaymentOptions, policy
from paymentoptions_async.errors import GatewayUnavailable, MayBeCalledAgain, OutcomeUnknown, RateLimited
from tests.chaos.buyers import Browser
from tests.chaos.callers import Caller, Question
from tests.chaos.doors import client, receiver
from tests.chaos.facts import Facts
from tests.chaos.marks import PUBLIC_URL, card
from tests.chaos.shop import BUYER, timed

BUYERS = 4
"""Buyers at once in each application."""
TRIES = 8
PATIENCE = 30.0
"""Seconds that a caller waits for a payment."""
CARDS = {
    "approved": 8,
    "declined": 3,
    "challenge": 4,
    "challenge_then_declined": 1,
    "pending": 2,
    "pending_then_declined": 1,
    "timeout_charged": 1,
}
"""What buyers pay with, and how often."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a host is to be. ``role`` is application, receiver or resolver."""

    role: str
    name: str
    seed: int
    journal: str
    bank: str
    directory: str
    conductor: str

    def dumps(self) -> str:
        """As an argument of the process."""
        return json.dumps(asdict(self))


def hasten() -> None:
    """Scale down how long the product leaves alone what nobody answered."""
    vars(policy).update(EXCHANGE_FLOOR=3.0, _FIRST_VISIT=0.5, _LONGEST_VISIT=2.0, _MAX_POLL=2.0)


class Handler:
    """The application's ``on_payment``: writes down when it began and ended with each event, and fails at times."""

    def __init__(self, facts: Facts, random: Random) -> None:
        self._facts = facts
        self._random = random

    async def __call__(self, event: PaymentEvent) -> None:
        """Take one event."""
        self._facts.add("handed", id=event.id, event=event.event, status=event.payment.status)
        await asyncio.sleep(self._random.uniform(0.0, 0.05))
        if self._random.random() < 0.03:
            self._facts.add("failed", id=event.id)
            raise RuntimeError("the shop's own database is away")
        self._facts.add("handled", id=event.id)


class Application:
    """Takes payments until it is told to stop. Every fifth order is sold by all applications at once."""

    def __init__(self, assignment: Assignment, gateway: PaymentOptions, browser: Browser, facts: Facts) -> None:
        self._seed = assignment.seed
        self._name = assignment.name
        self._gateway = gateway
        self._browser = browser
        self._facts = facts

    async def sell(self, say: Say, enough: asyncio.Event) -> None:
        """Serve buyers."""
        await asyncio.gather(*(self._serve(lane, say, enough) for lane in range(BUYERS)))

    async def _serve(self, lane: int, say: Say, enough: asyncio.Event) -> None:
        for number in count():
            if enough.is_set():
                return
            seller = "all" if number % 5 == 0 else self._name
            await self._buy(f"{seller}-{lane}-{number}", say)
            say("told")

    async def _buy(self, order: str, say: Say) -> None:
        """What is bought and how is the same in whatever process, so that the same key means the same."""
        random = Random(f"{self._seed}:{order}")
        amount = Money(str(random.randrange(100, 100_000)), "JPY")
        name = random.choices(list(CARDS), list(CARDS.values()))[0]
        call = partial(
            self._gateway.purchase, amount, card=card(name), order=order, idempotency_key=f"{order}:1", **BUYER
        )
        question = Question("purchase", f"{order}:1", order, amount, timed(call))
        payment = await self._ask(question, random, say)
        if payment is not None and payment.redirect_url is not None and random.random() < 0.8:
            await self._browser.answer(payment.redirect_url, "confirm")

    async def _ask(self, question: Question, random: Random, say: Say) -> Payment | None:
        """Ask with the same key until there is an answer. What is unknown is left to whoever resolves it."""
        for tried in range(TRIES):
            try:
                return await Caller(self._facts, random).once(question, timeout=PATIENCE)
            except OutcomeUnknown:
                return None
            except JournalUnavailable:
                say("unavailable")
            except MayBeCalledAgain:
                await asyncio.sleep(0.1 * tried)
        return None


async def resolve(gateway: PaymentOptions, facts: Facts, over: asyncio.Event) -> None:
    """Run rounds, as a timer would."""
    while not over.is_set():
        try:
            done = await gateway.resolve_open(older_than=1.0, concurrency=4)
        except (JournalUnavailable, GatewayUnavailable, RateLimited) as error:
            facts.add("no round", error=type(error).__name__)
        else:
            facts.add("round", settled=done.settled, visited=done.visited)
        try:
            async with asyncio.timeout(0.3):
                await over.wait()
        except TimeoutError:
            pass


class Conductor:
    """What is said to the conductor, and heard. It says one line when enough was sold, and ends when all is over."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.enough = asyncio.Event()
        self.over = asyncio.Event()

    def say(self, line: str) -> None:
        """Tell what this host is at."""
        self._writer.write(line.encode() + b"\n")

    async def listen(self) -> None:
        """Hear both."""
        await self._reader.readline()
        self.enough.set()
        await self._reader.read()
        self.over.set()


async def live(assignment: Assignment) -> None:
    """Be one host until the conductor has heard enough."""
    facts = Facts(Path(assignment.directory) / f"facts-{assignment.name}.jsonl")
    handler = Handler(facts, Random(f"{assignment.seed}:{assignment.name}"))
    on_payment = handler if assignment.role == "application" else None
    async with (
        _conducted(assignment) as conductor,
        client(assignment.journal, assignment.bank, on_payment) as gateway,
        Browser() as browser,
    ):
        match assignment.role:
            case "application":
                conductor.say("ready")
                await Application(assignment, gateway, browser, facts).sell(conductor.say, conductor.enough)
                conductor.say("sold")
            case "receiver":
                async with receiver({PUBLIC_URL: gateway}) as port:
                    conductor.say(f"ready {port}")
                    await conductor.over.wait()
            case "resolver":
                conductor.say("ready")
                await resolve(gateway, facts, conductor.over)
            case role:
                raise ValueError(role)
        await conductor.over.wait()  # until then an application's handlers are called


@asynccontextmanager
async def _conducted(assignment: Assignment) -> AsyncIterator[Conductor]:
    reader, writer = await asyncio.open_unix_connection(assignment.conductor)
    conductor = Conductor(reader, writer)
    conductor.say(assignment.name)
    listening = asyncio.create_task(conductor.listen())
    try:
        yield conductor
    finally:
        listening.cancel()
        writer.close()


def main() -> None:
    """Become all hosts, and wait for them; fails where one of them did."""
    hasten()
    children = []
    for text in sys.argv[1:]:
        child = os.fork()
        if child == 0:
            _be(Assignment(**json.loads(text)))
            return
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    sys.exit(any(codes))


def _be(assignment: Assignment) -> None:
    log = Path(assignment.directory) / f"log-{assignment.name}.txt"
    logging.basicConfig(level=logging.INFO, filename=log, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(live(assignment))


if __name__ == "__main__":
    main()
