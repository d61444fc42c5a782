"""Stock RQ's SimpleWorker: no fork, and no Postgres at all, so it does less than everyone else here."""

from dataclasses import dataclass

import redis
from rq import Queue
from rq.job import Job

from bench.measuring.child import Command, python
from bench.measuring.race import Span
from bench.peers.echo import echo
from bench.servers import Servers

QUEUE = "bench"


@dataclass(frozen=True)
class Rq:
    jobs: int = 4_000
    name: str = "RQ SimpleWorker"

    def seed(self, servers: Servers) -> None:
        queue = Queue(QUEUE, connection=redis.Redis.from_url(servers.redis_url))
        for first in range(0, self.jobs, 1000):
            last = min(first + 1000, self.jobs)
            queue.enqueue_many(
                [Queue.prepare_data(echo, ({"number": number},)) for number in range(first, last)]
            )

    def background(self, _: Servers) -> dict[str, Command]:
        return {}

    def commands(self, servers: Servers) -> dict[str, Command]:
        worker = Command(
            python(
                "rq.cli",
                "worker",
                "--worker-class",
                "rq.worker.SimpleWorker",
                "--url",
                servers.redis_url,
                "--quiet",
                QUEUE,
            )
        )
        return {"worker": worker}

    def left(self, servers: Servers) -> int:
        queue = Queue(QUEUE, connection=redis.Redis.from_url(servers.redis_url))
        return self.jobs - int(queue.finished_job_registry.get_job_count(cleanup=False))

    def span(self, servers: Servers) -> Span:
        connection = redis.Redis.from_url(servers.redis_url)
        ids = Queue(QUEUE, connection=connection).finished_job_registry.get_job_ids(cleanup=False)
        jobs = [job for job in Job.fetch_many(ids, connection=connection) if job is not None]
        starts = [job.started_at for job in jobs if job.started_at]
        ends = [job.ended_at for job in jobs if job.ended_at]
        return Span(len(ends), (max(ends) - min(starts)).total_seconds())
