"""The signal for whoever scales workers."""

import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from tests.fixtures.clock import Clock
from tests.integration.maintenance.conftest import EMAIL, TYPE, Shop

from corral.dispatch import Dispatch
from corral.ids import new_id
from corral.job.limit_use import LimitUse, group_of
from corral.job.outcome import Finished, Succeeded
from corral.maintenance.duties.backlog_signal import ArrivalCounts, BacklogSignalDuty, signal_of
from corral.maintenance.leadership import LeaderCandidate, Reign
from corral.scaling.limited_signal import BindingLimit, Bound
from corral.scaling.signal import QueueSignal, TypeSignal
from corral.store import Store
from corral.store.statistics.backlog import QueueBacklog, ServiceTime

DECLARE = "INSERT INTO corral.limits (name, declared, version) VALUES ('openai', '{\"total\": 3}', '1')"
GROUP = group_of(EMAIL.queue, EMAIL.priority, ["openai"])


@pytest.fixture
def duty(store: Store, dispatch: Dispatch, clock: Clock) -> BacklogSignalDuty:
    return BacklogSignalDuty(store, dispatch, clock=clock)


async def email(dispatch: Dispatch) -> QueueSignal:
    signal = await dispatch.backlog.read()
    assert signal is not None
    return signal.queues.get("email", QueueSignal())


async def test_the_signal_says_what_waits_and_what_runs(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch
):
    await shop.submit(3, enqueue=True)
    await shop.submit(1, delay=5)
    await shop.submit(1, delay=500)
    await shop.claim(await shop.worker(), await shop.submit(2))
    await duty.round(reign)
    found = await email(dispatch)
    assert (found.queued, found.running, found.due_soon, found.unknown) == (3, 2, 1, 3)


async def test_every_few_seconds_the_metrics_say_how_many_jobs_each_queue_holds(
    shop: Shop, store: Store, dispatch: Dispatch, reign: Reign, clock: Clock
):
    duty = BacklogSignalDuty(store, dispatch, clock=clock)
    assert duty.period <= 5
    waiting = await shop.submit(3, enqueue=True)
    await duty.round(reign)
    assert jobs("queued") == 3
    await shop.claim(await shop.worker(), [*await shop.pop(room=1)])
    clock.pass_by(5)
    await duty.round(reign)
    assert (jobs("queued"), jobs("running")) == (len(waiting) - 1, 1)


def jobs(state: str) -> float | None:
    return REGISTRY.get_sample_value("corral_queue_jobs", {"queue": "email", "state": state})


async def test_the_sequence_rises_with_every_round_and_every_term(
    store: Store, dispatch: Dispatch, duty: BacklogSignalDuty, reign: Reign, clock: Clock
):
    sequences = []
    for _ in range(2):
        await duty.round(reign)
        sequences.append((await dispatch.backlog.read()).sequence)
    await reign.give_up()
    successor = await LeaderCandidate(store.leases, "next").look()
    assert successor is not None
    await BacklogSignalDuty(store, dispatch, clock=clock).round(successor)
    sequences.append((await dispatch.backlog.read()).sequence)
    assert sequences == sorted(set(sequences))


async def test_between_two_questions_to_postgres_redis_counts(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch
):
    await shop.submit(2, enqueue=True)
    await duty.round(reign)
    duty._ask_at = float("inf")
    await shop.submit(5, enqueue=True)
    await duty.round(reign)
    assert (await email(dispatch)).queued == 7
    await shop.pop()
    await duty.round(reign)
    assert (await email(dispatch)).queued == 0


async def test_a_list_stays_as_long_until_postgres_says_that_what_was_claimed_is_done(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch, redis: Redis
):
    """Else who scales by its length would end the workers that run what was claimed a moment ago."""
    worker = await shop.worker()
    await duty.round(reign)
    duty._ask_at = duty._ask_early_at = float("inf")
    jobs = await shop.submit(5, enqueue=True)
    await duty.round(reign)
    await shop.pop()
    claimed = await shop.claim(worker, jobs)
    await duty.round(reign)
    assert (await email(dispatch)).queued == 0
    assert await redis.llen("corral:demand:email") == 5
    await shop.store.attempts.finish(worker, [Finished(job.id, job.attempt, Succeeded()) for job in claimed])
    duty._ask_at = 0
    await duty.round(reign)
    assert not await redis.exists("corral:demand:email")


async def test_rows_that_redis_does_not_know_are_counted(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch
):
    await shop.submit(4)
    await duty.round(reign)
    assert (await email(dispatch)).queued == 4


async def test_postgres_is_asked_again_when_its_answer_is_old(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch, clock: Clock
):
    await duty.round(reign)
    await shop.submit(4)
    await duty.round(reign)
    assert (await email(dispatch)).queued == 4, "an answer that took no time is trusted for none"
    duty._ask_at = clock.now + 10
    await shop.submit(4)
    await duty.round(reign)
    assert (await email(dispatch)).queued == 4
    clock.pass_by(10)
    await duty.round(reign)
    assert (await email(dispatch)).queued == 8


async def test_postgres_is_asked_at_once_for_the_types_of_a_burst_into_an_empty_queue(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch, clock: Clock
):
    jobs, worker = await shop.submit(3), await shop.worker()
    claimed = await shop.claim(worker, jobs)
    await shop.store.attempts.finish(worker, [Finished(job.id, job.attempt, Succeeded()) for job in claimed])
    await duty.round(reign)
    duty._ask_at, duty._ask_early_at = clock.now + 10, clock.now + 1
    await shop.submit(40, enqueue=True)
    await duty.round(reign)
    assert (await email(dispatch)).unknown == 40, "Postgres was asked a moment ago"
    clock.pass_by(1)
    await duty.round(reign)
    assert (await email(dispatch)).unknown == 0


