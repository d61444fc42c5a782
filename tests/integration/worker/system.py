"""A system for worker tests: a store, a dispatch, and real worker processes that speak to both."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.waiting import START, eventually_async

from corral.catalog import Catalog
from corral.catalog.catalog import handling_modules
from corral.catalog.record import declaration_of
from corral.dispatch import Dispatch, Entry, entry_of
from corral.job.job import Job
from corral.job.lane import Lane, lane_of
from corral.job.priority import Priority
from corral.job.state import State
from corral.json_codec import Document
from corral.store import JobFilter, Store
from corral_testing.values import new_job

RIG = "tests.integration.worker.handlers.rig_jobs"


class WorkerProcess(Process):
    """A worker, or another program of its system."""

    async def ended(self, timeout: float = 60.0) -> int:  # noqa: ASYNC109
        try:
            await eventually_async(lambda: not self.alive, timeout=timeout)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.tail()}") from None
        return self.wait()


class System:
    """What a test speaks to."""

    def __init__(self, database_url: str, redis_url: str, folder: Path) -> None:
        self.database_url, self.redis_url, self.folder = database_url, redis_url, folder
        self.store = Store.open(database_url)
        self.dispatch = Dispatch.open(redis_url)
        self.effects = folder / "effects"
        self.effects.touch()
        self.workers: list[WorkerProcess] = []

    def start(
        self, *, module: str = "corral_worker", rig: Mapping[str, str] | None = None, **settings: Any
    ) -> WorkerProcess:
        """A worker with these settings, not waited for."""
        chosen = {
            "database_url": self.database_url,
            "redis_url": self.redis_url,
            "handlers": RIG,
            "metrics_port": 0,
            "log_format": "json",
            "slots_process": 2,
            **settings,
        }
        paths = [str(programs.ROOT), *map(str, filter(None, [chosen.pop("pythonpath", None)]))]
        environment = programs.environment(**chosen) | programs.OF_TESTS | (rig or {})
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        log = self.folder / f"worker-{len(self.workers)}.log"
        worker = WorkerProcess(module, environment=environment, log=log)
        self.workers.append(worker)
        return worker

    async def ready(self, **settings: Any) -> WorkerProcess:
        """A worker that claims jobs."""
        worker = self.start(**settings)
        await eventually_async(lambda: worker.said("worker.ready") or not worker.alive, timeout=START)
        assert worker.alive, worker.output
        return worker

    async def rigged(self, failpoint: str, **settings: Any) -> WorkerProcess:
        """A worker to which this happens, once."""
        rig = {"RIG_FAILPOINT": failpoint, "RIG_ONCE": str(self.folder / "struck")}
        return await self.ready(module="tests.integration.worker.rigged", rig=rig, **settings)

    async def maintained(self, **settings: Any) -> WorkerProcess:
        """The maintenance duties, in a process; leases are short."""
        chosen = {"heartbeat": 0.3, "lease": 1.5, **settings}
        keeper = self.start(module="corral.maintenance", **chosen)
        await eventually_async(self.store.leases.read, timeout=START)
        return keeper

    async def submit(
        self, job_type: str, payload: Any = None, *, count: int = 1, **fields: Any
    ) -> list[UUID]:
        """Store jobs and hand them to Redis."""
        jobs = [
            new_job(
                type=job_type,
                payload=json.dumps(payload),
                **{
                    "queue": "rig" if job_type.startswith("rig.") else "demo",
                    "priority": Priority.NORMAL,
                    "retries": 0,
                    "timeout": 60.0,
                    "max_stalls": 2,
                    **fields,
                },
            )
            for _ in range(count)
        ]
        accepted = await self.store.jobs.insert(jobs)
        await self.dispatch.lanes.enqueue(
            [
                entry_of(lane_of(one.queue, one.priority, suspect=False), one.id, one.limit_group)
                for one in accepted
                if one.state is State.QUEUED
            ]
        )
        return [job.id for job in jobs]

    async def suspect(self, job_type: str, payload: Any = None, **fields: Any) -> UUID:
        """Store a job whose worker was lost, as it seems, and hand it to Redis."""
        (job,) = await self.submit(job_type, payload, delay=3600, **fields)
        await self.store.database.run("UPDATE corral.jobs SET suspect = true WHERE id = %(id)s", {"id": job})
        await self.store.jobs.run_now([job], "test")
        queue = (await self.job(job)).queue
        await self.dispatch.lanes.enqueue([Entry(lane_of(queue, Priority.NORMAL, suspect=True), job)])
        return job

    async def job(self, job: UUID) -> Job:
        """As it is now, with its result as a value instead of the text that the store passes on."""
        found = await self.store.jobs.get(job)
        assert found is not None
        return replace(found, result=found.result.value) if isinstance(found.result, Document) else found

    async def state(self, job: UUID, *states: State, timeout: float = 90.0) -> Job:  # noqa: ASYNC109
        """Wait until the job is in one of these states."""

        async def there() -> Job | None:
            now = await self.job(job)
            assert now.state in states, now
            return now

        found = await eventually_async(there, timeout=timeout)
        assert found is not None
        return found

    async def result(self, job_type: str, payload: Any = None, **fields: Any) -> Job:
        """Submit one and wait for its end."""
        (job,) = await self.submit(job_type, payload, **fields)
        return await self.state(job, State.COMPLETED, State.FAILED, State.CANCELLED)

    async def all_jobs(self, queue: str, *, wait: bool = True) -> list[Job]:
        """The newest jobs of a queue; once all have ended, or as they are now."""

        async def look() -> list[Job]:
            page = await self.store.jobs.page(JobFilter(queue=queue), limit=100)
            assert not wait or all(job.state.terminal for job in page.items)
            return list(page.items)

        return await eventually_async(look)

    def entry(self, queue: str, job: UUID) -> Entry:
        return Entry(lane_of(queue, Priority.NORMAL, suspect=False), job)

    def lane(self, queue: str) -> Lane:
        return lane_of(queue, Priority.NORMAL, suspect=False)

    async def register_types(self) -> None:
        catalog = Catalog.load(handling_modules([], [RIG], demo=True))
        limits = [declaration_of(one) for one in catalog.limits.values()]
        await self.store.registration.register(catalog.records(), limits=limits)

    def effect_lines(self, what: str) -> list[list[str]]:
        return [line.split() for line in self.effects.read_text().splitlines() if line.startswith(what)]

    async def started(self, count: int = 1, timeout: float = 90.0) -> list[list[str]]:  # noqa: ASYNC109
        """Wait for handlers that report their start; the lines they left."""
        await eventually_async(lambda: len(self.effect_lines("start")) >= count, timeout=timeout)
        return self.effect_lines("start")

    async def close(self) -> None:
        for worker in self.workers:
            worker.end()
        await self.dispatch.close()
        await self.store.close()


@asynccontextmanager
async def running_system(database_url: str, redis_url: str, folder: Path) -> AsyncIterator[System]:
    system = System(database_url, redis_url, folder)
    try:
        yield system
    finally:
        await system.close()


def ended(pid: int) -> bool:
    """Whether the process has ended; who adopted it may not have noticed yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
