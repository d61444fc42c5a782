"""Whatever arrives is answered with a problem that names the field; nothing of it is stored; never a 500."""

import gzip
import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs
from tests.integration.publisher.conftest import count

from corral.store import Store

LETTER = {"type": "test.letter", "payload": {"to": "Ann"}}


def nested(depth: int) -> Any:
    value: Any = "core"
    for _ in range(depth):
        value = {"in": value}
    return value


def with_payload(text: str) -> bytes:
    """A body whose payload is spelled by hand, as no JSON library would."""
    return b'{"type": "test.anything", "payload": {"a": [0, %s]}}' % text.encode()


CASES: dict[str, tuple[bytes, int, str]] = {
    "not JSON": (b"type=test.letter", 400, ""),
    "nothing": (b"", 400, ""),
    "half of it": (b'{"type": "test.letter"', 400, ""),
    "not UTF-8": (b'{"type": "\xff\xfe"}', 400, ""),
    "a list": (b"[]", 422, ""),
    "a number": (b"7", 422, ""),
    "null": (b"null", 422, ""),
    "no type": (b'{"payload": {}}', 422, "/type"),
    "type of the wrong type": (b'{"type": 7}', 422, "/type"),
    "unknown type": (b'{"type": "no.such"}', 422, "/type"),
    "type with a NUL": (b'{"type": "a\\u0000b"}', 422, "/type"),
    "long type": (json.dumps({"type": "x" * 5000}).encode(), 422, "/type"),
    "unknown field": (b'{"type": "test.letter", "payload": {"to": "A"}, "prio": 1}', 422, "/prio"),
    "missing payload field": (b'{"type": "test.letter", "payload": {}}', 422, "/payload/to"),
    "no payload": (b'{"type": "test.letter"}', 422, "/payload/to"),
    "extra payload field": (b'{"type": "test.letter", "payload": {"to": "A", "cc": 1}}', 422, "/payload/cc"),
    "payload field of the wrong type": (
        b'{"type": "test.letter", "payload": {"to": 1}}',
        422,
        "/payload/to",
    ),
    "deep payload field of the wrong type": (
        b'{"type": "test.letter", "payload": {"to": "A", "weights": [1, "x"]}}',
        422,
        "/payload/weights/1",
    ),
    "payload is no object": (b'{"type": "test.letter", "payload": 3}', 422, "/payload"),
    "deep nesting": (
        json.dumps({"type": "test.anything", "payload": nested(65)}).encode(),
        422,
        "/payload" + "/in" * 64,
    ),
    "very deep nesting": (
        b'{"type":"test.anything","payload":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        400,
        "",
    ),
    "NUL": (with_payload('"a\\u0000b"'), 422, "/payload/a/1"),
    "NUL in a key": (with_payload('{"a\\u0000b": 1}'), 422, "/payload/a/1"),
    "lone surrogate": (with_payload('"\\ud800"'), 422, "/payload/a/1"),
    "lone surrogate in a key": (with_payload('{"\\udfff": 1}'), 422, "/payload/a/1"),
    "1e999": (with_payload("1e999"), 422, "/payload/a/1"),
    "-1e999": (with_payload("-1e999"), 422, "/payload/a/1"),
    "NaN": (with_payload("NaN"), 422, "/payload/a/1"),
    "Infinity": (with_payload("Infinity"), 422, "/payload/a/1"),
    "1e-999": (with_payload("1e-999"), 422, "/payload/a/1"),
    "-1E-99999999999999999999": (with_payload("-1E-99999999999999999999"), 422, "/payload/a/1"),
    "many digits": (with_payload("-" + "9" * 4301), 422, "/payload/a/1"),
    "long number in deep nesting": (
        with_payload("[" * 900 + str(2**70) + "]" * 900),
        422,
        "/payload/a/1" + "/0" * 61,
    ),
    "negative delay": (b'{"type": "test.anything", "delay": -1}', 422, "/delay"),
    "delay of a thousand years": (b'{"type": "test.anything", "delay": 31536000000}', 422, "/delay"),
    "delay is a text": (b'{"type": "test.anything", "delay": "5"}', 422, "/delay"),
    "delay is a truth": (b'{"type": "test.anything", "delay": true}', 422, "/delay"),
    "delay and time": (
        b'{"type": "test.anything", "delay": 1, "run_at": "2030-01-01T00:00:00Z"}',
        422,
        "/run_at",
    ),
    "time without zone": (b'{"type": "test.anything", "run_at": "2030-01-01T00:00:00"}', 422, "/run_at"),
    "time is a number": (b'{"type": "test.anything", "run_at": 1e18}', 422, "/run_at"),
    "no time": (b'{"type": "test.anything", "run_at": "tomorrow"}', 422, "/run_at"),
    "negative retries": (b'{"type": "test.anything", "retries": -1}', 422, "/retries"),
    "retries beyond everything": (
        b'{"type": "test.anything", "retries": 1%s}' % (b"0" * 400),
        422,
        "/retries",
    ),
    "delay beyond everything": (b'{"type": "test.anything", "delay": 1%s}' % (b"0" * 400), 422, "/delay"),
    "delay of 1e308": (b'{"type": "test.anything", "delay": 1e308}', 422, "/delay"),
    "delay of 1e400": (b'{"type": "test.anything", "delay": 1e400}', 422, "/delay"),
    "delay of NaN": (b'{"type": "test.anything", "delay": NaN}', 422, "/delay"),
    "timeout of Infinity": (b'{"type": "test.anything", "timeout": Infinity}', 422, "/timeout"),
    "expires_in of -Infinity": (b'{"type": "test.anything", "expires_in": -Infinity}', 422, "/expires_in"),
    "time is a row of digits": (b'{"type": "test.anything", "run_at": "20300101"}', 422, "/run_at"),
    "time is infinite": (b'{"type": "test.anything", "run_at": "infinity"}', 422, "/run_at"),
    "time before our era": (b'{"type": "test.anything", "run_at": "-0044-03-15T00:00:00Z"}', 422, "/run_at"),
    "time after all years": (b'{"type": "test.anything", "run_at": "10000-01-01T00:00:00Z"}', 422, "/run_at"),
    "huge retries": (b'{"type": "test.anything", "retries": 18446744073709551615}', 422, "/retries"),
    "half a retry": (b'{"type": "test.anything", "retries": 0.5}', 422, "/retries"),
    "timeout of zero": (b'{"type": "test.anything", "timeout": 0}', 422, "/timeout"),
    "expires at once": (b'{"type": "test.anything", "expires_in": 0}', 422, "/expires_in"),
    "unknown priority": (b'{"type": "test.anything", "priority": "urgent"}', 422, "/priority"),
    "unknown queue": (b'{"type": "test.letter", "payload": {"to": "A"}, "queue": "nowhere"}', 422, "/queue"),
    "empty queue": (b'{"type": "test.letter", "payload": {"to": "A"}, "queue": ""}', 422, "/queue"),
    "queue not allowed": (b'{"type": "test.letter", "payload": {"to": "A"}, "queue": "demo"}', 422, "/queue"),
    "empty tag": (b'{"type": "test.anything", "tags": [""]}', 422, "/tags/0"),
    "tag with a NUL": (b'{"type": "test.anything", "tags": ["ok", "a\\u0000"]}', 422, "/tags/1"),
    "many tags": (json.dumps({"type": "test.anything", "tags": ["t"] * 21}).encode(), 422, "/tags"),
    "tags is a text": (b'{"type": "test.anything", "tags": "paper"}', 422, "/tags"),
    "large payload": (
        json.dumps({"type": "test.anything", "payload": "x" * 100_001}).encode(),
        413,
        "too-large",
    ),
    "large body": (
        json.dumps({"type": "test.anything", "payload": "x" * 2_000_001}).encode(),
        413,
        "too-large",
    ),
}


