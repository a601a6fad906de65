"""The report of a run as people see it: from a file, with no network, by mouse, by keyboard, and on paper."""

from __future__ import annotations

from decimal import Decimal

import pytest
import pytest_asyncio
from playwright.async_api import expect

from paymentoptions_async.reconcile.verdicts import Verdict
from tests.browser.conftest import PATIENCE_MS
from tests.browser.test_access import FINDINGS
from tests.reconcile.report_runs import BEGUN, ODDS, SCOPE, a_run, finding, october, report_of

_session = pytest_asyncio.fixture(scope="session", loop_scope="session")
_each = pytest_asyncio.fixture(loop_scope="session")

ROWS = "#table tbody > tr:not(.details)"
NOTHING = "\u2013"
HOSTILE = "<script>window.ran = 1</script>", '"><img src=x onerror="window.ran = 1">', "=cmd|' /C calc'!A0"


@pytest.fixture(scope="session")
def month(tmp_path_factory):
    with october(tmp_path_factory.mktemp("report") / "run") as run:
        return report_of(run)


@_session
async def window(browser):
    window = await browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    window.set_default_timeout(PATIENCE_MS)
    yield window
    await window.close()


@_each
async def open_report(window):
    """Open a report in a tab; whatever it asks the network for, and whatever the console says, fails the test."""
    complaints, pages = [], []

    async def open_report(report):
        page = await window.new_page()
        pages.append(page)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(f"asks for {request.url[:99]}"))
        await page.goto(report.page.as_uri())
        await expect(page.locator(".chart .main-svg").first).to_be_attached()
        assert complaints.pop(0) == f"asks for {report.page.as_uri()}"
        return page

    yield open_report
    for page in pages:
        await page.close()
    assert complaints == []


async def texts(page, column):
    return await page.locator(f"{ROWS} > td.{column}").all_inner_texts()


def numbers(cells):
    return [Decimal(cell.split()[0].replace(",", "")) for cell in cells if cell != NOTHING]


async def test_nothing_is_in_anyones_way(month, open_report):
    page = await open_report(month)
    await page.evaluate("for (const chart of document.querySelectorAll('.chart')) chart.replaceChildren()")
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme)
        for width in (1280, 820, 390, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await page.evaluate(FINDINGS) == [], (scheme, width)


async def test_the_headline_and_the_charts(month, open_report):
    page = await open_report(month)
    await expect(page.get_by_role("heading", level=1)).to_have_text("october.csv against PaymentOptions")
    await expect(page.get_by_role("heading", name="137 differences")).to_be_visible()
    await expect(page.get_by_text("can't list them")).to_be_visible()
    for chart in ("By verdict", "Differences by currency", "Differences by day", "How long", "How fast"):
        drawn = page.get_by_role("img", name=chart)
        await expect(drawn).to_be_visible()
        assert await drawn.locator(".bars path").count() > 0
        assert (await drawn.bounding_box())["height"] > 150


async def test_sorting(month, open_report):
    page = await open_report(month)
    button = page.get_by_role("button", name="Ledger", exact=True)
    head = page.locator("th.ledger")
    await expect(head).to_have_attribute("aria-sort", "none")
    await button.click()
    await expect(head).to_have_attribute("aria-sort", "ascending")
    rising = numbers(await texts(page, "ledger"))
    assert len(rising) == 50
    assert rising == sorted(rising)
    await button.click()
    await expect(head).to_have_attribute("aria-sort", "descending")
    falling = numbers(await texts(page, "ledger"))
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > rising[-1]
    await page.get_by_role("button", name="Line", exact=True).click()
    await expect(head).to_have_attribute("aria-sort", "none")
    lines = numbers(await texts(page, "line"))
    assert lines == sorted(lines)


async def test_filtering(month, open_report):
    page = await open_report(month)
    status = page.locator("#status")
    await page.get_by_label("Verdict", exact=True).select_option(label="Other amount")
    await expect(status).to_have_text("1 to 33 of 33 that match.")
    assert all("Other amount" in cell for cell in await texts(page, "verdict"))
    await page.get_by_label("Currency", exact=True).select_option("JPY")
    cells = await texts(page, "ledger")
    assert 0 < len(cells) < 33
    assert all("JPY" in cell for cell in cells)
    await page.get_by_role("button", name="Clear", exact=True).click()
    await expect(status).to_have_text("1 to 50 of 3,223 that match.")
    name = (await texts(page, "payment"))[7].split()[0]
    await page.get_by_label("Text in any column").fill(f"  {name.upper()} ")
    await expect(page.locator(ROWS)).to_have_count(1)
    await page.get_by_label("Text in any column").fill("no such thing")
    await expect(status).to_have_text("Nothing matches.")


async def test_a_tile_shows_its_findings(month, open_report):
    page = await open_report(month)
    await page.get_by_label("Text in any column").fill("no such thing")
    await page.get_by_role("button", name="Charged twice 6").click()
    await expect(page.locator(ROWS)).to_have_count(6)
    await expect(page.locator("#findings")).to_be_focused()
    await expect(page.get_by_label("Verdict", exact=True)).to_have_value("duplicate_at_gateway")
    assert all("also: other refund" in cell for cell in await texts(page, "verdict"))


async def test_turning_pages(month, open_report):
    page = await open_report(month)
    previous, following = page.get_by_role("button", name="Previous"), page.get_by_role("button", name="Next")
    await expect(previous).to_be_disabled()
    seen = await texts(page, "payment")
    await following.click()
    await expect(page.locator("#page")).to_have_text("Page 2 of 65")
    assert not set(seen) & set(await texts(page, "payment"))
    await previous.click()
    assert await texts(page, "payment") == seen
    await page.get_by_label("Verdict", exact=True).select_option(label="Matched")
    for _ in range(ODDS[Verdict.MATCHED] // 50 - 1):
        await following.click()
    await expect(following).to_be_disabled()
    await expect(page.locator("#status")).to_have_text("2,951 to 3,000 of 3,000 that match.")


async def test_by_keyboard_alone(month, open_report):
    page = await open_report(month)
    await page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the findings")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Verdict", exact=True)).to_be_focused()
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    await page.keyboard.type("Twice in")
    await expect(page.locator("#status")).to_have_text("1 to 8 of 8 that match.")
    for _ in range(4):
        await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="Line", exact=True)).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator("th.line")).to_have_attribute("aria-sort", "ascending")
    for _ in range(7):
        await page.keyboard.press("Tab")
    details = page.get_by_role("button", name="Details").first
    await expect(details).to_be_focused()
    await page.keyboard.press("Space")
    await expect(details).to_have_attribute("aria-expanded", "true")
    await expect(page.locator("tr.details")).to_contain_text("line 17 has the same transaction")
    await page.keyboard.press("Space")
    await expect(page.locator("tr.details")).to_have_count(0)


