from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
import pytest

from paymentoptions_async.sandbox import (
    COREFY_ACCOUNT_ID,
    COREFY_API_KEY,
    Catalogue,
    Clock,
    CorefyCatalogue,
    Sandbox,
    Settings,
    Traffic,
)
from paymentoptions_async.sandbox.traffic import Gate

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OLD = Catalogue(seed=1, count=10)
OLD_INVOICES = CorefyCatalogue(seed=1, count=10)
PATH = f"/api/v1/server-to-server-interface/transaction/status/{OLD.id_of(0)}"


def gate_of(seed: str = "", /, **limits) -> tuple[Gate, Clock]:
    clock = Clock(START)
    return Gate(Traffic(**limits), clock, seed=seed), clock


def asked(gate: Gate, clock: Clock, *, seconds: float, rate: float) -> list[int | None]:
    """Ask steadily, and return what each request got."""
    statuses = []
    for _ in range(round(seconds * rate)):
        statuses.append(gate.pass_on().status)
        clock.advance(1 / rate)
    return statuses


def test_a_gateway_bears_anything_unless_it_is_told_otherwise():
    gate, _ = gate_of()
    assert {(gate.pass_on().wait, gate.pass_on().status) for _ in range(10_000)} == {(0.0, None)}


@pytest.mark.parametrize("rate", [7, 100])
def test_below_the_limit_nothing_is_refused(rate):
    gate, clock = gate_of(limit_rate=rate, limit_burst=1)
    assert set(asked(gate, clock, seconds=20, rate=0.99 * rate)) == {None}


def test_above_the_limit_so_many_pass_as_it_says():
    gate, clock = gate_of(limit_rate=10, limit_burst=2)
    statuses = asked(gate, clock, seconds=30, rate=37)
    assert set(statuses) == {None, 429}
    assert abs(statuses.count(None) - (2 + 30 * 10)) <= 1


def test_after_a_pause_a_burst_may_come_at_once():
    gate, clock = gate_of(limit_rate=10)
    assert [gate.pass_on().status for _ in range(11)] == [None] * 10 + [429]
    clock.advance(0.5)
    assert [gate.pass_on().status for _ in range(6)] == [None] * 5 + [429]
    clock.advance(3600)
    assert [gate.pass_on().status for _ in range(11)] == [None] * 10 + [429]


@pytest.mark.parametrize(("tell", "told"), [(True, 4), (False, None)])
def test_it_says_when_to_come_again_or_does_not(tell, told):
    gate, clock = gate_of(limit_rate=0.25, limit_burst=1, tell_retry_after=tell)
    gate.pass_on()
    assert gate.pass_on().retry_after == told
    clock.advance(4)
    assert gate.pass_on().status is None


def test_answers_slow_down_as_the_load_rises():
    gate, clock = gate_of(capacity=100, latency=0.05, longest_wait=1)
    waits = []
    for _ in range(3):
        waits.append(gate.pass_on().wait)
        clock.advance(1)
    assert waits == pytest.approx([0.06] * 3)
    crowd = [gate.pass_on() for _ in range(150)]
    assert [one.wait for one in crowd[:100]] == pytest.approx([0.05 + number / 100 for number in range(1, 101)])
    assert {one.status for one in crowd[:100]} == {None}
    assert {one.status for one in crowd[100:]} == {503}
    clock.advance(1)
    assert gate.pass_on().wait == pytest.approx(0.06)


def test_spells_of_failure_come_once_in_a_while_and_again_with_the_same_seed():
    runs = []
    for seed in ("a", "a", "b"):
        gate, clock = gate_of(seed, failing_every=10, failing_for=2, failing_status=502)
        runs.append(asked(gate, clock, seconds=100, rate=20))
    assert runs[0] == runs[1] != runs[2]
    for statuses in runs:
        for first in range(0, 2000, 200):
            assert statuses[first : first + 200].count(502) in range(39, 42)
        assert set(statuses) == {None, 502}


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit_rate": 0},
        {"limit_rate": float("nan")},
        {"limit_burst": 0.5},
        {"capacity": -1},
        {"latency": -1},
        {"failing_for": 1},
        {"failing_every": 1, "failing_for": 2},
        {"failing_status": 429},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=r"lies|is"):
        Traffic(**wrong)


async def test_both_gateways_refuse_each_for_itself(keys):
    traffic = Traffic(limit_rate=0.5, limit_burst=1)
    settings = Settings(traffic=traffic)
    sandbox = Sandbox(clock=Clock(START), settings=settings, catalogue=OLD, corefy_catalogue=OLD_INVOICES)
    transport, base = sandbox.transport(), "http://127.0.0.1"
    invoice = f"/corefy/api/payment-invoices/{OLD_INVOICES.id_of(0)}"
    async with (
        httpx.AsyncClient(transport=transport, base_url=base, headers=keys) as first,
        httpx.AsyncClient(transport=transport, base_url=base, auth=(COREFY_ACCOUNT_ID, COREFY_API_KEY)) as second,
    ):
        for client, path in ((first, PATH), (second, invoice)):
            assert (await client.get(path, headers={"x-api-key": ""}, auth=("", ""))).status_code in (401, 403)
            replies = [await client.get(path) for _ in range(2)]
            assert [reply.status_code for reply in replies] == [200, 429]
            assert replies[1].headers["retry-after"] == "2"
        assert replies[1].json()["errors"][0]["detail"] == "Too Many Requests"
        sandbox.clock.advance(2)
        assert (await first.get(PATH)).status_code == 200
        sandbox.reset()
        assert (await first.get(PATH)).status_code == 200
    assert [line.status for line in sandbox.requests] == [200]


async def test_latency_passes_on_the_sandboxs_clock(keys):
    sandbox = Sandbox(clock=Clock(START), settings=Settings(traffic=Traffic(latency=60)), catalogue=OLD)
    transport = sandbox.transport()
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=keys) as client:
        asking = asyncio.ensure_future(client.get(PATH))
        done, _ = await asyncio.wait({asking}, timeout=0.05)
        assert not done
        assert sandbox.requests
        sandbox.clock.advance(60)
        assert (await asking).status_code == 200
