"""RQ's own readers see Corral's workers, and RQ's commands reach them (protocol rule 30)."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from uuid import UUID

import pytest
from redis import Redis as SyncRedis
from rq.command import send_command, send_shutdown_command
from rq.suspension import resume, suspend
from rq.worker import Worker
from tests.fixtures.waiting import eventually

from corral.dispatch import Dispatch, Entry
from corral.dispatch.presence import Presence, WorkerCounts
from corral.errors import Unavailable
from corral.ids import new_id
from corral.job.lane import Lane
from corral.job.priority import Priority
from corral_local.servers.valkey import EmbeddedValkey

EMAIL = Lane("email", Priority.NORMAL)
NOTHING = WorkerCounts(running=0, succeeded=0, failed=0, seconds=0.0)


class Heard:
    """What reached the worker."""

    def __init__(self) -> None:
        self.stopped: list[UUID] = []
        self.shutdown = Event()


@contextmanager
def worker(url: str, name: str = "corral-1") -> Iterator[tuple[Presence, Heard]]:
    heard = Heard()
    presence = Presence(
        url,
        name,
        ["email", "email.high"],
        period=5.0,
        on_stop=heard.stopped.append,
        on_shutdown=heard.shutdown.set,
    )
    try:
        yield presence, heard
    finally:
        presence.leave()


@pytest.fixture
def sync_redis(redis_url: str) -> Iterator[SyncRedis]:
    with SyncRedis.from_url(redis_url) as client:
        yield client


def listening(redis: SyncRedis, name: str = "corral-1") -> Callable[[], bool]:
    return lambda: redis.pubsub_numsub(f"rq:pubsub:{name}")[0][1] == 1


def rq(url: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rq.cli", *arguments, "--url", url],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        timeout=60,
    )
    return done.stdout


async def test_rq_info_shows_queues_and_workers(dispatch: Dispatch, redis_url: str):
    await dispatch.lanes.enqueue([Entry(EMAIL, new_id()) for _ in range(3)])
    with worker(redis_url) as (presence, _):
        presence.beat(WorkerCounts(running=2, succeeded=7, failed=1, seconds=3.5))
        shown = rq(redis_url, "info", "--raw")
    assert "queue email 3" in shown
    (line,) = [line for line in shown.splitlines() if line.startswith("worker corral-1")]
    assert "busy email, email.high" in line
    assert "7 finished, 1 failed" in line
    assert f" {os.getpid()})" in line


def test_rq_suspend_and_resume_are_obeyed_and_shown(redis_url: str, sync_redis: SyncRedis):
    with worker(redis_url) as (presence, _):
        assert not presence.beat(NOTHING)
        rq(redis_url, "suspend")
        assert presence.beat(NOTHING)
        assert Worker.all(connection=sync_redis)[0].get_state() == "suspended"
        rq(redis_url, "resume")
        assert not presence.beat(NOTHING)
        assert Worker.all(connection=sync_redis)[0].get_state() == "idle"


def test_the_hash_has_every_field_that_readers_need(redis_url: str, sync_redis: SyncRedis):
    with worker(redis_url) as (presence, _):
        presence.beat(NOTHING)
        fields = {name.decode() for name in sync_redis.hgetall("rq:worker:corral-1")}
    assert fields >= {
        *("birth", "last_heartbeat", "queues", "pid", "hostname", "ip_address", "version", "python_version"),
        *("state", "successful_job_count", "failed_job_count", "total_working_time"),
    }


def test_stop_job_reaches_the_worker_at_once(redis_url: str, sync_redis: SyncRedis):
    job = new_id()
    with worker(redis_url) as (presence, heard):
        presence.beat(NOTHING)
        eventually(listening(sync_redis))
        send_command(sync_redis, "corral-1", "stop-job", job_id=str(job))
        eventually(lambda: heard.stopped == [job])


async def test_a_cancel_is_hurried_through_the_same_channel(dispatch: Dispatch, redis_url: str):
    jobs = [new_id(), new_id()]
    with worker(redis_url) as (presence, heard), SyncRedis.from_url(redis_url) as client:
        presence.beat(NOTHING)
        eventually(listening(client))
        await dispatch.hints.cancel("corral-1", jobs)
        eventually(lambda: heard.stopped == jobs)


def test_shutdown_reaches_the_worker_after_commands_that_make_no_sense(redis_url: str, sync_redis: SyncRedis):
    with worker(redis_url) as (presence, heard):
        presence.beat(NOTHING)
        eventually(listening(sync_redis))
        for nonsense in (
            "",
            "[]",
            "{}",
            '{"command": "stop-job", "job_id": 7}',
            '{"command": "dance"}',
            "\0",
        ):
            sync_redis.publish("rq:pubsub:corral-1", nonsense)
        send_shutdown_command(sync_redis, "corral-1")
        assert heard.shutdown.wait(10)
        assert heard.stopped == []


def test_a_worker_that_left_is_gone_and_one_that_died_expires(redis_url: str, sync_redis: SyncRedis):
    with worker(redis_url) as (presence, _):
        presence.beat(NOTHING)
        assert 10 <= sync_redis.ttl("rq:worker:corral-1") <= 30
        presence.beat(NOTHING)
        assert 10 <= sync_redis.ttl("rq:worker:corral-1") <= 30
    assert Worker.all(connection=sync_redis) == []


def test_a_name_left_behind_by_a_killed_worker_can_be_used_again(redis_url: str, sync_redis: SyncRedis):
    sync_redis.hset("rq:worker:corral-1", mapping={"birth": "long ago"})
    with worker(redis_url) as (presence, _):
        presence.beat(NOTHING)
        assert [found.name for found in Worker.all(connection=sync_redis)] == ["corral-1"]


def test_a_wiped_redis_knows_the_worker_again_after_one_beat(redis_url: str, sync_redis: SyncRedis):
    with worker(redis_url) as (presence, _):
        presence.beat(NOTHING)
        sync_redis.flushall()
        presence.beat(NOTHING)
        assert [found.name for found in Worker.all(connection=sync_redis)] == ["corral-1"]
        assert sync_redis.hget("rq:worker:corral-1", "queues") == b"email,email.high"


def test_a_worker_starts_without_redis_and_survives_its_restart(own_valkey: EmbeddedValkey):
    own_valkey.stop()
    with worker(own_valkey.url) as (presence, heard):
        with pytest.raises(Unavailable, match="redis"):
            presence.beat(NOTHING)
        for _ in range(2):
            own_valkey.start()
            with SyncRedis.from_url(own_valkey.url) as client:
                eventually(lambda: presence.beat(NOTHING) is False, ignoring=(Unavailable,))
                eventually(listening(client))
                job = new_id()
                send_command(client, "corral-1", "stop-job", job_id=str(job))
                eventually(lambda: heard.stopped[-1:] == [job])  # noqa: B023  looked at within the loop
            own_valkey.stop()
            with pytest.raises(Unavailable):
                presence.beat(NOTHING)
        own_valkey.start()


def test_suspension_set_from_python_is_seen_too(redis_url: str, sync_redis: SyncRedis):
    with worker(redis_url) as (presence, _):
        suspend(sync_redis)
        assert presence.beat(NOTHING)
        resume(sync_redis)
        assert not presence.beat(NOTHING)


def test_who_leaves_stops_listening_at_once(redis_url: str):
    for _ in range(20):
        with worker(redis_url) as (presence, _):
            presence.beat(NOTHING)
            thread = presence.pubsub_thread
        assert not thread.is_alive()
