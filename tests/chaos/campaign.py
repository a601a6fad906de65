"""One campaign: workers charge a bank in bad weather; when all is settled, the books are held against the journal."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from paymentoptions_async import JournalUnavailable, PaymentOptions, PaymentOptionsError
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.sandbox import Transaction
from tests.chaos import timing, weather
from tests.chaos.bank import Bank
from tests.chaos.crew import Crew
from tests.chaos.database import Database
from tests.chaos.doors import client, corefy_client
from tests.chaos.facts import Facts
from tests.chaos.hearing import Hearing
from tests.chaos.invoice_desk import InvoiceDesk
from tests.chaos.invoice_referee import InvoiceCase, judge_invoices
from tests.chaos.ledger import Ledger
from tests.chaos.marks import secrets_in
from tests.chaos.person import Person
from tests.chaos.reading import read_journal
from tests.chaos.referee import Case, Harm, Kept, handed_over, judge
from tests.chaos.taking_up import take_up_all
from tests.chaos.weather import Blow
from tests.chaos.worker import INVOICE_FACTS, Assignment, Handler
from tests.chaos.workload import stories

STALLED_AFTER = 90.0
"""Seconds without any news from any worker."""
HANDED_OVER_WITHIN = 6.0
"""Seconds after which a lease ends or another event is handed over at the latest, where a process was killed."""
SHOWN = 12
"""Harms of which the report tells all that is known."""
DAY = 86_400.0
QUESTIONS = ("status", "subscription_list", "subscription_show", "corefy_show", "corefy_list")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a campaign is to be. ``mutant`` names a promise that is broken on purpose in its workers."""

    seed: int
    payments: int
    workers: int
    directory: Path
    mutant: str | None = None


@dataclass(kw_only=True)
class Outcome:
    """What came of a campaign, for the report."""

    plan: Plan
    journal: str
    stories: int
    seconds: float
    faults: Counter[str]
    struck: Counter[str]
    verdicts: Counter[str]
    harms: list[Harm] = field(default_factory=list)
    case: Case | None = None
    invoices: InvoiceCase | None = None


async def run(plan: Plan, database: Database) -> Outcome:
    """Run one campaign in this process's event loop. This process is the bank; its workers are others."""
    timing.hasten()
    _log_to(plan.directory / "log-conductor.txt")
    told = sum(1 for _ in stories(plan.seed, plan.payments))
    bank = Bank(plan.seed)
    await bank.open()
    crew = Crew(_assignment(plan, database, bank, told), bank.receivers)
    facts = Facts(plan.directory / "facts-conductor.jsonl")
    invoice_facts = Facts(plan.directory / f"{INVOICE_FACTS}-conductor.jsonl")
    try:
        began = time.monotonic()
        await crew.start()
        # The person's clients, which also read the journal at the end.
        async with (
            client(database.url, bank.url, Handler(facts, Random(plan.seed))) as gateway,
            corefy_client(database.url, bank.url, Handler(invoice_facts, Random(plan.seed))) as corefy,
        ):
            campaign = _Campaign(plan, database, bank, crew, gateway=gateway, corefy=corefy)
            await campaign.strike_until_told(told)
            seconds = time.monotonic() - began
            await campaign.settle()
            outcome = Outcome(
                plan=plan,
                journal=database.kind,
                stories=told,
                seconds=seconds,
                faults=campaign.faults + bank.forged_as_faults(),
                struck=crew.struck,
                verdicts=campaign.person.verdicts,
            )
            outcome.case, outcome.invoices = await campaign.cases()
            outcome.harms = campaign.troubles() + judge(outcome.case) + judge_invoices(outcome.invoices)
            for case in (outcome.case, outcome.invoices):
                await campaign.look_up_notices(case, outcome.harms)
        outcome.harms += _leaks(plan.directory, database)
        return outcome
    finally:
        await crew.abandon()
        await bank.close()
        facts.close()
        invoice_facts.close()


