"""Dispatch over a real Valkey; each test begins with it empty."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A plain client, to look at what stands in Redis."""
    client = Redis.from_url(redis_url, decode_responses=True)
    yield client
    await client.aclose()
