"""What callers of the API have asked lately, counted for all publisher processes together."""

from dataclasses import dataclass

from redis.asyncio import Redis

from corral.dispatch.connection import answering
from corral.dispatch.scripts import Script, ScriptEffect
from corral.settings.caller_rate import CallerRate

_TAKE = Script("take_caller_rate", ScriptEffect.FILLS)
TAKE_SECONDS = 0.25
"""Seconds that a request waits for Redis at most."""
MOST_AT_ONCE = 10_000
"""The largest take: a bulk of so many jobs."""


@dataclass(frozen=True, slots=True)
class CallerTake:
    """What became of a take."""

    allowed: bool
    left: int
    """How many more there is room for now."""
    seconds: float
    """Until there is room for all again; of one that is refused, until there is room for one."""


class CallerRates:
    """What callers have taken. It lies in Redis alone: a wipe lets each begin anew."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def take(self, name: str, caller: str, rate: CallerRate, cost: int) -> CallerTake:
        """Take `cost` of a caller's rate, in one round trip. Two rates of one caller have different names.

        Raises:
            Unavailable: Redis is away, and it may have been taken.
        """
        arguments: list[bytes | str | int] = [
            f"{name}:{caller}",
            rate.count,
            repr(rate.seconds * 1000),
            cost,
            MOST_AT_ONCE,
        ]
        async with answering(TAKE_SECONDS):
            allowed, left, milliseconds = await _TAKE.run(self._redis, arguments)
        return CallerTake(bool(allowed), int(left), int(milliseconds) / 1000)
