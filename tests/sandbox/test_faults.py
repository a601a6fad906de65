from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from paymentoptions_async.sandbox import FaultPlan, PlanError

NOT_JSON = ("garbage", "html", "empty", "half_body")


@pytest.mark.parametrize(("when", "charges"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("fault", [*NOT_JSON, "error", "redirect"])
async def test_a_spoiled_answer_says_nothing_of_the_charge(sandbox, pay, fault, when, charges):
    sandbox.faults.add("paymentv2", fault, when=when)
    reply = await pay()
    assert len(sandbox.books.charges()) == charges
    if fault == "error":
        assert (reply.status_code, reply.json()) == (500, {"message": "Internal server error"})
    elif fault == "redirect":
        assert (reply.status_code, reply.headers["location"]) == (302, "/elsewhere")
    else:
        with pytest.raises(json.JSONDecodeError if fault != "garbage" else UnicodeDecodeError):
            reply.json()


@pytest.mark.parametrize(("when", "charges"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset", httpx.ReadError),
        ("close", httpx.RemoteProtocolError),
        ("half_head", httpx.RemoteProtocolError),
        ("half_reply", httpx.RemoteProtocolError),
        ("hang", httpx.ReadTimeout),
    ],
)
async def test_a_cut_connection_raises_in_process_what_httpx_raises(  # noqa: PLR0917
    sandbox, pay, fault, error, when, charges
):
    sandbox.faults.add("paymentv2", fault, when=when)
    with pytest.raises(error):
        await pay()
    assert len(sandbox.books.charges()) == charges


async def test_a_gateway_timeout_looks_like_the_front_doors(sandbox, pay):
    sandbox.faults.add("*", "error", status=504)
    reply = await pay()
    assert (reply.status_code, reply.json()) == (504, {"message": "Endpoint request timed out"})
    assert "retry-after" not in reply.headers


async def test_too_many_requests_may_say_when_to_come_back(sandbox, ask):
    sandbox.faults.add("status", "error", status=429, seconds=2.0)
    reply = await ask("x")
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "2")


async def test_change_lies_about_the_fields_it_names_and_no_others(sandbox, pay):
    sandbox.faults.add("paymentv2", "change", set={"is_live": True, "payment_details.amount": 1, "new.field": None})
    data = (await pay()).json()
    assert (data["is_live"], data["payment_details"]["amount"], data["new"]) == (True, 1, {"field": None})
    assert data["payment_details"]["currency"] == "JPY"
    assert sandbox.books.total_charged() == 1000


@pytest.mark.parametrize(("when", "charged_meanwhile"), [("before", 0), ("after", 1)])
async def test_a_delay_waits_on_the_sandboxs_clock(sandbox, client, pay, when, charged_meanwhile):
    sandbox.faults.add("paymentv2", "delay", seconds=30, when=when)
    paying = asyncio.ensure_future(pay())
    while not sandbox.faults.fired:  # noqa: ASYNC110  one turn of the loop is enough
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(sandbox.books.charges()) == charged_meanwhile
    await sandbox.advance(29)
    assert not paying.done()
    await sandbox.advance(1)
    assert (await paying).status_code == 201
    assert len(sandbox.books.charges()) == 1


async def test_nth_times_and_the_endpoint_decide_who_is_struck(sandbox, pay, ask):
    sandbox.faults.add("paymentv2", "error", nth=[2, 4])
    sandbox.faults.add("status", "error", times=1, status=503)
    paid = [(await pay()).status_code for _ in range(5)]
    asked = [(await ask("x")).status_code for _ in range(3)]
    assert paid == [201, 500, 201, 500, 201]
    assert asked == [503, 404, 404]
    assert [what for what, _ in sandbox.faults.fired] == ["paymentv2", "paymentv2", "status"]


async def test_refused_requests_are_not_counted(sandbox, pay):
    sandbox.faults.add("paymentv2", "error", nth=1)
    assert (await pay(amount=1)).status_code == 400
    assert (await pay()).status_code == 500


def test_the_same_seed_strikes_the_same_requests():
    def struck(seed):
        plan = FaultPlan(seed=seed)
        plan.add("*", "reset", probability=0.3)
        plan.add("status", "delay", seconds=1, probability=0.3)
        return [len(plan.draw("status" if one % 3 else "payment")) for one in range(100)]

    assert struck(5) == struck(5) != struck(6)
    assert 20 < sum(struck(5)) < 80


def test_webhook_rules_and_star_do_not_mix():
    plan = FaultPlan()
    plan.add("*", "reset")
    plan.add("webhook", "missing")
    assert [rule.fault for rule in plan.draw("webhook")] == ["missing"]
    assert [rule.fault for rule in plan.draw("status")] == ["reset"]


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"on": "capture_it", "fault": "reset"}, "on is one of"),
        ({"on": "payment", "fault": "missing"}, "a fault on payment is one of"),
        ({"on": "webhook", "fault": "reset"}, "a fault on webhook is one of"),
        ({"on": "payment"}, "a rule needs fault"),
        ({"on": "payment", "fault": "reset", "chance": 1}, "a rule has no chance"),
        ({"on": "payment", "fault": "reset", "when": "during"}, "when is before or after"),
        ({"on": "payment", "fault": "reset", "probability": 2}, "probability lies between 0 and 1"),
        ({"on": "payment", "fault": "reset", "probability": "1"}, "probability is int or float"),
        ({"on": "payment", "fault": "reset", "nth": 0}, "nth is a whole number"),
        ({"on": "payment", "fault": "reset", "nth": 1.5}, "nth is a whole number"),
        ({"on": "payment", "fault": "delay"}, "delay needs seconds"),
        ({"on": "payment", "fault": "error", "status": 200}, "status lies between 400 and 599"),
        ({"on": "payment", "fault": "change"}, "change needs set"),
        ("reset", "a rule is a table"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused_and_the_old_one_stays(rule: object, complaint):
    plan = FaultPlan()
    plan.add("status", "reset")
    with pytest.raises(PlanError, match=complaint):
        plan.load({"rules": [rule]})
    assert [one.on for one in plan.rules] == ["status"]


@pytest.mark.parametrize("plan", [[], {"rules": {}}, {"rulez": []}, {"seed": "x"}])
def test_a_plan_of_another_shape_is_refused(plan):
    with pytest.raises(PlanError):
        FaultPlan().load(plan)


async def test_a_plan_is_read_and_set_over_http(sandbox, client, pay):
    plan: dict[str, Any] = {"seed": 7, "rules": [{"on": "paymentv2", "fault": "error", "status": 502, "nth": [1]}]}
    set_to = await client.post("/_sandbox/faults", json=plan)
    assert (set_to.status_code, set_to.json()) == (200, plan)
    assert (await pay()).status_code == 502
    shown = (await client.get("/_sandbox/faults")).json()
    assert shown["plan"] == plan
    assert shown["fired"] == [plan["rules"][0]]
    bad = await client.post("/_sandbox/faults", json={"rules": [{"on": "x", "fault": "reset"}]})
    no_json = await client.post("/_sandbox/faults", content=b"{")
    assert (bad.status_code, no_json.status_code) == (400, 400)
    assert "on is one of" in bad.json()["message"]


def test_a_plan_is_read_from_a_file(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"seed": 3, "rules": [{"on": "*", "fault": "hang", "probability": 0.5}]}))
    plan = FaultPlan()
    plan.load_file(path)
    assert (plan.seed, [rule.fault for rule in plan.rules]) == (3, ["hang"])
    path.write_text("{")
    with pytest.raises(PlanError, match=r"plan\.json"):
        plan.load_file(path)


async def test_a_reset_starts_the_plan_again(sandbox, pay):
    sandbox.faults.add("paymentv2", "error", nth=1)
    before = [(await pay()).status_code for _ in range(2)]
    sandbox.reset()
    assert [(await pay()).status_code for _ in range(2)] == before == [500, 201]