async def test_work_is_learned_from_completed_jobs(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch
):
    jobs, worker = await shop.submit(3), await shop.worker()
    claimed = await shop.claim(worker, jobs)
    await shop.store.database.run("UPDATE corral.jobs SET started_at = started_at - interval '2 seconds'")
    await shop.store.attempts.finish(worker, [Finished(job.id, job.attempt, Succeeded()) for job in claimed])
    await shop.submit(10, enqueue=True)
    await duty.round(reign)
    found = await email(dispatch)
    assert found.work == pytest.approx(20, rel=0.5)
    assert found.unknown == 0


async def test_a_wiped_redis_has_no_negative_arrivals(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch, redis: Redis
):
    await shop.submit(50, enqueue=True)
    await duty.round(reign)
    await redis.flushall()
    await shop.submit(1, enqueue=True)
    await duty.round(reign)
    assert (await email(dispatch)).arrivals == 0


def test_arrivals_are_a_mean_over_the_last_seconds():
    arrivals = ArrivalCounts(seconds=4)
    assert arrivals.rates({"email": 100}) == {"email": 0}
    assert arrivals.rates({"email": 104}) == {"email": 2}
    for _ in range(4):
        last = arrivals.rates({"email": 104})
    assert last == {"email": 0}


def test_a_type_counts_as_known_after_three_completions():
    truth = QueueBacklog("email", queued=10, mix={"a": 0.5, "b": 0.5})
    service = {"a": ServiceTime(3, 2.0, 0.0), "b": ServiceTime(2, 9.0, 0.0)}
    signal = signal_of(truth, service, queued=10, since=0.0)
    assert (signal.work, signal.unknown) == (10.0, 5)


def test_running_jobs_are_told_by_type_with_the_time_they_have_run():
    truth = QueueBacklog("email", running=2, elapsed={"a": [1.0, 3.0]})
    signal = signal_of(truth, {"a": ServiceTime(4, 2.0, 0.5)}, queued=0, since=0.5)
    assert signal.types == {
        "a": TypeSignal(completed=4, mean=2.0, variance=0.5, share=0.0, running=2, elapsed=(3.0, 1.0))
    }


def test_types_that_completed_here_are_told_when_none_waits():
    signal = signal_of(QueueBacklog("email"), {"a": ServiceTime(4, 2.0, 0.5)}, queued=0, since=0.0)
    assert signal.types == {"a": TypeSignal(completed=4, mean=2.0, variance=0.5)}


def test_a_paused_queue_is_told_as_paused():
    assert signal_of(QueueBacklog("email", paused=True), {}, queued=3, since=0.0).paused


async def test_every_signal_tells_of_the_workers_that_live(
    shop: Shop, store: Store, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch
):
    busy, idle, gone = [await shop.worker(name) for name in ("busy", "idle", "gone")]
    await shop.claim(busy, await shop.submit(2))
    await duty.round(reign)
    duty._ask_at = float("inf")  # jobs are counted later; workers are asked for all the same
    await store.workers.drain("idle", "ann")
    await store.workers.stop(gone)
    await duty.round(reign)
    signal = await dispatch.backlog.read()
    assert signal is not None
    assert {name: (one.id, one.running, one.state) for name, one in signal.workers.items()} == {
        "busy": (str(busy), 2, "active"),
        "idle": (str(idle), 0, "draining"),
    }
    assert all(0 <= one.alive_for < 60 for one in signal.workers.values())


async def test_of_two_incarnations_of_a_name_the_latest_is_told(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch
):
    await shop.worker("w")
    again = await shop.worker("w")
    await duty.round(reign)
    signal = await dispatch.backlog.read()
    assert signal is not None
    assert [one.id for one in signal.workers.values()] == [str(again)]


async def test_the_signal_tells_what_limits_let_start_and_hold(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch, store: Store
):
    await store.database.run(DECLARE)
    openai = (LimitUse("openai"),)
    await shop.submit(7, enqueue=True)
    await shop.submit(32, limits=openai)
    claimed = await store.limit_claims.claim(await shop.worker(), new_id(), {GROUP: 2}, [TYPE], alone=False)
    assert len(claimed.claimed) == 2
    await dispatch.rings.join({(EMAIL, GROUP): 32})
    await duty.round(reign)
    found = await email(dispatch)
    limited = found.limited
    assert limited is not None
    assert (found.queued, found.waiting, found.running) == (7 + 1, 7 + 30, 2)
    assert (limited.queued, limited.held, limited.running, limited.ceiling) == (1, 29, 2, 3)
    assert (limited.arrived, limited.shared) == (32, "openai")
    assert limited.binding == BindingLimit("openai", Bound.TOTAL, 3)
    assert jobs("queued") == 37


async def test_postgres_is_asked_at_once_when_limited_jobs_arrive(
    shop: Shop, duty: BacklogSignalDuty, reign: Reign, dispatch: Dispatch, clock: Clock
):
    await shop.store.database.run(DECLARE)
    await duty.round(reign)
    duty._ask_at, duty._ask_early_at = clock.now + 60, clock.now + 1
    await shop.submit(1, limits=(LimitUse("openai"),))
    await dispatch.rings.join({(EMAIL, GROUP): 1})
    clock.pass_by(1)
    await duty.round(reign)
    assert (await email(dispatch)).queued == 1
