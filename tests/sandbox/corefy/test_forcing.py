from __future__ import annotations

from decimal import Decimal

import pytest


async def test_the_bank_may_take_less_than_was_asked(shop):
    invoice = await shop.invoice()
    shop.corefy.process(invoice["id"], Decimal("6.5"))
    shown = await shop.show(invoice)
    assert (shown["status"], shown["amount"], shown["processed_amount"]) == ("partially_processed", 10, 6.5)
    assert shop.corefy.books.total_charged("order-1") == Decimal("6.5")
    with pytest.raises(ValueError, match="the invoice is partially_processed"):
        shop.corefy.process(invoice["id"])


@pytest.mark.parametrize("amount", [Decimal(0), Decimal(-1), Decimal("10.01")])
async def test_the_bank_never_takes_more(shop, amount):
    invoice = await shop.invoice()
    with pytest.raises(ValueError, match="not above 10"):
        shop.corefy.process(invoice["id"], amount)
    assert shop.corefy.books.charges() == []


@pytest.mark.parametrize("how", ["process", "fail"])
async def test_what_the_bank_had_not_decided_is_decided(shop, how):
    invoice = await shop.invoice()
    await shop.sell(invoice, expiry="0777")
    getattr(shop.corefy, how)(invoice["id"])
    [attempt] = shop.corefy.books.find(invoice["id"]).attempts
    shown = await shop.show(invoice)
    if how == "process":
        assert (shown["status"], attempt.charged, attempt.source) == ("processed", 10, "sale")
    else:
        assert (shown["status"], shown["resolution"], attempt.charged) == ("process_failed", "declined", 0)


async def test_a_decided_invoice_leaves_declined_attempts_as_they_were(shop):
    invoice = await shop.invoice()
    await shop.corefy.pay_page(invoice["attributes"]["hpp_url"], "failed")
    shop.corefy.process(invoice["id"])
    states = [(one.source, one.state, one.charged) for one in shop.corefy.books.find(invoice["id"]).attempts]
    assert states == [("page", "process_failed", 0), ("forced", "processed", 10)]


@pytest.mark.parametrize("how", ["expire", "terminate"])
async def test_an_open_invoice_is_ended_and_its_bank_page_with_it(shop, how):
    invoice = await shop.invoice()
    handed = (await shop.sell(invoice, "processed_3ds")).json()["auth_payload"]
    getattr(shop.corefy, how)(invoice["id"])
    await shop.corefy.answer_challenge(handed)
    assert (await shop.show(invoice))["status"] == {"expire": "expired", "terminate": "terminated"}[how]
    assert shop.corefy.books.charges() == []


async def test_charge_backs_in_parts(shop):
    invoice = await shop.paid()
    shop.corefy.charge_back(invoice["id"], Decimal(4))
    shown = await shop.show(invoice)
    assert (shown["status"], shown["charged_back_amount"]) == ("partially_charged_back", 4)
    assert shown["charged_back"] == shown["updated"]
    assert (await shop.refund(invoice, 7)).status_code == 422
    shop.corefy.charge_back(invoice["id"])
    shown = await shop.show(invoice)
    assert (shown["status"], shown["charged_back_amount"], shown["processed_amount"]) == ("charged_back", 10, 10)
    with pytest.raises(ValueError, match="not above 0"):
        shop.corefy.charge_back(invoice["id"])


async def test_a_moderator_keeps_back_what_the_bank_said(shop, inbox):
    invoice = await shop.invoice()
    shop.corefy.require_moderation(invoice["id"])
    assert (await shop.sell(invoice)).json()["status"] == "process_pending"
    shown = await shop.show(invoice)
    assert (shown["moderation_required"], shown["status"]) == (True, "process_pending")
    assert shop.corefy.books.charges() == []
    shop.corefy.moderate(invoice["id"])
    shown = await shop.show(invoice)
    assert (shown["moderation_required"], shown["status"]) == (False, "processed")
    assert (await shop.told(inbox))[-1] == "processed"


async def test_a_moderator_may_refuse_or_have_nothing_to_decide(shop):
    invoice = await shop.invoice()
    shop.corefy.require_moderation(invoice["id"])
    await shop.sell(invoice)
    shop.corefy.moderate(invoice["id"], accept=False)
    assert (await shop.show(invoice))["status"] == "terminated"
    assert shop.corefy.books.charges() == []
    with pytest.raises(ValueError, match="no moderator"):
        shop.corefy.moderate(invoice["id"])
    paid = await shop.paid()
    shop.corefy.require_moderation(paid["id"])
    assert (await shop.show(paid))["status"] == "processed"
    shop.corefy.moderate(paid["id"])
    assert (await shop.show(paid))["moderation_required"] is False


def test_an_unknown_invoice_is_named(shop):
    with pytest.raises(ValueError, match="no such invoice"):
        shop.corefy.process("cpi_unknown")


async def test_totals_mix_no_currencies(shop):
    await shop.paid()
    await shop.paid(currency="EUR", service="payment_card_eur_hpp")
    with pytest.raises(ValueError, match="several currencies"):
        shop.corefy.books.total_charged()
    assert shop.corefy.books.total_charged("order-2") == 10
    assert shop.corefy.books.total_charged("nobody") == 0


async def test_reset_forgets_everything_and_the_seed_repeats_it(shop):
    first = await shop.invoice(reference_id="same")
    shop.sandbox.reset()
    assert shop.corefy.books.invoices == []
    again = await shop.invoice(reference_id="same")
    assert again == first
