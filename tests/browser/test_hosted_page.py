from __future__ import annotations

import re

import pytest
from playwright.async_api import expect

from paymentoptions_async.sandbox import CARDS

NUMBERS = {card.name: card.number for card in CARDS}
PAY = "button[value=pay]"


async def fill(page, card="approved", **fields):
    number = re.sub(r"(....)(?=.)", r"\1 ", NUMBERS[card])
    for name, value in {"number": number, "expiry": "1229", "cvc": "100", "name": "John Doe", **fields}.items():
        await page.fill(f"#{name}", value)


async def test_approve(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await fill(page)
    await page.click(PAY)
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1
    assert await stage.told() == [True]
    assert "stored_payment_method_id" in stage.webhooks[0]["transaction_details"]


async def test_a_refused_card_then_another(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await fill(page, "insufficient_funds")
    await page.click(PAY)
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("insufficient funds")
    await expect(alert).to_be_focused()
    for name in ("number", "cvc"):
        assert not await page.input_value(f"#{name}")
    await page.reload()  # asks nothing again and sends nothing again
    await fill(page)
    await page.click(PAY)
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert await stage.told() == [False, True]
    assert len(stage.sandbox.books.transactions) == 2


async def test_a_refused_buyer_may_give_up(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await fill(page, "declined")
    await page.click(PAY)
    await page.get_by_role("link", name="Back to the shop without paying").click()
    await expect(page).to_have_url(f"{stage.shop}/decline")
    assert stage.charges() == 0


async def test_cancel(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await page.get_by_role("button", name="Cancel").click()
    await expect(page).to_have_url(f"{stage.shop}/cancel")
    assert stage.sandbox.books.transactions == []


async def test_a_double_click_on_pay_is_one_charge(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await fill(page)
    await page.dblclick(PAY, no_wait_after=True)
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1


async def test_an_impatient_second_click_is_no_second_charge(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await fill(page)
    button = await page.locator(PAY).bounding_box()
    assert button is not None
    slow = stage.hold_answers()
    for clicks in (1, 2):  # the second while the first is on its way: the browser drops that one and posts again
        await page.mouse.click(button["x"] + 40, button["y"] + 20)
        await slow.has_answered(clicks)
    slow.release()
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1
    assert await stage.told() == [True]


async def test_two_tabs_with_the_same_form_are_one_charge(stage, open_page):
    url = await stage.hosted_page()
    first, second = await open_page(url), await open_page(url)
    for page in (first, second):
        await fill(page)
    for page in (first, second):
        await page.click(PAY)
        await expect(page).to_have_url(f"{stage.shop}/success")
    assert len(stage.sandbox.books.transactions) == 1


async def test_going_back_after_paying_shows_that_it_is_paid(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await fill(page)
    await page.click(PAY)
    await expect(page).to_have_url(f"{stage.shop}/success")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Already paid")).to_be_visible()
    await expect(page.locator("form")).to_have_count(0)
    await page.get_by_role("link", name="Back to the shop").click()
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1


async def test_through_the_banks_page_and_on_to_the_shop(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await fill(page, "challenge")
    await page.click(PAY)
    await page.fill("#code", "123456")
    await page.click("button[value=confirm]")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert await stage.told() == [True]
    await page.go_back()
    await expect(page.get_by_role("heading", name="Payment confirmed")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Already paid")).to_be_visible()
    assert stage.charges() == 1


async def test_refused_by_the_bank_then_another_card(stage, open_page):
    url = await stage.hosted_page()
    page = await open_page(url)
    await fill(page, "challenge")
    await page.click(PAY)
    await page.click("button[value=decline]")
    await expect(page).to_have_url(url)
    await expect(page.get_by_role("alert")).to_contain_text("could not confirm that it was you")
    await fill(page)
    await page.click(PAY)
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert await stage.told() == [False, True]


async def test_the_buyer_types_the_amount(stage, open_page):
    page = await open_page(await stage.hosted_page(amount="", currency="USD"))
    await fill(page, amount="10.505")
    await page.click(PAY)
    await expect(page.get_by_role("alert")).to_contain_text("USD has at most 2 decimals")
    assert await page.input_value("#name") == "John Doe"
    assert not await page.input_value("#number")
    await fill(page, amount="10.50")
    await page.click(PAY)
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.sandbox.books.total_charged() == pytest.approx(10.5)


async def test_the_language_can_be_changed(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await page.get_by_role("link", name="日本語").click()
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    await fill(page, "insufficient_funds")
    await page.get_by_role("button", name="1,000 JPYを支払う").click()
    await expect(page.get_by_role("alert")).to_contain_text("利用可能額が不足しています")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
