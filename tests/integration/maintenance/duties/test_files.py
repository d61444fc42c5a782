"""Files of jobs that are gone are removed by maintenance in a process of its own, as by the publisher's."""

import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.fixtures import programs
from tests.fixtures.process import Process
from tests.fixtures.waiting import START, eventually
from tests.integration.maintenance.conftest import Shop

from corral.dispatch import Dispatch
from corral.job.outcome import Finished, Succeeded
from corral.maintenance.duties.housekeeping import Orphans, RetentionDuty
from corral.maintenance.leadership import Reign
from corral.settings import Settings
from corral.store import Store
from corral.store.artifacts.storage import STRAY_SECONDS

SERVICES = Path(__file__).parents[4] / "services"
OLD = STRAY_SECONDS + 60


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        artifact_store="filesystem",
        artifact_dir=tmp_path / "artifacts",
    )


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[Store]:
    opened = Store.from_settings(settings, application_name="test")
    yield opened
    await opened.close()


async def with_file(shop: Shop) -> UUID:
    """A job that completed and left a file."""
    (job,) = await shop.submit()
    worker = await shop.worker(f"w-{job}")
    await shop.claim(worker, [job])
    artifact = await shop.store.artifacts.put(job, 1, "a.txt", "text/plain", b"hello")
    await shop.store.attempts.finish(
        worker, [Finished(job, 1, Succeeded("null"))], artifacts={job: [artifact]}
    )
    return job


def jobs_with_files(settings: Settings) -> set[str]:
    folder = settings.artifact_dir
    assert folder is not None
    return {path.parts[-3] for path in folder.glob("*/*/*")}


@contextmanager
def maintenance_apart(settings: Settings, folder: Path) -> Iterator[None]:
    """`corral maintenance` in that folder."""
    environment = programs.environment(
        database_url=settings.database_url,
        redis_url=settings.redis_url,
        metrics_port=0,
        artifact_store="filesystem",
        artifact_dir="artifacts",
    )
    process = Process("corral.cli", "maintenance", environment=environment, log=folder / "maintenance.log")
    try:
        yield
    finally:
        process.end()


@pytest.mark.slow
async def test_maintenance_apart_removes_the_files_of_jobs_that_are_gone(
    shop: Shop, store: Store, settings: Settings, tmp_path: Path
):
    kept, gone = await with_file(shop), await with_file(shop)
    await store.database.run("DELETE FROM corral.jobs WHERE id = %(job)s", {"job": gone})
    stray = tmp_path / "artifacts" / str(uuid4()) / "1" / str(uuid4())
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"")
    os.utime(stray, (stray.stat().st_mtime - OLD,) * 2)
    assert jobs_with_files(settings) == {str(kept), str(gone), stray.parts[-3]}
    with maintenance_apart(settings, tmp_path):
        eventually(lambda: jobs_with_files(settings) == {str(kept)}, timeout=START)


async def test_the_files_of_a_job_go_when_its_time_is_over(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, settings: Settings
):
    job = await with_file(shop)
    await store.database.run("UPDATE corral.jobs SET finished_at = finished_at - interval '1 minute'")
    assert await RetentionDuty(store, {"keep_finished": {"seconds": 3600}}).round(reign) == 0
    await Orphans(store, dispatch).round(reign)
    assert jobs_with_files(settings) == {str(job)}
    assert await RetentionDuty(store, {"keep_finished": {"seconds": 30}}).round(reign) == 1
    await Orphans(store, dispatch).round(reign)
    assert jobs_with_files(settings) == set()


def test_no_program_opens_a_store_past_its_settings():
    """Each argument that is written twice is forgotten once, as the folder of the files was."""
    opening = {
        str(path.relative_to(SERVICES))
        for path in SERVICES.rglob("*.py")
        if re.search(r"\bStore\.open\(|\bDatabase\(", path.read_text())
    }
    assert opening <= {"shared/corral/store/store.py"}, opening
