"""What an idle system answers with, and what it costs to wait."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import psycopg

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import cost, web
from bench.measuring.child import Child, Command, started
from bench.section import Section, Table
from bench.servers import Servers

MB = 1_000_000
SETTLE = 3.0
"""Seconds between the last job and the reading of what idling costs."""
WARM_UP_POSTS = 20
"""Jobs that run before any is timed: connections are made, types are known."""
RUN_LIMIT = 30.0
"""Seconds in which the jobs must have run."""
TEXT = """\
A publisher with the maintenance in it and one worker, as shipped, with nothing else to do. A job is posted
over HTTP, one at a time at random moments; its handler returns the time at which it started. Delayed jobs
start this long after their time. CPU is a share of one core, for each process, servers included. MiB of a pod are
those that the limit of a pod with these processes would count: what they share counts once."""


@dataclass(frozen=True)
class Share:
    """What the processes of one part use while idle."""

    name: str
    cpu: tuple[float, ...]
    """Per cent of a core, of each process."""
    resident: float
    """In MB, of all together."""
    counted: float
    """In MiB, what the processes share counted once: what the limit of a pod counts."""


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    installation = Installation.fresh(servers)
    key, port = installation.key(), web.free_port()
    commands = {"publisher": installation.publisher(port), "worker": installation.worker()}
    with started(commands) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        with web.Client(port, {"Authorization": f"Bearer {key}"}) as client:
            starts_of(servers, client, posts=WARM_UP_POSTS)
            starts = sorted(starts_of(servers, client, posts=effort.idle_posts))
            say(
                f"POST to start: median {1000 * at(starts, 0.5):.1f} ms, p99 {1000 * at(starts, 0.99):.1f} ms"
            )
            late = sorted(_delays(servers, client, jobs=effort.delayed))
            say(f"delayed jobs: between {1000 * late[0]:.0f} and {1000 * late[-1]:.0f} ms after their time")
        time.sleep(SETTLE)
        shares = _shares(servers, children, effort.idle_seconds)
    worker = next(share.resident for share in shares if share.name == "worker")
    busiest = max(max(share.cpu) for share in shares)
    say(f"busiest idle process: {busiest:.2f} % of a core; worker {worker:.0f} MB")
    return Section(
        title="Idle",
        text=TEXT,
        tables=(
            Table(
                ("Milliseconds", "median", "p99", "most"),
                (("POST to handler's start", *row(starts)), ("Delayed job after its time", *row(late))),
            ),
            Table(
                ("Part", "processes", "CPU % of the busiest", "CPU % of all", "resident MB", "MiB of a pod"),
                tuple(
                    (
                        share.name,
                        str(len(share.cpu)),
                        f"{max(share.cpu):.2f}",
                        f"{sum(share.cpu):.2f}",
                        f"{share.resident:.0f}",
                        f"{share.counted:.0f}",
                    )
                    for share in shares
                ),
            ),
        ),
        goals=(
            Goal("idle_post_to_start_p99", 1000 * at(starts, 0.99), "<=", 12, "ms"),
            Goal("idle_delayed_lateness", 1000 * late[-1], "<=", 250, "ms"),
            Goal("idle_delayed_earliness", 1000 * max(0.0, -late[0]), "<=", 0, "ms"),
            Goal("idle_cpu_per_process", busiest, "<=", 1, "%"),
            Goal("idle_worker_memory", worker, "<=", 120, "MB"),
        ),
    )


def starts_of(servers: Servers, client: web.Client, *, posts: int) -> list[float]:
    """Seconds from the first byte of each POST to the start of its handler."""
    sent: dict[str, float] = {}
    for number in range(posts):
        time.sleep(random.uniform(0.02, 0.06))  # not in step with any of Corral's periods
        now = time.time()
        sent[client.post("/api/v1/jobs", {"type": "bench.clock", "payload": {"number": number}})["id"]] = now
    return _since(servers, sent)


def starts_of_a_new_worker(
    servers: Servers, effort: Effort, inside: Callable[[Command], Command] = lambda worker: worker
) -> list[float]:
    """Seconds from each POST to its handler's start on a new installation, in order of length.

    `inside` says where the worker runs.
    """
    installation = Installation.fresh(servers)
    key, port = installation.key(), web.free_port()
    commands = {"publisher": installation.publisher(port), "worker": inside(installation.worker())}
    with started(commands) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        with web.Client(port, {"Authorization": f"Bearer {key}"}) as client:
            starts_of(servers, client, posts=WARM_UP_POSTS)
            return sorted(starts_of(servers, client, posts=effort.idle_posts))


def _delays(servers: Servers, client: web.Client, *, jobs: int) -> list[float]:
    """Seconds from the due time of each delayed job, as it was answered, to the start of its handler."""
    due: dict[str, float] = {}
    for number in range(jobs):
        job = client.post(
            "/api/v1/jobs",
            {"type": "bench.clock", "payload": {"number": number}, "delay": random.uniform(1.0, 6.0)},
        )
        due[job["id"]] = datetime.fromisoformat(job["run_at"]).timestamp()
    return _since(servers, due)


def _since(servers: Servers, moments: Mapping[str, float]) -> list[float]:
    """Seconds from each job's moment to the start of its handler, once all have run.

    Raises: RuntimeError when some have not run in time.
    """
    deadline = time.monotonic() + RUN_LIMIT
    with psycopg.connect(servers.dsn(), autocommit=True) as connection:
        while True:
            rows = connection.execute(
                "SELECT id::text, (result ->> 'started')::float8 FROM corral.jobs "
                "WHERE id = ANY(%s::uuid[]) AND state = 'completed'",
                (list(moments),),
            ).fetchall()
            if len(rows) == len(moments):
                return [started - moments[job] for job, started in rows]
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(rows)} of {len(moments)} jobs ran")
            time.sleep(0.1)


def _shares(servers: Servers, children: Mapping[str, Child], seconds: float) -> list[Share]:
    """What every process uses over that time."""
    roots = {name: child.pid for name, child in children.items()}
    roots |= {"Postgres": servers.postgres_pid, "Valkey": servers.redis_pid}
    families = {name: cost.family(pid) for name, pid in roots.items()}
    before = {name: [cost.own_cpu(member) for member in members] for name, members in families.items()}
    time.sleep(seconds)
    return [
        Share(
            name,
            tuple(
                max(0.0, 100 * (cost.own_cpu(member) - was) / seconds)
                for member, was in zip(members, before[name], strict=True)
            ),
            sum(cost.own_resident(member) for member in members) / MB,
            sum(cost.own_share(member) for member in members) / cost.MIB,
        )
        for name, members in families.items()
    ]


def row(values: list[float]) -> tuple[str, str, str]:
    return f"{1000 * at(values, 0.5):.1f}", f"{1000 * at(values, 0.99):.1f}", f"{1000 * values[-1]:.1f}"


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]
