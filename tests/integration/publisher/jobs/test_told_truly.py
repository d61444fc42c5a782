"""What is stored is told as stored: one job, its neighbours in a commit, the right part of a bulk."""

import asyncio
from typing import Any
from uuid import UUID

import httpx2
import psycopg
import pytest
from tests.integration.publisher.conftest import count

from corral.errors import CorralError, OutcomeUnknown
from corral.settings import Settings
from corral.store import Store
from corral.store.postgres.loaders import MomentLoader
from corral_publisher.routes import submission

POISON = """
ALTER TABLE corral.jobs ADD CONSTRAINT jobs_payload_check CHECK (payload::text NOT LIKE '%poison%') NOT VALID
"""


@pytest.fixture
def poisonous(settings: Settings) -> None:
    """A database that refuses a payload that every check of ours lets pass."""
    with psycopg.connect(settings.database_url, autocommit=True) as sql:
        sql.execute(POISON)


def unreadable(*_: object) -> None:
    raise NotImplementedError("the server speaks another language")


async def test_a_job_whose_stored_times_can_not_be_read_is_told(
    api: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
):
    assert (await api.post("/api/v1/jobs", json={"type": "test.anything"})).status_code == 201
    bodies = [{"type": "test.anything", "payload": {"n": n}, "expires_in": 60 + n} for n in range(30)]
    with monkeypatch.context() as patch:
        patch.setattr(MomentLoader, "load", unreadable)
        answers = await asyncio.gather(*[api.post("/api/v1/jobs", json=body) for body in bodies])
        bulk = await api.post("/api/v1/jobs/bulk", json={"jobs": bodies})
        waited = await api.post("/api/v1/jobs?wait=0.01", json=bodies[0])
    assert [answer.status_code for answer in answers] == [201] * 30
    assert [answer.json()["payload"] for answer in answers] == [body["payload"] for body in bodies]
    assert (bulk.status_code, bulk.json()["accepted"]) == (201, 30)
    assert waited.status_code == 202, waited.text
    assert await count(store) == 62


async def test_an_answer_that_can_not_be_made_still_names_the_job(
    api: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(submission, "stored", broken)
    answer = await api.post("/api/v1/jobs", json={"type": "test.anything"})
    assert answer.status_code == 201, answer.text
    job = await store.jobs.get(UUID(answer.json()["id"]))
    assert job is not None
    assert answer.headers["location"] == f"/api/v1/jobs/{job.id}"


@pytest.mark.usefixtures("poisonous")
async def test_what_postgres_alone_refuses_fails_alone(api: httpx2.AsyncClient, store: Store):
    bodies: list[dict[str, Any]] = [{"type": "test.anything", "payload": n} for n in range(20)]
    bodies[13]["payload"] = "poison"
    answers = await asyncio.gather(*[api.post("/api/v1/jobs", json=body) for body in bodies])
    assert [answer.status_code for answer in answers] == [422 if n == 13 else 201 for n in range(20)]
    assert [error["pointer"] for error in answers[13].json()["errors"]] == ["/payload"]
    assert await count(store) == 19


@pytest.mark.usefixtures("poisonous")
async def test_a_partial_bulk_stores_all_but_what_postgres_refuses(api: httpx2.AsyncClient, store: Store):
    jobs: list[dict[str, Any]] = [{"type": "test.anything", "payload": n} for n in range(25)]
    for index in (3, 17, 24):
        jobs[index]["payload"] = "poison"
    jobs[5] = {"type": "no.such"}
    answer = await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": jobs})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["accepted"], told["refused"]) == (21, 4)
    assert [item["index"] for item in told["jobs"] if "errors" in item] == [3, 5, 17, 24]
    assert told["jobs"][17]["errors"][0]["pointer"] == "/payload"
    kept = {str(job.id) for job in (await store.jobs.page(limit=100)).items}
    assert kept == {item["id"] for item in told["jobs"] if "id" in item}
    whole = await api.post("/api/v1/jobs/bulk", json={"jobs": jobs[:5]})
    assert whole.status_code == 422
    assert await count(store) == 21


@pytest.mark.usefixtures("poisonous")
@pytest.mark.parametrize("failure", [OutcomeUnknown(()), CorralError("gone away")], ids=["unknown", "away"])
async def test_what_a_partial_bulk_has_stored_is_told_whatever_becomes_of_the_rest(
    app: Any, api: httpx2.AsyncClient, store: Store, monkeypatch: pytest.MonkeyPatch, failure: CorralError
):
    """The first half is stored when the second one's commit fails."""
    submitter = app.state.services.submitter
    commit, calls = submitter._commits.commit, []

    async def failing(jobs: Any) -> Any:
        calls.append(len(jobs))
        if calls == [4, 2, 2]:
            raise failure
        return await commit(jobs)

    monkeypatch.setattr(submitter._commits, "commit", failing)
    jobs = [{"type": "test.anything", "payload": payload} for payload in (0, 1, 2, "poison")]
    answer = await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": jobs})
    assert answer.status_code == 201, answer.text
    told = answer.json()["jobs"]
    assert ["errors" in item for item in told] == [False, False, True, True]
    assert await count(store) == 2
