"""The publisher as processes: slow and large bodies, broken HTTP, metrics, schema, signals."""

import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from tests.fixtures.waiting import START, eventually, eventually_async
from tests.integration.publisher.conftest import RECORDS, Publisher, count
from tests.integration.publisher.processes.raw_http import answer_of, connected, head

from corral.actions.access.api_keys import KeyActions
from corral.actions.access.principal import Role
from corral.http_client.http_calls import NO_AUTHORITIES
from corral.settings import Settings
from corral.store import Store
from corral.store.migrations import upgrade
from corral.store.postgres.schema import REVISION

Make = Callable[..., Publisher]


async def test_a_body_that_does_not_arrive_is_answered_in_time(
    make_publisher: Make, keys: dict[Role, str], store: Store
):
    publisher = make_publisher(CORRAL_BODY_TIMEOUT="0.5")
    publisher.wait_until_ready()
    with connected(publisher) as connection:
        began = time.monotonic()
        connection.sendall(head(keys[Role.OPERATOR], "Content-Length: 1000") + b'{"type": "test.any')
        status, headers, body = answer_of(connection)
        assert (status, headers["content-type"]) == (408, "application/problem+json")
        assert json.loads(body)["type"] == "urn:corral:problem:slow-body"
        assert time.monotonic() - began < 9, "the setting, and not the default"
        assert connection.recv(100) == b"", "a connection with half a body in it can't be used again"
    with connected(publisher) as connection:  # a byte now and then does not help
        connection.sendall(head(keys[Role.OPERATOR], "Transfer-Encoding: chunked"))
        for _ in range(10):
            try:
                connection.sendall(b"1\r\n \r\n")
                time.sleep(0.1)  # noqa: ASYNC251  # this is the slow client
            except OSError:
                break
        assert answer_of(connection)[0] == 408
    assert await count(store) == 0


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_a_body_over_the_limit_is_refused_before_it_is_read(
    make_publisher: Make, keys: dict[Role, str], store: Store, framing: str
):
    publisher = make_publisher(CORRAL_MAX_BODY_BYTES="100000", CORRAL_MAX_PAYLOAD_BYTES="50000")
    publisher.wait_until_ready()
    with connected(publisher) as connection:
        if framing == "length":
            connection.sendall(head(keys[Role.OPERATOR], "Content-Length: 1000000000"))
        else:
            connection.sendall(head(keys[Role.OPERATOR], "Transfer-Encoding: chunked"))
            connection.sendall(b"4000\r\n" + b"[" * 0x4000 + b"\r\n")
            for _ in range(10):
                try:
                    connection.sendall(b"4000\r\n" + b"[" * 0x4000 + b"\r\n")
                except OSError:
                    break
        status, headers, body = answer_of(connection)
        assert (status, headers["content-type"]) == (413, "application/problem+json")
        assert json.loads(body)["type"] == "urn:corral:problem:too-large"
    assert await count(store) == 0


async def test_metrics_add_up_all_processes_on_a_port_of_their_own(
    make_publisher: Make, keys: dict[Role, str], store: Store
):
    publisher = make_publisher(CORRAL_WEB_WORKERS="2")
    publisher.wait_until_ready()
    headers = {"Authorization": f"Bearer {keys[Role.OPERATOR]}"}
    for _ in range(20):  # a connection each, so that both processes get some
        async with httpx2.AsyncClient(
            base_url=publisher.url, headers=headers, verify=NO_AUTHORITIES, timeout=60
        ) as client:
            answer = await client.post("/api/v1/jobs", json={"type": "test.anything"})
            assert answer.status_code == 201
    counted = 'corral_http_requests_total{method="POST",route="/api/v1/jobs",status="201"} 20.0'
    # A request is counted after its answer has left.
    await eventually_async(lambda: counted in publisher.get("/metrics", publisher.metrics_port).text)
    for _ in range(5):
        text = publisher.get("/metrics", publisher.metrics_port).text
        assert 'corral_jobs_submitted_total{queue="post",type="test.anything"} 20.0' in text
        assert counted in text
    assert publisher.get("/other", publisher.metrics_port).status_code == 404
    assert publisher.get("/metrics").status_code == 404, "not on the API's port"


def test_a_metrics_port_that_is_taken_is_said_at_once(make_publisher: Make):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        publisher = make_publisher(CORRAL_METRICS_PORT=str(taken.getsockname()[1]))
        code, output = publisher.ended()
    assert code == 1
    assert "CORRAL_METRICS_PORT" in output


