from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from paymentoptions_async.sandbox import MERCHANT_ID, Sandbox, Settings
from paymentoptions_async.sandbox.operations import Balance

PREFIX = "/api/v1/server-to-server-interface"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def code(reply: httpx.Response) -> int:
    answer: int = reply.json()["payment_details"]["response_code"]
    return answer


def id_of(reply: httpx.Response) -> str:
    answer: str = reply.json()["transaction_details"]["id"]
    return answer


def client_of(sandbox: Sandbox, keys: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=sandbox.transport(), base_url="http://127.0.0.1", headers=keys)


@pytest.mark.parametrize(
    ("operation", "kind", "gateway_code"),
    [("capture", "CAPTURE", "INFO0001"), ("refund", "REFUND", "INFO0002"), ("void", "VOID", "INFO0003")],
)
async def test_an_operation_answers_in_the_documented_shape(  # noqa: PLR0917
    pay, authorize, operate, operation, kind, gateway_code
):
    parent = await (pay if operation == "refund" else authorize)()
    reply = await operate(operation, parent, None if operation == "void" else 1000)
    data = reply.json()
    assert reply.status_code == data["status_code"] == 201
    assert (data["success"], data["is_live"], data["transaction_type"]) == (True, False, kind)
    assert data["gateway_response"]["code"] == gateway_code
    assert set(data) == {
        "success",
        "status_code",
        "is_live",
        "transaction_type",
        "gateway_response",
        "merchant_details",
        "payment_details",
        "transaction_details",
    }
    assert set(data["merchant_details"]) == {"legal_name", "mid", "merchant_txn_ref"}
    assert set(data["transaction_details"]) == {"id", "ref", "timestamp", "merchant_txn_ref"}
    assert data["merchant_details"]["merchant_txn_ref"] == data["transaction_details"]["merchant_txn_ref"] == "qwe"
    assert data["transaction_details"]["id"] != id_of(parent)
    assert data["payment_details"]["amount"] == 1000
    assert data["payment_details"]["card"]["number"] == "520000******1005"


async def test_every_transaction_of_a_chain_has_a_status_of_its_own(authorize, operate, ask):
    authorisation = await authorize()
    capture = await operate("capture", authorisation, 700)
    refund = await operate("refund", capture, 200)
    seen = [(await ask(id_of(reply))).json() for reply in (authorisation, capture, refund)]
    assert [(one["transaction_type"], one["payment_details"]["amount"]) for one in seen] == [
        ("PRE_AUTH", 1000),
        ("CAPTURE", 700),
        ("REFUND", 200),
    ]
    assert [one["gateway_response"]["code"] for one in seen] == ["INFO0000", "INFO0001", "INFO0002"]
    assert {one["merchant_details"]["merchant_txn_ref"] for one in seen} == {"qwe"}
    voided = await operate("void", await authorize())
    assert (await ask(id_of(voided))).json()["gateway_response"]["code"] == "INFO0003"


async def test_captures_in_parts_end_at_what_was_authorised(sandbox, authorize, operate):
    authorisation = await authorize()
    replies = [await operate("capture", authorisation, amount) for amount in (400, 601, 600, 1)]
    assert [(reply.json()["success"], code(reply)) for reply in replies] == [
        (True, 0),
        (False, 836),
        (True, 0),
        (False, 836),
    ]
    assert sandbox.books.total_charged() == 1000


async def test_one_capture_releases_the_rest_where_the_acquirer_allows_no_more(clock, keys, body):
    sandbox = Sandbox(clock=clock, settings=Settings(several_captures=False))
    async with client_of(sandbox, keys) as client:
        authorisation = await client.post(f"{PREFIX}/authorizationv2", json=body())
        part: dict[str, Any] = {"transactionId": id_of(authorisation), "amount": 400, "merchant_id": MERCHANT_ID}
        first = await client.post(f"{PREFIX}/capture", json=part)
        second = await client.post(f"{PREFIX}/capture", json=part)
    assert (code(first), code(second)) == (0, 836)
    balance = sandbox.operations.balance(sandbox.books.transactions[0])
    assert balance == Balance(*map(Decimal, (1000, 400, 0, 600, 0, 400)))


