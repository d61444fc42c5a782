"""The one object through which everything else speaks to Redis."""

from typing import Self

from redis.asyncio import Redis

from corral.dispatch.connection import connect
from corral.dispatch.lanes import Lanes


class Dispatch(Lanes):
    """One process' connections to Redis. Nothing connects before it is used."""

    def __init__(self, redis: Redis, blocking: Redis) -> None:
        super().__init__(redis, blocking)

    @classmethod
    def open(cls, url: str) -> Self:
        """A dispatch for `url`; close it in the event loop that used it."""
        return cls(connect(url), connect(url, answer_seconds=None, connections=2))

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()
        await self._blocking.aclose()
