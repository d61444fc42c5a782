"""A snapshot held open under load: a forgotten transaction, a long report, a dump. What may it cost?

While it is open nothing that died since may be removed, so the indexes of what is queued fill with entries of
jobs that are long done.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg
import redis

from bench.effort import Effort
from bench.goal import Goal
from bench.installation import Installation
from bench.measuring import web
from bench.measuring.child import Child, started
from bench.measuring.span import FIFTHS, Span, look
from bench.parts import skip_locked
from bench.parts.idle import at, starts_of
from bench.section import Section, Table
from bench.servers import Servers
from corral.dispatch import key_names
from corral.job.lane import Lane
from corral.job.priority import Priority

TYPE, LANE = "demo.echo", Lane("demo", Priority.NORMAL)
LOW = 10_000
"""More are queued when fewer wait, so that the worker never runs dry."""
PORTION = 5_000
LOOK = 0.1
DRY_LIMIT = 60.0
"""Seconds in which what is queued at the end must have run."""
PEERS_SHARE = 0.25
"""Of the time, for the peer: it needs less to show what becomes of it."""
TURNS = 5
"""In which jobs are posted, first to one installation, then to the other."""
SWEEP_PERIOD, SWEEP_SHARE = 5.0, 0.05
DUTIES = ("sweep", "promote", "signal")
TEXT = """\
Two installations on the same servers at the same time, so that the machine's moods hit both: a publisher with the
maintenance in it and a worker each, as shipped, with ten thousand `demo.echo` jobs queued at every moment. In one
database another connection holds a snapshot open (REPEATABLE READ, idle in its transaction); a snapshot keeps rows of
its own database alone. The rates are those of each fifth of the time; goals compare the last fifths. Beside it, in
the same way and for a quarter of the time, the queue that a team writes first: a table with a partial index and
`FOR UPDATE SKIP LOCKED`, two connections, batches of 50, as many waiting. When the queues have run dry, and the
snapshot is still held, jobs are posted one at a time to each installation in turn. The rounds of the leader's duties
are those of the last fifth under load."""

NOW = "SELECT date_part('epoch', now())"


@dataclass
class Running:
    """One installation at work."""

    installation: Installation
    watch: psycopg.Connection
    redis: redis.Redis
    client: web.Client
    rounds: dict[str, dict[str, float]] = field(default_factory=lambda: {duty: {} for duty in DUTIES})
    """Seconds of each duty's rounds that were seen, by their end."""
    starts: list[float] = field(default_factory=list)
    """Seconds from POST to start."""

    @property
    def waiting(self) -> int:
        return int(self.redis.llen(f"rq:queue:{LANE.name}"))

    def look(self) -> None:
        """Takes note of how the duties' last rounds went."""
        board = self.redis.get(key_names.DUTIES)
        for duty, report in (json.loads(board)["duties"] if board else {}).items():
            if duty in self.rounds and report["ran_at"]:
                self.rounds[duty][report["ran_at"]] = report["seconds"]

    def duty(self, name: str) -> list[float]:
        """Seconds of its rounds, sorted."""
        return sorted(self.rounds[name].values()) or [0.0]


def measure(servers: Servers, effort: Effort, say: Callable[[str], None]) -> Section:
    seconds = effort.snapshot_seconds
    places = {"without": servers, "a snapshot held": servers.beside()}
    spans, running = _corral(places, effort, held="a snapshot held")
    peers = skip_locked.spans(places, seconds * PEERS_SHARE, LOW, held="a snapshot held", snapshot=snapshot)
    rows = [("Corral", name, span) for name, span in spans.items()]
    rows += [("SKIP LOCKED", name, span) for name, span in peers.items()]
    for system, name, span in rows:
        say(f"{system:<12} {name:<16} {', '.join(span.shown)} jobs/s; {span.dead:,} dead rows")
    kept, peers_kept = _kept(spans), _kept(peers)
    say(f"of the rate without a snapshot Corral keeps {kept:.2f}, SKIP LOCKED {peers_kept:.2f}")
    without, held = running.values()
    slower = at(held.starts, 0.5) / at(without.starts, 0.5)
    sweep = statistics.median(held.duty("sweep"))
    return Section(
        title=f"A snapshot held open for {seconds:,.0f} s",
        text=TEXT,
        tables=(
            Table(
                ("jobs/s in each fifth", *(str(number + 1) for number in range(FIFTHS)), "MiB", "dead rows"),
                tuple(
                    (f"{system}, {name}", *span.shown, f"{span.mebibytes:,.0f}", f"{span.dead:,}")
                    for system, name, span in rows
                ),
            ),
            Table(
                (
                    "Milliseconds",
                    "POST to start",
                    "p99",
                    *(f"{duty}, most" for duty in DUTIES),
                    "sweep, median",
                ),
                tuple((name, *_cells(one)) for name, one in running.items()),
            ),
        ),
        goals=(
            Goal("snapshot_held_throughput", kept, ">=", 0.8, "x"),
            Goal("snapshot_held_vs_skip_locked", kept / peers_kept, ">=", 2, "x"),
            Goal("snapshot_held_post_to_start", slower, "<=", 1.25, "x"),
            Goal("snapshot_held_sweep_round", 1000 * sweep, "<=", 1000 * SWEEP_PERIOD * SWEEP_SHARE, "ms"),
        ),
    )


