"""How processes of workers ended, as whoever started them saw it: told to the leader, which takes their jobs back.

A hint like everything in Redis: where it is missing, a lost worker is lost without a reason.
"""

from redis.asyncio import Redis

from corral.dispatch import key_names
from corral.dispatch.connection import answering

KEPT_SECONDS = 600
"""Seconds for which an exit is kept: much longer than a lease, so its worker was taken for lost by then."""
GAVE_BACK = frozenset({0, 2, 75})
"""Exit codes of workers that gave their jobs back, about which nothing has to be reported. Source: docs/reference/worker.md."""
MOST_KEPT = 10
"""Exits that are kept for one worker's name: a worker may die again and again."""


class Exits:
    """How worker processes ended, by the worker's name, until the leader has asked for it."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def tell(self, worker: str, how: str) -> None:
        """Say how the process of a worker ended: `its process ended with exit code 3`.

        Raises:
            Unavailable: Redis is away; nobody will know.
        """
        async with answering(), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.rpush(key_names.EXITS + worker, how)
            pipeline.ltrim(key_names.EXITS + worker, -MOST_KEPT, -1)
            pipeline.expire(key_names.EXITS + worker, KEPT_SECONDS)
            await pipeline.execute()

    async def of(self, worker: str) -> str | None:
        """How the process of that name ended first that is not forgotten yet; None where nobody told.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            found = await self._redis.lindex(key_names.EXITS + worker, 0)
        return found.decode(errors="replace") if isinstance(found, bytes) else found

    async def forget(self, worker: str) -> None:
        """Forget what `of` answered: it was told. The next process of that name ends for its own reasons.

        Raises:
            Unavailable: Redis is away; it expires.
        """
        async with answering():
            await self._redis.lpop(key_names.EXITS + worker)
