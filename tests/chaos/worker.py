"""One worker: a process with a shop, a receiver for webhooks and an ``on_payment`` handler, on the shared journal.

It is told by one argument (JSON) what to do, and says on its standard output what it is at: ``ready <port>``,
``begun <story>``, ``done <story>``, ``stopped`` where the client charges no more, ``idle`` when all stories are told.
It goes on receiving webhooks until its standard input ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from json import dumps, loads
from pathlib import Path
from random import Random
from typing import Self, TypeVar

from paymentoptions_async import JournalUnavailable, PaymentEvent, PaymentOptions
from paymentoptions_async.corefy import Corefy
from tests.chaos import mutants
from tests.chaos.buyers import Browser
from tests.chaos.doors import client, corefy_client, receiver
from tests.chaos.facts import Facts
from tests.chaos.invoice_shop import InvoiceShop
from tests.chaos.marks import COREFY_PUBLIC_URL, PUBLIC_URL
from tests.chaos.shop import Shop, Teller
from tests.chaos.timing import hasten
from tests.chaos.workload import Story, story_of

AT_ONCE = 32
INVOICE_FACTS = "invoice-facts"
"""What the files are called in which Corefy's callers and handlers write."""

AClient = TypeVar("AClient", PaymentOptions, Corefy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What a worker is to do. ``life`` counts how often it was started; ``again`` are stories to be told again."""

    seed: int
    worker: int
    workers: int
    life: int
    first: int
    stories: int
    again: tuple[int, ...]
    journal: str
    bank: str
    directory: str
    mutant: str | None

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.worker}-{self.life}"

    def dumps(self) -> str:
        """As the argument of the process."""
        return dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Self:
        """Read the argument."""
        fields = loads(text)
        return cls(**{**fields, "again": tuple(fields["again"])})

    def told_here(self) -> Iterator[Story]:
        """The stories of this worker: every n-th, those that it shares with its neighbour, and those told again."""
        for number in self.again:
            yield story_of(self.seed, number)
        for number in range(self.first, self.stories):
            place = (self.worker - number) % self.workers
            if place == 0 or (place == 1 and story_of(self.seed, number).shared):
                yield story_of(self.seed, number)


class Handler:
    """The application's ``on_payment``: writes down what it was given, and fails at times."""

    def __init__(self, facts: Facts, random: Random) -> None:
        self._facts = facts
        self._random = random

    async def __call__(self, event: PaymentEvent) -> None:
        """Take one event."""
        self._facts.add("handed", id=event.id, event=event.event, status=event.payment.status)
        luck = self._random.random()
        await asyncio.sleep(60.0 if luck < 0.001 else 0.0)  # so long that it is cancelled
        if luck < 0.06:
            raise RuntimeError("the shop's own database is away")
        self._facts.add("handled", id=event.id)


async def work(assignment: Assignment) -> None:
    """Tell the stories, and receive until the conductor has heard enough."""
    seed, directory = f"{assignment.seed}:{assignment.name}", Path(assignment.directory)
    facts = Facts(directory / f"facts-{assignment.name}.jsonl")
    invoice_facts = Facts(directory / f"{INVOICE_FACTS}-{assignment.name}.jsonl")
    handler = Handler(facts, Random(f"{assignment.seed}:handler:{assignment.name}"))
    invoice_handler = Handler(invoice_facts, Random(f"{assignment.seed}:invoice handler:{assignment.name}"))
    async with (
        _opened(lambda: client(assignment.journal, assignment.bank, handler)) as gateway,
        _opened(lambda: corefy_client(assignment.journal, assignment.bank, invoice_handler)) as corefy,
        receiver({PUBLIC_URL: gateway, COREFY_PUBLIC_URL: corefy}) as port,
        Browser() as browser,
    ):
        _say(f"ready {port}")
        shop = Shop(gateway, facts, browser, seed)
        invoice_shop = InvoiceShop(corefy, invoice_facts, browser, seed)
        is_stopped = await _tell_all(shop, invoice_shop, assignment.told_here())
        _say("stopped" if is_stopped else "idle")
        await _until_input_ends()


async def _tell_all(shop: Shop, invoice_shop: InvoiceShop, stories: Iterator[Story]) -> bool:
    """So many stories at once, each begun in its turn. True where one of the clients charges no more."""

    def is_stopped() -> bool:
        return shop.is_stopped or invoice_shop.is_stopped

    async def tell_some() -> None:
        for story in stories:
            if is_stopped():
                return
            _say(f"begun {story.number}")
            teller: Teller = invoice_shop if story.is_invoice else shop
            await teller.tell(story)
            if not teller.is_stopped:
                _say(f"done {story.number}")

    await asyncio.gather(*(tell_some() for _ in range(AT_ONCE)))
    return is_stopped()


@asynccontextmanager
async def _opened(made: Callable[[], AClient]) -> AsyncIterator[AClient]:
    """A client; opened again while the journal's database is being started again."""
    while True:
        gateway = made()
        try:
            await gateway.__aenter__()
        except JournalUnavailable:
            await asyncio.sleep(0.2)
            continue
        break
    try:
        yield gateway
    finally:
        await gateway.aclose()


async def _until_input_ends() -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def _say(line: str) -> None:
    os.write(sys.stdout.fileno(), line.encode() + b"\n")


def main() -> None:
    """Run one worker."""
    assignment = Assignment.loads(sys.argv[1])
    hasten()
    logging.basicConfig(level=logging.DEBUG, filename=Path(assignment.directory) / f"log-{assignment.name}.txt")
    if assignment.mutant is not None:
        mutants.apply(assignment.mutant)
    asyncio.run(work(assignment))


if __name__ == "__main__":
    main()
