"""Reconciliations of random ledgers find exactly what was planted: verdict by verdict, line by line."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from paymentoptions_async import PaymentOptions, policy
from paymentoptions_async.corefy import Corefy
from paymentoptions_async.flow import Observation, Pace
from paymentoptions_async.journal import Journal
from paymentoptions_async.reconcile import LedgerFile, Report, Rules, Selection, compare_again, reconcile
from paymentoptions_async.reconcile.verdicts import Verdict
from paymentoptions_async.sandbox import (
    API_KEY,
    CARDS,
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    COREFY_CARDS,
    COREFY_TEST_SECRET,
    MERCHANT_ID,
    X_API_KEY,
    Catalogue,
    CorefyCatalogue,
    Plan,
    Sandbox,
    Settings,
    Traffic,
    serve,
)
from paymentoptions_async.sandbox.catalogue import UNTIL, Expected
from tests.support.told_payments import enter_payments, enter_webhooks

AnyCatalogue = Catalogue | CorefyCatalogue
AnyClient = PaymentOptions | Corefy
Found = dict[int | str, str]
"""Verdicts, by line, and by the id of what the ledger lacks."""

UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller example takes as long as a large one: what matters is its seed."""
KINDS = pytest.mark.parametrize("kind", [Catalogue, CorefyCatalogue])
SECRET = "sixteen-bytes-or-more"
PUBLIC_URL = "http://127.0.0.1:8000"
NUMBERS = [*(card.number for card in CARDS), *(card.number for card in COREFY_CARDS)]


@pytest.fixture(autouse=True, scope="module")
def _no_pauses() -> Iterator[None]:
    """What the gateway never answers is asked for four times; the tests need not wait in between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "delay_before", lambda *_: 0.0)
        yield


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Some discrepancies, each of them rare or frequent; sometimes all of them."""
    names = [one.name for one in fields(Plan)]
    chosen = draw(st.lists(st.sampled_from(names), unique=True) | st.just(names))
    return Plan(**{name: draw(st.floats(0.01, 0.9 / len(names))) for name in chosen})


@dataclass
class World:
    """A ledger, the gateway that it is about, and the client that asks."""

    catalogue: AnyCatalogue
    bank: Sandbox
    client: AnyClient
    ledger: Path
    told: Sequence[str] = ()
    """What the ledger lacks, and somebody told the journal of."""

    def rules(self, *, tolerant: bool = False) -> Rules:
        return Rules(tolerances=self.catalogue.tolerances if tolerant else {}, as_of=UNTIL)

    async def reconcile(self, out: Path, *, tolerant: bool = False, client: Any = None) -> tuple[Report, Found]:
        ledger = LedgerFile(path=self.ledger)
        rules = self.rules(tolerant=tolerant)
        report = await reconcile(client or self.client, ledger, out, rules=rules, rate=math.inf)
        return report, found_in(report)

    def expected(self, *, tolerant: bool = False) -> Found:
        return {
            one.transaction_id if one.line is None else one.line: one.verdict
            for one in self.catalogue.expected(tolerant=tolerant)
            if one.line is not None or one.transaction_id in self.told
        }

    def planted(self) -> dict[int | str, Expected]:
        return {one.transaction_id if one.line is None else one.line: one for one in self.catalogue.expected()}


def found_in(report: Report) -> Found:
    rows = pq.read_table(report.findings, columns=["line", "transaction_id", "verdict"]).to_pylist()
    found = {row["transaction_id"] if row["line"] is None else row["line"]: row["verdict"] for row in rows}
    assert len(found) == len(rows)
    assert report.verdicts == Counter(Verdict(verdict) for verdict in found.values())
    return found


def client_of(kind: type[AnyCatalogue], url: str, transport: Any = None) -> AnyClient:
    alike: dict[str, Any] = {"transport": transport, "public_url": PUBLIC_URL, "signing_secrets": SECRET}
    if kind is Catalogue:
        return PaymentOptions(
            api_key=API_KEY,
            x_api_key=X_API_KEY,
            merchant_id=MERCHANT_ID,
            environment="sandbox",
            sandbox_url=url,
            **alike,
        )
    return Corefy(
        account_id=COREFY_ACCOUNT_ID,
        api_key=COREFY_API_KEY,
        private_url=f"{url}/corefy/api",
        cardgate_url=f"{url}/corefy/cardgate",
        test_mode=True,
        callback_secrets=COREFY_TEST_SECRET,
        **alike,
    )


