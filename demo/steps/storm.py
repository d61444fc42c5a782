"""System 1: many jobs on two workers, one of which is killed, while Redis is emptied."""

import time
from typing import Any

from redis import Redis

from corral.process.env_file import read_env_file
from demo.installation import kill_worker
from demo.stage import Stage
from demo.waiting import until

TITLE = "many jobs; one worker is killed and Redis emptied in the middle"
JOBS = 200
LABEL = "storm"
SECONDS = 60.0
"""How long all of it may take."""


def run(stage: Stage) -> None:
    """Submit, hurt, and count what comes out."""
    show = stage.account.show
    body = [{"type": "demo.sleep", "payload": {"seconds": 0.5}, "tags": [LABEL]} for _ in range(JOBS)]
    began = time.monotonic()
    accepted = stage.post("/api/v1/jobs/bulk", {"jobs": body})["accepted"]
    figure = f"{accepted} jobs in {time.monotonic() - began:.2f} s"
    show("000-04 004-29", "accepted in one call", figure, holds=accepted == JOBS)
    until(lambda: _jobs(stage, "running"), seconds=30, what="some run")
    workers = [one for one in stage.get("/api/v1/workers")["items"] if one["running"]]
    names = ", ".join(f"{one['name']} ({one['running']})" for one in workers)
    show("000-40 000-58 000-10", "workers that share them", names, holds=len(workers) >= 2)
    kill_worker(stage.installation, workers[0]["pid"])
    redis_url = read_env_file(stage.installation.folder / ".corral" / "services.env", {})["CORRAL_REDIS_URL"]
    with Redis.from_url(redis_url) as redis:
        keys = int(redis.dbsize())
        redis.flushall()
    hurt = time.monotonic()
    waiting = len(_jobs(stage, "queued"))
    show("000-68 001-70", "kill -9 and FLUSHALL", f"{keys} keys gone, {waiting} jobs waited", holds=keys > 0)
    until(lambda: len(_jobs(stage, "completed")) == JOBS, seconds=SECONDS, what="all of them are completed")
    done = _jobs(stage, "completed")
    seconds = time.monotonic() - hurt
    show(
        "000-68 001-40 004-06",
        "completed all the same",
        f"{len(done)} of {JOBS}, {seconds:.1f} s later",
        holds=len(done) == JOBS,
    )
    again = [one for one in done if one["attempt"] > 1]
    others = {one["attempt"] for one in done} <= {1, 2}
    show(
        "001-03 004-38",
        "of them tried a second time",
        f"{len(again)}: those on the killed worker",
        holds=others,
    )
    until(
        lambda: len(stage.installation.worker_pids()) >= len(workers),
        seconds=60,
        what="the killed worker is back",
    )


def _jobs(stage: Stage, state: str) -> list[dict[str, Any]]:
    """All jobs of this step in one state."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = stage.get("/api/v1/jobs", tag=LABEL, state=state, limit=200, **cursor)
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = {"cursor": page["next"]}
