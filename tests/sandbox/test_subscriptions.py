from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from paymentoptions_async.sandbox import Sandbox, serve
from paymentoptions_async.sandbox.document import load
from paymentoptions_async.sandbox.plans import read

PREFIX = "/api/v1/server-to-server-interface"
DAY = 24 * 3600
PLAN = {
    "plan_name": "Monthly box",
    "plan_desc": "One box a month",
    "cycle_type": "MONTHS",
    "subscription_end_type": "CYCLE",
    "cycle_interval": 1,
    "max_cycle_count": 3,
    "has_trial_period": False,
    "trial_period_duration_type": "DAYS",
    "trial_period_duration": 14,
    "has_discount": False,
    "discount_percentage": 10,
    "discount_duration": 2,
}

Subscribe = Callable[..., Awaitable[httpx.Response]]
Ask = Callable[[str], Awaitable[httpx.Response]]


@pytest.fixture
def subscribe(client: httpx.AsyncClient, body: Callable[..., Any]) -> Subscribe:
    async def subscribe(card: str = "approved", /, **plan: Any) -> httpx.Response:
        terms = {name: value for name, value in (PLAN | plan).items() if value is not None}
        return await client.post(f"{PREFIX}/subscription/payment", json=body(card, subscription=terms))

    return subscribe


@pytest.fixture
def look(client: httpx.AsyncClient) -> Ask:
    async def look(subscription_id: str) -> httpx.Response:
        return await client.get(f"{PREFIX}/subscription/{subscription_id}")

    return look


@pytest.fixture
def change(client: httpx.AsyncClient) -> Callable[[str, str], Awaitable[httpx.Response]]:
    async def change(subscription_id: str, to: str) -> httpx.Response:
        return await client.post(f"{PREFIX}/subscription/{subscription_id}/{to}")

    return change


def id_of(reply: httpx.Response) -> str:
    answer: str = reply.json()["subscription_details"]["id"]
    return answer


async def test_creating_one_charges_the_first_cycle(sandbox, subscribe):
    reply = await subscribe()
    data = reply.json()
    assert reply.status_code == data["status_code"] == 201
    assert (data["success"], data["transaction_type"]) == (True, "CAPTURE")
    assert data["gateway_response"]["code"] == "INFO0000"
    assert data["payment_details"]["amount"] == 1000
    [charge] = sandbox.books.charges("qwe")
    assert (charge.id, charge.charged) == (data["transaction_details"]["id"], 1000)
    assert (charge.order.subscription_id, charge.order.cycle) == (id_of(reply), 1)


async def test_one_subscription_is_shown_as_in_the_sample(subscribe, look):
    created = await subscribe()
    reply = await look(id_of(created))
    data = reply.json()
    assert reply.status_code == data["status_code"] == 200
    assert set(data) == {"success", "status_code", "is_live", "subscription_details"}
    assert data["subscription_details"] == {
        "id": id_of(created),
        "type": "CYCLE",
        "max_cycle_count": 3,
        "status": "ACTIVE",
        "completed_payment_cycle": 1,
        "last_payment_status": "SUCCESSFUL",
        "next_payment_date": "2026-02-02T03:04:05.000Z",
        "next_payment_cycle": 2,
        "subscription_plan_details": {
            "name": "Monthly box",
            "desc": "One box a month",
            "billing_cycle_type": "MONTHS",
            "billing_cycle_interval": 1,
            "amount": 1000,
            "ccy": "JPY",
            "trial_period_duration": "",
            "trial_period_duration_type": "NONE",
            "plan_discount_percentage": 0,
            "plan_discount_duration": 0,
        },
        "subscription_transaction_details": [
            {
                "id": created.json()["transaction_details"]["id"],
                "ref": created.json()["transaction_details"]["ref"],
                "cycle": 1,
                "status": "SUCCESSFUL",
                "transaction_date": "2026-01-02T03:04:05.000Z",
                "amount": 1000,
                "ccy": "JPY",
                "event": "CAPTURED",
            }
        ],
    }
    assert created.json()["subscription_details"] == data["subscription_details"]


async def test_the_list_has_all_of_them_oldest_first(client, subscribe):
    assert (await client.get(f"{PREFIX}/subscription/list")).json()["subscription_details"] == []
    ids = [id_of(await subscribe()) for _ in range(3)]
    listed = (await client.get(f"{PREFIX}/subscription/list")).json()
    assert [one["id"] for one in listed["subscription_details"]] == ids
    assert "gateway_response" not in listed


