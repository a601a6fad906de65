"""One trial: hosts sell on a journal whose connections are cut, whose server restarts, and whose standby takes over.

This process is the bank, the addresses of the database, and the conductor, which at the end holds the bank's books and
what the hosts wrote down against the journal.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle, pairwise
from pathlib import Path

import aiohttp

from paymentoptions_async import PaymentOptions, polling
from paymentoptions_async.sandbox import MERCHANT_ID, FaultPlan, Sandbox, Settings, serve
from tests.chaos.doors import client
from tests.chaos.facts import Fact
from tests.chaos.hearing import Hearing
from tests.chaos.ledger import Ledger
from tests.chaos.marks import API_KEY, NOWHERE, X_API_KEY
from tests.chaos.reading import read_journal
from tests.chaos.referee import Case, Harm, handed_over, judge
from tests.hosts.crew import APPLICATIONS, LONGEST, ROOT, Crew, crewed
from tests.hosts.pair import Addresses, Pair, addressed

DOCUMENTED = {"JournalUnavailable", "OutcomeUnknown", "NotSent", "GatewayUnavailable"}
"""What callers may see while the database, and some answers, are lost."""
RETRIES = (0.3, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0)


@dataclass(slots=True)
class Blow:
    """What struck, and when, by the machine's monotonic clock in nanoseconds."""

    what: str
    began: int
    ended: int = 0


@dataclass(kw_only=True)
class Outcome:
    """What came of a trial."""

    harms: list[Harm]
    case: Case
    facts: list[Fact]
    blows: list[Blow]
    deliveries: Counter[int]
    """What webhooks were answered."""
    commands: list[str]
    codes: list[int]

    def report(self) -> str:
        """Figures, for people."""
        told = Counter(str(record.payment.status) for record in self.case.records.values())
        lines = [
            f"payments {len(self.case.records)}: {dict(told)}",
            f"transactions at the bank {len(self.case.ledger.transactions)}",
            f"callers were told {dict(self.case.heard.answers)}",
            f"events handled by {dict(self.handled_by())}, handed again {self._again()}",
            f"webhooks were answered {dict(self.deliveries)}",
            f"rounds of resolvers {dict(self._rounds())}",
            f"paymentoptions journal exited with {self.codes}",
        ]
        for blow in self.blows:
            took = (blow.ended - blow.began) / 1e9
            lines.append(f"{blow.what}: took {took:.1f} s; {self._felt(blow)}")
        return "\n".join(lines)

    def handled_by(self) -> Counter[str]:
        """How many events each application handled."""
        return Counter(fact["host"] for fact in self.facts if fact["is"] == "handled")

    def _again(self) -> int:
        return sum(delivery.times - 1 for delivery in self.case.heard.events.values())

    def _rounds(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for fact in self.facts:
            if fact["is"] == "round":
                found += Counter(rounds=1, visited=fact["visited"], settled=fact["settled"])
            elif fact["is"] == "no round":
                found["failed rounds"] += 1
        return found

    def _felt(self, blow: Blow) -> str:
        """What callers felt of it: how long nobody got an answer, and how long the longest call took."""
        answers = sorted(fact["at"] for fact in self.facts if fact["is"] in ("told", "raised"))
        until = blow.ended + int(15e9)
        gaps = [after - before for before, after in pairwise(answers) if after >= blow.began and before <= blow.ended]
        asked: dict[tuple[str, str], int] = {}
        longest = 0
        for fact in self.facts:
            if fact["is"] == "asked":
                asked[fact["host"], fact["key"]] = fact["at"]
            elif fact["is"] in ("told", "raised"):
                since = asked[fact["host"], fact["key"]]
                if since <= blow.ended and blow.began <= fact["at"] <= until:
                    longest = max(longest, fact["at"] - since)
        raised = Counter(f["error"] for f in self.facts if f["is"] == "raised" and blow.began <= f["at"] <= until)
        return f"no answer for {max(gaps, default=0) / 1e9:.1f} s, longest call {longest / 1e9:.1f} s, {dict(raised)}"


async def run(directory: Path, *, rounds: int, seed: int = 7) -> Outcome:
    """Run one trial with so many fail-overs."""
    pair = await asyncio.to_thread(Pair)
    try:
        async with AsyncExitStack() as stack:
            where = await stack.enter_async_context(addressed(pair))
            await pair.until_confirmed()
            bank = await stack.enter_async_context(_bank(seed))
            crew = await stack.enter_async_context(crewed(directory, where, bank.url, seed))
            bank.receivers = cycle(crew.ports)
            trial = _Trial(directory, pair, where, bank, crew)
            for number in range(rounds):
                if number:
                    await trial.renew()
                await trial.strike(is_long=number % 2 == 1)
            return await trial.end()
    finally:
        await asyncio.to_thread(pair.leave)


@dataclass
class _Bank:
    """The sandbox. Its webhooks go to the receivers in turn."""

    url: str = ""
    sandbox: Sandbox = field(init=False)
    receivers: Iterator[int] = field(init=False)
    answered: Counter[int] = field(default_factory=Counter)


@asynccontextmanager
async def _bank(seed: int) -> AsyncIterator[_Bank]:
    bank = _Bank()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15.0)) as post:

        async def deliver(url: str, body: bytes) -> int:
            at = f"http://127.0.0.1:{next(bank.receivers)}{url.removeprefix(NOWHERE)}"
            async with post.post(at, data=body, headers={"content-type": "application/json"}) as answer:
                bank.answered[answer.status] += 1
                return answer.status

        faults = FaultPlan(seed=seed)
        faults.add("paymentv2", "delay", seconds=0.1, probability=0.2)
        faults.add("paymentv2", "reset", when="after", probability=0.06)
        faults.add("paymentv2", "reset", when="before", probability=0.02)
        faults.add("webhook", "missing", probability=0.15)
        faults.add("webhook", "duplicate", copies=1, probability=0.1)
        faults.add("status", "error", status=503, probability=0.05)
        settings = Settings(api_key=API_KEY, x_api_key=X_API_KEY, webhook_retries=RETRIES)
        bank.sandbox = Sandbox(seed=seed, settings=settings, faults=faults, deliver=deliver)
        async with serve(bank.sandbox) as bank.url:
            yield bank


