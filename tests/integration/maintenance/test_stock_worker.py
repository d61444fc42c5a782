"""A stock `rq worker` runs Corral's jobs through the one entry point (protocol rule 30)."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from tests.fixtures import programs
from tests.fixtures.waiting import START
from tests.integration.maintenance.conftest import Shop

from corral.dispatch import Entry
from corral.job.job import Job
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral.job.state import State
from corral.maintenance.duties.rq_mirror import RqMirror
from corral.maintenance.leadership import Reign

DEMO = Lane("demo", Priority.NORMAL)
SUSPECTS = Lane("demo", Priority.NORMAL, suspect=True)

pytestmark = pytest.mark.slow


async def stock_worker(database_url: str, redis_url: str, folder: Path, *lanes: str) -> str:
    """Let RQ's own worker run until the lists are empty; what it printed."""
    environment = programs.environment(database_url=database_url, redis_url=redis_url, grace=5)
    words = ("worker", "--burst", "--url", redis_url, *lanes)
    done = await asyncio.to_thread(
        programs.run, "rq.cli", *words, environment=environment, folder=folder, timeout=START
    )
    return done.out + done.err


async def stored(shop: Shop, job: UUID) -> Job:
    return (await shop.store.jobs.many([job]))[0]


@pytest.fixture
async def wanted(shop: Shop, reign: Reign) -> None:
    """RQ's whole contract is wanted."""
    await shop.store.queues.name(["demo"])
    async with RqMirror(shop.store, shop.dispatch, wanted=True) as mirror:
        await mirror.round(reign)


async def test_it_claims_runs_and_completes(
    wanted: None, shop: Shop, database_url: str, redis_url: str, tmp_path: Path
):
    first, second = await shop.submit(2, queue="demo", enqueue=True)
    printed = await stock_worker(database_url, redis_url, tmp_path, "demo")
    for job in (first, second):
        found = await stored(shop, job)
        assert (found.state, found.attempt) == (State.COMPLETED, 1), printed
    assert await shop.dispatch.repair.disagreements() == []
    assert (await shop.dispatch.repair.depths())[DEMO].popped == 0


async def test_it_obeys_a_refusal(
    wanted: None, shop: Shop, database_url: str, redis_url: str, tmp_path: Path
):
    (job,) = await shop.submit(queue="demo", enqueue=True)
    await shop.store.queues.pause("demo", "ann")
    printed = await stock_worker(database_url, redis_url, tmp_path, "demo")
    assert (await stored(shop, job)).state is State.QUEUED, printed
    assert (await shop.dispatch.repair.depths())[DEMO].parked == 1, printed


async def test_a_job_that_is_gone_is_not_run(
    wanted: None, shop: Shop, database_url: str, redis_url: str, tmp_path: Path
):
    (job,) = await shop.submit(queue="demo", enqueue=True)
    await shop.store.jobs.cancel([job], "ann")
    await stock_worker(database_url, redis_url, tmp_path, "demo")
    found = await stored(shop, job)
    assert (found.state, found.attempt) == (State.CANCELLED, 0)


async def test_a_suspect_runs_alone(
    wanted: None, shop: Shop, database_url: str, redis_url: str, tmp_path: Path
):
    (job,) = await shop.submit(queue="demo")
    await shop.store.database.run("UPDATE corral.jobs SET suspect = true")
    await shop.dispatch.lanes.enqueue([Entry(SUSPECTS, job)])
    printed = await stock_worker(database_url, redis_url, tmp_path, "demo", "demo.suspect")
    assert (await stored(shop, job)).state is State.COMPLETED, printed
