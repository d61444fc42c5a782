"""Submissions are served without the framework's layers, and answered as if they had passed them."""

from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send
from tests.integration.publisher.page import client_of

from corral.actions.access.principal import Role
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app

JOB = {"type": "test.anything", "payload": 1}
PATH = "/api/v1/jobs"


@pytest.fixture
async def layers(app: FastAPI, api: httpx2.AsyncClient) -> list[str]:
    """The path and query of each request that passes the framework's layers."""
    return await watched(app, api)


async def watched(app: FastAPI, api: httpx2.AsyncClient) -> list[str]:
    await api.get("/healthz")  # the layers are made for the first request
    passed: list[str] = []
    inner = app.middleware_stack
    assert inner is not None

    async def watching(scope: Scope, receive: Receive, send: Send) -> None:
        passed.append(f"{scope['path']}?{scope['query_string'].decode()}")
        await inner(scope, receive, send)

    app.middleware_stack = watching
    return passed


def shape(answer: httpx2.Response) -> tuple[int, list[str], Any]:
    body = answer.json()
    return answer.status_code, sorted(answer.headers), body if answer.is_error else sorted(body)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"type": "none"}', b'{"type": "test.anything", "payload": 1}']
)
async def test_a_submission_passes_no_layer_and_is_answered_alike(
    api: httpx2.AsyncClient, layers: list[str], body: bytes
):
    direct = await api.post(PATH, content=body)
    through = await api.post(f"{PATH}?wait=0", content=body)
    assert layers == [f"{PATH}?wait=0"]
    assert shape(direct) == shape(through)
    assert direct.headers["x-request-id"] != through.headers["x-request-id"]


async def test_only_what_a_direct_route_takes_is_served_by_it(api: httpx2.AsyncClient, layers: list[str]):
    assert (await api.get(PATH)).status_code == 200
    assert (await api.delete(PATH)).status_code == 405
    assert (await api.post(f"{PATH}/bulk", json={"jobs": [JOB]})).status_code == 201
    assert layers == [f"{PATH}?", f"{PATH}?"]


async def test_where_callers_are_bound_each_submission_passes_the_layers(
    settings: Settings, store: Store, keys: dict[Role, str]
):
    bound = create_app(replace(settings, api_rate="100/s"))
    async with bound.router.lifespan_context(bound), client_of(bound, keys[Role.OPERATOR]) as api:
        layers = await watched(bound, api)
        assert (await api.post(PATH, json=JOB)).status_code == 201
        assert layers == [f"{PATH}?"]
