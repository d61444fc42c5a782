"""A client that is asked to send less waits, says so, and gives up when that takes too long; each against a real server."""

import json
import logging
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest
from tests.fixtures.typescript import compiled, needs_typescript, node

from corral.api_problem import ApiProblem
from corral.client import Client
from corral.http_client import http_calls
from corral.http_client.publisher_address import Connection

EXAMPLE = Path(__file__).parents[3] / "examples" / "typed_definitions"
JOB = {"id": "1", "state": "completed"}


class Asking:
    """A publisher that refuses the first so many requests."""

    def __init__(self, times: int, seconds: str, slug: str = "rate-exceeded") -> None:
        outer = self
        self.left, self.arrived = times, list[float]()
        refusal = {"type": f"urn:corral:problem:{slug}", "title": "Too many", "status": 429}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.arrived.append(time.monotonic())
                refused, outer.left = outer.left > 0, outer.left - 1
                body = json.dumps(refusal if refused else JOB).encode()
                self.send_response(429 if refused else 200)
                if refused:
                    self.send_header("Retry-After", seconds)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def generated() -> Iterator[Any]:
    """The generated client of the example."""
    sys.path.insert(0, str(EXAMPLE))
    from typed_client import runtime  # noqa: PLC0415  made by corral codegen

    yield runtime
    sys.path.remove(str(EXAMPLE))


def client(server: Asking) -> Client:
    return Client(Connection(server.url, None, "test"))


def test_it_waits_as_asked_and_says_so(caplog: pytest.LogCaptureFixture):
    with Asking(2, "1") as server, client(server) as api, caplog.at_level(logging.WARNING, "corral.client"):
        assert api.get("/jobs/1") == JOB
        with api.download("/jobs/1/artifacts/a") as answer:
            assert json.loads(answer.read()) == JOB
    first, second, third, _ = server.arrived
    assert second - first >= 1
    assert third - second >= 1
    assert [one.getMessage() for one in caplog.records] == [
        "too many requests: waiting 1 s, as the publisher asks"
    ] * 2


def test_a_download_waits_too():
    with Asking(1, "1") as server, client(server) as api, api.download("/jobs/1/artifacts/a") as answer:
        assert json.loads(answer.read()) == JOB
    assert server.arrived[1] - server.arrived[0] >= 1


@pytest.mark.parametrize(("seconds", "slug"), [("61", "rate-exceeded"), ("1", "too-many-waiting")])
def test_it_does_not_wait_too_long_nor_for_another_reason(seconds: str, slug: str):
    with Asking(1, seconds, slug) as server, client(server) as api:
        with pytest.raises(ApiProblem) as raised:
            api.get("/jobs/1")
        assert (raised.value.slug, raised.value.status) == (slug, 429)
        assert raised.value.retry_after == (61 if slug == "rate-exceeded" else None)
        assert len(server.arrived) == 1


def test_its_waits_have_an_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http_calls, "ASKED_SECONDS", 2.0)
    with Asking(9, "1") as server, client(server) as api:
        with pytest.raises(ApiProblem):
            api.get("/jobs/1")
        assert len(server.arrived) == 3


def test_a_generated_client_waits_too(generated: Any):
    with Asking(1, "1") as server, generated.Http(server.url) as api:
        assert api.call("GET", "/jobs/1") == JOB
    assert server.arrived[1] - server.arrived[0] >= 1
    with Asking(1, "61") as server, generated.Http(server.url) as api:
        with pytest.raises(generated.Problem) as raised:
            api.call("GET", "/jobs/1")
        assert (raised.value.kind, raised.value.retry_after) == ("rate-exceeded", 61)


async def test_a_generated_client_with_an_event_loop_waits_too(generated: Any):
    with Asking(1, "1") as server:
        async with generated.AsyncHttp(server.url) as api:
            assert await api.call("GET", "/jobs/1") == JOB
    assert server.arrived[1] - server.arrived[0] >= 1


SCRIPT = """
import { Client, Problem } from "./out/acme/index.js";
const [url] = process.argv.slice(2);
const corral = new Client({ url });
const told = [];
console.warn = (line) => told.push(line);
let refused = null;
try { const job = await corral.emailWelcome.get("1"); told.push(job.state); }
catch (error) { if (!(error instanceof Problem)) throw error; refused = [error.kind, error.retryAfter]; }
console.log(JSON.stringify({ told, refused }));
"""


@needs_typescript
def test_a_generated_client_in_typescript_waits_too(tmp_path: Path):
    shutil.copytree(EXAMPLE / "typescript", tmp_path / "src" / "acme")
    assert compiled(tmp_path) == ""
    (tmp_path / "run.mjs").write_text(SCRIPT)
    with Asking(1, "1") as server:
        said = json.loads(node("run.mjs", server.url, folder=tmp_path))
    assert said == {
        "told": ["too many requests: waiting 1 s, as the publisher asks", "completed"],
        "refused": None,
    }
    assert server.arrived[1] - server.arrived[0] >= 1
    with Asking(1, "61") as server:
        said = json.loads(node("run.mjs", server.url, folder=tmp_path))
    assert said == {"told": [], "refused": ["rate-exceeded", 61]}
