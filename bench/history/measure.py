"""Asks everything of an installation with a long history, first and again, and compares what idling costs."""

import http.client
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

import psutil
import psycopg

from bench import cost, web
from bench.child import Child, started
from bench.effort import Effort
from bench.goal import Goal
from bench.history import rows
from bench.history.questions import Question, questions
from bench.installation import Installation
from bench.section import Section, Table
from bench.servers import Servers

AGAIN = 5
"""Times that each question is asked after the first."""
BOUND = 100.0
"""Milliseconds that an answer may take."""
SWEPT_LIMIT = 300.0
"""Seconds in which the leader must have entered what is queued, in both installations."""
SETTLE = 5.0
IDLE = "idle"
"""A queue without jobs: the worker listens there."""
SLOWEST = 15
"""Questions in the table."""


def text_of(effort: Effort) -> str:
    return f"""\
An installation in which {effort.history:,} jobs have ended over {rows.DAYS} days and {effort.live:,} have not: seven
queues, eight types, retries, failures with tracebacks, tags, searchable fields, log lines, files and the statistics of
every minute; and one beside it, on the same servers, with the live jobs alone. First, leader and worker of both idle at
the same time. Then Postgres and the publisher are started afresh, and every page, list, filter and statistic is asked
for once, and {AGAIN} times more. Times are those of a client on the same machine, from the request to the last byte of the
answer. What is found in no index stops after 50 ms and says how to narrow it. Memory of the operating system is left
as it is."""


@dataclass
class Asked:
    """One question, and how long its answers took."""

    question: Question
    first: float
    again: list[float] = field(default_factory=list)
    """Milliseconds."""

    @property
    def worst(self) -> float:
        return max(self.again)


@dataclass(frozen=True)
class Idle:
    """CPU that one installation took for nothing, in per cent of a core."""

    leader: float
    worker: float
    postgres: float

    @property
    def whole(self) -> float:
        return self.leader + self.worker + self.postgres


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    places = {"with": servers, "without": servers.beside()}
    for name, place in places.items():
        place.reset()
        Installation(place).install()
        say(f"filling the installation {name} a history")
        rows.fill(place.dsn(), effort.history, effort.live, say, ended=name == "with")
    try:
        idle = _idle(places, effort.history_idle_seconds)
        for name, one in idle.items():
            parts = f"leader {one.leader:.2f}, worker {one.worker:.2f}, Postgres {one.postgres:.2f}"
            say(f"idle {name} a history, in % of a core: {parts}")
        _restart(servers)
        asked = _ask(servers, say)
    finally:
        for place in places.values():
            place.drop()
    return Section(
        title=f"{effort.history:,} finished jobs",
        text=text_of(effort),
        tables=(_answers(asked), _slowest(asked), _idling(idle)),
        goals=(
            Goal("history_first_answer", max(one.first for one in asked), "<=", BOUND, "ms"),
            Goal("history_every_answer", max(one.worst for one in asked), "<=", BOUND, "ms"),
            Goal("history_idle_cpu", idle["with"].whole / idle["without"].whole, "<=", 1.25, "x"),
        ),
    )


def _idle(places: Mapping[str, Servers], seconds: float) -> dict[str, Idle]:
    """Both installations at once, so that the machine's moods hit both alike."""
    with ExitStack() as stack:
        children: dict[str, dict[str, Child]] = {}
        for name, place in places.items():
            installation, port = Installation(place), web.free_port()
            commands = {
                "publisher": installation.publisher(port),
                "worker": installation.worker(QUEUES=IDLE),
            }
            children[name] = stack.enter_context(started(commands))
            web.wait_ready(children[name]["publisher"], port, "/readyz")
        for place in places.values():
            _wait_for_the_sweep(place)
        time.sleep(SETTLE)
        before = {name: _cpu(places[name], of) for name, of in children.items()}
        time.sleep(seconds)
        found = {}
        for name, of in children.items():
            used = {
                part: value - before[name].get(part, 0.0) for part, value in _cpu(places[name], of).items()
            }
            share = {part: 100 * value / seconds for part, value in used.items()}
            found[name] = Idle(share["publisher"], share["worker"], share["postgres"])
        return found


