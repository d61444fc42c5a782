"""What the leader asks and mends (protocol rule 7).

Is every queued job known here, do list and set agree, is this the Redis of a moment ago?
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from redis.asyncio import Redis

from corral import metrics
from corral.dispatch import key_names
from corral.dispatch.connection import answering, text_of
from corral.dispatch.scripts import Script, ScriptEffect
from corral.job.lane import Lane

log = structlog.get_logger(__name__)

_MISSING = Script("missing", ScriptEffect.READS)
_PRUNE = Script("prune", ScriptEffect.FREES)
_DEPTHS = Script("depths", ScriptEffect.READS)
_SWAP_EPOCH = Script("swap_epoch", ScriptEffect.FREES)
_REBUILD = Script("rebuild", ScriptEffect.FREES)
_MEND = Script("mend", ScriptEffect.FREES)

REBUILD_SECONDS = 60.0
"""A million entries take about two seconds, in which Redis does nothing else."""


class Missing(NamedTuple):
    """What Redis does not know of the jobs it was asked about."""

    ids: list[UUID]
    """Ids that Redis does not know, in the order in which they were asked about."""
    head: UUID | None
    """The job at the head of the list."""


class Depth(NamedTuple):
    """How many entries a lane has."""

    listed: int
    members: int
    """Entries of the set: as many as are listed and parked together, unless somebody else wrote to the list."""
    parked: int
    popped: int
    """Ids that were popped and not acknowledged yet."""

    @property
    def agrees(self) -> bool:
        """Whether list, parked entries and set can be of the same jobs."""
        return self.members == self.listed + self.parked


class Repair:
    """Compares the lanes with what is queued in Postgres, and mends them."""

    def __init__(self, redis: Redis, blocking: Redis) -> None:
        self._redis = redis
        self._blocking = blocking

    async def missing(self, lane: Lane, ids: Sequence[UUID], *, stale_seconds: float) -> Missing:
        """Those of `ids` that are neither in the lane nor popped within the last `stale_seconds`.

        Raises:
            Unavailable: Redis is away.
        """
        if not ids:
            return Missing([], None)
        async with answering():
            head, *numbers = await _MISSING.run(
                self._redis, (lane.name, round(stale_seconds * 1000), "".join(map(str, ids)))
            )
        return Missing([ids[number] for number in numbers], _id_or_none(head))

    async def prune_popped(self, lanes: Sequence[Lane], *, stale_seconds: float) -> int:
        """Forget entries that were popped longer ago and never answered; answers how many.

        Raises:
            Unavailable: Redis is away.
        """
        if not lanes:
            return 0
        async with answering():
            pruned = await _PRUNE.run(
                self._redis, (round(stale_seconds * 1000), *(lane.name for lane in lanes))
            )
        for lane, ids in zip(lanes, pruned, strict=True):
            if ids:
                metrics.POPPED_EXPIRED.labels(lane.queue).inc(len(ids))
                log.info("dispatch.never_answered", lane=lane.name, jobs=[text.decode() for text in ids])
        return sum(map(len, pruned))

    async def lanes(self) -> list[Lane]:
        """The lanes that RQ's set of queues names; those of other programs are left out.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            found = await self._redis.smembers(key_names.QUEUES)
        lanes = []
        for key in found:
            try:
                lanes.append(Lane.parse(text_of(key).removeprefix(key_names.LIST)))
            except ValueError:
                continue
        return sorted(lanes, key=lambda lane: lane.name)

    async def depths(self, lanes: Sequence[Lane] | None = None) -> dict[Lane, Depth]:
        """How full these lanes are, or all.

        Raises:
            Unavailable: Redis is away.
        """
        if lanes is None:
            lanes = await self.lanes()
        if not lanes:
            return {}
        async with answering():
            found = await _DEPTHS.run(self._redis, [lane.name for lane in lanes])
        return {lane: Depth(*numbers) for lane, numbers in zip(lanes, found, strict=True)}

    async def disagreements(self, lanes: Sequence[Lane] | None = None) -> list[Lane]:
        """Those of these lanes, or of all, whose list and set can't be of the same jobs: somebody else wrote to the list.

        Raises:
            Unavailable: Redis is away.
        """
        return [lane for lane, depth in (await self.depths(lanes)).items() if not depth.agrees]

    async def rebuild(self, lane: Lane) -> int:
        """Make the lane's set from its list and parked entries; answers how many repetitions were dropped.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering(REBUILD_SECONDS):
            return int(await _REBUILD.run(self._blocking, (lane.name,)))

    async def mend(self, lanes: Iterable[Lane] = ()) -> int:
        """Remove keys of another kind that somebody else wrote under our names; answers how many.

        Of all lanes that are known, and of these. Whatever a lane lost has to be enqueued again.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            removed = await _MEND.run(self._redis, [lane.name for lane in lanes])
        for key in removed:
            metrics.SWALLOWED.labels("dispatch.mend").inc()
            log.warning("dispatch.foreign_key_removed", key=text_of(key))
        return len(removed)

    async def epoch(self) -> str | None:
        """What `set_epoch` wrote last; None after a wipe, an older one after the restore of a snapshot.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            found = await self._redis.get(key_names.EPOCH)
        return None if found is None else text_of(found)

    async def set_epoch(self, epoch: str) -> None:
        """Mark the contents of Redis as known to be complete.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            await self._redis.set(key_names.EPOCH, epoch)

    async def swap_epoch(self, old: str, new: str) -> bool:
        """Write the next epoch if the last one is still there; answers whether it was.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            return bool(await _SWAP_EPOCH.run(self._redis, (old, new)))

    async def forget_dead_workers(self) -> int:
        """Take workers whose hash has expired out of RQ's sets, as RQ's own maintenance does.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            workers = list(await self._redis.smembers(key_names.WORKERS))
            async with self._redis.pipeline(transaction=False) as pipeline:
                for worker in workers:
                    pipeline.exists(worker)
                alive = await pipeline.execute() if workers else []
            dead = [worker for worker, lives in zip(workers, alive, strict=True) if not lives]
            if dead:
                await self._forget(dead)
        return len(dead)

    async def _forget(self, dead: Iterable[bytes | str]) -> None:
        names = list(dead)
        queues = await self._redis.smembers(key_names.QUEUES)
        async with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.srem(key_names.WORKERS, *names)
            for queue in queues:
                pipeline.srem(key_names.WORKERS_OF + text_of(queue).removeprefix(key_names.LIST), *names)
            await pipeline.execute()


def _id_or_none(text: bytes) -> UUID | None:
    try:
        return UUID(text.decode())
    except ValueError:
        return None
