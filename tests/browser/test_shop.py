from __future__ import annotations

import asyncio

import httpx
import pytest_asyncio
from playwright.async_api import BrowserContext, Page, expect

from examples.shop.till import Fulfilment, Till
from paymentoptions_async import Payment, PaymentEvent
from tests.browser.shop_stage import ADDRESS, CONFIRM, NUMBERS, Stage, fill, open_stage, pay, says, type_card
from tests.browser.test_access import FINDINGS

_each = pytest_asyncio.fixture(loop_scope="session")


@_each
async def stage(browser, tmp_path):
    async with open_stage(browser, tmp_path) as stage:
        yield stage


@_each
async def buyer(stage: Stage):
    async with stage.visitor() as window:
        yield window


@_each
async def staff(stage: Stage):
    async with stage.staff() as window:
        yield window


async def is_paid(page: Page) -> None:
    await says(page, "Thank you!")
    await expect(page.get_by_role("status")).to_contain_text("is paid")


async def payments(stage: Stage, order: int = 1001) -> list[Payment]:
    return [await stage.gateway.payment(a.ref) for a in stage.shop.store.attempts(order) if a.ref]


async def statuses(stage: Stage, order: int = 1001) -> list[str]:
    return [payment.status.value for payment in await payments(stage, order)]


async def test_from_the_shelf_to_the_parcel(stage, buyer):
    page = await buyer.new_page()
    await page.goto(stage.url)
    await page.click("button[value=cup]")
    await says(page, "Your cart")
    await page.get_by_label("How many of Ash-glazed cup").select_option("3")
    await page.get_by_role("button", name="Update").click()
    await expect(page.locator("tfoot")).to_contain_text("¥7,200")
    await page.goto(stage.url)
    await page.click("button[value=board]")
    await page.get_by_role("button", name="Remove Hinoki board").click()
    await page.get_by_role("link", name="Check out").click()
    await fill(page, **{name: value for name, value in ADDRESS.items() if name != "country"})
    await page.get_by_role("button", name="Continue to payment").click()
    await says(page, "How would you like to pay?")
    await pay(page)
    await is_paid(page)
    assert stage.charged() == ["7200 JPY"]
    assert stage.asked() == 1
    await page.get_by_role("link", name="My orders").click()
    await expect(page.locator(".orders li")).to_contain_text("Paid")


async def test_euros(stage, buyer):
    page = await buyer.new_page()
    await page.goto(stage.url)
    await page.get_by_role("button", name="EUR").click()
    await expect(page.get_by_text("€15.50")).to_be_visible()
    page = await stage.order(buyer)
    await pay(page)
    await is_paid(page)
    assert stage.charged() == ["15.50 EUR"]


async def test_declined_then_another_card(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, "insufficient_funds")
    await expect(page.get_by_role("alert")).to_contain_text("not enough money")
    assert await page.input_value("#number") == ""
    await pay(page)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]
    assert await statuses(stage) == ["declined", "approved"]


async def test_a_thief_is_not_told_that_the_card_is_stolen(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, "stolen_card")
    await expect(page.get_by_role("alert")).to_contain_text("The bank declined this card.")
    assert "stolen" not in await page.content()
    assert stage.charged() == []


async def test_what_is_wrong_is_said_next_to_its_field(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, number="4000 0000 0000 0516", cvc="12")
    field = page.get_by_label("Card number")
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(field).to_be_focused()
    await expect(field).to_have_accessible_description(
        "This is no card number. Compare it with your card, digit by digit."
    )
    assert "0516" not in await page.content()
    await pay(page, expiry="13/29")
    await expect(page.get_by_label("Good through")).to_have_accessible_description(
        "Enter the month and year as on the card, for example 08/29."
    )
    await pay(page, "approved_visa", expiry="")
    await expect(page.get_by_label("Good through")).to_have_accessible_description(
        "Enter the month and year, as on the card."
    )
    assert NUMBERS["approved_visa"] not in await page.content()
    assert stage.asked() == 0
    await pay(page)
    await is_paid(page)


async def test_the_address_is_checked_field_by_field(stage, buyer):
    page = await buyer.new_page()
    await page.goto(stage.url)
    await page.click("button[value=cup]")
    await page.get_by_role("link", name="Check out").click()
    await fill(page, email="mari@example.com")
    await page.get_by_role("button", name="Continue to payment").click()
    await expect(page.get_by_label("Postal code")).to_have_accessible_description("Enter the postal code.")
    assert await page.input_value("#email") == "mari@example.com"
    await fill(page, recipient="Mari", email="mari", address1="1-2-3 Josei", city="Matsumoto", postal_code="390")
    await page.get_by_role("button", name="Continue to payment").click()
    await expect(page.get_by_role("alert").get_by_role("link")).to_have_text(
        ["Enter an e-mail address such as mari@example.com, in at most 45 characters."]
    )
    assert stage.shop.store.orders() == []


