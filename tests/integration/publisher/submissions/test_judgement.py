"""A publisher, which has no models, refuses nothing that they would take, and says of the rest what is allowed."""

from typing import Annotated, Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from corral.catalog import job_type
from corral.catalog.record import record_of
from corral.store import Store


class Odd(BaseModel):
    model_config = ConfigDict(regex_engine="python-re", extra="forbid")

    code: Annotated[str, Field(pattern=r"^(?=.*\d)\w+$")] = "a1"
    url: HttpUrl | None = None
    id: UUID | None = None
    when: int | str | None = None


@pytest.fixture(autouse=True)
async def _registered(store: Store) -> None:
    await store.types.register([record_of(job_type("test.odd", payload=Odd, queue="post"))])


async def submitted(api: httpx2.AsyncClient, payload: Any, type_: str = "test.odd") -> httpx2.Response:
    return await api.post("/api/v1/jobs", json={"type": type_, "payload": payload})


@pytest.mark.parametrize(
    "payload",
    [
        {"code": "a1"},
        {"code": "no digit: the worker says so"},
        {"url": "https://müller.de/ü"},
        {"id": "550e8400e29b41d4a716446655440000"},
        {"when": "5"},
    ],
)
async def test_what_the_model_takes_is_stored(api: httpx2.AsyncClient, payload: Any):
    answer = await submitted(api, payload)
    assert answer.status_code == 201, answer.text
    assert answer.json()["payload"] == payload


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        ({"id": "x"}, ("/payload/id", 'is "x"; it must be a UUID or null')),
        (
            {"url": "nowhere"},
            ("/payload/url", 'is "nowhere"; it must be an address such as https://example.com/ or null'),
        ),
        ({"when": [5]}, ("/payload/when", "is a list; it must be a whole number, text or null")),
    ],
)
async def test_what_it_refuses_it_explains(api: httpx2.AsyncClient, payload: Any, error: tuple[str, str]):
    answer = await submitted(api, payload)
    assert answer.status_code == 422
    assert [(one["pointer"], one["detail"]) for one in answer.json()["errors"]] == [error]


async def test_what_the_worker_alone_judges_is_told_of_the_type(api: httpx2.AsyncClient):
    told = (await api.get("/api/v1/types/test.odd")).json()
    assert told["judged_by_worker"] == ["/code: Python's own regular expressions match it"]
    assert (await api.get("/api/v1/types/test.letter")).json()["judged_by_worker"] == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payload_schema", {"type": "nonsense"}),
        ("payload_schema", {"$ref": "http://example.com/none"}),
        ("payload_schema", {"properties": {"a": {"pattern": "(?=a)"}}}),
        ("options", {"queue": "post", "priority": "urgent", "executor": "gpu", "retries": 10**9}),
        ("options", {"queue": "post", "backoff": {"kind": "fibonacci"}, "timeout": "soon"}),
    ],
)
async def test_a_type_of_another_release_hides_neither_itself_nor_others(
    app: FastAPI, api: httpx2.AsyncClient, settings: Any, column: str, value: Any
):
    with psycopg.connect(settings.database_url, autocommit=True) as sql:
        sql.execute(
            f"UPDATE corral.job_types SET {column} = %s, version = '99+a' WHERE name = 'test.odd'",
            [Jsonb(value)],
        )
    await app.state.services.types.read()
    for name, payload in (("test.odd", {}), ("test.letter", {"to": "Ann"})):
        answer = await submitted(api, payload, name)
        assert answer.status_code == 201, answer.text
