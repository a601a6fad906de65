from __future__ import annotations

from decimal import Decimal

import pytest


async def test_a_full_refund_is_a_resource_of_its_own(shop, clock, inbox):
    invoice = await shop.paid()
    reply = await shop.refund(invoice)
    assert reply.status_code == 200
    data = reply.json()["data"]
    assert (data["type"], data["id"][:4], data["links"]) == ("refunds", "ref_", {"self": f"/refunds/{data['id']}"})
    assert data["attributes"] == {
        "reference_id": "refund-1",
        "original_id": invoice["id"],
        "description": "Sorry",
        "status": "processed",
        "amount": 10,
        "fee": 0,
        "currency": "USD",
        "created": int(clock.now().timestamp()),
    }
    shown = await shop.show(invoice)
    assert (shown["status"], shown["refunded_amount"], shown["processed_amount"]) == ("refunded", 10, 10)
    assert [one["id"] for one in shown["refunds"]] == [data["id"]]
    assert (await shop.told(inbox))[-1] == "refunded"


async def test_the_older_model_answers_the_whole_invoice(shop_with):
    shop = shop_with(refund_reply="invoice")
    invoice = await shop.paid()
    data = (await shop.refund(invoice, 4)).json()["data"]
    assert (data["type"], data["id"]) == ("payment-invoices", invoice["id"])
    assert (data["attributes"]["status"], data["attributes"]["refunded_amount"]) == ("partially_refunded", 4)


async def test_parts_add_up_to_the_payment_and_never_to_more(shop):
    invoice = await shop.paid(amount=10.01)
    assert (await shop.refund(invoice, 4)).status_code == 200
    assert (await shop.show(invoice))["status"] == "partially_refunded"
    over = await shop.refund(invoice, 6.02)
    assert (over.status_code, over.json()["errors"][0]["source"]["pointer"]) == (422, "/data/attributes/amount")
    assert (await shop.refund(invoice, 6.01, reference_id="refund-2")).status_code == 200
    assert (await shop.refund(invoice, 0.01)).status_code == 422
    assert (await shop.show(invoice))["status"] == "refunded"
    assert sum(refund.amount for refund in shop.corefy.books.refunds("order-1")) == Decimal("10.01")


@pytest.mark.parametrize("card", [None, "failed"])
async def test_what_was_not_paid_can_not_be_given_back(shop, card):
    invoice = await shop.invoice()
    if card:
        await shop.sell(invoice, card)
    assert (await shop.refund(invoice)).status_code == 422
    assert shop.corefy.books.refunds() == []


async def test_less_than_was_asked_is_refunded_up_to_what_was_taken(shop):
    invoice = await shop.invoice()
    shop.corefy.process(invoice["id"], Decimal(6))
    assert (await shop.refund(invoice, 7)).status_code == 422
    await shop.refund(invoice, 6)
    assert (await shop.show(invoice))["status"] == "refunded"


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"reference_id": None}, "/data/attributes/reference_id"),
        ({"reference_id": ""}, "/data/attributes/reference_id"),
        ({"amount": 0}, "/data/attributes/amount"),
        ({"amount": 0.001}, "/data/attributes/amount"),
        ({"amount": "4"}, "/data/attributes/amount"),
        ({"invoiceId": "cpi_another"}, "/data/attributes/invoiceId"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_its_place(shop, changes, pointer):
    invoice = await shop.paid()
    reply = await shop.refund(invoice, **changes)
    assert (reply.status_code, reply.json()["errors"][0]["source"]["pointer"]) == (422, pointer)
    assert shop.corefy.books.refunds() == []


async def test_both_samples_and_their_union_are_taken(shop):
    invoice = await shop.paid()
    url = f"{shop.api}/payment-invoices/{invoice['id']}/refund"
    attributes = {"amount": 1, "reference_id": "1"}
    named = {**attributes, "invoiceId": invoice["id"]}
    for data in ({"attributes": named}, {"id": invoice["id"], "attributes": attributes}, {"attributes": attributes}):
        assert (await shop.client.post(url, json={"data": {"type": "refund", **data}})).status_code == 200
    assert (await shop.client.post(url, json={"data": {"type": "x", "attributes": attributes}})).status_code == 422


async def test_the_same_reference_refunds_again_unless_the_settings_refuse_it(shop, shop_with):
    invoice = await shop.paid()
    assert [(await shop.refund(invoice, 1)).status_code for _ in range(2)] == [200, 200]
    careful = shop_with(unique_refund_references=True)
    invoice = await careful.paid()
    assert [(await careful.refund(invoice, 1)).status_code for _ in range(2)] == [200, 422]


async def test_an_unknown_invoice_is_not_found(shop):
    assert (await shop.refund({"id": "cpi_unknown"})).status_code == 404
