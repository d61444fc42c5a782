"""Corral: its workers, and the maintenance that a whole installation runs beside them."""

from dataclasses import dataclass, field

import psycopg

from bench.installation import Installation
from bench.measuring.child import Command, python
from bench.measuring.race import Span
from bench.servers import Servers

ENDED = """
SELECT coalesce(sum(s.count), 0) FROM (
    SELECT count FROM corral.job_stats WHERE measure = 'run' AND outcome = 'completed'
    UNION ALL SELECT count FROM corral.job_stats_deltas WHERE outcome = 'completed'
) s
"""
"""How many jobs have completed: a few rows, where counting the jobs would read them all at every look."""


@dataclass
class Corral:
    """The shipped settings but for those given, by name without CORRAL_."""

    jobs: int = 20_000
    settings: dict[str, str] = field(default_factory=dict)
    name: str = "Corral"
    workers: int = 1
    batch: int = 0
    """How many jobs a claim took on average in its last lap."""

    def seed(self, servers: Servers) -> None:
        installation = Installation(servers)
        installation.install()
        installation.seed(self.jobs)

    def background(self, servers: Servers) -> dict[str, Command]:
        return {"maintenance": Installation(servers).maintenance()}

    def commands(self, servers: Servers) -> dict[str, Command]:
        worker = Installation(servers).worker(**self.settings)
        return {
            f"worker {number}" if self.workers > 1 else "worker": worker
            for number in range(1, self.workers + 1)
        }

    def left(self, servers: Servers) -> int:
        with psycopg.connect(servers.dsn()) as connection:
            row = connection.execute(ENDED).fetchone()
        assert row is not None
        return self.jobs - int(row[0])

    def span(self, servers: Servers) -> Span:
        self.batch = _batch(servers)
        return span(servers)


@dataclass
class PostgresAlone:
    """The same claims and completions without the rest, in batches as large as the worker's were."""

    like: Corral
    name: str = "Postgres alone"

    @property
    def jobs(self) -> int:
        return self.like.jobs

    def seed(self, servers: Servers) -> None:
        self.like.seed(servers)

    def background(self, _: Servers) -> dict[str, Command]:
        return {}

    def commands(self, servers: Servers) -> dict[str, Command]:
        env = {"DSN": servers.dsn(), "BATCH": str(self.like.batch)}
        return {"client": Command(python("bench.peers.postgres_alone"), env)}

    def left(self, servers: Servers) -> int:
        return self.like.left(servers)

    def span(self, servers: Servers) -> Span:
        return span(servers)


def span(servers: Servers) -> Span:
    """From the first start to the last finish in Corral's own table."""
    with psycopg.connect(servers.dsn()) as connection:
        row = connection.execute(
            "SELECT count(*), extract(epoch FROM max(finished_at) - min(started_at)) FROM corral.jobs "
            "WHERE state = 'completed'"
        ).fetchone()
    assert row is not None
    return Span(int(row[0]), float(row[1] or 0))


def _batch(servers: Servers) -> int:
    with psycopg.connect(servers.dsn()) as connection:
        row = connection.execute("SELECT count(*) / count(DISTINCT claim) FROM corral.jobs").fetchone()
    assert row is not None
    return max(1, int(row[0]))
