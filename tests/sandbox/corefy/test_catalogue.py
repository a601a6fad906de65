from __future__ import annotations

import json
from decimal import Decimal

import httpx

from paymentoptions_async.sandbox import COREFY_ACCOUNT_ID, COREFY_API_KEY, CorefyCatalogue, Plan, Sandbox
from tests.sandbox.corefy.documented import undocumented

INVOICES = "http://127.0.0.1/corefy/api/payment-invoices"
PAID = {
    "processed", "partially_processed", "refunded", "partially_refunded", "charged_back", "partially_charged_back",
}  # fmt: skip


def client_of(sandbox: Sandbox) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=sandbox.transport(), auth=(COREFY_ACCOUNT_ID, COREFY_API_KEY))


async def test_the_sandbox_answers_from_its_catalogue_as_documented(clock, inbox):
    catalogue = CorefyCatalogue(seed=2, count=10**8, plan=Plan.even(0.3))
    sandbox = Sandbox(clock=clock, deliver_callback=inbox, corefy_catalogue=catalogue)
    statuses, strangers = set(), 0
    async with client_of(sandbox) as client:
        for number in range(10**8 - 300, 10**8 + 1):
            reply = await client.get(f"{INVOICES}/{catalogue.id_of(number)}")
            statuses.add(reply.status_code)
            if reply.status_code == 500:
                continue
            assert undocumented(reply) == []
            if reply.status_code == 200:
                data = reply.json()["data"]
                assert data["id"] == catalogue.id_of(number)
                strangers += not data["attributes"]["test_mode"]
    assert statuses == {200, 404, 500}
    assert strangers


def test_invoices_say_what_their_ledger_says():
    catalogue = CorefyCatalogue(seed=2, count=1500)
    seen = set()
    for row in catalogue.ledger():
        document = catalogue.document(row["transaction_id"])
        assert document is not None
        told = document["data"]["attributes"]
        seen.add(told["status"])
        assert (told["reference_id"], told["currency"]) == (row["merchant_txn_ref"], row["currency"])
        if told["status"] in PAID:
            assert told["processed_amount"] == Decimal(row["amount"])
            assert (told["refunded_amount"] or 0) == Decimal(row["refunded"])
            assert (told["processed_amount"] < told["amount"]) == (row["status"] == "partially_approved")
            assert (told["charged_back_amount"] is None) == ("charged_back" not in told["status"])
        else:
            assert told["processed_amount"] is None
            assert row["status"] == {"process_failed": "declined", "terminated": "cancelled"}.get(
                told["status"], told["status"]
            )
    assert seen == {*PAID, "process_failed", "expired", "terminated"}


async def test_its_own_invoices_are_known_beside_the_catalogue(clock, inbox):
    sandbox = Sandbox(clock=clock, deliver_callback=inbox, corefy_catalogue=CorefyCatalogue(seed=2, count=10))
    attributes = {
        "test_mode": True,
        "reference_id": "order-1",
        "amount": 10,
        "currency": "USD",
        "service": "payment_card_usd_hpp",
    }
    async with client_of(sandbox) as client:
        body = {"data": {"type": "payment-invoices", "attributes": attributes}}
        made = (await client.post(INVOICES, json=body)).json()["data"]["id"]
        assert (await client.get(f"{INVOICES}/{made}")).status_code == 200
        old = sandbox.corefy_catalogue.id_of(0)
        assert (await client.get(f"{INVOICES}/{old}")).status_code == 200
        refund = {"data": {"type": "refund", "attributes": {"reference_id": "r", "amount": 1}}}
        assert (await client.post(f"{INVOICES}/{old}/refund", content=json.dumps(refund))).status_code == 415
        assert (await client.post(f"{INVOICES}/{old}/refund", json=refund)).status_code == 404