def named(answer: httpx2.Response) -> list[str]:
    """The places that a problem names."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["type"].startswith("urn:corral:problem:")
    assert problem["title"]
    return [error["pointer"] for error in problem.get("errors", [])]


@pytest.mark.parametrize("name", CASES)
async def test_a_wrong_submission_is_a_problem_that_names_the_field(
    api: httpx2.AsyncClient, store: Store, name: str
):
    body, status, place = CASES[name]
    answer = await api.post("/api/v1/jobs", content=body)
    assert answer.status_code == status, answer.text
    if status == 413:
        assert answer.json()["type"] == f"urn:corral:problem:{place}"
    else:
        assert place in named(answer), answer.text
    assert await count(store) == 0


JSON_TEXT = b'{"type": "test.anything"}'


@pytest.mark.parametrize(
    ("body", "headers", "told"),
    [
        (b"", {}, "the body is empty; send JSON"),
        (gzip.compress(JSON_TEXT, mtime=0), {"Content-Encoding": "gzip"}, "the body is compressed (gzip)"),
        (
            JSON_TEXT.decode().encode("utf-16"),
            {"Content-Type": "application/json; charset=utf-16"},
            "in utf-16",
        ),
        (b"type=a", {"Content-Type": "application/x-www-form-urlencoded"}, "the body is a form; send JSON"),
        (b"--x\r\n", {"Content-Type": "multipart/form-data; boundary=x"}, "the body is a form; send JSON"),
        (b"{type: 1}", {"Content-Type": "application/x-www-form-urlencoded"}, "not JSON: "),
    ],
    ids=["nothing", "gzip", "UTF-16", "form", "form with parts", "a slip"],
)
async def test_what_was_sent_in_place_of_json_is_told(
    api: httpx2.AsyncClient, body: bytes, headers: dict[str, str], told: str
):
    for path in ("/api/v1/jobs", "/api/v1/jobs/bulk"):
        answer = await api.post(path, content=body, headers=headers)
        assert answer.status_code == 400
        assert told in answer.json()["detail"], answer.text


async def test_a_byte_order_mark_before_json_is_no_fault(api: httpx2.AsyncClient):
    answer = await api.post("/api/v1/jobs", content=b"\xef\xbb\xbf" + JSON_TEXT)
    assert answer.status_code == 201


async def test_every_wrong_field_is_named_at_once(api: httpx2.AsyncClient):
    body = {"type": "test.letter", "payload": {"to": 1, "pages": "x", "cc": 2}}
    answer = await api.post("/api/v1/jobs", json=body)
    assert sorted(named(answer)) == ["/payload/cc", "/payload/pages", "/payload/to"]


async def test_values_at_the_bounds_are_accepted_and_kept(api: httpx2.AsyncClient, store: Store):
    payload = {
        "deep": nested(62),
        "whole": [2**64 - 1, -(2**63), 2**64, 2**70, -(2**70), 10**400, -(10**4299)],
        "floats": [1.7976931348623157e308, 5e-324, 0.1],
        "text": "\u0001 \\u0000 \U0001f600 \u00e9 'quoted' \"double\" back\\slash",
        "empty": {"": [], "a/b~c": None},
    }
    answer = await api.post("/api/v1/jobs", json={"type": "test.anything", "payload": payload})
    assert answer.status_code == 201, answer.text
    again = await api.get(f"/api/v1/jobs/{answer.json()['id']}")
    assert again.json()["payload"] == payload == answer.json()["payload"]


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/api/v1/jobs?limit=0", "limit"),
        ("/api/v1/jobs?limit=1e9", "limit"),
        ("/api/v1/jobs?state=lost", "state"),
        ("/api/v1/jobs?stat=failed", "stat"),
        ("/api/v1/jobs?cursor=x", "cursor"),
        ("/api/v1/jobs?created_after=yesterday", "created_after"),
        ("/api/v1/jobs?created_before=2030-01-01T00:00:00", "created_before"),
        ("/api/v1/jobs?created_after=1700000000", "created_after"),
        ("/api/v1/jobs?created_after=infinity", "created_after"),
        ("/api/v1/jobs?type=a%00b", "type"),
        ("/api/v1/jobs?search.to=a%00b", "search.to"),
        ("/api/v1/stats?window=0", "window"),
        ("/api/v1/stats?window=nan", "window"),
        ("/api/v1/workers?ended=-1", "ended"),
    ],
)
async def test_a_wrong_parameter_is_named(api: httpx2.AsyncClient, path: str, parameter: str):
    answer = await api.get(path)
    assert answer.status_code == 422, answer.text
    assert [error["parameter"] for error in answer.json()["errors"]] == [parameter]
    assert answer.json()["title"] == "The input is not valid", "who only asked had nothing to store"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/jobs/x",
        "/api/v1/jobs/00000000-0000-7000-8000-000000000000",
        "/api/v1/jobs/00000000-0000-7000-8000-000000000000/logs",
        "/api/v1/jobs/00000000-0000-7000-8000-000000000000/attempts",
        "/api/v1/jobs/00000000-0000-7000-8000-000000000000/why",
        "/api/v1/jobs/00000000-0000-7000-8000-000000000000/events",
        "/api/v1/jobs/00000000-0000-7000-8000-000000000000/artifacts",
        "/api/v1/jobs/00000000-0000-7000-8000-000000000000/artifacts/a%00b",
        "/api/v1/queues/none",
        "/api/v1/queues/a%00b",
        "/api/v1/types/none",
        "/api/v1/nothing",
    ],
)
async def test_what_is_not_there_is_404(api: httpx2.AsyncClient, path: str):
    answer = await api.get(path)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("action", ["cancel", "retry", "run-now"])
async def test_actions_on_no_job_are_404(api: httpx2.AsyncClient, action: str):
    answer = await api.post(f"/api/v1/jobs/00000000-0000-7000-8000-000000000000/{action}")
    assert answer.status_code == 404


async def test_a_method_that_is_not_there_is_405(api: httpx2.AsyncClient):
    answer = await api.put("/api/v1/jobs", json={})
    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert answer.json()["detail"] == "this path supports GET, HEAD, POST"
    answer = await api.post("/healthz")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    answer = await api.get("/api/v1/job")
    assert answer.json()["detail"] == "nothing is at this path; /api/v1/openapi.json lists what there is"


async def test_a_fault_of_ours_is_a_500_with_an_id_that_is_in_the_log(app: FastAPI, api: httpx2.AsyncClient):
    app.state.services.store.jobs.page = None  # a bug
    with capture_logs() as logs:
        answer = await api.get("/api/v1/jobs")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    request_id = answer.json()["request_id"]
    assert answer.headers["x-request-id"] == request_id
    assert [line["request"] for line in logs if line["event"] == "request.failed"] == [request_id]