async def authenticate(page: Page) -> None:
    await page.fill("#code", "123456")
    await page.click(CONFIRM)


async def test_3d_secure(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, "challenge")
    await authenticate(page)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]
    (payment,) = await payments(stage)
    assert payment.has_3d_secure
    assert stage.url + "/orders/1001" == page.url, "the URL with the token is left at once"


async def test_the_bank_is_told_of_the_browser(stage, buyer, monkeypatch):
    told, purchase = {}, stage.gateway.purchase

    async def spy(*amount, **about):
        told.update(about)
        return await purchase(*amount, **about)

    monkeypatch.setattr(stage.gateway, "purchase", spy)
    page = await stage.order(buyer)
    await pay(page)
    await is_paid(page)
    browser = told["browser_info"]
    assert (browser.screen_width, browser.screen_height, browser.screen_color_depth) == ("1280", "900", "24")
    assert browser.language == "en-GB"
    assert "Chrome" in browser.user_agent
    assert "text/html" in browser.accept_header
    assert told["customer_ip"] == "127.0.0.1"
    assert told["time_zone"]


async def test_a_strange_browser_may_pay_too(stage, buyer):
    page = await stage.order(buyer)
    await type_card(page)
    await page.evaluate("""() => {
        for (const input of document.querySelectorAll("form[data-browser] input[type=hidden]"))
            if (!["method", "attempt"].includes(input.name)) input.value = "-1; <b>";
    }""")
    await page.locator("form[data-browser] button").click()
    await is_paid(page)


async def test_cancelled_at_the_bank_then_another_card(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, "challenge")
    await page.get_by_role("button", name="decline").click()
    await says(page, "Not paid")
    await expect(page.get_by_role("status")).to_contain_text("could not confirm that it was you")
    await page.get_by_role("link", name="Try again").click()
    await pay(page)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]


async def test_abandoned_at_the_bank_and_started_again(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, "challenge")
    await expect(page.locator("#code")).to_be_visible()
    await page.goto(f"{stage.url}/orders/1001")
    await says(page, "Your bank is waiting for you")
    await page.get_by_role("link", name="Pay in another way").click()
    await pay(page)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]
    assert await statuses(stage) == ["action_required", "approved"]


async def test_paid_at_the_bank_after_it_was_given_up_is_told_to_the_staff(stage, buyer, staff):
    page, bank = await stage.order(buyer), await buyer.new_page()
    await pay(page, "challenge")
    await expect(page.locator("#code")).to_be_visible()
    await bank.goto(page.url)
    await page.goto(f"{stage.url}/orders/1001/pay")
    await pay(page)
    await is_paid(page)
    await authenticate(bank)
    await is_paid(bank)
    await stage.settle_down()
    assert stage.charged() == ["2400 JPY", "2400 JPY"]
    desk = await staff.new_page()
    await desk.goto(f"{stage.url}/admin")
    await expect(desk.get_by_text("Paid twice. Refund one of the payments.")).to_be_visible()
    await desk.get_by_role("row", name="3155").get_by_role("link").click()
    await desk.get_by_role("button", name="Refund ¥2,400 of it").dblclick(no_wait_after=True)
    await expect(desk.get_by_role("button", name="of it")).to_have_count(0)
    assert [one.refunded for one in stage.sandbox.books.transactions if one.refunded] == [2400]


async def test_abandoned_at_the_bank_in_one_window_and_confirmed_in_another(stage, buyer):
    page, bank = await stage.order(buyer), await buyer.new_page()
    await pay(page, "challenge")
    await expect(page.locator("#code")).to_be_visible()
    await bank.goto(page.url)
    await page.goto(f"{stage.url}/orders/1001")
    await says(page, "Your bank is waiting for you")
    await authenticate(bank)
    await is_paid(page)  # by itself
    assert stage.charged() == ["2400 JPY"]


