"""Asks everything of an installation with a long history, first and again, and compares what idling costs."""

import http.client
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Self

import psutil
import psycopg

from bench.effort import Effort
from bench.goal import Goal
from bench.history import rows
from bench.history.questions import Question, questions
from bench.installation import Installation
from bench.measuring import cost, web
from bench.measuring.child import Child, started
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
OK = 200
SLOWEST = 15
"""Questions in the table."""


BACKENDS = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def text_of(effort: Effort) -> str:
    return f"""\
An installation in which {effort.history:,} jobs have ended over {rows.DAYS} days and {effort.live:,} have not: seven
queues, eight types, retries, failures with tracebacks, tags, searchable fields, log lines, files and the statistics of
every minute; and one beside it, on the same servers, with the live jobs alone. First, leader and worker of both idle at
the same time. Then Postgres and a publisher without the leader's duties are started afresh, and every page, list, filter and statistic is asked
for once, and {AGAIN} times more. Times are those of a client on the same machine, from the request to the last byte of the
answer. What is found in no index stops after 35 ms and says how to narrow it. Memory of the operating system is left
as it is."""


@dataclass(frozen=True)
class Answer:
    """What one answer took, in milliseconds."""

    time: float
    cpu: float
    """Of the publisher and of Postgres for it: what a machine with nothing else to do needs at least."""


@dataclass
class Asked:
    """One question, and what its answers took."""

    question: Question
    first: Answer
    again: list[Answer] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """Milliseconds of the slowest that was not the first."""
        return max(answer.time for answer in self.again)

    @property
    def rank(self) -> float:
        """Milliseconds of the slowest of all."""
        return max(self.first.time, self.worst)


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
            Goal("history_first_answer", max(one.first.time for one in asked), "<=", BOUND, "ms"),
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
        pids = connection.execute(BACKENDS).fetchall()
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
    with started({"publisher": installation.publisher(port, MAINTENANCE_ENABLED="false")}) as children:
        publisher = children["publisher"]
        web.wait_ready(publisher, port, "/readyz")
        with Asking(servers, publisher, port, key) as asking:
            asked = [Asked(question, asking.once(question)) for question in everything]
            for one in asked:
                one.again += [asking.once(one.question) for _ in range(AGAIN)]
    for one in sorted(asked, key=lambda one: -one.rank)[:5]:
        said = (
            f"{one.first.time:.0f} ms first ({one.first.cpu:.0f} ms of CPU), {one.worst:.0f} ms at most again"
        )
        say(f"{said}: {one.question.shown}")
    return asked


class Asking:
    """One kept-alive connection to the publisher, and a look at what its answers cost."""

    def __init__(self, servers: Servers, publisher: Child, port: int, key: str) -> None:
        self._publisher = publisher
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._watch = psycopg.connect(servers.dsn(), autocommit=True)
        self._key = key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self._watch.close()

    def once(self, question: Question) -> Answer:
        """Ask it.

        Raises: RuntimeError for an answer that is no success.
        """
        headers = {
            "Authorization": f"Bearer {self._key}",
            "Accept": "text/html" if question.html else "application/json",
        }
        cpu = self._cpu()
        began = time.perf_counter()
        self._http.request("GET", question.path, headers=headers)
        answer = self._http.getresponse()
        body = answer.read()
        took = 1000 * (time.perf_counter() - began)
        if answer.status != OK:
            raise RuntimeError(f"GET {question.path} answered {answer.status}: {body[:500]!r}")
        return Answer(took, self._cpu() - cpu)

    def _cpu(self) -> float:
        pids = [pid for (pid,) in self._watch.execute(BACKENDS).fetchall()]
        pids += [process.pid for process in cost.family(self._publisher.pid)]
        return sum(map(cost.own_cpu_milliseconds, pids))


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
        lines.append(
            (f"{len(some)} {name}, again", *_cells([answer for one in some for answer in one.again]))
        )
    return Table(("Milliseconds", "median", "most", "CPU, median", "CPU, most"), tuple(lines))


def _cells(answers: list[Answer]) -> tuple[str, ...]:
    times, cpu = [one.time for one in answers], [one.cpu for one in answers]
    return tuple(f"{value:.1f}" for part in (times, cpu) for value in (statistics.median(part), max(part)))


def _slowest(asked: list[Asked]) -> Table:
    ranked = sorted(asked, key=lambda one: -one.rank)[:SLOWEST]
    return Table(
        ("The slowest, in milliseconds", "first", "its CPU", "again, median", "its CPU", "again, most"),
        tuple(
            (
                f"`{one.question.shown}`",
                f"{one.first.time:.1f}",
                f"{one.first.cpu:.1f}",
                f"{statistics.median(answer.time for answer in one.again):.1f}",
                f"{statistics.median(answer.cpu for answer in one.again):.1f}",
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
