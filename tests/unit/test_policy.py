from __future__ import annotations

from random import Random

import pytest

from paymentoptions_async import policy
from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.evidence import Evidence, Left, Stage

NOTHING_LEFT = Evidence(Left.NOTHING, Stage.CONNECT, failure="refused")
MAY_HAVE_LEFT = Evidence(Left.MAYBE, Stage.CONNECT, failure="refused")


@pytest.mark.parametrize("timeout", [None, 0, -1, float("inf"), float("nan"), "5", True], ids=repr)
def test_no_call_waits_without_end(timeout):
    with pytest.raises(InvalidValue, match="timeout"):
        policy.check_timeout(timeout)


def test_evidence_and_not_the_name_of_a_failure_allows_sending_again():
    assert policy.may_send_again(NOTHING_LEFT, 1)
    assert not policy.may_send_again(MAY_HAVE_LEFT, 1)


@pytest.mark.parametrize("failure", ["cancelled", "deadline"])
def test_a_call_that_is_over_is_not_sent_again(failure):
    assert not policy.may_send_again(Evidence(Left.NOTHING, Stage.POOL, failure=failure), 1)


def test_tries_end():
    assert not policy.may_send_again(NOTHING_LEFT, policy.MAX_ATTEMPTS)
    assert not policy.may_ask_again(MAY_HAVE_LEFT, policy.MAX_ATTEMPTS)


@pytest.mark.parametrize(("status", "again"), [(200, False), (404, False), (429, True), (500, True), (504, True)])
def test_questions_are_asked_again_while_the_gateway_is_busy(status, again):
    assert policy.may_ask_again(Evidence(Left.MAYBE, Stage.DONE, http_status=status), 1) is again


def test_jitter_is_full_and_grows():
    delays = [[policy.delay_before(attempt, Random(seed)) for seed in range(200)] for attempt in (1, 3)]
    assert min(delays[0]) < 0.05
    assert max(delays[0]) <= 0.5
    assert 1.5 < max(delays[1]) <= 2.0


def test_retry_after_is_obeyed():
    assert policy.delay_before(1, Random(1), retry_after=30.0) >= 30.0
    assert policy.retry_after({"Retry-After": "30"}) == 30.0
    assert policy.retry_after({"retry-after": "soon"}) is None
    assert policy.retry_after({}) is None


def test_polling_slows_down_and_is_spread():
    first = [policy.poll_delay(0, Random(seed)) for seed in range(100)]
    late = [policy.poll_delay(50, Random(seed)) for seed in range(100)]
    assert 0.5 <= min(first) < max(first) <= 1.5
    assert 15 <= min(late) < max(late) <= 45


def test_polling_goes_on_for_days():
    assert 15 <= policy.poll_delay(1_000_000, Random(1)) <= 45