async def test_back_before_the_webhook(stage, buyer):
    stage.sandbox.faults.add("webhook", "late", seconds=3600)
    page = await stage.order(buyer)
    await pay(page, "challenge")
    await authenticate(page)
    await says(page, "Thank you! One moment …")
    assert stage.shop.store.order(1001).paid_by is None, "a return proves nothing"
    await page.goto(f"{stage.url}/orders/1001/pay")
    await says(page, "Thank you! One moment …")  # it may be paid, so no other payment is offered
    await stage.sandbox.advance(3601)
    await is_paid(page)  # by itself
    assert stage.charged() == ["2400 JPY"]


async def test_an_old_form_does_not_give_up_what_may_be_paid(stage, buyer):
    stage.sandbox.faults.add("webhook", "late", seconds=3600)
    page, old = await stage.order(buyer), await buyer.new_page()
    await pay(page, "challenge")
    await expect(page.locator("#code")).to_be_visible()
    await old.goto(f"{stage.url}/orders/1001/pay")  # offers another way to pay, as long as nobody is back
    await authenticate(page)
    await says(page, "Thank you! One moment …")
    await pay(old)
    await says(old, "Thank you! One moment …")
    assert stage.charged() == ["2400 JPY"]
    assert await statuses(stage) == ["action_required"]


async def test_back_before_the_webhook_without_scripts(stage):
    stage.sandbox.faults.add("webhook", "late", seconds=3600)
    async with stage.visitor(java_script_enabled=False) as window:
        page = await stage.order(window)
        await pay(page, "challenge")
        await authenticate(page)
        await says(page, "Thank you! One moment …")
        await stage.sandbox.advance(3601)
        await stage.settle_down()
        await page.get_by_role("link", name="Look now").click()
        await is_paid(page)
    assert stage.charged() == ["2400 JPY"]


async def test_the_webhook_before_the_buyer_is_back(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, "challenge")
    await expect(page.locator("#code")).to_be_visible()
    stage.hurry_webhooks()
    async with page.expect_response("**/orders/1001") as first:
        await authenticate(page)
    assert "is paid" in await (await first.value).text()
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]


async def test_no_webhook_and_no_id_stays_honest(stage, buyer, staff):
    stage.sandbox.faults.add("webhook", "missing")
    page = await stage.order(buyer)
    await pay(page, "challenge")
    await authenticate(page)
    await says(page, "Thank you! One moment …")
    await page.get_by_role("link", name="Look now").click()
    await says(page, "Thank you! One moment …")
    assert stage.charged() == ["2400 JPY"]
    desk = await staff.new_page()
    await desk.goto(f"{stage.url}/admin")
    await desk.get_by_role("region", name="Not settled").get_by_role("link").click()
    await desk.check("#happened")
    await fill(desk, note="Seen in the portal")
    await desk.get_by_role("button", name="Settle", exact=True).click()
    await expect(desk.get_by_role("row", name="settled mari approved Seen in the portal")).to_be_visible()
    await is_paid(page)


async def test_no_webhook_but_an_id_is_asked_for(stage, buyer):
    stage.sandbox.faults.add("webhook", "missing")
    page = await stage.order(buyer)
    await pay(page, "pending")
    await says(page, "We are asking your bank")
    await stage.sandbox.advance(61)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]


async def test_a_lost_answer_is_not_paid_again(stage, buyer):
    stage.sandbox.faults.add("paymentv2", "reset", when="after")
    stage.sandbox.faults.add("webhook", "late", seconds=3600)
    page = await stage.order(buyer)
    await pay(page)
    await says(page, "We are finding out")
    await page.goto(f"{stage.url}/orders/1001/pay")
    await says(page, "We are finding out")
    await stage.sandbox.advance(3601)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]
    assert stage.asked() == 1


async def test_a_bank_that_was_not_reached_is_said_and_tried_again(stage, buyer):
    stage.sandbox.faults.add("paymentv2", "error", when="before", status=429, times=1)
    page = await stage.order(buyer)
    await pay(page)
    await expect(page.get_by_role("alert")).to_contain_text("You were not charged.")
    await pay(page)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]


async def test_two_quick_clicks_are_one_charge(stage):
    async with stage.visitor(java_script_enabled=False) as window:
        page = await stage.order(window)
        await type_card(page)
        await page.locator("form[data-browser] button").dblclick(no_wait_after=True)
        await is_paid(page)
    assert stage.charged() == ["2400 JPY"]
    assert stage.asked() == 1


