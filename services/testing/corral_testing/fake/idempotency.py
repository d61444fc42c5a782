"""The fake's `idempotency`: what is sent twice under one key is stored once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from corral.job.job import Accepted
from corral.store import EarlierJob, EarlierRequest, KeyedRequest, Term
from corral.store.jobs.idempotency import KEEP_SECONDS
from corral_testing.fake.jobs import FakeJobs
from corral_testing.fake.leases import FakeLeases
from corral_testing.fake.memory import Memory


@dataclass(slots=True)
class Key:
    """What was stored under a key."""

    digest: bytes
    expires_at: datetime
    jobs: list[UUID]


class FakeIdempotency:
    """See corral.store.jobs.idempotency. The fake removes no job, so none is ever said to be removed."""

    def __init__(self, memory: Memory, jobs: FakeJobs, leases: FakeLeases) -> None:
        self._memory, self._jobs, self._leases = memory, jobs, leases
        self._keys: dict[tuple[str, str], Key] = {}

    async def insert(self, requests: Sequence[KeyedRequest]) -> list[list[Accepted] | EarlierRequest]:
        """Store those whose key is new, all or none of them."""
        new = [one for one in requests if self._is_free(one.caller, one.key)]
        accepted = await self._jobs.insert([job for request in new for job in request.jobs])
        stored = {one.id: one for one in accepted}
        until = self._memory.clock.now() + timedelta(seconds=KEEP_SECONDS)
        for request in new:
            self._keys[request.caller, request.key] = Key(
                request.digest, until, [job.id for job in request.jobs]
            )
        return [
            [stored[job.id] for job in request.jobs] if request in new else self._earlier(request)
            for request in requests
        ]

    async def sweep(self, term: Term, limit: int = 2_000) -> int:
        """Forget keys that are over and whose jobs have ended."""
        self._leases.hold(term)
        over = [name for name in self._keys if self._is_free(*name)][:limit]
        for name in over:
            del self._keys[name]
        return len(over)

    def _is_free(self, caller: str, key: str) -> bool:
        kept = self._keys.get((caller, key))
        if kept is None:
            return True
        live = any(self._memory.jobs[job].state.live for job in kept.jobs)
        return kept.expires_at <= self._memory.clock.now() and not live

    def _earlier(self, request: KeyedRequest) -> EarlierRequest:
        kept = self._keys[request.caller, request.key]
        return EarlierRequest(
            kept.digest, [EarlierJob(job, self._memory.jobs[job].state, removed=False) for job in kept.jobs]
        )
