"""Dispatch over a real Valkey; each test begins with it empty."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from corral.dispatch import Dispatch


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client, to look at what stands in Redis."""
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
async def dispatch(redis_url: str) -> AsyncIterator[Dispatch]:
    opened = Dispatch.open(redis_url)
    yield opened
    await opened.close()
