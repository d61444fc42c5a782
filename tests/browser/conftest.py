"""The whole system in processes of its own, and a browser in front of it."""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect
from tests.browser.windows import CHROMIUM, TIMEOUT_SECONDS, Windows
from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.servers.servers import Databases
from tests.fixtures.waiting import START, eventually
from tests.integration.publisher.conftest import Publisher
from tests.integration.worker.system import System

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.actions.access.sign_in import SignIn
from corral.settings import Settings
from corral.store import Store
from corral_local.servers.valkey import EmbeddedValkey

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all tests; each test has windows of its own in it."""
    if CHROMIUM is None:
        pytest.fail("these tests need Chromium (Debian: apt install chromium)")
    expect.set_options(timeout=1000 * TIMEOUT_SECONDS)
    # The thread in which the loop looks up names and writes files is the session's, not that of a test that needs it.
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(1))
    await loop.run_in_executor(None, str)
    async with async_playwright() as playwright:
        # The kernel may grant no namespaces to root, and Chromium's sandbox is not what is tested.
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=False, timeout=1000 * START
        )
        yield browser
        await browser.close()


class Site:
    """A publisher and a worker on a database of their own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.publisher = Publisher(settings, folder, CORRAL_MAINTENANCE_ENABLED="true")
        self.publisher.wait_until_ready()
        environment = programs.environment(
            database_url=settings.database_url,
            redis_url=settings.redis_url,
            log_format="json",
            metrics_port=0,
            worker_name="stable",
        )
        self.worker = Process("corral_worker", environment=environment, log=folder / "worker.log")
        eventually(lambda: self.worker.said("worker.ready"), timeout=START)

    async def key(self, role: Role) -> str:
        store = Store.open(self.settings.database_url, pool_size=1)
        key, _ = await KeyActions(store).create(role.value, role, actor="test")
        await store.close()
        return key

    async def link(self, name: str, role: Role) -> str:
        store = Store.open(self.settings.database_url, pool_size=1)
        link = await SignIn(store).create_link(name, role)
        await store.close()
        return f"/sign-in/{link}"

    async def sign_in(self, page: Page) -> None:
        """As ann, an admin, by a link."""
        await page.goto(await self.link("ann", Role.ADMIN))
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#submit-title")).to_be_visible()

    def stop(self) -> None:
        self.worker.kill()
        self.publisher.kill()


@pytest.fixture(scope="session")
def site(
    databases: Databases,
    migrated_template: str,
    valkey_server: EmbeddedValkey,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with databases.copy(migrated_template) as url:
        settings = Settings(database_url=url, redis_url=valkey_server.url)
        asyncio.run(_register(settings, folder))
        running = Site(settings, folder)
        yield running
        running.stop()


async def _register(settings: Settings, folder: Path) -> None:
    system = System(settings.database_url, settings.redis_url, folder)
    await system.register_types()
    await system.close()


@pytest_asyncio.fixture(loop_scope="session")
async def windows(chromium: Browser, site: Site, request: pytest.FixtureRequest) -> AsyncIterator[Windows]:
    """Opens windows. None of them may have complained in its console, unless the test has looked itself."""
    opened = Windows(chromium, site.publisher.url)
    yield opened
    complaints = opened.complaints()
    await opened.close(request.node, failed=bool(complaints) or request.node.stash[FAILED])
    assert complaints == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(windows: Windows, site: Site) -> Page:
    """A window in which ann, an admin, is signed in."""
    page = await windows.open()
    await site.sign_in(page)
    return page
