from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest
from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from paymentoptions_async.sandbox import CARDS, OUTCOMES, Sandbox, Settings
from paymentoptions_async.sandbox.document import load

PREFIX = "/api/v1/server-to-server-interface"


async def test_an_approved_purchase_answers_in_the_samples_shape(sandbox, pay):
    reply = await pay()
    data = reply.json()
    assert reply.status_code == data["status_code"] == 201
    assert (data["success"], data["is_live"], data["transaction_type"]) == (True, False, "CAPTURE")
    assert data["gateway_response"] == {
        "version": "1",
        "type": "INFO",
        "message": "Payment Successful.",
        "code": "INFO0000",
    }
    assert data["merchant_details"]["merchant_txn_ref"] == "qwe"
    assert data["merchant_details"]["device_details"] == {"visited_ip": "127.0.0.1", "customer_ip": "127.0.0.1"}
    assert data["payment_details"]["amount"] == 1000
    assert len(data["payment_details"]["auth_code"]) == 6
    assert data["transaction_details"]["timestamp"] == "2026-01-02T03:04:05.000Z"
    assert data["risk-details"] == {"risk_score": None}
    [charge] = sandbox.books.charges("qwe")
    assert (charge.id, charge.charged) == (data["transaction_details"]["id"], Decimal(1000))


async def test_status_answers_in_the_samples_shape(pay, ask):
    paid = (await pay()).json()
    reply = await ask(paid["transaction_details"]["id"])
    data = reply.json()
    assert reply.status_code == data["status_code"] == 200
    assert data["payment_details"]["responseDescription"] == "The transaction was completed successfully."
    assert "merchant_txn_ref" not in data["transaction_details"]
    assert data["merchant_details"]["merchant_txn_ref"] == "qwe"
    assert data["transaction_details"]["billing_details"]["billing_address"]["city"] == "Shinjuku-ku"
    assert data["risk_details"] == {"risk_score": None}
    assert "risk-details" not in data


async def test_an_unknown_transaction_is_not_found(ask):
    reply = await ask("00000000-0000-4000-8000-000000000000")
    assert reply.status_code == 404
    assert reply.json()["success"] is False


async def test_the_same_reference_charges_twice(sandbox, pay):
    await pay()
    await pay()
    assert len(sandbox.books.charges("qwe")) == 2
    assert sandbox.books.total_charged("qwe") == 2000


@pytest.mark.parametrize("card", [card for card in CARDS if not card.challenge], ids=lambda card: card.name)
async def test_every_card_answers_and_charges_what_its_row_says(sandbox, pay, card):
    outcome = OUTCOMES[card.outcome]
    reply = await pay(card.name)
    data = reply.json()
    assert reply.status_code == data["status_code"] == (outcome.http_status or 201)
    assert data["success"] is outcome.success
    assert data["payment_details"]["response_code"] == outcome.code
    assert bool(sandbox.books.charges()) is outcome.charges
    assert (data["payment_details"]["auth_code"] is not None) is outcome.success


async def test_a_partial_approval_takes_half_rounded_down(sandbox, pay):
    reply = await pay("partial_approval", amount="10.01", currency="USD")
    assert json.loads(reply.text, parse_float=Decimal)["payment_details"]["amount"] == Decimal("5.00")
    assert sandbox.books.total_charged() == Decimal("5.00")


async def test_amounts_are_written_exactly(pay):
    reply = await pay(amount="0.10", currency="USD")
    assert '"amount":0.10,' in reply.text


@pytest.mark.parametrize(
    ("card", "before", "after"),
    [
        ("pending", (False, 578), (True, 0)),
        ("pending_then_declined", (False, 578), (False, 5)),
        ("timeout_charged", (False, 68), (True, 0)),
        ("unclear_not_charged", (False, 676), (False, 5)),
    ],
)
async def test_what_is_pending_or_unclear_settles_with_time(  # noqa: PLR0917
    sandbox, pay, ask, inbox, card, before, after
):
    transaction_id = (await pay(card)).json()["transaction_details"]["id"]

    async def answer():
        data = (await ask(transaction_id)).json()
        return data["success"], data["payment_details"]["response_code"]

    await sandbox.flush()
    assert inbox.got == []
    await sandbox.advance(59)
    assert await answer() == before
    await sandbox.advance(1)
    assert await answer() == after
    assert sandbox.books.total_charged("qwe") == (1000 if after[0] else 0)
    assert json.loads(inbox.got[0][1])["success"] is after[0]


async def test_status_sees_a_settlement_that_nothing_has_announced_yet(clock, pay, ask):
    transaction_id = (await pay("pending")).json()["transaction_details"]["id"]
    clock.advance(60)
    assert (await ask(transaction_id)).json()["success"] is True


@pytest.mark.parametrize("number", ["4111111111111111", "5200000000001006", "0" * 16])
async def test_other_cards_are_refused_readably(sandbox, pay, number):
    reply = await pay(number)
    assert reply.status_code == 406
    assert "test cards only" in reply.json()["message"]
    assert number not in reply.text
    assert sandbox.books.transactions == []


async def test_version_1_has_no_challenge_and_asks_for_authentication(sandbox, pay):
    reply = await pay("challenge", version=1)
    assert reply.json()["payment_details"]["response_code"] == 65
    assert sandbox.books.challenges == []
    assert sandbox.books.charges() == []


