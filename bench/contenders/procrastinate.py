"""Procrastinate: Postgres alone, an asynchronous worker."""

import asyncio
import sys
from dataclasses import dataclass

import psycopg
from procrastinate import App, PsycopgConnector
from procrastinate.types import JSONDict

from bench.measuring.child import Command
from bench.measuring.race import Span
from bench.servers import Servers

CONNECTIONS = 20


@dataclass(frozen=True)
class Procrastinate:
    concurrency: int = 50
    jobs: int = 4_000
    name: str = "Procrastinate"

    def seed(self, servers: Servers) -> None:
        asyncio.run(_seed(servers.dsn(), self.jobs))

    def background(self, _: Servers) -> dict[str, Command]:
        return {}

    def commands(self, servers: Servers) -> dict[str, Command]:
        worker = Command(
            [
                *(
                    sys.executable,
                    "-m",
                    "procrastinate",
                    "--app",
                    "bench.peers.procrastinate_tasks.app",
                    "worker",
                ),
                *("--queues", "bench", "--concurrency", str(self.concurrency)),
            ],
            {"DSN": servers.dsn(), "CONNECTIONS": str(CONNECTIONS)},
        )
        return {"worker": worker}

    def left(self, servers: Servers) -> int:
        return self.jobs - self.span(servers).jobs

    def span(self, servers: Servers) -> Span:
        with psycopg.connect(servers.dsn()) as connection:
            row = connection.execute(
                "SELECT count(*) FILTER (WHERE type = 'succeeded'), extract(epoch FROM "
                "max(at) FILTER (WHERE type = 'succeeded') - min(at) FILTER (WHERE type = 'started')) "
                "FROM procrastinate_events"
            ).fetchone()
        assert row is not None
        return Span(int(row[0]), float(row[1] or 0))


async def _seed(dsn: str, jobs: int) -> None:
    app = App(connector=PsycopgConnector(conninfo=dsn))
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        task = app.configure_task("echo", queue="bench")
        for first in range(0, jobs, 1000):
            page: list[JSONDict] = [{"number": number} for number in range(first, min(first + 1000, jobs))]
            await task.batch_defer_async(*page)
