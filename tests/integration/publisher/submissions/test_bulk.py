"""Many jobs in one request: all or none, or all that are right."""

from typing import Any

import httpx2
import pytest
from tests.integration.publisher.conftest import count

from corral.store import Store


async def test_a_bulk_is_stored_as_a_whole(api: httpx2.AsyncClient, store: Store):
    jobs = [{"type": "test.letter", "payload": {"to": f"p{n}"}} for n in range(1200)]
    answer = await api.post("/api/v1/jobs/bulk", json={"jobs": jobs})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["accepted"], made["refused"], len(made["jobs"])) == (1200, 0, 1200)
    for index in (0, 700, 1199):
        item = made["jobs"][index]
        assert item["index"] == index
        assert (await api.get(f"/api/v1/jobs/{item['id']}")).json()["payload"] == {"to": f"p{index}"}
    assert await count(store) == 1200


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "test.letter", "payload": {"to": 1}},
        {"type": "no.such"},
        {"type": 1},
        {"type": "test.anything", "delay": -1},
        {"type": "test.anything", "payload": "x" * 100_001},
        "not a job",
    ],
)
async def test_one_wrong_job_refuses_the_whole_bulk(api: httpx2.AsyncClient, store: Store, wrong: Any):
    jobs = [{"type": "test.anything"}, wrong, {"type": "test.anything"}]
    answer = await api.post("/api/v1/jobs/bulk", json={"jobs": jobs})
    assert answer.status_code == 422
    assert all(error["pointer"].startswith("/jobs/1") for error in answer.json()["errors"])
    assert await count(store) == 0


async def test_a_partial_bulk_stores_what_is_right(api: httpx2.AsyncClient, store: Store):
    jobs = [
        {"type": "test.anything"},
        {"type": "no.such"},
        {"type": "test.letter", "payload": {"to": 1}},
        "not a job",
        {"type": "test.letter", "payload": {"to": "Ann"}},
    ]
    answer = await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": jobs})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["accepted"], made["refused"]) == (2, 3)
    assert [sorted(item) for item in made["jobs"]] == [
        ["id", "index", "state"],
        ["errors", "index"],
        ["errors", "index"],
        ["errors", "index"],
        ["id", "index", "state"],
    ]
    assert [item["errors"][0]["pointer"] for item in made["jobs"][1:4]] == ["/type", "/payload/to", ""]
    assert await count(store) == 2


@pytest.mark.parametrize(
    "payload",
    ['"\\u0000"', '"\\ud800"', "NaN", "1e999", "9" * 4301, "[" * 70 + "]" * 70],
    ids=["NUL", "half a character", "NaN", "beyond a double", "very long", "deep"],
)
@pytest.mark.parametrize("neighbour", ["2", str(2**70), "0.1000000000000000055511"])
async def test_what_can_not_be_stored_is_refused_alone_whatever_stands_beside_it(
    api: httpx2.AsyncClient, store: Store, payload: str, neighbour: str
):
    jobs = ",".join(f'{{"type":"test.anything","payload":{one}}}' for one in (payload, neighbour))
    body = f'{{"jobs":[{jobs}]}}'
    answer = await api.post("/api/v1/jobs/bulk?partial=true", content=body)
    assert answer.status_code == 201, answer.text
    wrong, right = answer.json()["jobs"]
    assert [error["pointer"].startswith("/payload") for error in wrong["errors"]] == [True]
    assert (right["state"], await count(store)) == ("queued", 1)
    whole = await api.post("/api/v1/jobs/bulk", content=body)
    assert (whole.status_code, await count(store)) == (422, 1)


async def test_a_partial_bulk_without_a_right_job_is_refused(api: httpx2.AsyncClient, store: Store):
    answer = await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": [{"type": "no.such"}]})
    assert (answer.status_code, await count(store)) == (422, 0)


@pytest.mark.parametrize(
    "body", [[], {}, {"jobs": []}, {"jobs": [{"type": "test.anything"}] * 10_001}, {"jobs": 3}]
)
async def test_a_bulk_that_is_none_is_refused(api: httpx2.AsyncClient, store: Store, body: Any):
    for partial in ("false", "true"):
        answer = await api.post(f"/api/v1/jobs/bulk?partial={partial}", json=body)
        assert answer.status_code == 422, answer.text
    assert await count(store) == 0
