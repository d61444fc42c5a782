"""BullMQ 6 on Node: with Redis and node-postgres, and on its own Postgres backend."""

import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.measuring import record
from bench.measuring.child import ROOT, Command
from bench.measuring.race import Span
from bench.servers import Servers

FOLDER = ROOT / "bench" / "peers" / "bullmq"
CONNECTIONS = 20
"""node-postgres' pool; of 10, 20 and 50 the one with which BullMQ was fastest."""


def install() -> None:
    """Installs the exact versions of package.json when they are missing.

    Raises: RuntimeError without Node.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise RuntimeError(
            "BullMQ needs Node 20 or newer with npm: install them, or name other parts to measure"
        )
    if not (FOLDER / "node_modules" / "bullmq").is_dir():
        subprocess.run(
            ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"],
            cwd=FOLDER,
            check=True,
        )


@dataclass(frozen=True)
class BullMQ:
    """Redis dispatches; the processor makes the two writes of each job."""

    concurrency: int = 50
    jobs: int = 20_000
    connections: int = CONNECTIONS
    name: str = "BullMQ + pg"

    def seed(self, servers: Servers) -> None:
        ids = record.create(servers.dsn(), self.jobs)
        _node("seed.mjs", ids, {"REDIS_URL": servers.redis_url})

    def background(self, _: Servers) -> dict[str, Command]:
        return {}

    def commands(self, servers: Servers) -> dict[str, Command]:
        worker = Command(
            ["node", "worker.mjs"],
            {
                "REDIS_URL": servers.redis_url,
                "DSN": servers.dsn(),
                "CONCURRENCY": str(self.concurrency),
                "CONNECTIONS": str(self.connections),
                "START": record.START.format(id="$1"),
                "FINISH": record.FINISH.format(id="$1", result="$2"),
            },
            FOLDER,
        )
        return {"worker": worker}

    def left(self, servers: Servers) -> int:
        return record.left(servers.dsn())

    def span(self, servers: Servers) -> Span:
        return record.span(servers.dsn())

    def starts(self, servers: Servers, jobs: int) -> list[float]:
        """Seconds from the adding of each of so many jobs, one at a time, until its processor records the start."""
        ids = [str(uuid.uuid4()) for _ in range(jobs)]
        env = {"REDIS_URL": servers.redis_url, "DSN": servers.dsn()}
        began = dict(line.split() for line in _node("add.mjs", ids, env).splitlines())
        started = record.starts(servers.dsn(), ids)
        return [started[id_] - float(began[id_]) for id_ in ids]


@dataclass(frozen=True)
class BullMQPostgres:
    """BullMQ's own Postgres backend, without Redis."""

    concurrency: int = 50
    jobs: int = 20_000
    connections: int = CONNECTIONS
    name: str = "BullMQ on Postgres"

    def seed(self, servers: Servers) -> None:
        _node(
            "seed.mjs",
            [str(number) for number in range(self.jobs)],
            {"BACKEND": "postgres", "DSN": servers.dsn()},
        )

    def background(self, _: Servers) -> dict[str, Command]:
        return {}

    def commands(self, servers: Servers) -> dict[str, Command]:
        worker = Command(
            ["node", "worker.mjs"],
            {
                "BACKEND": "postgres",
                "DSN": servers.dsn(),
                "CONCURRENCY": str(self.concurrency),
                "CONNECTIONS": str(self.connections),
            },
            FOLDER,
        )
        return {"worker": worker}

    def left(self, servers: Servers) -> int:
        return self.jobs - self.span(servers).jobs

    def span(self, servers: Servers) -> Span:
        with psycopg.connect(servers.dsn()) as connection:
            row = connection.execute(
                "SELECT count(*), max(finished_at_ms) - min(processed_at_ms) FROM bullmq.job WHERE state = 'completed'"
            ).fetchone()
        assert row is not None
        return Span(int(row[0]), float(row[1] or 0) / 1000)


def _node(script: str, lines: list[str], env: dict[str, str]) -> str:
    """What the script printed."""
    return subprocess.run(
        ["node", str(Path(FOLDER, script))],
        cwd=FOLDER,
        env=Command([], env).environment(),
        input="\n".join(lines),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
