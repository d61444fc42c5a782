"""How fast jobs are accepted over HTTP, beside an application as a team would write it."""

import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import cost, load, web
from bench.measuring.child import Command, python, run, started
from bench.section import Section, Table
from bench.servers import Servers

CONNECTIONS = 64
POSTS = 6_000
WARM_UP = 500
WEB_WORKERS = 2
BODY = json.dumps({"type": "demo.echo", "payload": {"number": 1, "text": "hello"}}).encode()
BULKS = ((1_000, 100, 4), (10_000, 10, 2))
"""Jobs in a request, requests, connections."""
TEXT = f"""\
Requests that each submit one job, over {CONNECTIONS} kept-alive connections, to {WEB_WORKERS} processes of
gunicorn's ASGI worker, with the same settings of it. The plain application is FastAPI with SQLAlchemy and RQ: it commits each row, then
enqueues; of its synchronous and its asynchronous variant the faster counts. No worker runs. The load
generator shares the machine; its ceiling is what it reaches against a server that does nothing."""


@dataclass(frozen=True)
class Server:
    """A web server under load."""

    name: str
    port: int
    headers: dict[str, str]
    pid: int = 0


@dataclass(frozen=True)
class Bulks:
    """What came of sending bulks."""

    rate: float
    """Jobs a second."""
    cpu: tuple[float, float, float]
    """Microseconds for each job: of the publisher, of Postgres and of Valkey. It tells more than the rate on a busy machine."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    posts = effort.of(POSTS)
    runs: dict[str, list[load.Load]] = {"Load generator's ceiling": [_ceiling(posts)]}
    for lap in range(effort.laps):
        for name, result in (*_plain(servers, posts), ("Corral", _corral(servers, posts))):
            runs.setdefault(name, []).append(result)
            say(f"lap {lap + 1}/{effort.laps}  {name:<28} {result.rate:8,.0f} requests/s")
    bulks = {size: _bulk(servers, size, max(2, round(requests * effort.share)), connections)
             for size, requests, connections in BULKS}  # fmt: skip
    for size, bulk in bulks.items():
        say(f"bulks of {size:,}: {bulk.rate:,.0f} jobs/s, {sum(bulk.cpu):.0f} µs of CPU a job")
    rates = {name: [result.rate for result in results] for name, results in runs.items()}
    peer = max(
        (name for name in rates if name.startswith("Plain")), key=lambda name: statistics.median(rates[name])
    )
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(rates["Corral"], rates[peer], strict=True)
    )
    return Section(
        title="Submission over HTTP",
        text=TEXT,
        tables=(
            Table(
                ("Server", "requests/s", "p50 ms", "p99 ms"),
                tuple((name, *_cells(results)) for name, results in runs.items()),
            ),
            Table(
                ("Jobs in a bulk", "jobs/s", "CPU a job, µs: publisher", "Postgres", "Valkey"),
                tuple(
                    (f"{size:,}", f"{bulk.rate:,.0f}", *(f"{one:.1f}" for one in bulk.cpu))
                    for size, bulk in bulks.items()
                ),
            ),
        ),
        goals=(
            Goal("http_single_vs_plain", ratio, ">=", 8, "x"),
            Goal(
                "http_bulk_jobs_per_second", min(bulk.rate for bulk in bulks.values()), ">=", 40_000, "jobs/s"
            ),
        ),
    )


def _cells(results: list[load.Load]) -> tuple[str, str, str]:
    return (
        f"{statistics.median(result.rate for result in results):,.0f}",
        f"{1000 * statistics.median(result.percentile(0.5) for result in results):.1f}",
        f"{1000 * statistics.median(result.percentile(0.99) for result in results):.1f}",
    )


def _ceiling(posts: int) -> load.Load:
    port = web.free_port()
    with started({"nothing": Command(python("bench.measuring.nothing"), {"PORT": str(port)})}) as children:
        web.wait_ready(children["nothing"], port, "/")
        return _load(Server("nothing", port, {}), "/", posts * 4)


def _plain(servers: Servers, posts: int) -> Iterator[tuple[str, load.Load]]:
    servers.reset()
    port = web.free_port()
    env = {"DSN": servers.dsn(), "REDIS_URL": servers.redis_url}
    run(
        Command(
            [
                sys.executable,
                "-c",
                "from bench.peers import plain; plain.Base.metadata.create_all(plain.engine)",
            ],
            env,
        )
    )
    command = Command(
        [
            *(sys.executable, "-m", "gunicorn", "bench.peers.plain:app", "--bind", f"127.0.0.1:{port}"),
            *("--worker-class", "asgi", "--workers", str(WEB_WORKERS), "--log-level", "warning"),
            *("--asgi-loop", "uvloop", "--keep-alive", "75", "--backlog", "2048"),
        ],
        env,
    )
    with started({"plain": command}) as children:
        web.wait_ready(children["plain"], port, "/openapi.json")
        server = Server("plain", port, {})
        yield "Plain application, sync", _load(server, "/jobs", posts)
        yield "Plain application, async", _load(server, "/async/jobs", posts)


@contextmanager
def publisher(servers: Servers) -> Iterator[Server]:
    """Corral's publisher on an empty installation."""
    installation = Installation.fresh(servers)
    key, port = installation.key(), web.free_port()
    with started({"publisher": installation.publisher(port, WEB_WORKERS=str(WEB_WORKERS))}) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        yield Server("Corral", port, {"Authorization": f"Bearer {key}"}, children["publisher"].pid)


def _corral(servers: Servers, posts: int) -> load.Load:
    with publisher(servers) as server:
        return _load(server, "/api/v1/jobs", posts)


def _bulk(servers: Servers, size: int, requests: int, connections: int) -> Bulks:
    body = json.dumps(
        {"jobs": [{"type": "demo.echo", "payload": {"number": number}} for number in range(size)]}
    ).encode()
    with publisher(servers) as server:
        request = load.post("127.0.0.1", "/api/v1/jobs/bulk", body, server.headers)
        load.send("127.0.0.1", server.port, request, connections=connections, requests=connections)
        pids = server.pid, servers.postgres_pid, servers.redis_pid
        before = [cost.cpu_seconds(pid) for pid in pids]
        result = load.send("127.0.0.1", server.port, request, connections=connections, requests=requests)
        used = [
            1e6 * (cost.cpu_seconds(pid) - earlier) / (size * requests)
            for pid, earlier in zip(pids, before, strict=True)
        ]
    _check(result, server)
    return Bulks(size * result.rate, (used[0], used[1], used[2]))


def _load(server: Server, path: str, posts: int) -> load.Load:
    request = load.post("127.0.0.1", path, BODY, server.headers)
    load.send("127.0.0.1", server.port, request, connections=CONNECTIONS, requests=WARM_UP)
    result = load.send("127.0.0.1", server.port, request, connections=CONNECTIONS, requests=posts)
    _check(result, server)
    return result


def _check(result: load.Load, server: Server) -> None:
    if set(result.statuses) != {201}:
        raise RuntimeError(f"{server.name} answered {result.statuses}")
