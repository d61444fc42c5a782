"""Broken requests and clients that leave, at a real port."""

import socket
from contextlib import ExitStack
from itertools import product
from pathlib import Path

import httpx2
import pytest
from tests.integration.publisher.conftest import Publisher, count
from tests.integration.publisher.processes.raw_http import answer_of, connected, head

from corral.actions.access.principal import Role
from corral.http_client.http_calls import NO_AUTHORITIES
from corral.settings import Settings
from corral.store import Store


@pytest.fixture
def settings(shared_settings: Settings) -> Settings:
    return shared_settings


@pytest.fixture
def publisher(shared_publisher: Publisher) -> Publisher:
    return shared_publisher


@pytest.mark.parametrize(
    "request_",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(500)) + b"\r\n",
        b"GET /%ff%fe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/v1/jobs/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_broken_http_is_never_a_500(publisher: Publisher, request_: bytes):
    with connected(publisher) as connection:
        connection.sendall(request_)
        connection.shutdown(socket.SHUT_WR)
        data = connection.recv(65536)
    assert data.startswith(b"HTTP/1.1 ") or data == b""
    if data:
        assert int(data.split()[1]) in range(300, 500), data
    assert publisher.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("POST /api/v1/jobs", 401),
        ("POST /nowhere", 404),
        ("DELETE /healthz", 405),
        ("GET /healthz", 200),
    ],
)
def test_a_connection_goes_on_when_its_request_was_answered_before_the_body_came(
    publisher: Publisher, line: str, status: int
):
    with connected(publisher) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode())
        answered, headers, _ = answer_of(connection)
        assert (answered, headers.get("connection")) == (status, None)
        for request in (b"x" * 100_000, b""):
            connection.sendall(request + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer_of(connection)[0] == 200


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 30000000", b"x" * 30_000_000),
        ("Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (100_000, b"x" * 100_000) * 100),
        ("Content-Length: 5\r\nExpect: 100-continue", b""),
    ],
)
def test_an_answer_can_be_read_that_refuses_a_large_body_unread_and_the_connection_ends(
    publisher: Publisher, framing: str, body: bytes
):
    with connected(publisher) as connection:
        connection.sendall(f"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n".encode() + body)
        status, headers, _ = answer_of(connection)
        assert (status, headers["connection"]) == (401, "close")
        assert connection.recv(100) == b""
    assert publisher.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/healthz", 200),
        ("/api/v1/queues", 200),
        ("/api/v1/events", 200),
        ("/static/corral.css", 200),
        ("/api/v1/jobs/00000000-0000-7000-8000-000000000000", 404),
        ("/api/v1/load", 405),
        ("/nowhere", 404),
    ],
)
def test_who_asks_for_the_headers_alone_gets_those_of_get(
    publisher: Publisher, keys: dict[Role, str], path: str, status: int
):
    def asked(method: str) -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {keys[Role.VIEWER]}\r\n\r\n".encode()

    with connected(publisher) as connection:
        connection.sendall(asked("HEAD") + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        told = b""
        while told.count(b"\r\n\r\n") < 2 or not told.endswith(b"}"):
            told += connection.recv(65536)
    head, _, rest = told.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert rest.startswith(b"HTTP/1.1 200 OK"), "no body, and the connection goes on"
    if path != "/api/v1/events":
        with connected(publisher) as connection:
            connection.sendall(asked("GET"))
            _, headers, _ = answer_of(connection)
        lines = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
        assert {name: lines.get(name) for name in ("content-length", "content-type", "allow")} == {
            name: headers.get(name) for name in ("content-length", "content-type", "allow")
        }


class ImpatientPublisher(Publisher):
    """One that waits for a request for five seconds."""

    MODULE = "tests.integration.publisher.processes.impatient_publisher"


def test_a_connection_without_a_whole_request_is_closed_after_a_while(settings: Settings, tmp_path: Path):
    publisher = ImpatientPublisher(settings, tmp_path)
    parts = (b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
    befores = (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    try:
        publisher.wait_until_answering()
        with ExitStack() as stack:
            waiting = {}
            for part, before in product(parts, befores):
                connection = waiting[before, part] = stack.enter_context(connected(publisher))
                if before:
                    connection.sendall(before)
                    assert answer_of(connection)[0] == 200
                connection.sendall(part)
            for sent, connection in waiting.items():  # all at once: five seconds in all
                assert connection.recv(100) == b"", sent
    finally:
        publisher.end()


async def test_a_client_that_leaves_while_its_job_is_stored_changes_nothing(
    publisher: Publisher, keys: dict[Role, str], store: Store
):
    body = b'{"type": "test.anything"}'
    for _ in range(5):
        with connected(publisher) as connection:
            connection.sendall(head(keys[Role.OPERATOR], f"Content-Length: {len(body)}") + body)
    headers = {"Authorization": f"Bearer {keys[Role.OPERATOR]}"}
    async with httpx2.AsyncClient(
        base_url=publisher.url, headers=headers, verify=NO_AUTHORITIES, timeout=60
    ) as client:
        assert (await client.post("/api/v1/jobs", content=body)).status_code == 201
    assert await count(store) >= 1
