from __future__ import annotations

import pytest
from playwright.async_api import expect

PAY = "button[value=pay]"
NUMBERS = {
    "processed": "5519 2838 1203 0000",
    "processed_3ds": "5123 8172 3406 0000",
    "failed": "4302 9128 3702 0000",
    "failed_3ds": "4412 3972 1208 0000",
}

# What a shop does with an `auth_payload`: a form of its own page, posted to the bank.
HAND_OVER = """(handed) => {
  const form = document.createElement("form");
  Object.assign(form, {action: handed.action, method: handed.method});
  for (const [name, value] of Object.entries(handed.params)) {
    const field = document.createElement("input");
    Object.assign(field, {type: "hidden", name, value});
    form.append(field);
  }
  document.body.append(form);
  form.submit();
}"""


async def pay(page, card, **fields):
    details = {"number": NUMBERS[card], "expiry": "1229", "cvc": "100", "name": "John Doe", **fields}
    for name, value in details.items():
        await page.fill(f"#{name}", value)
    await page.click(PAY)


def seen(stage):
    """What the bank saw: each attempt's card and what became of it, and what was charged in all."""
    [invoice] = stage.sandbox.corefy.books.invoices
    return [(one.card.test_card, one.state) for one in invoice.attempts], invoice.status, invoice.charged


async def test_approve(stage, open_page):
    page = await open_page(await stage.checkout())
    await expect(page.get_by_text("Two bags of coffee")).to_be_visible()
    await pay(page, "processed")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert seen(stage) == ([("processed", "processed")], "processed", 12.5)


async def test_a_decline_and_then_another_card(stage, open_page):
    page = await open_page(await stage.checkout())
    await pay(page, "failed", expiry="0529")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("insufficient funds")
    await expect(alert).to_be_focused()
    assert not await page.input_value("#number")
    await page.reload()  # asks nothing again and sends nothing again
    await pay(page, "processed")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert seen(stage) == ([("failed", "process_failed"), ("processed", "processed")], "processed", 12.5)


async def test_the_limit_of_declines(stage, open_page):
    page = await open_page(await stage.checkout())
    for _ in range(4):
        await pay(page, "failed")
        await expect(page.get_by_role("alert")).to_contain_text("refused card ending in 0000")
    await pay(page, "failed")
    await expect(page).to_have_url(f"{stage.shop}/fail")
    assert seen(stage)[1:] == ("process_failed", 0)


async def test_cancel(stage, open_page):
    url = await stage.checkout()
    page = await open_page(url)
    await page.get_by_role("button", name="Cancel").click()
    await expect(page).to_have_url(f"{stage.shop}/fail")
    await page.goto(url)
    await expect(page.get_by_role("heading", name="Payment cancelled")).to_be_visible()
    assert seen(stage) == ([], "terminated", 0)


async def test_a_double_click_is_one_charge(stage, open_page):
    page = await open_page(await stage.checkout())
    for name, value in (("number", NUMBERS["processed"]), ("expiry", "1229"), ("cvc", "100"), ("name", "J")):
        await page.fill(f"#{name}", value)
    await page.dblclick(PAY, no_wait_after=True)
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert seen(stage) == ([("processed", "processed")], "processed", 12.5)


@pytest.mark.parametrize(("button", "path", "status"), [("Confirm", "success", "processed"), ("decline", None, None)])
async def test_3d_secure_on_the_checkout(stage, open_page, button, path, status):
    url = await stage.checkout()
    page = await open_page(url)
    await pay(page, "processed_3ds")
    await page.fill("#code", "123456")
    await page.get_by_role("button", name=button).click()
    if path is not None:
        await expect(page).to_have_url(f"{stage.shop}/{path}")
        assert seen(stage)[1:] == (status, 12.5)
        return
    await expect(page.get_by_role("alert")).to_contain_text("could not confirm that it was you")
    await pay(page, "processed")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert seen(stage)[0] == [("processed_3ds", "process_failed"), ("processed", "processed")]


@pytest.mark.parametrize(
    ("card", "button", "path"),
    [
        ("processed_3ds", "Confirm", "success"),
        ("processed_3ds", "decline", "fail"),
        ("failed_3ds", "Confirm", "fail"),
    ],
)
async def test_a_shops_own_form_opens_the_banks_page(stage, open_page, card, button, path):
    invoice = await stage.invoice()
    handed = (await stage.sell(invoice, card))["auth_payload"]
    page = await open_page(f"{stage.shop}/pay")
    await page.evaluate(HAND_OVER, handed)
    await expect(page.get_by_role("heading", name="Confirm your payment")).to_be_visible()
    await page.reload()
    await page.fill("#code", "12")
    await page.get_by_role("button", name="Confirm").click()
    await expect(page.get_by_role("alert")).to_contain_text("Enter the 6 digits")
    await page.get_by_role("link", name="Leave without answering").click()
    await page.get_by_role("link", name="Go back and answer").click()
    await page.fill("#code", "123456")
    await page.get_by_role("button", name=button).click()
    await expect(page).to_have_url(f"{stage.shop}/{path}")
    assert seen(stage)[1:] == (("processed", 12.5) if path == "success" else ("process_failed", 0))


async def test_a_stored_card_needs_only_its_code(stage, open_page):
    page = await open_page(await stage.checkout(token=await stage.token()))
    await expect(page.get_by_text("Mastercard ···· 0000")).to_be_visible()
    await page.fill("#cvc", "100")
    await page.click(PAY)
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert [one.source for one in stage.sandbox.corefy.books.charges()] == ["sale", "page"]


async def test_japanese(stage, open_page):
    page = await open_page(await stage.checkout(), locale="ja-JP")
    await expect(page.locator("html")).to_have_attribute("lang", "ja")
    await page.get_by_role("link", name="English").click()
    await pay(page, "failed")
    await expect(page.locator("html")).to_have_attribute("lang", "en")
    await page.get_by_role("link", name="日本語").click()
    await page.get_by_role("button", name="キャンセルしてショップに戻る").click()
    await expect(page).to_have_url(f"{stage.shop}/fail")
