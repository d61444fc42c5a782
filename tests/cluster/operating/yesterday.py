"""What a backup holds: jobs of every kind, keys and a file, and whether all of that is there again."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.cluster import until
from tests.cluster.release import Release

Json = Any
TAG = "yesterday"
COMPLETED, FAILED, QUEUED, PAUSED, SCHEDULED, RUNNING = 20, 3, 15, 5, 4, 1
RUN_SECONDS = 20.0
"""Of the job that runs while the backup is made; the others wait behind it."""
AN_HOUR = 3600
EVERY_ID = """
local told = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local held = {}
  if kind == 'list' then held = redis.call('LRANGE', key, 0, -1)
  elseif kind == 'set' then held = redis.call('SMEMBERS', key)
  elseif kind == 'zset' then held = redis.call('ZRANGE', key, 0, -1)
  elseif kind == 'hash' then held = redis.call('HGETALL', key)
  elseif kind == 'string' then held = {redis.call('GET', key)} end
  told[#told + 1] = key .. ' ' .. table.concat(held, ' ')
end
return told
"""
"""All that Redis holds but streams: those tell what happened, and lead to nothing."""


@dataclass
class Yesterday:
    """The jobs, the key and the file."""

    release: Release
    jobs: dict[str, Json] = field(default_factory=dict)
    file: bytes = b""
    file_at: str = ""
    key: str = ""

    def live(self) -> None:
        """Make them, so that they stay as they are for `RUN_SECONDS`."""
        client, tags = self.release.client, [TAG]
        report = client.submit(
            "report.generate", {"title": "Sales", "csv": "region,sum\nNorth,1\n"}, tags=tags
        )
        client.submit_many("demo.echo", [{"done": n} for n in range(COMPLETED - 1)], TAG)
        for _ in range(FAILED):
            client.submit("demo.fail", {"times": 1}, retries=0, tags=tags)
        for queue in ("reports", "demo"):
            client.wait_quiet(queue, 90)
        files = client.get(f"/jobs/{report['id']}/artifacts")["items"]
        artifact = next(one for one in files if one["media_type"] == "application/pdf")
        self.file_at = f"/jobs/{report['id']}/artifacts/{artifact['name']}"
        self.file = client.download(self.file_at)
        self.key = new_key(self.release, "yesterday")
        client.post("/queues/cpu/pause")
        client.submit_many("demo.cpu", [{"seconds": 0.1}] * PAUSED, TAG)
        for n in range(SCHEDULED):
            client.submit("demo.echo", {"later": n}, delay=AN_HOUR, tags=tags)
        client.submit_many("demo.sleep", [{"seconds": RUN_SECONDS}] * RUNNING, TAG)
        client.wait_running("demo", RUNNING, 30)
        client.submit_many("demo.echo", [{"waits": n} for n in range(QUEUED)], TAG)

    def note(self) -> Counter[str]:
        """Remember how they stand, by the API; jobs per state."""
        self.jobs = {job["id"]: job for job in self.release.client.jobs(TAG)}
        return Counter(job["state"] for job in self.jobs.values())

    def states(self, *wanted: str) -> list[str]:
        """The jobs that were in one of these states."""
        return [id for id, job in self.jobs.items() if job["state"] in wanted]

    def restored(self) -> list[str]:
        """Those that the API tells of as it did then. One that ran may have been taken back in the meantime."""
        found = {job["id"]: job for job in self.release.client.jobs(TAG)}
        return [id for id, job in self.jobs.items() if id in found and same(job, found[id])]

    def claimed(self, ids: list[str]) -> bool:
        """Whether one of them was claimed since."""
        jobs = self.release.client.jobs(TAG)
        return any(job["attempt"] > self.jobs[job["id"]]["attempt"] for job in jobs if job["id"] in ids)

    def wait_completed(self, ids: list[str], seconds: float) -> None:
        """Wait until all of them are completed."""

        def all_of_them() -> bool:
            states = Counter(job["state"] for job in self.release.client.jobs(TAG) if job["id"] in ids)
            assert states == {"completed": len(ids)}, states
            return True

        until(all_of_them, f"{len(ids)} jobs of the backup are completed", seconds)


def same(job: Json, found: Json) -> bool:
    """Whether a job reads as it did, but for what the leader may do to one that ran."""
    if job["state"] == "running":
        return found["state"] in {"running", "queued"} and bool(found["payload"] == job["payload"])
    told = ("state", "payload", "result", "attempt", "errors", "queue", "run_at", "finished_at")
    return all(found[key] == job[key] for key in told)


def new_key(release: Release, name: str) -> str:
    """A key made at the command line of a publisher."""
    publisher = release.namespace.pods("publisher")[0]["metadata"]["name"]
    return release.namespace.exec(publisher, "corral", "keys", "create", name, "--role", "viewer").strip()


def held_by_redis(release: Release, ids: list[str]) -> list[str]:
    """Those of the ids that Redis knows in any structure but its streams."""
    held = release.namespace.exec(release.redis_pod(), "redis-cli", "--raw", "eval", EVERY_ID, "0")
    return [id for id in ids if id in held]
