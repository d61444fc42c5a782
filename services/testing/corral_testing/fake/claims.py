"""The fake's `claims`: jobs begin to run."""

from collections.abc import Sequence
from uuid import UUID

from corral.job.job import Claimed
from corral.job.state import Event, State, Writer
from corral.store import BeyondSlots, ClaimAnswer, Refusal, WorkerState
from corral_testing.fake.job_row import JobRow
from corral_testing.fake.memory import Memory


class FakeClaims:
    """See corral.store.attempts.claims."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def claim(
        self,
        worker: UUID,
        claim: UUID,
        ids: Sequence[UUID],
        types: Sequence[str],
        *,
        alone: bool,
        limited: Sequence[str] = (),
        beyond: BeyondSlots | None = None,
    ) -> ClaimAnswer:
        """Take those that may run here. Nobody evaluates here: those of `limited` types without keys stay."""
        quick, left = True, 0
        claimed: list[Claimed] = []
        refused: dict[UUID, Refusal] = {}
        for id in dict.fromkeys(ids):
            row = self._memory.jobs.get(id)
            reason = self._refusal(worker, row, types, alone=alone)
            if reason is None and row is not None and row.new.type in limited:
                reason = Refusal.LIMITED
            if reason is not None or row is None:
                refused[id] = reason or Refusal.GONE
                continue
            quick = quick and beyond is not None and row.new.type in beyond.types
            returnable = quick and row.attempt == 0 and row.new.unique is None
            if beyond is not None and len(claimed) + left >= beyond.free and not returnable:
                refused[id], left = Refusal.NO_SLOT, left + 1
            else:
                claimed.append(self._claim(worker, claim, row))
        return ClaimAnswer(claimed, refused)

    async def claimed_under(self, claim: UUID) -> list[Claimed]:
        """What that claim took and is still running."""
        return [claimed_from(row) for row in self._memory.jobs.values() if row.claim == claim]

    async def put_back(self, worker: UUID, claim: UUID, ids: Sequence[UUID]) -> set[UUID]:
        """Queue again, as they were, those that this claim took and that never began; those that stay to be cancelled."""
        stay: set[UUID] = set()
        for row in (self._memory.jobs[id] for id in ids if id in self._memory.jobs):
            if (row.state, row.attempt, row.worker, row.claim) != (State.RUNNING, 1, worker, claim):
                continue
            if row.cancel_requested_at is not None:
                stay.add(row.new.id)
                continue
            queued_at = row.queued_at
            self._memory.move(row, Event.RETURNED, Writer.WORKER, State.QUEUED)
            row.attempt, row.started_at, row.queued_at = 0, None, queued_at
        return stay

    def _refusal(
        self, worker: UUID, row: JobRow | None, types: Sequence[str], *, alone: bool
    ) -> Refusal | None:
        memory = self._memory
        fleet = memory.workers.get(worker)
        if fleet is None or fleet.state is not WorkerState.ACTIVE:
            return Refusal.WORKER
        if row is None or row.state is not State.QUEUED or row.limit_group is not None:
            return Refusal.GONE
        if row.expires_at is not None and row.expires_at <= memory.clock.now() and row.attempt == 0:
            return Refusal.GONE
        if row.new.type not in types:
            return Refusal.UNKNOWN_TYPE
        if memory.queues[row.new.queue].paused:
            return Refusal.PAUSED
        return Refusal.SUSPECT if row.suspect and not alone else None

    def _claim(self, worker: UUID, claim: UUID, row: JobRow) -> Claimed:
        start(self._memory, row, worker, claim)
        return claimed_from(row)


def start(memory: Memory, row: JobRow, worker: UUID, claim: UUID) -> None:
    """Begin the next attempt of a job."""
    memory.move(row, Event.CLAIMED, Writer.WORKER, State.RUNNING)
    row.attempt += 1
    row.worker, row.claim, row.started_at = worker, claim, memory.clock.now()
    row.progress, row.progress_message = 0, None


def claimed_from(row: JobRow) -> Claimed:
    """The job as its worker gets it."""
    new = row.new
    return Claimed(
        id=new.id,
        type=new.type,
        queue=new.queue,
        attempt=row.attempt,
        payload=new.payload,
        errors=row.errors,
        retries=new.retries,
        timeout=new.timeout,
        suspect=row.suspect,
        checkpoint=row.checkpoint,
        traceparent=new.traceparent,
        parent=new.parent,
        waited=(row.started_at - row.queued_at).total_seconds() if row.started_at and row.queued_at else 0.0,
        limit_group=row.limit_group,
        limits=new.limits.names if new.limits else (),
        unique=new.unique is not None,
    )