async def test_every_month_bills_until_the_last_cycle(sandbox, subscribe, look, ask):
    subscription_id = id_of(await subscribe())
    await sandbox.advance(31 * DAY - 1)
    assert len(sandbox.books.charges()) == 1
    await sandbox.advance(1)
    assert len(sandbox.books.charges()) == 2
    await sandbox.advance(400 * DAY)
    assert [charge.order.cycle for charge in sandbox.books.charges("qwe")] == [1, 2, 3]
    assert [f"{charge.created:%Y-%m-%d}" for charge in sandbox.books.charges()] == [
        "2026-01-02",
        "2026-02-02",
        "2026-03-02",
    ]
    details = (await look(subscription_id)).json()["subscription_details"]
    assert (details["status"], details["completed_payment_cycle"]) == ("EXPIRED", 3)
    assert details["next_payment_date"] is details["next_payment_cycle"] is None
    renewal = (await ask(sandbox.books.charges()[1].id)).json()
    assert (renewal["transaction_type"], renewal["merchant_details"]["merchant_txn_ref"]) == ("CAPTURE", "qwe")


@pytest.mark.parametrize(
    ("unit", "interval", "dates"),
    [
        ("DAYS", 2, ["01-04", "01-06"]),
        ("WEEKS", 1, ["01-09", "01-16"]),
        ("MONTHS", 2, ["03-02", "05-02"]),
        ("YEARS", 1, ["01-02", "01-02"]),
    ],
)
async def test_the_interval_is_the_plans(sandbox, subscribe, unit, interval, dates):
    await subscribe(cycle_type=unit, cycle_interval=interval)
    await sandbox.advance(800 * DAY)
    assert [f"{charge.created:%m-%d}" for charge in sandbox.books.charges()[1:]] == dates


async def test_months_are_counted_from_the_first_date_and_keep_its_day(sandbox, clock, subscribe):
    await sandbox.advance(29 * DAY)  # 31 January
    await subscribe(max_cycle_count=4)
    await sandbox.advance(100 * DAY)
    dates = [f"{charge.created:%m-%d}" for charge in sandbox.books.charges()]
    assert dates == ["01-31", "02-28", "03-31", "04-30"]


async def test_each_renewal_is_told(sandbox, subscribe, inbox):
    await subscribe()
    await sandbox.advance(60 * DAY)
    told = [json.loads(body) for _, body in inbox.got]
    assert [one["transaction_details"]["id"] for one in told] == [charge.id for charge in sandbox.books.charges()]
    assert len(told) == 3


async def test_a_discount_ends_after_its_cycles(sandbox, subscribe, look):
    created = await subscribe(has_discount=True, discount_percentage=12.5)
    await sandbox.advance(100 * DAY)
    assert created.json()["payment_details"]["amount"] == 875
    assert [charge.charged for charge in sandbox.books.charges()] == [875, 875, 1000]
    details = (await look(id_of(created))).json()["subscription_details"]
    assert details["subscription_plan_details"]["plan_discount_percentage"] == 12.5
    assert details["subscription_plan_details"]["amount"] == 1000
    assert [one["amount"] for one in details["subscription_transaction_details"]] == [875, 875, 1000]


async def test_discounted_amounts_have_the_currencys_decimals(client, body, sandbox):
    terms = PLAN | {"has_discount": True, "discount_percentage": 33.3333}
    await client.post(f"{PREFIX}/subscription/payment", json=body(amount="10.01", currency="USD", subscription=terms))
    assert [str(charge.charged) for charge in sandbox.books.charges()] == ["6.67"]


async def test_a_trial_comes_before_the_first_charge(sandbox, subscribe, look):
    created = await subscribe(has_trial_period=True)
    data = created.json()
    assert (data["success"], data["payment_details"]["amount"]) == (True, 0)
    assert sandbox.books.charges() == []
    details = data["subscription_details"]
    assert (details["next_payment_date"], details["next_payment_cycle"]) == ("2026-01-16T03:04:05.000Z", 1)
    assert details["subscription_plan_details"]["trial_period_duration"] == "14"
    assert details["subscription_plan_details"]["trial_period_duration_type"] == "DAYS"
    assert details["last_payment_status"] is None
    await sandbox.advance(14 * DAY)
    assert [charge.order.cycle for charge in sandbox.books.charges()] == [1]
    await sandbox.advance(100 * DAY)
    assert (await look(id_of(created))).json()["subscription_details"]["status"] == "EXPIRED"
    assert sandbox.books.total_charged() == 3000


