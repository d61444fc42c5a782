"""The whole system in processes of its own, and a browser in front of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.browser.webdriver import Browser, Driver, available
from tests.fixtures.servers import _database
from tests.fixtures.waiting import eventually
from tests.integration.publisher.conftest import Publisher, free_port
from tests.integration.worker.system import System, WorkerProcess

from corral.actions.api_keys import KeyActions
from corral.actions.principal import Role
from corral.actions.sign_in import SignIn
from corral.settings import Settings
from corral.store import Store
from corral_local.postgres import EmbeddedPostgres
from corral_local.valkey import EmbeddedValkey

TIMEOUT = 60


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    if not available():
        pytest.fail("these tests need chromium and chromedriver (Debian: chromium, chromium-driver)")
    running = Driver(free_port())
    yield running
    running.stop()


class Site:
    """A publisher and a worker on a database of their own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.publisher = Publisher(settings, CORRAL_MAINTENANCE_ENABLED="true")
        self.publisher.wait_until_ready()
        environment = {
            "CORRAL_DATABASE_URL": settings.database_url,
            "CORRAL_REDIS_URL": settings.redis_url,
            "CORRAL_LOG_FORMAT": "json",
            "CORRAL_METRICS_PORT": "0",
            "CORRAL_WORKER_NAME": "stable",
        }
        self.worker = WorkerProcess(environment, folder / "worker.log", "corral_worker")
        eventually(lambda: self.worker.events("worker.ready"), timeout=60)

    def key(self, role: Role) -> str:
        async def make() -> str:
            store = Store.open(self.settings.database_url, pool_size=1)
            key, _ = await KeyActions(store).create(role.value, role, actor="test")
            await store.close()
            return key

        return asyncio.run(make())

    def link(self, name: str, role: Role) -> str:
        async def make() -> str:
            store = Store.open(self.settings.database_url, pool_size=1)
            link = await SignIn(store).create_link(name, role)
            await store.close()
            return f"/sign-in/{link}"

        return asyncio.run(make())

    def stop(self) -> None:
        self.worker.kill()
        self.publisher.stop()


@pytest.fixture(scope="session")
def site(
    postgres_server: EmbeddedPostgres,
    valkey_server: EmbeddedValkey,
    migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    for url in _database(postgres_server, template=migrated_template):
        settings = Settings(database_url=url, redis_url=valkey_server.url)
        asyncio.run(_register(settings, folder))
        running = Site(settings, folder)
        yield running
        running.stop()


async def _register(settings: Settings, folder: Path) -> None:
    system = System(settings.database_url, settings.redis_url, folder)
    await system.register_types()
    await system.close()


@pytest.fixture
def browser(driver: Driver, site: Site, tmp_path: Path) -> Iterator[Browser]:
    """A window in which ann, an admin, is signed in."""
    with driver.browser(site.publisher.url, tmp_path) as window:
        window.open(site.link("ann", Role.ADMIN))
        window.button("Sign in").click()
        window.one("#submit-title")
        yield window
        assert window.console() == []
