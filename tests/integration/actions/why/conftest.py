"""A system that nothing runs in yet, and who explains and lifts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.worker.system import System, running_system

from corral.actions.jobs import JobActions
from corral.actions.queues import QueueActions
from corral.actions.submissions.type_cache import TypeCache
from corral.actions.why.why import Why


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        await running.register_types()
        yield running


@pytest.fixture
def why(system: System) -> Why:
    return Why(system.store, system.dispatch, TypeCache(system.store))


@pytest.fixture
def queues(system: System) -> QueueActions:
    return QueueActions(system.store, system.dispatch)


@pytest.fixture
def jobs(system: System) -> JobActions:
    return JobActions(system.store, system.dispatch)
