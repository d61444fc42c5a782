"""Trying out whether Redis does what dispatching needs: reading alone says nothing of a replica, or of a full one."""

from typing import Final

from redis.asyncio import Redis

from corral.dispatch.connection import answering
from corral.dispatch.scripts import Script, ScriptEffect

_TRIAL = Script("trial", ScriptEffect.FILLS)
NAME: Final = "~trial"
"""The name of the queue that the trial uses; no real queue can have it."""


class Trial:
    """Tries whether Redis takes what the service writes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def run(self, seconds: float) -> None:
        """Do what handing a job to a worker needs, and leave nothing of it.

        Raises:
            Unavailable: Redis is away, does not answer within so many seconds, or takes no writes; says why.
        """
        async with answering(seconds):
            await _TRIAL.run(self._redis, [NAME])
