import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import orjson
import pytest
from tests.fixtures.local_system import own_port
from tests.integration.worker.system import System, running_system

Get = Callable[[str], Awaitable[tuple[int, dict]]]


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running


@pytest.fixture
def free_port() -> int:
    return own_port()


@pytest.fixture
def get(free_port: int) -> Get:
    """Ask the worker's health."""

    def fetch(path: str) -> tuple[int, dict]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{free_port}{path}", timeout=60) as answer:
                return answer.status, orjson.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, orjson.loads(error.read())

    async def ask(path: str) -> tuple[int, dict]:
        return await asyncio.to_thread(fetch, path)

    return ask
