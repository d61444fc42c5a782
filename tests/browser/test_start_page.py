"""The start page offers every type: each form at one click, on a desk and on a phone 360 pixels wide."""

import re

import pytest
from playwright.async_api import Page, expect
from tests.browser.accessibility import faults
from tests.browser.conftest import Site
from tests.browser.test_pages import reloaded_until
from tests.browser.windows import Windows

pytestmark = pytest.mark.asyncio(loop_scope="session")

NARROW = 360
FIRST = {
    "Email": "email.send",
    "Notification": "notification.send",
    "Image": "image.process",
    "Report": "report.generate",
}
SYSTEMS = (
    *("Reports", "Providers", "Limits", "Schedules", "Feeds", "Imports", "Areas", "Webhooks"),
    *("Jobs", "Queues", "Types", "Pools", "Workers"),
)
OFFERED = "nodes => nodes.map(node => node.value).filter(name => !/^(rig|test)[.]/.test(name))"


async def width(page: Page) -> int:
    wide: int = await page.evaluate("document.documentElement.scrollWidth")
    return wide


async def phone(windows: Windows, site: Site, *, scripts: bool = True) -> Page:
    page = await windows.open(phone=True, scripts=scripts)
    await page.set_viewport_size({"width": NARROW, "height": 780})
    await site.sign_in(page)
    return page


@pytest.mark.parametrize("narrow", [False, True], ids=["desk", "phone"])
async def test_each_form_submits_a_job_at_one_click_or_says_what_is_missing(
    windows: Windows, site: Site, narrow: bool
):
    page = await (phone(windows, site) if narrow else windows.open())
    if not narrow:
        await site.sign_in(page)
    offered = await page.locator("#type option").evaluate_all(OFFERED)
    assert offered[:4] == list(FIRST.values())
    for name in offered:
        await page.goto(f"/?type={name}")
        assert not narrow or await width(page) <= NARROW, name
        await page.get_by_role("button", name="Submit", exact=True).click()
        if name in ("feed.fetch", "area.measure", "webhook.deliver"):
            # A required field is empty: the browser sends nothing, and the page has said why.
            await expect(page.locator(".obstacles li").first).to_contain_text("here")
            continue
        await expect(page).to_have_url(re.compile("/jobs/"))
        await expect(page.locator("h1")).to_have_text(name)
        await expect(page.locator(".badge").first).to_be_visible()
        assert not narrow or await width(page) <= NARROW, name


async def test_an_image_and_a_report_are_made_of_their_examples(page: Page):
    for kind, made in (("Image", 2), ("Report", 3)):
        await page.goto("/")
        await page.get_by_role("link", name=kind, exact=True).click()
        await expect(page.locator("#type")).to_have_value(FIRST[kind])
        await page.get_by_role("button", name="Submit", exact=True).click()
        await expect(page.locator(".badge.completed")).to_be_visible()
        await expect(page.get_by_role("link", name="Download")).to_have_count(made)
        await expect(page.locator(".pictures img")).to_have_count(made if kind == "Image" else 0)


async def test_no_page_is_wider_than_a_phone(windows: Windows, site: Site):
    page = await phone(windows, site)
    wide = {}
    for name in SYSTEMS:
        await page.get_by_role("link", name=name, exact=True).first.click()
        await expect(page.locator("h1")).to_have_text(name)
        wide[name] = await width(page)
    assert {name: pixels for name, pixels in wide.items() if pixels > NARROW} == {}


async def test_without_scripts_an_example_is_chosen_and_submitted(windows: Windows, site: Site):
    page = await phone(windows, site, scripts=False)
    await page.get_by_role("link", name="Image", exact=True).click()
    await page.get_by_role("button", name="Submit", exact=True).click()
    await expect(page.locator("h1")).to_have_text("image.process")
    await reloaded_until(page, ".badge.completed")


async def test_the_forms_have_no_fault_that_axe_finds(page: Page):
    found = {}
    for name in (*FIRST.values(), "area.fetch", "feed.item", "demo.echo"):
        await page.goto(f"/?type={name}")
        found[name] = await faults(page)
    assert {name: said for name, said in found.items() if said} == {}
