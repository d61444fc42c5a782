"""Hints: what Redis says to save time. Postgres has the truth about each of them."""

import json
from collections.abc import Iterable
from uuid import UUID

from redis.asyncio import Redis
from rq.command import PUBSUB_CHANNEL_TEMPLATE

from corral.dispatch import key_names
from corral.dispatch.connection import ANSWER_SECONDS, answering
from corral.dispatch.scripts import Script, ScriptEffect

_UNPAUSE = Script("unpause", ScriptEffect.FREES)
PROMOTER_SLEEP_SECONDS = 1.0
"""Seconds between two looks of the promoter: it hears of anything that is due later without a hint."""
_DUE_TOKEN_MS = 5000
"""Longer than the promoter's longest sleep: a token nobody takes must not wake a later leader for nothing."""


class Hints:
    """Hints in Redis that save work: paused queues, earlier due times, and cancels on their way."""

    def __init__(self, redis: Redis, blocking: Redis) -> None:
        self._redis = redis
        self._blocking = blocking

    async def pause(self, queues: Iterable[str], seconds: float) -> None:
        """Have workers pass over these queues for `seconds`; the leader renews it while the pause lasts.

        Raises:
            Unavailable: Redis is away; claims refuse the jobs all the same.
        """
        async with answering(), self._redis.pipeline(transaction=False) as pipeline:
            for queue in queues:
                pipeline.set(key_names.PAUSED + queue, 1, px=round(seconds * 1000))
            await pipeline.execute()

    async def unpause(self, queues: Iterable[str]) -> None:
        """Have workers look at these queues again, and wake some for what waits there.

        Raises:
            Unavailable: Redis is away; the hint expires.
        """
        async with answering():
            await _UNPAUSE.run(self._redis, list(queues))

    async def suspended(self) -> bool:
        """Whether `rq suspend` holds all workers.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            return bool(await self._redis.exists(key_names.SUSPENDED))

    async def due_in(self, seconds: float) -> None:
        """Say that something will be due in `seconds`; wakes the promoter if it may oversleep that.

        Raises:
            Unavailable: Redis is away; the promoter looks once a second all the same.
        """
        if seconds >= PROMOTER_SLEEP_SECONDS:
            return
        async with answering(), self._redis.pipeline(transaction=False) as pipeline:
            pipeline.rpush(key_names.DUE, 1)
            pipeline.ltrim(key_names.DUE, 0, 0)
            pipeline.pexpire(key_names.DUE, _DUE_TOKEN_MS)
            await pipeline.execute()

    async def wait_due(self, timeout: float) -> bool:  # noqa: ASYNC109 - Redis does the waiting
        """Sleep until something is due earlier, or `timeout` seconds; answers whether it was woken.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering(timeout + ANSWER_SECONDS):
            return await self._blocking.blpop([key_names.DUE], timeout=timeout) is not None

    async def cancel(self, worker: str, ids: Iterable[UUID]) -> None:
        """Tell a worker through RQ's command channel to stop these jobs; the heartbeat tells it too.

        Raises:
            Unavailable: Redis is away; the heartbeat tells it within its period.
        """
        async with answering(), self._redis.pipeline(transaction=False) as pipeline:
            for job in ids:
                command = json.dumps({"command": "stop-job", "job_id": str(job)})
                pipeline.publish(PUBSUB_CHANNEL_TEMPLATE % worker, command)
            await pipeline.execute()
