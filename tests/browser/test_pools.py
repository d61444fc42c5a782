"""Pools and loads in a real browser: they move by themselves, nothing jumps, and a load is watched to its end."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.browser.conftest import Site
from tests.browser.test_pages import axe
from tests.browser.webdriver import Browser, Driver
from tests.fixtures.waiting import eventually
from tests.integration.publisher.telling import decision, status

from corral.actions.principal import Role
from corral.dispatch import Dispatch
from corral.scaling.decision_record import ScalingDecision
from corral.scaling.pool_status import PoolStatus

CONDITIONS = ("Limited", "SignalLost")
LONG = "8 → 14: " + "a reason that is told in so many words that it takes a line more than usual " * 2


def tell(site: Site, told: PoolStatus, *decisions: ScalingDecision) -> None:
    async def speak() -> None:
        dispatch = Dispatch.open(site.settings.redis_url)
        for one in decisions:
            await dispatch.pools.record(one)
        await dispatch.pools.report(told)
        await dispatch.close()

    asyncio.run(speak())


def on_a_phone(window: Browser) -> None:
    metrics = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    command = {"cmd": "Emulation.setDeviceMetricsOverride", "params": metrics}
    window.call("POST", "/goog/cdp/execute", command)


def shown(browser: Browser, css: str, text: str) -> None:
    eventually(lambda: [one for one in browser.all(css) if text in one.text], ignoring=(RuntimeError,))


def test_a_pool_moves_without_a_reload_and_moves_nothing_else(browser: Browser, site: Site):
    tell(site, status(ready=2, desired=2, reason="2 kept: nothing to do"), decision(1, 2))
    browser.open("/")
    shown(browser, "#pool-io .reason", "2 kept: nothing to do")
    browser.script("window.still = true")
    places = "return ['#load-title', '#pools-title', '#pool-io .chart', '#recent-title'].map(css => document.querySelector(css).getBoundingClientRect().top)"
    before = browser.script(places)
    tell(site, status(ready=3, desired=9, reason=LONG, conditions=CONDITIONS), decision(2, 9), decision(9, 3))
    shown(browser, "#pool-io .workers", "3")
    shown(browser, "#pool-io .desired", "9 of 0 to 20")
    shown(browser, "#pool-io .decisions", "2 → 9: 910 queued")
    shown(browser, "#pool-io .badge", "at its maximum")
    assert len(browser.all("#pool-io .mark.up")) >= 2
    assert browser.script(places) == before
    assert browser.script("return window.still") is True
    shown(browser, "#pool-io .badge", "silent; last told")


@pytest.mark.parametrize("path", ["/pools", "/pools/io"])
def test_the_pages_of_pools_move_too(browser: Browser, site: Site, path: str):
    tell(site, status(reason="7 kept: at first"))
    browser.open(path)
    shown(browser, "#pool-io .reason", "7 kept: at first")
    browser.script("window.still = true")
    tell(site, status(reason="7 → 5: and then"), decision(7, 5))
    shown(browser, "#pool-io .reason", "7 → 5: and then")
    shown(browser, "#pool-io .decisions", "7 → 5: 910 queued")
    assert browser.script("return window.still") is True


def test_a_load_is_started_and_watched(browser: Browser, site: Site):
    tell(site, status())
    browser.open("/")
    browser.choose("#load-kind", "mixed: mostly echo")
    for name, value in (("count", "50"), ("seconds", "0.2"), ("over", "0.5")):
        field = browser.one(f"#load-{name}")
        field.clear()
        field.type(value)
    browser.one(".panel details summary")
    told = browser.script("return JSON.parse(document.querySelector('[data-load-body]').textContent)")
    assert (told["count"], told["over"]) == (50, 0.5)
    assert told["mix"]["demo.sleep"] == {"share": 18, "payload": {"seconds": 0.2}}
    browser.button("Start the load").click()
    browser.one(".note")
    assert browser.script("return document.querySelector('#load-count').value") == "50"
    browser.button("see its jobs").click()
    browser.one("#state")
    assert browser.script("return document.querySelector('#tag').value").startswith("load:")

    def ended() -> bool:
        states: list[Any] = [badge.text for badge in browser.all("tbody .badge")]
        return len(states) == 30 and set(states) == {"completed"}

    eventually(ended, timeout=60, ignoring=(RuntimeError,))


def test_the_form_of_a_load_works_by_keyboard_alone(browser: Browser):
    browser.open("/")
    browser.one("#load-kind")
    browser.script("document.querySelector('#load-kind').focus()")
    browser.keys("\ue004", *"\ue009a\ue000", "3")
    assert browser.script("return document.activeElement.id") == "load-count"
    reached = []
    for _ in range(4):
        browser.keys("\ue004")
        reached.append(
            browser.script("const one = document.activeElement; return one.id || one.textContent.trim()")
        )
    assert reached == ["load-seconds", "load-over", "Start the load", "The same with curl"]
    browser.keys("\ue007")
    assert "curl http" in browser.one("pre").text


def test_without_scripts_a_load_is_started_and_pools_are_read(driver: Driver, site: Site, tmp_path: Path):
    tell(site, status(reason="7 kept: read me"), decision(6, 7))
    with driver.browser(site.publisher.url, tmp_path, scripts=False) as window:
        window.open(site.link("ann", Role.ADMIN))
        window.button("Sign in").click()
        shown(window, "#pool-io .reason", "7 kept: read me")
        assert window.all("#pool-io path.ready")
        field = window.one("#load-count")
        field.clear()
        field.type("5")
        window.button("Start the load").click()
        window.one(".note")
        window.open("/pools/io")
        shown(window, "td.explained", "6 → 7: 910 queued")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desk", "phone"])
def test_pages_with_pools_have_no_fault_and_fit(
    driver: Driver, site: Site, tmp_path: Path, dark: bool, phone: bool
):
    tell(site, status(conditions=CONDITIONS, reason=LONG), decision(3, 8, conditions=CONDITIONS))
    with driver.browser(site.publisher.url, tmp_path, dark=dark) as window:
        if phone:
            on_a_phone(window)
        window.open(site.link("ann", Role.ADMIN))
        window.button("Sign in").click()
        window.one("#pool-io")
        faults = {}
        for path in (
            "/",
            "/?kind=mixed&load=01a201a3-f138-70e0-b8f9-a6b888005e02",
            "/pools",
            "/pools/io",
            "/queues",
        ):
            window.open(path)
            window.one("h1")
            faults[path] = axe(window)
            wide = window.script("return document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, path
    assert {path: found for path, found in faults.items() if found} == {}
