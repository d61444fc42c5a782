"""Pools and loads in a real browser: they move by themselves, nothing jumps, and a load is watched to its end."""

import json
import re

import pytest
from playwright.async_api import Page, expect
from tests.browser.accessibility import faults
from tests.browser.conftest import Site
from tests.browser.windows import Windows
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.pools.telling import decision, status

from corral.dispatch import Dispatch
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool_status import PoolStatus

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONDITIONS = ("Limited", "SignalLost")
LONG = "8 → 14: " + "a reason that is told in so many words that it takes a line more than usual " * 2
PLACES = """['#load-title', '#pools-title', '#pool-io .chart', '#recent-title']
    .map(css => document.querySelector(css).getBoundingClientRect().top)"""


async def tell(site: Site, told: PoolStatus, *decisions: ScalingDecision) -> None:
    dispatch = Dispatch.open(site.settings.redis_url)
    for one in decisions:
        await dispatch.pools.record(one)
    await dispatch.pools.report(told)
    await dispatch.close()


async def read(page: Page, css: str, text: str) -> None:
    """Open the start page until it has this: it may show what was read a second before, and one report is told once."""

    async def found() -> bool:
        await page.goto("/")
        return await page.locator(css).filter(has_text=text).count() > 0

    await eventually_async(found)


async def shown(page: Page, css: str, text: str) -> None:
    """Wait until one of these elements has this text in it."""
    await expect(page.locator(css).filter(has_text=text).first).to_be_visible()


async def test_a_pool_moves_without_a_reload_and_moves_nothing_else(page: Page, site: Site):
    await tell(site, status(ready=2, desired=2, reason="Keeping 2: nothing to do"), decision(1, 2))
    await page.goto("/")
    await shown(page, "#pool-io .reason", "Keeping 2: nothing to do")
    await page.evaluate("window.still = true")
    before = await page.evaluate(PLACES)
    told = status(ready=3, desired=9, reason=LONG, conditions=CONDITIONS)
    await tell(site, told, decision(2, 9), decision(9, 3))
    await expect(page.locator("#pool-io .workers")).to_have_text("3")
    await expect(page.locator("#pool-io .desired")).to_have_text("9 within 0 to 20")
    await shown(page, "#pool-io .decisions", "2 → 9: 910 queued")
    await shown(page, "#pool-io .badge", "at its maximum")
    assert await page.locator("#pool-io .mark.up").count() >= 2
    assert await page.evaluate(PLACES) == before
    assert await page.evaluate("window.still") is True
    await shown(page, "#pool-io .badge", "no reports; the last came")


@pytest.mark.parametrize("path", ["/pools", "/pools/io"])
async def test_the_pages_of_pools_move_too(page: Page, site: Site, path: str):
    await tell(site, status(reason="Keeping 7: at first"))
    await page.goto(path)
    await shown(page, "#pool-io .reason", "Keeping 7: at first")
    await page.evaluate("window.still = true")
    await tell(site, status(reason="7 → 5: and then"), decision(7, 5))
    await shown(page, "#pool-io .reason", "7 → 5: and then")
    await shown(page, "#pool-io .decisions", "7 → 5: 910 queued")
    assert await page.evaluate("window.still") is True


async def test_a_load_is_started_and_watched(page: Page, site: Site):
    await tell(site, status())
    await page.goto("/")
    await page.locator("#load-kind").select_option(label="mixed: mostly echo")
    for name, value in (("count", "50"), ("seconds", "0.2"), ("over", "0.5")):
        await page.locator(f"#load-{name}").fill(value)
    told = json.loads(await page.locator("[data-load-body]").text_content() or "")
    assert (told["count"], told["over"]) == (50, 0.5)
    assert told["mix"]["demo.sleep"] == {"share": 18, "payload": {"seconds": 0.2}}
    await page.get_by_role("button", name="Start the load").click()
    await expect(page.locator(".note")).to_be_visible()
    await expect(page.locator("#load-count")).to_have_value("50")
    await page.get_by_role("link", name="see its jobs").click()
    await expect(page.locator("#tag")).to_have_value(re.compile("^load:"))
    await expect(page.locator("tbody .badge")).to_have_text(["completed"] * 30)


async def test_the_form_of_a_load_works_by_keyboard_alone(page: Page):
    await page.goto("/")
    await page.locator("#load-kind").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.press("3")
    await expect(page.locator("#load-count")).to_be_focused()
    await expect(page.locator("#load-count")).to_have_value("3")
    reached = []
    for _ in range(4):
        await page.keyboard.press("Tab")
        reached.append(
            await page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")
        )
    assert reached == ["load-seconds", "load-over", "Start the load", "The same with curl"]
    await page.keyboard.press("Enter")
    await expect(page.locator("pre")).to_be_visible()
    await expect(page.locator("pre")).to_contain_text("curl http")


async def test_without_scripts_a_load_is_started_and_pools_are_read(windows: Windows, site: Site):
    await tell(site, status(reason="Keeping 7: read me"), decision(6, 7))
    page = await windows.open(scripts=False)
    await site.sign_in(page)
    await read(page, "#pool-io .reason", "Keeping 7: read me")
    assert await page.locator("#pool-io path.ready").count()
    await page.locator("#load-count").fill("5")
    await page.get_by_role("button", name="Start the load").click()
    await expect(page.locator(".note")).to_be_visible()
    await page.goto("/pools/io")
    await shown(page, "td.explained", "6 → 7: 910 queued")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
async def test_pages_with_pools_have_no_fault_and_fit(windows: Windows, site: Site, dark: bool, phone: bool):
    await tell(site, status(conditions=CONDITIONS, reason=LONG), decision(3, 8, conditions=CONDITIONS))
    page = await windows.open(dark=dark, phone=phone)
    await site.sign_in(page)
    await read(page, "#pool-io .reason", LONG[:30])
    found = {}
    for path in (
        "/",
        "/?kind=mixed&load=01a201a3-f138-70e0-b8f9-a6b888005e02",
        "/pools",
        "/pools/io",
        "/queues",
    ):
        await page.goto(path)
        await expect(page.locator("h1")).to_be_attached()
        found[path] = await faults(page)
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, path
    assert {path: said for path, said in found.items() if said} == {}
