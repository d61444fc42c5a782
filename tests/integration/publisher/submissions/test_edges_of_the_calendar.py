"""Times that UTC or a reader has no word for: refused by name before anything is stored, in submissions and filters."""

import asyncio
from typing import Any

import httpx2
import pytest
from tests.integration.publisher.conftest import count

from corral.store import Store

BEYOND = [
    "9999-12-31T23:59:59-05:00",
    "9999-12-31T23:59:59.999999-00:01",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00+00:01",
]
AT_THE_EDGE = ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00Z"]


async def readable(api: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """Every list and page answers; what the list of the API holds."""
    page = await api.get("/jobs", headers={"Accept": "text/html"}, follow_redirects=False)
    assert page.status_code in (200, 303), page.text
    answer = await api.get("/api/v1/jobs")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    for item in items:
        one = await api.get(f"/api/v1/jobs/{item['id']}")
        assert one.status_code == 200, one.text
    return items


@pytest.mark.parametrize("moment", BEYOND)
async def test_a_time_beyond_the_calendar_is_refused_by_name_and_nothing_is_stored(
    api: httpx2.AsyncClient, store: Store, moment: str
):
    answer = await api.post("/api/v1/jobs", json={"type": "test.anything", "run_at": moment})
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/run_at"]
    assert "years 1 to 9999" in answer.json()["detail"]
    assert await count(store) == 0


@pytest.mark.parametrize("moment", AT_THE_EDGE)
async def test_a_time_at_the_calendars_edge_is_taken_and_read_back(api: httpx2.AsyncClient, moment: str):
    answer = await api.post("/api/v1/jobs", json={"type": "test.anything", "run_at": moment})
    assert answer.status_code == 201, answer.text
    assert [item["id"] for item in await readable(api)] == [answer.json()["id"]]


async def test_its_neighbours_in_a_commit_hear_the_truth(api: httpx2.AsyncClient, store: Store):
    bodies: list[dict[str, Any]] = [{"type": "test.anything"} for _ in range(40)]
    bodies[7]["run_at"] = BEYOND[0]
    answers = await asyncio.gather(*[api.post("/api/v1/jobs", json=body) for body in bodies])
    assert [answer.status_code for answer in answers] == [422 if "run_at" in body else 201 for body in bodies]
    assert await count(store) == 39


@pytest.mark.parametrize("moment", BEYOND + AT_THE_EDGE)
@pytest.mark.parametrize("name", ["created_after", "created_before"])
async def test_a_filter_at_the_calendars_edge_is_answered_or_refused_by_name(
    api: httpx2.AsyncClient, moment: str, name: str
):
    answer = await api.get("/api/v1/jobs", params={name: moment})
    if moment in BEYOND:
        assert answer.status_code == 422, answer.text
        assert [error["parameter"] for error in answer.json()["errors"]] == [name]
    else:
        assert answer.status_code == 200, answer.text
