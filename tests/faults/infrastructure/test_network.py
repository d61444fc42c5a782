"""The network between a worker, the leader and the two servers: cut, half-open, slow."""

from tests.faults import invariants
from tests.faults.infrastructure.test_postgres import reclaiming
from tests.faults.system import System
from tests.faults.workers import late_claim
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually


def test_a_worker_cut_off_from_postgres_is_replaced_and_comes_back(system: System, postgres: Proxy):
    system.maintenance()
    away = system.worker(database_url=postgres.url)
    jobs = system.submit(10, until="go")
    system.until_running(10)
    assert postgres.cut() > 1
    assert system.live(jobs) == {"running": 10}
    system.let_end()
    other = system.worker()
    eventually(lambda: system.lost_workers() >= 1, timeout=60)
    system.until_ended(jobs)
    postgres.heal()
    eventually(lambda: away.said("worker.registered_anew"), timeout=60)
    invariants.check(system)
    invariants.all_completed(system)
    other.kill()
    invariants.work_flows(system)


def test_a_worker_whose_connections_to_postgres_went_silent_is_replaced_and_comes_back(
    system: System, postgres: Proxy
):
    system.maintenance()
    away = system.worker(database_url=postgres.url)
    jobs = system.submit(10, until="go")
    system.until_running(10)
    assert postgres.freeze() > 1
    postgres.heal()  # new connections work; those that were open never say another word
    assert system.live(jobs) == {"running": 10}
    system.let_end()
    other = system.worker()
    eventually(lambda: away.said("worker.registered_anew"), timeout=60)
    invariants.check(system)
    invariants.all_completed(system)
    other.kill()
    invariants.work_flows(system)


def test_a_leader_whose_connections_to_postgres_went_silent_does_its_duties_again(
    system: System, postgres: Proxy
):
    leader = system.maintenance(database_url=postgres.url)
    worker = system.worker()
    invariants.work_flows(system)
    assert postgres.freeze() > 1
    postgres.heal()
    jobs = system.submit(10, until="go")
    system.until_running(10)
    worker.kill()
    hit = system.live(jobs)["running"]
    assert hit == 10
    system.let_end()
    system.worker()
    eventually(lambda: system.stalled() >= hit, timeout=60)
    invariants.check(system)
    invariants.all_completed(system)
    assert leader.alive


def test_a_leader_whose_transaction_went_silent_begins_another(system: System, postgres: Proxy):
    leader = system.maintenance(database_url=postgres.url)
    worker = system.worker()
    jobs = system.submit(5, until="go")
    system.until_running(5)
    worker.kill()
    system.let_end()
    with system.connection() as connection:
        connection.execute("LOCK TABLE corral.jobs IN ACCESS EXCLUSIVE MODE")
        eventually(lambda: reclaiming(system), timeout=20)
        assert postgres.freeze() > 1
        postgres.heal()
        connection.rollback()
    system.worker()
    system.until_ended(jobs)
    invariants.check(system)
    invariants.all_completed(system)
    assert leader.alive


def test_a_worker_cut_off_from_redis_finishes_what_it_holds_and_comes_back(system: System, redis: Proxy):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, redis_url=redis.url)
    jobs = system.submit(10, until="go")
    system.until_running(10)
    assert redis.cut() > 1
    assert system.live(jobs) == {"running": 10}
    system.let_end()
    system.until_ended(jobs)
    waiting = system.submit(10)
    eventually(lambda: worker.said("dispatch.away"))
    redis.heal()
    system.until_ended(waiting, seconds=15)
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)


def test_a_worker_whose_connections_to_redis_went_silent_comes_back(system: System, redis: Proxy):
    system.maintenance(lease=6)
    worker = system.worker(lease=6, redis_url=redis.url)
    jobs = system.submit(10, until="go")
    system.until_running(10)
    assert redis.freeze() > 1
    redis.heal()
    assert system.live(jobs) == {"running": 10}
    system.let_end()
    waiting = system.submit(10)
    system.until_ended([*jobs, *waiting], seconds=30)
    eventually(lambda: worker.said("dispatch.away") or not system.live(system.accepted))
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)


def test_a_slow_network_costs_time_and_nothing_else(system: System, postgres: Proxy, redis: Proxy):
    system.maintenance(lease=6, database_url=postgres.url, redis_url=redis.url)
    system.worker(lease=6, database_url=postgres.url, redis_url=redis.url)
    assert postgres.delay(0.2) > 1
    assert redis.delay(0.2) > 1
    with system.load(every=0.1, count=10) as load:
        load.until(200)
        eventually(lambda: system.live(system.accepted))
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)


def test_a_claim_that_commits_after_its_connection_was_cut_is_given_back(system: System, postgres: Proxy):
    system.maintenance(lease=10)  # while it is cut off it is silent
    worker = system.worker(lease=10, database_url=postgres.url)
    jobs = late_claim.claimed_behind_its_back(system, worker, postgres)
    system.until_ended(jobs, seconds=30)  # found by the heartbeat after ten
    assert {(row["attempt"], row["releases"]) for row in system.jobs(jobs).values()} == {(2, 1)}
    invariants.check(system)
    invariants.all_completed(system)
    assert (system.lost_workers(), system.stalled()) == (0, 0)
