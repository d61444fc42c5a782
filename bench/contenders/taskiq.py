"""Taskiq on Redis lists: one asynchronous process."""

import asyncio
import sys
from dataclasses import dataclass

from taskiq.kicker import AsyncKicker
from taskiq_redis import ListQueueBroker

from bench.measuring import record
from bench.measuring.child import Command
from bench.measuring.race import Span
from bench.servers import Servers

CONNECTIONS = 20


@dataclass(frozen=True)
class Taskiq:
    concurrency: int = 50
    jobs: int = 6_000
    name: str = "Taskiq"

    def seed(self, servers: Servers) -> None:
        asyncio.run(_seed(servers.redis_url, record.create(servers.dsn(), self.jobs)))

    def background(self, _: Servers) -> dict[str, Command]:
        return {}

    def commands(self, servers: Servers) -> dict[str, Command]:
        worker = Command(
            [
                *(sys.executable, "-m", "taskiq", "worker", "bench.peers.taskiq_tasks:broker"),
                *("--workers", "1", "--max-async-tasks", str(self.concurrency), "--log-level", "WARNING"),
            ],
            {"REDIS_URL": servers.redis_url, "DSN": servers.dsn(), "CONNECTIONS": str(CONNECTIONS)},
        )
        return {"worker": worker}

    def left(self, servers: Servers) -> int:
        return record.left(servers.dsn())

    def span(self, servers: Servers) -> Span:
        return record.span(servers.dsn())


async def _seed(url: str, ids: list[str]) -> None:
    broker = ListQueueBroker(url, queue_name="bench")
    await broker.startup()
    for number, id_ in enumerate(ids):
        kicker: AsyncKicker[[dict[str, object]], None] = AsyncKicker("echo", broker, {})
        await kicker.kiq({"id": id_, "number": number})
    await broker.shutdown()