class _Campaign:
    """What the conductor does while the workers work, and after."""

    def __init__(
        self, plan: Plan, database: Database, bank: Bank, crew: Crew, *, gateway: PaymentOptions, corefy: Corefy
    ) -> None:
        self._plan = plan
        self._database = database
        self._bank = bank
        self._crew = crew
        self._gateway = gateway
        self._corefy = corefy
        self._invoice_desk = InvoiceDesk(corefy, bank, plan.directory)
        self._ledger = Ledger(bank.sandbox.books)
        self._striking: set[asyncio.Task[None]] = set()
        self._troubles: list[str] = []
        self.person = Person(gateway, plan.seed)
        self.faults: Counter[str] = Counter()

    async def strike_until_told(self, stories: int) -> None:
        """Strike each blow when its time has come, until all stories are told."""
        blows = weather.blows(
            self._plan.seed,
            stories=stories,
            payments=self._plan.payments,
            workers=self._plan.workers,
            has_database=self._database.can_be_struck,
        )
        while not self._crew.finished.is_set():
            while blows and blows[0].at <= self._crew.told:
                striking = asyncio.create_task(self._strike(blows.pop(0)))
                self._striking.add(striking)
                striking.add_done_callback(self._struck)
            self._crew.progressed.clear()
            try:
                async with asyncio.timeout(STALLED_AFTER):
                    await self._crew.progressed.wait()
            except TimeoutError:
                self._troubles.append(f"no worker said anything for {STALLED_AFTER:g} s")
                return
        await asyncio.gather(*self._striking)

    async def settle(self) -> None:
        """Calm weather: pending ones end, what is under way arrives, people look up the rest, all is asked again."""
        struck = self._bank.sandbox.faults.fired
        self.faults = Counter(_told_of(what, rule.fault, rule.when) for what, rule in struck)
        self._bank.sandbox.faults.clear()
        self._bank.sandbox.clock.advance(61.0)  # what was pending ends, and what was held back goes out
        await asyncio.sleep(timing.LEASE)
        await self._bank.quiet()
        await self._settle_by_hand()
        self._invoice_desk.decide()
        self._bank.sandbox.clock.advance(DAY)  # subscriptions are charged again, and unpaid invoices expire
        await asyncio.sleep(0.2)
        await self._bank.quiet()
        await self._crew.end()
        await self._ask_again()
        await self._invoice_desk.ask_again()
        await self._gateway.drain()

    async def cases(self) -> tuple[Case, InvoiceCase]:
        """What is known now: once everything was handed over, or should have been."""
        missing, since = -1, time.monotonic()
        while True:
            case, invoices = await self._case(), await self._invoice_desk.case()
            left = _left(case) + _left(invoices)
            if left != missing:
                missing, since = left, time.monotonic()
            if not left or time.monotonic() > since + HANDED_OVER_WITHIN:
                return case, invoices
            await asyncio.sleep(1.0)
            await self._gateway.drain()
            await self._corefy.drain()

    def troubles(self) -> list[Harm]:
        """What went wrong around the payments: processes that fell, and forgeries that were taken in."""
        said = [*self._troubles, *self._crew.troubles]
        return [Harm("it must not fall", what) for what in said] + [
            Harm("a webhook is a hint", what) for what in self._bank.taken_in
        ]

    async def look_up_notices(self, case: Kept, harms: list[Harm]) -> None:
        """Read the webhooks of what is wrong, for the report."""
        refs = [harm.ref for harm in harms[:SHOWN] if harm.ref in case.records]
        case.notices = {ref: await self._gateway._journal.notices(ref) for ref in refs}

    def _struck(self, striking: asyncio.Task[None]) -> None:
        self._striking.discard(striking)
        if not striking.cancelled() and (error := striking.exception()) is not None:
            self._troubles.append(f"a blow failed with {error!r}")

    async def _strike(self, blow: Blow) -> None:
        match blow.what:
            case "kill":
                await self._crew.kill(blow.worker)
            case "freeze":
                await self._crew.freeze(blow.worker)
            case "restart the gateway":
                self._crew.struck["gateway's server started again"] += 1
                await self._bank.restart()
            case "a person settles":
                self._ledger.refresh()
                with suppress(JournalUnavailable):  # the person comes back another time
                    await self.person.settle_some(self._ledger)
            case "restart the database":
                self._crew.struck["PostgreSQL restarted"] += 1
                await self._database.restart()
            case "crash the database":
                self._crew.struck["PostgreSQL shut down at once"] += 1
                await self._database.crash()

    async def _settle_by_hand(self) -> None:
        """People look at some of what is left; buyers come back to pages that were given up; the bank tells again."""
        self._ledger.refresh()
        await self.person.settle_some(self._ledger)
        await self.person.give_up_abandoned()
        given_up = {ref for ref, verdict in self.person.settled.items() if verdict == "abandoned"}
        books = self._bank.sandbox.books
        late = [one for one in books.challenges if one.order.merchant_txn_ref in given_up and one.state == "open"]
        for challenge in late[: max(3, len(late) // 10)]:
            if not books.has_expired(challenge):
                books.answer_challenge(challenge, authenticated=True)
        self._ledger.refresh()
        await self._bank.announce_again(self._of_settled())

    def _of_settled(self) -> list[Transaction]:
        """The transactions of what people settled."""
        return [one for one in self._ledger.transactions if self._ledger.ref_of(one) in self.person.settled]

    async def _ask_again(self) -> None:
        """Take up the webhooks that wait, and ask for every transaction of what is not settled, or a person settled."""
        await take_up_all(self._gateway)
        for payment in await self._gateway.unresolved():
            with suppress(PaymentOptionsError):  # a contradiction, too, is in the history
                await self._gateway.resolve(payment.ref)
        for transaction in self._of_settled():
            with suppress(PaymentOptionsError):
                await self._gateway.status(transaction.id)

    async def _case(self) -> Case:
        self._ledger.refresh()
        records, histories = await read_journal(self._gateway)
        return Case(
            ledger=self._ledger,
            records=records,
            histories=histories,
            unresolved=frozenset(payment.ref for payment in await self._gateway.unresolved()),
            heard=Hearing.read(self._plan.directory),
            announced=frozenset(_announced(self._bank)),
            verdicts=self.person.settled,
        )


def _log_to(path: Path) -> None:
    """Log as the workers do, and keep the server's complaints about cut connections off the screen."""
    logging.basicConfig(level=logging.DEBUG, filename=path, force=True)


def _left(case: Kept) -> int:
    """How much is still to come: answers of killed processes, and events."""
    return sum(1 for _ in case.in_flight()) + sum(1 for _ in handed_over(case))


def _announced(bank: Bank) -> list[str]:
    spoiled = ("change", "garbage")
    return [
        one.transaction_id
        for one in bank.sandbox.webhooks.deliveries
        if one.state == "delivered" and not any(fault in one.note for fault in spoiled)
    ]


def _assignment(plan: Plan, database: Database, bank: Bank, told: int) -> Assignment:
    return Assignment(
        seed=plan.seed,
        worker=0,
        workers=plan.workers,
        life=0,
        first=0,
        stories=told,
        again=(),
        journal=database.url,
        bank=bank.url,
        directory=str(plan.directory),
        mutant=plan.mutant,
    )


def _leaks(directory: Path, database: Database) -> list[Harm]:
    """Secrets that stand in a file of any process."""
    journals = database.files()
    found = []
    for path in {*directory.rglob("*"), *journals}:
        if path.is_file():
            found += [
                Harm("secrets stay secret", f"{what} stands in {path.name}")
                for what in secrets_in(path, is_journal=path in journals)
            ]
    return found


def _told_of(what: str, fault: str, when: str) -> str:
    """A fault that struck, as the report names it."""
    if what in ("webhook", "corefy_callback"):
        return f"{what.removeprefix('corefy_')}: {fault}"
    asked = "question" if what in QUESTIONS else "operation"
    of_corefy = "Corefy's " if what.startswith("corefy") else ""
    return f"{of_corefy}{asked}: {fault}, {when} it was done"