async def test_a_declined_capture_leaves_the_authorisation_whole(sandbox, authorize, operate):
    authorisation = await authorize("capture_declined")
    assert code(await operate("capture", authorisation, 1000)) == 5
    assert sandbox.books.charges() == []
    assert (await operate("void", authorisation)).json()["success"] is True


async def test_void_releases_once_and_for_all(sandbox, authorize, operate):
    authorisation = await authorize()
    replies = [await operate("void", authorisation), await operate("void", authorisation)]
    replies.append(await operate("capture", authorisation, 1000))
    assert [(reply.json()["success"], code(reply)) for reply in replies] == [(True, 0), (False, 79), (False, 79)]
    balance = sandbox.operations.balance(sandbox.books.transactions[0])
    assert balance == Balance(*map(Decimal, (1000, 0, 0, 1000, 0, 0)))


async def test_void_after_a_capture_is_refused(sandbox, authorize, operate):
    authorisation = await authorize()
    await operate("capture", authorisation, 1)
    assert code(await operate("void", authorisation)) == 79
    assert (await operate("capture", authorisation, 999)).json()["success"] is True


@pytest.mark.parametrize("card", ["capture_pending", "capture_timeout"])
async def test_a_capture_that_is_not_settled_counts_as_if_it_had_happened(sandbox, authorize, operate, card):
    authorisation = await authorize(card)
    assert (await operate("capture", authorisation, 600)).json()["success"] is False
    assert code(await operate("capture", authorisation, 401)) == 836
    assert code(await operate("void", authorisation)) == 79
    await sandbox.advance(60)
    assert sandbox.books.total_charged() == 600


async def test_an_authorisation_expires_on_the_sandboxs_clock(sandbox, authorize, operate):
    kept, expired = await authorize(), await authorize()
    await sandbox.advance(7 * 24 * 3600 - 1)
    assert code(await operate("capture", kept, 400)) == 0
    await sandbox.advance(1)
    assert code(await operate("capture", kept, 1)) == 84
    assert code(await operate("capture", expired, 1000)) == 84
    assert code(await operate("void", expired)) == 84
    balance = sandbox.operations.balance(sandbox.books.transactions[0])
    assert (balance.captured, balance.released, balance.capturable) == (400, 600, 0)


@pytest.mark.parametrize("operation", ["capture", "void"])
async def test_a_declined_authorisation_has_nothing_to_work_on(authorize, operate, operation):
    authorisation = await authorize("declined")
    assert code(await operate(operation, authorisation, 1000 if operation == "capture" else None)) == 12


async def test_refunds_in_parts_end_at_what_was_paid(sandbox, pay, operate):
    paid = await pay()
    replies = [await operate("refund", paid, amount) for amount in (300, 701, 700, 1)]
    assert [(reply.json()["success"], reply.status_code, code(reply)) for reply in replies] == [
        (True, 201, 0),
        (False, 412, -8019),
        (True, 201, 0),
        (False, 201, 79),
    ]
    over = replies[1].json()["gateway_response"]
    assert (over["code"], over["message"]) == ("ERR3019", "Insufficient refund balance")
    balance = sandbox.operations.balance(sandbox.books.transactions[0])
    assert (balance.captured, balance.refunded, balance.refundable) == (1000, 1000, 0)


async def test_a_refund_is_bounded_by_the_capture_that_it_names(authorize, operate):
    authorisation = await authorize()
    first = await operate("capture", authorisation, 400)
    await operate("capture", authorisation, 600)
    assert code(await operate("refund", first, 401)) == -8019
    assert code(await operate("refund", first, 400)) == 0


async def test_a_declined_purchase_has_nothing_to_refund(pay, operate):
    assert code(await operate("refund", await pay("declined"), 1)) == 12


@pytest.mark.parametrize(
    ("card", "first", "final", "refunded"),
    [
        ("refund_declined", 5, 5, 0),
        ("refund_timeout", 68, 0, 600),
        ("refund_pending", 578, 0, 600),
        ("refund_pending_then_declined", 578, 5, 0),
        ("refund_unclear", 676, 5, 0),
    ],
)
async def test_refunds_end_as_their_card_says(  # noqa: PLR0917
    sandbox, pay, operate, ask, inbox, card, first, final, refunded
):
    paid = await pay(card)
    refund = await operate("refund", paid, 600)
    assert (refund.json()["success"], code(refund)) == (False, first)
    await sandbox.flush()
    inbox.got.clear()
    unsettled = first != final
    assert code(await operate("refund", paid, 500)) == (-8019 if unsettled else first)
    await sandbox.advance(60)
    assert code(await ask(id_of(refund))) == final
    assert sandbox.operations.balance(sandbox.books.transactions[0]).refunded == refunded
    told = [json.loads(body)["transaction_details"]["id"] for _, body in inbox.got]
    assert (id_of(refund) in told) is unsettled