def _kept(spans: Mapping[str, Span]) -> float:
    without, held = spans.values()
    return held.rates[-1] / without.rates[-1]


def _cells(one: Running) -> tuple[str, ...]:
    times = (at(one.starts, 0.5), at(one.starts, 0.99), *(one.duty(duty)[-1] for duty in DUTIES))
    return tuple(f"{1000 * value:,.1f}" for value in (*times, statistics.median(one.duty("sweep"))))


def _corral(
    places: Mapping[str, Servers], effort: Effort, *, held: str
) -> tuple[dict[str, Span], dict[str, Running]]:
    """A fresh installation in each place, all under load for so long, with a snapshot held in one."""
    seconds = effort.snapshot_seconds
    with ExitStack() as stack:
        children: list[Child] = []
        running = {name: _started(stack, place, children) for name, place in places.items()}
        for one in running.values():
            one.installation.seed(2 * LOW, TYPE)
        for one in running.values():
            _wait_for_the_first(one.watch, children)
        stack.enter_context(snapshot(places[held].dsn(), "corral.jobs"))
        began = _one(running[held].watch, NOW)
        _feed(list(running.values()), children, seconds)
        spans = {name: look(one.watch, "corral.jobs", began, seconds) for name, one in running.items()}
        _dry(list(running.values()), children)
        for _ in range(TURNS):
            for one in running.values():
                posts = max(1, effort.idle_posts // TURNS)
                one.starts += starts_of(one.installation.servers, one.client, posts=posts)
        for one in running.values():
            one.starts.sort()
        return spans, running


def _started(stack: ExitStack, place: Servers, children: list[Child]) -> Running:
    installation = Installation.fresh(place)
    key, port = installation.key(), web.free_port()
    commands = {"publisher": installation.publisher(port), "worker": installation.worker()}
    processes = stack.enter_context(started(commands))
    children += processes.values()
    web.wait_ready(processes["publisher"], port, "/readyz")
    watch = stack.enter_context(psycopg.connect(place.dsn(), autocommit=True))
    client = stack.enter_context(web.Client(port, {"Authorization": f"Bearer {key}"}))
    return Running(installation, watch, place.redis(), client)


@contextmanager
def snapshot(dsn: str, table: str) -> Iterator[None]:
    """Held as long as this is open."""
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute(f"SELECT id FROM {table} LIMIT 1")
        yield


def _wait_for_the_first(watch: psycopg.Connection, children: Sequence[Child]) -> None:
    until = time.monotonic() + DRY_LIMIT
    while not _one(
        watch, "SELECT count(*) FROM (SELECT FROM corral.jobs WHERE state = 'completed' LIMIT 1) one"
    ):
        if time.monotonic() > until:
            raise RuntimeError("no job ran")
        _check(children)
        time.sleep(LOOK)


def _feed(running: Sequence[Running], children: Sequence[Child], seconds: float) -> None:
    """Keeps all busy for so long.

    Raises: RuntimeError when one ran dry: then it was this process that was measured.
    """
    began = time.monotonic()
    with ExitStack() as stack:
        feeds = [stack.enter_context(one.installation.feed(TYPE)) for one in running]
        while (passed := time.monotonic() - began) < seconds:
            _check(children)
            waiting = [one.waiting for one in running]
            if min(waiting) == 0:
                raise RuntimeError("an installation ran dry: more must be queued beforehand")
            for number, feed in zip(waiting, feeds, strict=True):
                if number < LOW:
                    feed(PORTION)
            for one in running:
                if passed > seconds * (FIFTHS - 1) / FIFTHS:
                    one.look()
            if min(waiting) >= LOW:
                time.sleep(LOOK)


def _dry(running: Sequence[Running], children: Sequence[Child]) -> None:
    until = time.monotonic() + DRY_LIMIT
    while any(one.waiting for one in running):
        if time.monotonic() > until:
            raise RuntimeError("what was queued has not run")
        _check(children)
        time.sleep(LOOK)


def _check(children: Sequence[Child]) -> None:
    for child in children:
        child.check()


def _one(connection: psycopg.Connection, statement: str) -> float:
    row = connection.execute(statement).fetchone()
    assert row is not None
    return float(row[0])