async def test_a_stored_card_pays_again_without_its_number(sandbox, pay):
    first = await pay(version=1, payment_method={"type": "scheme", "store_payment_method": True})
    token = first.json()["transaction_details"]["stored_payment_method_id"]
    method = {"type": "scheme", "stored_payment_method_id": token}
    again = await pay(version=1, card=None, payment_method=method)
    unknown = await pay(version=1, payment_method={"type": "scheme", "stored_payment_method_id": "nope"}, card=None)
    assert again.json()["payment_details"]["card"]["number"] == "520000******1005"
    assert sandbox.books.total_charged("qwe") == 2000
    assert unknown.status_code == 400


async def test_a_declined_card_is_not_stored(pay):
    reply = await pay("declined", version=1, payment_method={"type": "scheme", "store_payment_method": True})
    assert reply.json()["transaction_details"]["stored_payment_method_id"] is None


async def test_no_card_number_is_kept_anywhere(sandbox, pay, client, body):
    for card in ("approved", "declined", "challenge", "4111111111111111"):
        await pay(card)
    await pay("approved", surprise="5200000000001005")
    await sandbox.flush()
    texts = [(await client.get(f"/_sandbox/{page}")).text for page in ("", "charges.json", "requests.json")]
    texts += [repr(sandbox.books.transactions), repr(sandbox.requests), repr(sandbox.webhooks.deliveries)]
    for text in texts:
        assert "5200000000001005" not in text
        assert "4000002500003155" not in text
        assert "4111111111111111" not in text
    assert "520000******1005" in texts[0]


async def test_the_fingerprint_tells_cards_apart_but_only_within_one_sandbox(sandbox, clock, pay):
    for card in ("approved", "approved", "approved_visa"):
        await pay(card)
    first, second, other = (one.order.card.fingerprint for one in sandbox.books.transactions)
    assert first == second != other
    stranger = Sandbox(seed=2, clock=clock)
    assert stranger.books.put_on_file(CARDS[0], name="", exp_month="", exp_year="").fingerprint != first


async def test_echo_pan_repeats_the_number_as_the_samples_do(clock, keys, body):
    sandbox = Sandbox(clock=clock, settings=Settings(echo_pan=True, decline_status=412))
    async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys) as client:
        paid = (await client.post(f"{PREFIX}/paymentv2", json=body())).json()
        declined = await client.post(f"{PREFIX}/paymentv2", json=body("declined"))
        status = await client.get(f"{PREFIX}/transaction/status/{paid['transaction_details']['id']}")
    assert paid["payment_details"]["card"]["number"] == "5200000000001005"
    assert status.json()["payment_details"]["card"]["number"] == "5200000000001005"
    assert declined.status_code == declined.json()["status_code"] == 412


async def test_ids_come_from_the_seed(clock, keys, body):
    ids = []
    for seed in (3, 3, 4):
        sandbox = Sandbox(seed=seed, clock=clock)
        async with httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys) as c:
            ids.append((await c.post(f"{PREFIX}/paymentv2", json=body())).json()["transaction_details"]["id"])
    assert ids[0] == ids[1] != ids[2]


async def test_replies_keep_to_the_document(sandbox, pay, ask):
    document = load()
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT4.create_resource(document))

    def check(name, data):
        schema = {"$ref": f"urn:document#/components/schemas/{name}"}
        errors = [error.message for error in OAS30Validator(schema, registry=registry).iter_errors(data)]
        assert errors == []

    for card in CARDS:
        reply = (await pay(card.name)).json()
        check("ThreeDSecureReply" if card.challenge else "PaymentReply", reply)
    for challenge in sandbox.books.challenges:
        sandbox.webhooks.announce(sandbox.books.answer_challenge(challenge, authenticated=True))
    for transaction in sandbox.books.transactions:
        check("PaymentReply", (await ask(transaction.id)).json())
    assert sandbox.webhooks.deliveries
    for delivery in sandbox.webhooks.deliveries:
        check("PaymentWebhook", json.loads(delivery.body))


async def test_paying_with_a_token_and_storing_again_makes_no_second_token(sandbox, pay):
    first = await pay(version=1, payment_method={"type": "scheme", "store_payment_method": True})
    token = first.json()["transaction_details"]["stored_payment_method_id"]
    method = {"type": "scheme", "store_payment_method": True, "stored_payment_method_id": token}
    again = await pay(version=1, card=None, payment_method=method)
    assert again.json()["transaction_details"]["stored_payment_method_id"] == token
    assert sandbox.books.transactions[-1].order.token == token


async def test_a_card_given_beside_a_token_is_the_one_that_pays(pay):
    first = await pay(version=1, payment_method={"type": "scheme", "store_payment_method": True})
    token = first.json()["transaction_details"]["stored_payment_method_id"]
    both = await pay("approved_visa", version=1, payment_method={"type": "scheme", "stored_payment_method_id": token})
    assert both.json()["payment_details"]["card"]["number"] == "400000******1091"
    assert both.json()["transaction_details"]["stored_payment_method_id"] is None


async def test_a_card_whose_payment_settles_late_is_stored_then(sandbox, pay, ask):
    paid = await pay("pending", version=1, payment_method={"type": "scheme", "store_payment_method": True})
    assert paid.json()["transaction_details"]["stored_payment_method_id"] is None
    await sandbox.advance(60)
    status = (await ask(paid.json()["transaction_details"]["id"])).json()
    token = status["transaction_details"]["stored_payment_method_id"]
    again = await pay(version=1, card=None, payment_method={"type": "scheme", "stored_payment_method_id": token})
    assert again.json()["payment_details"]["response_code"] == 578


async def test_a_refund_shows_no_token(pay, operate, ask):
    paid = await pay(version=1, payment_method={"type": "scheme", "store_payment_method": True})
    refund = await operate("refund", paid, 1000)
    status = await ask(refund.json()["transaction_details"]["id"])
    assert "stored_payment_method_id" not in status.json()["transaction_details"]