async def test_the_same_form_at_the_same_time_is_one_charge(stage, buyer):
    await stage.order(buyer)
    cookies = {one["name"]: one["value"] for one in await buyer.cookies()}
    form = {
        "method": "card",
        "attempt": "1",
        "number": NUMBERS["approved"],
        "expiry": "12/29",
        "cvc": "100",
        "name": "M",
    }
    async with httpx.AsyncClient(cookies=cookies) as client:
        posts = [client.post(f"{stage.url}/orders/1001/pay", data=form) for _ in range(5)]
        answers = await asyncio.gather(*posts)
    assert {answer.headers["location"] for answer in answers} == {"/orders/1001"}
    assert stage.charged() == ["2400 JPY"]
    assert stage.asked() == 1


async def test_a_form_that_is_reloaded_asks_the_bank_once(stage, buyer):
    page = await stage.order(buyer)
    form = {"method": "card", "attempt": "1", "expiry": "12/29", "cvc": "100", "name": "Mari"}
    for _ in range(2):
        again = await buyer.request.post(page.url, form={**form, "number": NUMBERS["insufficient_funds"]})
        assert "not enough money" in await again.text()
    assert stage.asked() == 1


async def test_a_cart_that_is_checked_out_twice_is_one_order(stage, buyer):
    first = await stage.order(buyer)
    again = await buyer.request.post(f"{stage.url}/checkout", form={"cart": "1", **ADDRESS})
    assert again.url == first.url == f"{stage.url}/orders/1001/pay"
    assert len(stage.shop.store.orders()) == 1


async def test_back_after_paying_and_sent_again(stage, buyer):
    page = await stage.order(buyer)
    await pay(page)
    await is_paid(page)
    await page.go_back()
    await is_paid(page)  # the form is not shown again
    assert stage.charged() == ["2400 JPY"]


async def test_a_form_from_before_a_decline_charges_nothing(stage, buyer):
    old, new = await stage.order(buyer), await buyer.new_page()
    await new.goto(old.url)
    await pay(new, "insufficient_funds")
    await expect(new.get_by_role("alert")).to_contain_text("not enough money")
    await pay(old)
    await expect(old.get_by_role("alert")).to_contain_text("This page was out of date. You were not charged for it.")
    assert stage.charged() == []
    await pay(old)
    await is_paid(old)
    assert stage.charged() == ["2400 JPY"]


async def test_two_windows_with_one_order(stage, buyer):
    first = await stage.order(buyer)
    second = await buyer.new_page()
    await second.goto(first.url)
    await type_card(first)
    await type_card(second, "approved_visa")
    await asyncio.gather(*(page.locator("form[data-browser] button").click() for page in (first, second)))
    await is_paid(first)
    await is_paid(second)
    assert stage.charged() == ["2400 JPY"]


async def test_a_card_on_file_pays_the_next_order(stage, buyer):
    page = await stage.order(buyer)
    await page.check("#keep")
    await pay(page)
    await is_paid(page)
    page = await stage.order(buyer, sku="board")
    await expect(page.get_by_label("Mastercard ending in 1005")).to_be_checked()
    await page.locator("form:has(fieldset) button").click()
    await is_paid(page)
    assert stage.charged() == ["2400 JPY", "4500 JPY"]
    first, second = stage.sandbox.books.charges()
    assert second.order.token == first.stored_payment_method_id
    assert str(first.stored_payment_method_id) not in await page.content()


async def test_another_buyer_sees_neither_order_nor_card(stage, buyer):
    page = await stage.order(buyer)
    await page.check("#keep")
    await pay(page)
    await is_paid(page)
    async with stage.visitor() as window:
        theirs = await stage.order(window)
        await expect(theirs.locator("fieldset")).to_have_count(0)
        await theirs.goto(f"{stage.url}/orders/1001")
        await says(theirs, "There is nothing here")
        cookies = {one["name"]: one["value"] for one in await window.cookies()}
    async with httpx.AsyncClient(cookies=cookies) as client:
        form = {"method": "stored", "attempt": "1", "card": "1"}
        answer = await client.post(f"{stage.url}/orders/1002/pay", data=form)
    assert answer.status_code == 422
    assert stage.charged() == ["2400 JPY"]


async def test_the_hosted_page(stage, buyer):
    page = await stage.order(buyer)
    await page.get_by_label("Keep the card").check()
    await page.get_by_role("button", name="Continue to the payment page").click()
    await fill(page, number=NUMBERS["approved"], expiry="12/29", cvc="100", name="Mari Sato")
    await page.click("button[value=pay]")
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]
    page = await stage.order(buyer, sku="board")
    await page.locator("form:has(fieldset) button").click()
    await is_paid(page)
    assert stage.charged() == ["2400 JPY", "4500 JPY"]


