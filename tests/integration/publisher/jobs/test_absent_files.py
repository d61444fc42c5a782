"""Downloads and uploads while the place of artifacts is away: refused by name, before the answer has begun."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest
from tests.fixtures.servers.object_server import ACCESS_KEY, SECRET_KEY, ObjectServer
from tests.fixtures.waiting import eventually_async
from tests.integration.publisher.conftest import Hand, Submit

from corral.job.outcome import Finished, Succeeded
from corral.settings import Settings
from corral.store import Store
from corral.store.artifacts.object_storage import PART_BYTES

SIZE = PART_BYTES + 17


@pytest.fixture
def settings(settings: Settings, own_object_server: ObjectServer) -> Settings:
    return replace(
        settings,
        artifact_store="s3",
        artifact_bucket=own_object_server.bucket().name,
        artifact_endpoint=own_object_server.url,
        artifact_access_key=ACCESS_KEY,
        artifact_secret_key=SECRET_KEY,
    )


@pytest.fixture
async def files(settings: Settings) -> AsyncIterator[Store]:
    """The installation as its workers open it."""
    opened = Store.from_settings(settings, application_name="test", pool_size=1)
    yield opened
    await opened.close()


@pytest.fixture
async def path(submit: Submit, hand: Hand, files: Store) -> str:
    """Where the file of a completed job is."""
    job = UUID((await submit())["id"])
    attempt = await hand.claim(job)
    made = await files.artifacts.put(job, attempt, "a.bin", "application/octet-stream", bytes(SIZE))
    await files.attempts.finish(hand.id, [Finished(job, attempt, Succeeded(None))], artifacts={job: [made]})
    return f"/api/v1/jobs/{job}/artifacts/a.bin"


async def test_they_are_refused_by_name_and_work_again_when_it_is_back(
    api: httpx2.AsyncClient, path: str, own_object_server: ObjectServer, settings: Settings
):
    assert (await api.get(path)).content == bytes(SIZE)
    assert (await api.get(path, headers={"Range": "bytes=5-9"})).content == bytes(5)
    kept = (await api.post("/api/v1/uploads", content=b"%PDF-1.7 hello")).json()
    own_object_server.stop()
    for answer in (await api.get(path), await api.post("/api/v1/uploads", content=b"%PDF-1.7 hello")):
        assert (answer.status_code, answer.json()["dependency"]) == (503, "artifacts")
        assert f"bucket {settings.artifact_bucket} at {own_object_server.url}" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        assert SECRET_KEY not in answer.text
    assert (await api.get("/readyz")).json()["status"] == "ready"
    assert (await api.post("/api/v1/jobs", json={"type": "test.anything"})).status_code == 201
    etag = (await api.get(f"{path.rpartition('/')[0]}")).json()["items"][0]["sha256"]
    assert (await api.get(path, headers={"If-None-Match": f'"{etag}"'})).status_code == 304

    own_object_server.start()

    async def back() -> bool:
        return (await api.get(path)).status_code == 200

    await eventually_async(back)
    assert (await api.get(f"/api/v1/uploads/{kept['id']}")).json()["size"] == kept["size"]
