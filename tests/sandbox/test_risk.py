from __future__ import annotations

import pytest

from paymentoptions_async.sandbox.risk import RISK_RULES


def test_every_rule_of_the_vendors_table_is_there_once():
    assert [rule.code for rule in RISK_RULES] == [f"ERR30{number:02}" for number in range(1, 21)]
    assert {rule.response_code for rule in RISK_RULES} == set(range(-8020, -7999)) - {-8016}
    assert len({rule.amount for rule in RISK_RULES}) == 20


@pytest.mark.parametrize("rule", RISK_RULES, ids=lambda rule: rule.code)
@pytest.mark.parametrize(("currency", "amount"), [("JPY", "{}"), ("USD", "{}.00")])
async def test_every_rule_is_broken_by_its_amount(  # noqa: PLR0917
    sandbox, pay, operate, rule, currency, amount
):
    asked = amount.format(rule.amount)
    if rule.on_refund:
        paid = await pay(amount=amount.format(1_000_000), currency=currency)
        reply = await operate("refund", paid, asked)
    else:
        reply = await pay(amount=asked, currency=currency)
    data = reply.json()
    assert reply.status_code == data["status_code"] == 412
    assert data["success"] is False
    assert data["payment_details"]["response_code"] == rule.response_code
    assert (data["gateway_response"]["code"], data["gateway_response"]["message"]) == (rule.code, rule.message)
    assert sandbox.books.transactions[-1].moved == 0


async def test_the_rules_hold_for_authorisations_and_captures_too(authorize, operate):
    assert (await authorize(amount="903008")).json()["payment_details"]["response_code"] == -8008
    authorisation = await authorize(amount="1000000")
    assert (await operate("capture", authorisation, 903016)).json()["payment_details"]["response_code"] == -8006


async def test_a_rule_comes_before_3d_secure(sandbox, pay):
    reply = await pay("challenge", amount="903001")
    assert reply.json()["payment_details"]["response_code"] == -8000
    assert sandbox.books.challenges == []


async def test_rules_of_payments_and_of_refunds_do_not_mix(pay, operate):
    paid = await pay(amount="903019")
    assert paid.json()["success"] is True
    assert (await operate("refund", paid, 903001)).json()["success"] is True


@pytest.mark.parametrize("amount", ["903000", "903021", "903002.50"])
async def test_other_amounts_are_ordinary(pay, amount):
    assert (await pay(amount=amount, currency="USD")).json()["success"] is True


async def test_the_cards_page_shows_the_amounts(client):
    page = (await client.get("/_sandbox/cards")).text
    for rule in RISK_RULES:
        assert rule.code in page
        assert str(rule.amount) in page
