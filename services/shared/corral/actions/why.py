"""Why isn't this job running? Each cause with its fact and the action that lifts it."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from corral.actions import effect_causes, pool_causes
from corral.actions.cause import Cause
from corral.actions.limit_causes import limit_causes
from corral.actions.servers import REDIS_SECONDS, Found, Servers
from corral.actions.type_cache import TypeCache
from corral.dispatch import Dispatch
from corral.errors import NotFound, Unavailable
from corral.job import mail_hold
from corral.job.job import Job
from corral.job.options import Executor
from corral.job.state import State
from corral.scaling.pool_status import PoolStatus
from corral.store import Store, StoredQueue, WorkerRecord, WorkerState
from corral.time_span import span

SILENT_SECONDS = 20.0
"""A worker that has been silent for so long is about to be taken for lost."""
ENDED_WORKERS = 200
"""How many of the newest workers are asked whether one of them served the queue before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the explanation of why a job does not run depends on."""

    job: Job
    queue: StoredQueue | None
    executor: Executor | None
    """Where its type runs; None where the type is not registered any more."""
    alive: Sequence[WorkerRecord] = ()
    ended: Sequence[WorkerRecord] = ()
    """Newest first."""
    suspended: bool = False
    """Whether `rq suspend` is in force."""
    servers: Found = field(default_factory=Found)
    """What keeps Postgres or Redis from doing their part."""
    pools: Sequence[PoolStatus] = ()
    """As whoever scales them last said."""
    perhaps_done: Sequence[str] = ()
    """Effects that were begun and never ended, where that keeps the next attempt from succeeding."""
    now: datetime


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
        job = await self._store.jobs.get(job_id)
        if job is None:
            raise NotFound("job", job_id)
        return job, await self.of(job)

    async def of(self, job: Job) -> list[Cause]:
        """Explain a job that was read already."""
        if job.state not in (State.SCHEDULED, State.QUEUED, State.BLOCKED):
            return []
        queue = await self._store.queues.get(job.queue)
        known = (await self._types.all()).types.get(job.type)
        alive = await self._store.workers.list()
        ended: list[WorkerRecord] = []
        if not any(_serves(worker, job) for worker in alive):
            ended = [
                worker
                for worker in await self._store.workers.list(ended=ENDED_WORKERS)
                if worker.state in (WorkerState.STOPPED, WorkerState.LOST)
            ]
        suspended, pools = await self._said_by_redis()
        return await limit_causes(self._store, job) + list(
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
                    now=datetime.now(UTC),
                )
            )
        )

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
    if job.state is State.BLOCKED:
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
            f"The queue {job.queue} has been paused{by} since {_moment(facts.queue.paused_at)}.",
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
    about_workers = list(_about_workers(facts))
    yield from about_workers
    if job.state is State.QUEUED and not about_workers:
        if job.suspect:
            yield _suspect(facts)
        elif (full := _full(facts)) is not None:
            yield full


def _waiting_for_time(facts: Facts) -> Cause:
    job = facts.job
    assert job.run_at is not None
    seconds = max(0.0, (job.run_at - facts.now).total_seconds())
    reason = (
        f"attempt {job.attempt} failed and it waits out its backoff" if job.error else "it was asked to wait"
    )
    return Cause(
        "waiting-for-time",
        f"It is due in {span(seconds)}, at {_moment(job.run_at)}: {reason}.",
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


def _about_workers(facts: Facts) -> Iterator[Cause]:
    """The causes that lie with workers: none knows the type, serves the queue or has a free slot."""
    job = facts.job
    awake = [worker for worker in facts.alive if worker.silent_for < SILENT_SECONDS]
    listening = [worker for worker in awake if job.queue in worker.queues]
    if any(_active(worker) and job.type in worker.types for worker in listening):
        return
    start = (f"Start a worker for {job.queue}", f"corral worker --queues {job.queue}")
    if not listening:
        yield _nobody_listens(facts, start)
        return
    knowing = [worker for worker in listening if job.type in worker.types]
    if knowing:
        names = _names(knowing)
        yield Cause(
            "workers-draining",
            f"Every worker that could take it is draining ({names}): it finishes its jobs and claims no more.",
            *start,
        )
        return
    yield Cause(
        "type-unknown",
        f"{_count(listening)} on {job.queue} ({_names(listening)}), but none knows the type {job.type}.",
        f"Start a worker whose code handles {job.type}; CORRAL_HANDLERS names the modules",
        start[1],
    )


def _nobody_listens(facts: Facts, start: tuple[str, str]) -> Cause:
    job = facts.job
    silent = [worker for worker in facts.alive if _serves(worker, job)]
    if silent:
        longest = max(worker.silent_for for worker in silent)
        return Cause(
            "workers-silent",
            f"Every worker that could take it is silent ({_names(silent)}), up to {span(longest)}: "
            "it is lost, or cut off from Postgres.",
            *start,
        )
    resting = pool_causes.without_workers(facts.pools, job.queue)
    if resting is not None:
        return resting
    last = next((worker for worker in facts.ended if _serves(worker, job)), None)
    if last is not None and last.state is WorkerState.STOPPED and last.ended_at is not None:
        return Cause(
            "pool-at-rest",
            f"The workers of {job.queue} are at rest: the last one, {last.name}, stopped in order "
            f"at {_moment(last.ended_at)}.",
            *start,
        )
    lost = (
        f" The last one, {last.name}, was lost at {_moment(last.ended_at)}." if last and last.ended_at else ""
    )
    return Cause("no-worker", f"No live worker listens on the queue {job.queue}.{lost}", *start)


def _suspect(facts: Facts) -> Cause:
    return Cause(
        "suspect-waits",
        "Its worker was lost while it ran, so it runs alone until it ends: "
        "it waits for a worker to finish all else.",
        "Wait, or start another worker",
        f"corral worker --queues {facts.job.queue}",
    )


def _full(facts: Facts) -> Cause | None:
    """Whether every worker that could take it has all slots of its executor in use."""
    job, executor = facts.job, facts.executor
    able = [worker for worker in facts.alive if _active(worker) and _serves(worker, job)]
    slots = [_slots(worker, executor) for worker in able]
    if not slots or any(used < size for used, size in slots):
        return None
    size = sum(size for _, size in slots)
    kind = f"{executor} " if executor else ""
    message = f"All {size} {kind}slots of the workers that could take it ({_names(able)}) are in use."
    pool = pool_causes.while_full(facts.pools, job.queue)
    if pool is not None:
        words, action, command = pool
        return Cause("workers-full", f"{message} {words}", action, command)
    return Cause(
        "workers-full",
        message,
        "Start another worker, or raise the queue's maximum",
        f"corral worker --queues {job.queue}",
    )


def _slots(worker: WorkerRecord, executor: Executor | None) -> tuple[int, int]:
    """Slots in use and slots in all, of the executor of the job; of all executors where it is not known.

    What runs is counted now; how it spreads over executors is what the last heartbeat said.
    """
    every = sum(worker.slots.values())
    if executor is None or worker.running >= every:
        return worker.running, every
    size = worker.slots.get(executor.value, 0)
    reported = worker.status.get("slots", {}).get(executor.value, {})
    return min(worker.running, int(reported.get("used", 0))), size


def _active(worker: WorkerRecord) -> bool:
    return worker.state is WorkerState.ACTIVE


def _serves(worker: WorkerRecord, job: Job) -> bool:
    return job.queue in worker.queues and job.type in worker.types


def _count(workers: Sequence[WorkerRecord]) -> str:
    return "One worker listens" if len(workers) == 1 else f"{len(workers)} workers listen"


def _names(workers: Sequence[WorkerRecord]) -> str:
    names = sorted({worker.name for worker in workers})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
