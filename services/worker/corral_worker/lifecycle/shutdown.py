"""Stopping: claim no more, let jobs finish within the grace, give back the rest (protocol rule 20)."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from corral.dispatch import entry_of
from corral.errors import Unavailable
from corral.store.workers.workers import Workers
from corral_worker.attempts.announcements import Announcements
from corral_worker.attempts.attempts import HeldAttempts
from corral_worker.attempts.completer import FinishedAttempts
from corral_worker.attempts.execution import Execution
from corral_worker.attempts.executor import AttemptExecutor
from corral_worker.attempts.outcomes import Stop

log = structlog.get_logger(__name__)

HONOUR_SECONDS = 2.0
"""How long a handler may take to honour its cancellation, once its job is being given back."""
WRITE_SECONDS = 10.0
"""How long a stopping worker waits for an absent Postgres before its lease has to run out instead."""
GOODBYE_SECONDS = 5.0


async def finish_or_give_back(
    attempts: HeldAttempts,
    executor: AttemptExecutor,
    finished: FinishedAttempts,
    announcements: Announcements,
    *,
    grace: float,
    at_once: asyncio.Event,
) -> list[Execution]:
    """Wait for what runs, then stop it; the attempts whose handlers can't be stopped, lost ones included."""
    running = _stoppable(attempts)
    if running and grace > 0 and not at_once.is_set():
        log.info("worker.finishing", jobs=len(running), grace=grace)
        await until(lambda: not _stoppable(attempts), grace, at_once)
    left = attempts.running()
    if left:
        log.info("worker.giving_back", jobs=len(left))
        executor.stop_all(Stop.RELEASE)
        await until(lambda: not attempts.running(), HONOUR_SECONDS)
    announcements.withheld.update(execution.claimed.id for execution in attempts.running())
    await written(finished)
    return attempts.stubborn


async def until(condition: Callable[[], bool], seconds: float, unless: asyncio.Event | None = None) -> None:
    """Wait until a condition holds, the seconds are over, or the event `unless` is set."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    # Many things end the wait, once in a worker's life: looking is simpler than being told.
    while not condition() and loop.time() < deadline and not (unless and unless.is_set()):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def written(finished: FinishedAttempts) -> None:
    """Wait until all outcomes are written, at most WRITE_SECONDS."""
    if not await _within(WRITE_SECONDS, finished.written()):
        log.error("results.lost_with_worker", results=finished.held)


def end_within(seconds: float, code: int) -> None:
    """End the process by then, whatever it still waits for: its threads must be gone when their jobs are tried again."""
    timer = threading.Timer(seconds, os._exit, [code])
    timer.daemon = True
    timer.start()


async def say_goodbye(workers: Workers, worker: UUID, announcements: Announcements) -> None:
    """Tell Postgres that this incarnation has stopped; what it still held goes back to the queue."""
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            left = await workers.stop(worker)
    except (Unavailable, TimeoutError) as error:
        log.warning("worker.goodbye_failed", error=str(error))
        return
    for one in left:
        log.info("job.released", job=str(one.id), attempt=one.attempt, state=one.state.value)
    entries = [
        entry_of(one.lane, one.id, one.limit_group)
        for one in left
        if one.state == "queued" and one.id not in announcements.withheld
    ]
    if entries:
        await announcements.enqueuer.enqueue(entries)
    await announcements.close()


def _stoppable(attempts: HeldAttempts) -> list[Execution]:
    """The attempts that are worth waiting for: an abandoned handler was told to stop long ago."""
    return [execution for execution in attempts.running() if not execution.abandoned]


async def _within(seconds: float, work: Awaitable[None]) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return False
    return True
