"""The OpenAPI document is complete, and what the API answers fits it."""

from typing import Any

import httpx2
import jsonschema_rs
import pytest
from fastapi import FastAPI
from tests.integration.publisher.conftest import Hand, Submit
from tests.integration.publisher.pools import telling

from corral.dispatch import Dispatch
from corral.settings import Settings
from corral.store import Store
from corral_publisher.app import create_app

MADE_BY_PATCH = {"patch /api/v1/providers/{name}"}
"""What makes the thing where there is none of that name."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app: FastAPI = create_app(Settings(database_url="postgresql://x/y", redis_url="redis://x"))
    return app.openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, op) for path, ops in document["paths"].items() for method, op in ops.items()]


def test_every_operation_says_what_it_does_and_how_it_fails(document: dict[str, Any]):
    ids = []
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        ids.append(operation["operationId"])
        assert operation["summary"], where
        assert operation["description"], where
        assert operation["tags"], where
        if not path.startswith("/api/"):
            continue
        assert operation["security"] == [{"key": []}], where
        answers = operation["responses"]
        for status in ("401", "403", "503"):
            assert "application/problem+json" in answers[status]["content"], where
        assert any(status.startswith("2") for status in answers), where
        if "{" in path and where not in MADE_BY_PATCH:
            assert "404" in answers, where
        if "requestBody" in operation:
            assert {"408", "413", "422"} <= answers.keys(), where
            assert ("400" in answers) is ("application/json" in operation["requestBody"]["content"]), where
    assert len(ids) == len(set(ids)) == len(operations(document))


def taken(node: Any, path: str, document: dict[str, Any], seen: frozenset[str]) -> list[str]:
    """Where a schema of what the API takes leaves a number without bounds."""
    if not isinstance(node, dict):
        return []
    reference = node.get("$ref")
    if isinstance(reference, str):
        name = reference.rpartition("/")[2]
        inner = document["components"]["schemas"][name]
        return [] if name in seen else taken(inner, name, document, seen | {name})
    open_ended = [path] if node.get("type") in ("integer", "number") and not bounded(node) else []
    for key in ("properties", "$defs"):
        for name, child in node.get(key, {}).items():
            open_ended += taken(child, f"{path}/{name}", document, seen)
    for key in ("anyOf", "oneOf", "allOf"):
        for child in node.get(key, []):
            open_ended += taken(child, path, document, seen)
    for key in ("items", "additionalProperties"):
        open_ended += taken(node.get(key), path, document, seen)
    return open_ended


def bounded(node: dict[str, Any]) -> bool:
    return "maximum" in node and ("minimum" in node or "exclusiveMinimum" in node)


def test_every_number_that_the_api_takes_has_bounds(document: dict[str, Any]):
    found = []
    for path, method, operation in operations(document):
        where = f"{method} {path}"
        for parameter in operation.get("parameters", ()):
            found += taken(parameter["schema"], f"{where}?{parameter['name']}", document, frozenset())
        for content in operation.get("requestBody", {}).get("content", {}).values():
            found += taken(content["schema"], where, document, frozenset())
    assert found == []


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    found = []

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                found.append(node["$ref"])
            for child in node.values():
                walk(child)
        elif isinstance(node, list):
            for child in node:
                walk(child)

    walk(document)
    schemas = document["components"]["schemas"]
    assert found
    assert {reference.removeprefix("#/components/schemas/") for reference in found} <= schemas.keys()


def test_examples_fit_their_schemas(document: dict[str, Any]):
    checked = 0
    for name, schema in document["components"]["schemas"].items():
        for example in schema.get("examples", ()):
            validator(document, {"$ref": f"#/components/schemas/{name}"}).validate(example)
            checked += 1
    assert checked >= 3


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    return jsonschema_rs.Draft202012Validator(schema | {"components": document["components"]})


async def test_answers_fit_their_schemas(
    document: dict[str, Any], api: httpx2.AsyncClient, submit: Submit, hand: Hand
):
    job = await submit("test.letter", {"to": "Ann"}, tags=["x"])
    await hand.complete(job["id"])
    await submit(delay=60)
    one = "/api/v1/jobs/{job_id}"
    calls = [
        ("get", "/api/v1/jobs", ""),
        ("get", one, job["id"]),
        ("get", f"{one}/attempts", job["id"]),
        ("get", f"{one}/logs", job["id"]),
        ("get", f"{one}/artifacts", job["id"]),
        ("get", f"{one}/why", job["id"]),
        ("post", f"{one}/retry", job["id"]),
        ("post", f"{one}/cancel", job["id"]),
        ("get", "/api/v1/queues", ""),
        ("get", "/api/v1/queues/{name}", "post"),
        ("post", "/api/v1/queues/{name}/pause", "post"),
        ("get", "/api/v1/types", ""),
        ("get", "/api/v1/types/{name}", "test.letter"),
        ("get", "/api/v1/workers", ""),
        ("get", "/api/v1/stats", ""),
        ("get", f"{one}/why", "x"),
    ]
    for method, path, value in calls:
        answer = await api.request(method, path.replace("{job_id}", value).replace("{name}", value))
        described = document["paths"][path][method]["responses"][str(answer.status_code)]["content"]
        schema = described[answer.headers["content-type"]]["schema"]
        validator(document, schema).validate(answer.json())
    for body in ({"type": "test.anything"}, {"type": "x"}):
        answer = await api.post("/api/v1/jobs", json=body)
        described = document["paths"]["/api/v1/jobs"]["post"]["responses"][str(answer.status_code)]["content"]
        validator(document, described[answer.headers["content-type"]]["schema"]).validate(answer.json())


async def test_answers_about_pools_and_loads_fit_their_schemas(
    document: dict[str, Any], app: FastAPI, settings: Settings, store: Store, admin: httpx2.AsyncClient
):
    term = await store.leases.acquire("test", None)
    assert term is not None
    await store.scaling.add([telling.decision(1, 2)], term)
    dispatch = Dispatch.open(settings.redis_url)
    await dispatch.pools.report(telling.status())
    await dispatch.close()
    await app.state.services.pools.look()
    calls: list[tuple[str, str, str, Any]] = [
        ("get", "/api/v1/pools", "", None),
        ("get", "/api/v1/pools/{name}", "io", None),
        ("get", "/api/v1/pools/{name}", "x", None),
        ("get", "/api/v1/pools/{name}/decisions", "io", None),
        ("get", "/api/v1/pools/{name}/decisions", "x", None),
        ("post", "/api/v1/load", "", {"mix": {"demo.echo": {}}, "count": 2}),
        ("post", "/api/v1/load", "", {"mix": {}, "count": 2}),
    ]
    statuses = []
    for method, path, name, body in calls:
        answer = await admin.request(method, path.replace("{name}", name), json=body)
        statuses.append(answer.status_code)
        described = document["paths"][path][method]["responses"][str(answer.status_code)]["content"]
        validator(document, described[answer.headers["content-type"]]["schema"]).validate(answer.json())
    assert statuses == [200, 200, 404, 200, 404, 201, 422]


async def test_the_document_is_served(api: httpx2.AsyncClient, document: dict[str, Any]):
    assert (await api.get("/api/v1/openapi.json")).json()["paths"].keys() == document["paths"].keys()


async def test_a_parameter_that_a_route_does_not_know_is_refused_and_those_it_knows_are_named(
    admin: httpx2.AsyncClient, document: dict[str, Any]
):
    """A misspelt filter that is passed over answers more than was asked for, and an action does more."""
    for path, method, operation in operations(document):
        if not path.startswith("/api/v1/") or path.endswith("/openapi.json"):
            continue
        answer = await admin.request(method, path, params={"stat": "failed"}, json={})
        where = f"{method} {path}"
        assert answer.status_code == 422, (where, answer.text)
        (error,) = answer.json()["errors"]
        assert error["parameter"] == "stat", where
        for known in operation.get("parameters", ()):
            if known["in"] == "query":
                assert known["name"] in error["detail"], where


async def test_a_stranger_hears_of_no_parameter(stranger: httpx2.AsyncClient, document: dict[str, Any]):
    for path, method, _ in operations(document):
        if path.startswith("/api/v1/") and not path.endswith("/openapi.json"):
            answer = await stranger.request(method, path, params={"stat": "failed"}, json={})
            assert answer.status_code == 401, (method, path, answer.text)


def test_every_list_with_a_next_page_says_how_to_ask_for_it(document: dict[str, Any]):
    schemas, silent = document["components"]["schemas"], []
    for path, method, operation in operations(document):
        answers = operation["responses"].get("200", {}).get("content", {}).get("application/json", {})
        name = answers.get("schema", {}).get("$ref", "").rpartition("/")[2]
        following = schemas.get(name, {}).get("properties", {}).get("next", {"type": "null"})
        if method == "get" and following.get("type") != "null":
            names = {one["name"] for one in operation.get("parameters", ())}
            silent += [] if names & {"cursor", "after"} else [path]
    assert silent == ["/api/v1/jobs/{job_id}/deliveries"], "the newest 200 are one page"
