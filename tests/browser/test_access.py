"""Can everyone use the pages: by keyboard alone, on a narrow screen, in the dark, and with a screen reader."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

PAGES = (
    *("challenge", "hosted", "hosted_open", "hosted_wrong", "hosted_refused", "wallet", "left", "paid", "unknown"),
    *("corefy", "corefy_wrong", "corefy_refused", "corefy_stored", "corefy_failed", "corefy_bank", "corefy_unknown"),
)

# What a screen reader needs, and what eyes need: each finding is one sentence.
FINDINGS = """() => {
  const found = [], shown = (e) => e.getClientRects().length > 0;
  const parse = (c) => { const n = c.match(/[\\d.]+/g).map(Number); return n.length > 3 ? n : [...n, 1]; };
  const light = (c) => c.slice(0, 3).map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour[3] > 0) return colour;
    }
    return [255, 255, 255, 1];
  };
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title.trim()) found.push("no title");
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  if (document.querySelectorAll("main").length !== 1) found.push("not one main");
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  if (new Set(ids).size !== ids.length) found.push("an id twice");
  for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
    for (const name of ["aria-describedby", "aria-labelledby"])
      for (const id of (e.getAttribute(name) || "").split(" ").filter(Boolean))
        if (!document.getElementById(id)) found.push(`${name} leads nowhere: ${id}`);
  for (const e of document.querySelectorAll("a[href^='#']"))
    if (!document.getElementById(e.hash.slice(1))) found.push(`link leads nowhere: ${e.hash}`);
  for (const e of document.querySelectorAll("input:not([type=hidden])")) {
    if (![...e.labels].some((l) => l.textContent.trim())) found.push(`no label: ${e.name}`);
    if (!e.autocomplete) found.push(`no autocomplete: ${e.name}`);
    const edge = parse(getComputedStyle(e).borderTopColor);
    if (contrast(edge, ground(e.parentElement)) < 3) found.push(`faint: ${e.name}`);
  }
  for (const e of document.querySelectorAll("button, a")) {
    if (!e.textContent.trim()) found.push("a button or link without text");
    const inText = e.matches("p a, li a, header a");
    if (shown(e) && !inText && e.getBoundingClientRect().height < 44) found.push(`small: ${e.textContent.trim()}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement, style = getComputedStyle(e), size = parseFloat(style.fontSize);
    if (!walker.currentNode.data.trim() || !shown(e)) continue;
    const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const got = contrast(parse(style.color), ground(e));
    if (got < wanted) found.push(`contrast ${got.toFixed(2)}: ${walker.currentNode.data.trim()}`);
    if (size < 14) found.push(`small print: ${walker.currentNode.data.trim()}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push("scrolls sideways");
  return found;
}"""


async def shown(stage, open_page, name, **window):
    """Return one of PAGES in a window."""
    if name == "challenge":
        return await open_page(await stage.challenge(), **window)
    if name.startswith("corefy"):
        return await shown_of_corefy(stage, open_page, name, **window)
    if name == "wallet":
        return await open_page(await stage.wallet(), **window)
    if name == "unknown":
        return await open_page(f"{stage.url}/HostedPaymentPage/nope", **window)
    long = {"merchant_txn_ref": "a-reference-of-the-greatest-length-0123456789"}
    if name == "hosted_open":
        return await open_page(
            await stage.hosted_page(amount="", billing_address={}, shipping_address={}, currency="USD", **long),
            **window,
        )
    url = await stage.hosted_page(**long)
    if name == "hosted_refused":
        await stage.sandbox.pay_hosted_page(url, "declined")
    if name == "paid":
        await stage.sandbox.pay_hosted_page(url)
    page = await open_page(f"{url}?left=1" if name == "left" else url, **window)
    if name == "hosted_wrong":
        await page.click("button[value=pay]")
    return page


async def shown_of_corefy(stage, open_page, name, **window):
    """Return one of Corefy's PAGES in a window."""
    if name == "corefy_unknown":
        return await open_page(f"{stage.url}/corefy/cardgate/hpp/nope", **window)
    token = {"token": await stage.token()} if name == "corefy_stored" else {}
    limit = {"gateway_options": {"cardgate": {"retry_limit": 1 if name == "corefy_failed" else 5, "tokenize": True}}}
    url = await stage.checkout(reference_id="a-reference-of-the-greatest-length-0123456789", **token, **limit)
    if name == "corefy_bank":
        url = await stage.sandbox.corefy.pay_page(url, "processed_3ds")
    if name in ("corefy_refused", "corefy_failed"):
        await stage.sandbox.corefy.pay_page(url, "failed")
    page = await open_page(url.removesuffix("&lang=en"), **window)
    if name == "corefy_wrong":
        await page.click("button[value=pay]")
    return page


@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
@pytest.mark.parametrize("name", PAGES)
async def test_nothing_is_in_anyones_way(stage, open_page, name, locale):
    page = await shown(stage, open_page, name, locale=locale)
    await expect(page.locator("html")).to_have_attribute("lang", locale[:2])
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for width in (1280, 390, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate(FINDINGS) == [], (scheme, width)


async def focus(page):
    """Return what has the focus: its id, value or text; it must be seen to have it."""
    name, outline = await page.evaluate(
        """() => {
          const e = document.activeElement, style = getComputedStyle(e);
          return [e.id || e.value || e.textContent.trim(), style.outlineStyle === "none" ? "0" : style.outlineWidth];
        }"""
    )
    assert float(outline.removesuffix("px")) >= 2, f"no ring around {name}"
    return name


async def tab_to(page, wanted):
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await focus(page) == wanted:
            return
    pytest.fail(f"{wanted} is not reached by keyboard")


async def test_the_hosted_page_by_keyboard_alone(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await tab_to(page, "number")
    await page.keyboard.type("5200 0000 0000 1005")
    for name, text in (("expiry", "12/29"), ("cvc", "100"), ("name", "John Doe")):
        await page.keyboard.press("Tab")
        assert await focus(page) == name
        await page.keyboard.type(text)
    await page.keyboard.press("Tab")
    assert await focus(page) == "pay"
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1


async def test_enter_in_a_field_pays_and_never_cancels(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await page.focus("#number")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("There is a problem")


async def test_from_the_summary_of_errors_to_the_field_by_keyboard(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await page.click("button[value=pay]")
    await expect(page.get_by_role("alert")).to_be_focused()
    await page.keyboard.press("Tab")
    assert await focus(page) == "Enter the card number."
    await page.keyboard.press("Enter")
    await expect(page.locator("#number")).to_be_focused()


async def test_cancelling_by_keyboard(stage, open_page):
    page = await open_page(await stage.hosted_page())
    await tab_to(page, "cancel")
    await page.keyboard.press("Space")
    await expect(page).to_have_url(f"{stage.shop}/cancel")


async def test_the_wallet_page_by_keyboard_alone(stage, open_page):
    page = await open_page(await stage.wallet())
    await tab_to(page, "pin")
    await page.keyboard.type("1234")
    await page.keyboard.press("Tab")
    assert await focus(page) == "approve"
    await page.keyboard.press("Tab")
    assert await focus(page) == "decline"
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1


async def test_the_banks_page_by_keyboard_alone(stage, open_page):
    page = await open_page(await stage.challenge())
    assert await focus(page) == "code"
    await page.keyboard.type("123456")
    await page.keyboard.press("Tab")
    assert await focus(page) == "confirm"
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert stage.charges() == 1


async def test_the_checkout_of_corefy_by_keyboard_alone(stage, open_page):
    page = await open_page(await stage.checkout())
    for name, text in (("number", "5519283812030000"), ("expiry", "1229"), ("cvc", "100"), ("name", "John Doe")):
        await tab_to(page, name)
        await page.keyboard.type(text)
    await page.keyboard.press("Tab")
    assert await focus(page) == "pay"
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{stage.shop}/success")
    assert len(stage.sandbox.corefy.books.charges()) == 1
