"""Why isn't this job running? Each cause with its fact and the action that lifts it."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from corral.actions.existing import existing
from corral.actions.servers import REDIS_SECONDS, Found, Servers
from corral.actions.submissions.type_cache import TypeCache
from corral.actions.why import effects as effect_causes
from corral.actions.why.batches import batch_causes
from corral.actions.why.cause import Cause, time_of
from corral.actions.why.job_facts import Facts
from corral.actions.why.limits import limit_causes
from corral.actions.why.workers import serves, worker_causes
from corral.dispatch import Dispatch
from corral.errors import Unavailable
from corral.job import mail_hold
from corral.job.job import Job
from corral.job.state import State
from corral.scaling.pool_status import PoolStatus
from corral.store import Store, WorkerRecord, WorkerState
from corral.time_span import span

ENDED_WORKERS = 200
"""How many of the newest workers are asked whether one of them served the queue before."""


class Why:
    """Gathers the facts about one job, and explains."""

    def __init__(
        self, store: Store, dispatch: Dispatch, types: TypeCache, servers: Servers | None = None
    ) -> None:
        self._store = store
        self._dispatch = dispatch
        self._types = types
        self._servers = servers or Servers(store, dispatch)

    async def explain(self, job_id: UUID) -> tuple[Job, list[Cause]]:
        """The job and what keeps it from running; nothing for one that runs or has ended.

        Raises:
            NotFound: there is no such job.
        """
        job = existing(await self._store.jobs.get(job_id), "job", job_id)
        return job, await self.of(job)

    async def of(self, job: Job) -> list[Cause]:
        """Explain a job that was read already."""
        if job.state not in (State.SCHEDULED, State.QUEUED, State.BLOCKED):
            return []
        queue = await self._store.queues.get(job.queue)
        known = (await self._types.all()).types.get(job.type)
        alive = await self._store.workers.list()
        ended: list[WorkerRecord] = []
        if not any(serves(worker, job) for worker in alive):
            ended = [
                worker
                for worker in await self._store.workers.list(ended=ENDED_WORKERS)
                if worker.state in (WorkerState.STOPPED, WorkerState.LOST)
            ]
        suspended, pools = await self._said_by_redis()
        beside = await limit_causes(self._store, job) + await batch_causes(self._store, job, known)
        return beside + list(
            causes(
                Facts(
                    job=job,
                    queue=queue,
                    executor=known.options.executor if known else None,
                    alive=alive,
                    ended=ended,
                    suspended=suspended,
                    servers=await self._servers.lately(),
                    pools=pools,
                    perhaps_done=await effect_causes.unended(self._store, job, known),
                    held_by=await self._held_by(job),
                    now=datetime.now(UTC),
                )
            )
        )

    async def _held_by(self, job: Job) -> UUID | None:
        if job.state is not State.BLOCKED or job.unique_key is None:
            return None
        return await self._store.unique_keys.waited_for(job.id)

    async def _said_by_redis(self) -> tuple[bool, Sequence[PoolStatus]]:
        """Whether all workers are suspended, and the pools; where Redis can't be read, nothing is known of either."""
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                return await self._dispatch.hints.suspended(), await self._dispatch.pools.all()
        except (Unavailable, TimeoutError):
            return False, ()


def causes(facts: Facts) -> Iterator[Cause]:
    """Every cause that holds, those of the job itself first."""
    job = facts.job
    if facts.held_by is not None:
        yield Cause(
            "unique-key",
            f"It waits for job {facts.held_by}, which holds its unique key {job.unique_key}, to end.",
            "Cancel the job that holds it",
            f"corral jobs cancel {facts.held_by}",
            "POST",
            f"/api/v1/jobs/{facts.held_by}/cancel",
        )
    elif job.state is State.BLOCKED:
        yield Cause("waiting-for-jobs", "It waits for other jobs to end.")
    if job.state is State.SCHEDULED:
        yield _waiting_for_time(facts)
    yield from effect_causes.perhaps_done(job, facts.perhaps_done)
    yield from _about_servers(facts.servers)
    if facts.queue is not None and facts.queue.paused_by == mail_hold.HOLDER:
        yield Cause(
            "mail-held", "No mail server is set: mails are held until there is one.", mail_hold.ACTION
        )
    elif facts.queue is not None and facts.queue.paused_at is not None:
        by = f" by {facts.queue.paused_by}" if facts.queue.paused_by else ""
        yield Cause(
            "queue-paused",
            f"The queue {job.queue} has been paused{by} since {time_of(facts.queue.paused_at)}.",
            "Resume the queue",
            f"corral queues resume {job.queue}",
            "POST",
            f"/api/v1/queues/{job.queue}/resume",
        )
    if facts.suspended:
        yield Cause(
            "suspended",
            "All workers are suspended: somebody ran `rq suspend`.",
            "Let workers take jobs again",
            "rq resume",
        )
    yield from worker_causes(facts)


def _waiting_for_time(facts: Facts) -> Cause:
    job = facts.job
    assert job.run_at is not None
    seconds = max(0.0, (job.run_at - facts.now).total_seconds())
    reason = (
        f"attempt {job.attempt} failed and it waits out its backoff" if job.error else "it was asked to wait"
    )
    return Cause(
        "waiting-for-time",
        f"It is due in {span(seconds)}, at {time_of(job.run_at)}: {reason}.",
        "Run it now",
        f"corral jobs run-now {job.id}",
        "POST",
        f"/api/v1/jobs/{job.id}/run-now",
    )


def _about_servers(found: Found) -> Iterator[Cause]:
    """The causes that lie with Postgres or Redis: no worker hears of the job, or none can claim it."""
    if found.postgres is not None:
        yield Cause(
            "postgres-refuses",
            f"No worker can claim it: {found.postgres}.",
            "Let Postgres take writes again; /readyz of a publisher says whether it does",
        )
    if found.redis is not None:
        yield Cause(
            "redis-refuses",
            f"Workers can't be told of it: {found.redis}. It is kept, and told of as soon as Redis takes writes again.",
            "Let Redis take writes again; /readyz of a publisher says whether it does",
        )