async def test_a_declined_card_makes_no_subscription(sandbox, client, subscribe):
    reply = await subscribe("declined")
    assert (reply.json()["success"], reply.json()["payment_details"]["response_code"]) == (False, 5)
    assert "subscription_details" not in reply.json()
    trial = await subscribe("declined", has_trial_period=True)
    assert "subscription_details" not in trial.json()
    assert (await client.get(f"{PREFIX}/subscription/list")).json()["subscription_details"] == []
    await sandbox.advance(100 * DAY)
    assert sandbox.books.charges() == []


@pytest.mark.parametrize(
    ("card", "trial", "state"),
    [
        ("pending", False, "ACTIVE"),
        ("pending_then_declined", False, "CANCELLED"),
        ("unclear_not_charged", True, "CANCELLED"),
    ],
)
async def test_a_first_charge_that_settles_later_decides_what_it_began(  # noqa: PLR0917
    sandbox, subscribe, look, card, trial, state
):
    created = await subscribe(card, has_trial_period=trial)
    assert created.json()["success"] is False
    assert created.json()["subscription_details"]["last_payment_status"] == (None if trial else "PENDING")
    await sandbox.advance(60)
    details = (await look(id_of(created))).json()["subscription_details"]
    assert (details["status"], details["completed_payment_cycle"]) == (state, 1 if state == "ACTIVE" else 0)
    await sandbox.advance(31 * DAY)
    assert len(sandbox.books.transactions) == (2 if state == "ACTIVE" else 1)


async def test_a_card_that_asks_for_3d_secure_is_declined(sandbox, subscribe):
    assert (await subscribe("challenge")).json()["payment_details"]["response_code"] == 65
    assert sandbox.books.challenges == []


async def test_a_declined_renewal_is_not_tried_again_and_uses_up_its_cycle(sandbox, subscribe, look, inbox):
    subscription_id = id_of(await subscribe("renewal_declined"))
    await sandbox.advance(31 * DAY)
    details = (await look(subscription_id)).json()["subscription_details"]
    assert (details["status"], details["completed_payment_cycle"]) == ("ACTIVE", 1)
    assert (details["last_payment_status"], details["next_payment_cycle"]) == ("NOTSUCCESSFUL", 3)
    assert details["subscription_transaction_details"][1]["event"] == "DECLINED"
    assert json.loads(inbox.got[-1][1])["payment_details"]["response_code"] == 51
    await sandbox.advance(400 * DAY)
    assert len(sandbox.books.transactions) == 3
    assert sandbox.books.total_charged() == 1000


async def test_a_pause_skips_what_falls_due_and_resuming_makes_nothing_up(sandbox, subscribe, change, look):
    subscription_id = id_of(await subscribe())
    paused = (await change(subscription_id, "pause")).json()
    assert paused["gateway_response"]["code"] == "INFO3000"
    assert paused["subscription_details"]["status"] == "PAUSED"
    assert paused["subscription_details"]["next_payment_date"] is None
    await sandbox.advance(100 * DAY)  # 12 April
    assert len(sandbox.books.charges()) == 1
    resumed = (await change(subscription_id, "resume")).json()["subscription_details"]
    assert (resumed["status"], resumed["next_payment_cycle"]) == ("ACTIVE", 2)
    assert resumed["next_payment_date"] == "2026-05-02T03:04:05.000Z"
    assert len(sandbox.books.charges()) == 1
    await sandbox.advance(100 * DAY)
    details = (await look(subscription_id)).json()["subscription_details"]
    assert (details["status"], len(sandbox.books.charges())) == ("EXPIRED", 3)


async def test_a_pause_between_two_dates_skips_nothing(sandbox, subscribe, change):
    subscription_id = id_of(await subscribe())
    await change(subscription_id, "pause")
    await sandbox.advance(10 * DAY)
    resumed = (await change(subscription_id, "resume")).json()["subscription_details"]
    assert resumed["next_payment_date"] == "2026-02-02T03:04:05.000Z"


