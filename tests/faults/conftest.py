"""Fixtures of the faults: servers that may be hurt, a system on them, and chance that can be repeated."""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.faults.servers import Servers
from tests.faults.system import System
from tests.fixtures.servers.proxy import Proxy

from corral.catalog import Catalog
from corral.catalog.record import declaration_of


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Conditions have deadlines of their own here; this one is for what hangs."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def servers(server_folder: Path) -> Iterator[Servers]:
    """One pair per test process; a test may do to them what it wants."""
    servers = Servers(server_folder)
    servers.start()
    yield servers
    servers.stop()


@pytest.fixture
def system(servers: Servers, server_folder: Path) -> Iterator[System]:
    """A system without processes yet, its job types registered."""
    servers.make_whole()
    folder = server_folder / f"system-{uuid4().hex}"
    folder.mkdir()
    with servers.database() as url:
        system = System(folder, servers, url)
        catalog = Catalog.load(["tests.faults.jobs"])
        records, limits = catalog.records(), [declaration_of(one) for one in catalog.limits.values()]
        system.client.call(lambda engine: engine.store.registration.register(records, limits=limits))
        try:
            yield system
        finally:
            servers.make_whole()
            system.close()
            for part in system.parts:  # shown where the test failed
                sys.stdout.write(f"-- {part.name}\n{part.tail(40)}\n")


@pytest.fixture
def chance() -> random.Random:
    """Says its seed; FAULTS_SEED repeats a run."""
    seed = int(os.environ.get("FAULTS_SEED") or random.SystemRandom().randrange(2**32))
    sys.stdout.write(f"FAULTS_SEED={seed}\n")
    return random.Random(seed)


@pytest.fixture
def postgres(system: System) -> Iterator[Proxy]:
    """A way to Postgres that can be broken."""
    with Proxy(system.client.database_url) as proxy:
        yield proxy


@pytest.fixture
def redis(system: System) -> Iterator[Proxy]:
    """A way to Redis that can be broken."""
    with Proxy(system.servers.valkey.url) as proxy:
        yield proxy