async def test_it_waits_unready_for_its_schema_and_then_serves(
    postgres_url: str, settings: Settings, redis_url: str, tmp_path: Path
):
    early = Settings(**(settings.__dict__ | {"database_url": postgres_url}))
    publisher = Publisher(early, tmp_path)
    try:
        publisher.wait_until_answering()
        unready = publisher.get("/readyz")
        assert (unready.status_code, unready.json()["missing"]) == (503, ["schema"])
        assert "corral migrate" in unready.json()["details"]["postgres"]
        refused = publisher.get("/api/v1/jobs")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:corral:problem:schema-mismatch")
        upgrade(postgres_url)
        publisher.wait_until_ready()
        store = Store.open(postgres_url, pool_size=1)
        await store.types.register(RECORDS)
        key, _ = await KeyActions(store).create("k", Role.OPERATOR, actor="test")
        await store.close()
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(
            base_url=publisher.url, headers=headers, verify=NO_AUTHORITIES, timeout=60
        ) as client:
            answer = await client.post("/api/v1/jobs", json={"type": "test.anything"})
            assert answer.status_code == 201
    finally:
        publisher.end()


async def test_it_refuses_a_schema_that_is_two_ahead(make_publisher: Make, store: Store):
    two_ahead = f"{REVISION + 2:04}"
    await store.database.run("UPDATE corral.alembic_version SET version_num = %(at)s", {"at": two_ahead})
    publisher = make_publisher()
    code, output = publisher.ended()
    assert code == 3
    assert "corral migrate" in output


def stream(publisher: Publisher, key: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", publisher.port), timeout=60)
    request = f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n"
    connection.sendall(request.encode())
    assert b"200 OK" in connection.recv(4096)
    return connection


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_soon_although_streams_are_open_and_connections_kept(
    publisher: Publisher, keys: dict[Role, str], number: int
):
    children = psutil.Process(publisher.process.pid).children(recursive=True)
    with (
        stream(publisher, keys[Role.VIEWER]),
        stream(publisher, keys[Role.VIEWER]),
        httpx2.Client(timeout=60) as kept,
    ):
        assert kept.get(f"{publisher.url}/healthz").is_success
        began = time.monotonic()
        publisher.process.send_signal(number)
        code, output = publisher.ended()
        assert code == 0, output
        assert time.monotonic() - began < 15, output
    assert "Traceback" not in output
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_a_process_that_dies_is_replaced(publisher: Publisher):
    (child,) = psutil.Process(publisher.process.pid).children()
    child.kill()
    eventually(
        lambda: (
            publisher.get("/readyz").is_success
            and child.pid not in [c.pid for c in psutil.Process(publisher.process.pid).children()]
        ),
        ignoring=(httpx2.TransportError,),
        timeout=START,
    )


def test_it_leads_the_maintenance_where_that_is_switched_on(make_publisher: Make, store: Store):
    publisher = make_publisher(CORRAL_MAINTENANCE_ENABLED="true", CORRAL_WEB_WORKERS="2")
    publisher.wait_until_ready()

    def leaders() -> Any:
        text = publisher.get("/metrics", publisher.metrics_port).text
        return [
            line for line in text.splitlines() if line.startswith("corral_leader ") and line.endswith(" 1.0")
        ]

    eventually(leaders, timeout=START)
    code, output = publisher.stop()
    assert code == 0
    assert "leadership.given_up" in output


def test_one_line_tells_of_each_accepted_submission(make_publisher: Make, keys: dict[Role, str]):
    publisher = make_publisher()
    publisher.wait_until_ready()
    headers = {"Authorization": f"Bearer {keys[Role.OPERATOR]}"}
    job = {"type": "test.anything", "payload": 1}
    with httpx2.Client(base_url=f"{publisher.url}/api/v1", headers=headers, timeout=60) as client:
        one = client.post("/jobs", json=job)
        many = client.post("/jobs/bulk", json={"jobs": [job] * 5})
        refused = client.post("/jobs", json={"type": "none", "payload": 1})
    assert (one.status_code, many.is_success, refused.status_code) == (201, True, 422)
    _, output = publisher.stop()
    lines = [json.loads(line) for line in output.splitlines() if '"corral.job_log"' in line]
    assert [(line["event"], line.get("job")) for line in lines] == [
        ("job.accepted", one.json()["id"]),
        ("jobs.accepted", None),
    ]
    assert lines[1]["jobs"] == 5
