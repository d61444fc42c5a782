"""A NUL character, which Postgres keeps in no text, is refused by name wherever a request can hold one."""

import re
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from tests.integration.publisher.page import HTML, send
from tests.integration.publisher.test_roles import routes

NUL = "contains a NUL character (\\u0000)"


def plain(path: str, name: str) -> str:
    """The path of a route with this in place of its parameters."""
    return re.sub(r"\{[^}]+\}", name, path)


async def test_nothing_is_at_a_path_with_one(app: FastAPI, admin: httpx2.AsyncClient):
    """Of the API and of the pages."""
    admin.headers.update(HTML)
    found = [(method, path) for method, path, role in routes(app) if role is not None and "{" in path]
    assert len(found) > 60
    for method, path in found:
        answer = await admin.request(method, plain(path, "%00"))
        assert answer.status_code == 404, f"{method} {path}: {answer.text[:300]}"
    assert (await admin.get("/static/%00")).status_code == 404


async def test_a_parameter_with_one_is_named(app: FastAPI, admin: httpx2.AsyncClient):
    """Whatever the route knows of it."""
    found = [(method, path) for method, path, role in routes(app) if role and path.startswith("/api/")]
    assert len(found) > 60
    for method, path in found:
        answer = await admin.request(method, plain(path, "x") + "?search.%00=x&cursor=a%00b&limit=5")
        assert answer.status_code == 422, f"{method} {path}: {answer.text[:300]}"
        told = {one["parameter"]: one["detail"] for one in answer.json()["errors"]}
        assert [*told] == ["search.\\u0000", "cursor"], path
        assert "has a name with a NUL character" in told["search.\\u0000"]
        assert NUL.removeprefix("contains ") in told["cursor"]


@pytest.mark.parametrize("path", ["/schedules?cursor=%00", "/webhooks?cursor=%00", "/jobs?search.%00=1"])
async def test_pages_say_the_same(browser: httpx2.AsyncClient, path: str):
    answer = await browser.get(path)
    assert (answer.status_code, "a NUL character" in answer.text) == (422, True), answer.text


async def test_a_form_with_one_is_refused_by_the_name_of_its_field(browser: httpx2.AsyncClient):
    answer = await send(browser, "/jobs", **{"type": "test.letter", "/to": "a\0"})
    assert answer.status_code == 422
    assert f"/to: {NUL}" in answer.text


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/types/test.letter", {"overrides": {"tags": ["a", "\0"]}}, "/overrides/tags/1"),
        ("/types/test.letter", {"overrides": {"search": ["\0"]}}, "/overrides/search/0"),
        ("/queues/post", {"defaults": {"limits": ["\0"]}}, "/defaults/limits/0"),
        ("/limits/x/slots", {"program": "x", "key": "\0"}, "/key"),
        ("/limits/x", {"overrides": {"a\0": 1}}, "/overrides"),
    ],
)
async def test_a_body_with_one_is_refused_at_its_place(
    api: httpx2.AsyncClient, path: str, body: dict[str, Any], pointer: str
):
    method = "POST" if path.endswith("slots") else "PATCH"
    answer = await api.request(method, f"/api/v1{path}", json=body)
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["pointer"] == pointer
    assert NUL in error["detail"]


async def test_of_a_bulk_that_is_stored_in_part_the_other_jobs_are_stored(api: httpx2.AsyncClient):
    jobs = [{"type": "test.anything", "payload": text} for text in ("fine", "a\0")]
    answer = await api.post("/api/v1/jobs/bulk?partial=true", json={"jobs": jobs})
    assert (answer.status_code, answer.json()["accepted"]) == (201, 1), answer.text
