"""A picture that needs more memory than an attempt may use: it fails by name, and takes nobody along."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pyvips
from tests.integration.worker.corral_jobs.test_images import processed, upload
from tests.integration.worker.system import System, running_system
from tests.unit.corral_jobs.image.pictures import saved, scene

from corral.job.state import State


@pytest.fixture
async def system(database_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[System]:
    async with running_system(database_url, redis_url, tmp_path) as running:
        yield running


async def test_an_attempt_over_its_memory_fails_by_name_and_its_neighbour_lives(system: System):
    """An interlaced picture is held whole, four channels of sixteen bits each, and WebP holds the result whole, too."""
    await system.ready(queues="demo", slots_process=2)
    large = pyvips.Image.black(8_300, 6_000, bands=4).copy(interpretation="rgb16").cast("ushort")
    over = await upload(system, saved(large, ".png", interlace=True, compression=1))
    (hungry,) = await system.submit(
        "image.process", {"upload": over, "outputs": [{"format": "webp"}]}, retries=0
    )
    neighbour = await processed(system, upload=await upload(system, saved(scene(), ".jpg")))
    assert neighbour.state is State.COMPLETED
    job = await system.state(hungry, State.FAILED, State.COMPLETED)
    assert job.state is State.FAILED, job.result
    assert (job.error["kind"], job.error["type"]) == ("memory", "MemoryLimitExceeded")