class _Trial:
    """What the conductor does."""

    def __init__(self, directory: Path, pair: Pair, where: Addresses, bank: _Bank, crew: Crew) -> None:
        self._directory = directory
        self._pair = pair
        self._where = where
        self._bank = bank
        self._crew = crew
        self._blows: list[Blow] = []
        self._commands: list[tuple[int, str]] = []

    async def strike(self, *, is_long: bool) -> None:
        """Cut, restart, crash, fail over: each in the middle of sales, and the command line beside it.

        A long fail-over is one that the journal has not the patience for.
        """
        await self._crew.until_more_is_sold()
        looking = asyncio.create_task(self._command("unresolved"))
        await self._blow("connections cut", self._where.cut)
        await self._crew.until_more_is_sold()
        await self._blow("sessions ended by the server", self._pair.primary.sql, _END_SESSIONS)
        await self._crew.until_more_is_sold()
        await self._blow("primary restarted", self._pair.restart)
        await self._crew.until_more_is_sold()
        await self._blow("primary crashed", self._pair.crash)
        await self._crew.until_more_is_sold()
        await self._pair.until_confirmed()
        await looking
        looking = asyncio.create_task(self._command("unresolved"))
        if is_long:
            self._crew.unavailable.clear()
            await self._blow("primary gone for long", self._pair.primary.kill)
            await self._crew.until(lambda: len(self._crew.unavailable) == APPLICATIONS)
        await self._blow("standby took over", self._pair.fail_over)
        await self._crew.until_more_is_sold()
        await looking

    async def renew(self) -> None:
        """Give the new primary a standby."""
        await asyncio.to_thread(self._pair.renew)
        self._where.follow()
        await self._pair.until_confirmed()

    async def end(self) -> Outcome:
        """Let all come to rest, and judge."""
        await self._crew.enough()
        self._bank.sandbox.faults.clear()
        self._bank.sandbox.clock.advance(61.0)  # what was pending ends
        async with client(self._where.of_both, self._bank.url) as gateway:
            left_over = await self._until_settled(gateway)
            left = await gateway.unresolved()
            for payment in left[:1]:
                await self._command("show", payment.ref)
            await self._command("unresolved")
            code = await self._crew.over()
            case = await self._case(gateway)
            harms = [*left_over, *judge(case), *await _askable(gateway, case)]
        facts = list(_facts(self._directory))
        harms += [*_overlaps(facts), *_undocumented(facts), *_fallen(code, self._directory)]
        return Outcome(
            harms=harms,
            case=case,
            facts=facts,
            blows=self._blows,
            deliveries=self._bank.answered,
            commands=[said for _, said in self._commands],
            codes=[code for code, _ in self._commands],
        )

    async def _blow(self, what: str, strike: Callable[..., object], *arguments: object) -> None:
        blow = Blow(what, time.monotonic_ns())
        self._blows.append(blow)
        if strike == self._where.cut:
            strike()  # its connections are this loop's
        else:
            await asyncio.to_thread(strike, *arguments)
        self._where.follow()
        blow.ended = time.monotonic_ns()

    async def _command(self, name: str, *arguments: str) -> None:
        """Run ``paymentoptions journal`` as a person at another host would."""
        scope = ("--journal", self._where.of_both, "--environment", "sandbox", "--merchant", MERCHANT_ID)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", "from paymentoptions_async.cli import main; main()", "journal", name, *arguments, *scope),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=ROOT,
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        self._commands.append((process.returncode, said.decode()))

    async def _until_settled(self, gateway: PaymentOptions) -> list[Harm]:
        """Until webhooks have come, resolvers have asked for all that can be asked for, and events were handed over.

        Returns what is left where that takes too long.
        """
        outbox = self._bank.sandbox.webhooks
        until = time.monotonic() + LONGEST
        while True:
            case = await self._case(gateway)
            left = [
                *(Harm("not delivered", str(delivery)) for delivery in (*outbox._waiting, *outbox._running)),
                *(Harm("in flight", str(record.payment), record.ref) for record in case.in_flight()),
                *handed_over(case),
                *await _askable(gateway, case),
            ]
            if not left or time.monotonic() > until:
                return left
            await asyncio.sleep(0.3)

    async def _case(self, gateway: PaymentOptions) -> Case:
        ledger = Ledger(self._bank.sandbox.books)
        ledger.refresh()
        records, histories = await read_journal(gateway)
        return Case(
            ledger=ledger,
            records=records,
            histories=histories,
            unresolved=frozenset(payment.ref for payment in await gateway.unresolved()),
            heard=Hearing.read(self._directory),
            announced=frozenset(
                one.transaction_id for one in self._bank.sandbox.webhooks.deliveries if one.state == "delivered"
            ),
        )


