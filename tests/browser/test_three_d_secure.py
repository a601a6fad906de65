from __future__ import annotations

from playwright.async_api import TimeoutError as NotInTime
from playwright.async_api import expect


async def test_approve(stage, open_page):
    page = await open_page(await stage.challenge())
    await page.fill("#code", "123456")
    await page.get_by_role("button", name="Confirm payment").click()
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1
    assert await stage.told() == [True]


async def test_decline(stage, open_page):
    page = await open_page(await stage.challenge())
    await page.get_by_role("button", name="decline").click()
    await expect(page).to_have_url(f"{stage.shop}/decline")
    assert stage.charges() == 0
    assert await stage.told() == [False]


async def test_leave_and_come_back(stage, open_page):
    page = await open_page(await stage.challenge())
    await page.get_by_role("link", name="Leave without answering").click()
    assert stage.sandbox.books.transactions == []
    await page.get_by_role("link", name="Go back and answer").click()
    await page.fill("#code", "123456")
    await page.get_by_role("button", name="Confirm payment").click()
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1


async def test_a_wrong_code_is_said_and_can_be_corrected(stage, open_page):
    page = await open_page(await stage.challenge())
    await page.fill("#code", "12")
    await page.click("button[value=confirm]")
    await expect(page.get_by_role("alert")).to_contain_text("Enter the 6 digits")
    await page.fill("#code", "123456")
    await page.click("button[value=confirm]")
    await expect(page).to_have_url(f"{stage.shop}/success")


async def test_a_double_click_is_one_charge_and_going_back_makes_no_other(stage, open_page):
    page = await open_page(await stage.challenge())
    await page.fill("#code", "123456")
    await page.dblclick("button[value=confirm]", no_wait_after=True)
    try:
        await page.wait_for_url(f"{stage.shop}/success", timeout=10_000)
    except NotInTime:  # the second click was so late that its answer came instead of the first one's
        await page.get_by_role("link", name="Back to the shop").click()
    await expect(page).to_have_url(f"{stage.shop}/success")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Payment confirmed")).to_be_visible()
    assert stage.charges() == 1


async def test_japanese(stage, open_page):
    page = await open_page(await stage.challenge(), locale="ja-JP")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    await page.get_by_role("button", name="身に覚えがないので拒否する").click()
    await expect(page).to_have_url(f"{stage.shop}/decline")
