"""What a stock `rq worker` calls for each job, where CORRAL_RQ_COMPAT=full (protocol rule 30).

It becomes a worker of Corral's for that one job: registered, with a heartbeat, claiming, obeying
refusals and completing like any other. What RQ then notes about its own job changes nothing here.
"""

import asyncio
import dataclasses
import signal
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from corral import logs
from corral.catalog import Catalog
from corral.catalog.catalog import handling_modules
from corral.dispatch import Ack, Budget, Dispatch, Done, Pop, Popped
from corral.dispatch.lanes import Lanes
from corral.dispatch.rings import TurnOutcome
from corral.dispatch.rq_compat import RqContract, stock_job
from corral.job.lane import Lane
from corral.settings import Settings
from corral_worker.lifecycle import signals
from corral_worker.own_process import blocked_loop, runner
from corral_worker.worker import Worker


class OneJob(Dispatch):
    """A dispatch that gives out one job, which somebody else has popped, and nothing after it."""

    def __init__(self, url: str, entry: Popped, ended: Callable[[], None]) -> None:
        super().__init__(url)
        self.lanes = OneJobLanes(self._redis, self._blocking, rq=self.rq, entry=entry, ended=ended)


class OneJobLanes(Lanes):
    """Lanes that hold one job."""

    def __init__(self, *connections: Any, rq: RqContract, entry: Popped, ended: Callable[[], None]) -> None:
        super().__init__(*connections)
        self._rq = rq
        self._entry: Popped | None = entry
        self._ended = ended

    async def pop(
        self,
        worker: str,  # noqa: ARG002 - the job is for this worker already
        lanes: Sequence[Lane],
        room: int,  # noqa: ARG002
        *,
        wait: bool,  # noqa: ARG002
        idle: bool = False,
        budgets: Sequence[Budget] = (),  # noqa: ARG002
        settled: Sequence[TurnOutcome] = (),  # noqa: ARG002 - a stock worker runs no limited type
        done: Iterable[tuple[Lane, UUID]] = (),
    ) -> Pop:
        """Pop the one job; after that nothing, and the worker is told to stop when the job has ended."""
        await self.ack([Ack(lane, job, Done()) for lane, job in done])
        entry = self._entry
        if entry is None:
            if idle:
                self._ended()
            return Pop([], waiting=False, suspects=[], suspended=False)
        if entry.lane.suspect and entry.lane not in lanes:
            return Pop([], waiting=False, suspects=[entry.lane.queue], suspended=False)
        self._entry = None
        await self._rq.note_popped(entry.lane, entry.id)
        return Pop([entry], waiting=False, suspects=[], suspended=False)

    async def wait(self, worker: str, timeout: float) -> bool:  # noqa: ARG002, ASYNC109 - as its parent
        """Wait in vain: nobody wakes a worker of one job."""
        await asyncio.sleep(timeout)
        return False


def run() -> None:
    """Run the job that the stock worker around us has popped.

    Raises:
        RuntimeError: the job could not even be claimed or refused; RQ shows its job as failed.
    """
    lane, job = stock_job()
    settings = dataclasses.replace(Settings.load(), worker_name=None, worker_port=0, metrics_port=0)
    logs.configure(settings.log_level, settings.log_format)
    mail = settings.smtp_host is not None
    modules = handling_modules(settings.jobs, settings.handlers, demo=settings.demo_jobs, mail=mail)
    catalog = Catalog.load(modules)
    before = {number: signal.getsignal(number) for number in (*signals.ASKING, blocked_loop.SIGNAL)}
    try:
        code = runner.run(_work(settings, catalog, lane, job), asyncio.SelectorEventLoop)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code != 0:
        raise RuntimeError(f"the worker for job {job} ended with {code}")


async def _work(settings: Settings, catalog: Catalog, lane: Lane, job: UUID) -> int:
    worker: Worker
    worker = Worker(settings, catalog, lambda url: OneJob(url, Popped(lane, job), lambda: worker.stop()))  # noqa: PLW0108 - not made yet
    return await worker.run()
