"""What the operator says of a target that it can't or may not scale."""

import asyncio
import sys

import pytest
from tests.cluster.operator.kube import Kube, role_documents, server
from tests.cluster.operator.operator_process import OperatorProcess
from tests.cluster.operator.stage import Stage, until
from tests.fixtures.servers.proxy import Proxy
from tests.fixtures.waiting import eventually_async, lasts_async

pytestmark = pytest.mark.timeout(400)
"""A busy machine starts pods slowly."""


async def test_a_paused_pool_is_left_to_people(kube: Kube, stage: Stage, operator: OperatorProcess) -> None:
    stage.pool(paused=True, minReplicas=3)
    operator.start()
    await until(lambda: kube.get("workerpool", "io").get("status"), "it is seen")
    await lasts_async(2)
    assert kube.replicas() == 1
    kube.patch("workerpool/io", {"spec": {"paused": False}})
    await until(lambda: kube.replicas() == 3, "scaled again")


async def test_a_missing_deployment_is_named(kube: Kube, stage: Stage, operator: OperatorProcess) -> None:
    kube("delete", "deployment", "w")
    stage.pool()
    operator.start()

    def why() -> dict[str, str]:
        found = kube.get("workerpool", "io").get("status", {}).get("conditions", [{}])[0]
        return found if found.get("status") == "False" else {}

    found = await until(why, "Ready is false")
    assert (found["reason"], found["message"]) == ("TargetMissing", "there is no Deployment w")
    await asyncio.to_thread(stage.deploy)
    await until(lambda: kube.conditions()["Ready"], "found")


async def test_a_role_without_the_target_says_what_to_add(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    kube.apply(*role_documents(kube.namespace, ("another",)))
    stage.pool()
    operator.start()
    told = await until(lambda: kube.conditions().get("Forbidden"), "Forbidden")
    assert "add w to the operator's Role: resourceNames of deployments (get)" in told
    kube.apply(*role_documents(kube.namespace))
    await until(lambda: kube.conditions()["Forbidden"] == "", "granted")
    await until(lambda: kube.replicas() == 0, "and scaled")


async def test_the_younger_of_two_pools_is_not_scaled(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool("old", minReplicas=2, maxReplicas=2)
    await lasts_async(1.1)  # Kubernetes' times have whole seconds
    stage.pool("young", minReplicas=4, maxReplicas=4)
    operator.start()
    told = await until(lambda: kube.conditions("young").get("TargetTaken"), "TargetTaken")
    assert told == "the older pool old scales w: give this one another target"
    assert kube.replicas() == 2
    kube("delete", "workerpool", "old")
    await until(lambda: kube.replicas() == 4, "the young one takes over")
    assert kube.conditions("young")["TargetTaken"] == ""


async def test_an_autoscaler_on_the_same_deployment_shows(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool(minReplicas=2, maxReplicas=2)
    operator.start()
    for _ in range(3):
        await until(lambda: kube.replicas() == 2, "the pool's number")
        kube("scale", "deployment", "w", "--replicas=1")
        await lasts_async(1.5)
    told = await until(lambda: kube.conditions().get("TargetTaken"), "TargetTaken")
    assert "changed the number of workers 3 times" in told
    await lasts_async(2)
    assert kube.replicas() == 1


async def test_a_deleted_pool_lets_everybody_stay_and_nothing_hangs(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    stage.pool(minReplicas=2, maxReplicas=2)
    operator.start()
    await until(lambda: kube.get("deployment", "w")["status"].get("readyReplicas") == 2, "two workers")
    pods = {one["metadata"]["name"] for one in kube.pods()}
    await stage.occupy(pods, 1)
    stage.bounds(0, 1)
    leaving = await until(lambda: kube.get("workerpool", "io")["status"].get("draining"), "one drains")
    assert "finalizers" not in kube.get("workerpool", "io")["metadata"]
    kube("delete", "workerpool", "io", "--timeout=5s")

    async def nobody_drains() -> bool:
        return not (await stage.dispatch.drain_requests.all())["io"].workers

    await eventually_async(nobody_drains, timeout=10, interval=0.2)
    assert str(await stage.dispatch.drain_requests.of(leaving[0])) == "Unseal()"
    assert kube.replicas() == 2


async def test_workers_that_fail_are_told_of_with_kubernetes_reason(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    kube("delete", "deployment", "w")  # else it would be a rollout, in which nobody leaves
    await asyncio.to_thread(stage.deploy, command=["false"])
    stage.pool(minReplicas=1)
    operator.start()
    stage.queued = 400
    told = await until(lambda: kube.conditions().get("WorkersFailing"), "WorkersFailing", 90)
    assert "(CrashLoopBackOff)" in told or "(Error)" in told


async def test_workers_that_no_node_takes_are_told_of_with_the_schedulers_reason(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    kube("delete", "deployment", "w")  # else it would be a rollout, in which nobody leaves
    await asyncio.to_thread(stage.deploy, pod={"nodeSelector": {"corral.dev/none": "such"}})
    stage.pool(minReplicas=1)
    operator.start()
    stage.queued = 400
    told = await until(lambda: kube.conditions().get("Unschedulable"), "Unschedulable", 90)
    assert "node(s) didn't match Pod's node affinity/selector" in told
    stage.queued = 0
    kube.patch("workerpool/io", {"spec": {"minReplicas": 0}})
    await until(lambda: kube.replicas() == 0, "they are taken back without a question")


async def test_an_api_server_that_is_away_changes_nothing_and_is_survived(
    kube: Kube, stage: Stage, account: str, redis_url: str
) -> None:
    with Proxy(server()) as proxy:
        config = kube.kubeconfig_of("corral-operator", proxy.url)
        operator = OperatorProcess(kube, config, redis_url)
        operator.start()
        try:
            stage.pool(minReplicas=2, maxReplicas=5)
            await until(lambda: kube.replicas() == 2, "scaled")
            for broken in (proxy.cut, proxy.freeze):
                broken()
                stage.bounds(2, 5)
                stage.queued = 400
                await lasts_async(20)
                assert operator.ask("/healthz")[0] == 200
                assert kube.replicas() == 2
                proxy.heal()
                await until(lambda: kube.replicas() == 5, "it goes on")
                stage.queued = 0
                await until(lambda: kube.replicas() == 2, "and down again")
            assert stage.interrupted == []
        finally:
            operator.stop()
            sys.stdout.write(operator.log[-20_000:])
