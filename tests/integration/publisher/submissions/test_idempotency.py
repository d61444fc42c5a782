"""The header Idempotency-Key: a request that is sent twice is stored once."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from tests.integration.publisher.conftest import Hand

from corral.store import Store

ECHO = {"type": "test.anything", "payload": {"to": "Ann"}}


def key(name: str = "order 17") -> dict[str, str]:
    return {"Idempotency-Key": name}


async def count(api: httpx2.AsyncClient) -> int:
    return len((await api.get("/api/v1/jobs")).json()["items"])


async def test_the_same_request_is_stored_once(api: httpx2.AsyncClient, hand: Hand):
    first = await api.post("/api/v1/jobs", json=ECHO, headers=key())
    again = await api.post(
        "/api/v1/jobs", json=ECHO, headers=key() | {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    )
    assert (first.status_code, again.status_code) == (201, 200)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert again.json() == first.json() == (await api.get(first.headers["location"])).json()
    await hand.claim(first.json()["id"])
    now = (await api.post("/api/v1/jobs", json=ECHO, headers=key())).json()
    assert (now["id"], now["state"]) == (first.json()["id"], "running")
    assert await count(api) == 1


async def test_many_that_come_at_once_are_stored_once(api: httpx2.AsyncClient):
    answers = await asyncio.gather(
        *(api.post("/api/v1/jobs", json=ECHO, headers=key(f"order {number % 3}")) for number in range(60))
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 57 + [201] * 3
    assert len({answer.json()["id"] for answer in answers}) == 3
    assert await count(api) == 3


@pytest.mark.parametrize(
    "other",
    [{"payload": {"to": "Bob"}}, {"delay": 5}, {"tags": ["a"]}, {"priority": "high"}, {"payload": None}],
    ids=str,
)
async def test_another_request_with_the_same_key_is_refused(api: httpx2.AsyncClient, other: dict[str, Any]):
    first = await api.post("/api/v1/jobs", json=ECHO, headers=key())
    refused = await api.post("/api/v1/jobs", json=ECHO | other, headers=key())
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "/idempotency_key"
    assert "another request" in error["detail"]
    assert await count(api) == 1
    assert (await api.post("/api/v1/jobs", json=ECHO, headers=key())).json()["id"] == first.json()["id"]


async def test_callers_do_not_share_keys(api: httpx2.AsyncClient, admin: httpx2.AsyncClient):
    mine = await api.post("/api/v1/jobs", json=ECHO, headers=key())
    theirs = await admin.post("/api/v1/jobs", json=ECHO, headers=key())
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]


@pytest.mark.parametrize("wrong", ["", "a" * 256, "a\tb", "a\xffb"], ids=["empty", "long", "tab", "latin"])
async def test_what_is_no_key_is_refused(api: httpx2.AsyncClient, wrong: str):
    headers = {b"idempotency-key": wrong.encode("latin-1")}
    answer = await api.post("/api/v1/jobs", json=ECHO, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"pointer": "/idempotency_key", "detail": "is not 1 to 255 printable ASCII characters"}
    ]
    assert await count(api) == 0


async def test_a_refused_submission_uses_no_key(api: httpx2.AsyncClient):
    assert (await api.post("/api/v1/jobs", json={"type": "nothing"}, headers=key())).status_code == 422
    assert (await api.post("/api/v1/jobs", json=ECHO, headers=key())).status_code == 201


async def test_waiting_and_a_key_go_together(api: httpx2.AsyncClient, hand: Hand):
    posted = {"json": ECHO, "headers": key()}
    first = await api.post("/api/v1/jobs?wait=0.05", **posted)
    assert (first.status_code, first.json()["state"]) == (202, "queued")
    waiting = asyncio.create_task(api.post("/api/v1/jobs?wait=20", **posted))
    await hand.complete(first.json()["id"], '{"sent": true}')
    again = await waiting
    assert (again.status_code, again.json()["state"], again.json()["result"]) == (
        200,
        "completed",
        {"sent": True},
    )


async def test_a_bulk_is_stored_once(api: httpx2.AsyncClient):
    body = {"jobs": [ECHO, ECHO | {"delay": 600}]}
    first = await api.post("/api/v1/jobs/bulk", json=body, headers=key())
    again = await api.post("/api/v1/jobs/bulk", json=body, headers=key())
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert [job["state"] for job in again.json()["jobs"]] == ["queued", "scheduled"]
    other = await api.post("/api/v1/jobs/bulk", json={"jobs": [ECHO]}, headers=key())
    assert other.status_code == 422
    partial = await api.post("/api/v1/jobs/bulk?partial=true", json=body, headers=key("b"))
    assert partial.status_code == 422
    assert "partial" in partial.json()["errors"][0]["detail"]
    assert await count(api) == 2


async def test_ten_thousand_with_a_key_are_stored_once(api: httpx2.AsyncClient, store: Store):
    body = {"jobs": [ECHO] * 10_000}
    first, again = [
        await api.post("/api/v1/jobs/bulk", json=body, headers=key(), timeout=60) for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    counted = await store.database.run("SELECT count(*) FROM corral.jobs")
    assert counted == [(10_000,)]


async def test_after_its_removal_a_job_is_said_to_be_expired(
    api: httpx2.AsyncClient, hand: Hand, store: Store
):
    posted = {"json": ECHO, "headers": key(str(uuid4()))}
    job = (await api.post("/api/v1/jobs", **posted)).json()
    await hand.complete(job["id"])
    lease = await store.leases.acquire("test", await store.leases.read())
    assert lease is not None
    assert await store.duties.retain(lease, installation={"keep_finished": {"count": 0}}) == 1
    again = await api.post("/api/v1/jobs", **posted)
    assert again.status_code == 200
    assert again.json() == {"id": job["id"], "state": "completed", "expired": True}
    bulk = {"json": {"jobs": [ECHO]}, "headers": key("bulk")}
    (listed,) = (await api.post("/api/v1/jobs/bulk", **bulk)).json()["jobs"]
    await hand.complete(listed["id"])
    assert await store.duties.retain(lease, installation={"keep_finished": {"count": 0}}) == 1
    again = await api.post("/api/v1/jobs/bulk", **bulk)
    assert again.json()["jobs"] == [{"index": 0, "id": listed["id"], "state": "completed", "expired": True}]
