"""The desk that divides one rate, as arithmetic: what it gives to whom, and never more than the rate."""

from __future__ import annotations

import math
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paymentoptions_async.reconcile.scaleout.desk import AHEAD, FORGOTTEN_AFTER, SILENT_AFTER, SLOT, Desk, Lease
from tests.reconcile.pace_world import fullest_second

BEGAN = 5_000.0
RATES = st.floats(0.2, 5_000) | st.integers(1, 5_000).map(float)


def go(desk: Desk, wants: dict[str, float], slots: int, begins: float = BEGAN) -> dict[str, list[float]]:
    """Each worker asks when it is told to; its instants that are still to come are what it may use."""
    given = defaultdict[str, list[float]](list)
    due = dict.fromkeys(wants, begins)
    while (now := min(due.values())) < begins + slots * SLOT:
        for worker in [worker for worker, at in due.items() if at == now]:
            lease = desk.lease(worker, wants[worker], now)
            assert lease.instants is not None
            given[worker] += lease.instants
            due[worker] = max(lease.again_at, now + 1e-3)
    return given


def total(given: dict[str, list[float]], begins: float, seconds: float) -> int:
    return sum(begins <= at < begins + seconds for instants in given.values() for at in instants)


EVENTS = st.lists(
    st.tuples(
        st.floats(0, 0.4),
        st.sampled_from("abcdefgh"),
        st.sampled_from(["lease"] * 12 + ["gone", "pause"]),
        st.floats(0, 2_000),
    ),
    min_size=1,
    max_size=150,
)


@given(rate=RATES, events=EVENTS)
def test_no_second_has_more_instants_than_the_rate_whatever_happens(rate, events):
    desk, now, given_to_all = Desk(rate, BEGAN), BEGAN, list[float]()
    for later, worker, what, number in events:
        now += later
        if what == "gone":
            desk.gone(worker)
        elif what == "pause":
            desk.pause(number / 1_000, now)
        else:
            lease = desk.lease(worker, number, now)
            assert lease.instants is not None
            assert all(max(now, lease.paused_until) <= at < now + (AHEAD + 1) * SLOT + 1e-6 for at in lease.instants)
            assert list(lease.instants) == sorted(lease.instants)
            given_to_all += lease.instants
    assert len(given_to_all) == len({*given_to_all}), "each instant is given once"
    if given_to_all:
        assert fullest_second(given_to_all, 1 - 1e-6) <= max(math.floor(rate * 1.02), math.ceil(rate))


@settings(deadline=None)
@given(rate=st.floats(5, 3_000), workers=st.integers(1, 9))
def test_all_is_given_and_evenly_to_workers_who_want_it_all(rate, workers):
    given = go(Desk(rate, BEGAN), {f"w{number}": 10_000.0 for number in range(workers)}, 60)
    assert abs(total(given, BEGAN + 1, 4) - 4 * rate) <= 1
    for instants in given.values():
        of_one = sum(BEGAN + 1 <= at < BEGAN + 5 for at in instants)
        assert of_one == pytest.approx(4 * rate / workers, rel=0.05, abs=6)


def test_what_one_does_not_want_is_the_others():
    given = go(Desk(1_000, BEGAN), {"idle": 0.0, "slow": 10.0, "quick": 500.0, "busy": 500.0}, 40)
    counts = {worker: sum(BEGAN + 1 <= at < BEGAN + 3 for at in instants) for worker, instants in given.items()}
    assert counts.get("idle", 0) == 0
    assert counts == pytest.approx({"idle": 0, "slow": 200, "quick": 900, "busy": 900}, abs=45)
    assert sum(counts.values()) == pytest.approx(2_000, abs=1)


def test_even_a_rate_below_one_in_a_slot_reaches_every_worker():
    given = go(Desk(3, BEGAN), {"a": 50.0, "b": 50.0, "c": 50.0}, 200)
    assert all(len(instants) > 10 for instants in given.values())


def test_the_part_of_a_dead_worker_is_the_others_at_once():
    desk = Desk(100, BEGAN)
    go(desk, {"a": 50.0, "b": 50.0}, 20)
    desk.gone("b")
    begins = BEGAN + 20 * SLOT
    assert total(go(desk, {"a": 50.0}, 20, begins), begins + AHEAD * SLOT + SLOT, 1) == pytest.approx(100, abs=1)


def test_nothing_is_kept_back_for_a_worker_that_says_nothing():
    desk = Desk(100, BEGAN)
    go(desk, {"a": 50.0, "silent": 50.0}, 20)
    begins = BEGAN + 20 * SLOT
    given = go(desk, {"a": 50.0}, 30, begins)
    assert total(given, begins + (SILENT_AFTER + AHEAD + 1) * SLOT, 1) == pytest.approx(100, abs=1)
    assert total(given, begins, 3) >= 300 - 50 * (SILENT_AFTER + AHEAD + 1) * SLOT - 1


def test_a_worker_that_was_forgotten_may_come_back():
    desk = Desk(100, BEGAN)
    desk.lease("a", 50, BEGAN)
    now = BEGAN + (FORGOTTEN_AFTER + 5) * SLOT
    desk.lease("b", 50, now)
    assert desk.lease("a", 50, now + SLOT).instants


def test_nobody_may_hold_more_than_a_few_slots():
    desk = Desk(100, BEGAN)
    leases = [desk.lease("a", 1_000, BEGAN) for _ in range(10)]
    assert sum(len(lease.instants or ()) for lease in leases) == (AHEAD + 1) * 10
    assert leases[-1].again_at == pytest.approx(BEGAN + SLOT)


def test_while_the_gateway_wants_to_be_left_alone_nothing_is_given_and_then_all_of_it():
    desk = Desk(100, BEGAN)
    desk.pause(1.05, BEGAN)
    desk.pause(0.2, BEGAN)
    given = go(desk, {"a": 1_000.0}, 40)
    assert total(given, BEGAN, 1.05) == 0
    assert total(given, BEGAN + 1.05, 1) == pytest.approx(100, abs=1)
    assert desk.lease("a", 1, BEGAN + 10).paused_until == BEGAN + 1.05


def test_without_a_limit_there_are_no_instants():
    assert Desk(math.inf, BEGAN).lease("a", 1, BEGAN + 7) == Lease(BEGAN + 7, BEGAN + 7 + SLOT, None)


@pytest.mark.parametrize("rate", [10.0, math.inf])
def test_at_the_end_nothing_is_given_any_more(rate):
    desk = Desk(rate, BEGAN)
    desk.end()
    lease = desk.lease("a", 100, BEGAN)
    assert (lease.instants, lease.ending) == ((), True)
