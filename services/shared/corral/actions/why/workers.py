"""Causes that lie with workers: none listens, none knows the type, all are silent, draining or full."""

from collections.abc import Iterator, Sequence

from corral.actions.why import pools as pool_causes
from corral.actions.why.cause import Cause, time_of
from corral.actions.why.job_facts import Facts
from corral.job.job import Job
from corral.job.options import Executor
from corral.job.state import State
from corral.store import WorkerRecord, WorkerState
from corral.time_span import span

SILENT_SECONDS = 20.0
"""A worker that has been silent for so long is about to be taken for lost."""


def worker_causes(facts: Facts) -> Iterator[Cause]:
    """Every cause that lies with workers."""
    about = list(_about_workers(facts))
    yield from about
    if facts.job.state is State.QUEUED and not about:
        if facts.job.suspect:
            yield _suspect(facts)
        elif (full := _full(facts)) is not None:
            yield full


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
    silent = [worker for worker in facts.alive if serves(worker, job)]
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
    last = next((worker for worker in facts.ended if serves(worker, job)), None)
    if last is not None and last.state is WorkerState.STOPPED and last.ended_at is not None:
        return Cause(
            "pool-at-rest",
            f"The workers of {job.queue} are at rest: the last one, {last.name}, stopped in order "
            f"at {time_of(last.ended_at)}.",
            *start,
        )
    lost = (
        f" The last one, {last.name}, was lost at {time_of(last.ended_at)}." if last and last.ended_at else ""
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
    able = [worker for worker in facts.alive if _active(worker) and serves(worker, job)]
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


def serves(worker: WorkerRecord, job: Job) -> bool:
    """Whether it listens on the queue of the job and knows its type."""
    return job.queue in worker.queues and job.type in worker.types


def _count(workers: Sequence[WorkerRecord]) -> str:
    return "One worker listens" if len(workers) == 1 else f"{len(workers)} workers listen"


def _names(workers: Sequence[WorkerRecord]) -> str:
    names = sorted({worker.name for worker in workers})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
