"""The pages of limits in a real browser: all can be read, and what is set for a key is set and taken back there."""

import pytest
from playwright.async_api import Page, expect
from tests.browser.accessibility import faults
from tests.browser.conftest import Site
from tests.browser.windows import Windows

from corral.catalog import Limit
from corral.catalog.record import declaration_of
from corral.store import Store

pytestmark = pytest.mark.asyncio(loop_scope="session")

CUSTOMERS = Limit("page-customers", each=2, total=100, by="customer", weights={"acme": 3})
LONG = "k" * 300
CUT = """() => [...document.querySelectorAll("dd, td.key")].filter(one => one.scrollWidth > one.clientWidth)
    .map(one => one.textContent.trim())"""


@pytest.fixture
async def limit(site: Site) -> str:
    store = Store.open(site.settings.database_url, pool_size=1)
    await store.limits.register([declaration_of(CUSTOMERS)])
    await store.close()
    return f"/limits/{CUSTOMERS.name}"


async def _set_each(page: Page, key: str, each: str) -> None:
    form = page.get_by_role("region", name="Set for one key")
    await form.get_by_label("Key").fill(key)
    await form.get_by_label("each").fill(each)
    await form.get_by_label("Reason").fill("they bought more")
    await form.get_by_role("button", name="Set").click()


@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_values_of_keys_are_set_read_and_taken_back(
    windows: Windows, site: Site, limit: str, *, phone: bool
):
    page = await windows.open(phone=phone)
    await site.sign_in(page)
    await page.goto(limit)
    for key in ("acme", " ", LONG):
        await _set_each(page, key, "10")
    keys = page.get_by_role("region", name="Keys")
    await expect(keys.get_by_text("3 keys have values of their own")).to_be_visible()
    await expect(keys.get_by_text("they bought more")).to_have_count(3)
    assert await page.evaluate(CUT) == []
    wide = await page.evaluate(
        "[...document.querySelectorAll('.scroll')].some(one => one.scrollWidth > one.clientWidth)"
    )
    assert phone or not wide, "a long key hides no column"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await faults(page) == []
    for left in (2, 1, 0):
        await keys.get_by_role("button", name="Take back").first.click()
        await expect(keys.get_by_role("button", name="Take back")).to_have_count(left)


async def test_weights_are_set_and_a_pause_says_why(page: Page, limit: str):
    await page.goto(limit)
    whole = page.get_by_role("region", name="Set for the whole limit")
    await whole.get_by_label("weights").fill('{"zeta": 5}')
    await whole.get_by_role("button", name="Set").click()
    now = page.get_by_role("region", name="Now")
    await expect(now.get_by_text("weights zeta: 5")).to_be_visible()
    await page.get_by_label("Why").fill("it moves")
    await page.get_by_role("button", name="Pause", exact=True).click()
    await expect(now.get_by_text("paused by ann")).to_contain_text("it moves")
    await page.get_by_role("button", name="Resume").click()
    await page.get_by_role("button", name="Take back what was set").click()
    await expect(now.get_by_text("weights acme: 3")).to_be_visible()
    await expect(now.get_by_text("paused")).to_have_count(0)