@asynccontextmanager
async def world_of(
    catalogue: AnyCatalogue, directory: str | Path, *, over_http: bool = False, traffic: Traffic | None = None
) -> AsyncIterator[World]:
    kind = type(catalogue)
    bank = Sandbox(
        settings=Settings(traffic=traffic or Traffic()),
        **{"catalogue" if kind is Catalogue else "corefy_catalogue": catalogue},  # type: ignore[arg-type]
    )
    ledger = Path(directory) / "ledger.csv"
    catalogue.write_ledger(ledger)
    if over_http:
        async with serve(bank) as url, client_of(kind, url) as client:
            yield World(catalogue, bank, client, ledger)
    else:
        async with client_of(kind, "http://127.0.0.1", bank.transport()) as client:
            yield World(catalogue, bank, client, ledger)


async def tell(world: World) -> None:
    """Tell the journal of some of what the ledger lacks, by payments and by webhooks; nobody knows of the rest."""
    journal: Journal = world.client.journal
    lacking = list(world.catalogue.unlisted())
    payments, webhooks = lacking[::3], lacking[1::3]
    await enter_payments(journal, world.client.scope, payments)
    await enter_webhooks(journal, world.client.scope, webhooks)
    world.told = [row["transaction_id"] for row in (*payments, *webhooks)]


# What is planted is found ---------------------------------------------------------------------------------------------


@KINDS
@settings(max_examples=8, phases=UNSHRUNK)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 200), plan=plans(), tolerant=st.booleans())
async def test_what_is_planted_is_found_and_nothing_else(kind, seed, count, plan, tolerant):
    with TemporaryDirectory() as directory:
        async with world_of(kind(seed=seed, count=count, plan=plan), directory) as world:
            await tell(world)
            _, found = await world.reconcile(Path(directory) / "run", tolerant=tolerant)
            assert found == world.expected(tolerant=tolerant)


@KINDS
@pytest.mark.parametrize("seed", [1, 2])
async def test_the_same_is_found_over_http(kind, seed, tmp_path):
    catalogue = kind(seed=seed, count=300, plan=Plan.even(0.7))
    async with world_of(catalogue, tmp_path, over_http=True) as world:
        await tell(world)
        _, found = await world.reconcile(tmp_path / "run")
        assert found == world.expected()
        assert {*found.values()} >= {*Verdict} - {"amount_within_tolerance", "duplicate_at_gateway"}


@KINDS
async def test_a_ledger_without_a_fault_matches_in_every_line(kind, tmp_path):
    async with world_of(kind(seed=4, count=600), tmp_path) as world:
        report, found = await world.reconcile(tmp_path / "run")
        assert found == dict.fromkeys(range(2, 602), "matched")
        assert (report.differences, report.not_compared) == (0, 0)


@KINDS
async def test_other_tolerances_need_no_new_question(kind, tmp_path):
    async with world_of(kind(seed=4, count=400, plan=Plan(within_tolerance=0.2, amount=0.1)), tmp_path) as world:
        _, found = await world.reconcile(tmp_path / "run")
        asked = len(world.bank.requests)
        again = await compare_again(tmp_path / "run", tmp_path / "again", rules=world.rules(tolerant=True))
        assert len(world.bank.requests) == asked == 400
        assert found == world.expected()
        assert found_in(again) == world.expected(tolerant=True) != found


@KINDS
async def test_a_sample_has_the_verdicts_that_all_rows_would_have(kind, tmp_path):
    async with world_of(kind(seed=5, count=500, plan=Plan.even(0.5)), tmp_path) as world:
        drawn = await sampled(world, tmp_path / "drawn", Selection(sample=60, seed=3))
        asked = len(world.bank.requests)
        _, every = await world.reconcile(tmp_path / "every")
        assert len(drawn) == 60
        assert drawn.items() <= every.items()
        assert asked < 300 < len(world.bank.requests) - asked
        assert await sampled(world, tmp_path / "again", Selection(sample=60, seed=3)) == drawn
        assert (await sampled(world, tmp_path / "other", Selection(sample=60, seed=4))).keys() != drawn.keys()


async def sampled(world: World, out: Path, selection: Selection) -> Found:
    """Verdicts of the rows that were drawn; those that can't be read stand beside them in every report."""
    ledger = LedgerFile(path=world.ledger)
    report = await reconcile(world.client, ledger, out, rules=world.rules(), selection=selection, rate=math.inf)
    found = {line: verdict for line, verdict in found_in(report).items() if verdict != "invalid_row"}
    assert report.sample is not None
    differing = [verdict for verdict in found.values() if Verdict(verdict).is_difference and verdict != "unchecked"]
    assert (report.sample.drawn, report.sample.differences) == (60, len(differing))
    assert "with 95% confidence, at most" in report.page.read_text()
    return found