async def test_what_others_wrote_does_nothing(open_report, tmp_path):
    rows = []
    for line, text in enumerate(HOSTILE, 2):
        cells = dict.fromkeys(("reference", "order_name", "transaction_id", "reason", "kind", "gateway_status"), text)
        amount = {"ledger_amount": Decimal(1), "ledger_currency": text, "at": BEGUN, "ledger_status": "approved"}
        rows.append(finding(Verdict.STATUS_MISMATCH, line=line, **cells, **amount))
    ledger = {"kind": "csv", "name": HOSTILE[0]}
    with a_run(tmp_path / "run", rows, ledger=ledger, scope=SCOPE + HOSTILE[1]) as run:
        report = report_of(run)
    page = await open_report(report)
    await expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE[0])
    for button in await page.get_by_role("button", name="Details").all():
        await button.click()
    for text in HOSTILE:
        await expect(page.locator("td.payment .name", has_text=text)).to_have_count(3)
        await expect(page.locator("tr.details dd", has_text=text).first).to_be_visible()
    await page.get_by_label("Currency", exact=True).select_option(HOSTILE[1])
    await expect(page.locator(ROWS)).to_have_count(1)
    assert await page.locator("main img, main script, .chart image").count() == 0
    assert await page.evaluate("window.ran") is None


async def test_the_policy_holds(month, window):
    page = await window.new_page()
    await page.goto(month.page.as_uri())
    blocked = await page.evaluate("""() => new Promise((done) => {
        const found = [];
        addEventListener("securitypolicyviolation", (event) => {
            found.push(event.effectiveDirective);
            if (found.length === 3) done(found.sort());
        });
        document.body.append(Object.assign(document.createElement("script"), { textContent: "window.ran = 1" }));
        document.body.append(Object.assign(new Image(), { src: "https://example.com/x.png" }));
        fetch("https://example.com/").catch(() => {});
    })""")
    assert blocked == ["connect-src", "img-src", "script-src-elem"]
    assert await page.evaluate("window.ran") is None
    await page.close()


async def test_on_paper(month, open_report):
    page = await open_report(month)
    await page.set_viewport_size({"width": 700, "height": 1000})
    await page.emulate_media(media="print", color_scheme="dark")
    await expect(page.locator("#status")).to_have_text("199 of the 3,223 findings here: all but those that agree.")
    await expect(page.locator(ROWS)).to_have_count(199)
    for control in ("#filters", ".pages", ".more", ".skip", "summary"):
        await expect(page.locator(control).first).to_be_hidden()
    for chart in await page.locator(".chart").all():
        await expect(chart.locator(".main-svg").first).to_be_visible()
        box, drawn = await chart.bounding_box(), await chart.locator(".main-svg").first.bounding_box()
        assert drawn["x"] + drawn["width"] <= box["x"] + box["width"] + 1
        assert drawn["height"] <= box["height"] + 1
    assert await page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.emulate_media(media="screen")
    await expect(page.locator(ROWS)).to_have_count(50)


async def test_a_clean_run_says_so(open_report, tmp_path):
    with a_run(tmp_path / "run", [finding(), finding(line=3)], answers=[{}, {}]) as run:
        page = await open_report(report_of(run))
    await expect(page.get_by_role("heading", name="Clean: no differences")).to_be_visible()
    await expect(page.locator(ROWS)).to_have_count(2)
