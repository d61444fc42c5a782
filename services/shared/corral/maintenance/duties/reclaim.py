"""Reclaims jobs of lost workers: marks the worker lost, then takes its jobs (protocol rules 22 to 24)."""

import time
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from corral import metrics
from corral.actions.submissions.enqueuer import Enqueuer
from corral.dispatch import Dispatch, entry_of
from corral.errors import Unavailable
from corral.job.state import State
from corral.maintenance.duties.promote import not_taken
from corral.maintenance.duty import Duty
from corral.maintenance.leadership import Reign
from corral.maintenance.observation import LeaseObservation
from corral.store import Store
from corral.store.workers.workers import Reclaimed

log = structlog.get_logger(__name__)

LONGEST_PERIOD = 2.0


class Reclaim(Duty):
    """The duty that reads the counter of every live worker and marks those lost whose counter stood for a whole lease."""

    name = "reclaim"

    def __init__(
        self, store: Store, dispatch: Dispatch, *, lease: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._enqueuer = Enqueuer(dispatch, not_taken)
        self._clock = clock
        self.period = min(LONGEST_PERIOD, lease / 5)
        self._observation: LeaseObservation[UUID] = LeaseObservation(lease, longest_gap=3 * self.period)

    async def round(self, reign: Reign) -> int:
        """Check all workers once."""
        counters = await self._store.workers.observations()
        taken = 0
        for worker, counter in self._observation.look(counters, self._clock()):
            with self.apart.each(f"worker {worker}"):
                taken += await self._take(worker, counter, reign)
        return taken

    async def _take(self, worker: UUID, counter: int, reign: Reign) -> int:
        """Mark a worker lost, unless its counter has changed; returns how many jobs it held."""
        name, how = await self._ended(worker)
        reclaimed = await self._store.workers.reclaim(worker, counter, reign.term, how=how)
        if reclaimed is None:
            return 0
        log.warning("worker.lost", worker=str(worker), counter=counter, jobs=len(reclaimed), how=how)
        await self._hand_on(worker, reclaimed)
        if how is not None:
            await self._dispatch.exits.forget(name)
        return len(reclaimed)

    def failed(self) -> None:
        """Begin the observation anew after a failed round."""
        self._observation.begin_anew()

    async def _ended(self, worker: UUID) -> tuple[str, str | None]:
        """The worker's name, and how its process ended where that was reported."""
        name = await self._store.workers.name_of(worker) or ""
        try:
            return name, await self._dispatch.exits.of(name)
        except Unavailable:
            metrics.REDIS_ERRORS.labels("exits").inc()
            return name, None

    async def _hand_on(self, worker: UUID, reclaimed: Sequence[Reclaimed]) -> None:
        for job in reclaimed:
            metrics.RECLAIMED.labels(job.lane.queue, job.state).inc()
            log.info(
                "job.reclaimed",
                job=str(job.id),
                attempt=job.attempt,
                worker=str(worker),
                state=job.state.value,
                alone=job.alone,
            )
            if job.state in (State.FAILED, State.SCHEDULED):
                _tell_failure(job)
        entries = [
            entry_of(job.lane, job.id, job.limit_group) for job in reclaimed if job.state is State.QUEUED
        ]
        if entries:
            await self._enqueuer.enqueue(entries)
        for state in State:
            self._enqueuer.changed(state, [job.id for job in reclaimed if job.state is state])


def _tell_failure(job: Reclaimed) -> None:
    """Log jobs that failed for good (`corral.job_log`), and for a job that timed out when it is tried again."""
    error = job.error or {}
    told = {
        "job": str(job.id),
        "attempt": job.attempt,
        "error": f"{error.get('type')}: {error.get('message')}",
    }
    if job.state is State.FAILED:
        log.error("job.failed", **told)
    else:
        log.warning("job.failed", **told, retry_in=round(job.due_in, 3))