async def test_no_card_number_is_written_anywhere(tmp_path):
    async with world_of(Catalogue(seed=4, count=600, plan=Plan(unreadable=0.5)), tmp_path) as world:
        assert Catalogue._card_as_id in world.ledger.read_text()
        await world.reconcile(tmp_path / "run")
    written = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert len(written) > 6
    for path in written:
        parts = [path.read_bytes()]
        if path.suffix == ".parquet":
            parts.append(str(pq.read_table(path).to_pylist()).encode())
        for number in NUMBERS:
            assert not any(number.encode() in part for part in parts), (path.name, number)


# While the gateway fails ----------------------------------------------------------------------------------------------

FAULTS = ("reset", "close", "half_head", "half_reply", "garbage", "html", "empty", "half_body", "redirect")


@KINDS
@settings(max_examples=4, phases=UNSHRUNK)
@given(
    seed=st.integers(0, 2**32),
    faults=st.lists(st.sampled_from([*FAULTS, 429, 500, 502, 503, 504]), min_size=1, max_size=3),
    share=st.floats(0.1, 0.6),
)
async def test_what_was_not_answered_is_unchecked_and_asked_again(kind, seed, faults, share):
    """In the first run nothing is taken for matched or missing that was not answered; the second makes up for it."""
    with TemporaryDirectory() as directory:
        catalogue = kind(seed=seed, count=150, plan=Plan.even(0.4))
        async with world_of(catalogue, directory) as world:
            endpoint = "status" if kind is Catalogue else "corefy_show"
            for fault in faults:
                how = {"fault": "error", "status": fault} if isinstance(fault, int) else {"fault": fault}
                world.bank.faults.add(endpoint, **how, probability=share)
            await tell(world)
            _, first = await world.reconcile(Path(directory) / "run")
            expected, planted = world.expected(), world.planted()
            for place, verdict in first.items():
                # That there are two charges under one reference is seen only where both have been answered.
                half_seen = planted[place].planted == "twice_at_gateway" and verdict == "matched"
                assert verdict in (expected[place], "unchecked") or half_seen, (place, verdict, expected[place])
            world.bank.faults.clear()
            _, second = await world.reconcile(Path(directory) / "run")
            assert second == expected


async def test_a_limit_and_a_spell_of_failure_change_no_verdict(tmp_path, monkeypatch):
    monkeypatch.setattr(policy, "delay_before", lambda attempt, *_: 0.1 * 2**attempt)
    traffic = Traffic(limit_rate=200, limit_burst=5, tell_retry_after=False, failing_every=0.2, failing_for=0.05)
    catalogue = Catalogue(seed=9, count=150, plan=Plan.even(0.3))
    async with world_of(catalogue, tmp_path, over_http=True, traffic=traffic) as world:
        _, found = await world.reconcile(tmp_path / "run")
        for _ in range(30):
            if found == world.expected():
                break
            assert {verdict for place, verdict in found.items() if verdict != world.expected()[place]} <= {
                "unchecked", "matched",
            }  # fmt: skip
            _, found = await world.reconcile(tmp_path / "run")
        assert found == world.expected()
        assert {line.status for line in world.bank.requests} >= {200, 429, 503}


# Interrupted ----------------------------------------------------------------------------------------------------------


class Interrupted:
    """A client whose run is cancelled at its n-th question."""

    def __init__(self, client: AnyClient, at: int) -> None:
        self._client, self._left = client, at
        self.scope, self.journal = client.scope, client.journal
        self.run: asyncio.Task[Any] | None = None

    async def observe(self, transaction_id: str, /, *, timeout: float = 15.0, pace: Pace | None = None) -> Observation:
        self._left -= 1
        if self._left == 0:
            assert self.run is not None
            self.run.cancel()
        return await self._client.observe(transaction_id, timeout=timeout, pace=pace)


@KINDS
@settings(max_examples=3, phases=UNSHRUNK)
@given(seed=st.integers(0, 2**32), moments=st.lists(st.integers(1, 120), min_size=1, max_size=4))
async def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(kind, seed, moments):
    with TemporaryDirectory() as directory:
        catalogue = kind(seed=seed, count=200, plan=Plan.even(0.3))
        async with world_of(catalogue, directory) as world:
            await tell(world)
            out, asked = Path(directory) / "run", Counter[str | None]()
            for moment in moments:
                client = Interrupted(world.client, moment)
                client.run = asyncio.ensure_future(world.reconcile(out, client=client))
                with suppress(asyncio.CancelledError):  # unless it has less left to ask
                    await client.run
            _, found = await world.reconcile(out)
            assert found == world.expected()
            asked.update(line.transaction_id for line in world.bank.requests if line.status == 200)
            assert {*asked.values()} <= {1}, "what was answered is not asked for again"
            whole, _ = await world.reconcile(Path(directory) / "whole")
            assert findings_of(out / "findings.parquet") == findings_of(whole.findings)


def findings_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