def _cpu(place: Servers, children: Mapping[str, Child]) -> dict[str, float]:
    """CPU seconds so far; those of Postgres are of the processes that serve this installation's database."""
    for child in children.values():
        child.check()
    with psycopg.connect(place.dsn(), autocommit=True) as connection:
        pids = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    used = {name: cost.cpu_seconds(child.pid) for name, child in children.items()}
    return used | {
        "postgres": sum(cost.own_cpu(psutil.Process(pid)) for (pid,) in pids if psutil.pid_exists(pid))
    }


def _wait_for_the_sweep(place: Servers) -> None:
    """Returns once Redis has an entry for each queued job."""
    with psycopg.connect(place.dsn()) as connection:
        row = connection.execute("SELECT count(*) FROM corral.jobs WHERE state = 'queued'").fetchone()
    assert row is not None
    redis, until = place.redis(), time.monotonic() + SWEPT_LIMIT
    while sum(redis.llen(key) for key in redis.scan_iter("rq:queue:*")) < row[0]:
        if time.monotonic() > until:
            raise RuntimeError("the leader has not entered what is queued")
        time.sleep(1)


def _restart(servers: Servers) -> None:
    """Nothing that Postgres kept in its own memory is there any more."""
    servers.postgres.stop()
    servers.postgres.start()


def _ask(servers: Servers, say: Callable[[str], None]) -> list[Asked]:
    installation, port = Installation(servers), web.free_port()
    key = installation.key()
    everything = questions(servers.dsn())
    with started({"publisher": installation.publisher(port)}) as children:
        web.wait_ready(children["publisher"], port, "/readyz")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        asked = [Asked(question, _once(connection, question, key)) for question in everything]
        for one in asked:
            one.again += [_once(connection, one.question, key) for _ in range(AGAIN)]
        connection.close()
    for one in sorted(asked, key=lambda one: -max(one.first, one.worst))[:5]:
        say(f"{one.first:.0f} ms first, {one.worst:.0f} ms at most again: {one.question.shown}")
    return asked


def _once(connection: http.client.HTTPConnection, question: Question, key: str) -> float:
    headers = {
        "Authorization": f"Bearer {key}",
        "Accept": "text/html" if question.html else "application/json",
    }
    began = time.perf_counter()
    connection.request("GET", question.path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = 1000 * (time.perf_counter() - began)
    if answer.status != 200:
        raise RuntimeError(f"GET {question.path} answered {answer.status}: {body[:500]!r}")
    return took


def _answers(asked: list[Asked]) -> Table:
    lines = []
    kinds = {
        "pages": lambda one: one.question.html,
        "lists over the API": lambda one: "/api/v1/jobs" in one.question.path and not one.question.html,
        "statistics": lambda one: "/stats" in one.question.path or one.question.path.endswith("/queues"),
    }
    for name, of_kind in kinds.items():
        some = [one for one in asked if of_kind(one)]
        lines.append((f"{len(some)} {name}", *_cells([one.first for one in some])))
        lines.append((f"{len(some)} {name}, again", *_cells([time for one in some for time in one.again])))
    return Table(("Milliseconds", "median", "most"), tuple(lines))


def _cells(times: list[float]) -> tuple[str, str]:
    return f"{statistics.median(times):.1f}", f"{max(times):.1f}"


def _slowest(asked: list[Asked]) -> Table:
    ranked = sorted(asked, key=lambda one: -max(one.first, one.worst))[:SLOWEST]
    return Table(
        ("The slowest, in milliseconds", "first", "again, median", "again, most"),
        tuple(
            (
                f"`{one.question.shown}`",
                f"{one.first:.1f}",
                f"{statistics.median(one.again):.1f}",
                f"{one.worst:.1f}",
            )
            for one in ranked
        ),
    )


def _idling(idle: Mapping[str, Idle]) -> Table:
    return Table(
        ("Idle, % of a core", "leader", "worker", "Postgres for them", "in all"),
        tuple(
            (
                f"{name} a history",
                f"{one.leader:.2f}",
                f"{one.worker:.2f}",
                f"{one.postgres:.2f}",
                f"{one.whole:.2f}",
            )
            for name, one in idle.items()
        ),
    )
