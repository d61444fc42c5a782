"""Celery with the Redis broker and backend, prefork with one process per core of this comparison."""

import sys
from dataclasses import dataclass

from celery import Celery

from bench.measuring import record
from bench.measuring.child import Command
from bench.measuring.race import Span
from bench.servers import Servers


@dataclass(frozen=True)
class CeleryPrefork:
    processes: int = 2
    jobs: int = 6_000
    name: str = "Celery prefork"

    def seed(self, servers: Servers) -> None:
        app = Celery("bench", broker=servers.redis_url, backend=servers.redis_url)
        ids = record.create(servers.dsn(), self.jobs)
        with app.producer_pool.acquire() as producer:
            for number, id_ in enumerate(ids):
                app.send_task("echo", ({"id": id_, "number": number},), producer=producer)
        app.close()

    def background(self, _: Servers) -> dict[str, Command]:
        return {}

    def commands(self, servers: Servers) -> dict[str, Command]:
        worker = Command(
            [
                *(sys.executable, "-m", "celery", "--app", "bench.peers.celery_tasks", "--quiet", "worker"),
                *("--pool", "prefork", "--concurrency", str(self.processes), "--loglevel", "WARNING"),
            ],
            {"REDIS_URL": servers.redis_url, "DSN": servers.dsn(), "C_FORCE_ROOT": "1"},
        )
        return {"worker": worker}

    def left(self, servers: Servers) -> int:
        return record.left(servers.dsn())

    def span(self, servers: Servers) -> Span:
        return record.span(servers.dsn())
