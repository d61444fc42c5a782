"""Redis that dies, forgets, remembers too much, hangs or is full: it only says which jobs to look at."""

import random
from uuid import UUID

import pytest
import redis
from tests.faults import invariants, servers
from tests.faults.system import System
from tests.fixtures.waiting import eventually

from corral.dispatch import key_names


def listed(system: System, lane: str) -> int:
    """Entries that the lane's list holds."""
    with system.redis() as client:
        return int(client.llen(key_names.LIST + lane))


def test_redis_killed_and_restarted_empty_loses_no_job_and_no_pause(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6)
    system.client.pause("other")
    held = system.submit(50, "faults.other")
    with system.load():
        eventually(lambda: system.live(system.accepted).get("running", 0) > 0)
        assert listed(system, "other") > 0
        servers.kill(system.servers.valkey)
        eventually(lambda: worker.said("dispatch.away"))
        system.servers.valkey.start()
        with system.redis() as client:
            assert client.dbsize() < 50  # it came back empty
        eventually(lambda: tried(system, held), timeout=30)
    system.until_ended([id for id in system.accepted if id not in held])
    assert system.states(held) == {"queued": 50}
    assert not {str(id) for id in held} & {job for job, _ in system.starts()}
    invariants.entries_agree(system)
    system.client.resume("other")
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.stalled(), worker.alive) == (0, True)


def tried(system: System, held: list[UUID]) -> bool:
    """Take the hint of the pause away until a worker has met its jobs: only the claim keeps them now."""
    with system.redis() as client:
        client.delete(key_names.PAUSED + "other")
        refused = client.zcard(key_names.PARKED + "other") > 0
    return refused or bool({str(id) for id in held} & {job for job, _ in system.starts()})


def test_a_redis_that_is_wiped_again_and_again_under_load_loses_nothing(
    system: System, chance: random.Random
):
    system.maintenance()
    system.worker(queues="work")
    unserved = system.submit(100, "faults.other")
    with system.load(every=0.02, count=10) as load:
        for _ in range(5):
            load.until(chance.randint(10, 200))
            eventually(lambda: system.wiped_with_jobs("work"))
    system.until_ended([id for id in system.accepted if id not in unserved])
    invariants.entries_agree(system)  # of the unserved, too
    assert system.states(unserved) == {"queued": 100}
    system.worker(queues="other")
    invariants.check(system)
    invariants.all_completed(system)


def test_a_redis_restored_from_an_old_snapshot_repeats_nothing_and_forgets_nothing(system: System):
    system.maintenance(lease=6)
    old = system.submit(100, "faults.other")
    assert listed(system, "other") == 100
    with system.redis() as client:
        client.save()
    worker = system.worker()
    system.until_ended(old)
    worker.kill()
    new = system.submit(100)
    servers.kill(system.servers.valkey)
    system.servers.valkey.start()
    assert (listed(system, "other"), listed(system, "work")) == (100, 0)  # all of it is wrong
    system.worker()
    invariants.check(system)
    invariants.all_completed(system)
    assert {row["attempt"] for row in system.jobs([*old, *new]).values()} == {1}


def test_a_redis_that_hangs_costs_no_lease_and_no_job(system: System):
    system.maintenance(lease=6)
    worker = system.worker(lease=6)
    with system.load() as load:
        load.until(20)
        with system.redis() as client:
            before = worker.events("dispatch.away")
            eventually(lambda: system.live(system.accepted))
            client.client_pause(8000, all=True)
        eventually(lambda: len(worker.events("dispatch.away")) > len(before), timeout=20)
        with (
            pytest.raises(redis.TimeoutError),
            redis.Redis.from_url(system.servers.valkey.url, socket_timeout=0.2) as client,
        ):
            client.ping()
        load.until(20)  # jobs are accepted all the same
    eventually(lambda: system.redis().ping(), timeout=20)
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)


def test_a_redis_without_memory_accepts_nothing_and_loses_nothing(system: System):
    system.maintenance(lease=6)
    system.worker(lease=6, queues="work")
    system.submit(200, seconds=0.1)
    system.until_running(10)
    with system.redis() as client:
        client.config_set("maxmemory", 1)
        with pytest.raises(redis.ResponseError, match="maxmemory"):
            client.set("more", 1)
    refused = system.submit(100)
    unserved = system.submit(100, "faults.other")
    assert listed(system, "other") == 0
    with system.redis() as client:
        client.config_set("maxmemory", 0)
    system.until_ended(refused)
    invariants.entries_agree(system)
    assert system.states(unserved) == {"queued": 100}
    system.worker(queues="other")
    invariants.check(system)
    invariants.all_completed(system)
    assert system.stalled() == 0
