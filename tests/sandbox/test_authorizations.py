from __future__ import annotations

import json
from decimal import Decimal

import pytest

from paymentoptions_async.sandbox import CARDS, OUTCOMES


@pytest.mark.parametrize("version", [1, 2])
async def test_an_authorisation_holds_and_takes_nothing(sandbox, authorize, version):
    reply = await authorize(version=version)
    data = reply.json()
    assert reply.status_code == data["status_code"] == 201
    assert (data["success"], data["transaction_type"]) == (True, "PRE_AUTH")
    assert data["gateway_response"]["code"] == "INFO0000"
    assert data["payment_details"]["amount"] == 1000
    assert len(data["payment_details"]["auth_code"]) == 6
    assert data["merchant_details"]["device_details"]["customer_ip"] == "127.0.0.1"
    assert data["risk-details"] == {"risk_score": None}
    [authorisation] = sandbox.books.transactions
    assert (authorisation.moved, authorisation.charged) == (1000, 0)
    assert sandbox.books.charges() == []


@pytest.mark.parametrize("card", [card for card in CARDS if not card.challenge], ids=lambda card: card.name)
async def test_every_card_answers_an_authorisation_as_its_row_says(sandbox, authorize, card):
    outcome = OUTCOMES[card.outcome]
    reply = await authorize(card.name)
    assert reply.status_code == (outcome.http_status or 201)
    assert reply.json()["success"] is outcome.success
    assert reply.json()["payment_details"]["response_code"] == outcome.code
    [authorisation] = sandbox.books.transactions
    assert (authorisation.moved > 0) is outcome.charges
    assert sandbox.books.charges() == []


async def test_version_2_asks_for_3d_secure_and_holds_once_the_buyer_confirms(sandbox, authorize, inbox):
    started = await authorize("challenge")
    assert started.status_code == 200
    assert set(started.json()) == {"url", "redirect_url", "statusCode", "success"}
    assert sandbox.books.transactions == []
    assert await sandbox.answer_challenge(started.json()["redirect_url"]) == "http://localhost:8000/success"
    [authorisation] = sandbox.books.transactions
    assert (authorisation.transaction_type, authorisation.moved, authorisation.charged) == ("PRE_AUTH", 1000, 0)
    await sandbox.flush()
    [(_, told)] = inbox.got
    assert json.loads(told)["transaction_type"] == "PRE_AUTH"
    assert json.loads(told)["transaction_details"]["id"] == authorisation.id


async def test_what_the_buyer_refuses_is_not_held(sandbox, authorize, operate):
    started = await authorize("challenge")
    await sandbox.answer_challenge(started.json()["redirect_url"], "decline")
    [authorisation] = sandbox.books.transactions
    assert (authorisation.moved, authorisation.outcome.code) == (0, 937)
    assert (await operate("capture", authorisation.id, 1)).json()["payment_details"]["response_code"] == 12


async def test_version_1_knows_no_3d_secure(sandbox, authorize):
    reply = await authorize("challenge", version=1)
    assert reply.json()["payment_details"]["response_code"] == 65
    assert sandbox.books.challenges == []


async def test_3d_secure_needs_somewhere_to_send_the_buyer(authorize):
    reply = await authorize("challenge", return_url=None)
    assert reply.status_code == 400
    assert "return_url" in reply.json()["message"]


@pytest.mark.parametrize("field", ["merchant_txn_ref", "customer_ip"])
async def test_version_2_wants_what_version_1_does_not(authorize, field):
    assert (await authorize(**{field: None})).status_code == 400
    assert (await authorize(version=1, **{field: None})).status_code == 201


async def test_a_pending_authorisation_can_be_captured_once_it_has_settled(sandbox, authorize, operate, ask):
    pending = await authorize("pending")
    early = await operate("capture", pending, 1000)
    assert early.json()["payment_details"]["response_code"] == 12
    await sandbox.advance(60)
    status = (await ask(pending.json()["transaction_details"]["id"])).json()
    assert (status["success"], status["transaction_type"]) == (True, "PRE_AUTH")
    assert (await operate("capture", pending, 1000)).json()["success"] is True
    assert sandbox.books.total_charged() == 1000


async def test_a_partial_authorisation_can_be_captured_to_what_was_held(sandbox, authorize, operate):
    authorisation = await authorize("partial_approval", amount="10.01", currency="USD")
    assert (await operate("capture", authorisation, "5.01")).json()["payment_details"]["response_code"] == 836
    assert (await operate("capture", authorisation, "5.00")).json()["success"] is True
    assert sandbox.books.total_charged() == Decimal("5.00")
