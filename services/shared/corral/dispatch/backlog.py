"""The document `corral:backlog`: written by the leader, read by whoever scales workers."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
import structlog
from redis.asyncio import Redis

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import answering, text_of
from corral.dispatch.scripts import Script, ScriptEffect
from corral.job.lane import Lane
from corral.scaling.signal import QueueSignal, Signal
from corral.scaling.worker_signal import WorkerSignal

log = structlog.get_logger(__name__)

_COUNTS = Script("read_counts", ScriptEffect.READS)
_DEMAND = Script("demand", ScriptEffect.FILLS)
LONGEST_DEMAND = 20_000
"""The most jobs that are told to other autoscalers: no pool has more slots."""


class RedisCounts(NamedTuple):
    """What Redis counts, by queue. What ever arrived begins anew after a wipe."""

    waiting: Mapping[str, int]
    """Entries that no worker has claimed."""
    arrived: Mapping[str, int]
    """Entries that were ever queued."""
    limited_arrived: Mapping[str, int]
    """Jobs that take of limits and ever became due."""


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
            await _DEMAND.run(self._redis, [document, *lengths])

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

    async def counts(self) -> RedisCounts:
        """What Redis counts, at one moment.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            lanes, arrived, limited = await _COUNTS.run(self._redis, [])
        waiting: dict[str, int] = {}
        for name, listed, _, parked, _ in lanes:
            try:
                queue = Lane.parse(text_of(name)).queue
            except ValueError:  # another program's
                continue
            waiting[queue] = waiting.get(queue, 0) + listed + parked
        return RedisCounts(waiting, _by_queue(arrived), _by_queue(limited))


def _by_queue(answer: Sequence[bytes]) -> dict[str, int]:
    return {text_of(queue): int(count) for queue, count in zip(answer[::2], answer[1::2], strict=True)}


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
