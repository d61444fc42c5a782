from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.worker.system import System, running_system


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running