@pytest.mark.parametrize(("card", "first", "released"), [("void_declined", 5, 0), ("void_timeout", 68, 1000)])
async def test_voids_end_as_their_card_says(  # noqa: PLR0917
    sandbox, authorize, operate, card, first, released
):
    authorisation = await authorize(card)
    assert code(await operate("void", authorisation)) == first
    assert sandbox.operations.balance(sandbox.books.transactions[0]).released == released
    assert code(await operate("capture", authorisation, 1000)) == (79 if released else 0)


@pytest.mark.parametrize("operation", ["capture", "void", "refund"])
async def test_an_unknown_transaction_is_not_found(sandbox, operate, operation):
    reply = await operate(operation, UNKNOWN_ID, None if operation == "void" else 1)
    assert reply.status_code == 404
    assert reply.json()["success"] is False
    assert sandbox.books.transactions == []


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("capture", "purchase"),
        ("capture", "capture"),
        ("capture", "refund"),
        ("capture", "void"),
        ("void", "purchase"),
        ("void", "capture"),
        ("void", "void"),
        ("refund", "authorisation"),
        ("refund", "refund"),
        ("refund", "void"),
    ],
)
async def test_a_transaction_of_the_wrong_kind_is_refused_readably(  # noqa: PLR0917
    sandbox, pay, authorize, operate, operation, kind
):
    authorisation, purchase = await authorize(), await pay()
    ids = {"authorisation": authorisation, "purchase": purchase}
    if kind == "void":
        ids[kind] = await operate("void", authorisation)
    if kind in ("capture", "refund"):
        ids["capture"] = await operate("capture", authorisation, 1000)
        ids["refund"] = await operate("refund", ids["capture"], 1000)
    before = len(sandbox.books.transactions)
    reply = await operate(operation, ids[kind], None if operation == "void" else 1)
    assert reply.status_code == 412
    assert reply.json()["messageCode"] == "PRECONDITION_FAILED"
    assert kind in reply.json()["message"]
    assert len(sandbox.books.transactions) == before


@pytest.mark.parametrize(
    ("amount", "complaint"),
    [
        (0, "above 0"),
        (-1, "above 0"),
        ("0.5", "more than 0 decimals"),
        ('"1000"', "amount must be number"),
        ("true", "amount must be number"),
        ("null", "amount must be number"),
        ("1e999999", "below 10^12"),
        (None, "amount is missing"),
    ],
)
@pytest.mark.parametrize("operation", ["capture", "refund"])
async def test_amounts_that_make_no_sense_are_refused(  # noqa: PLR0917
    sandbox, pay, authorize, operate, operation, amount, complaint
):
    parent = await (pay if operation == "refund" else authorize)()
    reply = await operate(operation, parent, amount)
    assert reply.status_code == 400
    assert complaint in reply.json()["message"]
    assert len(sandbox.books.transactions) == 1


async def test_amounts_are_exact_to_the_last_decimal(sandbox, pay, operate):
    paid = await pay(amount="0.30", currency="USD")
    for amount in ("0.1", "0.10", "0.100"):
        reply = await operate("refund", paid, amount)
        assert f'"amount":{amount[:4]},' in reply.text
    assert sandbox.operations.balance(sandbox.books.transactions[0]).refundable == 0


async def test_three_decimals_where_the_currency_has_them(pay, operate):
    paid = await pay(amount="1.234", currency="KWD")
    assert '"amount":1.234,' in (await operate("refund", paid, "1.234")).text


async def test_another_merchant_is_refused(sandbox, authorize, operate):
    reply = await operate("void", await authorize(), merchant_id="JP99999999")
    assert (reply.status_code, len(sandbox.books.transactions)) == (400, 1)


