"""The operator on a real API server: it scales, and takes away nobody who holds a job."""

import asyncio
import sys

import pytest
import redis
from tests.cluster.operator.kube import Kube
from tests.cluster.operator.operator_process import OperatorProcess
from tests.cluster.operator.stage import Stage, until
from tests.fixtures.waiting import lasts_async

pytestmark = pytest.mark.timeout(400)
"""A busy machine starts pods slowly."""


def ready(kube: Kube) -> int:
    return kube.get("deployment", "w")["status"].get("readyReplicas", 0)


def names(kube: Kube) -> set[str]:
    return {one["metadata"]["name"] for one in kube.pods()}


async def grown(kube: Kube, stage: Stage, workers: int) -> set[str]:
    """So many ready workers, by the pool's minimum; what was learned of loads plays no part."""
    stage.bounds(workers, workers)
    await until(lambda: ready(kube) == workers == len(kube.pods()), f"{workers} workers are ready")
    return names(kube)


async def test_a_burst_scales_up_and_idle_workers_leave(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool()
    operator.start()
    await until(lambda: kube.conditions().get("Ready"), "the pool is accepted")
    await until(lambda: kube.replicas() == 0, "nothing to do: no worker")
    stage.queued = 400
    await until(lambda: kube.replicas() == 5, "a burst asks for the maximum", 10)
    await until(lambda: ready(kube) == 5, "they are ready")
    stage.queued = 0
    busy = {one["metadata"]["name"] for one in kube.pods()[:2]}
    stage.holding = dict.fromkeys(busy, 1)
    await until(lambda: names(kube) == busy, "the idle ones left")
    stage.holding = {}
    await until(lambda: kube.replicas() == 0, "to zero")
    assert stage.interrupted == []
    status = kube.get("workerpool", "io")["status"]
    assert status["desired"] == 0
    assert status["lastScaleTime"]
    events = {one["reason"] for one in kube.get("events")["items"] if one["involvedObject"]["name"] == "io"}
    assert {"Scaled", "Limited"} <= events
    _, decisions = await stage.dispatch.pools.decisions_after()
    assert (decisions[0].before, max(one.after for one in decisions), decisions[-1].after) == (1, 5, 0)
    assert operator.metric("corral_operator_decisions_total") >= 3
    assert operator.ask("/healthz") == (200, "ok\n")
    assert operator.stop() == 0


async def test_the_sealed_one_is_taken_and_not_another(
    kube: Kube, stage: Stage, operator: OperatorProcess, redis_url: str
) -> None:
    """Also when Redis is wiped between the seal and the change: then it is asked again."""
    stage.pool(minReplicas=4, maxReplicas=4)
    operator.start()
    workers = await grown(kube, stage, 4)
    written = kube.get("deployment", "w", "--show-managed-fields")["metadata"]["managedFields"]
    assert "corral-operator" in {one["manager"] for one in written if one.get("subresource") == "scale"}
    busy = set(list(workers)[:3])
    stage.holding = dict.fromkeys(busy, 2)
    await until(
        lambda: "6 jobs run" in kube.get("workerpool", "io")["status"]["reason"], "who is busy is known"
    )
    stage.bounds(3, 3)
    await until(lambda: bool(stage.sealed), "the idle worker is asked to seal")
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    await until(lambda: kube.replicas() == 3 and names(kube) == busy, "it leaves")
    assert stage.interrupted == []


async def test_eight_idle_workers_leave_though_each_answers_slowly_and_was_chosen_alone(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool(maxReplicas=8)
    stage.slow = 3.0
    operator.start()
    await grown(kube, stage, 8)
    for minimum in range(7, -1, -1):
        stage.bounds(minimum, 8)
        await lasts_async(1.3)
    await until(lambda: kube.replicas() == 0 and not kube.pods(), "to zero")
    assert stage.interrupted == []


async def test_what_holds_a_scale_down_is_told(kube: Kube, stage: Stage, operator: OperatorProcess) -> None:
    stage.pool()
    operator.start()
    workers = await grown(kube, stage, 2)
    stage.deaf = True
    stage.bounds(0, 5)

    def reason() -> str:
        return kube.get("workerpool", "io")["status"]["reason"]

    await until(lambda: "2 of 2 workers are to leave" in reason(), "at once, in the status", 20)
    told = await until(lambda: kube.conditions().get("ScaleDownHeld"), "as a condition", 120)
    assert all(name in told for name in workers)
    events = [one for one in kube.get("events")["items"] if one["reason"] == "ScaleDownHeld"]
    assert [one["type"] for one in events] == ["Warning"]
    stage.deaf = False
    await until(lambda: kube.replicas() == 0, "they leave")
    await until(lambda: not kube.conditions()["ScaleDownHeld"], "the condition ends")


async def test_load_that_comes_back_keeps_those_that_were_leaving(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool()
    operator.start()
    workers = await grown(kube, stage, 3)
    await stage.occupy(workers, 1)
    stage.bounds(1, 3)
    await until(lambda: len(kube.get("workerpool", "io")["status"].get("draining", ())) == 2, "two drain")
    stage.bounds(3, 3)
    await until(lambda: not kube.get("workerpool", "io")["status"]["draining"], "both stay")
    assert names(kube) == workers
    requested = await stage.dispatch.drain_requests.all()
    assert requested["io"].workers == frozenset()


async def test_a_rollout_cancels_drains_and_nobody_is_taken_meanwhile(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool()
    operator.start()
    workers = await grown(kube, stage, 2)
    await stage.occupy(workers, 1)
    stage.bounds(1, 2)
    await until(lambda: kube.get("workerpool", "io")["status"].get("draining"), "one drains")
    # A template whose pods never become ready: the rollout does not end by itself.
    await asyncio.to_thread(stage.deploy, command=["false"])
    await until(lambda: not kube.get("workerpool", "io")["status"]["draining"], "the drain is cancelled")
    stage.holding = {}
    stage.bounds(3, 4)
    await until(lambda: kube.replicas() == 3, "it may grow")
    stage.bounds(0, 4)
    await lasts_async(5)
    assert kube.replicas() == 3
    await asyncio.to_thread(stage.deploy)
    await until(lambda: kube.replicas() == 0, "once it is over, workers leave")


async def test_an_operator_that_was_killed_is_followed_by_one_that_goes_on(
    kube: Kube, stage: Stage, operator: OperatorProcess, account: str, redis_url: str
) -> None:
    stage.pool()
    operator.start()
    workers = await grown(kube, stage, 2)
    await stage.occupy(workers, 1)
    stage.bounds(0, 1)
    leaving = await until(lambda: kube.get("workerpool", "io")["status"].get("draining"), "one drains")
    other = OperatorProcess(kube, account, redis_url, name="operator-b")
    other.start()
    try:
        await until(lambda: other.ask("/healthz")[0] == 200, "the other waits")
        assert other.metric("corral_operator_leads ") == 0
        operator.stop(9)
        await until(lambda: other.metric("corral_operator_leads ") == 1, "the other takes over")
        await lasts_async(2)
        assert (await stage.dispatch.drain_requests.all())["io"].workers == frozenset(leaving)
        stage.holding.pop(leaving[0])
        await until(lambda: names(kube) == workers - set(leaving), "it goes on with the one that drained")
        assert stage.interrupted == []
    finally:
        other.stop()
        sys.stdout.write(other.log[-20_000:])


async def test_a_lost_signal_holds(kube: Kube, stage: Stage, operator: OperatorProcess) -> None:
    stage.pool()
    operator.start()
    workers = await grown(kube, stage, 2)
    stage.silent = True
    await until(lambda: kube.conditions().get("SignalLost"), "it is said")
    stage.bounds(0, 5)
    await lasts_async(3)
    assert names(kube) == workers
    assert kube.conditions()["Ready"]
    stage.silent = False
    await until(lambda: kube.replicas() == 0, "it goes on")
    assert kube.conditions()["SignalLost"] == ""
