"""The server for health and metrics: fixed paths, shared sockets, clients that misbehave."""

import socket
from contextlib import closing

import httpx2
import pytest

from corral.http_client.http_calls import NO_AUTHORITIES
from corral.process.status_server import METRICS, Answer, StatusServer, listen, serve_metrics


def hello() -> Answer:
    return Answer(200, b"hello\n")


def broken() -> Answer:
    raise RuntimeError("no answer")


def ask(server: StatusServer, path: str, method: str = "GET") -> httpx2.Response:
    return httpx2.request(
        method, f"http://127.0.0.1:{server.port}{path}", verify=NO_AUTHORITIES, trust_env=False, timeout=30
    )


def test_it_answers_its_paths_and_names_them_to_whoever_asks_for_another():
    with closing(StatusServer.listening("127.0.0.1", 0, {"/hello": hello, **METRICS})) as server:
        assert ask(server, "/hello?to=you").text == "hello\n"
        head = ask(server, "/hello", "HEAD")
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "6")
        assert ask(server, "/metrics").headers["content-type"].startswith("text/plain; version=0.0.4")
        other = ask(server, "/elsewhere")
        assert (other.status_code, other.json()["paths"]) == (404, ["/hello", "/metrics"])


def test_a_request_that_fails_or_breaks_off_keeps_no_other_from_its_answer():
    with (
        closing(StatusServer.listening("127.0.0.1", 0, {"/hello": hello, "/broken": broken})) as server,
        socket.create_connection(("127.0.0.1", server.port)) as half,
    ):
        half.sendall(b"GET /hel")
        failed = ask(server, "/broken")
        assert (failed.status_code, failed.json()["error"]) == (500, "RuntimeError")
        assert ask(server, "/hello").text == "hello\n"


def test_processes_share_a_socket_and_those_that_stay_go_on_answering():
    listener = listen("127.0.0.1", 0)
    first, second = StatusServer(listener.dup(), {"/": hello}), StatusServer(listener.dup(), {"/": hello})
    with closing(second), listener:
        first.close()
        assert [ask(second, "/").text for _ in range(5)] == ["hello\n"] * 5


def test_a_metrics_port_that_is_taken_costs_the_metrics_alone():
    with listen("127.0.0.1", 0) as taken:
        assert serve_metrics("127.0.0.1", taken.getsockname()[1]) is None
    assert serve_metrics("127.0.0.1", 0) is None


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_address_of_both_families_is_reached_by_both():
    """A kubelet probes a pod by its first address, which is one of IPv4 in most clusters with both."""
    with closing(StatusServer.listening("::", 0, {"/hello": hello})) as server:
        assert ask(server, "/hello").text == "hello\n"
        url = f"http://[::1]:{server.port}/hello"
        assert httpx2.get(url, trust_env=False, timeout=30).text == "hello\n"
