from __future__ import annotations

import json

import httpx
import pytest

from paymentoptions_async.sandbox import FaultPlan, PlanError, Sandbox, serve

NOT_JSON = ("garbage", "html", "empty", "half_body")
CUTS = {
    "reset": httpx.ReadError,
    "close": httpx.RemoteProtocolError,
    "half_head": httpx.RemoteProtocolError,
    "half_reply": httpx.RemoteProtocolError,
    "hang": httpx.ReadTimeout,
}


@pytest.mark.parametrize(("when", "charges"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("fault", [*NOT_JSON, "error", "redirect", *CUTS])
async def test_a_spoiled_answer_says_nothing_of_the_charge(shop, fault, when, charges):
    shop.sandbox.faults.add("corefy_sale", fault, when=when, status=502)
    invoice = await shop.invoice()
    if fault in CUTS:
        with pytest.raises(CUTS[fault]):
            await shop.sell(invoice)
    else:
        reply = await shop.sell(invoice)
        if fault == "error":
            assert (reply.status_code, reply.json()["errors"][0]["status"]) == (502, "502")
        elif fault == "redirect":
            assert reply.status_code == 302
        else:
            with pytest.raises((json.JSONDecodeError, UnicodeDecodeError)):
                reply.json()
    assert len(shop.corefy.books.charges()) == charges
    assert (await shop.show(invoice))["status"] == ("processed" if charges else "process_pending")


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
async def test_an_invoice_whose_answer_was_lost_may_be_there(shop, when, made):
    shop.sandbox.faults.add("corefy_create", "reset", when=when, nth=1)
    with pytest.raises(httpx.ReadError):
        await shop.post_invoice(reference_id="lost")
    assert len(shop.corefy.books.invoices) == made
    again = await shop.post_invoice(reference_id="lost")
    assert again.status_code == (422 if made else 201)
    found = (await shop.client.get(f"{shop.api}/payment-invoices")).json()["data"]
    assert [one["attributes"]["reference_id"] for one in found] == ["lost"]


async def test_every_endpoint_has_its_faults(shop):
    invoice = await shop.paid()
    for name in ("create", "show", "list", "refund", "sale"):
        shop.sandbox.faults.add(f"corefy_{name}", "error", status=503, times=1)
    other = shop.corefy.books.find(invoice["id"])
    assert other is not None
    replies = [
        await shop.post_invoice(),
        await shop.client.get(f"{shop.api}/payment-invoices/{invoice['id']}"),
        await shop.client.get(f"{shop.api}/payment-invoices"),
        await shop.refund(invoice),
        await shop.sell(invoice),
    ]
    assert {reply.status_code for reply in replies} == {503}


async def test_change_lies_about_the_fields_it_names_and_no_others(shop):
    shop.sandbox.faults.add("corefy_show", "change", set={"data.attributes.status": "processed"})
    invoice = await shop.invoice()
    shown = await shop.show(invoice)
    assert (shown["status"], shown["processed_amount"]) == ("processed", None)
    assert rb"\/" in (await shop.client.get(f"{shop.api}/payment-invoices/{invoice['id']}")).content


@pytest.mark.parametrize("rule", [{"on": "webhook", "fault": "forged"}, {"on": "corefy_callback", "fault": "reset"}])
def test_a_plan_keeps_faults_where_they_belong(rule):
    with pytest.raises(PlanError, match="is one of"):
        FaultPlan().load({"rules": [rule]})


async def test_the_front_resets_connections_after_charging(shop, inbox):
    sandbox = Sandbox(deliver_callback=inbox)
    sandbox.faults.add("corefy_sale", "reset", when="after")
    async with serve(sandbox) as url, httpx.AsyncClient(headers=shop.client.headers) as client:
        shop.client, shop.sandbox = client, sandbox
        shop.api, shop.cardgate = f"{url}/corefy/api", f"{url}/corefy/cardgate"
        invoice = await shop.invoice()
        assert invoice["attributes"]["flow_data"]["action"].startswith(f"{url}/corefy/cardgate/hpp/")
        with pytest.raises(httpx.ReadError):
            await shop.sell(invoice)
        assert (await shop.show(invoice))["status"] == "processed"
    assert len(sandbox.corefy.books.charges()) == 1
