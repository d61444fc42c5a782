"""RQ's whole contract (protocol rule 30): hashes, registries, and one call that a stock worker makes.

The installation wants it (CORRAL_RQ_COMPAT=full) while the key `corral:rq` exists; whatever queues a
job then writes its hash in the same script. Corral's own workers never read a hash.
"""

import pickle
import zlib
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from redis.asyncio import Redis
from rq import get_current_job

from corral.dispatch import key_names
from corral.dispatch.connection import answering, text_of
from corral.dispatch.scripts import Script, ScriptEffect
from corral.ids import parse_id
from corral.job.lane import Lane
from corral.job.state import State

_MIRROR = Script("mirror", ScriptEffect.FILLS)
_DESCRIBE = Script("describe", ScriptEffect.FILLS)
_UNPARK = Script("unpark", ScriptEffect.FREES)
_NOTE_POPPED = Script("note_popped", ScriptEffect.FREES)

ENTRY_POINT: Final = "corral_worker.rq_entry.run"
"""What a stock worker calls. It takes the job's id from RQ, and everything else from Postgres."""
CALL: Final = zlib.compress(pickle.dumps((ENTRY_POINT, None, (), {}), protocol=pickle.HIGHEST_PROTOCOL))
"""RQ's spelling of that call: names and empty containers, no objects. Source: rq.job.Job.data."""
PAGE: Final = 1000

REGISTRIES: Final = {
    State.BLOCKED: ("deferred", "deferred"),
    State.SCHEDULED: ("scheduled", "scheduled"),
    State.QUEUED: ("", "queued"),
    State.RUNNING: ("wip", "started"),
    State.COMPLETED: ("finished", "finished"),
    State.FAILED: ("failed", "failed"),
    State.CANCELLED: ("canceled", "canceled"),
}
"""RQ's registry and status of each state."""


class Mirrored(NamedTuple):
    """A job as RQ's readers shall see it; no state for one that is gone."""

    lane: Lane
    id: UUID
    state: State | None


class RqContract:
    """Keeps what stock RQ programs need, beside the lists."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def want(self, wanted: bool) -> bool:
        """Say whether hashes are wanted from now on; whether the same was said before.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            if wanted:
                return await self._redis.set(key_names.RQ, CALL, get=True) is not None
            return await self._redis.delete(key_names.RQ) == 0

    async def describe(self, lane: Lane) -> None:
        """Write the hashes of a lane's jobs that have none: queued before they were wanted.

        Raises:
            Unavailable: Redis is away.
        """
        start = 0
        while True:
            async with answering():
                found = await _DESCRIBE.run(self._redis, (lane.name, start, start + PAGE - 1))
            if found < PAGE:
                return
            start += found

    async def mirror(self, jobs: Iterable[Mirrored]) -> None:
        """Put jobs into the registry of their state, and out of all others.

        Raises:
            Unavailable: Redis is away.
        """
        groups: dict[tuple[Lane, State | None], list[UUID]] = {}
        for job in jobs:
            groups.setdefault((job.lane, job.state), []).append(job.id)
        if not groups:
            return
        arguments: list[str] = []
        for (lane, state), ids in groups.items():
            registry, status = ("", "") if state is None else REGISTRIES[state]
            arguments += (lane.name, registry, status, "".join(map(str, ids)))
        async with answering():
            await _MIRROR.run(self._redis, arguments)

    async def mirrored(self, lane: Lane, state: State, start: int) -> tuple[list[UUID], int]:
        """A page of the jobs that a registry shows, from that rank on, and of how many entries it was made.

        Entries that are no jobs of Corral's, written by other programs, are left out.

        Raises:
            Unavailable: Redis is away.
        """
        key = f"{key_names.REGISTRY}{REGISTRIES[state][0]}:{lane.name}"
        async with answering():
            members = await self._redis.zrange(key, start, start + PAGE - 1)
        found = (parse_id(text_of(member)[:36]) for member in members if isinstance(member, bytes | str))
        return [job for job in found if job is not None], len(members)

    async def unpark(self, lanes: Sequence[Lane]) -> int:
        """Put parked entries whose time has come into their lists; Corral's workers do that by themselves.

        Raises:
            Unavailable: Redis is away.
        """
        if not lanes:
            return 0
        names = [name for lane in lanes for name in (lane.name, lane.queue)]
        async with answering():
            return int(await _UNPARK.run(self._redis, names))

    async def note_popped(self, lane: Lane, job: UUID) -> None:
        """Note what a stock worker popped, as if Corral's script had: to be claimed, then answered.

        Raises:
            Unavailable: Redis is away.
        """
        async with answering():
            await _NOTE_POPPED.run(self._redis, (lane.name, str(job)))


def stock_job() -> tuple[Lane, UUID]:
    """The job that the stock RQ worker around us has popped.

    Raises:
        RuntimeError: there is none: this is not a stock worker.
    """
    job = get_current_job()
    if job is None:
        raise RuntimeError("no RQ worker runs this")
    return Lane.parse(job.origin), UUID(job.id)