@pytest.mark.parametrize(("operation", "surprise"), [("void", "reason"), ("void", "notes"), ("refund", "currency")])
async def test_fields_that_the_document_does_not_have_are_refused(authorize, operate, operation, surprise):
    reply = await operate(operation, await authorize(), None if operation == "void" else 1, **{surprise: "x"})
    assert reply.status_code == 400
    assert surprise in reply.json()["message"]


async def test_notes_are_kept_and_shown_up_to_128_characters(sandbox, client, pay, operate):
    paid = await pay()
    assert (await operate("refund", paid, 1, notes="n" * 129)).status_code == 400
    await operate("refund", paid, 1, notes="<b>broken cup</b>")
    assert sandbox.books.transactions[-1].order.notes == "<b>broken cup</b>"
    rows = (await client.get("/_sandbox/transactions.json")).json()
    assert rows[-1]["notes"] == "<b>broken cup</b>"
    assert "<b>broken" not in (await client.get("/_sandbox/")).text


async def test_every_operation_is_told_at_the_original_payments_address(sandbox, authorize, operate, inbox):
    authorisation = await authorize()
    capture = await operate("capture", authorisation, 1000)
    refund = await operate("refund", capture, 1)
    void = await operate("void", authorisation)
    await sandbox.flush()
    told = [json.loads(body) for _, body in inbox.got]
    assert {url for url, _ in inbox.got} == {"http://127.0.0.1:8000/hook"}
    assert [(one["transaction_type"], one["success"], one["transaction_details"]["id"]) for one in told] == [
        ("PRE_AUTH", True, id_of(authorisation)),
        ("CAPTURE", True, id_of(capture)),
        ("REFUND", True, id_of(refund)),
        ("VOID", False, id_of(void)),
    ]


async def test_webhooks_of_operations_can_be_switched_off(clock, keys, body, inbox):
    sandbox = Sandbox(clock=clock, deliver=inbox, settings=Settings(operation_webhooks=False))
    async with client_of(sandbox, keys) as client:
        authorisation = await client.post(f"{PREFIX}/authorizationv2", json=body())
        void = {"transactionId": id_of(authorisation), "merchant_id": MERCHANT_ID}
        assert (await client.post(f"{PREFIX}/void", json=void)).json()["success"] is True
    await sandbox.flush()
    assert [json.loads(told)["transaction_type"] for _, told in inbox.got] == ["PRE_AUTH"]


@pytest.mark.parametrize(("when", "done"), [("before", False), ("after", True)])
@pytest.mark.parametrize("operation", ["capture", "void", "refund"])
async def test_faults_strike_before_or_after_the_operation_is_done(  # noqa: PLR0917
    sandbox, pay, authorize, operate, operation, when, done
):
    parent = await (pay if operation == "refund" else authorize)()
    sandbox.faults.add(operation, "close", when=when)
    with pytest.raises(httpx.RemoteProtocolError):
        await operate(operation, parent, None if operation == "void" else 1000)
    below = sandbox.books.operations_on(sandbox.books.transactions[0])
    assert [one.moved for one in below] == ([Decimal(1000)] if done else [])


@pytest.mark.parametrize("endpoint", ["authorization", "authorizationv2"])
async def test_faults_strike_authorisations(sandbox, authorize, endpoint):
    sandbox.faults.add(endpoint, "error", status=502)
    replies = [await authorize(version=version) for version in (1, 2)]
    assert sorted(reply.status_code for reply in replies) == [201, 502]
    assert len(sandbox.books.transactions) == 2


async def test_the_request_log_names_the_payment_that_an_operation_is_about(sandbox, authorize, operate):
    capture = await operate("capture", await authorize(merchant_txn_ref="order-7"), 1000)
    line = sandbox.requests[-1]
    assert (line.endpoint, line.merchant_txn_ref, line.transaction_id) == ("capture", "order-7", id_of(capture))


async def test_a_payment_in_a_chain_is_found_from_any_of_its_transactions(sandbox, authorize, operate):
    capture = await operate("capture", await authorize(), 1000)
    refund = await operate("refund", capture, 1)
    payment = sandbox.books.transactions[0]
    assert sandbox.books.payment_of(sandbox.books.find(id_of(refund))) is payment
    assert sandbox.books.payment_of(payment) is payment
