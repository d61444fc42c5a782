"""POST /uploads: streamed, within limits, of the type that the content has."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.page import client_of

from corral.actions.access.principal import Role
from corral.settings import Settings
from corral.store import Store

UPLOADS = "/api/v1/uploads"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 600_000
LIMIT = 1_000_000


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        maintenance_enabled=False,
        max_upload_bytes=LIMIT,
        upload_timeout=5,
        upload_hours=2,
    )


async def streamed(content: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def test_a_file_is_stored_and_told_of(api: httpx2.AsyncClient, store: Store):
    answer = await api.post(
        f"{UPLOADS}?name=C:\\photos\\Beach.jpg",
        content=streamed(PNG),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 201
    told = answer.json()
    assert (told["name"], told["media_type"], told["size"]) == ("Beach.jpg", "image/png", len(PNG))
    assert told["created_by"] == "operator"
    assert answer.headers["location"] == f"{UPLOADS}/{told['id']}"
    assert (await api.get(answer.headers["location"])).json() == told
    found = await store.uploads.find(UUID(told["id"]))
    assert found is not None
    assert await store.uploads.read(found) == PNG
    assert 7_100 < (found.expires_at - found.created_at).total_seconds() < 7_300


@pytest.mark.parametrize("declared", [True, False])
async def test_one_that_is_too_large_is_refused_and_leaves_nothing(
    api: httpx2.AsyncClient, store: Store, declared: bool
):
    content = b"x" * (LIMIT + 1)
    answer = await api.post(UPLOADS, content=content if declared else streamed(content))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:corral:problem:too-large")
    assert "1,000,000" in answer.json()["detail"]
    assert await store.database.run("SELECT 1 FROM corral.uploads") == []


@pytest.mark.parametrize(
    ("content", "headers", "query", "told"),
    [
        (b"", {}, "", "the file is empty"),
        (b"--a", {"Content-Type": "multipart/form-data; boundary=a"}, "", "the body is a form"),
        (PNG, {}, "?name=..", "'..' is no name of a file"),
        (PNG, {}, "?name=a%00b", "contains a NUL character"),
        (PNG, {}, f"?name={'a' * 256}", "255"),
    ],
)
async def test_what_can_not_be_one_is_refused_with_its_reason(
    api: httpx2.AsyncClient, content: bytes, headers: dict[str, str], query: str, told: str
):
    answer = await api.post(f"{UPLOADS}{query}", content=content, headers=headers)
    assert answer.status_code == 422
    assert told in answer.text


@pytest.mark.parametrize("name", ["01995f6e-8c3a-7d42-9f0e-3b6c5a1d2e4f", "nothing"])
async def test_there_is_no_other(api: httpx2.AsyncClient, name: str):
    answer = await api.get(f"{UPLOADS}/{name}")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no upload {name}")


async def test_who_may_only_look_sends_none(app: FastAPI, keys: dict[Role, str]):
    async with client_of(app, keys[Role.VIEWER]) as viewer:
        assert (await viewer.post(UPLOADS, content=PNG)).status_code == 403