_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'paymentoptions-async%'"
)


async def _askable(gateway: PaymentOptions, case: Case) -> list[Harm]:
    """What a resolver could still ask for."""
    return [
        Harm("left open", f"it is {case.records[ref].payment.status}, and can be asked for", ref)
        for ref in case.unresolved
        if await polling.questions(gateway._flow, case.records[ref])
    ]


def _facts(directory: Path) -> Iterator[Fact]:
    """All facts, each with the host that wrote it."""
    for path in sorted(directory.glob("facts-*.jsonl")):
        host = path.stem.removeprefix("facts-")
        yield from ({**json.loads(line), "host": host} for line in path.read_text().splitlines())


def _overlaps(facts: Sequence[Fact]) -> Iterator[Harm]:
    """An event is one handler's at a time."""
    busy: dict[str, str] = {}
    for fact in sorted((one for one in facts if one["is"] in ("handed", "handled", "failed")), key=lambda f: f["at"]):
        event = fact["id"]
        if fact["is"] == "handed":
            if event in busy:
                yield Harm("handed over twice at once", f"by {busy[event]} and {fact['host']}", event)
            busy[event] = fact["host"]
        else:
            busy.pop(event, None)


def _undocumented(facts: Sequence[Fact]) -> Iterator[Harm]:
    for name, times in Counter(fact["error"] for fact in facts if fact["is"] in ("raised", "no round")).items():
        if name not in DOCUMENTED:
            yield Harm("undocumented", f"{name} was raised {times} times")


def _fallen(code: int, directory: Path) -> Iterator[Harm]:
    if code:
        yield Harm("it must not fall", (directory / "stderr.txt").read_text()[-3000:])
