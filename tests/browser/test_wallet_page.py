from __future__ import annotations

from playwright.async_api import expect


async def test_approve(stage, open_page):
    page = await open_page(await stage.wallet())
    await page.fill("#pin", "1234")
    await page.get_by_role("button", name="Approve payment").click()
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1
    assert await stage.told() == [True]


async def test_decline(stage, open_page):
    page = await open_page(await stage.wallet())
    await page.get_by_role("button", name="Decline").click()
    await expect(page).to_have_url(f"{stage.shop}/decline")
    assert stage.charges() == 0
    assert await stage.told() == [False]


async def test_cancel(stage, open_page):
    page = await open_page(await stage.wallet())
    await page.get_by_role("button", name="Cancel").click()
    await expect(page).to_have_url(f"{stage.shop}/cancel")
    assert stage.sandbox.books.transactions == []


async def test_a_double_click_is_one_charge_and_going_back_makes_no_other(stage, open_page):
    page = await open_page(await stage.wallet())
    await page.fill("#pin", "1234")
    await page.dblclick("button[value=approve]", no_wait_after=True)
    await expect(page).to_have_url(f"{stage.shop}/success")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Already paid")).to_be_visible()
    assert stage.charges() == 1


async def test_japanese(stage, open_page):
    page = await open_page(await stage.wallet(), locale="ja-JP")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    await expect(page).to_have_title("GCashでお支払い – Sandbox Coffee – サンドボックス決済")  # noqa: RUF001
    await page.get_by_role("button", name="支払いを承認する").click()
    await expect(page.get_by_role("alert")).to_contain_text("4桁の暗証番号を入力してください。")
