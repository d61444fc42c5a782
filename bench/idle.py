"""What an idle system answers with, and what it costs to wait."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psutil
import psycopg

from bench import cost, web
from bench.child import Child, started
from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.section import Section, Table
from bench.servers import Servers

MB = 1_000_000
SETTLE = 3.0
"""Seconds between the last job and the reading of what idling costs."""
TEXT = """\
A publisher with the maintenance in it and one worker, as shipped, with nothing else to do. A job is posted
over HTTP, one at a time at random moments; its handler returns the time at which it started. Delayed jobs
start this long after their time. CPU is a share of one core, for each process, servers included."""


@dataclass(frozen=True)
class Share:
    """An idle process."""

    name: str
    cpu: float
    """Per cent of a core."""
    resident: float
    """In MB."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    servers.reset()
    installation = Installation(servers)
    installation.install()
    key = installation.key()
    port = web.free_port()
    commands = {"publisher": installation.publisher(port), "worker": installation.worker()}
    with started(commands) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        with web.Client(port, {"Authorization": f"Bearer {key}"}) as client:
            _starts(servers, client, posts=20)  # connections are made, types are known
            starts = sorted(_starts(servers, client, posts=effort.idle_posts))
            say(
                f"POST to start: median {1000 * _at(starts, 0.5):.1f} ms, p99 {1000 * _at(starts, 0.99):.1f} ms"
            )
            late = sorted(_delays(servers, client, jobs=effort.delayed))
            say(f"delayed jobs: between {1000 * late[0]:.0f} and {1000 * late[-1]:.0f} ms after their time")
        time.sleep(SETTLE)
        shares = _shares(servers, children, effort.idle_seconds)
    worker = sum(share.resident for share in shares if share.name.startswith("worker"))
    busiest = max(shares, key=lambda share: share.cpu)
    say(f"busiest idle process: {busiest.name} {busiest.cpu:.2f} %; worker {worker:.0f} MB")
    return Section(
        title="Idle",
        text=TEXT,
        tables=(
            Table(
                ("Milliseconds", "median", "p99", "most"),
                (("POST to handler's start", *_row(starts)), ("Delayed job after its time", *_row(late))),
            ),
            Table(
                ("Process", "CPU %", "resident MB"),
                tuple((share.name, f"{share.cpu:.2f}", f"{share.resident:.0f}") for share in shares),
            ),
        ),
        goals=(
            Goal("idle_post_to_start_p99", 1000 * _at(starts, 0.99), "<", 20, "ms"),
            Goal("idle_delayed_lateness", 1000 * late[-1], "<=", 250, "ms"),
            Goal("idle_delayed_earliness", -1000 * min(0.0, late[0]), "<=", 0, "ms"),
            Goal("idle_cpu_per_process", busiest.cpu, "<=", 2, "%"),
            Goal("idle_worker_memory", worker, "<=", 120, "MB"),
        ),
    )


def _starts(servers: Servers, client: web.Client, *, posts: int) -> list[float]:
    """Seconds from the first byte of each POST to the start of its handler."""
    sent: dict[str, float] = {}
    for number in range(posts):
        time.sleep(random.uniform(0.02, 0.06))
        now = time.time()
        sent[client.post("/api/v1/jobs", {"type": "bench.clock", "payload": {"number": number}})["id"]] = now
    return [started - sent[job] for job, started, _ in _ran(servers, len(sent), list(sent))]


def _delays(servers: Servers, client: web.Client, *, jobs: int) -> list[float]:
    """Seconds from the due time of each delayed job to the start of its handler."""
    ids = [
        client.post(
            "/api/v1/jobs",
            {"type": "bench.clock", "payload": {"number": number}, "delay": random.uniform(1.0, 6.0)},
        )["id"]
        for number in range(jobs)
    ]
    return [started - due for _, started, due in _ran(servers, jobs, ids)]


def _ran(servers: Servers, count: int, ids: list[str]) -> list[tuple[str, float, float]]:
    """Id, start and due time of these jobs, once all have run."""
    deadline = time.monotonic() + 30
    with psycopg.connect(servers.dsn(), autocommit=True) as connection:
        while True:
            rows = connection.execute(
                "SELECT id::text, (result ->> 'started')::float8, extract(epoch FROM coalesce(run_at, created_at))::float8 "
                "FROM corral.jobs WHERE id = ANY(%s::uuid[]) AND state = 'completed'",
                (ids,),
            ).fetchall()
            if len(rows) == count:
                return [(row[0], row[1], row[2]) for row in rows]
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(rows)} of {count} jobs ran")
            time.sleep(0.1)


def _shares(servers: Servers, children: Mapping[str, Child], seconds: float) -> list[Share]:
    """What every process uses over that time."""
    roots = {name: child.pid for name, child in children.items()}
    roots |= {"Postgres": servers.postgres_pid, "Valkey": servers.redis_pid}
    processes = [(name, process) for name, pid in roots.items() for process in cost.family(pid)]
    before = [cost.own_cpu(process) for _, process in processes]
    time.sleep(seconds)
    return [
        Share(
            _label(name, process, roots[name]),
            100 * (cost.own_cpu(process) - was) / seconds,
            cost.own_resident(process) / MB,
        )
        for (name, process), was in zip(processes, before, strict=True)
        if process.is_running()
    ]


def _label(name: str, process: psutil.Process, root: int) -> str:
    if name == "Postgres" and process.pid != root:
        return " ".join(process.cmdline())[:60] or name
    return name if process.pid == root else f"{name}: child"


def _row(values: list[float]) -> tuple[str, str, str]:
    return f"{1000 * _at(values, 0.5):.1f}", f"{1000 * _at(values, 0.99):.1f}", f"{1000 * values[-1]:.1f}"


def _at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]