@pytest.mark.parametrize("pause_first", [False, True])
async def test_cancelling_ends_it_for_good(sandbox, subscribe, change, pause_first):
    subscription_id = id_of(await subscribe())
    if pause_first:
        await change(subscription_id, "pause")
    cancelled = (await change(subscription_id, "cancel")).json()
    assert (cancelled["success"], cancelled["subscription_details"]["status"]) == (True, "CANCELLED")
    await sandbox.advance(100 * DAY)
    assert len(sandbox.books.charges()) == 1


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ([], "resume"),
        (["pause"], "pause"),
        (["pause", "resume"], "resume"),
        (["cancel"], "cancel"),
        (["cancel"], "pause"),
        (["cancel"], "resume"),
    ],
)
async def test_what_its_state_does_not_allow_is_refused_readably(subscribe, change, look, before, wanted):
    subscription_id = id_of(await subscribe())
    for step in before:
        assert (await change(subscription_id, step)).status_code == 200
    state = (await look(subscription_id)).json()["subscription_details"]["status"]
    refused = await change(subscription_id, wanted)
    assert refused.status_code == 412
    assert refused.json()["messageCode"] == "PRECONDITION_FAILED"
    assert f"The subscription is {state}; it must be " in refused.json()["message"]
    assert (await look(subscription_id)).json()["subscription_details"]["status"] == state


async def test_an_expired_one_can_not_be_cancelled(sandbox, subscribe, change):
    subscription_id = id_of(await subscribe(max_cycle_count=1))
    assert (await change(subscription_id, "cancel")).status_code == 412


@pytest.mark.parametrize("what", ["", "/pause", "/resume", "/cancel"])
async def test_an_unknown_subscription_is_not_found(client, what):
    url = f"{PREFIX}/subscription/00000000-0000-4000-8000-000000000000{what}"
    reply = await (client.post(url) if what else client.get(url))
    assert (reply.status_code, reply.json()["message"]) == (404, "Subscription not found.")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"plan_name": None}, "plan_name is missing"),
        ({"cycle_type": "FORTNIGHTS"}, "cycle_type must be one of DAYS, WEEKS, MONTHS, YEARS"),
        ({"cycle_type": None}, "cycle_type must be one of"),
        ({"subscription_end_type": "NEVER"}, "subscription_end_type must be CYCLE"),
        ({"cycle_interval": 0}, "cycle_interval must be 1 or more"),
        ({"cycle_interval": 1.5}, "cycle_interval must be integer"),
        ({"max_cycle_count": 0}, "max_cycle_count must lie between 1 and 1000"),
        ({"max_cycle_count": None}, "max_cycle_count must lie between 1 and 1000"),
        ({"cycle_type": "YEARS", "max_cycle_count": 101}, "longer than a hundred years"),
        ({"has_trial_period": True, "trial_period_duration": 0}, "trial_period_duration must lie between"),
        ({"has_trial_period": True, "trial_period_duration_type": "NONE"}, "trial_period_duration_type must be"),
        ({"has_discount": True, "discount_percentage": 0}, "discount_percentage must lie between 0 and 100"),
        ({"has_discount": True, "discount_percentage": 100}, "discount_percentage must lie between 0 and 100"),
        ({"has_discount": True, "discount_percentage": 0.00001}, "in steps of 0.0001"),
        ({"has_discount": True, "discount_duration": 4}, "discount_duration must lie between 1 and max_cycle_count"),
        ({"has_discount": True, "discount_duration": None}, "discount_duration must lie between"),
        ({"colour": "red"}, "unknown fields: colour"),
    ],
)
async def test_plans_that_make_no_sense_are_refused_before_charging(sandbox, subscribe, changes, complaint):
    reply = await subscribe(**changes)
    assert reply.status_code == 400
    assert complaint in reply.json()["message"]
    assert sandbox.books.transactions == []


async def test_all_that_is_wrong_with_a_plan_is_said_at_once(subscribe):
    reply = await subscribe(cycle_interval=0, has_trial_period=True, trial_period_duration=0)
    assert reply.json()["message"].count("subscription.") == 2


async def test_a_discount_that_leaves_nothing_is_refused(client, body):
    terms = PLAN | {"has_discount": True, "discount_percentage": 99}
    reply = await client.post(f"{PREFIX}/subscription/payment", json=body(amount="1", subscription=terms))
    assert reply.status_code == 400
    assert "leaves nothing to charge" in reply.json()["message"]


async def test_what_is_switched_off_is_not_looked_at(subscribe):
    off = await subscribe(trial_period_duration_type=None, trial_period_duration=0, discount_percentage=0)
    assert off.status_code == 201


async def test_renewals_can_be_refunded_one_by_one(sandbox, subscribe, operate):
    await subscribe()
    await sandbox.advance(31 * DAY)
    renewal = sandbox.books.charges()[1]
    assert (await operate("refund", renewal.id, 1000)).json()["success"] is True
    assert [sandbox.operations.refundable(charge) for charge in sandbox.books.charges()] == [1000, 0]


