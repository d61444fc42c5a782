"""The document `corral:backlog`: written by the leader, read by whoever scales workers."""

from collections.abc import Mapping

import orjson
import structlog
from redis.asyncio import Redis

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import answering, text_of
from corral.dispatch.scripts import Script, ScriptEffect
from corral.scaling.signal import QueueSignal, Signal
from corral.scaling.worker_signal import WorkerSignal

log = structlog.get_logger(__name__)

_DEMAND = Script("demand", ScriptEffect.FILLS)
LONGEST_DEMAND = 20_000
"""The most jobs that are told to other autoscalers: no pool has more slots."""


class BacklogSignal:
    """Writes and reads the signal about the backlog, in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def write(self, signal: Signal, at_least: Mapping[str, int] | None = None) -> None:
        """Replace the signal, and the lists whose lengths say the same to other autoscalers.

        `at_least`: per queue, how long its list is even where the signal asks for less.

        Raises:
            Unavailable: Redis is away.
        """
        document = orjson.dumps(signal, default=_plain)
        least = at_least or {}
        lengths = (
            part
            for name, queue in signal.queues.items()
            for part in (name, min(LONGEST_DEMAND, max(demand_of(queue), least.get(name, 0))))
        )
        async with answering():
            await self._redis.set(key_names.BACKLOG, document)
            await _DEMAND.run(self._redis, [key_names.DEMAND, *lengths])

    async def read(self) -> Signal | None:
        """The signal; None where there is none, or none that can be read: lost, never zero.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            text = await self._redis.get(key_names.BACKLOG)
        if text is None:
            return None
        try:
            document = orjson.loads(text)
            queues = {name: QueueSignal.of(given) for name, given in document["queues"].items()}
            workers = {name: WorkerSignal.of(given) for name, given in document.get("workers", {}).items()}
            return Signal(int(document["sequence"]), queues, float(document.get("at", 0.0)), workers)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            metrics.SWALLOWED.labels("backlog.read").inc()
            log.warning("backlog.unreadable", error=repr(error))
            return None

    async def arrivals(self) -> dict[str, int]:
        """How many entries were ever queued, by queue; begins anew after a wipe.

        Raises:
            Unavailable: Redis is away.
        """
        return await self._counts(key_names.ARRIVALS)

    async def limited_arrivals(self) -> dict[str, int]:
        """How many jobs that take of limits ever became due, by queue; begins anew after a wipe.

        Raises:
            Unavailable: Redis is away.
        """
        return await self._counts(key_names.LIMITED_ARRIVALS)

    async def _counts(self, key: str) -> dict[str, int]:
        async with answering():
            found = await self._redis.hgetall(key)
        return {text_of(queue): int(count) for queue, count in found.items()}


def demand_of(queue: QueueSignal) -> int:
    """Jobs of a queue that want a slot: those that run keep theirs; what is paused asks for no more."""
    return queue.running + (0 if queue.paused else queue.queued + queue.due_soon)


def _plain(value: object) -> object:
    """What JSON has for a value: it knows dataclasses, of mappings only dict, and no infinity, which becomes null."""
    match value:
        case Mapping():
            return dict(value)
        case frozenset():
            return sorted(value)
        case _:
            raise TypeError(f"{type(value).__name__} is nothing that the signal holds")
