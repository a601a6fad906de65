"""Which pace a run gets, what it tells of itself, and what it does to requests on a real wire."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from paymentoptions_async.errors import InvalidValue
from paymentoptions_async.reconcile.pace import CAUTIOUS, make_pace
from paymentoptions_async.reconcile.pace.controller import FIRST_RATE
from paymentoptions_async.sandbox import Sandbox, serve
from tests.facade.conftest import Merchant, client
from tests.reconcile.pace_world import fullest_second, reply
from tests.support.virtual_time import in_virtual_time

LIVE, SANDBOX = "paymentoptions/live/JP00000001", "paymentoptions/sandbox/JP00000001"


@pytest.mark.parametrize(
    ("rate", "scope", "meant", "allowed"),
    [
        (None, LIVE, CAUTIOUS, CAUTIOUS),
        (None, "corefy/live/com_1", CAUTIOUS, CAUTIOUS),
        (None, "paymentoptions/live/sandbox", CAUTIOUS, CAUTIOUS),
        (None, SANDBOX, None, None),
        (math.inf, LIVE, None, None),
        (7, LIVE, 7.0, 7.0),
        (7.5, SANDBOX, 7.5, 7.5),
        ("auto", LIVE, None, FIRST_RATE),
        ("auto", SANDBOX, None, FIRST_RATE),
    ],
)
def test_the_pace_that_was_meant(rate, scope, meant, allowed):
    pace = make_pace(rate, scope=scope, concurrency=64)
    assert (pace.rate, pace.allowed, pace.retries) == (meant, allowed, 0)
    assert 1 <= pace.concurrency <= 64


@pytest.mark.parametrize("rate", [0, -1, math.nan, -math.inf, "fast", "", True, b"auto", [50]])
def test_what_is_no_rate_is_refused_with_what_would_be_one(rate):
    with pytest.raises(InvalidValue, match=r"above 0, 'auto' .* or inf") as refused:
        make_pace(rate, scope=LIVE, concurrency=64)
    assert refused.value.field == "rate"


@pytest.mark.parametrize("concurrency", [0, -1, 1.5, True])
def test_what_is_no_number_of_questions_is_refused(concurrency):
    with pytest.raises(InvalidValue, match="whole number of at least 1"):
        make_pace(50.0, scope=LIVE, concurrency=concurrency)


@pytest.mark.parametrize("rate", [100.0, math.inf])
@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [
        (reply(429, 0.1, {"Retry-After": "20"}), 20.0),
        (reply(429, 0.1), 1.0),
        (reply(503, 0.1, {"retry-after": "20"}), 20.0),
        (reply(503, 0.1), 0.0),
        (reply(200, 0.1, {"Retry-After": "20"}), 0.0),
    ],
    ids=["429, said", "429", "503, said", "503", "200"],
)
@in_virtual_time
async def test_nobody_asks_while_the_gateway_wants_to_be_left_alone(rate, refusal, seconds):
    pace = make_pace(rate, scope=LIVE, concurrency=8)
    await pace.permit()
    began = asyncio.get_running_loop().time()
    pace.saw(refusal)
    await pace.permit(again=True)
    assert asyncio.get_running_loop().time() - began == pytest.approx(seconds, abs=0.02)
    assert pace.retries == 1
    assert pace.allowed == (None if math.isinf(rate) else rate)


async def test_on_a_real_wire_the_gateway_never_sees_more_in_a_second_than_was_meant(monkeypatch):
    rate, came = 60.0, []
    bank = Sandbox()

    async def noting(scope, receive, send):
        came.append(time.monotonic())
        await bank_app(scope, receive, send)

    bank_app = bank.app
    monkeypatch.setattr(bank, "app", noting)
    async with serve(bank) as url, client(url) as gateway:
        paid = await Merchant(gateway, bank, []).pay()
        assert paid.transaction_id is not None
        await gateway.observe(paid.transaction_id)  # has connected
        came.clear()
        pace = make_pace(rate, scope=LIVE, concurrency=16)
        questions = [gateway.observe(paid.transaction_id, pace=pace) for _ in range(120)]
        seen = await asyncio.gather(*questions)
    assert len(came) == len(seen) == 120
    # Nearly a second: on a machine that is busy with other things, one may come later than it left.
    assert fullest_second(came, 0.9) <= rate * 1.02
    assert pace.retries == 0
