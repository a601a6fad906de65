"""The pace that finds out what a gateway serves well, against gateways that serve so much and no more. Time is virtual.

The figures asserted are bounds; what is measured is better, and told beside them where it matters.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest

from paymentoptions_async.evidence import Evidence, Left, Stage
from paymentoptions_async.reconcile.pace import Pacer, make_pace
from paymentoptions_async.reconcile.pace.controller import FIRST_RATE, LEAST_RATE, Controller, Outcome
from paymentoptions_async.reconcile.pace.pacers import outcome_of
from paymentoptions_async.wire.exchange import Reply
from tests.reconcile.pace_world import SimGateway, ask_for, fullest_second, reply, within
from tests.support.virtual_time import VirtualLoop


def auto(most: int = 200) -> Pacer:
    return make_pace("auto", scope="paymentoptions/live/JP00000001", concurrency=most)


class Run:
    """What a gateway saw of one run; times are seconds since its beginning."""

    def __init__(self, gateway: SimGateway, pace: Pacer, began: float) -> None:
        self.gateway, self.pace = gateway, pace
        self._began = began

    def served(self, begins: float, ends: float) -> float:
        """Good answers a second."""
        return within(self.gateway.served, self._began + begins, self._began + ends) / (ends - begins)

    def sent(self, begins: float, ends: float) -> int:
        return within(self.gateway.sent, self._began + begins, self._began + ends)


def run(lasts: float, *events: tuple[float, Callable[[SimGateway], object]], most: int = 200, **gateway: Any) -> Run:
    """Ask a gateway for as many seconds as it lasts. An event changes it, so many seconds after the beginning."""

    async def main() -> Run:
        simulated = SimGateway(random=Random(3), **gateway)
        done = Run(simulated, auto(most), asyncio.get_running_loop().time())
        due = [(at, lambda change=change: change(simulated)) for at, change in events]
        await ask_for(lasts, done.pace, simulated, due)
        return done

    return in_virtual_loop(main())


def in_virtual_loop(work: Coroutine[Any, Any, Run]) -> Run:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def becomes(**changed: Any) -> Callable[[SimGateway], None]:
    def change(gateway: SimGateway) -> None:
        for name, value in changed.items():
            setattr(gateway, name, value)

    return change


# What a gateway can do is found, and not passed by much ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("servers", "seconds", "capacity"), [(1, 0.2, 5), (2, 0.1, 20), (4, 0.01, 400), (20, 0.1, 200), (15, 0.05, 300)]
)
def test_a_capacity_is_found_by_what_it_does_to_latency(servers, seconds, capacity):
    done = run(60, servers=servers, seconds=seconds)
    assert done.served(30, 60) >= 0.85 * capacity
    most = 1.6 * capacity + 2  # once, at the end of slow start
    assert fullest_second(done.gateway.sent) <= most
    assert done.gateway.most_at_once <= max(8, most * (1.5 * seconds + 0.02) * 2.5)


def test_a_capacity_of_long_answers_is_found():
    done = run(90, servers=200, seconds=1.0, most=1000)
    assert done.served(60, 90) >= 0.85 * 200


@pytest.mark.parametrize("limit", [3, 10, 100])
@pytest.mark.parametrize("retry_after", [None, 1])
def test_a_limit_is_found_by_its_refusals_and_seldom_met(limit, retry_after):
    done = run(120, limit=limit, retry_after=retry_after)
    assert done.served(60, 120) >= 0.85 * limit
    assert len(done.gateway.refused) <= max(15, 0.01 * len(done.gateway.sent))
    assert fullest_second(done.gateway.sent) <= 1.6 * limit + done.gateway.burst


def test_a_limit_that_is_costly_to_meet_is_met_even_less():
    done = run(300, limit=50, retry_after=5)
    assert done.served(200, 300) >= 0.8 * 50
    assert len(done.gateway.refused) <= 10


def test_retry_after_is_obeyed_by_everybody():
    done = run(60, limit=50, retry_after=5)
    for refused in done.gateway.refused:
        assert within(done.gateway.sent, refused + 0.001, refused + 5) == 0


def test_where_only_the_questions_in_flight_are_limited_all_of_them_are_used():
    done = run(40, most=20, seconds=0.1)
    assert done.served(20, 40) >= 0.95 * 20 / 0.1
    assert done.gateway.most_at_once == 20
    assert (done.pace.allowed or 0) < 2.2 * 20 / 0.1  # what was never tried is not allowed


# What is no sign of too much is not taken for one ---------------------------------------------------------------------


def test_latency_that_only_varies_is_no_reason_to_yield():
    def heavy_tailed(random: Random) -> float:
        return min(random.lognormvariate(0, 1), 20)

    done = run(40, most=30, seconds=0.1, spread=heavy_tailed)
    assert done.served(20, 40) >= 0.85 * 30 / (0.1 * 1.64)  # the mean of the distribution


@pytest.mark.parametrize("errors", [0.01, 0.05])
def test_a_few_errors_are_no_reason_to_yield(errors):
    done = run(60, servers=20, seconds=0.1, errors=errors)
    assert done.served(30, 60) >= 0.85 * 200


def test_a_gateway_that_has_become_slower_for_good_is_not_yielded_to_for_ever():
    done = run(240, (30, becomes(seconds=0.3)), most=15, seconds=0.1)
    assert done.served(180, 240) >= 0.85 * 15 / 0.3


# What changes is followed ---------------------------------------------------------------------------------------------


def test_half_a_capacity_is_followed_within_seconds_and_the_whole_within_40():
    done = run(130, (40, becomes(servers=10)), (80, becomes(servers=20)), servers=20, seconds=0.1)
    assert done.served(20, 40) >= 0.85 * 200
    assert done.served(45, 80) >= 0.8 * 100  # 83 to 96, as chance has it
    assert done.sent(43, 80) <= 1.3 * 100 * 37
    assert done.served(120, 130) >= 0.85 * 200


def test_half_a_limit_is_followed_within_seconds_and_the_whole_within_60():
    done = run(170, (40, becomes(limit=50)), (80, becomes(limit=100)), limit=100)
    assert done.served(45, 80) >= 0.85 * 50
    assert done.served(140, 170) >= 0.85 * 100


def test_a_gateway_that_fails_is_left_alone_and_found_again_within_15_seconds():
    done = run(80, (20, becomes(broken=500)), (30, becomes(broken=None)), servers=20, seconds=0.1)
    assert done.sent(25, 30) <= 5 * 25
    assert done.sent(25, 30) >= 1  # it is asked, or nobody would learn that it is back
    assert done.served(45, 80) >= 0.85 * 200


def test_a_gateway_that_hangs_is_found_again():
    done = run(100, (20, becomes(seconds=100.0)), (40, becomes(seconds=0.1)), most=15, seconds=0.1)
    assert done.sent(22, 40) <= 200
    assert done.served(80, 100) >= 0.85 * 150


def test_a_minute_of_nothing_but_errors_does_not_stop_it():
    done = run(150, (10, becomes(broken=503)), (70, becomes(broken=None)), servers=20, seconds=0.1)
    assert done.served(130, 150) >= 0.85 * 200


def test_the_same_answers_make_the_same_pace():
    first, second = (run(20, servers=20, seconds=0.1) for _ in range(2))
    assert first.gateway.sent == second.gateway.sent


# The controller by itself ---------------------------------------------------------------------------------------------


def told(controller: Controller, begins: float, seconds: float, *, outcome: Outcome, latency: float = 0.1) -> float:
    """Answer as fast as it allows, for so many seconds, once at least; the end of it."""
    now = begins
    while True:
        now += 1 / controller.rate
        controller.saw(now, outcome, latency)
        if now >= begins + seconds:
            return now


def test_it_begins_low_and_grows_while_it_is_served():
    controller = Controller(0.0, most=64)
    assert controller.rate == FIRST_RATE
    told(controller, 0.0, 20.0, outcome=Outcome.SERVED)
    assert controller.rate > 20 * FIRST_RATE


def test_it_never_asks_less_than_once_a_second():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 10.0, outcome=Outcome.SERVED)
    told(controller, now, 600.0, outcome=Outcome.FAILED)
    assert LEAST_RATE <= controller.rate < 2 * LEAST_RATE
    told(controller, 1e6, 600.0, outcome=Outcome.REFUSED)
    assert controller.rate == LEAST_RATE


def test_what_was_asked_before_it_yielded_makes_it_yield_no_further():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 20.0, outcome=Outcome.SERVED)
    controller.saw(now, Outcome.REFUSED, 0.1)
    yielded = controller.rate
    for late in range(50):
        controller.saw(now + 0.001 * late, Outcome.REFUSED, 0.1)
    assert controller.rate == yielded


def test_a_latency_well_above_the_usual_one_makes_it_yield():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 12.0, outcome=Outcome.SERVED)
    now = told(controller, now, 1.0, outcome=Outcome.SERVED, latency=0.18)
    before = controller.rate
    now = told(controller, now, 3.0, outcome=Outcome.SERVED, latency=0.18)  # between: it stays as it is
    assert controller.rate == before
    told(controller, now, 1.0, outcome=Outcome.SERVED, latency=0.3)
    assert controller.rate == pytest.approx(0.8 * before, rel=0.1)


def test_it_yields_no_further_while_the_queue_drains():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 7.0, outcome=Outcome.SERVED)
    now = told(controller, now, 1.0, outcome=Outcome.SERVED, latency=0.6)
    yielded = controller.rate
    for latency in (0.5, 0.4, 0.3):
        now = told(controller, now, 1.0, outcome=Outcome.SERVED, latency=latency)
    assert controller.rate == yielded


def test_a_latency_that_yielding_does_not_lower_is_the_usual_one_from_then_on():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 7.0, outcome=Outcome.SERVED)
    before = controller.rate
    now = told(controller, now, 8.0, outcome=Outcome.SERVED, latency=0.3)
    assert controller.rate >= 0.5 * before
    told(controller, now, 30.0, outcome=Outcome.SERVED, latency=0.3)
    assert controller.rate >= before


def test_a_ceiling_that_was_none_is_left_behind():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 3.0, outcome=Outcome.SERVED)
    controller.saw(now, Outcome.REFUSED, 0.1)
    yielded = controller.rate
    told(controller, now, 25.0, outcome=Outcome.SERVED)
    assert controller.rate > 20 * yielded


def test_a_rate_at_which_everything_failed_is_come_near_quickly_and_approached_slowly():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 12.0, outcome=Outcome.SERVED)
    before = controller.rate
    while controller.rate == before:  # to the beginning of a round
        now = told(controller, now, 0.0, outcome=Outcome.SERVED)
    failed_at = controller.rate
    now = failed_until = told(controller, now, 20.0, outcome=Outcome.FAILED)
    while controller.rate < 0.75 * failed_at:
        now = told(controller, now, 0.0, outcome=Outcome.SERVED)
    assert now - failed_until < 18
    near = now
    while controller.rate < failed_at:
        now = told(controller, now, 0.0, outcome=Outcome.SERVED)
    assert now - near >= 3


def test_after_a_failure_a_ceiling_is_learnt_again():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 10.0, outcome=Outcome.SERVED)
    now = told(controller, now, 10.0, outcome=Outcome.FAILED)
    now = told(controller, now, 40.0, outcome=Outcome.SERVED)
    before = controller.rate
    while controller.rate >= before:  # a third is too much
        now = told(controller, now, 0.0, outcome=Outcome.FAILED)
        for _ in range(2):
            now = told(controller, now, 0.0, outcome=Outcome.SERVED)
    told(controller, now, 3.0, outcome=Outcome.SERVED)
    assert controller.rate < 0.75 * before


def test_a_latency_somewhat_above_the_usual_one_is_the_usual_one_after_two_minutes():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 8.0, outcome=Outcome.SERVED)
    now = told(controller, now, 2.0, outcome=Outcome.SERVED, latency=0.18)
    before = controller.rate
    now = told(controller, now, 100.0, outcome=Outcome.SERVED, latency=0.18)
    assert controller.rate == before
    told(controller, now, 30.0, outcome=Outcome.SERVED, latency=0.18)
    assert controller.rate > before


def test_a_rate_that_is_not_used_does_not_grow():
    controller = Controller(0.0, most=64)
    for answer in range(600):
        controller.saw(answer * 0.5, Outcome.SERVED, 0.1)
    assert controller.rate <= FIRST_RATE


def test_the_questions_in_flight_follow_by_littles_law_and_stay_within_bounds():
    controller = Controller(0.0, most=64)
    now = told(controller, 0.0, 7.0, outcome=Outcome.SERVED)
    assert 2 <= controller.concurrency / (controller.rate * 0.12) <= 3
    told(controller, now, 20.0, outcome=Outcome.SERVED)
    assert controller.concurrency == 64
    assert Controller(0.0, most=1).concurrency == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (reply(200, 0.1), Outcome.SERVED),
        (reply(404, 0.1), Outcome.SERVED),
        (reply(429, 0.1), Outcome.REFUSED),
        (reply(503, 0.1, {"Retry-After": "3"}), Outcome.REFUSED),
        (reply(503, 0.1), Outcome.FAILED),
        (reply(500, 0.1), Outcome.FAILED),
        (Reply(None, {}, b"", Evidence(Left.MAYBE, Stage.SENDING, "deadline")), Outcome.FAILED),
        (Reply(None, {}, b"", Evidence(Left.NOTHING, Stage.CONNECT, "refused")), Outcome.FAILED),
        (Reply(200, {}, b"", Evidence(Left.MAYBE, Stage.BODY, "eof", 200)), Outcome.FAILED),
        (Reply(None, {}, b"", Evidence(Left.NOTHING, Stage.POOL, "cancelled")), None),
        (Reply(None, {}, b"", Evidence(Left.NOTHING, Stage.POOL, "pool")), None),
    ],
    ids=str,
)
def test_what_an_answer_tells_of_the_gateway(answer, outcome):
    assert outcome_of(answer) is outcome
