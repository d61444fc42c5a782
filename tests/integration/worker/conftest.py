import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.worker.system import System, running_system


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
