from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from paymentoptions_async.sandbox import CARDS, OUTCOMES, Clock
from paymentoptions_async.sandbox.cards import by_number, masked


def luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[0::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_card_is_a_valid_number_in_a_test_range(card):
    assert len(card.number) == 16
    assert luhn(card.number)
    assert card.number.startswith(("400000", "520000"))
    assert card.scheme == {"4": "VISA", "5": "MASTERCARD"}[card.number[0]]
    assert card.outcome in OUTCOMES
    assert by_number(card.number) is card


def test_names_and_numbers_are_not_shared():
    assert len({card.name for card in CARDS}) == len({card.number for card in CARDS}) == len(CARDS)


def test_every_outcome_can_be_reached():
    reached = {card.outcome for card in CARDS} | {one.later for one in OUTCOMES.values()} | {"authentication_failed"}
    assert set(OUTCOMES) <= reached


def test_the_vendors_own_cards_are_there():
    documented = {card.number for card in CARDS if card.documented}
    assert documented == {"5200000000001005", "4000000000001091", "4000002500003155"}


def test_masking_keeps_first_6_and_last_4():
    assert masked("5200000000001005") == "520000******1005"


async def test_the_overview_shows_a_double_charge(client, pay):
    for ref in ("once", "twice", "twice"):
        await pay(merchant_txn_ref=ref)
    await pay("declined", merchant_txn_ref="twice")
    page = (await client.get("/_sandbox/")).text
    assert page.count("charged 2 times") == 2
    assert "charged 3 times" not in page


async def test_the_overview_escapes_what_it_is_told(client, pay):
    await pay(merchant_txn_ref="<script>alert(1)</script>")
    page = await client.get("/_sandbox/")
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_programs_read_the_same_as_json(sandbox, client, pay):
    await pay()
    await pay("challenge")
    await pay("4111111111111111")
    await pay("declined", return_url=None)
    await sandbox.flush()
    transactions = (await client.get("/_sandbox/transactions.json")).json()
    assert [row["charged"] for row in transactions] == [1000, 0]
    [charge] = (await client.get("/_sandbox/charges.json")).json()
    assert (charge["charged"], charge["card"], charge["test_card"]) == (1000, "520000******1005", "approved")
    assert "bank took 1000 JPY" in charge["history"][0]["what"]
    [challenge] = (await client.get("/_sandbox/challenges.json")).json()
    assert challenge["state"] == "open"
    assert (await client.get(challenge["url"])).status_code == 200
    requests = (await client.get("/_sandbox/requests.json")).json()
    assert [row["status"] for row in requests] == [201, 200, 406, 201]
    assert requests[0]["transaction_id"] == charge["id"]
    [webhook] = (await client.get("/_sandbox/webhooks.json")).json()
    assert (webhook["state"], [attempt["status"] for attempt in webhook["attempts"]]) == ("delivered", [200])


async def test_the_cards_page_and_its_json_list_every_card(client):
    page = (await client.get("/_sandbox/cards")).text
    rows = (await client.get("/_sandbox/cards.json")).json()
    assert [row["number"] for row in rows] == [card.number for card in CARDS]
    assert all(card.number in page for card in CARDS)


async def test_the_request_id_of_a_reply_is_in_the_log(client, pay):
    reply = await pay()
    [row] = (await client.get("/_sandbox/requests.json")).json()
    assert reply.headers["x-amzn-requestid"] == row["request_id"]


async def test_reset_forgets_everything(sandbox, client, pay):
    await pay()
    await pay("challenge")
    reply = await client.post("/_sandbox/reset")
    assert (reply.status_code, reply.headers["location"]) == (303, "/_sandbox/")
    for name in ("charges", "transactions", "payments", "subscriptions", "challenges", "links", "requests", "webhooks"):
        assert (await client.get(f"/_sandbox/{name}.json")).json() == []
    assert (await pay()).status_code == 201
    assert len(sandbox.books.charges()) == 1


@pytest.mark.parametrize("body", [{}, [], {"seconds": "x"}, {"seconds": -1}, {"seconds": 1e300}, None])
async def test_a_clock_moves_forward_only(client, clock, body):
    before = clock.now()
    assert (await client.post("/_sandbox/clock", json=body)).status_code == 400
    assert clock.now() == before


async def test_a_naive_start_is_refused_and_the_free_clock_runs():
    with pytest.raises(ValueError, match="aware"):
        Clock(datetime(2026, 1, 1))  # noqa: DTZ001
    clock = Clock()
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5
    await clock.sleep(0.01)


def test_it_imports_nothing_of_the_client_nor_of_the_generated_code():
    code = (
        "import sys; import paymentoptions_async.sandbox, paymentoptions_async.cli.sandbox;"
        "print([n for n in sys.modules if n.startswith(('paymentoptions_async.', 'paymentoptions_client', 'corefy_cl'))"
        " and not n.startswith(('paymentoptions_async.sandbox', 'paymentoptions_async.cli'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_chain_of_operations_of_a_payment_is_shown_with_its_balance(client, authorize, operate, pay):
    authorisation = await authorize(merchant_txn_ref="chained")
    capture = await operate("capture", authorisation, 700)
    await operate("refund", capture, 200, notes="one cup broken")
    await operate("capture", authorisation, 301)
    await pay(merchant_txn_ref="plain")
    chained, plain = (await client.get("/_sandbox/payments.json")).json()
    assert [(row["depth"], row["operation"], row["moved"]) for row in chained["chain"]] == [
        (0, "authorizationv2", 1000),
        (1, "capture", 700),
        (2, "refund", 200),
        (1, "capture", 0),
    ]
    assert chained["chain"][2]["parent_id"] == chained["chain"][1]["id"]
    assert [chained[name] for name in ("authorised", "captured", "refunded", "capturable", "refundable")] == [
        *(1000, 700, 200, 300, 500)
    ]
    assert (plain["authorised"], plain["captured"], len(plain["chain"])) == (0, 1000, 1)
    page = (await client.get("/_sandbox/")).text
    chains = page[page.index('id="payments"') : page.index('id="subscriptions"')]
    assert "chained" in chains
    assert "plain" not in chains
    assert "bank gave back 200" in chains
    assert "one cup broken" in chains


async def test_captures_and_renewals_are_no_repeated_charges(sandbox, client, body, authorize, operate):
    authorisation = await authorize()
    await operate("capture", authorisation, 400)
    await operate("capture", authorisation, 600)
    terms = {
        "plan_name": "Weekly <b>box</b>",
        "cycle_type": "WEEKS",
        "subscription_end_type": "CYCLE",
        "cycle_interval": 1,
        "max_cycle_count": 2,
    }
    prefix = "/api/v1/server-to-server-interface"
    await client.post(f"{prefix}/subscription/payment", json=body(merchant_txn_ref="box", subscription=terms))
    await sandbox.advance(8 * 24 * 3600)
    assert len(sandbox.books.charges()) == 4
    page = (await client.get("/_sandbox/")).text
    assert "times</span>" not in page
    assert "<b>box" not in page
    assert "2 of 2" in page
    [subscription] = (await client.get("/_sandbox/subscriptions.json")).json()
    assert (subscription["merchant_txn_ref"], subscription["status"]) == ("box", "EXPIRED")


async def test_the_cards_page_says_what_later_operations_end_as(client):
    page = (await client.get("/_sandbox/cards")).text
    rows = {row["name"]: row["afterwards"] for row in (await client.get("/_sandbox/cards.json")).json()}
    assert rows["refund_pending"] == {"refund": "pending"}
    assert rows["approved"] == {}
    assert "Then capture: declined." in page
    amounts = (await client.get("/_sandbox/amounts.json")).json()
    assert (amounts[0]["amount"], amounts[0]["code"], len(amounts)) == (903001, "ERR3001", 20)


def test_every_outcome_of_a_later_operation_is_one():
    for card in CARDS:
        assert {card.capture, card.void, card.refund, card.renewal or "approved"} <= set(OUTCOMES)
