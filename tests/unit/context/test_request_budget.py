"""`ctx.request_budget`: a rate is taken of on the open connection, right before a request leaves; with real clients and servers."""

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, cast

import httpx2
import pytest
from tests.fixtures.waiting import eventually

from corral.context.request_budget import BlockingRequestBudget, RequestBudget
from corral.errors import BudgetExhausted

ASK = ("calls", None, None)


class Provider(ThreadingHTTPServer):
    """Notes each connection and each request; the path /moved leads to /."""

    def __init__(self) -> None:
        self.connected, self.left, self.asked = 0, 0, list[str]()
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def accepted(self) -> int:
        """Connections so far, the one that is being made included."""
        eventually(lambda: self.connected > self.left)
        return self.connected

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connected += 1
        super().finish_request(request, client_address)
        self.left += 1


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        moved = self.path == "/moved"
        self.send_response(302 if moved else 204)
        if moved:
            self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
        self.end_headers()

    def do_CONNECT(self) -> None:
        self.send_error(403)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Line:
    """Grants every take, or none."""

    def __init__(self, provider: Provider, *, exhausted: bool = False) -> None:
        self.provider, self.exhausted = provider, exhausted
        self.takes: list[tuple[str, int, int]] = []
        """Name, connections and requests that the provider had seen by then."""

    def take_budget(self, name: str, cost: Any, key: Any, timeout: float | None) -> float:
        assert (cost, key, timeout is None) == (None, None, False)
        self.takes.append((name, self.provider.accepted(), len(self.provider.asked)))
        if self.exhausted:
            raise BudgetExhausted("it did not come in time", after=1, name=name)
        return float("inf")


class AsyncLine(Line):
    async def take_budget(self, name: str, cost: Any, key: Any, timeout: float | None) -> float:  # type: ignore[override]  # noqa: ASYNC109
        return super().take_budget(name, cost, key, timeout)


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def get(line: Line, url: str, proxy: str | None = None) -> httpx2.Response:
    """One request by the client of threads, or by that of coroutines."""
    if not isinstance(line, AsyncLine):
        blocking: Any = BlockingRequestBudget(cast(Any, line), ASK, 5)
        with httpx2.Client(follow_redirects=True, proxy=proxy) as http:
            return http.get(url, extensions={"trace": blocking})

    async def asked() -> httpx2.Response:
        budget: Any = RequestBudget(cast(Any, line), ASK, 5)
        async with httpx2.AsyncClient(follow_redirects=True, proxy=proxy) as http:
            return await http.get(url, extensions={"trace": budget})

    return asyncio.run(asked())


@pytest.mark.parametrize("line", [Line, AsyncLine])
def test_each_request_takes_once_it_is_connected_and_before_it_is_seen(provider: Provider, line: type[Line]):
    asking = line(provider)
    assert get(asking, provider.url).status_code == 204
    assert (asking.takes, provider.asked) == ([("calls", 1, 0)], ["/"])
    assert get(asking, f"{provider.url}/moved").status_code == 204
    assert (asking.takes[1:], provider.asked[1:]) == (
        [("calls", 2, 1), ("calls", 2, 2)],
        ["/moved", "/"],
    )


@pytest.mark.parametrize("line", [Line, AsyncLine])
def test_nothing_is_sent_where_nothing_could_be_taken(provider: Provider, line: type[Line]):
    with pytest.raises(BudgetExhausted):
        get(line(provider, exhausted=True), provider.url)
    assert provider.asked == []


@pytest.mark.parametrize("line", [Line, AsyncLine])
def test_the_way_through_a_proxy_is_no_call(provider: Provider, line: type[Line]):
    asking = line(provider)
    with pytest.raises(httpx2.ProxyError):
        get(asking, "https://provider.example/", proxy=provider.url)
    assert asking.takes == []