async def test_left_the_hosted_page_and_paid_by_card(stage, buyer):
    page = await stage.order(buyer)
    await page.get_by_role("button", name="Continue to the payment page").click()
    await page.get_by_role("button", name="Cancel").click()
    await says(page, "Your payment is still open")
    await page.get_by_role("link", name="Pay in another way").click()
    await pay(page)
    await is_paid(page)
    assert stage.charged() == ["2400 JPY"]
    assert await statuses(stage) == ["action_required", "approved"]


async def open_payment(stage: Stage, window: BrowserContext) -> Page:
    desk = await window.new_page()
    await desk.goto(f"{stage.url}/admin")
    await desk.get_by_role("region", name="Orders").get_by_role("link").first.click()
    return desk


async def test_refunds(stage, buyer, staff):
    page = await stage.order(buyer)
    await pay(page)
    await is_paid(page)
    desk = await open_payment(stage, staff)
    await fill(desk, amount="900000")
    await desk.get_by_role("button", name="Refund").click()
    await expect(desk.get_by_role("alert")).to_contain_text("more than the 2400 JPY left")
    await fill(desk, amount="1000.5")
    await desk.get_by_role("button", name="Refund").click()
    await expect(desk.get_by_label("Amount in JPY")).to_have_accessible_description(
        "Enter an amount in JPY, such as 5."
    )
    await fill(desk, amount="1000")
    await desk.get_by_role("button", name="Refund").dblclick(no_wait_after=True)
    await expect(desk.get_by_label("Amount in JPY")).to_have_value("1400")
    await desk.get_by_role("button", name="Refund").click()
    await expect(desk.get_by_role("button", name="Refund")).to_have_count(0)
    assert sorted(one.refunded for one in stage.sandbox.books.transactions if one.refunded) == [1000, 1400]
    await page.reload()
    await expect(page.get_by_role("status")).to_contain_text("¥2,400 went back to you")


async def test_a_refund_whose_answer_is_lost_is_settled_by_a_person(stage, buyer, staff):
    page = await stage.order(buyer)
    await pay(page)
    await is_paid(page)
    stage.sandbox.faults.add("refund", "reset", when="before")
    desk = await open_payment(stage, staff)
    await desk.get_by_role("button", name="Refund").click()
    await desk.get_by_role("link", name="¥2,400").click()
    await fill(desk, note="Not in the portal")
    await desk.get_by_role("button", name="Settle", exact=True).click()
    await expect(desk.get_by_role("alert")).to_contain_text("verdict")
    await desk.check("#not_happened")
    await desk.get_by_role("button", name="Settle", exact=True).click()
    await expect(desk.get_by_role("row", name="settled mari cancelled Not in the portal")).to_be_visible()
    (payment,) = await payments(stage)
    assert str((await stage.gateway.balance(payment.ref)).refundable) == "2400 JPY"


async def test_the_staffs_pages_need_the_password(stage):
    async with httpx.AsyncClient() as client:
        for auth in (None, ("mari", "guess")):
            answer = await client.get(f"{stage.url}/admin", auth=auth)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="Komorebi staff"')


async def test_no_other_site_can_post_for_the_buyer(stage, buyer):
    await stage.order(buyer)
    cookies = {one["name"]: one["value"] for one in await buyer.cookies()}
    async with httpx.AsyncClient(cookies=cookies) as client:
        for told in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "https://evil.example"},
        ):
            answer = await client.post(f"{stage.url}/cart", data={"sku": "cup"}, headers=told)
            assert answer.status_code == 403
        answer = await client.post(f"{stage.url}/cart", data={"sku": "cup"}, headers={"origin": stage.url})
        assert answer.status_code == 303


async def test_card_data_is_in_no_log_and_no_record(stage, buyer, caplog, tmp_path):
    caplog.set_level("DEBUG")
    page = await stage.order(buyer)
    await pay(page, "insufficient_funds")
    await expect(page.get_by_role("alert")).to_be_visible()
    await pay(page, "challenge")
    await authenticate(page)
    await is_paid(page)
    kept = caplog.text.encode() + b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"1001:2" in kept, "there is something to look through"
    for card in ("insufficient_funds", "challenge"):
        assert NUMBERS[card].encode() not in kept


