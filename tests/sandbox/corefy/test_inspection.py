from __future__ import annotations

import re


async def test_the_pages_show_every_invoice_attempt_and_callback(shop, inbox):
    invoice = await shop.invoice()
    await shop.corefy.pay_page(invoice["attributes"]["hpp_url"], "failed", expiry="05/29")
    await shop.corefy.pay_page(invoice["attributes"]["hpp_url"])
    await shop.refund(invoice, 4)
    await shop.told(inbox)
    page = (await shop.client.get("http://127.0.0.1/_sandbox/")).text
    for text in (invoice["id"], "partially refunded", "declined, insufficient_funds", "refunded 4", "process failed"):
        assert text in page
    assert "5519283812030000" not in page
    assert invoice["attributes"]["flow_data"]["metadata"]["token"] not in page
    [row] = (await shop.client.get("http://127.0.0.1/_sandbox/corefy_invoices.json")).json()
    assert [(one["state"], one["charged"], one["test_card"]) for one in row["attempts"]] == [
        ("process_failed", 0, "failed"),
        ("processed", 10, "processed"),
    ]
    assert (row["charged"], row["refunded"], [one["amount"] for one in row["refunds"]]) == (10, 4, [4])
    callbacks = (await shop.client.get("http://127.0.0.1/_sandbox/corefy_callbacks.json")).json()
    assert [one["state"] for one in callbacks] == ["delivered"] * 3


async def test_an_open_invoice_has_a_link_to_its_page(shop):
    await shop.invoice()
    page = (await shop.client.get("http://127.0.0.1/_sandbox/")).text
    [link] = re.findall(r'href="(/corefy/[^"]+)"', page)
    assert (await shop.client.get(f"http://127.0.0.1{link}")).status_code == 200


async def test_requests_of_both_gateways_stand_in_one_log(shop):
    invoice = await shop.paid()
    await shop.client.post("http://127.0.0.1/api/v1/server-to-server-interface/payment", json={})
    lines = [(line.endpoint, line.status, line.transaction_id, line.message) for line in shop.sandbox.requests]
    assert lines == [
        ("corefy_create", 201, invoice["id"], "process_pending, ok"),
        ("corefy_sale", 201, invoice["id"], "processed, ok"),
        ("payment", 403, None, "Forbidden"),
    ]
    assert {line.merchant_txn_ref for line in list(shop.sandbox.requests)[:2]} == {"order-1"}


async def test_the_cards_and_expiry_dates_are_listed(shop):
    page = (await shop.client.get("http://127.0.0.1/_sandbox/cards")).text
    for text in ("5123817234060000", "05/29", "insufficient_funds", "general_fatal_error"):
        assert text in page
    rows = (await shop.client.get("http://127.0.0.1/_sandbox/corefy_cards.json")).json()
    assert [row["name"] for row in rows] == ["processed_3ds", "processed", "failed_3ds", "failed"]
    assert len((await shop.client.get("http://127.0.0.1/_sandbox/corefy_resolutions.json")).json()) == 33