@pytest.mark.parametrize(("when", "charged"), [("before", 0), ("after", 1)])
async def test_faults_strike_before_or_after_the_first_charge(sandbox, subscribe, when, charged):
    sandbox.faults.add("subscription_create", "close", when=when)
    with pytest.raises(httpx.RemoteProtocolError):
        await subscribe()
    assert len(sandbox.books.charges()) == len(sandbox.subscriptions.all) == charged


@pytest.mark.parametrize(("when", "state"), [("before", "ACTIVE"), ("after", "CANCELLED")])
async def test_faults_strike_before_or_after_a_change(sandbox, subscribe, change, when, state):
    subscription_id = id_of(await subscribe())
    sandbox.faults.add("subscription_cancel", "error", when=when, status=504)
    assert (await change(subscription_id, "cancel")).status_code == 504
    assert sandbox.subscriptions.find(subscription_id).state == state


@pytest.mark.parametrize(
    ("endpoint", "method", "path"),
    [
        ("subscription_list", "GET", "list"),
        ("subscription_show", "GET", "{}"),
        ("subscription_pause", "POST", "{}/pause"),
        ("subscription_resume", "POST", "{}/resume"),
    ],
)
async def test_every_endpoint_has_a_name_for_faults(  # noqa: PLR0917
    sandbox, client, subscribe, endpoint, method, path
):
    subscription_id = id_of(await subscribe())
    sandbox.faults.add(endpoint, "error", status=503)
    reply = await client.request(method, f"{PREFIX}/subscription/{path.format(subscription_id)}")
    assert reply.status_code == 503


async def test_changes_need_the_keys_but_no_body(sandbox, subscribe, client):
    subscription_id = id_of(await subscribe())
    url = f"{PREFIX}/subscription/{subscription_id}/pause"
    assert (await client.post(url, headers={"authorization": "Basic x"})).status_code == 401
    assert (await client.post(url, json={})).status_code == 200
    assert sandbox.requests[-1].message == "subscription PAUSED"


async def test_status_sees_a_renewal_that_nothing_has_billed_yet(clock, subscribe, look):
    subscription_id = id_of(await subscribe())
    clock.advance(31 * DAY)
    details = (await look(subscription_id)).json()["subscription_details"]
    assert details["completed_payment_cycle"] == 2


async def test_a_reset_forgets_subscriptions(sandbox, client, subscribe):
    await subscribe()
    sandbox.reset()
    assert sandbox.subscriptions.all == []
    assert sandbox.subscriptions.next_due() is None


async def test_replies_keep_to_the_document(  # noqa: PLR0917
    sandbox, client, subscribe, look, change, authorize, operate
):
    document = load()
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT4.create_resource(document))

    def check(name: str, reply: httpx.Response) -> None:
        assert reply.status_code in {200, 201}
        schema = {"$ref": f"urn:document#/components/schemas/{name}"}
        data = json.loads(reply.text)
        assert [error.message for error in OAS30Validator(schema, registry=registry).iter_errors(data)] == []

    check("PaymentReply", await subscribe(has_trial_period=True))
    created = await subscribe(has_discount=True)
    check("PaymentReply", created)
    await sandbox.advance(31 * DAY)
    for step in ("pause", "resume", "cancel"):
        check("SubscriptionReply", await change(id_of(created), step))
    check("SubscriptionReply", await look(id_of(created)))
    check("SubscriptionListReply", await client.get(f"{PREFIX}/subscription/list"))
    authorisation = await authorize()
    check("PaymentReply", authorisation)
    capture = await operate("capture", authorisation, 1000)
    for reply in (capture, await operate("refund", capture, 1), await operate("void", await authorize())):
        check("PaymentReply", reply)


def test_prices_are_exact():
    terms = PLAN | {"has_discount": True, "discount_percentage": Decimal("0.0001"), "discount_duration": 1}
    plan = read(terms, Decimal(999999999999), "JPY")
    assert (plan.price(1), plan.price(2)) == (Decimal(999998999999), Decimal(999999999999))


async def test_a_served_sandbox_bills_by_itself_when_its_clock_is_moved(clock, inbox, keys, body):
    sandbox = Sandbox(clock=clock, deliver=inbox)
    async with (
        serve(sandbox) as url,
        httpx.AsyncClient(base_url=url, headers=keys, trust_env=False) as http,
        asyncio.timeout(20),
    ):
        await http.post(f"{PREFIX}/subscription/payment", json=body(subscription=PLAN))
        clock.advance(31 * DAY)
        while len(inbox.got) < 2:  # noqa: ASYNC110  it wakes up by itself, in this loop
            await asyncio.sleep(0)
    assert [charge.order.cycle for charge in sandbox.books.charges()] == [1, 2]