async def test_every_page_keeps_to_a_strict_policy_and_in_no_cache(stage, buyer):
    page = await stage.order(buyer)
    for path in ("/", "/cart", "/orders/1001/pay", "/nowhere", f"/orders/{10**20}"):
        answer = await page.goto(stage.url + path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
    (cookie,) = await buyer.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")


async def test_a_part_that_was_approved_is_not_delivered(stage, buyer, staff):
    page = await stage.order(buyer)
    await pay(page, "partial_approval")
    await says(page, "We are looking into it")
    assert stage.charged() == ["1200 JPY"]
    desk = await staff.new_page()
    await desk.goto(f"{stage.url}/admin")
    await expect(desk.get_by_text("Only 1200 JPY was approved.")).to_be_visible()


async def test_an_event_that_comes_again_changes_nothing(stage, buyer):
    page = await stage.order(buyer)
    await pay(page)
    await is_paid(page)
    store = stage.shop.store
    (payment,), ((seen,),) = await payments(stage), store._all("SELECT id FROM events")
    store.hold(store.order(1001), "A person wants to look.")
    await Fulfilment(store).on_payment(PaymentEvent(id=seen, payment=payment, event="answered", attempt=2))
    assert store.order(1001).paid_by is None
    await Fulfilment(store).on_payment(PaymentEvent(id="a later one", payment=payment, event="confirmed"))
    assert store.order(1001).paid_by == payment.ref


async def test_what_fails_half_way_is_done_again(stage, buyer, monkeypatch):
    failing, keep = [True], stage.shop.store.keep_card

    def keep_card(*about):
        if failing and failing.pop():
            raise OSError
        keep(*about)

    monkeypatch.setattr(stage.shop.store, "keep_card", keep_card)
    page = await stage.order(buyer)
    await page.check("#keep")
    await pay(page)
    await is_paid(page)
    assert failing == []
    assert len(stage.shop.store.cards(1)) == 1


async def test_what_a_crash_left_is_found_again(stage, buyer):
    page = await stage.order(buyer)
    await pay(page, "challenge")
    await expect(page.locator("#code")).to_be_visible()
    stage.shop.store._db.execute("UPDATE attempts SET ref = NULL")  # it was made, and its reference was not kept
    async with Till(stage.gateway, stage.shop.store):
        await page.goto(f"{stage.url}/orders/1001")
        await says(page, "Your bank is waiting for you")
        await page.get_by_role("link", name="Continue at your bank").click()
        await authenticate(page)
        await is_paid(page)
    assert stage.charged() == ["2400 JPY"]


async def test_by_keyboard_alone(stage, buyer):
    page = await stage.order(buyer)
    await page.focus("#number")
    for text in (NUMBERS["approved"], "1229", "100", "Mari Sato"):
        await page.keyboard.press("Control+A")
        await page.keyboard.type(text)
        await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(page.get_by_label("Keep this card")).to_be_checked()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await is_paid(page)


async def test_everyone_can_use_every_page(stage, buyer, staff):
    page = await stage.order(buyer)

    async def is_good(page: Page) -> None:
        await page.wait_for_load_state()  # its style sheet too
        for width in (390, 1280):
            await page.set_viewport_size({"width": width, "height": 900})
            assert await page.evaluate(FINDINGS) == [], (page.url, width)

    await is_good(page)
    await pay(page, number="1", cvc="", expiry="")
    await expect(page.get_by_label("Good through")).to_be_focused()
    await is_good(page)
    await pay(page, "challenge")
    await expect(page.locator("#code")).to_be_visible()
    await page.goto(f"{stage.url}/orders/1001")
    await is_good(page)
    await page.goto(f"{stage.url}/orders/1001/pay")
    await page.check("#keep")
    await pay(page)
    await is_paid(page)
    await is_good(page)
    for path in ("/", "/cart", "/orders", "/orders/77"):
        await page.goto(stage.url + path)
        await is_good(page)
    await page.goto(stage.url)
    await page.click("button[value=board]")
    await says(page, "Your cart")
    await is_good(page)
    await page.get_by_role("link", name="Check out").click()
    await fill(page, email="")
    await page.get_by_role("button", name="Continue to payment").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await is_good(page)
    await fill(page, email="mari@example.com")
    await page.get_by_role("button", name="Continue to payment").click()
    await expect(page.get_by_role("radio")).to_be_checked()
    await is_good(page)
    desk = await staff.new_page()
    await desk.goto(f"{stage.url}/admin")
    await is_good(desk)
    for name in ("approved", "action required"):
        await desk.goto(f"{stage.url}/admin")
        await desk.get_by_role("row", name=name).get_by_role("link").last.click()
        await expect(desk.get_by_role("heading", name="History")).to_be_visible()
        await is_good(desk)
